"""The whole cache: how much of what came from the network carries a hash, by index and by name?"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from uv_shim.audit import buckets, pointers
from uv_shim.audit.cache import Cache
from uv_shim.audit.pointers import Pointer, Unreadable
from uv_shim.report import Progress


class Pile(NamedTuple):
    """Entries that are counted together."""

    hashed: int = 0
    unhashed: int = 0
    unreadable: int = 0
    hashed_bytes: int = 0
    unhashed_bytes: int = 0
    #: Of how many these bytes are those of the unpacked files: before 0.12.0, uv does not keep what it downloaded.
    unpacked: int = 0
    #: How many have no size at all: sdists of those uvs, and what has lost its files.
    unsized: int = 0

    def plus(self, pointer: Pointer | Unreadable, unpacked: int | None) -> Pile:
        """With one more entry; ``unpacked``: what its files come to, where the pointer has no size."""
        if not isinstance(pointer, Pointer):
            return self._replace(unreadable=self.unreadable + 1)
        size = unpacked if pointer.size is None else pointer.size
        counted = self._replace(unsized=self.unsized + (size is None), unpacked=self.unpacked + (pointer.size is None and size is not None))
        if pointer.hashes:
            return counted._replace(hashed=self.hashed + 1, hashed_bytes=self.hashed_bytes + (size or 0))
        return counted._replace(unhashed=self.unhashed + 1, unhashed_bytes=self.unhashed_bytes + (size or 0))

    @property
    def entries(self) -> int:
        """All of them."""
        return self.hashed + self.unhashed + self.unreadable


class Whole(NamedTuple):
    """All entries of a cache that came from the network."""

    total: Pile
    #: By index, as its URL where that can be told. Direct URLs are one of them.
    by_index: dict[str, Pile]
    by_name: dict[str, Pile]
    by_bucket: dict[str, Pile]
    #: The first few entries that could not be read, with the reason.
    unreadable: tuple[tuple[str, str], ...]


_SHOWN = 10


def read(cache: Cache) -> Whole:
    """Read all pointers of the cache."""
    total = Pile()
    places: dict[str, Pile] = defaultdict(Pile)
    names: dict[str, Pile] = defaultdict(Pile)
    folders: dict[str, Pile] = defaultdict(Pile)
    unreadable: list[tuple[str, str]] = []
    progress = Progress("reading the cache")
    root = str(cache.folder)
    for done, (bucket, place, name, path, closed) in enumerate(_pointers(root)):
        pointer = Unreadable(closed) if closed else pointers.read(path, bucket)
        if pointer is None:
            continue  # none, or gone meanwhile
        unpacked = None
        if isinstance(pointer, Pointer) and pointer.size is None and bucket.startswith("wheels"):
            unpacked = _unpacked(f"{root}/archive-v0/{pointer.id}", pointer.filename or os.path.basename(path))
        for pile, key in ((places, place), (names, name), (folders, bucket)):
            if key:
                pile[key] = pile[key].plus(pointer, unpacked)
        total = total.plus(pointer, unpacked)
        if isinstance(pointer, Unreadable) and len(unreadable) < _SHOWN:
            unreadable.append((path, pointer.reason))
        if done % 500 == 0:
            progress.at(done, f"{done} entries")
    progress.end()
    by_index: dict[str, Pile] = {}
    for place, those in places.items():
        url = _url(cache, place)
        by_index[f"{url} ({place})" if url in by_index else url] = those
    return Whole(total, by_index, dict(names), dict(folders), tuple(unreadable))


def _url(cache: Cache, place: str) -> str:
    if place == "url":
        return "direct URLs"
    return cache.index_of(place) or f"{place} (which URL that is cannot be told)"


class _Found(NamedTuple):
    """A pointer, if there is one at that path; or a folder that cannot be looked into."""

    bucket: str
    #: Of a folder, empty where it is further up.
    place: str
    name: str
    path: str
    #: Why it cannot be looked into.
    closed: str | None = None


def _pointers(root: str) -> Iterator[_Found]:
    for bucket in _listed(root).names:
        kind = (buckets.parse(bucket) or ("simple", 0))[0]
        if kind == "simple":
            continue
        top = _listed(os.path.join(root, bucket))
        indexes, urls = _listed(f"{top.path}/index"), _listed(f"{top.path}/url")
        if top.closed:
            yield _Found(bucket, "", "", top.path, top.closed)
            continue
        yield from (_Found(bucket, "", "", one.path, one.closed) for one in (indexes, urls) if one.closed)
        yield from _of_place(kind, bucket, "pypi", _listed(f"{top.path}/pypi"))
        for digest in indexes.names:
            yield from _of_place(kind, bucket, f"index/{digest}", _listed(f"{indexes.path}/{digest}"))
        for digest in urls.names:
            if kind == "wheels":
                yield from _of_place(kind, bucket, "url", _listed(f"{urls.path}/{digest}"))
            else:
                yield _Found(bucket, "url", "(sdists of direct URLs)", f"{urls.path}/{digest}/revision.http")


def _of_place(kind: str, bucket: str, place: str, there: _Listed) -> Iterator[_Found]:
    if there.closed:
        yield _Found(bucket, place, "", there.path, there.closed)
    for name in there.names:
        folder = _listed(f"{there.path}/{name}", files=kind == "wheels")
        if folder.closed:
            yield _Found(bucket, place, name, folder.path, folder.closed)
        for inner in folder.names:
            if kind != "wheels":
                yield _Found(bucket, place, name, f"{folder.path}/{inner}/revision.http")
            elif inner.endswith(".http"):
                yield _Found(bucket, place, name, f"{folder.path}/{inner}")


def _unpacked(archive: str, filename: str) -> int | None:
    """What the files of an unpacked wheel come to, as its RECORD has it."""
    parts = filename.split("-", 2)
    try:
        with open(f"{archive}/{parts[0]}-{parts[1]}.dist-info/RECORD", "rb") as file:
            sizes = [line.rpartition(b",")[2].strip() for line in file]
    except (OSError, IndexError):
        return None
    return sum(int(size) for size in sizes if size.isdigit())


class _Listed(NamedTuple):
    """What is in a folder."""

    path: str
    names: list[str]
    #: Why it cannot be looked into.
    closed: str | None = None


def _listed(path: str, *, files: bool = False) -> _Listed:
    """The folders in that folder, or all that is in it; none where it is none."""
    try:
        with os.scandir(path) as entries:
            return _Listed(path, sorted(entry.name for entry in entries if files or _is_folder(entry)))
    except (FileNotFoundError, NotADirectoryError):
        return _Listed(path, [])
    except OSError as error:
        return _Listed(path, [], f"it cannot be looked into: {error.strerror}")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return True  # a link that leads nowhere uv could go: so it will be said
