"""One test's world: a uv version, an empty HOME and cache, a virtual environment, an index, the shim.

Every variable that uv or the shim could pick up from the machine is left out; what a world sets is set here, with the reason.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvs
from uv_shim.demo.index import Fetched, Index

ROOT = Path(__file__).resolve().parent.parent
SHIM = ROOT / "shims" / "uv"
#: A real interpreter, never a version manager's shim or a virtual environment of the test run.
PYTHON = Path(getattr(sys, "_base_executable", sys.executable)).resolve()


@dataclass(frozen=True)
class Result:
    """What one command did."""

    argv: tuple[str, ...]
    code: int
    stdout: str
    stderr: str
    fetched: Fetched
    #: Messages of the shim itself, taken out of stderr.
    said: tuple[str, ...] = ()

    @property
    def files(self) -> int:
        """How many files were fetched whole."""
        return sum(self.fetched.files.values())


@dataclass
class World:
    """``run`` calls the shim, ``bare`` the real uv, in the same surroundings."""

    version: str
    root: Path
    index: Index
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home = self.root / "home"
        self.work = self.root / "work"
        self.venv = self.work / ".venv"
        self.uv = uvs.uv(self.version)
        for folder in (self.home, self.work, self.root / "tmp"):
            folder.mkdir(parents=True, exist_ok=True)
        self.env = {
            "HOME": str(self.home),
            "TMPDIR": str(self.root / "tmp"),  # to see what stays behind
            "PATH": f"{SHIM.parent}{os.pathsep}{self.uv.parent}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "UV_CACHE_DIR": str(self.root / "cache"),
            "UV_INDEX_URL": self.index.simple(),
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_SHIM_PYTHON": str(PYTHON),
            "LC_ALL": "C.UTF-8",
            **self.env,
        }

    def make_venv(self) -> None:
        """Create ``work/.venv`` with the bare uv."""
        self.bare("venv", "-q", "--python", str(PYTHON), str(self.venv), check=True)

    def run(self, *args: str, **options: Any) -> Result:
        """Call ``uv`` as a user does: by name, the shim first on PATH."""
        return self.call(str(SHIM), args, **options)

    def bare(self, *args: str, **options: Any) -> Result:
        """Call the real uv."""
        return self.call(str(self.uv), args, **options)

    def call(self, program: str, args: tuple[str, ...], *, env: dict[str, str | None] | None = None, stdin: str | None = None,
              check: bool = False, cwd: Path | None = None, shell: str | None = None, timeout: float = 120) -> Result:
        variables: dict[str, str | None] = {**self.env, **(env or {})}
        clean = {key: value for key, value in variables.items() if value is not None}
        self.index.take()
        # A shell template (for process substitution and redirections) has {uv} in the program's place.
        argv = ["bash", "-c", shell.replace("{uv}", f'"{program}"')] if shell else [program, *args]
        done = subprocess.run(argv, env=clean, cwd=cwd or self.work, input=stdin or "", capture_output=True, text=True,
                              timeout=timeout, errors="replace")
        if check and done.returncode:
            raise AssertionError(f"{argv}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        lines = done.stderr.splitlines(keepends=True)
        said = tuple(line.strip() for line in lines if line.startswith("uv-shim: "))
        stderr = "".join(line for line in lines if not line.startswith("uv-shim: "))
        return Result(tuple(argv), done.returncode, done.stdout, stderr, self.index.take(), said)

    def freeze(self, python: Path | None = None) -> str:
        """What is installed, as the bare uv sees it."""
        return self.bare("pip", "freeze", "--python", str(python or self.venv), check=True).stdout

    def sync(self, project: Path, *args: str, env: dict[str, str | None] | None = None) -> Result:
        """``uv sync`` of ``project`` with the bare uv into a new environment.

        Its lock file is made first, if there is none, with another cache: as a colleague's, it leaves no trace in this one.
        """
        shutil.rmtree(project / ".venv", ignore_errors=True)
        if not (project / "uv.lock").exists():
            self.bare("lock", "--python", str(PYTHON), cwd=project, check=True,
                      env={**(env or {}), "UV_CACHE_DIR": str(self.root / "lock-cache")})
        return self.bare("sync", "--python", str(PYTHON), *args, cwd=project, check=True, env={**(env or {}), "VIRTUAL_ENV": None})

    def leftovers(self) -> list[str]:
        """What stayed behind in the folder for temporary files."""
        return sorted(str(path.relative_to(self.root)) for path in (self.root / "tmp").rglob("*"))


def project(folder: Path, *dependencies: str, extra: str = "", requires_python: str = ">=3.8") -> Path:
    """Write a project (not a package) with those dependencies; ``extra`` is appended to its pyproject.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "project"\nversion = "0"\nrequires-python = "{requires_python}"\ndependencies = {json.dumps(list(dependencies))}\n{extra}')
    return folder


def normalise(text: str, world: World) -> str:
    """Take out of uv's output what differs from run to run: times, ports, folders of the test."""
    text = text.replace(str(world.root), "[root]").replace(world.index.url, "[index]")
    text = re.sub(r"\b\d+(\.\d+)?(ms|s|µs|us|ns)\b", "[time]", text)
    return re.sub(r"\.tmp\w{6}", ".tmp[random]", text)
