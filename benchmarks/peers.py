"""Peers: other programs that stand before a program on PATH, each set up in a scratch folder of its own.

A peer that cannot be set up here is `Missing`, with the reason: a row of the table says so.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from world import PYTHON, SHIM

_FLOOR = """
#include <unistd.h>
#include <stdlib.h>
int main(int argc, char **argv) { execv(getenv("FLOOR_REAL"), argv); return 127; }
"""

_CONSOLE = """
import os
import sys

def main():
    os.execv(os.environ["FLOOR_REAL"], ["uv", *sys.argv[1:]])
"""


class Missing(Exception):
    """It cannot be set up on this machine."""


class Peer(NamedTuple):
    """The same command through the peer and without it."""

    through: list[str]
    without: list[str]
    environ: dict[str, str]


def shim(_: Path, uv: Path) -> Peer:
    return Peer([str(SHIM), "--version"], [str(uv), "--version"], {})


def floor(folder: Path, uv: Path) -> Peer:
    """A static C program that does nothing but exec."""
    (folder / "floor.c").write_text(_FLOOR, encoding="ascii")
    _set_up([_tool("gcc"), "-O2", "-static", "-o", str(folder / "floor"), str(folder / "floor.c")])
    return Peer([str(folder / "floor"), "--version"], [str(uv), "--version"], {"FLOOR_REAL": str(uv)})


def console_script(folder: Path, uv: Path) -> Peer:
    """A Python console script, as pip makes them, that does nothing but exec."""
    _set_up([str(uv), "venv", "--quiet", "--python", str(PYTHON), str(folder / "venv")])
    package = folder / "package"
    package.mkdir()
    (package / "passing.py").write_text(_CONSOLE, encoding="ascii")
    (package / "pyproject.toml").write_text('[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
                                            '[project]\nname = "passing"\nversion = "1"\n[project.scripts]\npassing = "passing:main"\n'
                                            '[tool.setuptools]\npy-modules = ["passing"]\n', encoding="ascii")
    _set_up([sys.executable, "-m", "pip", "--python", str(folder / "venv" / "bin" / "python"), "install", "--quiet", str(package)])
    return Peer([str(folder / "venv" / "bin" / "passing"), "--version"], [str(uv), "--version"], {"FLOOR_REAL": str(uv)})


def ccache(folder: Path, _: Path) -> Peer:
    """ccache as a masquerade: a link of the compiler's name that leads to ccache."""
    program = shutil.which("ccache")
    libraries = ""
    if not program:
        # Debian's packages, unpacked and not installed.
        _set_up([_tool("apt-get"), "download", "ccache", *_ccache_libraries()], folder)
        for package in folder.glob("*.deb"):
            _set_up([_tool("dpkg"), "--extract", str(package), str(folder / "root")])
        program = str(folder / "root" / "usr" / "bin" / "ccache")
        libraries = str(folder / "root" / "usr" / "lib" / f"{platform.machine()}-linux-gnu")
    compiler = _tool("gcc")
    (folder / "links").mkdir()
    (folder / "links" / "gcc").symlink_to(program)
    environ = {"PATH": f"{folder / 'links'}{os.pathsep}{Path(compiler).parent}", "LD_LIBRARY_PATH": libraries}
    _set_up([str(folder / "links" / "gcc"), "--version"], environ={**environ, "HOME": str(folder)})
    return Peer([str(folder / "links" / "gcc"), "--version"], [compiler, "--version"], environ)


def _ccache_libraries() -> list[str]:
    """The packages that Debian's ccache needs beside the C and C++ libraries."""
    shown = subprocess.run(["apt-cache", "depends", "ccache"], capture_output=True, text=True, check=False).stdout
    return [line.split()[-1] for line in shown.splitlines() if "Depends: lib" in line and "libc6" not in line and "stdc++" not in line
            and "libgcc" not in line]


def pyenv(folder: Path, uv: Path) -> Peer:
    """pyenv's shim for a uv in one of its Pythons."""
    home = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    if not (home / "libexec" / "pyenv").exists():
        raise Missing("pyenv is not on this machine")
    program = folder / "versions" / "one" / "bin" / "uv"
    program.parent.mkdir(parents=True)
    program.symlink_to(uv)
    environ = {"PYENV_ROOT": str(folder), "PYENV_VERSION": "one", "PATH": f"{home / 'libexec'}{os.pathsep}{os.defpath}"}
    _set_up([str(home / "libexec" / "pyenv"), "rehash"], environ=environ)
    return Peer([str(folder / "shims" / "uv"), "--version"], [str(uv), "--version"], environ)


def safe_chain(folder: Path, uv: Path) -> Peer:
    """safe-chain's `aikido-uv`, from the npm registry."""
    node = _tool("node")
    _set_up([_tool("npm"), "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "@aikidosec/safe-chain"], folder)
    program = folder / "node_modules" / ".bin" / "aikido-uv"
    if not program.exists():
        raise Missing("this safe-chain has no command for uv")
    environ = {"PATH": f"{uv.parent}{os.pathsep}{Path(node).parent}{os.pathsep}{os.defpath}", "HOME": str(folder)}
    _set_up([str(program), "--version"], environ=environ)
    return Peer([str(program), "--version"], [str(uv), "--version"], environ)


#: By the names of their rows. Each makes the peer in that folder, for that uv.
ALL: dict[str, Callable[[Path, Path], Peer]] = {
    "floor": floor, "shim": shim, "ccache": ccache, "console script": console_script, "pyenv": pyenv, "safe-chain": safe_chain,
}


def _tool(name: str) -> str:
    path = shutil.which(name)
    if not path:
        raise Missing(f"{name} is not on this machine")
    return path


def _set_up(argv: list[str], folder: Path | None = None, environ: dict[str, str] | None = None) -> None:
    done = subprocess.run(argv, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode:
        raise Missing(f"{Path(argv[0]).name} failed (exit code {done.returncode})")
