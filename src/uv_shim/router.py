"""The router (`shims/uv`): where is it, and which real uv does it find from here?

The router alone knows how to find the real uv; it is asked, so that nothing here can come to another answer.
(Only an install, which wants a binary and not a launcher, looks by itself: `setup.provision`.)
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from uv_shim import processes, versions
from uv_shim.errors import ShimError

_PACKAGE = Path(__file__).resolve().parent

#: A uv that takes longer than this to say its version does not answer.
_SECONDS = 30

#: What the router traces right before it becomes the real uv.
_EXEC = "uv-shim: trace: untouched: exec "


class Found(NamedTuple):
    """The real uv behind the router."""

    path: Path
    #: First line of its ``--version``.
    said: str
    #: What the router became on the way: shims of other managers may call a shim again. The last one is `path`.
    chain: tuple[str, ...]

    @property
    def version(self) -> tuple[int, int, int] | None:
        """Its version; None where it does not say one."""
        return versions.parse(self.said)


def path() -> Path:
    """Path of the router that belongs to this copy of the package.

    Raises:
        ShimError: it is not there.
    """
    # Beside src/ in a checkout and where install.sh put it; inside the package in a wheel.
    for candidate in (_PACKAGE.parent.parent / "shims" / "uv", _PACKAGE / "shims" / "uv"):
        if candidate.is_file():
            return candidate
    raise ShimError(f"the shim itself is missing beside {_PACKAGE}. Install uv-shim again.", code=1)


def lay_out(folder: Path) -> Path:
    """Path of a router that finds its Python half; laid out below ``folder`` where this copy is a package in an environment."""
    router = path()
    if (router.parent.parent / "src" / "uv_shim" / "launch.py").exists():
        return router
    shim = folder / "shims" / "uv"
    shim.parent.mkdir(parents=True)
    shutil.copyfile(router, shim)
    shim.chmod(0o755)
    (folder / "src").mkdir()
    (folder / "src" / "uv_shim").symlink_to(_PACKAGE)
    return shim


def find(environ: Mapping[str, str]) -> Found:
    """The real uv that would run with those variables.

    Raises:
        ShimError: there is none, or a setting is wrong; the words are the router's.
    """
    variables = {key: value for key, value in environ.items() if key != "UV_SHIM_VISITED"}
    done = processes.run(["/bin/sh", str(path()), "--version"], {**variables, "UV_SHIM_TRACE": "1"}, seconds=_SECONDS)
    lines = done.stderr.splitlines()
    # What it became. A second copy of the shim on the way traces its own line; the last one names uv.
    traced = [line[len(_EXEC) :] for line in lines if line.startswith(_EXEC)]
    if done.code is None:
        raise ShimError(f"{(traced or [str(path())])[-1]} does not answer --version within {_SECONDS} s.",
                        "Set UV_SHIM_REAL_UV to the path of another uv.", code=1)
    if not traced:
        prefix = "uv-shim: "
        raise ShimError(*(line[len(prefix) :] if line.startswith(prefix) else line for line in lines), code=done.code or 1)
    if done.code:
        raise ShimError(f"{traced[-1]} does not run: exit code {done.code} at --version.", code=1)
    return Found(Path(traced[-1]), done.stdout.split("\n", 1)[0], tuple(traced))
