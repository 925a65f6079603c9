"""Programs called uv: which stand on PATH, and what is each: this shim, another manager's, or uv?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping

from uv_shim import router

#: Programs that stand for others under their names, and how their scripts call themselves.
_MANAGERS = ("mise", "rtx", "pyenv", "asdf", "rustup", "proto", "proto-shim", "vfox", "volta-shim", "aqua-proxy", "safe-chain", "sfw",
             "snap")

_IN_SCRIPT = re.compile(rf"(?<![\w-])({'|'.join(sorted(_MANAGERS, key=len, reverse=True))})(?![\w-])")


def on_path(environ: Mapping[str, str]) -> Iterator[str]:
    """Each `uv` on PATH, in order, named as the router names it."""
    for folder in environ.get("PATH", "").split(":"):
        candidate = f"{folder or '.'}/uv"
        if os.path.lexists(candidate):
            yield candidate


def is_program(path: str) -> bool:
    """Whether a shell would start it."""
    return os.path.isfile(path) and os.access(path, os.X_OK)


def is_shim(path: str) -> bool:
    """Whether it is this shim or a copy of it that has its Python half."""
    if is_shim_folder(os.path.dirname(path) or "."):
        return True
    try:
        return os.path.samefile(path, router.path())
    except OSError:
        return False


def is_shim_folder(folder: str) -> bool:
    """Whether the Python half of the shim is beside it."""
    return os.path.exists(f"{folder}/../src/uv_shim/launch.py")


def is_stray(path: str) -> bool:
    """Whether it is a copy of the router without its Python half beside it, or a link to a whole copy."""
    return b"# uv-shim: the `uv` that stands first on PATH" in _head(path)


def seals(path: str) -> bool:
    """Whether it is the shim with its Python half: beside it, or beside what it is a link to."""
    return is_shim(path) or (is_stray(path) and is_shim_folder(os.path.dirname(os.path.realpath(path))))


def manager(path: str) -> str:
    """Whose shim it is, if it is one; a script of nobody known is one, too."""
    target = os.path.basename(os.path.realpath(path))
    if target in _MANAGERS:
        return target
    head = _head(path)
    if head.startswith(b"#!"):
        found = _IN_SCRIPT.search(head.decode("utf-8", "replace"))
        return found[1] if found else "a script"
    if not target.startswith("uv"):
        return target
    # As rustup does it: one program under many names in one folder.
    try:
        itself = os.stat(path)
        if itself.st_nlink > 1:
            for entry in os.scandir(os.path.dirname(os.path.realpath(path))):
                # A uv may have a second name with its version in it.
                if not entry.name.startswith("uv") and entry.inode() == itself.st_ino and entry.is_file():
                    return entry.name
    except OSError:
        pass
    return ""


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as opened:
            return opened.read(4096)
    except OSError:
        return b""
