"""Digests: under which name does uv keep what comes from a URL?

SeaHash of the URL in a canonical form, as in uv's crate `uv-cache-key`; compared with caches that uv made in `tests/test_audit_reading.py`.
"""

from __future__ import annotations

import urllib.parse

from packaging.version import InvalidVersion, Version

_MASK = (1 << 64) - 1
_FACTOR = 0x6EED0E9DA4D94A4F
_SEED = (0x16F11FE89B0D677C, 0xB480A793D8E6C86C, 0x6FE2E5AAF078EBC9, 0x14F994A4C5259381)

_PORTS = {"http": 80, "https": 443}

#: What Rust's `url` leaves as it is in a segment of a path.
_SAFE = "!$&'()*+,-.:;=@[\\]^_|~"

_LONGEST_STEM = 64

#: uv knows this one by heart.
PYPI = "https://pypi.org/simple"


def place(index: str) -> str:
    """Folder of a bucket that holds what comes from that index."""
    return "pypi" if index == PYPI else f"index/{digest(index)}"


def digest(url: str) -> str:
    """Name of the folder for that URL."""
    return _named(canonical(url))


def stem(wheel: str) -> str:
    """Stem of the pointer for a wheel of that file name, from wheels-v5 on: version and tags, or a digest where they are long."""
    parts = wheel[: -len(".whl")].split("-")
    version, tags = _normal(parts[1]), "-".join(parts[2:])
    if len(version) + 1 + len(tags) <= _LONGEST_STEM:
        return f"{version}-{tags}"
    return f"{version[: _LONGEST_STEM - 17].rstrip('.+')}-{_named(tags)}"


def canonical(url: str) -> str:
    """The URL without what makes no difference to uv: credentials, a slash at its end, `.git`; percent signs as Rust writes them."""
    parts = urllib.parse.urlsplit(url)
    if not parts.scheme or (not parts.netloc and parts.scheme != "file" and not parts.path.startswith("/")):
        return url
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    port = _port(parts)
    netloc = host if port is None or port == _PORTS.get(scheme) else f"{host}:{port}"
    path = parts.path or "/"
    if path.endswith("/") and path != "/":
        path = path[:-1]
    if host == "github.com":
        path = path.lower()
    before, at, after = path.rpartition("@")
    path = f"{_without_git(before)}@{after}" if at else _without_git(path)
    path = "/".join(urllib.parse.quote(_unquoted(segment), safe=_SAFE) for segment in path.split("/"))
    query = f"?{parts.query}" if parts.query else ""
    fragment = f"#{parts.fragment}" if parts.fragment else ""
    return f"{scheme}://{netloc}{path}{query}{fragment}"


def seahash(data: bytes) -> int:
    """SeaHash, by its reference (64 bits, little-endian words, four lanes)."""
    lanes = list(_SEED)
    whole = len(data) - len(data) % 8
    for start in range(0, whole, 8):
        lanes = [*lanes[1:], _diffuse(lanes[0] ^ int.from_bytes(data[start : start + 8], "little"))]
    first = lanes[0]
    if whole < len(data):
        first = _diffuse(first ^ int.from_bytes(data[whole:], "little"))
    return _diffuse(first ^ lanes[1] ^ lanes[2] ^ lanes[3] ^ len(data))


def _named(text: str) -> str:
    # Rust ends a hashed string by 0xff.
    return seahash(text.encode() + b"\xff").to_bytes(8, "little").hex()


def _normal(version: str) -> str:
    try:
        return str(Version(version.replace("_", "-")))
    except InvalidVersion:
        return version


def _diffuse(value: int) -> int:
    value = value * _FACTOR & _MASK
    value ^= (value >> 32) >> (value >> 60)
    return value * _FACTOR & _MASK


def _port(parts: urllib.parse.SplitResult) -> int | None:
    try:
        return parts.port
    except ValueError:  # uv would not take that URL either
        return None


def _without_git(path: str) -> str:
    return path[:-4] if path.lower().endswith(".git") and not path.endswith("/.git") else path


def _unquoted(segment: str) -> str:
    try:
        return urllib.parse.unquote(segment, errors="strict")
    except UnicodeDecodeError:
        return segment
