"""Wheels: which file of a locked package does uv take for this Python?"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import packaging
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from uv_shim.audit.lock import File, Package

#: Asked of the project's own interpreter, with this one's copy of `packaging`: it needs no environment and imports nothing else.
_QUESTION = """\
import json, platform, sys
sys.path.insert(0, sys.argv[1])
from packaging.markers import default_environment
from packaging.tags import sys_tags
version = platform.python_implementation() + " " + platform.python_version()
print(json.dumps([version, [str(tag) for tag in sys_tags()], default_environment()]))
"""

_PATIENCE_SECONDS = 30


class Python(NamedTuple):
    """An interpreter."""

    path: str
    #: As in ``CPython 3.11.7``.
    version: str
    #: What it can install, best first.
    tags: tuple[str, ...]
    #: Values of markers.
    environment: Mapping[str, str]


class CannotTell(Exception):
    """The interpreter did not say."""


@lru_cache(maxsize=8)
def ask(path: str) -> Python:
    """Ask the interpreter at ``path`` for its tags.

    Raises:
        CannotTell: with the reason.
    """
    folder = str(Path(packaging.__file__).resolve().parent.parent)
    # -I: neither the caller's variables nor the folder that this runs in have a say.
    argv = [path, "-I", "-S", "-B", "-c", _QUESTION, folder]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=_PATIENCE_SECONDS,
                              env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"})
        version, tags, environment = json.loads(done.stdout)
        return Python(path, str(version), tuple(str(tag) for tag in tags), dict(environment))
    except OSError as error:
        raise CannotTell(f"{path} does not run: {error.strerror}") from None
    except subprocess.SubprocessError as error:
        said = str(getattr(error, "stderr", "") or "").strip().splitlines()
        raise CannotTell(f"{path} does not say which wheels it takes: {said[-1] if said else error}") from None
    except ValueError:
        raise CannotTell(f"{path} does not say which wheels it takes") from None


def chosen(package: Package, python: Python, *, wheels: bool = True, sdists: bool = True) -> File | None:
    """The file that uv takes: the wheel that fits best, else the sdist; without ``wheels`` or ``sdists``, none of those."""
    ranks = {tag: rank for rank, tag in enumerate(python.tags)}
    best: tuple[tuple[int, tuple[int, str]], File] | None = None
    for wheel in package.wheels if wheels else ():
        try:
            _, _, build, tags = parse_wheel_filename(wheel.name)
        except InvalidWheelFilename:
            continue
        rank = min((ranks[str(tag)] for tag in tags if str(tag) in ranks), default=None)
        if rank is not None:
            priority = (-rank, (build[0], build[1]) if build else (-1, ""))
            if best is None or priority > best[0]:
                best = (priority, wheel)
    if best:
        return best[1]
    return package.sdist if sdists else None


def fits(filename: str, python: Python) -> bool:
    """Whether a wheel of that name can be installed there."""
    try:
        tags = parse_wheel_filename(filename)[3]
    except InvalidWheelFilename:
        return False
    return not set(python.tags).isdisjoint(str(tag) for tag in tags)
