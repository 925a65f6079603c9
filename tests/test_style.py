"""Linters and the type checker, with the settings of pyproject.toml."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from world import ROOT

SCRIPTS = ["install.sh", "shims/uv", "shims/uv-shim", "tests/run"]


def check(*argv: str) -> None:
    """Run a checker on the repository; it must find nothing."""
    done = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout


def tool(name: str) -> str:
    """Path of a program that tests/run has installed, or that is on PATH."""
    path = shutil.which(name, path=os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", ""))))
    if path is None and "CI" not in os.environ:
        pytest.skip(f"{name} is not on this machine")
    assert path, f"{name} must be there in CI"
    return path


def test_ruff() -> None:
    check(tool("ruff"), "check", "--quiet")


def test_mypy() -> None:
    """Strict, the tests too."""
    check(tool("mypy"))


@pytest.mark.parametrize("dialect", ["sh", "dash"])
def test_shellcheck(dialect: str) -> None:
    check(tool("shellcheck"), f"--shell={dialect}", *SCRIPTS)


def test_shellcheck_of_bash() -> None:
    check(tool("shellcheck"), ".ci/run")


def test_shfmt() -> None:
    check(tool("shfmt"), "-d", "-i", "2", "-ci", *SCRIPTS, ".ci/run")
