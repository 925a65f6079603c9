"""Pointers: what does one entry of the cache say of the file that it stands for?

A pointer (`….http`, `revision.http`) is a MessagePack value, and after it the HTTP cache policy: up to 0.12.x a blob and its length, since
0.13.0 a blob and the length of the value. Only the value is used, but a policy that does not fit shows a pointer that was cut off: uv
cannot read it either. (What comes from a local folder has other pointers. Nothing is ever downloaded for it.)
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import NamedTuple

import msgpack

from uv_shim.audit import buckets

#: A pointer has some hundred bytes. What is much larger is none.
_MOST_BYTES = 1_000_000

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

#: Fields by their place in an array; the map of 0.12.2 to 0.12.x has the same names.
_WHEEL_FIELDS = ("id", "hashes", "filename", "version", "size")
_OLD_WHEEL_FIELDS = ("id", "hashes", "version")
_SDIST_FIELDS = ("id", "hashes", "size")

#: From these buckets on, the policy is followed by the length of the value.
_NEW_TRAILER = {"wheels": 7, "sdists": 10}


class Pointer(NamedTuple):
    """What a pointer says."""

    #: Of the unpacked wheel in `archive-v0`, or of the folder beside the pointer that has the sdist.
    id: str
    #: ``sha256:…`` and the like. Empty: uv has computed none.
    hashes: tuple[str, ...]
    #: Of a wheel, from 0.6.4 on.
    filename: str | None
    #: In bytes, as downloaded; from 0.12.0 on.
    size: int | None


class Unreadable(NamedTuple):
    """There is something, and it cannot be told what it says."""

    reason: str


def read(path: Path | str, bucket: str) -> Pointer | Unreadable | None:
    """Read the pointer at ``path``, which is in that bucket; None where there is none (any more)."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would be waited for
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return Unreadable(f"it cannot be opened: {error.strerror}")
    try:
        mode = os.fstat(opened).st_mode
        if not stat.S_ISREG(mode):
            return Unreadable(f"there is {'a folder' if stat.S_ISDIR(mode) else 'no file'} in its place")
        data = os.read(opened, _MOST_BYTES + 1)
    except OSError as error:
        return Unreadable(f"it cannot be read: {error.strerror}")
    finally:
        os.close(opened)
    return parse(data, bucket)


def parse(data: bytes, bucket: str) -> Pointer | Unreadable:
    """What those bytes say in that bucket."""
    kind, number = buckets.parse(bucket) or ("", 0)
    wheel = kind == "wheels"
    if number > (buckets.NEWEST_WHEELS if wheel else buckets.NEWEST_SDISTS):
        return Unreadable(f"{bucket} is newer than this uv-shim, and so is its format")
    if len(data) > _MOST_BYTES:
        return Unreadable(f"it has more than {_MOST_BYTES} bytes")
    if not data:
        return Unreadable("it is empty")
    try:
        unpacker = msgpack.Unpacker(strict_map_key=True, max_buffer_size=_MOST_BYTES)
        unpacker.feed(data)
        value = unpacker.unpack()
        end = unpacker.tell()
    except (msgpack.OutOfData, ValueError, TypeError, msgpack.UnpackException, RecursionError, OverflowError):
        return Unreadable(f"its {len(data)} bytes are no MessagePack value, or it was cut off")
    if not _ends_as_it_should(data, end, new=number >= _NEW_TRAILER.get(kind, 1 << 20)):
        return Unreadable(f"it was cut off, or written over, after its {len(data)} bytes")
    found = _fields(value, _SDIST_FIELDS if not wheel else _WHEEL_FIELDS if number >= 5 else _OLD_WHEEL_FIELDS)
    return found if found is not None else Unreadable("its format is not known here")


def _ends_as_it_should(data: bytes, end: int, *, new: bool) -> bool:
    if len(data) - end < 8:
        return False
    length = int.from_bytes(data[-8:], "little")
    return length == end if new else end + length + 8 == len(data)


def _fields(value: object, names: tuple[str, ...]) -> Pointer | None:
    if isinstance(value, dict):
        if not set(value) <= set(names):
            return None
        fields = value
    elif isinstance(value, list) and 2 <= len(value) <= len(names):
        fields = dict(zip(names, value))
    else:
        return None
    identity, filename, size = fields.get("id"), fields.get("filename"), fields.get("size")
    hashes = _hashes(fields.get("hashes"))
    if not isinstance(identity, str) or not _ID.fullmatch(identity) or hashes is None:
        return None
    if not isinstance(filename, (str, type(None))) or (filename and ("/" in filename or not filename.endswith(".whl"))):
        return None
    if isinstance(size, bool) or not isinstance(size, (int, type(None))):
        return None
    # Another version of the archives is another folder, which no uv has had so far.
    return None if fields.get("version", 0) != 0 else Pointer(identity, hashes, filename, size)


def _hashes(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        return None
    found = []
    for item in value:
        pairs = list(item.items()) if isinstance(item, dict) else [item]
        for pair in pairs:
            if not (isinstance(pair, (list, tuple)) and len(pair) == 2 and all(isinstance(part, str) for part in pair)):
                return None
            found.append(f"{pair[0].lower()}:{pair[1].lower()}")
    return tuple(found)
