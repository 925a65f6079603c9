"""The cache of uv: what is in it under some name? Read, never written.

wheels-vN/{pypi | index/<digest> | url/<digest>}/<name>/<file>.http              a wheel; unpacked in archive-v0/<id>
sdists-vN/{pypi | index/<digest>}/<name>/<version>/revision.http                 an sdist; in <id>/src beside it, and what was
sdists-vN/url/<digest>/revision.http                                             built of it: <id>/<stem of the wheel> → archive-v0
"""

from __future__ import annotations

import os
import re
import stat
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from packaging.utils import canonicalize_name

from uv_shim.audit import buckets, digests, pointers
from uv_shim.audit.pointers import Pointer, Unreadable
from uv_shim.errors import ShimError

#: uv marks its caches with it.
_TAG = "CACHEDIR.TAG"

_URL = re.compile(rb"https?://[\x21-\x7e]+")


class Entry(NamedTuple):
    """One file that the cache knows something of."""

    #: Of the pointer.
    path: Path
    bucket: str
    #: ``pypi``, ``index/<digest>`` or ``url/<digest>``.
    place: str
    name: str
    version: str | None
    #: Of a wheel; None for an sdist.
    filename: str | None
    pointer: Pointer | Unreadable
    #: The unpacked wheel, or the source of the sdist, is there.
    unpacked: bool
    #: File names of wheels that were built from this sdist, and are there.
    built: tuple[str, ...] = ()
    #: The same as files: those unpacked may be gone.
    kept: tuple[str, ...] = ()

    @property
    def hashes(self) -> tuple[str, ...]:
        """The hashes that uv has computed."""
        return self.pointer.hashes if isinstance(self.pointer, Pointer) else ()


class Cache:
    """The cache in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._urls: dict[str, str | None] = {}

    def exists(self) -> bool:
        """Whether there is one.

        Raises:
            ShimError: there is something else, or it cannot be looked into.
        """
        try:
            if not stat.S_ISDIR(self.folder.stat().st_mode):
                raise ShimError(f"{self.folder} is no cache: it is no folder.", "Expected: uv's cache (`uv cache dir` names it).")
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ShimError(f"{self.folder}, uv's cache, cannot be looked into: {error.strerror}.",
                            "Next step: run this as the user who owns it, or name another one with --cache-dir.") from None
        if names and _TAG not in names and not any(buckets.parse(name) for name in names):
            raise ShimError(f"{self.folder} is no cache of uv: it has neither {_TAG} nor any folder that uv would make there.",
                            f"Found: {', '.join(sorted(names)[:5])}{', …' if len(names) > 5 else ''}.",
                            "Next step: look at what UV_CACHE_DIR, --cache-dir or cache-dir in the configuration says.")
        return True

    def entries(self, name: str) -> Iterator[Entry]:
        """All that is kept under that name (normalised), in all buckets."""
        for bucket, kind in self._buckets:
            for place in self._places[bucket]:
                for path in _listed(self.folder / bucket / place / name):
                    if kind != "wheels":
                        entry = self.sdist(bucket, place, name, path.name)
                        if entry:
                            yield entry
                    elif path.name.endswith(".http"):
                        yield self.wheel(bucket, place, name, path)
            yield from self._direct.get((bucket, name), ())

    def closed(self, bucket: str, place: str, name: str) -> str | None:
        """Why what is kept there under that name cannot be looked into; None where it can, or where there is nothing."""
        try:
            os.listdir(self.folder / bucket / place / name)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return str(error.strerror)
        return None

    def wheel(self, bucket: str, place: str, name: str, path: Path) -> Entry:
        """The wheel that the pointer at ``path`` stands for."""
        pointer = pointers.read(path, bucket) or Unreadable("it has gone while this looked")
        stem = path.name[: -len(".http")]
        number = (buckets.parse(bucket) or ("", 0))[1]
        if isinstance(pointer, Pointer):
            filename = pointer.filename
            unpacked = os.path.isdir(self.folder / "archive-v0" / pointer.id)
        else:
            filename, unpacked = None, False
        if filename is None:
            # Up to wheels-v4 the pointer is named after the whole file; later it says its name itself.
            filename = f"{stem}.whl" if number < 5 else f"{name.replace('-', '_')}-{stem}.whl"
        parts = filename.split("-")
        return Entry(path, bucket, place, name, parts[1] if len(parts) > 2 else None, filename, pointer, unpacked)

    def sdist(self, bucket: str, place: str, name: str, version: str | None) -> Entry | None:
        """The sdist of that version (of a direct URL: None), if the cache knows one."""
        folder = self.folder / bucket / place
        if version is not None:
            folder = folder / name / version
        path = folder / "revision.http"
        pointer = pointers.read(path, bucket)
        if pointer is None:
            return None
        if isinstance(pointer, Unreadable):
            return Entry(path, bucket, place, name, version, None, pointer, unpacked=False)
        kept = folder / pointer.id
        # Beside the links to what was built lie the built files themselves, and locks.
        beside = _listed(kept)
        links = [path for path in beside if path.name.count("-") >= 4 and not path.name.endswith((".whl", ".lock"))]
        built = tuple(f"{link.name}.whl" for link in links if self._leads_to_an_archive(link))
        files = tuple(path.name for path in beside if path.name.endswith(".whl"))
        return Entry(path, bucket, place, name, version, None, pointer, _has_source(kept), built, files)

    def from_url(self, bucket: str, url: str, name: str) -> Iterator[Entry]:
        """What is kept of that direct URL in that bucket."""
        place = f"url/{digests.digest(url)}"
        if bucket.startswith("wheels"):
            for pointer in _listed(self.folder / bucket / place / name):
                if pointer.name.endswith(".http"):
                    yield self.wheel(bucket, place, name, pointer)
        else:
            entry = self.sdist(bucket, place, name, None)
            if entry:
                yield entry

    def index_of(self, place: str) -> str | None:
        """URL of the index that a place belongs to, as its kept pages tell it; None where none does.

        A page tells it only if the digest of what it tells is the folder's name.
        """
        if place == "pypi":
            return digests.PYPI
        if place not in self._urls:
            self._urls[place] = next(self._indexes(place), None)
        return self._urls[place]

    def _indexes(self, place: str) -> Iterator[str]:
        kind, _, wanted = place.partition("/")
        if kind == "url":
            for bucket, what in self._buckets:
                folder = self.folder / bucket / place
                paths = [folder / "revision.http"] if what != "wheels" else [path for name in _listed(folder) for path in _listed(name)]
                yield from (url for path in paths if path.name.endswith(".http") for url in _urls(path) if digests.digest(url) == wanted)
        for pages in _listed(self.folder):
            if pages.name.startswith("simple-v"):
                for page in _listed(pages / place)[:3]:
                    for url in _urls(page):
                        index = re.sub(rf"/{re.escape(page.stem)}/?$", "", url)
                        if digests.digest(index) == wanted:
                            yield index

    @cached_property
    def _buckets(self) -> list[tuple[str, str]]:
        kinds = ((folder.name, buckets.parse(folder.name)) for folder in _listed(self.folder))
        return [(name, kind[0]) for name, kind in kinds if kind and kind[0] != "simple"]

    @cached_property
    def _places(self) -> dict[str, list[str]]:
        """Of the indexes, by bucket."""
        found = {bucket: [f"index/{digest.name}" for digest in _listed(self.folder / bucket / "index")] for bucket, _ in self._buckets}
        return {bucket: ["pypi", *places] for bucket, places in found.items()}

    @cached_property
    def _direct(self) -> dict[tuple[str, str], list[Entry]]:
        """What is kept of direct URLs, by bucket and name: read once, as an sdist among it does not say its name before it is read."""
        found: dict[tuple[str, str], list[Entry]] = defaultdict(list)
        for bucket, kind in self._buckets:
            for digest in _listed(self.folder / bucket / "url"):
                place = f"url/{digest.name}"
                if kind == "wheels":
                    for path in (path for folder in _listed(digest) for path in _listed(folder) if path.name.endswith(".http")):
                        found[bucket, path.parent.name].append(self.wheel(bucket, place, path.parent.name, path))
                    continue
                entry = self.sdist(bucket, place, "", None)
                if entry:
                    # By what was built of it, or by its URL.
                    files = [*entry.built, (self.index_of(place) or "").rpartition("/")[2]]
                    for name in {normalised(re.split(r"-(?=\d)", file)[0]) for file in files}:
                        found[bucket, name].append(entry._replace(name=name))
        return found

    def _leads_to_an_archive(self, link: Path) -> bool:
        """A link to an unpacked wheel: a symbolic one, or (on some uvs, where there are none) a file that names it."""
        try:
            if os.path.isdir(link):
                return True
            text = link.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return False
        named = re.fullmatch(r"archive-v0/([A-Za-z0-9_-]{1,64})", text)
        return bool(named) and os.path.isdir(self.folder / "archive-v0" / text[len("archive-v0/") :])


def elsewhere(here: Path, environ: dict[str, str]) -> list[Path]:
    """Other caches of this machine: where uv would keep it by default for this user, and for those whose HOME is beside this one's."""
    home = Path(environ.get("HOME") or os.path.expanduser("~"))
    candidates = [Path(environ["XDG_CACHE_HOME"]) / "uv"] if environ.get("XDG_CACHE_HOME") else []
    candidates += [home / ".cache" / "uv", *(other / ".cache" / "uv" for other in _listed(home.parent)), *(_homes())]
    found: list[Path] = []
    for candidate in candidates:
        try:
            real = Path(os.path.realpath(candidate))
            if real != Path(os.path.realpath(here)) and real not in found and (real / _TAG).exists():
                found.append(real)
        except OSError:
            continue  # of a user whose folders are closed to this one
    return found


def _homes() -> Iterator[Path]:
    import pwd

    for user in pwd.getpwall():
        if user.pw_uid == 0 or user.pw_uid >= 1000:
            yield Path(user.pw_dir) / ".cache" / "uv"


def normalised(name: str) -> str:
    """A project's name as uv has it in its cache and its lock."""
    return canonicalize_name(name)


def _has_source(folder: Path) -> bool:
    """Since 0.5.0 the source is in `src`; before, in a folder named after the file."""
    return os.path.isdir(folder / "src") or any(
        path.name.endswith((".tar.gz", ".zip", ".tgz", ".tar.bz2")) and os.path.isdir(path) for path in _listed(folder))


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # none, or gone meanwhile; or closed, which `Cache.closed` tells
        return []


def _urls(path: Path) -> Iterator[str]:
    """What looks like a URL in the file at ``path``, longest first; strings stand without anything between them there."""
    try:
        if not path.is_file():
            return  # a pipe would be waited for
        with path.open("rb") as file:
            data = file.read(50_000_000)
    except OSError:
        return
    for match in reversed(_URL.findall(data)):
        text = match.decode("ascii")
        text = re.split(r"[\"<>\\^`{|}]", text)[0]
        # What follows at once is another string: cut where a file or a page ends.
        yield text
        ending = re.match(r".*?(?:\.whl|\.tar\.gz|\.zip|/(?=[^/]*$))", text)
        if ending and ending.group() != text:
            yield ending.group()
