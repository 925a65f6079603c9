"""Signals at each step of a call: to the caller it is as if uv alone were there, and nothing stays behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable

import pytest

from aftermath import settle, strangers
from machine import need
from namespaces import first_process
from standin import HELD, REHEARSED, STEPS, StandIn
from terminal import Terminal
from uv_shim.demo.wheels import sdist, wheel
from world import PYTHON, SHIM, World, project

VERSION = "0.9.8"
#: A uv that hangs leaves no core file behind where it is told to quit.
NO_CORE = ("sh", "-c", 'ulimit -c 0; exec "$@"', "sh")


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """One wheel to install."""
    made = make_world(VERSION, **REHEARSED)
    made.index.add(wheel("app", "1.0"))
    return made


def start(world: World, *argv: str, real: StandIn | None = None) -> subprocess.Popen[str]:
    """Start a program in a session of its own."""
    env = {**world.env, **({"UV_SHIM_REAL_UV": str(real.path)} if real else {})}
    return subprocess.Popen(argv, cwd=world.work, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            start_new_session=True, text=True)


def held(world: World) -> tuple[threading.Event, threading.Event]:
    """Have the index answer nothing for now: an event for its first request, and one that lets it answer."""
    asked, answer = threading.Event(), threading.Event()

    def interfere(_: object) -> bool:
        asked.set()
        answer.wait(20)
        return False

    world.index.interfere = interfere
    return asked, answer


def status_of_bare(world: World, signalled: signal.Signals) -> int:
    """How the bare uv ends that is told to while it waits for the index."""
    asked, answer = held(world)
    process = start(world, *NO_CORE, str(world.uv), "pip", "install", "app")
    assert asked.wait(10)
    os.killpg(process.pid, signalled)
    process.communicate(timeout=10)
    answer.set()
    return process.returncode


@pytest.mark.parametrize("options", [(), ("--no-cache",)], ids=["cache", "no-cache"])
@pytest.mark.parametrize("signalled", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGALRM, signal.SIGUSR1,
                                       signal.SIGUSR2, signal.SIGXCPU], ids=lambda value: str(value.name[3:]))
def test_told_to_stop(world: World, signalled: signal.Signals, options: tuple[str, ...]) -> None:
    """At whatever step, told alone or with its group: it ends as the bare uv does; no process, no file and no word stays."""
    expected = status_of_bare(world, signalled)
    assert expected == -signalled
    for number, step in enumerate(STEPS, 1):
        for tell in (os.killpg, os.kill):
            shutil.rmtree(world.root / "cache", ignore_errors=True)
            real = StandIn(world, number, "exec sleep 600")
            process = start(world, *NO_CORE, str(SHIM), "pip", "install", "app", *options, real=real)
            real.wait()
            tell(process.pid, signalled)
            _, stderr = process.communicate(timeout=10)
            settle(process.pid)
            assert (process.returncode, stderr, strangers(world)) == (expected, "", []), f"{step}, {tell.__name__}"


def test_told_to_stop_as_the_first_process(world: World) -> None:
    """Of a container, or a process namespace: no signal ends it there by itself. Its preflight ends, and nothing is installed unchecked."""
    for number, step in enumerate(STEPS[:-1], 1):
        shutil.rmtree(world.root / "cache", ignore_errors=True)
        real = StandIn(world, number, "exec sleep 600")
        process = start(world, *first_process(), str(SHIM), "pip", "install", "app", real=real)
        real.wait()
        with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as children:
            os.kill(int(children.read()), signal.SIGTERM)
        _, stderr = process.communicate(timeout=10)
        settle(process.pid)
        assert (process.returncode, stderr, world.freeze(), strangers(world)) == (128 + signal.SIGTERM, "", "", []), step


def test_told_to_stop_where_nobody_waits_for_orphans(world: World) -> None:
    """As the first process of many a container: no zombie stays there."""
    real = StandIn(world, 1, "exec sleep 600")
    program = f"""if 1:
        import os, signal, subprocess, time
        process = subprocess.Popen(["{SHIM}", "pip", "install", "app"])
        while not os.path.exists("{real.folder}/reached"):
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        print(process.wait(), [name for name in os.listdir("/proc") if name.isdigit()])
    """
    done = subprocess.run([*first_process(), PYTHON, "-c", program], cwd=world.work, env={**world.env, "UV_SHIM_REAL_UV": str(real.path)},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    assert (done.stdout, done.stderr) == (f"{-signal.SIGTERM} ['1']\n", "")


@pytest.mark.parametrize("version", ["0.5.26", "0.9.8", "0.12.15"])
def test_told_to_stop_on_the_way_to_an_sdist(make_world: Callable[..., World], version: str) -> None:
    """The same, where the dry run has itself been stopped before the sdist, or is one of several, and an install builds it."""
    world = make_world(version)
    world.index.add(sdist("app", "1.0"))
    unheld = StandIn(world, 0, "exit 1")
    process = start(world, str(SHIM), "pip", "install", "app", real=unheld)
    _, stderr = process.communicate(timeout=60)
    steps = unheld.calls
    assert (process.returncode, world.freeze(), len(steps) > len(STEPS)) == (0, "app==1.0\n", True), stderr
    for number, step in enumerate(steps, 1):
        for tell in (os.killpg, os.kill):
            shutil.rmtree(world.root / "cache", ignore_errors=True)
            world.bare("pip", "uninstall", "-q", "app")
            real = StandIn(world, number, "exec sleep 600")
            process = start(world, *NO_CORE, str(SHIM), "pip", "install", "app", real=real)
            real.wait()
            tell(process.pid, signal.SIGTERM)
            process.communicate(timeout=10)
            settle(process.pid)
            assert (process.returncode, world.freeze(), strangers(world)) == (-signal.SIGTERM, "", []), f"{step}, {tell.__name__}"


@pytest.mark.parametrize("tell", [os.killpg, os.kill], ids=["group", "alone"])
@pytest.mark.parametrize("orphaned", [False, True], ids=["job", "orphaned group"])
def test_stopped_and_continued(world: World, tell: Callable[[int, int], None], *, orphaned: bool) -> None:
    """Without a terminal, at whatever step: it stops where the bare uv does (a group without a parent does not), and goes on to its end."""
    stopped = {}
    for number, step in ((0, "bare"), *enumerate(STEPS, 1)):
        world.bare("pip", "uninstall", "-q", "app")
        shutil.rmtree(world.root / "cache", ignore_errors=True)
        real = StandIn(world, number or 1, HELD)
        argv = [str(SHIM if number else real.path), "pip", "install", "app"]
        process = start(world, *argv, real=real) if orphaned else subprocess.Popen(
            argv, cwd=world.work, env={**world.env, "UV_SHIM_REAL_UV": str(real.path)}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, process_group=0, text=True)
        real.wait()
        tell(process.pid, signal.SIGTSTP)
        until = time.monotonic() + (0.2 if orphaned else 10)
        while not (is_stopped := os.waitpid(process.pid, os.WUNTRACED | os.WNOHANG)[0] == process.pid) and time.monotonic() < until:
            time.sleep(0.01)
        stopped[step] = is_stopped
        tell(process.pid, signal.SIGCONT)
        real.release()
        _, stderr = process.communicate(timeout=20)
        settle(process.pid)
        assert (process.returncode, world.freeze(), strangers(world)) == (0, "app==1.0\n", []), f"{step}: {stderr}"
    assert set(stopped.values()) == {not orphaned}, stopped


@pytest.mark.parametrize("command", ['nohup "$@" 2>&1 </dev/null | cat', '"$@" & wait'], ids=["nohup", "background"])
def test_what_the_caller_ignores_stays_ignored(world: World, command: str) -> None:
    """Behind nohup a hang-up, and in a script's background an interrupt, are nothing to the shim, at whatever step."""
    signalled = signal.SIGHUP if "nohup" in command else signal.SIGINT
    for number in range(1, len(STEPS) + 1):
        world.bare("pip", "uninstall", "-q", "app")
        shutil.rmtree(world.root / "cache", ignore_errors=True)
        real = StandIn(world, number, HELD)
        # The shell itself is told too, and must not end by it.
        process = start(world, "sh", "-c", f"trap : {signalled.name[3:]}; {command}", "sh", str(SHIM), "pip", "install", "app", real=real)
        real.wait()
        job = [int(name) for name in os.listdir("/proc") if name.isdigit() and is_shim(int(name), world)]
        assert job
        for pid in job:
            os.kill(pid, signalled)
        time.sleep(0.05)
        real.release()
        process.communicate(timeout=20)
        settle(process.pid)
        assert world.freeze() == "app==1.0\n"
    assert world.sync(project(world.root / "project", "app")).files == 0


def test_a_caller_that_ignores_the_end_of_its_children(world: World) -> None:
    """Where /bin/sh hands that on, as bash does: the shim waits for its own nevertheless, and the uv that it becomes ignores it again."""
    program = world.root / "program" / "uv"
    program.parent.mkdir()
    program.write_text(f"""#!{PYTHON} -IS
import os, signal, sys
if not {{"--dry-run", "compile"}}.intersection(sys.argv):
    open("{world.root}/handler", "w").write(signal.getsignal(signal.SIGCHLD).name)
os.execv("{world.uv}", ["{world.uv}", *sys.argv[1:]])
""")
    program.chmod(0o755)
    handlers = []
    ignoring = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    for route in ((str(program),), (need("bash"), str(SHIM))):
        world.bare("pip", "uninstall", "-q", "app")
        shutil.rmtree(world.root / "cache", ignore_errors=True)
        world.bare("pip", "list")  # a uv that cannot wait for its own children needs what this puts into its cache
        process = subprocess.run([PYTHON, "-c", ignoring, *route, "pip", "install", "app"], cwd=world.work, capture_output=True, text=True,
                                 env={**world.env, "UV_SHIM_REAL_UV": str(program)}, stdin=subprocess.DEVNULL, timeout=60, check=False)
        assert (process.returncode, "uv-shim: " in process.stderr, world.freeze()) == (0, False, "app==1.0\n"), process.stderr
        handlers.append((world.root / "handler").read_text())
    assert handlers == ["SIG_IGN", "SIG_IGN"]
    assert world.sync(project(world.root / "project", "app")).files == 0


def is_shim(pid: int, world: World) -> bool:
    """Whether that process is the shim, or what it became or has started, in this world."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as environ, open(f"/proc/{pid}/cmdline", "rb") as command:
            return b"UV_SHIM_VISITED=" in environ.read() and str(world.root).encode() in command.read()
    except OSError:
        return False


def test_a_signal_while_a_preflight_starts(world: World) -> None:
    """There is no moment at which the shim ends and its preflight stays: the real uv tells its parent to stop as soon as it is started."""
    for number in (1, 2, 3):
        for _ in range(5):
            shutil.rmtree(world.root / "cache", ignore_errors=True)
            real = StandIn(world, number, "kill -TERM $PPID; exec sleep 600")
            process = start(world, str(SHIM), "pip", "install", "app", real=real)
            _, stderr = process.communicate(timeout=10)
            settle(process.pid)
            assert (process.returncode, stderr) == (-signal.SIGTERM, "")


def test_a_signal_while_the_folder_is_made(world: World) -> None:
    """With `--no-cache` the preflights have a cache of their own in TMPDIR: told to stop as soon as it is there, the shim removes it."""
    command = (str(SHIM), "pip", "install", "app", "--no-cache")
    start(world, *command).communicate(timeout=60)  # what Python compiles is there
    traced = (need("strace"), "-f", "-o", os.devnull, "-e", "trace=mkdir,mkdirat", "-e", "inject=mkdir,mkdirat:signal=TERM:when=1")
    process = start(world, *traced, *command, "--reinstall")
    _, stderr = process.communicate(timeout=60)
    settle(process.pid)
    assert (process.returncode, stderr, strangers(world)) == (-signal.SIGTERM, "", [])


def ways_on_a_terminal(terminal: Terminal, command: str, real: StandIn) -> list[object]:
    """Stop and continue a command that is held, interrupt it, and quit it; what the shell says of each. Then hang up on it."""
    said: list[object] = []
    for keys in ("\x1a", "\x03", "\x1c", ""):
        real.arm()
        terminal.type(f"{command}\n")
        real.wait()
        if not keys:
            break
        terminal.type(keys)
        said += [terminal.status(), terminal.states()]
        if keys == "\x1a":
            terminal.type("fg\n")
            real.release()
            said.append(terminal.status())
    terminal.hang_up()
    return said


@pytest.mark.parametrize("number", range(1, len(STEPS) + 1), ids=STEPS)
def test_on_a_terminal(make_world: Callable[..., World], number: int) -> None:
    """Ctrl-Z and `fg`, Ctrl-C and Ctrl-backslash do what they do to the bare uv, at whatever step; so does a terminal that goes away."""
    said = []
    for program in ("shim", "bare"):
        world = make_world(VERSION, program, **REHEARSED)
        world.index.add(wheel("app", "1.0"))
        real = StandIn(world, number if program == "shim" else 1, HELD)
        with Terminal(world, {"UV_SHIM_REAL_UV": str(real.path)}) as terminal:
            terminal.type("ulimit -c 0\n")
            assert terminal.status() == 0
            said.append(ways_on_a_terminal(terminal, f"{SHIM if program == 'shim' else real.path} pip install --reinstall app", real))
        settle(terminal.shell.pid)
        assert (world.freeze(), strangers(world)) == ("app==1.0\n", [])
    assert said[0] == said[1] == [148, {"T"}, 0, 130, set(), 131, set()]
