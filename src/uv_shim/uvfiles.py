"""uv's files: which settings does it read in a folder, and is a cache one that it keeps?

Needs nothing but the standard library: the doctor, who asks it too, runs from a plain checkout.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from uv_shim import config
from uv_shim.realuv import is_true

_UVS = re.compile(rb"^\s*\[+\s*tool\s*\.\s*uv\s*[.\]]", re.MULTILINE)

_FOR_ONE_CALL = re.compile(r"\.tmp[A-Za-z0-9]{6}")


def upwards() -> list[Path]:
    """The current folder and those above it; none where it has been removed."""
    try:
        here = Path.cwd()
    except FileNotFoundError:
        return []
    return [here, *here.parents]


def read_by_uv(folders: Sequence[Path], environ: Mapping[str, str]) -> list[Path]:
    """Those that are there; what goes before comes first. ``folders``: the one that uv is in, and all above it."""
    if is_true(environ.get("UV_NO_CONFIG", "")):
        return []
    if environ.get("UV_CONFIG_FILE"):
        files = [Path(environ["UV_CONFIG_FILE"])]
    else:
        user = config.folder("XDG_CONFIG_HOME", ".config", environ) or os.path.expanduser("~/.config")
        files = [*itertools.islice(_near(folders), 1), Path(user, "uv", "uv.toml"), _system(environ)]
    return [file for file in files if os.path.isfile(file)]


def _near(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        if os.path.isfile(folder / "uv.toml"):
            yield folder / "uv.toml"
        elif os.path.isfile(folder / "pyproject.toml") and _is_uvs(folder / "pyproject.toml"):
            yield folder / "pyproject.toml"


def _is_uvs(file: Path) -> bool:
    """Whether a pyproject.toml speaks of uv; one that cannot be read may."""
    try:
        return bool(_UVS.search(file.read_bytes()))
    except OSError:
        return True


def _system(environ: Mapping[str, str]) -> Path:
    """The machine's: the first in XDG_CONFIG_DIRS (0.4.26 or later), else the one in /etc."""
    folders = itertools.takewhile(bool, (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"))
    files = (Path(folder, "uv", "uv.toml") for folder in folders)
    return next((file for file in files if os.path.isfile(file)), Path("/etc/uv/uv.toml"))


def is_for_one_call(cache: str, *named: str) -> bool:
    """Whether uv keeps no cache, and names the one of that very call; what it was told by ``named``, it keeps."""
    name = os.path.basename(cache)
    return bool(_FOR_ONE_CALL.fullmatch(name)) and name not in (os.path.basename(os.path.normpath(one)) for one in named)
