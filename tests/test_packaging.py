"""What is shipped: the wheel, the sdist, and a plain copy of two folders."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import uvs
from machine import Machine, need
from uv_shim import __version__
from uv_shim.demo import trial
from uv_shim.demo.index import Index
from world import PYTHON, ROOT

IGNORED = shutil.ignore_patterns("__pycache__", "*.egg-info")
MODULES = sorted(str(path.relative_to(ROOT / "src")) for path in (ROOT / "src" / "uv_shim").rglob("*.py"))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the sdist, and the wheel that was built from it."""
    sources = tmp_path_factory.mktemp("sources")
    for entry in ROOT.iterdir():
        if entry.name in ("src", "shims", "tests", "docs"):
            shutil.copytree(entry, sources / entry.name, ignore=IGNORED)
        elif entry.is_file():
            shutil.copy(entry, sources)
    out = tmp_path_factory.mktemp("built")
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(out), str(sources)], check=True, stdout=subprocess.DEVNULL)
    return out


@pytest.fixture(scope="session")
def environment(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel; without its dependencies, as these commands need none."""
    folder = tmp_path_factory.mktemp("environment") / "an environment"
    uv = str(uvs.uv(uvs.ALL[-1]))
    subprocess.run([uv, "venv", "-q", "--python", str(PYTHON), str(folder)], check=True)
    wheel = next(built.glob("*.whl"))
    subprocess.run([uv, "pip", "install", "-q", "--no-deps", "--python", str(folder), str(wheel)], check=True)
    return folder


def test_the_wheel_carries_the_sources_and_the_shim(built: Path) -> None:
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        names = wheel.namelist()
        assert [name for name in sorted(names) if name.endswith(".py")] == MODULES
        assert {"uv_shim/audit/page.css", "uv_shim/audit/page.js"} <= {*names}
        for shim in ("uv", "uv-shim"):
            assert wheel.read(f"uv_shim/shims/{shim}") == (ROOT / "shims" / shim).read_bytes()
            assert wheel.getinfo(f"uv_shim/shims/{shim}").external_attr >> 16 & 0o111, "not executable"
        metadata = wheel.read(f"uv_shim-{__version__}.dist-info/METADATA").decode()
    for package in ("msgpack", "packaging", "psutil", "tomli-w"):
        assert f"Requires-Dist: {package}\n" in metadata


def test_the_sdist_carries_what_is_needed_to_set_up(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        modes = {member.name.partition("/")[2]: member.mode for member in archive.getmembers()}
    assert {f"src/{module}" for module in MODULES} <= modes.keys()
    for program in ("install.sh", "shims/uv", "shims/uv-shim"):
        assert modes[program] & 0o111, program
    assert {"pyproject.toml", "LICENSE", "tests/run"} <= modes.keys()


def test_the_installed_command_needs_no_sources(environment: Path, tmp_path: Path) -> None:
    command = str(environment / "bin" / "uv-shim")
    for arguments, words in ((["--version"], __version__), (["demo", "--help"], "through the shim")):
        done = subprocess.run([command, *arguments], env={"PATH": os.defpath}, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert words in done.stdout


def test_the_installed_demo_runs_with_the_shim_that_it_carries(environment: Path, tmp_path: Path) -> None:
    done = subprocess.run([str(environment / "bin" / "uv-shim"), "demo"], cwd=tmp_path, capture_output=True, text=True, check=False,
                          env={"PATH": f"{uvs.uv('0.9.8').parent}:{os.defpath}", "HOME": str(tmp_path)}, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "through the shim it downloads none" in done.stdout


@pytest.mark.parametrize("what", ["wheel", "checkout"])
def test_a_tool_sets_up_what_install_sh_does(built: Path, tmp_path: Path, what: str) -> None:
    """`uv tool install <wheel or checkout>`, then `uv-shim install`: file by file the same, and it stays when the tool goes."""
    machine, other = Machine(tmp_path / "by a tool"), Machine(tmp_path / "by the script")
    machine.env.update(UV_TOOL_DIR=str(tmp_path / "tools"), UV_TOOL_BIN_DIR=str(tmp_path / "bin"))
    package = next(built.glob("*.whl")) if what == "wheel" else ROOT
    machine.run(str(machine.tools / "uv"), "tool", "install", "--python", str(PYTHON), str(package))
    machine.run(str(tmp_path / "bin" / "uv-shim"), "install")
    other.install()
    files = [{name.partition("/releases/")[2] for name in each.contents() if "__pycache__" not in name} for each in (machine, other)]
    # The name of a release has a digest of its sources in it.
    assert files[0] == files[1]
    machine.run(str(machine.tools / "uv"), "tool", "uninstall", "uv-shim")
    assert machine.ask(need("bash"), "-lc", "command -v uv; uv --version").startswith(f"{machine.shims}/uv\nuv ")
    machine.run(str(machine.shims / "uv-shim"), "uninstall")
    assert machine.contents() == {}


def test_a_plain_copy_works(tmp_path: Path) -> None:
    """The two folders are enough, wherever they are."""
    copy = tmp_path / "a copy"
    for folder in ("shims", "src"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=IGNORED)
    with Index() as index:
        stocked = trial.stock(index)
        done = trial.run(trial.Route(uvs.uv("0.9.8"), "0.9.8", copy / "shims" / "uv"), index, tmp_path / "trial")
    assert done.install.files >= stocked.files
    assert done.sync.files == 0
    assert not list(copy.rglob("__pycache__"))


@pytest.mark.parametrize("program", ["shims/uv", "shims/uv-shim", "install.sh", "tests/run", ".ci/run"])
def test_programs_are_executable(program: str) -> None:
    assert os.access(ROOT / program, os.X_OK)
