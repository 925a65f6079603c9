"""The sources: which files make up this copy of uv-shim, be it a checkout, a release that was set up, or a package in an environment?"""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from uv_shim import __version__
from uv_shim.errors import ShimError

_PACKAGE = Path(__file__).resolve().parent.parent

#: What people and shells start.
PROGRAMS = ("shims/uv", "shims/uv-shim", "install.sh")

#: What stands beside src/ in a checkout and a release, and in the package itself in a wheel.
_BESIDE = (*PROGRAMS, "pyproject.toml")


class Sources(NamedTuple):
    """Where the parts are."""

    package: Path
    #: The folder with `_BESIDE` in it.
    beside: Path

    @property
    def home(self) -> Path:
        """The folder with src/ in it, where there is one."""
        return self.package.parent.parent

    @property
    def name(self) -> str:
        """Name of a release of these sources: our version, and the beginning of a digest of every file."""
        digest = hashlib.sha256()
        for name, path in self.files():
            digest.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
        return f"{__version__}-{digest.hexdigest()[:12]}"

    def files(self) -> Iterator[tuple[str, Path]]:
        """Each file, with its name in a release."""
        for name in _BESIDE:
            yield name, self.beside / name
        for folder, folders, names in os.walk(self.package):
            inner = os.path.relpath(folder, self.package)
            folders[:] = sorted(name for name in folders if name != "__pycache__" and (inner, name) != (".", "shims"))
            for name in sorted(names):
                if inner != "." or name not in _BESIDE:
                    yield os.path.normpath(os.path.join("src", "uv_shim", inner, name)), Path(folder, name)

    def copy(self, folder: Path) -> None:
        """Write them all below ``folder``."""
        for name, path in self.files():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(0o755 if name in PROGRAMS else 0o644)

    def packages(self) -> list[str]:
        """What the management command imports: the dependencies that pyproject.toml names."""
        text = (self.beside / "pyproject.toml").read_text(encoding="utf-8")
        # There may be no TOML library yet; but a TOML list of strings is one of Python's.
        _, _, rest = text.partition("\ndependencies = ")
        end = rest.find("]") + 1
        while end:
            try:
                return [str(name) for name in ast.literal_eval(rest[:end])]
            except SyntaxError:
                end = rest.find("]", end) + 1
        raise ShimError(f"{self.beside / 'pyproject.toml'} names no dependencies.", code=1)


def find() -> Sources:
    """Those of the copy that this module belongs to.

    Raises:
        ShimError: they are not whole.
    """
    sources = Sources(_PACKAGE, _PACKAGE.parent.parent)
    if not (sources.beside / "shims" / "uv").is_file():
        sources = Sources(_PACKAGE, _PACKAGE)
    for name in _BESIDE:
        if not (sources.beside / name).is_file():
            raise ShimError(f"{name} is missing beside {_PACKAGE}. Run install.sh from the unpacked sources.", code=1)
    return sources
