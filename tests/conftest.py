"""Fixtures: an index, and worlds on it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import uvs
from namespaces import Machine
from uv_shim.demo.index import Index
from world import World

# Whoever starts the tests behind nohup, or in the background, has them ignore these, and all that they start.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-uv", action="store_true", help="every uv version of the promise, instead of a sample of each regime")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have measured (``record_property("measured", line)``), in whichever process they ran."""
    lines = [value for report in terminalreporter.getreports("passed") for name, value in report.user_properties if name == "measured"]
    if lines:
        terminalreporter.section("measured")
        for line in lines:
            terminalreporter.line(str(line))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise ``version`` with the uv versions of this run."""
    if "version" in metafunc.fixturenames and not any(
        "version" in str(mark.args[0]) for mark in metafunc.definition.iter_markers("parametrize")
    ):
        versions = uvs.ALL if metafunc.config.getoption("--all-uv") else uvs.SAMPLE
        metafunc.parametrize("version", versions)


#: Where something that goes wrong one time in four would be a hole, and not a stalled machine.
AT_ONCE = ("test_tampered", "test_guard", "test_load")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test may be tried again (``--reruns``, in CI), for those that stop processes from outside; but not those of AT_ONCE."""
    for item in items:
        if item.path.stem in AT_ONCE:
            item.add_marker(pytest.mark.flaky(reruns=0))


@pytest.fixture
def index() -> Iterator[Index]:
    """An empty index."""
    with Index() as running:
        yield running


@pytest.fixture
def make_world(tmp_path: Path, index: Index) -> Callable[..., World]:
    """Make worlds: ``make_world(version, name="a")``; each has its own HOME, cache and virtual environment."""

    def make(version: str, name: str = "world", *, venv: bool = True, **env: str) -> World:
        world = World(version, tmp_path / name, index, dict(env))
        if venv:
            world.make_venv()
        return world

    return make


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine on which the test may write to /etc."""
    return Machine(tmp_path / "machine")
