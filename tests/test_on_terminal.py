"""On a terminal, a person sees what they would see without the shim, whoever resolves: uv, or uv for the shim."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import termios
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from uv_shim.demo.wheels import wheel
from uv_shim.realuv import RealUv
from world import SHIM, World, normalise

WORDS = "Resolving dependencies..."

#: A spinner in that position, with its colours.
FRAME = rf"(?:\033\[37m)?[⠀-⣿](?:\033\[0m)? (?:\033\[2m)?{re.escape(WORDS)} *(?:\033\[0m)?"


def seen(world: World, program: str, *options: str, environ: dict[str, str], answer: threading.Event | None = None) -> tuple[int, bool, str]:
    """Exit code; whether a spinner turned before there was an answer, which comes by then; and all that the terminal was sent."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(world.work)
        os.execve(program, [program, "pip", "install", *options, "alpha"], {**world.env, "TERM": "xterm", **environ})
    text, turned, end = "", False, time.monotonic() + 1.5
    while True:
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                text += os.read(terminal, 4096).decode("utf-8", "replace")
            except OSError:  # so a terminal says that nobody writes to it any more
                break
        if answer and not answer.is_set():
            turned = text.count(WORDS) > 1
            if turned or time.monotonic() > end:
                answer.set()
    os.close(terminal)
    return os.WEXITSTATUS(os.waitpid(process, 0)[1]), turned, text


def screen(text: str) -> list[str]:
    """What stays on the screen of each line: what was written behind the last erasing of it."""
    return [line.rpartition("\033[2K")[2].rpartition("\r")[2] for line in text.replace("\r\n", "\n").split("\n")]


@pytest.mark.parametrize("how", ["as ever", "--quiet", "--no-progress", "--verbose", "UV_NO_PROGRESS=1", "UV_NO_PROGRESS=0", "RUST_LOG=uv=debug",
                                 "NO_COLOR=1"])
@pytest.mark.parametrize("version", ["0.5.26", "0.9.8"])
def test_a_spinner_turns_while_the_index_is_waited_for(make_world: Callable[..., World], version: str, how: str) -> None:
    world = make_world(version)
    world.index.add(wheel("alpha", "1.0"))
    options = (how,) if how.startswith("--") else ()
    name, given, value = how.partition("=")
    turned, frames = [], []
    for program in (world.uv, SHIM):
        shutil.rmtree(world.root / "cache", ignore_errors=True)
        answer = threading.Event()
        world.index.interfere = lambda request, answer=answer: "/simple/" in request.path and not answer.wait(20)  # type: ignore[misc]
        code, turns, text = seen(world, str(program), "--reinstall", *options, environ={name: value} if given else {}, answer=answer)
        assert code == 0, text
        turned.append(turns)
        frames.append({re.sub(r"[⠀-⣿ ]", "", frame) for frame in re.findall(FRAME, text)})
        assert not any(WORDS in line for line in screen(text))
    assert frames[0] == frames[1]
    assert turned == [how in ("as ever", "UV_NO_PROGRESS=0", "NO_COLOR=1")] * 2


@pytest.mark.parametrize("version", ["0.4.30", "0.5.26", "0.6.17", "0.9.8", "0.11.18", "0.12.15"])
@pytest.mark.parametrize(("case", "environ"), [
    *((case, environ) for case in ("nothing to do", "no answer", "no solution")
      for environ in ({}, {"NO_COLOR": "1"}, {"CLICOLOR": "0"}, {"TERM": "dumb"})),
    ("nothing to do", {"FORCE_COLOR": "1"}),  # with no answer, uv is asked once more: the shim cannot know what it makes of that
], ids=lambda value: value if isinstance(value, str) else " ".join(value) or "as ever")
def test_the_words_of_a_dry_run_have_the_colours_of_uv(make_world: Callable[..., World], version: str, environ: dict[str, str],
                                                        case: str) -> None:
    """Its words are passed on where uv would say the same again: they look as if it had."""
    world = make_world(version)
    world.index.add(wheel("alpha", "1.0"))
    if case == "nothing to do":
        world.bare("pip", "install", "alpha", check=True)
    elif case == "no answer":
        world.index.configure(status=500)
    else:
        contradict(world)
    ended = []
    for program in (world.uv, SHIM):
        code, _, text = seen(world, str(program), environ={**environ, "UV_HTTP_RETRIES": "0"})
        # Before an error, uv leaves its spinner where it was.
        ended.append((code, [re.sub(r"in \d.*?s\b", "in [time]", normalise(re.sub(FRAME, "", line), world)) for line in screen(text)]))
    bare, shim = ended
    assert shim == bare
    assert bare[0] == {"nothing to do": 0, "no answer": 2, "no solution": 1}[case]


@pytest.mark.parametrize("version", ["0.5.26", "0.9.8", "0.12.15", "0.13.9"])
@pytest.mark.parametrize("environ", [{}, {"NO_COLOR": "1"}], ids=["as ever", "NO_COLOR"])
def test_so_have_they_where_enforce_refuses(make_world: Callable[..., World], version: str, environ: dict[str, str]) -> None:
    """One line of ours comes behind uv's."""
    world = make_world(version)
    contradict(world)
    bare, shim = ([re.sub(FRAME, "", line) for line in screen(seen(world, str(program), environ={**environ, "UV_SHIM_MODE": "enforce"})[2])]
                  for program in (world.uv, SHIM))
    assert shim == [*bare[:-1], "uv-shim: refused: uv's dry run failed (exit code 1); nothing was installed.", ""]
    assert ("\033[" in "".join(bare)) == (not environ)


def contradict(world: World) -> None:
    """Have alpha want what cannot be."""
    world.index.add(wheel("alpha", "2.0", requires=("a-name-that-is-long-enough-for-a-line-to-be-wrapped>=2",)))
    world.index.add(wheel("alpha", "1.0", requires=("beta>=2", "gamma<1")))
    for name in ("a-name-that-is-long-enough-for-a-line-to-be-wrapped", "beta", "gamma"):
        world.index.add(wheel(name, "1.0"))


@pytest.mark.parametrize("version", ["0.4.30", "0.5.26", "0.6.17", "0.9.8", "0.11.18", "0.12.15"])
def test_words_are_wrapped_at_the_width_of_whatever_is_a_terminal(make_world: Callable[..., World], version: str) -> None:
    """Where there is no solution, uv's words are passed on; uv asks its standard output, error and input for a width, the dry run its input."""
    world = make_world(version)
    contradict(world)
    (world.work / "r.txt").write_text("alpha\n")
    for columns in (50, 120):
        for redirected in ("", "</dev/null", ">/dev/null", "2>&1 | cat", "2>err; cat err", "</dev/null 2>&1 | cat", "-r - <r.txt", "</dev/null >/dev/null"):
            texts = []
            for program in (world.uv, SHIM):
                text = on_a_terminal(world, f"{program} pip install alpha {redirected}", columns)
                texts.append([re.sub(FRAME, "", line).rstrip() for line in screen(text) if line.strip()])
            bare, shim = texts
            assert "No solution found" in "".join(bare)
            if redirected in ("</dev/null", "-r - <r.txt", "</dev/null >/dev/null"):
                shim = shim[1:]  # there, uv is asked once more
            assert shim == bare, (columns, redirected)


def on_a_terminal(world: World, command: str, columns: int) -> str:
    """All that a terminal of that width is sent while a shell runs the command on it."""
    process, terminal = pty.fork()
    if process == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        os.chdir(world.work)
        os.execve("/bin/sh", ["sh", "-c", command], {**world.env, "TERM": "xterm"})
    text = b""
    while True:
        try:
            text += os.read(terminal, 4096)
        except OSError:  # so a terminal says that nobody writes to it any more
            break
    os.close(terminal)
    os.waitpid(process, 0)
    return text.decode("utf-8", "replace")


def test_no_spinner_where_it_cannot_be_erased(make_world: Callable[..., World]) -> None:
    world = make_world("0.9.8")
    world.index.add(wheel("alpha", "1.0"))
    answer = threading.Event()
    world.index.interfere = lambda request: "/simple/" in request.path and not answer.wait(20)
    code, turned, _ = seen(world, str(SHIM), environ={"TERM": "dumb"}, answer=answer)
    assert (code, turned) == (0, False)


@pytest.mark.parametrize("answered", ["y", "n"])
@pytest.mark.parametrize(("version", "mode"), [("0.4.30", "seal"), ("0.9.8", "seal"), ("0.9.8", "enforce"), ("0.12.15", "seal"), ("0.12.16", "enforce")])
def test_uv_asks_whether_a_file_of_requirements_is_meant(make_world: Callable[..., World], version: str, mode: str, answered: str) -> None:
    """And gets the answer, or, in `enforce`, does not come to it: what the file names, nobody has looked at."""
    world = make_world(version, UV_SHIM_MODE=mode)
    world.index.add(wheel("alpha", "1.0", note="evil"), original=wheel("alpha", "1.0")[1])
    world.index.add(wheel("requirements-txt", "1.0"))
    (world.work / "requirements.txt").write_text("alpha\n")
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(world.work)
        os.execve(str(SHIM), [str(SHIM), "pip", "install", "requirements.txt"], {**world.env, "TERM": "xterm"})
    text, told = "", False
    while True:
        try:
            text += os.read(terminal, 4096).decode("utf-8", "replace")
        except OSError:
            break
        if "y/n" in text and not told:
            told = True
            os.write(terminal, answered.encode())
    os.close(terminal)
    code = os.WEXITSTATUS(os.waitpid(process, 0)[1])
    line = next(line for line in text.splitlines() if "uv-shim: " in line)
    assert "-r requirements.txt" in line
    if mode == "enforce":
        assert (told, code, world.freeze()) == (False, 2, "")
        assert "refused: " in line
    else:  # it is told first that nothing is sealed
        assert (told, code, world.freeze()) == (True, 0, "alpha==1.0\n" if answered == "y" else "requirements-txt==1.0\n")
        assert "unsealed: " in line
        assert text.index("unsealed: ") < text.index("y/n")


def helped(world: World, how: str) -> dict[str, str]:
    """Variables with which uv asks a helper for the index's password, which runs that shell code."""
    world.index.configure(auth="someone:pw")
    helper = world.root / "helper" / "keyring"
    helper.parent.mkdir()
    helper.write_text(f"#!/bin/sh\n{how}\n")
    helper.chmod(0o755)
    return {"UV_KEYRING_PROVIDER": "subprocess", "UV_INDEX_URL": world.index.simple().replace("://", "://someone@"),
            "PATH": f"{world.env['PATH']}:{helper.parent}"}


@pytest.mark.parametrize("version", ["0.4.6", "0.5.26", "0.9.8", "0.12.15"])
def test_a_helper_that_tells_how_to_sign_in(make_world: Callable[..., World], version: str) -> None:
    """It waits for the person who reads it: that is at once, no spinner turns over it, and the sealing goes on behind."""
    world = make_world(version)
    world.index.add(wheel("alpha", "1.0"))
    done = world.root / "signed-in"
    env = helped(world, f"[ -e '{done}' ] || {{ sleep 0.5; printf 'Enter the code 4711: ' >&2; }}; until [ -e '{done}' ]; do sleep 0.1; done; echo pw")
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(world.work)
        os.execve(str(SHIM), [str(SHIM), "pip", "install", "alpha"], {**world.env, **env, "TERM": "xterm"})
    text, end = "", time.monotonic() + 10
    while select.select([terminal], [], [], 1 if "4711: " in text else end - time.monotonic())[0]:
        try:
            text += os.read(terminal, 4096).decode("utf-8", "replace")
        except OSError:
            break
    assert text.endswith("\033[2KEnter the code 4711: ")
    done.touch()
    rest = b""
    while True:
        try:
            rest += os.read(terminal, 4096)
        except OSError:
            break
    os.close(terminal)
    assert (os.waitpid(process, 0)[1], b"4711" in rest, b"uv-shim: " in rest, world.freeze()) == (0, False, False, "alpha==1.0\n"), rest


def test_words_that_come_in_pieces(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """uv writes one line in several parts: none of its own is taken for the helper's, and a prompt does not wait for the end of its line."""
    pieces = ["DEBUG Checking keyring for credentials for index URL u@host\\nTRACE more\\nSign in here\\nEnter:", "\\nDEB", "UG none\\nerr",
              "or: No solution found\\n  cause: none\\n"]
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\nexec >&2\n" + "".join(f"printf '{piece}'\nsleep 0.1\n" for piece in pieces))
    uv.chmod(0o755)
    output = RealUv(str(uv), dict(os.environ)).start([], watched=True).finish()
    assert capfd.readouterr().err == "Sign in here\nEnter:\n"
    assert output.stderr.splitlines()[2:] == ["DEBUG none", "error: No solution found", "  cause: none"]


@pytest.mark.parametrize("version", ["0.4.30", "0.9.8", "0.12.15"])
def test_a_helper_that_fails(make_world: Callable[..., World], version: str) -> None:
    """What it says is said as often as by the bare uv, before uv's own words."""
    world = make_world(version)
    world.index.add(wheel("alpha", "1.0"))
    env = helped(world, "echo 'Nobody has signed in' >&2; echo 'this line goes on' >&2; exit 1")
    bare, shim = (route("pip", "install", "alpha", env=env) for route in (world.bare, world.run))
    assert (shim.code, normalise(shim.stderr, world), shim.said) == (bare.code, normalise(bare.stderr, world), ())
    assert "Nobody has signed in\nthis line goes on\n" in bare.stderr
