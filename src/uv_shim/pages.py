"""Index pages as uv keeps them in its cache: which hash belongs to which file?

uv before 0.6.15 tells the hashes of a version. Its copy of the page (``simple-vN/…/<name>.rkyv``, N from 12 to 15) has each file's name
followed by its digests in hexadecimal, and the page's URL at the end. They choose among what uv has told. Where it has told
nothing (0.4.6; later, a query without an answer), they are believed themselves.
"""

from __future__ import annotations

import os

_HEX = b"0123456789abcdef"

_ALGORITHMS = {32: "md5", 64: "sha256", 96: "sha384", 128: "sha512"}

#: One digest, or two.
_LENGTHS = frozenset([*_ALGORITHMS, *(one + other for one in _ALGORITHMS for other in _ALGORITHMS)])


def digests_of(cache: str, name: str, root: str, filename: str) -> bytes | None:
    """Digests that the page ``<root>/<name>/`` in that cache gives for a file, run together; None where it does not list it."""
    page = f"{root.partition('?')[0].rpartition('@')[2]}/{name}/".encode()
    for folder in _folders(cache):
        try:
            with open(os.path.join(folder, f"{name}.rkyv"), "rb") as file:
                text = file.read()
        except OSError:
            continue
        if page in text:
            return _listed(text, filename.encode())
    return None


def flat_digests_of(cache: str, filename: str) -> list[str] | None:
    """``algorithm:hex`` that pages for ``--find-links`` give for a file, in its URL's fragment; None where no page lists it."""
    found: list[str] | None = None
    for folder in _subfolders(cache, "flat-index-v", "html"):
        for page in os.listdir(folder):
            try:
                with open(os.path.join(folder, page), "rb") as file:
                    text = file.read()
            except OSError:
                continue
            for marker in {f"/{filename}".encode(), f"/{filename.replace('+', '%2B')}".encode()}:
                _, listed, rest = text.partition(marker)
                if listed:
                    found = [*(found or []), *_in_fragment(rest)]
    return found


def _in_fragment(rest: bytes) -> list[str]:
    name, _, digest = rest[1:200].partition(b"=")
    algorithm = name.decode("ascii", "replace")
    length = next((length for length, known in _ALGORITHMS.items() if known == algorithm), 0)
    # What follows may be a file name that begins like a digest.
    digest = _run_after(digest, b"")[:length]
    return [f"{algorithm}:{digest.decode()}"] if rest[:1] == b"#" and length and len(digest) == length else []


def readings(run: bytes) -> list[str]:
    """Each ``algorithm:hex`` that could stand in a run. One read across a border is no hash of anything."""
    found = []
    for length, algorithm in _ALGORITHMS.items():
        for start in {0, len(run) - length} if length <= len(run) else ():
            found.append(f"{algorithm}:{run[start : start + length].decode()}")
    return found if len(run) in _LENGTHS else []


def _folders(cache: str) -> list[str]:
    others = [os.path.join(folder, digest) for folder in _subfolders(cache, "simple-v", "index") for digest in os.listdir(folder)]
    return _subfolders(cache, "simple-v", "pypi") + others


def _subfolders(cache: str, bucket: str, name: str) -> list[str]:
    try:
        found = [os.path.join(cache, entry, name) for entry in os.listdir(cache) if entry.startswith(bucket)]
    except OSError:
        return []
    return [folder for folder in found if os.access(folder, os.R_OK | os.X_OK)]


def _listed(text: bytes, filename: bytes) -> bytes | None:
    """What stands behind ``filename`` where it is not the end of a URL; None where it is not listed."""
    at = text.find(filename)
    while at >= 0 and text[at - 1 : at] == b"/":
        at = text.find(filename, at + 1)
    return _run_after(text[at:], filename) if at >= 0 else None


def _run_after(text: bytes, start: bytes) -> bytes:
    stop = len(start)
    while text[stop : stop + 1] and text[stop] in _HEX:
        stop += 1
    return text[len(start) : stop]
