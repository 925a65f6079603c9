"""What must hold when things go wrong: kills, crowds, secrets, and an uv that does not answer."""

from __future__ import annotations

import os
import posix
import random
import re
import resource
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import uvs
from aftermath import settle, strangers
from uv_shim import memo, realuv, seal
from uv_shim.demo.index import Index
from uv_shim.demo.wheels import sdist, wheel
from world import PYTHON, SHIM, Result, World, project

#: Of each kind one; the rest of the promise's versions take the same ways.
SEALED = ("0.5.26", "0.9.8", "0.12.15")
#: Kills with ``--all-uv``, and without.
KILLS = {True: 30, False: 8}
SECRET = "s3cr3t-0f-m1ne"


def publish(index: Index, count: int = 6) -> list[str]:
    """Publish ``count`` packages, the last an sdist; the names."""
    names = [f"pkg{number}" for number in range(count)]
    for name in names[:-1]:
        index.add(wheel(name, "1.0", payload=200_000))
    index.add(sdist(names[-1], "1.0", payload=50_000))
    return names


@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "process"])
@pytest.mark.parametrize("version", ["0.9.8", "0.12.15"])
def test_killed(make_world: Callable[..., World], pytestconfig: pytest.Config, version: str, *, whole_group: bool) -> None:
    """Killed at any moment, the shim leaves no file behind, and the next install works."""
    world = make_world(version)
    names = publish(world.index)
    world.index.latency = 0.005
    command = ("pip", "install", *names)
    started = time.monotonic()
    assert world.run(*command).code == 0
    whole = time.monotonic() - started
    dice = random.Random(0)
    for number in range(KILLS[bool(pytestconfig.getoption("--all-uv"))]):
        shutil.rmtree(world.root / "cache")
        world.bare("pip", "uninstall", "-q", *names)
        process = subprocess.Popen([SHIM, *command], cwd=world.work, env=world.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        # Early moments are the shim's own; the last third is the real uv alone.
        time.sleep(dice.uniform(0, whole * 0.9))
        if whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        settle(process.pid)
        assert strangers(world) == [], f"after kill {number}"
    assert world.run(*command, "--reinstall").code == 0
    assert sorted(world.freeze().split()) == [f"{name}==1.0" for name in names]
    assert world.sync(project(world.root / "project", *names)).files == 0


@pytest.mark.parametrize("signalled", [signal.SIGINT, signal.SIGTERM], ids=["INT", "TERM"])
@pytest.mark.parametrize("version", ["0.9.8"])
def test_interrupted(make_world: Callable[..., World], version: str, signalled: signal.Signals) -> None:
    """Interrupted, the shim ends at once and says so to its caller as any program does; no process and no file stays."""
    world = make_world(version)
    names = publish(world.index)
    world.index.latency = 0.4  # an install takes longer than the last of the moments, however fast the machine is
    for moment in (0.02, 0.05, 0.15, 0.4, 0.7, 1.0):
        shutil.rmtree(world.root / "cache", ignore_errors=True)
        process = subprocess.Popen([SHIM, "pip", "install", *names], cwd=world.work, env=world.env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, text=True)
        time.sleep(moment)
        os.killpg(process.pid, signalled)
        _, stderr = process.communicate(timeout=10)
        assert process.returncode in (-signalled, 128 + signalled), stderr
        assert "Traceback" not in stderr
        settle(process.pid)
        assert strangers(world) == []


@pytest.mark.parametrize("version", SEALED)
def test_crowd(make_world: Callable[..., World], version: str) -> None:
    """Eight installs at a time on one cache: each environment is right, and ``uv sync`` fetches nothing."""
    world = make_world(version)
    names = publish(world.index)
    folders = [world.root / f"crowd{number}" for number in range(8)]
    for folder in folders:
        world.bare("venv", "-q", "--python", str(PYTHON), str(folder), check=True)
    wanted = [sorted({*names[:3], names[-1], names[number % len(names)]}) for number in range(8)]

    def install(number: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run([SHIM, "pip", "install", "--python", folders[number], *wanted[number]], cwd=world.work, env=world.env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(install, range(8)))
    assert [(done.returncode, done.stderr) for done in results if done.returncode or "uv-shim: " in done.stderr] == []
    for folder, installed in zip(folders, wanted):
        assert world.freeze(folder).split() == [f"{name}==1.0" for name in installed]
    together = sorted(set().union(*wanted))
    assert world.sync(project(world.root / "project", *together)).files == 0
    assert strangers(world) == []


# Secrets.


def in_option(_: World, url: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The password in an option."""
    return ("--index-url", url, "app"), {}


def in_glued_option(_: World, url: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The password in an option and its value in one word."""
    return (f"--index-url={url}", "app"), {}


def in_short_option(_: World, url: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The password in a short option and its value in one word."""
    return (f"-i{url}", "app"), {}


def in_variable(_: World, url: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The password in a variable."""
    return ("app",), {"UV_INDEX_URL": url}


def in_extra_variable(_: World, url: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The password in a variable of another kind."""
    return ("app",), {"UV_EXTRA_INDEX_URL": url}


def in_file(world: World, url: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The password in a requirements file."""
    (world.work / "requirements.txt").write_text(f"--index-url {url}\napp\n")
    return ("-r", "requirements.txt"), {}


def in_direct_url(_: World, url: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """The password in the URL of a file."""
    return (f"app @ {url[: -len('simple')]}files/app-1.0-py3-none-any.whl",), {"UV_INDEX_URL": url}


def as_user_name(world: World, url: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """A token where the user's name stands."""
    world.index.configure(auth=f"{SECRET}:")
    token = url.replace(f"someone:{SECRET}@", f"{SECRET}@")
    return ("--index-url", token, "app"), {}


SECRETS = (in_option, in_glued_option, in_short_option, in_variable, in_extra_variable, in_file, in_direct_url, as_user_name)


@pytest.mark.parametrize("ending", ["installed", "refused", "unanswered"])
@pytest.mark.parametrize("arrange", SECRETS, ids=lambda arrange: str(arrange.__name__))
@pytest.mark.parametrize("version", ["0.9.8", "0.12.15"])
def test_secrets(make_world: Callable[..., World], version: str, ending: str,
                 arrange: Callable[[World, str], tuple[tuple[str, ...], dict[str, str]]]) -> None:
    """A password of the caller is in no trace, no message of the shim, and no file outside uv's cache."""
    world = make_world(version)
    world.index.configure(auth=f"someone:{SECRET}")
    world.index.add(wheel("app", "1.0", requires=("lib",)), advertised=() if ending == "refused" else ("sha256",))
    world.index.add(wheel("lib", "1.0"))
    args, env = arrange(world, world.index.simple().replace("://", f"://someone:{SECRET}@"))
    env["UV_SHIM_TRACE"] = "1"
    if ending == "refused":
        env["UV_SHIM_MODE"] = "enforce"
    elif ending == "unanswered":
        env["UV_SHIM_REAL_UV"] = str(broken(world, "exit 1"))
    result = world.run("pip", "install", *args, env=env)
    assert (result.code == 0) == (ending != "refused"), result.stderr
    assert any("trace: mode" in line for line in result.said)
    assert SECRET not in "\n".join(result.said)
    assert SECRET not in result.stdout + result.stderr
    inputs = {world.work / "requirements.txt", world.root / "calls"}
    for path in world.root.rglob("*"):
        if path.is_file() and world.root / "cache" not in path.parents and path not in inputs:
            assert SECRET.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("mode", ["seal", "enforce"])
def test_a_secret_in_a_query(make_world: Callable[..., World], mode: str) -> None:
    """As in URLs that a storage signs: it is in uv's own lines, where there are such, and in none of ours."""
    world = make_world("0.9.8")
    file = world.index.add(wheel("app", "1.0"))
    where = f"{world.index.url}/main/files/{file.name}?X-Signature={SECRET}"
    for words in ((f"app @ {where}",), (where,), ("--index-url", f"{world.index.simple()}?token={SECRET}", f"app @ {where}#egg=app")):
        result = world.run("pip", "install", "--reinstall", *words, env={"UV_SHIM_TRACE": "1", "UV_SHIM_MODE": mode})
        assert result.code == (2 if mode == "enforce" else 0), result.stderr
        assert mode == "enforce" or any("?****" in line and "exec" in line for line in result.said), result.said
        assert SECRET not in "\n".join(result.said)


@pytest.mark.parametrize(("line", "shown"), [
    ("is it so? yes", "is it so? yes"),
    ("get https://h/p?a=1&b=2#egg=c?d, and e?f", "get https://h/p?****#egg=c?d, and e?f"),
    ("get 'https://h/p?a=1' or not?", "get 'https://h/p?****' or not?"),
    ("https://u:p?w@h/p?next=https://u:p@other/x&s=1 http://h", "https://****@h/p?**** http://h"),
    ("https://proxy/https://u:p@h/x?s=1 ?", "https://proxy/https://****@h/x?**** ?"),
    ("https://h?s=1", "https://h?****"), ("git+ssh://git@h/r?s\tand ?s", "git+ssh://****@h/r?****\tand ?s"), ("://?", "://?****"), ("?://", "?://"),
])
def test_what_is_shown_of_a_url(line: str, shown: str) -> None:
    """Neither its user nor its query; what stands elsewhere is as it was."""
    assert seal.redacted(line) == shown


@pytest.mark.parametrize(("case", "ended"), [("nothing to do", "uv has answered already"), ("no solution", "uv has said no already"),
                                             ("refused", "uv would install app 1.0"), ("refused by uv", "version 0.9.8"), ("installed", "exec")])
def test_the_trace_says_what_was_run_and_nothing_else(make_world: Callable[..., World], case: str, ended: str) -> None:
    """However a call ends, it says the mode and the version; that something was executed, only where it was."""
    world = make_world("0.9.8")
    world.index.add(wheel("app", "1.0"), advertised=() if case == "refused" else ("sha256",))
    if case == "nothing to do":
        world.bare("pip", "install", "app", check=True)
    wanted = "app>5" if case in ("no solution", "refused by uv") else "app"
    result = world.run("pip", "install", wanted, env={"UV_SHIM_TRACE": "1", "UV_SHIM_MODE": "enforce" if case.startswith("refused") else "seal"})
    trace = [line.partition("trace: ")[2] for line in result.said if "trace: " in line]
    assert trace[0].startswith("sealing: exec ")  # the router's
    assert [line.split()[0] for line in trace[1:4]] == ["real", "mode", "version"]
    assert trace[-1].startswith(ended), trace
    assert any(line.startswith("exec") for line in trace) == (case == "installed")


# An uv that does not answer.


def broken(world: World, how: str) -> Path:
    """An uv that does ``how`` where it is asked for a dry run or a compilation; it notes its other calls in ``calls``."""
    program = world.root / "broken" / "uv"
    program.parent.mkdir()
    program.write_text(f"""#!/bin/sh
for word do
    case $word in --dry-run | compile)
        echo asked >>'{world.root}/asked'
        {how};;
    esac
done
case " $* " in *" install "* | *" sync "*) printf '%s\\n' "$@" >'{world.root}/calls';; esac
exec '{world.uv}' "$@"
""")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


FAILURES = {
    "fails": "exit 1",
    "fails with a message": "echo 'error: no such luck' >&2; exit 2",
    "prints garbage": "echo '\\303\\050 {[ + a==b + c @'; printf ' + \\377==\\n + app==9.9\\n' >&2; exit 0",
    "says nothing": "exit 0",
    "is killed": "kill -9 $$",
    "hangs up": "printf 'DEBUG Selecting: app==1.0 [compatible] (app-1.0-py3-no' >&2; printf 'app==1.0 \\\\\\n    --hash=sha2'; kill -9 $$",
    "hangs up after its plan": "'{uv}' \"$@\"; kill -9 $$",
}
#: Asked for its plan in `seal` mode; a newer one only in `enforce`.
ASKED = ("0.5.26", "0.9.8", "0.12.15")


@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize("version", ASKED)
def test_unanswered_in_seal(make_world: Callable[..., World], version: str, how: str) -> None:
    """Where uv does not answer, ``seal`` calls it as the caller did, and what the user sees are uv's own words."""
    world, control = make_world(version), make_world(version, "control")
    world.index.add(wheel("app", "1.0"))
    program = broken(world, FAILURES[how].replace("{uv}", str(world.uv)))
    (world.root / "asked").unlink(missing_ok=True)
    result = world.run("pip", "install", "app", "--no-deps", env={"UV_SHIM_REAL_UV": str(program)})
    bare = control.bare("pip", "install", "app", "--no-deps")
    assert (world.root / "asked").exists(), "nothing was asked: this test has lost its meaning"
    assert (result.code, result.stdout, world.freeze()) == (bare.code, bare.stdout, control.freeze())
    assert re.sub(r"\d+(\.\d+)?ms", "", result.stderr) == re.sub(r"\d+(\.\d+)?ms", "", bare.stderr)
    called = [word for word in (world.root / "calls").read_text().split("\n") if word]
    assert [word for word in called if word != "--verify-hashes"] == ["pip", "install", "app", "--no-deps"]
    assert len(result.said) == 1
    assert strangers(world) == []


@pytest.mark.parametrize("version", ASKED)
def test_unanswered_failure_in_seal(make_world: Callable[..., World], version: str) -> None:
    """Where uv fails by itself, its exit code and its words are those of the bare uv, and it is all there is to see."""
    world, control = make_world(version), make_world(version, "control")
    program = broken(world, "exit 1")
    result = world.run("pip", "install", "nowhere", env={"UV_SHIM_REAL_UV": str(program)})
    bare = control.bare("pip", "install", "nowhere")
    assert (result.code, result.stdout, result.stderr) == (bare.code, bare.stdout, bare.stderr)
    assert bare.code == 1


@pytest.mark.parametrize("how", FAILURES)
@pytest.mark.parametrize("version", [*ASKED, "0.12.16", "0.13.9"])
def test_unanswered_in_enforce(make_world: Callable[..., World], version: str, how: str) -> None:
    """Where uv does not answer, ``enforce`` refuses, and nothing is installed; the exit code is 2, or uv's own where it gave one."""
    world = make_world(version)
    world.index.add(wheel("app", "1.0"))
    program = broken(world, FAILURES[how].replace("{uv}", str(world.uv)))
    result = world.run("pip", "install", "app", env={"UV_SHIM_REAL_UV": str(program), "UV_SHIM_MODE": "enforce"})
    assert (result.code, world.freeze()) == (1 if how == "fails" else 2, "")
    assert result.said
    assert not (world.root / "calls").exists()
    assert "Traceback" not in result.stderr + "\n".join(result.said)
    assert strangers(world) == []


@pytest.mark.parametrize("mode", ["seal", "enforce"])
def test_a_failure_of_the_shim_itself(make_world: Callable[..., World], tmp_path: Path, mode: str) -> None:
    """Where the shim itself fails (here: a damaged copy), `seal` runs uv as called, with the flag, and says so; `enforce` refuses."""
    world = make_world("0.9.8")
    world.index.add(wheel("app", "1.0"))
    for folder in ("shims", "src"):
        shutil.copytree(SHIM.parent.parent / folder, tmp_path / "damaged" / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "damaged" / "src" / "uv_shim" / "preflight.py").write_text("raise RuntimeError('damaged')\n")
    result = world.call(str(tmp_path / "damaged" / "shims" / "uv"), ("pip", "install", "app"), env={"UV_SHIM_MODE": mode, "UV_SHIM_TRACE": "1"})
    assert "uv-shim: trace: version 0.9.8" in result.said
    assert "the shim failed (RuntimeError('damaged'))" in "".join(result.said)
    assert (result.code, world.freeze()) == ((0, "app==1.0\n") if mode == "seal" else (2, ""))
    assert mode == "enforce" or result.said[-1].endswith("pip install --verify-hashes app")


def test_bytecode_beside_a_checkout_is_no_burden(make_world: Callable[..., World], tmp_path: Path) -> None:
    """It is older than the sources after each update; what Python compiles is kept in the user's cache nevertheless."""
    world = make_world("0.9.8")
    for folder in ("shims", "src"):
        shutil.copytree(SHIM.parent.parent / folder, tmp_path / "checkout" / folder, ignore=shutil.ignore_patterns("__pycache__"))
    package = tmp_path / "checkout" / "src" / "uv_shim"
    subprocess.run([PYTHON, "-m", "compileall", "-q", package], check=True)
    before = {path: path.stat().st_mtime_ns for path in package.rglob("*.pyc")}
    os.utime(package / "realuv.py", (1, 1))
    world.call(str(tmp_path / "checkout" / "shims" / "uv"), ("pip", "install", "alpha"))
    assert list((world.home / ".cache" / "uv-shim" / "bytecode").rglob("realuv.*.pyc"))
    assert {path: path.stat().st_mtime_ns for path in package.rglob("*.pyc")} == before


@pytest.mark.parametrize("room", [0, 10])
def test_what_there_is_no_room_to_remember_leaves_nothing(tmp_path: Path, room: int) -> None:
    """On a full disk, of what is written there comes a part, or nothing. It is not read, and it does not stay."""
    environ = {"HOME": str(tmp_path)}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        memo.remember(str(uvs.uv("0.9.8")), (0, 9, 8), environ, native=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list((tmp_path / ".cache" / "uv-shim").iterdir()) == []
    memo.remember(str(uvs.uv("0.9.8")), (0, 9, 8), environ, native=False)
    assert memo.recall(str(uvs.uv("0.9.8")), environ) == "uv 0.9.8"


def test_bytecode_that_was_cut_short(make_world: Callable[..., World]) -> None:
    """By a full disk, say (Python before 3.13.1 keeps it): it is done without, for early modules and late ones, and written anew."""
    world = make_world("0.9.8")
    world.index.add(sdist("app", "1.0"))

    def install() -> Result:
        shutil.rmtree(world.root / "cache", ignore_errors=True)
        return world.run("pip", "install", "--reinstall", "app", env={"UV_SHIM_MODE": "enforce", "UV_SHIM_TRACE": "1"})

    assert install().code == 0
    sizes = {path: path.stat().st_size for path in (world.home / ".cache" / "uv-shim" / "bytecode").rglob("*.pyc")}
    assert {"seal", "preflight"} < {path.name.partition(".")[0] for path in sizes}
    for path, size in sizes.items():
        os.truncate(path, size // 2)
    for _ in range(2):
        result = install()
        assert (result.code, world.freeze()) == (0, "app==1.0\n"), result.said
        assert not [line for line in result.said if "does not run the shim" in line]
    assert [path for path, size in sizes.items() if path.stat().st_size <= size // 2] == []


def test_bytecode_without_a_home(make_world: Callable[..., World]) -> None:
    """It is nowhere, and compiled anew each time, unless there is a folder for caches."""
    world = make_world("0.9.8")
    world.index.add(wheel("app", "1.0"))
    for folder in (None, str(world.root / "caches")):
        world.run("pip", "install", "app", env={"HOME": None, "XDG_CACHE_HOME": folder}, check=True)
        assert [path.parent.parent.name for path in world.root.rglob("uv-shim/bytecode")] == ["caches"] * bool(folder)
    assert not list(world.home.iterdir())


def test_what_uv_reads_by_a_path_is_read_from_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a descriptor that is opened by its path goes on where the last reader has come to, as on macOS."""
    monkeypatch.setattr(realuv, "_opens_anew", lambda: False)
    file = realuv.PrivateFile(b"alpha==1.0")
    assert file.path == f"/dev/fd/{file.fd}"
    reader = realuv.RealUv(str(PYTHON), dict(os.environ))
    for _ in range(2):
        assert reader.run(["-c", f"import os; print(os.read({file.fd}, 99).decode())"]).stdout == "alpha==1.0\n"
    file.close()
    assert reader.run(["-c", "print()"]).code == 0


def test_a_real_uv_that_cannot_be_run(make_world: Callable[..., World]) -> None:
    """126, as a shell has it, in a line that names it."""
    world = make_world("0.9.8")
    broken = world.root / "broken"
    broken.write_bytes(b"\x7fELF")
    broken.chmod(0o755)
    for mode, code in (("seal", 126), ("enforce", 2)):
        result = world.run("pip", "install", "app", env={"UV_SHIM_REAL_UV": str(broken), "UV_SHIM_MODE": mode})
        assert result.code == code, result.stderr
        assert mode == "enforce" or f"{broken} cannot be run" in result.said[-1]


def wrapper(world: World, *, knows: bool) -> Path:
    """A uv that does not say its version, but `wrapper 1`; the flag it knows, or refuses."""
    program = world.root / "wrapper"
    refusal = "" if knows else """for word do case $word in --verify-hashes) echo "error: unexpected argument '$word' found" >&2; exit 2 ;; esac; done
"""
    program.write_text(f"""#!/bin/sh
case $* in --version) echo 'wrapper 1'; exit ;; esac
echo "$*" >>'{world.root}/calls'
{refusal}exec '{world.uv}' "$@"
""")
    program.chmod(0o755)
    return program


@pytest.mark.parametrize("knows", [True, False])
@pytest.mark.parametrize("mode", ["seal", "flag", "enforce"])
def test_a_uv_that_does_not_say_its_version(make_world: Callable[..., World], mode: str, *, knows: bool) -> None:
    """It is asked whether it knows the flag, as where there is no Python, and gets it then; `seal` says what stays unsealed."""
    world = make_world("0.9.8")
    world.index.add(wheel("app", "1.0"))
    env = {"UV_SHIM_REAL_UV": str(wrapper(world, knows=knows)), "UV_SHIM_MODE": mode, "UV_NO_VERIFY_HASHES": "1"}
    flagged = "--verify-hashes " if knows else ""
    for words, said in (("app", mode == "seal"), ("--help", False)):
        (world.root / "calls").unlink(missing_ok=True)
        result = world.run("pip", "install", words, env=env)
        if mode == "enforce":
            assert (result.code, world.freeze(), (world.root / "calls").exists()) == (2, "", False)
            continue
        assert result.code == 0, result.stderr
        assert (world.root / "calls").read_text().splitlines()[-1] == f"pip install {flagged}{words}"
        assert result.said == (("uv-shim: unsealed: what uv installs here, as this uv does not say its version",) if said else ())
    assert world.freeze() == ("" if mode == "enforce" else "app==1.0\n")


@pytest.mark.parametrize("value", ["2", "maybe"])
def test_a_variable_that_is_no_yes_and_no_no(make_world: Callable[..., World], value: str) -> None:
    """uv refuses it, and nobody else has anything to add."""
    world = make_world("0.9.8")
    result = world.run("pip", "install", "app", env={"UV_REQUIRE_HASHES": value})
    bare = world.call(str(world.uv), ("pip", "install", "app"), env={"UV_REQUIRE_HASHES": value})
    assert (result.code, result.stderr, result.said) == (bare.code, bare.stderr, ())
    assert "value was not a boolean" in result.stderr


@pytest.mark.parametrize("kind", [wheel, sdist])
def test_a_helper_that_leaves_a_process_behind(make_world: Callable[..., World], kind: Callable[..., tuple[str, bytes]]) -> None:
    """It has what uv had as its standard error; a call ends when uv does, as the bare uv's, and a dry run that is stopped does, too."""
    world = make_world("0.9.8", UV_KEYRING_PROVIDER="subprocess")
    world.index.add(kind("app", "1.0"))
    world.index.configure(auth="someone:pw")
    (world.root / "helper").mkdir()
    helper = world.root / "helper" / "keyring"
    helper.write_text("#!/bin/sh\nsleep 60 </dev/null >/dev/null &\necho pw\n")
    helper.chmod(0o755)
    env = {**world.env, "PATH": f"{world.env['PATH']}:{helper.parent}", "UV_INDEX_URL": world.index.simple().replace("://", "://someone@")}
    with open(world.root / "said", "w+", encoding="utf-8") as said:
        process = subprocess.Popen([SHIM, "pip", "install", "app"], cwd=world.work, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                   start_new_session=True)
        try:
            code = process.wait(timeout=30)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
        said.seek(0)
        text = said.read()
    assert (code, "uv-shim: " in text, world.freeze()) == (0, False, "app==1.0\n"), text


def test_a_shell_that_pipes_the_words_of_uv(make_world: Callable[..., World]) -> None:
    """What the real uv is piped through may end after it: its last words count."""
    world = make_world("0.9.8")
    world.index.add(wheel("app", "1.0"))
    script = world.root / "script" / "uv"
    script.parent.mkdir()
    script.write_text(f"""#!/usr/bin/env bash
case " $* " in *" --dry-run "*) exec 2> >(sleep 0.2; exec cat >&2);; esac
exec '{world.uv}' "$@"
""")
    script.chmod(0o755)
    result = world.run("pip", "install", "app", env={"UV_SHIM_REAL_UV": str(script)})
    assert (result.code, result.said, world.freeze()) == (0, (), "app==1.0\n"), result.stderr


@pytest.mark.parametrize("mode", ["seal", "enforce"])
def test_descriptors_that_a_script_takes(make_world: Callable[..., World], mode: str) -> None:
    """A script as the real uv opens its lock file under a number of its choice: what uv reads by a path is not that file."""
    world = make_world("0.9.8")
    world.index.add(wheel("app", "1.0", note="evil"), original=wheel("app", "1.0")[1])
    script = world.root / "script" / "uv"
    script.parent.mkdir()
    for number in range(3, 10):
        shutil.rmtree(world.root / "cache", ignore_errors=True)
        script.write_text(f"#!/bin/sh\nexec {number}>'{world.root}/lock'\nexec '{world.uv}' \"$@\"\n")
        script.chmod(0o755)
        result = world.run("pip", "install", "app", env={"UV_SHIM_REAL_UV": str(script), "UV_SHIM_MODE": mode}, timeout=60)
        assert ("ash mismatch" in result.stderr, result.said, world.freeze()) == (True, (), ""), (number, result.said, result.stderr)


@pytest.mark.parametrize("limit", [2000, 900, 12])
def test_what_uv_inherits_has_the_highest_number(limit: int) -> None:
    """As far as there may be descriptors; where there is none left, it stays where it is, and nothing of it is left open."""
    program = """if 1:
        import os
        from uv_shim import realuv
        files = [realuv.PrivateFile(b"text") for _ in range(3)]
        print([file.fd for file in files], [os.get_inheritable(file.fd) for file in files])
        before = os.listdir("/proc/self/fd")
        realuv.PrivateFile(b"").close()
        assert os.listdir("/proc/self/fd") == before
    """
    done = subprocess.run(["sh", "-c", f'ulimit -n {limit}; exec "$0" -c "$1"', PYTHON, program], env={"PYTHONPATH": str(SHIM.parent.parent / "src")},
                          capture_output=True, text=True, check=False)
    first = min(limit - 1, 1000)
    assert done.stdout == f"{[first, first - 1, first - 2]} {[True] * 3}\n", done.stderr


def test_files_have_no_name_without_memfd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many builds of Python lack it: also there, nobody finds a file of ours, whenever the shim is killed."""
    monkeypatch.delattr("posix.memfd_create")
    monkeypatch.setitem(posix.environ, b"TMPDIR", bytes(tmp_path))
    file = realuv.PrivateFile(b"text")
    assert os.readlink(f"/proc/self/fd/{file.fd}").startswith(f"{tmp_path}/#")
    assert list(tmp_path.iterdir()) == []
    assert Path(file.path).read_bytes() == b"text"
    file.close()
