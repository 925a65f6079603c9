"""The releases: copies of the shim, each whole, of which one is in force."""

from __future__ import annotations

import compileall
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from uv_shim import processes
from uv_shim.errors import ShimError
from uv_shim.setup import provision
from uv_shim.setup.layout import NEW, Layout
from uv_shim.setup.sources import PROGRAMS, Sources


def build(layout: Layout, name: str, sources: Sources, packages: Path, uv: Path) -> None:
    """Build one aside, and give it its name when it is whole.

    Raises:
        ShimError: no environment can be made.
    """
    new = layout.releases / f".{name}{NEW}"
    shutil.rmtree(new, ignore_errors=True)
    sources.copy(new)
    site = _environment(new / "venv", uv)
    shutil.copytree(packages, site, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".lock", "bin"))
    (new / "real-uv").write_bytes(os.fsencode(uv) + b"\n")
    # The sealing path starts fast, and needs no cache of the user's for it.
    compileall.compile_dir(str(new / "src"), quiet=2)
    if layout.system:
        open_to_all(new)
    os.rename(new, layout.releases / name)


def open_to_all(folder: Path) -> None:
    """Let everybody read what is below: it has the modes of uv's cache, which may be root's alone."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o055 if mode & 0o100 else 0o044))


def _environment(folder: Path, uv: Path) -> Path:
    """Make an environment, without pip: that takes seconds and megabytes, and Debian's Python may have none. Its folder for packages."""
    python = str(provision.python())
    failed = ""
    for command in ([python, "-m", "venv", "--without-pip", str(folder)],
                    [str(uv), "venv", "--quiet", "--no-project", "--python", python, str(folder)]):
        shutil.rmtree(folder, ignore_errors=True)
        done = processes.run(command, os.environ, cwd=folder.parent, seconds=None)
        if not done.why:
            return next(folder.glob("lib/python*/site-packages"))
        failed = done.why
    raise ShimError(f"no environment could be made for the management command: {failed}", code=1)


def in_force(layout: Layout) -> Path | None:
    """The release that ``current`` leads to, if it is there."""
    return Path(os.path.realpath(layout.current)) if os.path.isdir(layout.current) else None


def packages(layout: Layout) -> Path | None:
    """Where the packages of the one in force are."""
    return next(layout.current.glob("venv/lib/python*/site-packages"), None)


def is_whole(release: Path, name: str, environ: Mapping[str, str]) -> bool:
    """Whether it still is what was built from the sources of that name, and its environment works."""
    if not release.name.startswith(name):
        return False
    try:
        if Sources(release / "src" / "uv_shim", release).name != name or not all(os.access(release / one, os.X_OK) for one in PROGRAMS):
            return False
    except OSError:
        return False
    imports = f"import {', '.join(provision.NEEDED)}"
    return not processes.run([str(release / "venv" / "bin" / "python3"), "-I", "-B", "-c", imports], environ).why


def free_name(layout: Layout, name: str) -> str:
    """A name for a new release of those sources: one that is damaged, but may be in use, keeps its own."""
    names = [name, *(f"{name}.{number}" for number in range(1, 1000))]
    return next(name for name in names if not os.path.lexists(layout.releases / name))


def others(layout: Layout) -> list[Path]:
    """All that is not in force: earlier releases, and what killed runs have left."""
    keep = in_force(layout)
    found = list(layout.prefix.glob(f".*{NEW}"))
    if os.path.isdir(layout.releases):
        found += [path for path in layout.releases.iterdir() if Path(os.path.realpath(path)) != keep]
    return sorted(found)


def remove(path: Path) -> None:
    """Remove a release, or what else is there; first its name, so that none is ever there in part."""
    if path.is_dir() and not path.is_symlink():
        gone = path if path.name.endswith(NEW) else path.with_name(f".{path.name}{NEW}")
        if gone != path:
            shutil.rmtree(gone, ignore_errors=True)
            os.rename(path, gone)
        shutil.rmtree(gone)
    elif os.path.lexists(path):
        path.unlink()
