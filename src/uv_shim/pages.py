"""Index pages as uv keeps them in its cache: which hash belongs to which file?

uv before 0.6.15 tells the hashes of a version, not of each file. Its copy of the page (``simple-vN/…/<name>.rkyv``, N from 12 to 15)
does: there, the name of each file is followed by its digests in hexadecimal, and the page's URL stands at the end. Read only, and
only to choose among digests that uv has told; 0.4.6, which would tell what it computed, is the one exception.
"""

from __future__ import annotations

import os

_HEX = b"0123456789abcdef"

_ALGORITHMS = {32: "md5", 64: "sha256", 96: "sha384", 128: "sha512"}

#: One digest, or two.
_LENGTHS = frozenset([*_ALGORITHMS, *(one + other for one in _ALGORITHMS for other in _ALGORITHMS)])


def digests_of(cache: str, name: str, root: str, filename: str) -> bytes | None:
    """Digests that the page ``<root>/<name>/`` gives for a file, run together; None where the page is not there or does not list it.

    Args:
        cache: uv's cache directory.
        root: URL of the index, as uv logs it.
    """
    page = f"{_after_credentials(root)}/{name}/".encode()
    for folder in _folders(cache):
        try:
            with open(os.path.join(folder, f"{name}.rkyv"), "rb") as file:
                text = file.read()
        except OSError:
            continue
        if page in text:
            return _run_after(text, filename.encode())
    return None


def readings(run: bytes) -> list[str]:
    """Each ``algorithm:hex`` that could stand in a run. One that is read across a border is no hash of anything, and harms nothing."""
    found = []
    for length, algorithm in _ALGORITHMS.items():
        for start in {0, len(run) - length}:
            if start >= 0:
                found.append(f"{algorithm}:{run[start : start + length].decode()}")
    return found if len(run) in _LENGTHS else []


def _folders(cache: str) -> list[str]:
    found = []
    try:
        for bucket in os.listdir(cache):
            if bucket.startswith("simple-v"):
                found.append(os.path.join(cache, bucket, "pypi"))
                others = os.path.join(cache, bucket, "index")
                if os.path.isdir(others):
                    found += [os.path.join(others, digest) for digest in os.listdir(others)]
    except OSError:
        pass  # no cache, or not ours to read: the caller does without
    return found


def _run_after(text: bytes, filename: bytes) -> bytes | None:
    """Hexadecimal digits right behind ``filename``, at the place where it is not the end of a URL."""
    at = text.find(filename)
    while at >= 0:
        end = at + len(filename)
        stop = end
        while text[stop : stop + 1] and text[stop] in _HEX:
            stop += 1
        if text[at - 1 : at] != b"/":
            return text[end:stop]
        at = text.find(filename, end)
    return None


def _after_credentials(url: str) -> str:
    """What follows ``user:password@``, or the whole URL."""
    return url.rpartition("@")[2]
