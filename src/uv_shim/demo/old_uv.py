"""An old uv, from the package index: kept in the user's cache."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from uv_shim import config, processes

#: The uv of the report that this project comes from.
VERSION = "0.9.8"

_PATIENCE_SECONDS = 300


class CannotBeHad(Exception):
    """The index cannot be reached, or has no such uv for this machine."""


def binary(uv: Path, environ: Mapping[str, str]) -> Path:
    """Path of the old uv, fetched with ``uv``, or with pip, where it is missing.

    Raises:
        CannotBeHad: with the reason.
    """
    base = config.folder("XDG_CACHE_HOME", ".cache", environ) or os.path.join(os.path.expanduser("~"), ".cache")
    kept = Path(base) / "uv-shim" / "uv" / VERSION / "uv"
    if not kept.exists():
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
                _fetch(uv, Path(folder), environ)
                os.replace(Path(folder) / "bin" / "uv", kept)
        except OSError as error:
            raise CannotBeHad(str(error)) from None
    return kept


def _fetch(uv: Path, folder: Path, environ: Mapping[str, str]) -> None:
    what = ["install", "--quiet", "--no-deps", "--only-binary", ":all:", "--target", str(folder), f"uv=={VERSION}"]
    reason = ""
    # The user's own variables and configuration: they know the way to the index.
    for command in ([str(uv), "pip", *what], [sys.executable, "-m", "pip", *what], ["python3", "-m", "pip", *what]):
        done = processes.run(command, environ, cwd=folder, seconds=_PATIENCE_SECONDS)
        if not done.why:
            return
        reason = reason or done.why
    raise CannotBeHad(reason)
