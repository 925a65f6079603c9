"""The whole cache: how much of what came from the network carries a hash, by index and by name?"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from uv_shim.audit import buckets, pointers
from uv_shim.audit.cache import Cache
from uv_shim.audit.pointers import Pointer
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

    def plus(self, pointer: Pointer | pointers.Unreadable, unpacked: int | None) -> Pile:
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
    for done, (bucket, place, name, path) in enumerate(_pointers(root)):
        pointer = pointers.read(path, bucket)
        if pointer is None:
            continue  # gone meanwhile
        unpacked = None
        if isinstance(pointer, Pointer) and pointer.size is None and bucket.startswith("wheels"):
            unpacked = _unpacked(f"{root}/archive-v0/{pointer.id}", pointer.filename or os.path.basename(path))
        for pile, key in ((places, place), (names, name), (folders, bucket)):
            pile[key] = pile[key].plus(pointer, unpacked)
        total = total.plus(pointer, unpacked)
        if isinstance(pointer, pointers.Unreadable) and len(unreadable) < _SHOWN:
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


def _pointers(root: str) -> Iterator[tuple[str, str, str, str]]:
    """Bucket, place, name and path of each pointer."""
    for bucket in sorted(_folders(root)):
        kind = (buckets.parse(bucket) or ("simple", 0))[0]
        if kind == "simple":
            continue
        top = os.path.join(root, bucket)
        places = ["pypi", *(f"index/{digest}" for digest in _folders(os.path.join(top, "index")))]
        for place in places:
            for name in _folders(os.path.join(top, place)):
                yield from _of_name(kind, bucket, place, name, os.path.join(top, place, name))
        for digest in _folders(os.path.join(top, "url")):
            folder = os.path.join(top, "url", digest)
            if kind == "wheels":
                for name in _folders(folder):
                    yield from _of_name(kind, bucket, "url", name, os.path.join(folder, name))
            elif os.path.exists(os.path.join(folder, "revision.http")):
                yield bucket, "url", "(sdists of direct URLs)", os.path.join(folder, "revision.http")


def _of_name(kind: str, bucket: str, place: str, name: str, folder: str) -> Iterator[tuple[str, str, str, str]]:
    if kind == "wheels":
        try:
            files = os.listdir(folder)
        except OSError:
            return
        for file in files:
            if file.endswith(".http"):
                yield bucket, place, name, f"{folder}/{file}"
    else:
        for version in _folders(folder):
            path = f"{folder}/{version}/revision.http"
            if os.path.exists(path):
                yield bucket, place, name, path


def _unpacked(archive: str, filename: str) -> int | None:
    """What the files of an unpacked wheel come to, as its RECORD has it."""
    parts = filename.split("-", 2)
    try:
        with open(f"{archive}/{parts[0]}-{parts[1]}.dist-info/RECORD", "rb") as file:
            sizes = [line.rpartition(b",")[2].strip() for line in file]
    except (OSError, IndexError):
        return None
    return sum(int(size) for size in sizes if size.isdigit())


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
