"""What is remembered of a uv binary: its version, as long as the file is the very same one.

One line a binary: ``<version> <native|sealed> <device> <inode> <size> <mtime> <ctime> <path>``. The router reads it too: a ``native``
uv needs no Python.
"""

from __future__ import annotations

import posix

from uv_shim.config import folder

_KEPT = 16


def path(environ: dict[str, str]) -> str | None:
    """Path of the memo; None without a home."""
    base = folder("XDG_CACHE_HOME", ".cache", environ)
    return f"{base}/uv-shim/binaries" if base else None


def recall(binary: str, environ: dict[str, str]) -> str | None:
    """The first line of ``uv --version``, where ``binary`` is still the file that said it."""
    key = _identity(binary)
    for line in _lines(path(environ)) if key else []:
        version, _, rest = line.partition(" ")
        if rest.partition(" ")[2] == key:
            return f"uv {version}"
    return None


def remember(binary: str, version: tuple[int, int, int], environ: dict[str, str], *, native: bool) -> None:
    """Write it down; where that cannot be done, do without."""
    file = path(environ)
    key = _identity(binary)
    if not file or not key or not _is_uv_itself(binary):
        return
    import os

    word = "native" if native else "sealed"
    kept = [line for line in _lines(file) if not line.endswith(f" {binary}")]
    text = "".join(f"{line}\n" for line in [*kept, f"{'.'.join(map(str, version))} {word} {key}"][-_KEPT:])
    data = text.encode("utf-8", "surrogateescape")
    partial = f"{file}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
        try:
            whole = os.write(fd, data) == len(data)
        finally:
            os.close(fd)
        if whole:
            os.replace(partial, file)
            return
    except OSError:
        pass  # a read-only home, a full disk: the next call asks uv again
    try:
        os.unlink(partial)
    except OSError:
        pass  # it was not made


def _identity(binary: str) -> str | None:
    try:
        status = posix.stat(binary)
    except OSError:
        return None
    return f"{status.st_dev} {status.st_ino} {status.st_size} {int(status.st_mtime)} {int(status.st_ctime)} {binary}"


def _is_uv_itself(binary: str) -> bool:
    """Whether the file is uv, and no launcher, which may be another uv the next time."""
    import os.path

    try:
        with open(binary, "rb") as file:
            magic = file.read(4)
    except OSError:
        return False
    native = magic in (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")
    return native and "\n" not in binary and os.path.basename(os.path.realpath(binary)) == "uv"


def _lines(file: str | None) -> list[str]:
    try:
        if not file:
            return []
        with open(file, "rb") as opened:
            return opened.read().decode("utf-8", "surrogateescape").splitlines()
    except OSError:
        return []
