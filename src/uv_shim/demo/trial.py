"""One trial: one uv by one route installs a project's requirements, then locks and syncs it, and the index counts."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from uv_shim import processes
from uv_shim.demo.index import Index
from uv_shim.demo.wheels import sdist, wheel
from uv_shim.errors import ShimError

_PROJECT = """\
[project]
name = "demo-project"
version = "0"
requires-python = ">=3.8"
dependencies = ["demo-app", "demo-plot", "demo-tool"]
"""


@dataclass(frozen=True)
class Cost:
    """Files that were downloaded, and their bytes."""

    files: int
    bytes: int


@dataclass(frozen=True)
class Route:
    """A way to call one uv: the bare binary, or the shim in front of it."""

    uv: Path
    version: str
    #: The router; None for the bare binary.
    shim: Path | None = None

    def variables(self, index: Index, folder: Path) -> dict[str, str]:
        """All variables of the calls: whatever the user has set for uv or pip is left out."""
        variables = {
            "HOME": str(folder / "home"),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "UV_CACHE_DIR": str(folder / "cache" / "uv"),
            "TMPDIR": str(folder / "tmp"),
            "PATH": os.pathsep.join((str(self.uv.parent), os.defpath)),
            "LC_ALL": "C.UTF-8",
            "UV_INDEX_URL": index.simple(),
            "UV_PYTHON_DOWNLOADS": "never",
            "UV_NO_CONFIG": "1",
        }
        if self.shim:
            variables["PATH"] = os.pathsep.join((str(self.shim.parent), variables["PATH"]))
            variables["UV_SHIM_REAL_UV"] = str(self.uv)
            variables["UV_SHIM_PYTHON"] = sys.executable
        return variables


@dataclass(frozen=True)
class Trial:
    """What one route cost."""

    route: Route
    #: ``uv pip install`` of the project's requirements.
    install: Cost
    #: ``uv lock`` and ``uv sync`` of the project after that.
    sync: Cost


def stock(index: Index) -> Cost:
    """Publish the project's requirements: four wheels and an sdist. Returns what they come to."""
    files = [
        wheel("demo-app", "1.4.0", requires=("demo-core>=2", "demo-data"), payload=200_000),
        wheel("demo-core", "2.1.3", payload=600_000),
        wheel("demo-data", "2024.2", payload=2_000_000),
        wheel("demo-plot", "3.0.1", requires=("demo-core",), payload=1_100_000),
        sdist("demo-tool", "0.9", payload=250_000),
    ]
    return Cost(len(files), sum(len(index.add(file).data) for file in files))


def run(route: Route, index: Index, folder: Path) -> Trial:
    """Make the trial in ``folder``, which is new: its HOME, cache and environments are there.

    Raises:
        ShimError: a call failed; the words are uv's.
    """
    project = folder / "project"
    for new in (folder / "home", folder / "tmp", project):
        new.mkdir(parents=True)
    (project / "pyproject.toml").write_text(_PROJECT, encoding="utf-8")
    variables = route.variables(index, folder)
    environment = folder / "environment"
    program = route.shim or route.uv

    def cost(*calls: Sequence[str], **extra: str) -> Cost:
        index.take()
        for call in calls:
            _call([str(program), *call], {**variables, **extra}, project)
        sizes = {file.name: len(file.data) for file in index.files["main"].values()}
        fetched = index.take().files
        return Cost(sum(fetched.values()), sum(sizes[name] * times for name, times in fetched.items()))

    # As an option of these calls, never as UV_PYTHON: with that one, `pip install` would install into this very Python.
    python = ("--python", sys.executable)
    cost(("venv", *python, str(environment)))
    install = cost(("pip", "install", "-r", "pyproject.toml"), VIRTUAL_ENV=str(environment))
    return Trial(route, install, cost(("lock", *python), ("sync", *python)))


def _call(argv: Sequence[str], variables: Mapping[str, str], cwd: Path) -> None:
    done = processes.run(argv, variables, cwd=cwd, seconds=None)
    if done.why:
        said = (done.stdout + done.stderr).splitlines() or [done.why]
        raise ShimError(f"the demo ends here: exit code {done.code} of {' '.join(argv)}", *said, code=1)
