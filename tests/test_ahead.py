"""Two questions are put to uv side by side with another one: it takes no longer, and whatever is not needed leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aftermath import settle, strangers
from standin import StandIn
from uv_shim.demo.wheels import wheel
from world import SHIM, World, project

VERSION = "0.9.8"


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    made = make_world(VERSION)
    made.index.add(wheel("alpha", "1.0", requires=("beta",)))
    made.index.add(wheel("beta", "1.0"))
    return made


@pytest.fixture
def resolving(world: World) -> Iterator[threading.Event]:
    """The index has been asked for a page, and answers once this is set."""
    answer = threading.Event()

    def interfere(_: object) -> bool:
        answer.wait(20)
        return False

    world.index.interfere = interfere
    yield answer
    answer.set()


def start(world: World, real: StandIn, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen([SHIM, "pip", "install", *args], cwd=world.work, env={**world.env, "UV_SHIM_REAL_UV": str(real.path)},
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, text=True)


def wait_for_calls(real: StandIn, number: int) -> None:
    for _ in range(1000):
        if len(real.calls) >= number:
            return
        time.sleep(0.01)
    raise AssertionError(f"{real.calls} after 10 s")


def test_the_query_is_under_way_while_uv_resolves(world: World, resolving: threading.Event) -> None:
    """It is started once, before there is an answer of the index, and told then what to ask."""
    real = StandIn(world, 0, ":")
    process = start(world, real, "alpha")
    wait_for_calls(real, 2)
    assert real.calls[1].startswith("pip compile - ")
    resolving.set()
    _, stderr = process.communicate(timeout=20)
    assert (process.returncode, len(real.calls), "uv-shim: " in stderr) == (0, 3, False)
    assert world.sync(project(world.root / "project", "alpha")).files == 0


@pytest.mark.parametrize("signalled", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT], ids=["INT", "TERM", "HUP", "QUIT"])
@pytest.mark.parametrize("tell", [os.kill, os.killpg], ids=["alone", "group"])
def test_both_are_told_to_stop(world: World, resolving: threading.Event, signalled: signal.Signals, tell: Callable[[int, int], None]) -> None:
    """The dry run, and the query that waits beside it."""
    real = StandIn(world, 0, ":")
    process = start(world, real, "alpha", *(["--no-cache"] if tell is os.killpg else []))
    wait_for_calls(real, 2)
    tell(process.pid, signalled)
    _, stderr = process.communicate(timeout=10)
    resolving.set()
    settle(process.pid)
    assert (process.returncode, stderr, [name for name in strangers(world) if not name.endswith("/core")]) == (-signalled, "", [])


@pytest.mark.parametrize(("wanted", "code"), [("alpha", 0), ("missing", 1)])
def test_a_query_that_is_not_needed(world: World, resolving: threading.Event, wanted: str, code: int) -> None:
    """All hashes are the user's own, or there is no answer to come: it is ended, and the uv that installs inherits nothing of it."""
    digests = {name: file.digests()["sha256"] for name, file in world.index.files["main"].items()}
    requirements = world.work / "requirements.txt"
    requirements.write_text("".join(f"{name.partition('-')[0]}==1.0 --hash=sha256:{digest}\n" for name, digest in digests.items())
                            if not code else f"{wanted}\n")
    real = StandIn(world, -1, 'for fd in /proc/$$/fd/*; do readlink $fd; done >"$self/open"')
    process = start(world, real, "-r", "requirements.txt")
    wait_for_calls(real, 2)
    resolving.set()
    _, stderr = process.communicate(timeout=20)
    settle(process.pid)
    assert (process.returncode, strangers(world)) == (code, [])
    assert [line for line in stderr.splitlines() if line.startswith(" + ")] == ([] if code else [" + alpha==1.0", " + beta==1.0"])
    assert real.calls[1].startswith("pip compile - ")
    if not code:  # with no solution, nothing is installed
        assert "memfd" not in (Path(real.folder) / "open").read_text()


def test_what_is_not_needed_may_tidy_up(world: World, resolving: threading.Event) -> None:
    """uv has a folder in TMPDIR for moments while it starts: killed then, it would leave it there."""
    real = StandIn(world, 2, 'mkdir "$TMPDIR/moment"; cat >/dev/null; sleep 0.2; rmdir "$TMPDIR/moment"; exit 2')
    process = start(world, real, "missing")
    real.wait()
    resolving.set()
    process.communicate(timeout=20)
    settle(process.pid)
    assert (process.returncode, strangers(world)) == (1, [])


@pytest.mark.parametrize("configured", [False, True], ids=["online", "offline by a setting"])
def test_whether_there_is_a_network_is_asked_beside_the_query(world: World, configured: bool) -> None:
    """Where the cache has some of it, by the bare uv, so without hashes."""
    world.bare("pip", "install", "alpha", check=True)
    world.bare("pip", "uninstall", "-q", "alpha", "beta", check=True)
    if configured:
        (world.work / "uv.toml").write_text("offline = true\n")
    begun = world.root / "begun"
    both = world.root / "both"
    both.write_text(f"""#!/bin/sh
case $* in
    *--show-settings*) : >"{begun}"; sleep 0.3; rm "{begun}" ;;
    *compile*) sleep 0.1; [ -e "{begun}" ] && : >"{begun}-meanwhile" ;;
esac
exec '{world.uv}' "$@"
""")
    both.chmod(0o755)
    result = world.run("pip", "install", "alpha", env={"UV_SHIM_REAL_UV": str(both)}, check=True)
    assert (world.root / "begun-meanwhile").exists()
    assert world.freeze() == "alpha==1.0\nbeta==1.0\n"
    assert bool(result.said) is configured
