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
    #: Of those whose size uv has kept (from 0.12.0 on).
    hashed_bytes: int = 0
    unhashed_bytes: int = 0
    #: How many have no size.
    unsized: int = 0

    def plus(self, pointer: Pointer | pointers.Unreadable) -> Pile:
        """This and one more entry."""
        if not isinstance(pointer, Pointer):
            return self._replace(unreadable=self.unreadable + 1)
        size = pointer.size or 0
        unsized = self.unsized + (pointer.size is None)
        if pointer.hashes:
            return self._replace(hashed=self.hashed + 1, hashed_bytes=self.hashed_bytes + size, unsized=unsized)
        return self._replace(unhashed=self.unhashed + 1, unhashed_bytes=self.unhashed_bytes + size, unsized=unsized)

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
    unreadable = []
    progress = Progress("reading the cache")
    for done, (bucket, place, name, path) in enumerate(_pointers(str(cache.folder))):
        pointer = pointers.read(path, bucket)
        if pointer is None:
            continue  # gone meanwhile
        total = total.plus(pointer)
        places[place] = places[place].plus(pointer)
        names[name] = names[name].plus(pointer)
        folders[bucket] = folders[bucket].plus(pointer)
        if isinstance(pointer, pointers.Unreadable) and len(unreadable) < _SHOWN:
            unreadable.append((path, pointer.reason))
        if done % 500 == 0:
            progress.at(done, f"{done} entries")
    progress.end()
    urls = {place: "direct URLs" if place == "url" else cache.index_of(place) or f"{place} (which URL that is cannot be told)" for place in places}
    return Whole(total, {urls[place]: pile for place, pile in places.items()}, dict(names), dict(folders), tuple(unreadable))


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


def _folders(path: str) -> list[str]:
    try:
        with os.scandir(path) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
