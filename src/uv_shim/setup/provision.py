"""What setting up needs from elsewhere: the real uv, a Python, and packages from the index."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from uv_shim import processes, programs
from uv_shim.errors import ShimError

_PATIENCE_SECONDS = 600

#: Settings of a project that this is run in, or of one call, that are not meant for this.
_NOT_OURS = frozenset(("UV_REQUIRE_HASHES", "UV_NO_VERIFY_HASHES", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_PYTHON", "UV_TARGET", "VIRTUAL_ENV",
                       "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_HASHES", "PIP_CONSTRAINT"))

_PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")

#: What reads and writes the receipt, and what the management command cannot do without, by the names they are imported by.
TOML = ("tomli_w", *(() if sys.version_info >= (3, 11) else ("tomli",)))
NEEDED = ("packaging", "psutil", *TOML)


def python() -> Path:
    """The path of what runs this: no virtual environment's, no version manager's launcher."""
    return Path(getattr(sys, "_base_executable", "") or sys.executable)


def real_uv(environ: Mapping[str, str], before: Path) -> Path | None:
    """The real uv on PATH, or the one that is named: no copy of the shim, and rather a binary than another manager's launcher.

    ``before`` is one that was fetched at an earlier run. None where there is none at all.
    """
    launchers: list[Path] = []
    for path in (*programs.on_path(environ), environ.get("UV_SHIM_REAL_UV", "")):
        if not programs.is_program(path) or programs.seals(path) or programs.is_stray(path):
            continue
        candidate = Path(os.path.abspath(path))
        if not _says_uv(candidate, environ):
            continue
        if not programs.manager(path):
            return candidate
        launchers.append(candidate)
    return next(iter(launchers), before if os.access(before, os.X_OK) else None)


def _says_uv(candidate: Path, environ: Mapping[str, str]) -> bool:
    done = processes.run([str(candidate), "--version"], environ)
    return not done.why and done.stdout.startswith("uv ")


def fetch_uv(folder: Path, environ: Mapping[str, str]) -> Path:
    """Fetch a uv from the index into ``folder``, with pip.

    Raises:
        ShimError: there is no pip, or no way to the index.
    """
    pip = _pip(folder.with_name("pip"), environ)
    if pip is None:
        raise ShimError(f"there is no uv on PATH, and {python()} has neither pip nor ensurepip to fetch one.",
                        "Install uv, or pip (on Debian: apt-get install python3-pip), and run this again.", code=1)
    failed = _run([*pip, "install", "--no-deps", "--only-binary", ":all:", "--target", str(folder), "uv"], folder.parent, environ)
    if failed:
        raise ShimError(f"there is no uv on PATH, and none could be fetched: {failed}", "Install uv, and run this again.", code=1)
    return folder / "bin" / "uv"


def fetch_packages(packages: Sequence[str], folder: Path, uv: Path, environ: Mapping[str, str], checkout: Path) -> None:
    """Fetch what the management command imports into ``folder``: with uv, and with pip where that fails.

    Raises:
        ShimError: neither can.
    """
    what = ["--target", str(folder), *packages]
    failed = _run([str(uv), "pip", "install", "--quiet", "--python", str(python()), *what], folder.parent, environ)
    if not failed:
        return
    pip = _pip(folder.with_name("pip"), environ)
    if pip is None or _run([*pip, "install", *what], folder.parent, environ):
        raise ShimError(
            f"packages of the management command could not be had ({', '.join(packages)}): {failed}",
            "Nothing was done. Make the package index reachable (UV_DEFAULT_INDEX and PIP_INDEX_URL name another), and run this again.",
            f"The shim itself needs none of them: PATH={checkout}/shims:$PATH is enough.", code=1)


def lacks(names: Sequence[str], folder: Path | None = None) -> str:
    """Import those, with ``folder`` searched too; returns why one cannot be, empty where all are.

    The folder is searched for nothing else: in a temporary one, say, whose file system runs no programs, psutil is there and does not work.
    """
    before = list(sys.path)
    if folder:
        sys.path.append(str(folder))
        importlib.invalidate_caches()
    try:
        for name in names:
            importlib.import_module(name)
    except ImportError as error:
        return str(error)
    finally:
        sys.path[:] = before
    return ""


def _pip(folder: Path, environ: Mapping[str, str]) -> list[str] | None:
    """How to call pip: this Python's own one, else one in an environment that is made for it. None where there is none."""
    own = [str(python()), *_PIP]
    if not _run([*own, "--version"], folder.parent, environ):
        return own
    if not _run([str(python()), "-m", "venv", str(folder)], folder.parent, environ):
        return [str(folder / "bin" / "python3"), *_PIP]
    return None


def _run(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> str:
    """Run it; returns why it failed, empty where it did not."""
    variables = {key: value for key, value in environ.items() if key not in _NOT_OURS}
    return processes.run(command, variables, cwd=folder, seconds=_PATIENCE_SECONDS).why
