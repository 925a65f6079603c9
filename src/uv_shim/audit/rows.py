"""Rows: for each package of the plan, will it come from the cache, and if not, why, and what is to be done?

Two that know nothing of each other answer: uv's plan, and this reading of the cache. uv decides; the reading explains. Where they differ,
the row says so, and is unknown where it is the download that decides, which looks in the cache once more than uv's plan does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from uv_shim.audit import buckets, cache, digests, indexes, wheels
from uv_shim.audit.cache import Cache, Entry
from uv_shim.audit.kinds import NOTHING, Refused
from uv_shim.audit.lock import File, Lock, Package
from uv_shim.audit.plan import Plan, Planned
from uv_shim.audit.pointers import Unreadable
from uv_shim.plan import without_credentials

HIT, MISS, UNKNOWN = "hit", "miss", "unknown"

#: How far away from what is wanted an entry is that differs in this; the one that is nearest gives the reason.
_WEIGHTS = {
    "no-hash": 1, "other-algorithm": 2, "other-hash": 2.5, "archive-gone": 3, "unreadable": 4,
    "other-index": 10, "direct-url": 11, "index-entry": 11, "other-url": 12, "other-bucket": 20,
    "other-cache": 30, "other-file": 60, "other-version": 200,
}

#: From this uv on, the hash of the very file that it takes must be known; before, that of any file of the version will do.
_HASH_BY_FILE = (0, 9, 19)

#: So many of those who ask for a package are named.
_ASKERS = 4

#: From this uv on, an entry whose unpacked files are gone is none; before, uv takes it for one, and then fails to install it.
_LOOKS_FOR_ARCHIVES = (0, 6, 0)

#: What to do about each reason. Hits need nothing.
TODO: Mapping[str, str] = {
    "absent": "Nothing has put it there yet: the next `uv sync` will. In Docker or CI, keep the cache between runs (a cache mount), and "
              "the same one.",
    "no-hash": "A `uv pip install`, `uv tool install` or `uv run --with` of a uv before 0.11.19 has put it there. Install through uv-shim, "
               "or with a newer uv: then the hash is kept with the file. `uv sync` mends it once, by downloading.",
    "other-hash": "The file under that name was another one: it was replaced on the index, or another index stands behind the same URL. "
                  "Find out which one is right; then `uv cache clean <name>`, or `uv lock --upgrade-package <name>`.",
    "other-algorithm": "uv.lock names a kind of hash that uv does not compute by itself: `uv sync` keeps it, once it has downloaded the "
                       "file.",
    "other-version": "The install resolved otherwise than uv.lock. Install what is locked: `uv sync`, or "
                     "`uv export --frozen | uv pip install -r -`.",
    "other-file": "Use the same Python and platform for the install and for the sync (and the same --no-binary and --no-build).",
    "other-index": "Use one URL everywhere: in uv.lock, UV_DEFAULT_INDEX or UV_INDEX_URL, and the configuration; to the letter.",
    "index-unlisted": "Tell this uv of the index as uv.lock has it (UV_DEFAULT_INDEX, --default-index or [[tool.uv.index]], in a workspace "
                      "in the pyproject.toml of its root), or lock with the one that is configured.",
    "direct-url": "Install it by name from the index, or lock it by that URL ([tool.uv.sources]).",
    "index-entry": "Install it by that URL, or lock it by name from the index.",
    "other-url": "Use one URL everywhere, to the letter: also what follows `#` and `?`.",
    "archive-gone": "Its files were removed from archive-v0, but not the entry for them: `uv cache clean <name>` tidies up. Remove files "
                    "of the cache with `uv cache` only.",
    "other-bucket": "Use one version of uv for the install and for the sync, or two that share their buckets.",
    "other-cache": "Let both use the same cache (UV_CACHE_DIR, a cache mount, the same HOME and user).",
    "unreadable": "`uv cache clean <name>` removes the entry; the next `uv sync` makes it anew.",
    "built-again": "Let `uv sync` build it once with this Python: it keeps what it has built.",
    "newer-format": "A newer uv-shim knows it.",
    "no-cache": "Leave out --no-cache (UV_NO_CACHE, no-cache in the configuration).",
    "refresh": "Leave out --refresh and --reinstall: with them uv asks the index again whether the file has changed.",
    "git": "Nothing has put this commit there yet: the next `uv sync` will.",
    "no-file": "`uv sync` says more.",
    "not-locked": "`uv lock`.",
    "disagree": "Please report it, with `uv-shim audit --package <name> --json`.",
}


class Near(NamedTuple):
    """An entry of a cache that comes close to what is wanted."""

    entry: Entry
    #: In what it differs; nothing: it is the one.
    differences: tuple[str, ...]
    #: The same in words.
    words: str


@dataclass(frozen=True)
class Row:
    """What will happen to one package."""

    name: str
    version: str | None
    #: hit, miss or unknown.
    verdict: str
    #: A word for machines.
    reason: str
    #: The same for people.
    why: str
    #: What to do about it; empty for hits.
    todo: str
    #: The file that uv would take; None where it is none, or cannot be told.
    file: str | None
    #: What a download costs, where that is known.
    size: int | None
    #: Where uv.lock has it from.
    source: str
    #: What uv's plan says: cached, download, installed, revalidate; None where uv has no such plan.
    planned: str | None
    #: Our reading of the cache says the same; None where one of the two says nothing.
    agrees: bool | None
    near: tuple[Near, ...] = ()

    @property
    def downloads(self) -> bool:
        """Whether it has to be reckoned with that it is downloaded."""
        return self.verdict != HIT


class _Reading(NamedTuple):
    verdict: str
    reason: str
    why: str
    near: tuple[Near, ...] = ()


class Auditor:
    """Reads one cache for one uv, one lock file and one Python."""

    def __init__(self, folder: Cache | None, version: tuple[int, int, int], lock: Lock, python: wheels.Python | wheels.CannotTell, *,
                 known: Sequence[str], members: Mapping[str, str] | None = None, no_binary: Refused = NOTHING,
                 no_build: Refused = NOTHING, others: Sequence[Cache] = ()) -> None:
        self._cache = folder
        self._buckets = buckets.of(version)
        self._lock = lock
        self._python = python
        self._no_binary = no_binary
        self._no_build = no_build
        self._known = known
        self._members = members or {}
        self._by_file = version >= _HASH_BY_FILE
        self._stops = version < _LOOKS_FOR_ARCHIVES
        self._git = buckets.git(version)
        self._others = others
        self._newer = None if folder is None or self._buckets.certain else _newer_bucket(folder)

    def rows(self, plan: Plan) -> Iterator[Row]:
        """One for each package of the plan, in its order."""
        for planned in plan.packages:
            yield self._row(planned)

    def _row(self, planned: Planned) -> Row:
        environment = None if isinstance(self._python, wheels.CannotTell) else self._python.environment
        found = self._lock.find(planned.name, planned.version, planned.url, environment)
        package = found[0] if len(found) == 1 else None
        file = self._file(package) if package else None
        if package:
            reading = self._read(package, file)
        elif found:
            reading = _Reading(UNKNOWN, "no-file", "uv.lock has several of it, and uv does not say which it takes")
        else:
            reading = _Reading(UNKNOWN, "not-locked", "uv.lock does not have it")
        size = file.size if file else None
        if size is None:
            size = next((near.entry.pointer.size for near in reading.near if not {"other-file", "other-version"} & {*near.differences}
                         and not isinstance(near.entry.pointer, Unreadable)), None)
        verdict, reason, why, agrees = _decided(planned.what, reading)
        return Row(planned.name, package.version if package else planned.version, verdict, reason, why,
                   TODO.get(reason, "") if verdict != HIT else "", file=file.name if file else None,
                   size=0 if package and not package.remote else size,
                   source=without_credentials((package.source if package else planned.url) or ""),
                   planned=planned.what, agrees=agrees, near=reading.near)

    def _file(self, package: Package) -> File | None:
        if isinstance(self._python, wheels.CannotTell) or package.kind not in ("registry", "url"):
            return None
        if package.kind == "url":
            return package.wheels[0] if package.wheels else package.sdist
        return wheels.chosen(package, self._python, wheels=not self._no_binary.concerns(package.name),
                             sdists=not self._no_build.concerns(package.name))

    def _read(self, package: Package, file: File | None) -> _Reading:
        if package.kind == "git":
            return self._read_git(package)
        if not package.remote:
            return _Reading(HIT, "local", f"it is on this machine ({package.kind} {package.source}): nothing is downloaded for it")
        if self._cache is None:
            return _Reading(MISS, "no-cache", "uv is told to use no cache")
        if isinstance(self._python, wheels.CannotTell):
            return _Reading(UNKNOWN, "no-file", f"which file uv takes cannot be told: {self._python}")
        if file is None:
            return _Reading(UNKNOWN, "no-file", f"uv.lock has no file of it for {self._python.version} here")
        if self._newer:
            return _Reading(UNKNOWN, "newer-format", f"{self._newer} is newer than this uv-shim, and so may be what this uv reads")
        place = self._place(package)
        for bucket in (self._buckets.wheels, self._buckets.sdists):
            closed = self._cache.closed(bucket, place, package.name)
            if closed:
                return _Reading(UNKNOWN, "unreadable", f"what {bucket} has of it cannot be looked into: {closed}")
        near = sorted(self._near(package, file), key=lambda one: (sum(_WEIGHTS[what] for what in one.differences), str(one.entry.path)))
        if not near:
            return _Reading(MISS, "absent", "not in the cache")
        best = near[0]
        if best.differences:
            reason = max(best.differences, key=_WEIGHTS.__getitem__)
            return _Reading(UNKNOWN if reason == "unreadable" else MISS, reason, best.words, tuple(near))
        if package.kind == "registry" and package.source not in self._known:
            return self._unlisted(package, tuple(near))
        if not file.name.endswith(".whl") and not self._fit(best.entry.built):
            does = ("what was built of its sdist for this Python is in the cache, but not unpacked (`uv cache prune --ci`): uv unpacks it"
                    if self._fit(best.entry.kept) else
                    "its sdist is in the cache, what was built of it for this Python is not: uv builds it again, from there")
            return _Reading(UNKNOWN, "built-again", f"{does} if the index lets the file be kept that long, else it downloads", tuple(near))
        return _Reading(HIT, "cached", "in the cache", tuple(near))

    def _unlisted(self, package: Package, near: tuple[Near, ...]) -> _Reading:
        told = min(self._known, key=lambda url: digests.digest(url) != digests.digest(package.source), default="")
        source = without_credentials(package.source)
        if source in self._members:
            by = f"it is {self._members[source]} alone that names this index, and not the project at the root"
        elif told:
            by = f"this uv is told of {without_credentials(told)} ({indexes.difference(told, package.source)})"
        else:
            by = "this uv is told of none"
        return _Reading(UNKNOWN, "index-unlisted", f"in the cache for {source}, but {by}: uv's plan does not look there, its download "
                        "does, and takes it if the index lets it be kept that long", near)

    def _read_git(self, package: Package) -> _Reading:
        if self._cache is None:
            return _Reading(MISS, "no-cache", "uv is told to use no cache")
        commit = package.source.rpartition("#")[2]
        # Below a digest of the repository's URL, which newer uvs make otherwise; the commit says enough.
        checkouts = (self._cache.folder / self._git / "checkouts").glob(f"*/{commit[:7]}*")
        # As short as git has it, which is longer in a large repository.
        if len(commit) >= 40 and any(commit.startswith(path.name) for path in checkouts):
            return _Reading(HIT, "checked-out", "its commit is in the cache")
        return _Reading(MISS, "git", "its commit is not in the cache")

    def _near(self, package: Package, file: File) -> Iterator[Near]:
        here = self._cache
        assert here is not None  # noqa: S101  # `_read` has looked
        seen = set()
        for found, folder in self._entries(package, here):
            if found.path not in seen:
                seen.add(found.path)
                near = self._compared(package, file, found, folder)
                # What another cache has is of use only if it is just what is wanted.
                if folder is here or set(near.differences) <= {"other-cache", "no-hash"}:
                    yield near

    def _entries(self, package: Package, here: Cache) -> Iterator[tuple[Entry, Cache]]:
        for folder in (here, *self._others):
            if package.kind == "url":
                for bucket in (self._buckets.wheels, self._buckets.sdists):
                    yield from ((entry, folder) for entry in folder.from_url(bucket, package.source, package.name))
            yield from ((entry, folder) for entry in folder.entries(package.name))

    def _compared(self, package: Package, file: File, entry: Entry, folder: Cache) -> Near:
        wheel = file.name.endswith(".whl")
        place = self._place(package)
        kept = self._buckets.wheels if entry.filename else self._buckets.sdists
        # What was built of an sdist was once as good to uv as the wheel of that name.
        same_file = entry.filename is None and not wheel
        if wheel:
            unread = isinstance(entry.pointer, Unreadable) and entry.path.stem == digests.stem(file.name)
            names = (entry.filename, *(() if self._by_file else entry.built))
            same_file = unread or any(wheels.same(name, file.name) for name in names)
        hashes = package.hashes if not self._by_file else frozenset([file.hash] if file.hash else [])
        same_version = (wheel and same_file) or entry.version in (None, package.version) or _same(entry.version, package.version)
        found = {
            "other-version": not same_version,
            "other-file": same_version and not same_file,
            "other-bucket": entry.bucket != kept,
            "other-cache": folder is not self._cache,
            **{what: entry.place != place and what == _elsewhere(entry.place, place)
               for what in ("other-index", "direct-url", "index-entry", "other-url")},
            "unreadable": isinstance(entry.pointer, Unreadable),
            "archive-gone": (not isinstance(entry.pointer, Unreadable) and not entry.unpacked
                             and not (not wheel and self._fit((*entry.built, *entry.kept)))),
            "no-hash": not isinstance(entry.pointer, Unreadable) and not entry.hashes and bool(hashes),
            **{what: same_version and same_file and what == _hash_difference(entry.hashes, hashes)
               for what in ("other-hash", "other-algorithm")},
        }
        differences = tuple(sorted((what for what, so in found.items() if so), key=_WEIGHTS.__getitem__, reverse=True))
        words = "; ".join(self._worded(what, package, file, entry, folder) for what in differences)
        return Near(entry, differences, words or "in the cache")

    @staticmethod
    def _place(package: Package) -> str:
        """Where in a bucket it would be."""
        return digests.place(package.source) if package.kind == "registry" else f"url/{digests.digest(package.source)}"

    def _fit(self, names: Iterable[str]) -> bool:
        return not isinstance(self._python, wheels.CannotTell) and any(wheels.fits(name, self._python) for name in names)

    def _worded(self, what: str, package: Package, file: File, entry: Entry, folder: Cache) -> str:
        if what == "other-version":
            return f"version {entry.version} is in the cache, uv.lock has {package.version} ({self._asked(package)})"
        if what == "other-file":
            got = entry.filename or f"the sdist of {entry.version or package.version}"
            return f"{got} is in the cache, uv takes {file.name} here"
        if what == "other-bucket":
            kept = self._buckets.wheels if entry.filename else self._buckets.sdists
            return f"in the bucket {entry.bucket} ({buckets.used_by(entry.bucket)}), this uv uses {kept}"
        if what == "other-cache":
            return f"in another cache: {folder.folder}"
        if what in ("other-index", "index-entry", "other-url", "direct-url"):
            return self._placed(what, package, entry, folder)
        if isinstance(entry.pointer, Unreadable):
            return f"its entry in the cache cannot be read: {entry.pointer.reason}"
        if what == "archive-gone":
            stops = ": `uv sync` stops there" if self._stops and entry.filename else ""
            return f"its entry is in the cache, the unpacked files are gone{stops}"
        if what == "no-hash":
            return "in the cache without a hash"
        if what == "other-algorithm":
            return f"in the cache with {_algorithms(entry.hashes)} alone, uv.lock has {_algorithms(package.hashes)}"
        return (f"in the cache with another hash ({', '.join(entry.hashes)}): `uv sync` stops there (Hash mismatch) as long as the index "
                "lets the file be kept, else it downloads")

    def _placed(self, what: str, package: Package, entry: Entry, folder: Cache) -> str:
        found = folder.index_of(entry.place)
        url, locked = found and without_credentials(found), without_credentials(package.source)
        if what == "direct-url":
            return f"in the cache as a direct URL ({url or 'which one cannot be told'}), uv.lock has it from {locked}"
        if what == "index-entry":
            return f"in the cache from the index {url or 'of ' + entry.place}, uv.lock has it by a direct URL"
        if url is None:
            return f"in the cache under another URL (which one cannot be told), uv.lock has {locked}"
        return f"in the cache under {url}, uv.lock has {locked} ({indexes.difference(url, locked)})"

    def _asked(self, package: Package) -> str:
        askers = [f"{asker.name} asks for {package.name}{specifier or ''}" for asker, specifier in self._lock.askers(package.name)]
        return ", ".join(askers[:_ASKERS]) + (", …" if len(askers) > _ASKERS else "") if askers else "nothing in it asks for that"


def _decided(planned: str | None, reading: _Reading) -> tuple[str, str, str, bool | None]:
    """Verdict, reason, words, and whether uv's plan and the reading agree."""
    verdict, reason, why, _ = reading
    if planned == "installed":
        return HIT, "installed", "it is installed already", None
    if planned == "revalidate" and verdict != MISS and reason != "local":
        return UNKNOWN, "refresh", "uv is told to ask the index whether it has changed", None
    if planned is None or planned == "revalidate":
        return verdict, reason, why, None
    if planned == "cached":
        if verdict == HIT:
            return HIT, "local" if reason == "local" else "cached", why if reason == "local" else "in the cache", True
        if verdict == UNKNOWN:
            return HIT, "cached", f"uv's plan takes it from the cache ({why})", None
        if reason == "archive-gone":
            # Of a direct URL, uv's plan does not look whether the unpacked files are still there.
            return UNKNOWN, reason, f"{why}; uv's plan does not see that: `uv sync` downloads it again, or stops", False
        return HIT, "disagree", f"uv's plan takes it from the cache, but this reads: {why}", False
    if verdict == HIT and reason == "cached":
        return UNKNOWN, "disagree", "uv's plan would download it, but this finds it in the cache", False
    # What is local or checked out is no cached distribution to uv, and no download either.
    return verdict, reason, why, True if verdict != UNKNOWN else None


def _elsewhere(found: str, wanted: str) -> str:
    if found.startswith("url/"):
        return "other-url" if wanted.startswith("url/") else "direct-url"
    return "index-entry" if wanted.startswith("url/") else "other-index"


def _hash_difference(kept: Sequence[str], locked: frozenset[str]) -> str | None:
    if not kept or not locked or not locked.isdisjoint(kept):
        return None
    algorithms = {hash_.partition(":")[0] for hash_ in kept}
    return "other-hash" if any(hash_.partition(":")[0] in algorithms for hash_ in locked) else "other-algorithm"


def _algorithms(hashes: Iterable[str]) -> str:
    return ", ".join(sorted({hash_.partition(":")[0] for hash_ in hashes}))


def _same(one: str | None, other: str | None) -> bool:
    """uv writes versions in their normal form, but not always with all zeros."""
    from packaging.version import InvalidVersion, Version

    try:
        return one is not None and other is not None and Version(one.replace("_", "-")) == Version(other)
    except InvalidVersion:
        return False


def _newer_bucket(folder: Cache) -> str | None:
    for path in sorted(folder.folder.iterdir()):
        kind, number = buckets.parse(path.name) or ("", 0)
        if (kind == "wheels" and number > buckets.NEWEST_WHEELS) or (kind == "sdists" and number > buckets.NEWEST_SDISTS):
            return path.name
    return None


def caches_elsewhere(here: Path, environ: Mapping[str, str]) -> list[Cache]:
    """Other caches of this machine that can be looked into."""
    return [Cache(folder) for folder in cache.elsewhere(here, dict(environ))]
