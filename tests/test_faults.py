"""Faults at each step of the sealing path: what the mode promises, nothing lost, nothing left, never worse than the bare uv."""

from __future__ import annotations

import functools
import itertools
import re
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler

import pytest

from aftermath import strangers
from machine import mount
from standin import HELD, REHEARSED, StandIn
from uv_shim.demo.index import File, Index
from uv_shim.demo.wheels import sdist, wheel
from world import PYTHON, SHIM, Result, World, normalise, project

NAMES = ("app", "src")
COMMAND = ("pip", "install", *NAMES)
EVERYTHING = "app==1.0\nlib==1.0\nsrc==1.0\n"
#: Calls of uv that `COMMAND` takes: the sdist stops the first dry run and is asked for, and it is all asked once more without it.
PREFLIGHTS = {"0.5.26": 6, "0.9.8": 6, "0.12.15": 6}
MODES = ("seal", "enforce")


def publish(index: Index, note: str = "") -> None:
    """Publish a wheel that needs another one, and an sdist."""
    index.add(wheel("app", "1.0", requires=("lib",), payload=300_000, note=note))
    index.add(wheel("lib", "1.0", payload=100_000, note=note))
    index.add(sdist("src", "1.0", payload=20_000, note=note))


def anew(world: World) -> None:
    """Take back what was installed and cached."""
    world.bare("pip", "uninstall", "-q", "app", "lib", "src")
    shutil.rmtree(world.root / "cache", ignore_errors=True)
    (world.root / "cache").mkdir()


def lines(result: Result) -> list[str]:
    """What uv said, without times; builds go on side by side, and say so in any order."""
    return sorted(re.sub(r"\d+(\.\d+)?m?s\b", "", line) for line in result.stderr.splitlines())


def holds(world: World, result: Result, bare: Result, mode: str, case: str) -> None:
    """Assert what a mode promises where the bare uv did `bare` in the same situation."""
    installed = world.freeze()
    assert "Traceback" not in result.stderr + "\n".join(result.said), case
    if result.code == 0:
        assert (bare.code, installed) == (0, EVERYTHING), case
    else:
        assert installed == "", case
        assert mode == "enforce" or result.code == bare.code, case
    if mode == "seal" or result.code == 0:
        assert (result.code, lines(result)) in ((bare.code, lines(bare)), built_before(result, bare)), case
    if mode == "enforce":
        assert not any("unsealed" in line for line in result.said), case
    if result.code == 0 and not result.said:
        assert world.sync(project(world.root / "project", *NAMES)).files == 0, case
    assert strangers(world) == [], case


def built_before(result: Result, bare: Result) -> tuple[int, list[str]] | None:
    """What uv says where the shim failed after an sdist was sealed and built for its metadata: that it builds it, it has said already."""
    if not any("the shim failed" in line for line in result.said):
        return None
    return bare.code, [line for line in lines(bare) if not line.lstrip().startswith(("Building ", "Built "))]


# uv itself: one call of it goes wrong, and no other.


#: `$real`: the real uv.
WRONG = {
    "says nothing": "exit 0",
    "is killed": "kill -9 $$",
    "is killed after its answer": '"$real" "$@"; kill -9 $$',
    "says garbage": 'head -c 9999 "$real"; head -c 9999 "$real" >&2; exit 0',
    "says something else": "printf '%s\\n' 'Would install 1 package' ' + app==9.9' >&2; exit 0",
    "is out of memory": "ulimit -v 100000",
}


@pytest.mark.parametrize("how", WRONG)
@pytest.mark.parametrize("version", PREFLIGHTS)
@pytest.mark.parametrize("mode", MODES)
def test_one_preflight_goes_wrong(make_world: Callable[..., World], version: str, mode: str, how: str) -> None:
    """Whichever it is. The install is sealed all the same, or a word says that it is not; `enforce` refuses then."""
    world = make_world(version)
    publish(world.index)
    bare = world.bare(*COMMAND, check=True)
    for number in range(PREFLIGHTS[version] + 1):
        anew(world)
        real = StandIn(world, number, WRONG[how])
        result = world.run(*COMMAND, env={"UV_SHIM_REAL_UV": str(real.path), "UV_SHIM_MODE": mode})
        holds(world, result, bare, mode, f"preflight {number} of {real.calls}")
        if number == 0:
            assert (result.code, result.said, len(real.calls)) == (0, (), PREFLIGHTS[version] + 1), real.calls


@pytest.mark.parametrize("version", PREFLIGHTS)
def test_no_bad_code_runs_where_a_preflight_goes_wrong(make_world: Callable[..., World], version: str) -> None:
    """In `enforce`, an sdist with other bytes than the index says is not built, whichever preflight fails before it was found out."""
    world = make_world(version)
    ran = world.root / "ran"
    name, good = sdist("src", "1.0")
    world.index.add((name, sdist("src", "1.0", note=f"\nopen({str(ran)!r}, 'w')")[1]), original=good)
    for cacheable in ("max-age=365000000, immutable", "no-store"):
        world.index.configure(file_cache_control=cacheable)
        for number in range(1, PREFLIGHTS[version] + 1):
            anew(world)
            real = StandIn(world, number, "kill -9 $$")
            result = world.run("pip", "install", "src", env={"UV_SHIM_REAL_UV": str(real.path), "UV_SHIM_MODE": "enforce"})
            assert (result.code != 0, world.freeze(), ran.exists()) == (True, "", False), number
    world.bare("pip", "install", "src")
    assert ran.exists(), "its code does not say that it ran: this test has lost its meaning"


# The surroundings.


def limited(option: str, value: int) -> list[str]:
    """The beginning of a command that runs under a limit."""
    return ["sh", "-c", f'ulimit -{option} {value}; exec "$@"', "sh"]


#: The beginning of the command, and how the bare uv ends there.
SURROUNDINGS: dict[str, tuple[Callable[[World], list[str]], int]] = {
    "no /proc": (lambda _: mount("-t tmpfs tmpfs /proc"), 0),
    "read-only cache": (lambda world: mount(f"-t tmpfs -o ro tmpfs {world.root}/cache"), 2),
    "full cache": (lambda world: mount(f"-t tmpfs -o size=200k tmpfs {world.root}/cache"), 1),
    "read-only TMPDIR": (lambda world: mount(f"-t tmpfs -o ro tmpfs {world.root}/tmp"), 0),
    "full TMPDIR": (lambda world: mount(f"-t tmpfs -o size=4k tmpfs {world.root}/tmp"), 0),
    "too few descriptors": (lambda _: limited("n", 12), 2),
    "just enough descriptors": (lambda _: limited("n", 40), 0),
    "too little memory": (lambda _: limited("v", 100_000), -6),
    "just enough memory": (lambda _: limited("v", 4_000_000), 0),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SURROUNDINGS)
def test_surroundings(make_world: Callable[..., World], name: str, mode: str) -> None:
    """Where the bare uv comes to its end, so it does through the shim; where it fails, it fails alike."""
    surround, code = SURROUNDINGS[name]
    world = make_world("0.9.8")
    publish(world.index)
    ended = []
    for program in (world.uv, SHIM):
        anew(world)
        argv = [*surround(world), str(program), *COMMAND]
        ended.append(world.call(argv[0], tuple(argv[1:]), env={"UV_SHIM_MODE": mode}))
        installed = world.freeze()
        assert installed == (EVERYTHING if ended[-1].code == 0 else ""), ended[-1].stderr
    bare, result = ended
    assert bare.code == code, bare.stderr
    assert "Traceback" not in result.stderr + "\n".join(result.said)
    if name == "no /proc":
        # The hashes have no path there that uv could open.
        assert (result.code, len(result.said)) == ((0, 1) if mode == "seal" else (2, 1))
    elif mode == "seal" or code == 0:
        assert result.code == code, result.stderr
    else:
        assert result.code not in (0, 126, 127), result.stderr
    if code == 0 and name != "no /proc":
        assert (result.said, lines(result)) == ((), lines(bare))
        assert world.sync(project(world.root / "project", *NAMES)).files == 0
    assert strangers(world) == []


@pytest.mark.parametrize("name", ["read-only cache", "full cache", "read-only TMPDIR", "full TMPDIR"])
def test_surroundings_without_a_cache(make_world: Callable[..., World], name: str) -> None:
    """With `--no-cache`, where what is asked has to be kept in TMPDIR: as the bare uv, again."""
    world = make_world("0.9.8")
    publish(world.index)
    for mode in MODES:
        ended = []
        for program in (world.uv, SHIM):
            anew(world)
            argv = [*SURROUNDINGS[name][0](world), str(program), *COMMAND, "--no-cache"]
            ended.append(world.call(argv[0], tuple(argv[1:]), env={"UV_SHIM_MODE": mode}))
            assert world.freeze() == (EVERYTHING if ended[-1].code == 0 else "")
        bare, result = ended
        assert (result.code, bare.code) == ((0, 0) if "cache" in name else (2, 2)), result.stderr
        assert strangers(world) == []


@pytest.mark.parametrize(("option", "values"), [("v", range(20_000, 10_000, -500)), ("n", range(10, 5, -1))], ids=["memory", "descriptors"])
def test_the_python_half_runs_out(make_world: Callable[..., World], option: str, values: range) -> None:
    """Of memory or descriptors, somewhere on its way: `seal` goes on as uv was called and says so, `enforce` refuses; or all was well."""
    world = make_world("0.9.8")
    publish(world.index)
    bare = world.bare(*COMMAND, check=True)
    python, real = world.root / "python3", world.root / "uv"
    python.write_text(f'#!/bin/sh\nulimit -S -{option} "$LIMIT" && exec {PYTHON} "$@"\n')
    real.write_text(f'#!/bin/bash\nulimit -S -{option} "$(ulimit -H -{option})" && exec {world.uv} "$@"\n')
    for program in (python, real):
        program.chmod(0o755)
    for mode in MODES:
        failed = 0
        for value in values:
            anew(world)
            shutil.rmtree(world.home / ".cache" / "uv-shim", ignore_errors=True)  # to compile takes memory, too
            result = world.run(*COMMAND, env={"UV_SHIM_PYTHON": str(python), "UV_SHIM_REAL_UV": str(real), "UV_SHIM_MODE": mode,
                                              "LIMIT": str(value)})
            if result.code == 1 and option == "v":
                assert world.freeze() == ""  # this Python did not come as far as the shim
                break
            holds(world, result, bare, mode, f"{value}, {mode}: {result.said}")
            failed += bool(result.said)
        assert failed, "it never failed: this test has lost its meaning"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("module", ["preflight", "plan", "query", "pinning", "pages"])
def test_the_python_half_fails(make_world: Callable[..., World], module: str, mode: str) -> None:
    """Early or late, also when an sdist is built for its metadata by then: `seal` goes on as uv was called, `enforce` refuses."""
    world = make_world("0.9.8")
    publish(world.index)
    bare = world.bare(*COMMAND, check=True)
    anew(world)
    for folder in ("shims", "src"):
        shutil.copytree(SHIM.parent.parent / folder, world.root / "damaged" / folder)
    (world.root / "damaged" / "src" / "uv_shim" / f"{module}.py").write_text("raise MemoryError\n")
    result = world.call(str(world.root / "damaged" / "shims" / "uv"), COMMAND, env={"UV_SHIM_MODE": mode})
    holds(world, result, bare, mode, module)
    assert "the shim failed (MemoryError())" in result.said[0]
    assert mode == "enforce" or (built_before(result, bare) == (0, lines(result))) == (module == "pinning")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("arrange", ["damaged", "two inputs"])
def test_standard_input_survives_a_failure(make_world: Callable[..., World], arrange: str, mode: str) -> None:
    """What the shim has read, uv reads again, however the shim fails: it does not install nothing and call it a success."""
    world = make_world("0.9.8")
    publish(world.index)
    shim, command = SHIM, "{uv} pip install -r - < wanted.txt"
    (world.work / "wanted.txt").write_text("app\nsrc\n")
    if arrange == "damaged":
        for folder in ("shims", "src"):
            shutil.copytree(SHIM.parent.parent / folder, world.root / "damaged" / folder)
        shim = world.root / "damaged" / "shims" / "uv"
        (world.root / "damaged" / "src" / "uv_shim" / "preflight.py").write_text("raise RuntimeError('damaged')\n")
    else:
        command = "mkfifo pipe; echo lib >pipe & {uv} pip install -c pipe -r - < wanted.txt; code=$?; kill $! 2>/dev/null; exit $code"
    result = world.call(str(shim), (), shell=command, env={"UV_SHIM_MODE": mode})
    assert (result.code, world.freeze()) == ((0, EVERYTHING) if mode == "seal" else (2, "")), result.stderr
    assert len(result.said) == 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("wanted", "code"), [("lib", 0), ("-r -", 2)], ids=["not read", "read"])
def test_standard_input_is_a_folder(make_world: Callable[..., World], wanted: str, code: int, mode: str) -> None:
    """As with the bare uv: it does not matter, or it cannot be read, and nothing is installed."""
    world = make_world("0.9.8")
    publish(world.index)
    command = f"{{uv}} pip install {wanted} </"
    bare = world.call(str(world.uv), (), shell=command)
    anew(world)
    result = world.call(str(SHIM), (), shell=command, env={"UV_SHIM_MODE": mode})
    assert (result.code, bare.code, world.freeze()) == (code, code, "" if code else "lib==1.0\n"), result.stderr
    assert code or (result.said, lines(result)) == ((), lines(bare))


def test_a_python_that_cannot_run_the_shim_steps_aside(make_world: Callable[..., World]) -> None:
    """Another manager's launcher that leads to a Python without its library, say: the next one is tried, and each of them once."""
    world = make_world("0.9.8")
    publish(world.index)
    launcher = world.root / "broken" / "python3"
    launcher.parent.mkdir()
    launcher.write_text(f"""#!{PYTHON} -IS
import sys
open({str(world.root / "asked")!r}, "a").write("asked\\n")
sys.modules["uv_shim"] = None
sys.argv = sys.argv[sys.argv.index("-B") + 1:]
__file__ = sys.argv[0]
exec(compile(open(__file__).read(), __file__, "exec"))
""")
    launcher.chmod(0o755)
    env: dict[str, str | None] = {"UV_SHIM_PYTHON": None, "UV_SHIM_REAL_UV": str(world.uv),
                                  "PATH": f"{SHIM.parent}:{launcher.parent}:{PYTHON.parent}:/usr/bin:/bin"}
    shutil.move(world.venv, world.root / "venv")
    command = (*COMMAND, "--python", str(world.root / "venv"))
    result = world.run(*command, env=env)
    assert (result.code, result.said) == (0, ()), result.stderr
    assert (world.root / "asked").read_text() == "asked\n"
    # Where it is the only one, the mode decides.
    env["PATH"] = f"{SHIM.parent}:{launcher.parent}"
    env["UV_PYTHON_PREFERENCE"] = "only-managed"
    result = world.run(*command, "--reinstall", env=env)
    assert (result.code, result.said) == (0, ("uv-shim: unsealed: what uv installs here, as no Python that was found can run the shim",))
    assert (world.root / "asked").read_text() == "asked\n" * 2


# The clock.


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", ["0.5.26", "0.9.8", "0.12.15"])
def test_the_clock_was_set_back(make_world: Callable[..., World], version: str, mode: str) -> None:
    """Everything there is dated in the future, and so is what the index says: nothing is decided by a time that was not the same before."""
    world = make_world(version)
    publish(world.index)
    assert world.run("pip", "install", "lib").code == 0
    world.bare("pip", "uninstall", "-q", "lib")
    later = time.time() + 86_400 * 400
    touch = ["find", *(str(world.root / name) for name in ("cache", "home", "work")), "-exec", "touch", "-h", "-d", f"@{later:.0f}", "{}", "+"]
    world.call(touch[0], tuple(touch[1:]), check=True)

    def interfere(request: BaseHTTPRequestHandler) -> bool:
        request.date_time_string = lambda *_: formatdate(later, usegmt=True)  # type: ignore[method-assign]
        return False

    world.index.interfere = interfere
    result = world.run(*COMMAND, env={"UV_SHIM_MODE": mode})
    assert (result.code, result.said, world.freeze()) == (0, (), EVERYTHING), result.stderr
    assert "lib-1.0-py3-none-any.whl" not in result.fetched.files
    assert world.sync(project(world.root / "project", *NAMES)).files == 0


# The index.


@dataclass
class Trouble:
    """What an index does to requests whose path has ``where`` in it, ``times`` times, after some; ``happened`` counts."""

    where: str
    times: int = 1_000
    after: int = 0
    happened: int = 0

    def __call__(self, request: BaseHTTPRequestHandler) -> bool:
        if self.where not in request.path or self.happened >= self.times:
            return False
        if self.after:
            self.after -= 1
            return False
        self.happened += 1
        return self.answer(request)

    def in_words(self) -> str:
        return f"{type(self).__name__} {self.where.replace('/', ' ').strip()} {'once' if self.times == 1 else ''}".strip()

    def answer(self, request: BaseHTTPRequestHandler) -> bool:
        """Answer in place of the index; or change what it is about to answer, and return false."""
        raise NotImplementedError


class Fails(Trouble):
    """500."""

    def answer(self, request: BaseHTTPRequestHandler) -> bool:
        request.send_response(500)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return True


class Stalls(Trouble):
    """Nothing, until uv has lost its patience."""

    def answer(self, request: BaseHTTPRequestHandler) -> bool:
        time.sleep(2)
        request.close_connection = True
        return True


class CutsOff(Trouble):
    """The beginning of what it has announced."""

    def answer(self, request: BaseHTTPRequestHandler) -> bool:
        request.send_response(200)
        request.send_header("Content-Length", "100000")
        request.end_headers()
        request.wfile.write(b"PK\x03\x04" + b"\0" * 5000)
        request.close_connection = True
        return True


class Redirects(Trouble):
    """Elsewhere, where all is as it should be."""

    def answer(self, request: BaseHTTPRequestHandler) -> bool:
        if request.path.startswith("/elsewhere/"):
            request.path = request.path[len("/elsewhere") :]
            return False
        request.send_response(302)
        request.send_header("Location", f"/elsewhere{request.path}")
        request.send_header("Content-Length", "0")
        request.end_headers()
        return True


PATIENCE = {"UV_HTTP_TIMEOUT": "1", "UV_HTTP_RETRIES": "1"}


TROUBLES = [
    *(("0.9.8", trouble) for trouble in (
        Fails("/simple/app", 1), Fails("/files/src", 1), Fails("/files/lib-1.0-py3-none-any.whl", 1), Fails("/files/"), Fails("/"),
        Stalls("/simple/app", 1), Stalls("/simple/app"), CutsOff("app-1.0-py3-none-any.whl", 1), CutsOff(".tar.gz", 1), CutsOff(".tar.gz"),
        Redirects("/simple/"), Redirects("/files/"))),
    *((version, trouble) for version in ("0.5.26", "0.12.15") for trouble in (
        Fails("/simple/app", 1), Fails("/"), CutsOff("app-1.0-py3-none-any.whl", 1), Redirects("/simple/"), Redirects("/files/"))),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("version", "kind"), TROUBLES, ids=lambda value: value if isinstance(value, str) else value.in_words())
def test_a_troubled_index(make_world: Callable[..., World], version: str, kind: Trouble, mode: str) -> None:
    """Once, what uv gets over by itself; always, what uv gives up on: as the bare uv does, with the same words."""
    world = make_world(version)
    publish(world.index)
    ended = []
    for program in (world.uv, SHIM):
        anew(world)
        trouble = replace(kind)
        world.index.interfere = trouble
        ended.append(world.call(str(program), COMMAND, env={**PATIENCE, "UV_SHIM_MODE": mode}))
        world.index.interfere = lambda _: False
        assert trouble.happened
        assert world.freeze() == (EVERYTHING if ended[-1].code == 0 else "")
    bare, result = ended
    assert result.code == bare.code, result.said
    if result.code == 0:
        assert (result.said, lines(result)) == ((), lines(bare))
        assert world.sync(project(world.root / "project", *NAMES)).files == 0
    elif mode == "enforce":
        # The shim passes uv's words on. None of them is of its log.
        said = re.sub(r"http://\S+", "[url]", "\n".join((*result.said, result.stderr)))
        assert re.sub(r"http://\S+", "[url]", bare.stderr.splitlines()[-1].strip()) in said
        assert any("nothing was installed" in line for line in result.said) or lines(result) == lines(bare)
    assert strangers(world) == []


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", [Fails("/", times=6), CutsOff("/files/", times=12)], ids=lambda kind: kind.in_words())
@pytest.mark.parametrize("version", ["0.5.26", "0.9.8", "0.12.15"])
def test_trouble_at_each_request(make_world: Callable[..., World], version: str, kind: Trouble, mode: str) -> None:
    """Whichever request it is, of the first dry run, of the query or of the install itself: all is installed and sealed, or uv says why not."""
    world = make_world(version)
    world.index.configure(cache_control="no-store")
    publish(world.index)
    ended = []
    for number in itertools.count(MODES.index(mode), len(MODES)):
        anew(world)
        trouble = replace(kind, after=number)
        world.index.interfere = trouble
        result = world.run(*COMMAND, env={**PATIENCE, "UV_SHIM_MODE": mode})
        world.index.interfere = lambda _: False
        installed = world.freeze()
        assert installed == (EVERYTHING if result.code == 0 else ""), (number, result.stderr, result.said)
        assert "Traceback" not in result.stderr + "\n".join(result.said)
        if mode == "enforce":
            assert not any("unsealed" in line for line in result.said), number
        if result.code == 0 and not result.said:
            assert world.sync(project(world.root / "project", *NAMES)).files == 0, number
        assert strangers(world) == []
        if not trouble.happened:
            break
        ended.append(result)
    assert len(ended) > (5 if kind.where == "/" else 1)
    assert any(result.code for result in ended), "nothing ever failed: this test has lost its meaning"


@pytest.mark.parametrize("kind", [Fails("/simple/lib"), Stalls("/simple/lib"), Fails("/files/lib-1.0-py3-none-any.whl")], ids=lambda kind: kind.in_words())
@pytest.mark.parametrize("version", ["0.5.26", "0.9.8", "0.12.15"])
def test_an_index_without_an_answer_is_asked_no_longer_than_by_the_bare_uv(make_world: Callable[..., World], version: str, kind: Trouble) -> None:
    """As many requests, and so as long a wait; the same words, and the same exit code. With an option that asks for more words, uv itself."""
    world = make_world(version)
    publish(world.index)
    ended = []
    for program, options in ((world.uv, ()), (SHIM, ()), (SHIM, ("--color", "never"))):
        anew(world)
        trouble = replace(kind)
        world.index.interfere = trouble
        result = world.call(str(program), ("pip", "install", *options, "lib"), env={**PATIENCE})
        assert (result.code, world.freeze()) == (2, "")
        ended.append((normalise(result.stderr, world), trouble.happened))
    bare, shim, asked_for = ended
    assert shim == bare
    assert (asked_for[0], asked_for[1]) == (bare[0], 2 * bare[1])


@pytest.mark.parametrize("wanted", ["missing", "lib>5", "src>5", "app lib<1"])
@pytest.mark.parametrize("version", ["0.4.30", "0.5.26", "0.9.8", "0.12.15"])
def test_where_there_is_no_solution_uv_says_so_once(make_world: Callable[..., World], version: str, wanted: str) -> None:
    """And the shim says nothing: with nothing to install, nothing stays unsealed."""
    world = make_world(version)
    publish(world.index)
    bare = world.bare("pip", "install", *wanted.split())
    anew(world)
    real = StandIn(world, 0, ":")
    result = world.run("pip", "install", *wanted.split(), env={"UV_SHIM_REAL_UV": str(real.path)})
    assert (result.code, normalise(result.stderr, world), result.said) == (1, normalise(bare.stderr, world), ())
    assert [call for call in real.calls if "compile" not in call] == [f"pip install --dry-run -v --verify-hashes {wanted}"]


@pytest.mark.parametrize("wanted", ["missing", "src>5", "bad", "lib bad", "src bad", "vain"])
@pytest.mark.parametrize("version", ["0.4.30", "0.5.26", "0.9.8", "0.12.15", "0.13.9"])
def test_where_uv_says_no_by_itself_enforce_adds_a_line(make_world: Callable[..., World], version: str, wanted: str) -> None:
    """No solution, with an sdist that was built or without; a build that fails: uv's own words and exit code, and then ours."""
    world = make_world(version)
    publish(world.index)
    world.index.add(sdist("bad", "1.0", note="\nraise SystemExit('boom')"))
    world.index.add(sdist("vain", "1.0", requires=("lib>5",)))
    bare = world.bare("pip", "install", *wanted.split())
    anew(world)
    result = world.run("pip", "install", *wanted.split(), env={"UV_SHIM_MODE": "enforce"})
    assert bare.code in (1, 2)
    assert (result.code, lines(result), world.freeze()) == (bare.code, lines(bare), "")
    assert result.said == (f"uv-shim: refused: uv's dry run failed (exit code {bare.code}); nothing was installed.",)


@pytest.mark.parametrize("version", ["0.5.26", "0.9.8", "0.12.15"])
def test_where_uv_would_take_another_version_enforce_says_no_by_itself(make_world: Callable[..., World], version: str) -> None:
    """Of an sdist that was built and whose metadata are invalid, the bare uv takes an older one; with a hash demanded, there is none."""
    world = make_world(version)
    world.index.add(sdist("src", "1.0"))
    world.index.add(sdist("src", "2.0", requires=("lib>=1.x.y!",)))
    result = world.run("pip", "install", "src", env={"UV_SHIM_MODE": "enforce"})
    assert (result.code, world.freeze()) == (2, "")
    assert any(line.startswith("uv-shim:   src: ") for line in result.said), result.said
    assert world.bare("pip", "install", "src").code == 0


@pytest.mark.parametrize("version", ["0.5.26", "0.9.8", "0.11.18"])
def test_a_rehearsal_without_an_answer_is_not_the_answer(make_world: Callable[..., World], version: str) -> None:
    """To demand the hash of an sdist that is in the cache without one takes a download. The bare uv has no need of it, and installs."""
    world = make_world(version)
    world.index.add(sdist("src", "1.0"))
    world.bare("pip", "install", "src", check=True)
    world.bare("pip", "uninstall", "src", check=True)
    world.index.interfere = trouble = Fails("/files/")
    result = world.run("pip", "install", "src", env={**PATIENCE})
    assert trouble.happened
    assert (result.code, world.freeze()) == (0, "src==1.0\n"), result.stderr
    assert any("unsealed" in line for line in result.said)


# The index changes.


def install_while(world: World, mode: str, change: Callable[[], object], number: int = -1, **env: str) -> Result:
    """Install `app` through the shim; ``change`` happens before that preflight, or before the real uv is called for good (-1)."""
    real = StandIn(world, number, HELD)
    with ThreadPoolExecutor(1) as pool:
        ended = pool.submit(world.run, "pip", "install", "app", env={**env, "UV_SHIM_REAL_UV": str(real.path), "UV_SHIM_MODE": mode})
        real.wait()
        change()
        real.release()
        return ended.result()


@pytest.mark.parametrize("pages", ["max-age=600", "max-age=0", "no-store"])
@pytest.mark.parametrize(("version", "mode"), [*itertools.product(["0.5.26", "0.9.8", "0.12.15"], MODES), ("0.12.16", "enforce"), ("0.13.9", "enforce")])
def test_the_index_changes_before_the_install(make_world: Callable[..., World], version: str, mode: str, pages: str) -> None:
    """What was decided is what is installed, or nothing: never bytes of which the hash was not known before."""
    world = make_world(version)
    world.index.configure(cache_control=pages)
    original = wheel("app", "1.0")
    world.index.add(original)
    # A newer version.
    result = install_while(world, mode, lambda: world.index.add(wheel("app", "2.0")))
    assert (result.code, result.said, world.freeze()) == (0, (), "app==1.0\n"), result.stderr
    # The same version once more, with other bytes, and a page that agrees with them, or does not.
    for agreed in (wheel("app", "1.0", note="others")[1], original[1]):
        anew(world)
        world.index.files["main"].clear()
        world.index.add(original)
        again = functools.partial(world.index.add, wheel("app", "1.0", note="others"), original=agreed)
        result = install_while(world, mode, again)
        assert (result.code, world.freeze()) == (1, ""), result.stderr
        assert "ash mismatch" in result.stderr
    # Gone.
    anew(world)
    world.index.files["main"].clear()
    world.index.add(original)
    result = install_while(world, mode, world.index.files["main"].clear)
    assert (result.code in (1, 2), world.freeze()) == (True, ""), result.stderr
    assert strangers(world) == []


@pytest.mark.parametrize("change", ["newer version", "other bytes and hash", "other bytes", "gone"])
@pytest.mark.parametrize("pages", ["max-age=600", "no-store"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", ["0.5.26", "0.9.8", "0.12.15"])
def test_the_index_changes_between_two_preflights(make_world: Callable[..., World], version: str, mode: str, pages: str, change: str) -> None:
    """Before the query, or before the rehearsal: what is installed has the hash that the index gave for it, or nothing is."""
    world = make_world(version)
    world.index.configure(cache_control=pages)
    original, other = wheel("app", "1.0"), wheel("app", "1.0", note="others")
    changes: dict[str, Callable[[], object]] = {
        "newer version": lambda: world.index.add(wheel("app", "2.0")),
        "other bytes and hash": lambda: world.index.add(other),
        "other bytes": lambda: world.index.add(other, original=original[1]),
        "gone": world.index.files.clear,
    }
    for number in (2, 3):
        anew(world)
        world.index.files.clear()
        world.index.add(original)
        result = install_while(world, mode, changes[change], number, **REHEARSED)
        installed = world.freeze()
        assert (installed != "") == (result.code == 0), result.stderr
        assert installed in ("", "app==1.0\n", *(["app==2.0\n"] if change == "newer version" else [])), number
        assert "Traceback" not in result.stderr + "\n".join(result.said)
        for module in world.venv.rglob("app.py"):
            assert "others" not in module.read_text() or change == "other bytes and hash"
        if mode == "enforce":
            assert not any("unsealed" in line for line in result.said)
        if change == "newer version":
            assert result.code == 0, result.stderr
        assert strangers(world) == []


@dataclass
class Alternates:
    """Serves of two forms of a file the one and the other, in turn."""

    file: File
    forms: tuple[bytes, bytes]

    def __call__(self, request: BaseHTTPRequestHandler) -> bool:
        if request.path.endswith(self.file.name):
            self.file.data, self.forms = self.forms[0], self.forms[::-1]
        return False


@pytest.mark.parametrize("first", ["good", "bad"])
@pytest.mark.parametrize("kind", ["wheel", "wheel without metadata", "sdist"])
@pytest.mark.parametrize("version", ["0.5.26", "0.9.8", "0.12.15"])
def test_other_bytes_the_second_time(make_world: Callable[..., World], version: str, kind: str, first: str) -> None:
    """An index that serves a file well once and badly then, or the other way round: the bad bytes are not installed, and no bad code runs."""
    world = make_world(version)
    world.index.configure(metadata=kind == "wheel", ranges=False)
    make = sdist if kind == "sdist" else wheel
    name, good = make("app", "1.0", note="good")
    bad = make("app", "1.0", note="bad")[1]
    for mode in MODES:
        anew(world)
        world.index.files.clear()
        file = world.index.add((name, good), original=good)
        world.index.interfere = Alternates(file, (good, bad) if first == "good" else (bad, good))
        result = world.run("pip", "install", "app", env={"UV_SHIM_MODE": mode})
        installed = world.freeze()
        assert (result.code, installed) in ((0, "app==1.0\n"), (1, "")), result.stderr
        assert result.code == 0 or "ash mismatch" in "\n".join((result.stderr, *result.said))
        for module in world.venv.rglob("app.py"):
            assert "bad" not in module.read_text()
        assert "unsealed" not in " ".join(result.said)
        if result.code == 0:
            world.index.interfere = lambda _: False
            world.index.add((name, good))
            assert world.sync(project(world.root / "project", "app")).files == 0


@pytest.mark.parametrize("command", ["--dry-run --no-cache app", "--dry-run --refresh app", "--dry-run app", "--no-cache app", "--refresh app", "--refresh -U app"])
@pytest.mark.parametrize("version", ["0.5.26", "0.9.8", "0.12.15"])
def test_bad_bytes_from_some_time_on(make_world: Callable[..., World], version: str, command: str) -> None:
    """After however many good ones, where uv keeps none of them: no bad code runs, though nothing is to be installed."""
    world = make_world(version)
    ran = world.root / "ran"
    good, bad = sdist("app", "1.0")[1], sdist("app", "1.0", note=f"\nopen({str(ran)!r}, 'w')")[1]
    file = world.index.add(("app-1.0.tar.gz", good), original=good)
    for keeps in ("no-store", "max-age=600"):
        world.index.configure(file_cache_control=keeps)
        for times in range(5):
            anew(world)
            if "-U" in command:
                file.data = good
                world.bare("pip", "install", "app", check=True)
            served = itertools.count()

            def serve(request: BaseHTTPRequestHandler, served: itertools.count[int] = served, times: int = times) -> bool:
                if request.path.endswith(file.name):
                    file.data = good if next(served) < times else bad
                return False

            world.index.interfere = serve
            for mode in MODES:
                result = world.run("pip", "install", *command.split(), env={"UV_SHIM_MODE": mode})
                assert not ran.exists(), (keeps, times, mode, result.said)
            world.index.interfere = lambda _: False


@pytest.mark.parametrize("options", [(), ("--no-cache",), ("--refresh",), ("-v",), ("-q",), ("--color", "never")], ids=" ".join)
@pytest.mark.parametrize("version", ["0.5.26", "0.9.8", "0.12.15"])
def test_bad_bytes_for_once(make_world: Callable[..., World], version: str, options: tuple[str, ...]) -> None:
    """Whichever request of the sdist is answered with other bytes, all others well: nothing is installed that was not checked."""
    world = make_world(version)
    world.index.configure(file_cache_control="no-store")
    good, bad = sdist("src", "1.0")[1], sdist("src", "1.0", note="bad")[1]
    file = world.index.add(("src-1.0.tar.gz", good), original=good)
    evil = world.index.add(wheel("app", "1.0", note="evil"), original=wheel("app", "1.0", note="good")[1])
    for mode in MODES:
        for once in range(5):
            anew(world)
            served = itertools.count()

            def serve(request: BaseHTTPRequestHandler, served: itertools.count[int] = served, once: int = once) -> bool:
                if request.path.endswith(file.name):
                    file.data = bad if next(served) == once else good
                return False

            world.index.interfere = serve
            result = world.run("pip", "install", *options, "src", "app", env={"UV_SHIM_MODE": mode})
            world.index.interfere = lambda _: False
            assert (result.code != 0, world.freeze()) == (True, ""), (once, mode, result.said, result.stderr)
    assert evil.name
