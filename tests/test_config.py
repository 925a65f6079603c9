"""The settings: which one is in force, and the command that shows and sets them."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import uvs
from namespaces import Machine
from test_router import RECORDER, SHELLS, Router
from uv_shim.demo.index import Index
from uv_shim.demo.wheels import sdist, wheel
from world import PYTHON, ROOT, SHIM, World

MODES = ("enforce", "seal", "flag", "off")
POLICIES = [None, *((mode, allow) for mode in MODES for allow in (None, "false", "true"))]
COMBINATIONS = list(itertools.product(POLICIES, (None, *MODES), (None, *MODES)))


def expected(policy: tuple[str, str | None] | None, user: str | None, wish: str | None) -> tuple[str, bool]:
    """The rule: the environment goes before the user's file; the policy's mode is the softest, unless it allows others."""
    asked = wish or user
    if policy is None:
        return asked or "seal", False
    if asked is None or policy[1] == "true":
        return asked or policy[0], False
    overruled = MODES.index(asked) > MODES.index(policy[0])
    return (policy[0] if overruled else asked), overruled


def text(policy: tuple[str, str | None] | None) -> str | None:
    """The system's file."""
    return policy and f'# ours\nmode = "{policy[0]}"' + (f"\nallow-softer-modes = {policy[1]}" if policy[1] else "")


def happened(machine: Machine, folder: Path, shell: list[str], python: str, combinations: list[tuple[object, ...]]) -> list[tuple[int, str, str | None]]:
    """What became of each."""
    folder.mkdir()
    program = shutil.which(shell[0])
    if program is None and "CI" not in os.environ:
        pytest.skip(f"{shell[0]} is not on this machine")
    assert program, f"{shell[0]} must be there in CI"
    real = Router.program(folder / "real" / "uv", RECORDER)
    asked = {"combinations": [(text(policy), user, wish) for policy, user, wish in combinations], "python": python, "real": str(real)}  # type: ignore[arg-type]
    done = subprocess.run(machine.on(str(PYTHON), "-I", str(ROOT / "tests" / "policies.py"), str(folder), program, *shell[1:], str(SHIM)),
                          input=json.dumps(asked), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [tuple(one) for one in json.loads(done.stdout)]


def test_the_policy_is_the_softest_mode(machine: Machine, tmp_path: Path) -> None:
    """Whatever the user's file and the environment say, no mode is softer than the system file's, unless that file allows it."""
    combinations: list[tuple[object, ...]] = [*COMBINATIONS]
    for (policy, user, wish), (code, stderr, record) in zip(COMBINATIONS, happened(machine, tmp_path / "work", ["dash"], str(PYTHON), combinations)):
        mode, overruled = expected(policy, user, wish)
        where = f"{policy}, {user}, {wish}: {stderr}"
        source = "UV_SHIM_MODE" if wish else str(tmp_path / "work" / "home" / ".config" / "uv-shim" / "config.toml")
        said = [line for line in stderr.splitlines() if " trace: " not in line]
        assert code == 0, where
        assert record, where
        assert f"trace: mode {mode} (" in stderr, where
        assert ("--verify-hashes" in record.splitlines()) == (mode != "off"), where
        assert said == ([(f"uv-shim: the mode '{wish or user}' ({source}) is not heeded: /etc/uv-shim/config.toml sets '{mode}' and "
                         "allows no softer one")] if overruled else []), where


@pytest.mark.parametrize("shell", SHELLS)
def test_the_policy_holds_without_python(machine: Machine, tmp_path: Path, shell: str) -> None:
    """The router alone comes to the same mode, in each shell: enforce refuses."""
    combinations: list[tuple[object, ...]] = [one for one in COMBINATIONS if shell == "dash" or one[1] is None or one[2] is None]
    for one, (code, stderr, record) in zip(combinations, happened(machine, tmp_path / "work", SHELLS[shell], "", combinations)):
        mode, overruled = expected(*one)  # type: ignore[arg-type]
        where = f"{one}: {stderr}"
        said = [line for line in stderr.splitlines() if " trace: " not in line]
        if overruled:
            assert said.pop(0) == f"uv-shim: the mode '{one[2] or one[1]}' is not heeded: /etc/uv-shim/config.toml sets '{mode}'", where
        assert code == (2 if mode == "enforce" else 0), where
        assert (record is None) == (mode == "enforce"), where
        assert bool(said) == (mode in ("enforce", "seal")), where
        assert record is None or ("--verify-hashes" in record.splitlines()) == (mode != "off"), where


@pytest.mark.parametrize(("content", "said"), [
    ('mode = "on"', "line 1: mode is 'on'"), ('\nmood = "seal"', "line 2: unknown key 'mood'"), ('mode = "seal', "line 1: 'mode = \"seal' is no setting"),
    ('allow-softer-modes = "true"', "line 1: allow-softer-modes is 'true'"), ("allow-softer-modes = yes", "line 1: allow-softer-modes is yes"),
    ("allow-softer-modes = true\nallow-softer-modes = false", "line 2: 'allow-softer-modes' is set a second time"),
    (None, "cannot be read"),
])  # fmt: skip
def test_a_wrong_system_file_is_refused(machine: Machine, tmp_path: Path, content: str | None, said: str) -> None:
    """Exit code 2 with file, line and key, and nothing is run, whatever the environment says; other calls are untouched."""
    machine.policy(content or "")
    if content is None:
        (machine.etc / "uv-shim" / "config.toml").unlink()
        (machine.etc / "uv-shim" / "config.toml").mkdir()
    real = Router.program(tmp_path / "real" / "uv", RECORDER)
    record = tmp_path / "record"
    for mode in ("off", "flag", ""):
        env = {"UV_SHIM_REAL_UV": str(real), "RECORD": str(record), "UV_SHIM_PYTHON": str(PYTHON), "UV_SHIM_MODE": mode}
        done = subprocess.run(machine.on("dash", str(SHIM), "pip", "install", "x"), env={**env, "PATH": os.defpath}, capture_output=True, text=True, check=False)
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("uv-shim: /etc/uv-shim/config.toml"), done.stderr
        assert said in done.stderr
        assert not record.exists()
    done = subprocess.run(machine.on("dash", str(SHIM), "sync"), env={**env, "PATH": os.defpath}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("content", ['mode = "enfroce"', "folder", "link to nothing"])
@pytest.mark.parametrize("python", ["", str(PYTHON)], ids=["without", "with Python"])
def test_a_policy_that_cannot_be_read_may_have_said_enforce(machine: Machine, tmp_path: Path, content: str, python: str) -> None:
    """Refused, also by the router alone."""
    machine.policy(content)
    if not content.startswith("mode"):
        (machine.etc / "uv-shim" / "config.toml").unlink()
        if content == "folder":
            (machine.etc / "uv-shim" / "config.toml").mkdir()
        else:
            (machine.etc / "uv-shim" / "config.toml").symlink_to("/nowhere")
    real = Router.program(tmp_path / "real" / "uv", RECORDER)
    env = {"UV_SHIM_REAL_UV": str(real), "RECORD": str(tmp_path / "record"), "PATH": "/nonexistent", "UV_SHIM_MODE": "off",
           "UV_SHIM_PYTHON": python}
    done = subprocess.run(machine.on("/bin/sh", str(SHIM), "pip", "install", "x"), env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "/etc/uv-shim/config.toml" in done.stderr
    assert not (tmp_path / "record").exists()


def test_a_known_native_uv_is_no_way_around(machine: Machine, tmp_path: Path) -> None:
    """A uv that needs no Python needs it where there is a policy."""
    real = uvs.uv("0.12.16")
    env = {"UV_SHIM_REAL_UV": str(real), "HOME": str(tmp_path), "UV_SHIM_PYTHON": str(PYTHON), "PATH": os.defpath, "UV_SHIM_TRACE": "1"}

    def call(*argv: str) -> str:
        return subprocess.run([*argv, str(SHIM), "pip", "install", "--help"], env=env, capture_output=True, text=True, check=True).stderr

    assert "sealing: exec" in call("dash")
    assert "sealing: exec" not in call("dash")
    assert "trace: mode enforce (/etc/uv-shim/config.toml)" in call(*machine.policy('mode = "enforce"\n').on("dash"))


def test_opting_out_is_refused_where_the_policy_enforces(machine: Machine, tmp_path: Path) -> None:
    """`--no-verify-hashes` is refused also if the environment asks for a softer mode; both lines say who set it."""
    real = Router.program(tmp_path / "real" / "uv", RECORDER)
    env = {"UV_SHIM_REAL_UV": str(real), "RECORD": str(tmp_path / "record"), "PATH": os.defpath, "UV_SHIM_MODE": "seal", "UV_SHIM_PYTHON": str(PYTHON)}
    argv = ["dash", str(SHIM), "pip", "install", "--no-verify-hashes", "x"]
    done = subprocess.run(machine.policy('mode = "enforce"\n').on(*argv), env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.count("/etc/uv-shim/config.toml") == 2
    assert "--no-verify-hashes is refused" in done.stderr
    assert not (tmp_path / "record").exists()
    done = subprocess.run(machine.policy('mode = "enforce"\nallow-softer-modes = true\n').on(*argv), env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


MANAGERS = {
    # Becomes the next uv on PATH, as mise and pyenv do.
    "exec": '#!/bin/sh\nPATH={copy}:${{PATH#*:}}\nexport PATH\nexec uv "$@"\n',
    # Starts it as a child, as those do that are written for node.
    "fork": '#!/bin/sh\nPATH={copy}:${{PATH#*:*:}}\nexport PATH\nuv "$@"\nexit $?\n',
}


@pytest.mark.parametrize("manager", MANAGERS)
@pytest.mark.parametrize("policy", [None, 'mode = "seal"\n', 'mode = "enforce"\n'], ids=["none", "seal", "enforce"])
def test_a_second_copy_does_nothing_again(machine: Machine, make_world: Callable[..., World], index: Index, manager: str, policy: str | None) -> None:
    """Behind another manager's shim, the shim's own preflights meet a copy of it: nothing loops, and nothing is done twice."""
    world = make_world("0.9.8")
    index.add(wheel("app", "1.0"))
    copy = world.root / "copy"
    shutil.copytree(ROOT / "shims", copy / "shims")
    shutil.copytree(ROOT / "src", copy / "src")
    other = Router.program(world.root / "manager" / "uv", MANAGERS[manager].format(copy=copy / "shims"))
    python = Router.program(world.root / "python3", f'#!/bin/sh\necho "$$" >> "{world.root}/started"\nexec {PYTHON} "$@"\n')
    machine.policy(policy)
    env: dict[str, str | None] = {"PATH": f"{SHIM.parent}:{other.parent}:{world.uv.parent}:/usr/bin:/bin", "UV_SHIM_PYTHON": str(python)}
    enter = machine.on(str(SHIM))
    result = world.call(enter[0], (*enter[1:], "pip", "install", "app"), env=env, timeout=60)
    assert result.code == 0, result
    assert result.said == ()
    assert result.files == 1
    started = len((world.root / "started").read_text().splitlines())
    # A child of the manager is a call of its own, and the last one; its dry runs stop at once.
    assert started == 1 if manager == "exec" else started < 6, result
    assert world.freeze() == "app==1.0\n"


@pytest.mark.parametrize("manager", MANAGERS)
def test_without_python_nothing_loops_either(machine: Machine, tmp_path: Path, manager: str) -> None:
    """The router's own question, whether uv knows the flag, is passed on by a copy behind it."""
    for name in ("shims", "src"):
        shutil.copytree(ROOT / name, tmp_path / "copy" / name)
    other = Router.program(tmp_path / "manager" / "uv", MANAGERS[manager].format(copy=tmp_path / "copy" / "shims"))
    real = Router.program(tmp_path / "real" / "uv", RECORDER)
    env = {"PATH": f"{SHIM.parent}:{other.parent}:{real.parent}", "RECORD": str(tmp_path / "record"), "UV_SHIM_MODE": "off"}
    done = subprocess.run(machine.policy('mode = "seal"\n').on("/bin/sh", str(SHIM), "pip", "install", "x"), env=env, capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode == 0
    assert (tmp_path / "record").read_text().splitlines()[:-1] == ["pip", "install", "--verify-hashes", "x"]
    assert done.stderr.count("not heeded") == (1 if manager == "exec" else 2)


@pytest.mark.parametrize("mode", ["off", "flag", "seal", None])
def test_no_mode_of_the_caller_gets_past_a_policy(machine: Machine, make_world: Callable[..., World], index: Index, mode: str | None) -> None:
    """On an image that enforces, what has no hash is refused whatever the caller's mode, and what has one is installed."""
    world = make_world("0.9.8")
    index.add(wheel("bare", "1.0"), advertised=())
    index.add(wheel("app", "1.0"))
    enter = machine.policy('mode = "enforce"\n').on(str(SHIM))
    env: dict[str, str | None] = {"UV_SHIM_MODE": mode}
    refused = world.call(enter[0], (*enter[1:], "pip", "install", "bare"), env=env)
    assert refused.code == 2
    assert any("bare: the index has no hash" in line for line in refused.said)
    assert (refused.said[0] == f"uv-shim: the mode '{mode}' (UV_SHIM_MODE) is not heeded: /etc/uv-shim/config.toml sets 'enforce' and "
            "allows no softer one") == (mode is not None)
    assert world.freeze() == ""
    assert world.call(enter[0], (*enter[1:], "pip", "install", "app"), env=env, check=True).files == 1


@pytest.mark.parametrize("by", ["environment", "policy"])
def test_a_build_hook_in_a_preflight_is_held_to_the_mode(machine: Machine, make_world: Callable[..., World], index: Index, by: str) -> None:
    """What a build hook installs by calling `uv` is refused in `enforce` already in the dry run that the shim has asked for."""
    world = make_world("0.9.8")
    index.add(wheel("bare", "1.0"), advertised=())
    hook = f"""hook
import subprocess
done = subprocess.run(["uv", "pip", "install", "--target", {str(world.root / 'hook')!r}, "bare"], stderr=subprocess.PIPE)
with open({str(world.root / 'codes')!r}, "a") as codes:
    print(done.returncode, file=codes)
"""
    index.add(sdist("app", "1.0", note=hook))
    enter = machine.policy('mode = "enforce"\n' if by == "policy" else None).on(str(SHIM))
    world.call(enter[0], (*enter[1:], "pip", "install", "app"), env={"UV_SHIM_MODE": "enforce" if by == "environment" else "off"}, check=True)
    codes = (world.root / "codes").read_text().split()
    assert len(codes) >= 2, "the hook ran in the dry run, and in the install"
    assert set(codes) == {"2"}
    assert list((world.root / "hook").glob("bare*")) == []


class User:
    """Calls `uv-shim config` with a HOME of its own; ``on`` a machine where there is one."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.python = [sys.executable]
        self.file = home / ".config" / "uv-shim" / "config.toml"

    def call(self, *args: str, on: Machine | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        argv = [*self.python, "-B", "-m", "uv_shim", "config", *args]
        variables = {"HOME": str(self.home), "PATH": os.defpath, "PYTHONPATH": str(ROOT / "src"), "LC_ALL": "C.UTF-8", **env}
        return subprocess.run(on.on(*argv) if on else argv, env=variables, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def write(self, content: str) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_bytes(content.encode())


@pytest.fixture
def user(tmp_path: Path) -> User:
    return User(tmp_path / "home with space")


def test_config_shows_who_said_what(user: User, machine: Machine) -> None:
    """Each setting in force, with its value and where it comes from; the same for machines."""
    def shown(policy: str | None, content: str, **env: str) -> list[tuple[str, str, str, str]]:
        machine.policy(policy)
        user.write(content)
        done = user.call("--json", on=machine, **env)
        assert (done.returncode, done.stderr) == (0, "")
        settings = json.loads(done.stdout)["settings"]
        words = user.call(on=machine, **env).stdout
        for setting in settings:
            assert f"{setting['key']} " in words
            assert setting["source"] in words
            assert setting["where"] in words
        assert settings[0]["value"] == user.call("get", "mode", on=machine, **env).stdout.strip()
        for action in (("--json", "get", "mode"), ("get", "mode", "--json")):
            assert json.loads(user.call(*action, on=machine, **env).stdout) == settings[0]
        return [(setting["key"], setting["value"], setting["source"], setting["where"]) for setting in settings]

    soft = ("allow-softer-modes", "false", "built in", "")
    assert shown(None, "") == [("mode", "seal", "built in", ""), soft]
    assert shown(None, "\n\nmode = 'flag'") == [("mode", "flag", "user file", f"{user.file}, line 3"), soft]
    assert shown(None, "mode = 'flag'", UV_SHIM_MODE="off") == [("mode", "off", "environment", "UV_SHIM_MODE"), soft]
    assert shown('mode = "enforce"\n', "mode = 'flag'") == [("mode", "enforce", "system file", "/etc/uv-shim/config.toml, line 1"), soft]
    assert "note: the mode 'flag'" in user.call(on=machine).stdout
    assert shown('allow-softer-modes = true\nmode = "enforce"\n', "mode = 'flag'", UV_SHIM_PYTHON="/usr/bin/python3") == [
        ("mode", "flag", "user file", f"{user.file}, line 1"), ("allow-softer-modes", "true", "system file", "/etc/uv-shim/config.toml, line 1"),
        ("UV_SHIM_PYTHON", "/usr/bin/python3", "environment", "UV_SHIM_PYTHON")]


@pytest.mark.parametrize(("before", "args", "after"), [
    ("", ("set", "mode", "enforce"), 'mode = "enforce"\n'),
    ("# ours", ("set", "mode", "enforce"), '# ours\nmode = "enforce"\n'),
    ("# ours\n\n  mode='off'   # for now\n# end", ("set", "mode", "seal"), '# ours\n\n  mode = "seal"   # for now\n# end'),
    ('mode = "off"\r\n# end\r\n', ("set", "mode", "seal"), 'mode = "seal"\r\n# end\r\n'),
    ("# ours\r\n", ("set", "mode", "seal"), '# ours\r\nmode = "seal"\r\n'),
    ("# a\u2028b\n", ("set", "mode", "seal"), '# a\u2028b\nmode = "seal"\n'),  # a line's end to Python, not to TOML
    ('# a\u2028b\nmode = "off"\n', ("set", "mode", "seal"), '# a\u2028b\nmode = "seal"\n'),
    ('# ours\nmode = "off" # why\n# end', ("unset", "mode"), "# ours\n# end"),
    ('mode = "off"\n', ("unset", "mode"), None),
    ("# ours\n", ("unset", "mode"), "# ours\n"),
    ('mode = "off"#\n', ("set", "mode", "off"), 'mode = "off"#\n'),
])  # fmt: skip
def test_config_changes_one_line(user: User, before: str, args: tuple[str, ...], after: str | None) -> None:
    """Comments, line ends and all other lines are kept; a file in which nothing is left goes."""
    user.write(before)
    done = user.call(*args)
    assert (done.returncode, done.stderr) == (0, "")
    assert str(user.file) in done.stdout
    assert (user.file.read_bytes().decode() if user.file.exists() else None) == after
    assert [path.name for path in user.file.parent.iterdir()] == ([] if after is None else ["config.toml"])


@pytest.mark.parametrize(("content", "args", "said"), [
    ("", ("set", "mood", "seal"), "unknown key 'mood'"), ("", ("unset", "mood"), "unknown key 'mood'"), ("", ("get", "mood"), "unknown key 'mood'"),
    ("", ("--json", "set", "mode", "seal"), "--json shows settings"), ("", ("unset", "mode", "--json"), "--json shows settings"), ("", ("set", "mode", "on"), "mode is 'on'"), ("", ("set", "mode", 'a"b'), "which is not allowed"), ("", ("set", "mode", "true"), "mode is true"),
    ("", ("set", "allow-softer-modes", "true"), "for the system's file"),
    ("", ("set", "--system", "allow-softer-modes", "yes"), "Allowed: true, false"),
    ('# x\nmood = "seal"\n', ("set", "mode", "seal"), "line 2: unknown key 'mood'"), ('mode = "on"\n', (), "line 1: mode is 'on'"),
    ("[mode]\n", ("unset", "mode"), "line 1: '[mode]' is no setting"), ("\udcff", ("set", "mode", "seal"), "not UTF-8"),
])  # fmt: skip
def test_config_refuses_what_is_no_setting(user: User, content: str, args: tuple[str, ...], said: str) -> None:
    """Unknown keys and values, and files that hold any: exit code 2, a message with file, line and key; the file is as it was."""
    user.file.parent.mkdir(parents=True)
    user.file.write_bytes(content.encode("utf-8", "surrogateescape"))
    done = user.call(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert user.file.read_bytes() == content.encode("utf-8", "surrogateescape")


def test_config_keeps_a_link_and_permissions(user: User, tmp_path: Path) -> None:
    """A dotfile that is a link stays one."""
    kept = tmp_path / "dotfiles.toml"
    kept.write_text("# ours\n")
    kept.chmod(0o640)
    user.file.parent.mkdir(parents=True)
    user.file.symlink_to(kept)
    assert user.call("set", "mode", "flag").returncode == 0
    assert user.file.is_symlink()
    assert kept.read_text() == '# ours\nmode = "flag"\n'
    assert kept.stat().st_mode & 0o777 == 0o640
    kept.write_text('mode = "flag"\n')
    done = user.call("unset", "mode")
    assert (done.returncode, done.stdout) == (0, f"mode is taken out of {user.file}\n")
    assert (user.file.is_symlink(), kept.read_text(), user.call("get", "mode").stdout) == (True, "", "seal\n")


def test_config_says_what_it_has_done_beside_a_setting_that_is_none(user: User) -> None:
    done = user.call("set", "mode", "flag", UV_SHIM_MODE="bogus")
    assert done.returncode == 0
    assert done.stdout.startswith(f"mode = flag in {user.file}\nbut another setting is not usable: UV_SHIM_MODE is 'bogus'")


def test_config_sets_the_policy(user: User, machine: Machine) -> None:
    """`--system` writes the machine's file, for all to read; a softer wish of the user's is told to be in vain."""
    script = ('umask 077 && "$0" -m uv_shim config set --system mode enforce && "$0" -m uv_shim config set --system allow-softer-modes false && '
              '"$0" -m uv_shim config set mode flag && cat /etc/uv-shim/config.toml && stat -c %a /etc/uv-shim/config.toml')
    env = {"HOME": str(user.home), "PATH": os.defpath, "PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(machine.on("/bin/sh", "-c", script, sys.executable), env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith('\nmode = "enforce"\nallow-softer-modes = false\n644\n')
    assert f"the mode 'flag' ({user.file}) is not heeded" in done.stdout


def test_config_says_when_the_environment_goes_before_it(user: User) -> None:
    done = user.call("set", "mode", "enforce", UV_SHIM_MODE="flag")
    assert done.stdout.splitlines()[1:] == ["but UV_SHIM_MODE says 'flag', and goes before it"]


def test_config_without_tomli_w(user: User) -> None:
    """From a plain checkout, where tomli-w is missing: no traceback, nothing written, and what to do instead."""
    user.python.append("-S")
    done = user.call("set", "mode", "seal")
    assert done.returncode == 2
    assert "needs tomli-w" in done.stderr
    assert "Traceback" not in done.stderr
    assert not user.file.exists()
    user.write('mode = "seal"\n')
    assert user.call("unset", "mode").returncode == 0
    assert not user.file.exists()


def test_config_without_a_home() -> None:
    """Nowhere to write to is said; what is in force can be shown."""
    env = {"PATH": os.defpath, "PYTHONPATH": str(ROOT / "src")}
    shown = subprocess.run([sys.executable, "-m", "uv_shim", "config"], env=env, capture_output=True, text=True, check=False)
    assert shown.returncode == 0
    done = subprocess.run([sys.executable, "-m", "uv_shim", "config", "set", "mode", "seal"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "HOME" in done.stderr
