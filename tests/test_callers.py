"""Programs that find uv on PATH and call `uv pip` themselves: the same results with the shim first, and `uv sync` has nothing to fetch."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

import services
from uv_shim.demo.wheels import sdist, wheel
from world import PYTHON, SHIM, World, project

VERSIONS = ("0.9.8", "0.12.15")
#: What the callers install, and so what `uv sync` finds in the cache.
NAMES = ("app", "lib", "src")

#: A build backend on the index that needs nothing; the project is built with it.
BACKEND = """\
import zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "mine-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{directory}/{name}", "w") as archive:
        archive.writestr("mine.py", "import app, src\\n")
        archive.writestr("mine-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: mine\\nVersion: 1.0\\n")
        archive.writestr("mine-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: mine\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr("mine-1.0.dist-info/RECORD", "")
    return name
"""


@dataclass(frozen=True)
class Caller:
    """One program: where it comes from, what its project has besides, and its command line."""

    requirements: tuple[str, ...]
    files: dict[str, str]
    command: tuple[str, ...]
    #: What it says where all went well.
    success: str
    #: Where it has uv keep its cache.
    cache: str = "cache"


CALLERS = {
    "nox": Caller(("nox",), {"noxfile.py": """\
import nox

@nox.session(venv_backend="uv")
def tests(session):
    session.install("app", "src")
    session.run("python", "-c", "import app, src; print('both', app.version)")
"""}, ("nox", "-s", "tests"), "both 1.0"),
    "build": Caller(("build",), {}, ("pyproject-build", "--installer", "uv", "--wheel"), "Successfully built mine-1.0-py3-none-any.whl"),
    "hatch": Caller(("hatch",), {"hatch.toml": """\
[envs.default]
installer = "uv"
uv-path = "uv"
skip-install = true
dependencies = ["app", "src"]
"""}, ("hatch", "run", "python", "-c", "import app, src; print('both', app.version)"), "both 1.0"),
    "prek": Caller(("prek",), {".pre-commit-config.yaml": """\
repos:
- repo: local
  hooks:
  - {id: both, name: both, language: python, entry: 'python -c "import app, src"', pass_filenames: false, always_run: true,
     additional_dependencies: [app, src]}
"""}, ("prek", "run", "--all-files"), "Passed", cache="prek/cache/uv"),
}


def run(world: World, caller: Caller, programs: Path) -> tuple[int, str]:
    """Run a caller on a new project; its exit code and its output."""
    folder = world.work / "mine"
    folder.mkdir()
    (folder / "pyproject.toml").write_text('[project]\nname = "mine"\nversion = "1.0"\n'
                                           '[build-system]\nrequires = ["app", "src"]\nbuild-backend = "backend"\nbackend-path = ["."]\n')
    (folder / "backend.py").write_text(BACKEND)
    for file, text in caller.files.items():
        (folder / file).write_text(text)
    for command in (("git", "init", "-q"), ("git", "add", ".")):
        subprocess.run(command, cwd=folder, env=world.env, check=True, capture_output=True)
    env = {**world.env, "PATH": f"{world.env['PATH']}:{PYTHON.parent}", "PREK_HOME": str(world.root / "prek"), "NO_COLOR": "1", "COLUMNS": "1000"}
    done = subprocess.run([programs / caller.command[0], *caller.command[1:]], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    return done.returncode, done.stdout


@pytest.mark.parametrize("name", CALLERS)
@pytest.mark.parametrize("version", VERSIONS)
def test_callers(make_world: Callable[..., World], version: str, name: str) -> None:
    """Of the same kind as with the bare uv first; what they installed is sealed."""
    programs = services.programs(name, *CALLERS[name].requirements)
    said = []
    for first in ("shim", "bare"):
        world = make_world(version, first, venv=False)
        world.index.files.clear()
        world.index.add(wheel("app", "1.0", requires=("lib",)))
        world.index.add(wheel("lib", "1.0"))
        world.index.add(sdist("src", "1.0"))
        record = world.root / "calls"
        recorder = world.root / "recorder" / "uv"
        recorder.parent.mkdir()
        # In the real uv's place: it notes the call.
        recorder.write_text(f"""#!/bin/sh
printf '%s\\n' "$*" >>'{record}'
exec '{world.uv}' "$@"
""")
        recorder.chmod(0o755)
        folders = [*([str(SHIM.parent)] if first == "shim" else []), str(recorder.parent), "/usr/bin", "/bin"]
        world.env["PATH"] = os.pathsep.join(folders)
        code, output = run(world, CALLERS[name], programs)
        assert (code, CALLERS[name].success in output) == (0, True), output
        assert "uv-shim: " not in output
        assert re.search(r"(?m)^(-\S+ )*pip (-\S+ )*(install|sync) ", record.read_text()), "it does not call uv pip: this test has lost its meaning"
        said.append(re.sub(r"\d+(\.\d+)?m?s\b|/\S+| in (a|\d+) seconds?", "", output))
        if first == "shim":
            assert "pip install --dry-run" in record.read_text(), "it has not called the shim: this test has lost its meaning"
            cache = str(world.root / CALLERS[name].cache)
            assert world.sync(project(world.root / "project", *NAMES), env={"UV_CACHE_DIR": cache}).files == 0
    assert sorted(said[0].splitlines()) == sorted(said[1].splitlines())
