"""The guard: code of an sdist waits until the shim has read what uv said before it, however slow the machine is."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from namespaces import first_process
from uv_shim import plan
from uv_shim.demo.wheels import sdist
from uv_shim.guard import Guard
from uv_shim.realuv import RealUv
from world import PYTHON, SHIM, World

#: The last of those that are stopped before they download, and of those that are stopped before they build.
VERSIONS = ("0.4.6", "0.9.8", "0.12.15")
MARK = "import os, pathlib; pathlib.Path(os.environ['HOME'], 'ran').touch()"
#: How long the stalled shim of these tests does not look. uv takes a tenth of it to build.
STALL_SECONDS = 3.0

BACKEND = """\
import json, os, sys, time

def build_wheel(folder, config_settings=None, metadata_directory=None):
    names = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "UV_SHIM_GUARD")
    seen = {"variables": {name: os.environ.get(name) for name in names}, "path": sys.path, "no bytecode": sys.dont_write_bytecode,
            "own": getattr(sys, "customized", None)}
    with open(os.path.join(os.environ["HOME"], "seen.json"), "w") as file:
        json.dump(seen, file)
    for _ in range(int(os.environ.get("BUILD_TICKS", "0"))):
        print("tick", flush=True)
        time.sleep(0.1)
    with open(os.path.join(os.environ["HOME"], "built"), "w"):
        sys.exit(1)
"""


def dry_run(world: World, what: str, stop_at: Callable[[str], bool], **env: str) -> None:
    """A watched dry run of uv itself, as the shim makes it."""
    os.chdir(world.work)
    RealUv(str(world.uv), {**world.env, **env}).start(["pip", "install", "--dry-run", "-v", what], watched=True).finish(stop_at)


def local_project(world: World) -> Path:
    """A project whose build writes down what it sees, takes its time, and fails."""
    folder = world.work / "local"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "local"\ndynamic = ["version"]\n[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n')
    (folder / "backend.py").write_text(BACKEND)
    return folder


@pytest.mark.parametrize("version", VERSIONS)
def test_no_code_runs_while_the_shim_is_stalled(make_world: Callable[..., World], version: str) -> None:
    """A shim that gets no processor for seconds, right when uv says what it is about to build, still stops it in time."""
    world = make_world(version)
    world.index.add(sdist("app", "1.0", note=f"\n{MARK}"))

    def stop_at(line: str) -> bool:
        stop = plan.sdist_to_download(line) or plan.sdist_to_build(line)
        if stop:
            time.sleep(STALL_SECONDS)
        return stop is not None

    dry_run(world, "app", stop_at)
    time.sleep(0.5)
    assert not (world.home / "ran").exists()
    # The control: with nobody who stops it, the same code runs.
    dry_run(world, "app", lambda _: False)
    assert (world.home / "ran").exists()


@pytest.mark.parametrize("version", VERSIONS)
def test_a_build_does_not_see_the_guard(make_world: Callable[..., World], version: str) -> None:
    """A build that may run sees the environment, the path and the `sitecustomize` that it would see without the shim."""
    world = make_world(version)
    folder = local_project(world)
    own = world.root / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import sys\nsys.customized = 'yes'\n")
    seen = {}
    for route in (world.bare, world.run):
        for kind, env in {"none": {}, "empty": {"PYTHONPATH": ""}, "own": {"PYTHONPATH": str(own), "PYTHONDONTWRITEBYTECODE": "yes"}}.items():
            route("pip", "install", "--no-deps", str(folder), env=env)
            found = json.loads((world.home / "seen.json").read_text())
            found["path"] = [part for part in found["path"] if "builds-v" not in part]
            # An empty one is none to Python.
            found["variables"] = {name: value or None for name, value in found["variables"].items()}
            seen[route.__name__, kind] = found
            (world.home / "seen.json").unlink()
    for kind in ("none", "empty", "own"):
        assert seen["run", kind] == seen["bare", kind]
    assert seen["run", "own"]["own"] == "yes"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_build_is_told_even_where_signals_are_blocked(make_world: Callable[..., World], version: str) -> None:
    """A caller may have blocked the signal that is the guard's answer; and of the guard nothing is heard."""
    world = make_world(version)
    folder = local_project(world)
    script = ("import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]); "
              "os.execv(sys.argv[1], sys.argv[1:])")
    done = subprocess.run([str(PYTHON), "-c", script, str(SHIM), "pip", "install", str(folder)], cwd=world.work, timeout=60, check=False,
                          env={**world.env, "UV_SHIM_MODE": "enforce"}, capture_output=True, text=True)
    assert (world.home / "built").exists()
    assert "local" in done.stderr
    assert "sitecustomize" not in done.stderr


@pytest.mark.parametrize("version", ["0.9.8", "0.12.15"])
def test_a_build_that_was_allowed_ends_with_the_dry_run(make_world: Callable[..., World], version: str) -> None:
    """Where uv is stopped because of an sdist, a local build that it is in the middle of does not go on by itself."""
    world = make_world(version)
    folder = local_project(world)
    dry_run(world, str(folder), lambda line: "tick" in line, BUILD_TICKS="20")
    assert (world.home / "seen.json").exists()
    time.sleep(2.5)
    assert not (world.home / "built").exists()


def builds_before_it_selects(world: World) -> str:
    """Path of a program that has uv as its child, which says nothing of what it selects."""
    program = world.root / "launcher" / "uv"
    program.parent.mkdir()
    program.write_text(f"""#!/bin/sh
case " $* " in *" --dry-run "*) ;; *) exec '{world.uv}' "$@";; esac
{{ '{world.uv}' "$@" 2>&1 >&3; echo $? >'{world.root}/code'; }} 3>&1 | sed -u '/Selecting: /d' >&2
read -r code <'{world.root}/code' && exit "$code"
""")
    program.chmod(0o755)
    return str(program)


@pytest.mark.parametrize("version", ["0.9.8", "0.11.19", "0.12.15", "0.12.16", "0.13.9"])
def test_a_hash_that_uv_has_computed_is_none_of_the_index(make_world: Callable[..., World], version: str) -> None:
    """Where uv builds an sdist before it says that it selects it, and the index has no hash."""
    world = make_world(version)
    world.index.add(sdist("app", "1.0", note=f"\n{MARK}"), advertised=())
    result = world.run("pip", "install", "app", env={"UV_SHIM_REAL_UV": builds_before_it_selects(world), "UV_SHIM_MODE": "enforce"}, timeout=60)
    assert (result.code, world.freeze(), (world.home / "ran").exists()) == (2, "", False), result.stderr


@pytest.mark.parametrize("version", ["0.9.8", "0.12.15"])
def test_a_program_that_has_uv_as_its_child(make_world: Callable[..., World], version: str) -> None:
    """Stopped, such a program leaves its uv behind, which then neither hangs nor builds; and uv may build before it says what it selects."""
    world = make_world(version)
    name, good = sdist("app", "1.0")
    world.index.add((name, sdist("app", "1.0", note=f"\n{MARK}")[1]), original=good)
    result = world.run("pip", "install", "app", env={"UV_SHIM_REAL_UV": builds_before_it_selects(world)}, timeout=60)
    assert (result.code != 0, world.freeze(), (world.home / "ran").exists()) == (True, "", False), result.stderr
    assert "ash mismatch" in result.stderr


@pytest.mark.parametrize("mode", ["seal", "enforce"])
def test_a_descriptor_that_a_script_has_taken(make_world: Callable[..., World], mode: str) -> None:
    """A script on the way to uv has a file of its own where the guard's pipe was: nothing is written there, and nothing begins or hangs."""
    world = make_world("0.9.8")
    world.index.add(sdist("app", "1.0", note=f"\n{MARK}"))
    script = world.root / "script" / "uv"
    script.parent.mkdir()
    script.write_text(f"""#!/usr/bin/env bash
[ -z "${{UV_SHIM_GUARD-}}" ] || eval "exec ${{UV_SHIM_GUARD%%:*}}>>'{world.root}/taken'"
exec '{world.uv}' "$@"
""")
    script.chmod(0o755)
    result = world.run("pip", "install", "app", env={"UV_SHIM_REAL_UV": str(script), "UV_SHIM_MODE": mode}, timeout=60)
    assert (result.code == 0, (world.home / "ran").exists()) == ((True, True) if mode == "seal" else (False, False)), result.stderr
    assert ((world.root / "taken").read_text(), bool(result.said)) == ("", True)


@pytest.mark.parametrize("mode", ["seal", "enforce"])
def test_a_build_whose_process_id_is_somebody_elses(make_world: Callable[..., World], mode: str) -> None:
    """The real uv has a process namespace of its own: what a hook calls itself is a bystander here, to whom nothing is sent; and nothing hangs."""
    world = make_world("0.9.8")
    world.index.add(sdist("app", "1.0", note=f"\n{MARK}"))
    script = world.root / "script" / "uv"
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\nexec unshare --pid --fork --mount-proc '{world.uv}' \"$@\"\n")
    script.chmod(0o755)
    among_others = """
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 60 >/dev/null 2>&1 & done
"$@"
echo "$? $(cat /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -c '^sleep$')"
"""
    done = subprocess.run([*first_process(), "sh", "-c", among_others, "sh", SHIM, "pip", "install", "app"], cwd=world.work, timeout=60, check=False,
                          env={**world.env, "UV_SHIM_REAL_UV": str(script), "UV_SHIM_MODE": mode}, capture_output=True, text=True)
    code = 0 if mode == "seal" else 2
    assert (done.stdout, (world.home / "ran").exists()) == (f"{code} 20\n", mode == "seal"), done.stderr
    assert "cannot be told to begin" in done.stderr


def test_a_hook_of_a_uv_that_has_ended() -> None:
    """It is nobody's any more, and that is no reason to do without uv's answer."""
    guard = Guard()
    try:
        with subprocess.Popen(["sleep", "60"]) as uv:
            assert not guard.allow([1], uv.pid)
            uv.kill()
            os.waitid(os.P_PID, uv.pid, os.WEXITED | os.WNOWAIT)
            assert guard.allow([1], uv.pid)
    finally:
        guard.started()
        guard.close()


def test_a_process_id_in_two_pieces() -> None:
    """So many may ask at once that a read ends within a number."""
    guard = Guard()
    asking = int(guard.environment({})["UV_SHIM_GUARD"].partition(":")[0])
    os.write(asking, b"\n" * 4093 + b"12345\n")
    assert guard.asked() + guard.asked() == [12345]
    guard.started()
    guard.close()
