"""On a terminal, a person sees that something is going on, whoever resolves: uv, or uv for the shim."""

from __future__ import annotations

import os
import pty
import select
import shutil
import threading
import time
from collections.abc import Callable

import pytest

from uv_shim.demo.wheels import wheel
from world import SHIM, World

WORDS = "Resolving dependencies..."


def seen(world: World, program: str, *options: str, **environ: str) -> tuple[bool, str]:
    """Whether a spinner turned while the index kept uv waiting, and all that the terminal was sent."""
    shutil.rmtree(world.root / "cache", ignore_errors=True)
    answer = threading.Event()
    world.index.interfere = lambda request: "/simple/" in request.path and not answer.wait(20)
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(world.work)
        os.execve(program, [program, "pip", "install", "--reinstall", *options, "alpha"], {**world.env, "TERM": "xterm", **environ})
    text, turned, end = "", False, time.monotonic() + 1.5
    while True:
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                text += os.read(terminal, 4096).decode("utf-8", "replace")
            except OSError:  # so a terminal says that nobody writes to it any more
                break
        if not answer.is_set():
            turned = text.count(WORDS) > 1
            if turned or time.monotonic() > end:
                answer.set()
    os.close(terminal)
    assert os.WEXITSTATUS(os.waitpid(process, 0)[1]) == 0, text
    return turned, text


@pytest.mark.parametrize("how", ["as ever", "--quiet", "--no-progress", "--verbose", "UV_NO_PROGRESS=1", "UV_NO_PROGRESS=0", "RUST_LOG=uv=debug",
                                 "NO_COLOR=1"])
@pytest.mark.parametrize("version", ["0.5.26", "0.9.8"])
def test_the_same_as_without_the_shim(make_world: Callable[..., World], version: str, how: str) -> None:
    world = make_world(version)
    world.index.add(wheel("alpha", "1.0"))
    options = (how,) if how.startswith("--") else ()
    name, given, value = how.partition("=")
    environ = {name: value} if given else {}
    bare, _ = seen(world, str(world.uv), *options, **environ)
    shim, text = seen(world, str(SHIM), *options, **environ)
    assert shim == bare == (how in ("as ever", "UV_NO_PROGRESS=0", "NO_COLOR=1"))
    # What is left on the screen of each line: what stands behind the last erasing of it.
    screen = [line.rpartition("\033[2K")[2].rpartition("\r")[2] for line in text.replace("\r\n", "\n").split("\n")]
    assert not any(WORDS in line for line in screen)


def test_none_where_nobody_can_see_it_turn(make_world: Callable[..., World]) -> None:
    """A terminal that cannot take a line back."""
    world = make_world("0.9.8")
    world.index.add(wheel("alpha", "1.0"))
    assert not seen(world, str(SHIM), TERM="dumb")[0]
