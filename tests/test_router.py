"""The router, `shims/uv`: in each shell, without the Python half wherever it can do without."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

import uvs
from machine import need
from uv_shim import arguments
from world import PYTHON, ROOT, SHIM

SHELLS = {
    "dash": ["dash"], "bash": ["bash"], "bash-posix": ["bash", "--posix"], "busybox": ["busybox", "sh"], "mksh": ["mksh"],
    "ksh93": ["ksh93"], "yash": ["yash"], "zsh": ["zsh"],
}  # fmt: skip

#: Bytecode comes and goes while other tests run.
IGNORED = shutil.ignore_patterns("__pycache__")

RECORDER = """#!/bin/sh
# Stands for the real uv: says its version, knows the flag, and writes down how it was called.
case "$1" in --version) echo "uv ${RECORDED_VERSION:-0.13.9}"; exit 0 ;; python) exit 2 ;; esac
case "$*" in *--help*) exit 0 ;; esac
{ printf '%s\\n' "$@"; printf 'no-verify=%s\\n' "${UV_NO_VERIFY_HASHES-unset}"; } > "${RECORD:?}"
exit "${RECORDED_EXIT:-0}"
"""


class Router:
    """Calls the router by one shell in an empty environment."""

    def __init__(self, folder: Path, shell: list[str]) -> None:
        found = shutil.which(shell[0])
        if found is None and "CI" not in os.environ:
            pytest.skip(f"{shell[0]} is not on this machine")
        assert found, f"{shell[0]} must be there in CI"
        self.shell = [found, *shell[1:]]
        self.folder = folder
        self.real = self.program(folder / "real bin" / "uv", RECORDER)
        self.path = f"{SHIM.parent}:{self.real.parent}"
        self.record = folder / "record"

    @staticmethod
    def program(path: Path, text: str) -> Path:
        """Write an executable script."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
        return path

    def call(self, *args: str, shim: Path = SHIM, path: str | None = None, **env: Any) -> subprocess.CompletedProcess[str]:
        """Run the router; ``path`` is PATH, the other names are variables."""
        variables = {"PATH": self.path if path is None else path, "RECORD": str(self.record), **env}
        return subprocess.run([*self.shell, str(shim), *args], env=variables, cwd=self.folder, capture_output=True, text=True, timeout=60)

    def got(self) -> list[str]:
        """Arguments that the real uv got."""
        return self.record.read_text().splitlines()[:-1]


@pytest.fixture(params=SHELLS, ids=str)
def router(request: pytest.FixtureRequest, tmp_path: Path) -> Router:
    """A router for each shell."""
    return Router(tmp_path, SHELLS[request.param])


UNTOUCHED = [
    ["--version"], ["sync"], ["run", "--", "pip", "install", "x"], ["pip", "list"], ["pip", "compile", "install"],
    ["help", "pip", "install"],
    ["--directory", "pip", "pip", "freeze"], ["--cache-dir", "pip", "sync"],
    ["--", "pip", "install", "x"], ["pip", "--", "install", "x"],
    ["tool", "install", "pip"], ["pip"], [], ["run", "--with", "pip", "install"], ["pip", "uninstall", "install"],
    ["add", "a b", "c'd", 'e"f', "$(g)", "`h`", "*", "", "line\nbreak", "-"],
]  # fmt: skip


@pytest.mark.parametrize("args", UNTOUCHED, ids=lambda args: " ".join(args)[:30] or "nothing")
def test_other_calls_reach_uv_as_they_are(router: Router, args: list[str]) -> None:
    """A call that is no `pip install` or `pip sync` reaches uv word for word, and its exit code comes back."""
    if args[:1] == ["--version"]:
        assert router.call(*args).stdout == "uv 0.13.9\n"
        return
    done = router.call(*args, RECORDED_EXIT="7")
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "")
    assert router.record.read_text().rsplit("\nno-verify=", 1)[0].split("\n") == "\n".join(args).split("\n")


HANDED_OVER = [
    ["pip", "install", "x"], ["pip", "sync", "r.txt"], ["-q", "pip", "install", "x"], ["pip", "-q", "install", "x"],
    ["--color", "never", "pip", "install", "x"], ["--color=never", "pip", "install", "x"],
    ["pip", "--cache-dir", "install", "install", "x"],
    ["--directory", "pip", "pip", "--project", "sync", "sync", "r.txt"], ["-nq", "--offline", "pip", "install"],
    ["--allow-insecure-host", "pip", "--trusted-host", "h", "--config-file", "f", "--preview-features", "p", "--preview-feature", "p",
     "--python-preference", "system", "--python-fetch", "never", "pip", "install", "x y"],
]  # fmt: skip


@pytest.mark.parametrize("args", HANDED_OVER, ids=lambda args: " ".join(args)[:30])
def test_both_halves_read_the_same_command(router: Router, args: list[str]) -> None:
    """Where the router sees `pip install`, so does the Python half, and the flag goes right behind the command."""
    line = arguments.CommandLine.parse(args)
    assert line is not None
    done = router.call(*args, UV_SHIM_PYTHON=str(PYTHON), UV_SHIM_MODE="flag")
    assert (done.returncode, done.stderr) == (0, "")
    assert router.got() == [*args[: line.at], "--verify-hashes", *args[line.at :]]


@pytest.mark.parametrize("args", UNTOUCHED, ids=lambda args: " ".join(args)[:30] or "nothing")
def test_the_python_half_agrees_on_other_calls(args: list[str]) -> None:
    """What the router passes on untouched is no call of `pip install` to the Python half either."""
    assert arguments.CommandLine.parse(args) is None


def test_global_options_are_the_same_in_both_halves() -> None:
    """The options with a value that the router knows are the global ones of the Python half, and no others."""
    text = SHIM.read_text()
    lines = [line for line in text.splitlines() if line.strip().startswith("*,--") and "uvs_skip=1" in line]
    known = {word.strip("*,)") for line in lines for word in line.split("uvs_skip=1")[0].replace("|", " ").split()}
    assert known == arguments.GLOBAL_VALUES


@pytest.mark.parametrize(("given", "wanted"), [
    (["--verify-hashes"], None), (["--no-verify-hashes"], None), ([], ["--verify-hashes"]),
    (["--", "--verify-hashes"], ["--verify-hashes"]),
])  # fmt: skip
def test_the_flag_is_added_exactly_once(router: Router, given: list[str], wanted: list[str] | None) -> None:
    """`--verify-hashes` is added unless the caller has it or has opted out, also where the router works alone."""
    for python in (str(PYTHON), ""):
        env: dict[str, Any] = {"UV_SHIM_PYTHON": python}
        done = router.call("pip", "install", *given, "x", UV_NO_VERIFY_HASHES="1", **env)
        assert done.returncode == 0, done.stderr
        assert router.got() == ["pip", "install", *(wanted or []), *given, "x"]
        dropped = given != ["--no-verify-hashes"]
        assert router.record.read_text().splitlines()[-1] == f"no-verify={'unset' if dropped else '1'}"


def test_a_known_native_uv_needs_no_python(router: Router, tmp_path: Path) -> None:
    """Once a uv is known to check hashes by itself, the router adds the flag without starting Python; a replaced binary is noticed."""
    home = tmp_path / "home"
    real = tmp_path / "native" / "uv"
    real.parent.mkdir()
    shutil.copy2(uvs.uv("0.12.16"), real)
    broken = Router.program(tmp_path / "broken-python", "#!/bin/sh\necho started python >&2\nexit 9\n")

    def call(python: Path) -> subprocess.CompletedProcess[str]:
        path = f"{SHIM.parent}:{real.parent}:/usr/bin:/bin"
        return router.call("pip", "install", "--help", path=path, HOME=str(home), UV_SHIM_PYTHON=str(python))

    assert call(broken).stderr == "started python\n"
    assert call(PYTHON).returncode == 0
    assert call(broken).returncode == 0
    # The same place, size and even time, but another file.
    times = real.stat()
    shutil.copy2(real, tmp_path / "other")
    os.replace(tmp_path / "other", real)
    os.utime(real, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert call(broken).stderr == "started python\n"
    assert call(PYTHON).returncode == 0
    shutil.copyfile(uvs.uv("0.9.8"), real)
    os.utime(real, (0, 0))
    assert call(broken).stderr == "started python\n"


def test_a_launcher_is_never_taken_for_uv_itself(router: Router, tmp_path: Path) -> None:
    """What another manager's launcher says of its version is not remembered: it may say something else elsewhere."""
    home = tmp_path / "home"
    for _ in range(2):
        assert router.call("pip", "install", "x", HOME=str(home), UV_SHIM_PYTHON=str(PYTHON)).returncode == 0
    assert not (home / ".cache" / "uv-shim" / "binaries").exists()


def test_the_real_uv_is_found_past_copies_of_the_shim(router: Router, tmp_path: Path) -> None:
    """Two copies of the shim, links to it and links to its folder act as one: uv is reached, once, with one flag."""
    copy = tmp_path / "opt with space" / "uv-shim"
    shutil.copytree(ROOT / "shims", copy / "shims")
    shutil.copytree(ROOT / "src", copy / "src", ignore=IGNORED)
    linked = tmp_path / "linked"
    linked.symlink_to(SHIM.parent)
    loose = tmp_path / "loose"
    loose.mkdir()
    (loose / "uv").symlink_to(copy / "shims" / "uv")
    stray = tmp_path / "stray"
    stray.mkdir()
    shutil.copy2(SHIM, stray / "uv")
    path = f"{linked}:{SHIM.parent}:{copy / 'shims'}:{loose}:{stray}:{router.real.parent}"
    for shim in (SHIM, copy / "shims" / "uv", linked / "uv", loose / "uv", stray / "uv"):
        done = router.call("sync", path=path, shim=shim)
        assert (done.returncode, done.stderr, router.got()) == (0, "", ["sync"])
        if shim != stray / "uv":
            done = router.call("pip", "install", "x", path=path, shim=shim, UV_SHIM_PYTHON=str(PYTHON))
            assert done.returncode == 0, done.stderr
            assert (done.stderr, router.got()) == ("", ["pip", "install", "--verify-hashes", "x"])


def test_shims_of_other_managers_cannot_make_a_circle(router: Router, tmp_path: Path) -> None:
    """A shim that looks for uv on PATH again and finds this one first does not make the two call each other for ever."""
    other = Router.program(tmp_path / "manager" / "uv", '#!/bin/sh\nPATH=${PATH#*:}\nexec uv "$@"\n')
    back = Router.program(tmp_path / "back" / "uv", f'#!/bin/sh\nexec {SHIM} "$@"\n')
    for manager in (other, back):
        path = f"{SHIM.parent}:{manager.parent}:{SHIM.parent}:{router.real.parent}:/usr/bin:/bin"
        for args in (["sync"], ["pip", "install", "x"]):
            done = router.call(*args, path=path, UV_SHIM_PYTHON=str(PYTHON))
            assert done.returncode == 0, done.stderr
            assert [word for word in router.got() if word != "--verify-hashes"] == args
            assert router.got().count("--verify-hashes") == (args[0] == "pip")


def test_a_child_is_not_taken_for_its_parent(router: Router, tmp_path: Path) -> None:
    """A call that uv's own children make is a call of its own: the flag is added there too."""
    Router.program(tmp_path / "real bin" / "uv",
                   RECORDER.replace('exit "${RECORDED_EXIT', 'case "$1" in run) shift; "$@" ;; esac\nexit "${RECORDED_EXIT'))
    path = f"{router.path}:/usr/bin:/bin"
    assert router.call("run", *router.shell, str(SHIM), "pip", "install", "x", path=path, UV_SHIM_PYTHON=str(PYTHON)).returncode == 0
    assert router.got() == ["pip", "install", "--verify-hashes", "x"]


@pytest.mark.parametrize("path", ["", ":", "::/nonexistent:", "/nonexistent"])
def test_no_uv_is_said_with_the_folders_searched(router: Router, path: str) -> None:
    """Without a real uv the exit code is 127, and the message names what was searched."""
    done = router.call("sync", path=path)
    assert done.returncode == 127
    assert path in done.stderr
    assert "UV_SHIM_REAL_UV" in done.stderr


def test_an_empty_path_entry_is_the_current_folder(router: Router) -> None:
    """As everywhere, an empty entry in PATH means the current folder."""
    Router.program(router.folder / "uv", RECORDER)
    assert router.call("sync", path=f"{SHIM.parent}:").returncode == 0
    assert router.got() == ["sync"]


def test_the_path_kept_at_install_time_is_the_last_resort(router: Router, tmp_path: Path) -> None:
    """Where PATH has no uv (cron, sudo, env -i), the path kept by install.sh is used."""
    prefix = tmp_path / "prefix"
    shutil.copytree(ROOT / "shims", prefix / "shims")
    (prefix / "real-uv").write_text(f"{router.real}\n")
    assert router.call("sync", path="/nonexistent", shim=prefix / "shims" / "uv").returncode == 0
    assert router.got() == ["sync"]
    (tmp_path / "uv").symlink_to(prefix / "shims" / "uv")
    assert router.call("pip", "list", path="/nonexistent", shim=tmp_path / "uv").returncode == 0
    assert router.got() == ["pip", "list"]


def test_a_program_that_calls_uv_again_is_sealed(router: Router, tmp_path: Path) -> None:
    """In the same process: a script on PATH whose own subcommand becomes a `uv pip install`. Nothing was sealed before."""
    script = Router.program(tmp_path / "script" / "uv", '#!/bin/sh\nshift\nexec uv pip install "$@"\n')
    done = router.call("get", "x", path=f"{SHIM.parent}:{script.parent}:{router.real.parent}", UV_SHIM_PYTHON=str(PYTHON))
    assert done.returncode == 0, done.stderr
    assert router.got() == ["pip", "install", "--verify-hashes", "x"]


def test_a_variable_that_is_a_relative_path_names_no_folder(router: Router, tmp_path: Path) -> None:
    """By the XDG specification, and to uv: nothing is written into the current folder, and no setting is read from it."""
    (tmp_path / "here" / "uv-shim").mkdir(parents=True)
    (tmp_path / "here" / "uv-shim" / "config.toml").write_text('mode = "off"\n')
    real = tmp_path / "native" / "uv"
    real.parent.mkdir()
    shutil.copy2(uvs.uv("0.12.16"), real)
    for python in (str(PYTHON), "/nonexistent"):
        done = router.call("pip", "install", "--help", path=f"{SHIM.parent}:{real.parent}", XDG_CACHE_HOME="here", XDG_CONFIG_HOME="here",
                           UV_SHIM_PYTHON=python, UV_SHIM_TRACE="1", HOME=str(tmp_path / python.strip("/").replace("/", "-")))
        assert "--verify-hashes" in done.stderr.splitlines()[-1] if python == str(PYTHON) else "or not able to: exec" in done.stderr
    assert [path.name for path in (tmp_path / "here" / "uv-shim").iterdir()] == ["config.toml"]


def test_variables_that_a_shell_cannot_name_are_lost_where_the_shell_loses_them(router: Router) -> None:
    """Such as `my.setting`: dash, for one, does not keep them, whatever the script says; bash does (docs/how-it-works.md)."""
    env = shutil.which("env") or ""
    alone = subprocess.run([*router.shell, "-c", f"exec {env}"], env={"my.setting": "1"}, capture_output=True, text=True, check=True).stdout
    real = router.folder / "env" / "uv"
    real.parent.mkdir()
    shutil.copy2(env, real)
    variables: dict[str, Any] = {"my.setting": "1"}
    done = router.call(path=str(real.parent), **variables)
    assert ("my.setting=1" in done.stdout) == ("my.setting=1" in alone), done.stdout


@pytest.mark.parametrize("way", ["another call", "no Python", "Python", "known"])
def test_what_the_caller_exports_reaches_uv_as_it_is(router: Router, tmp_path: Path, way: str) -> None:
    """Variables of any name that the router could use itself, functions and options of bash: a shell's assignment would go on to uv."""
    words = set(re.findall(r"[A-Za-z_]\w*", SHIM.read_text(encoding="utf-8"))) | {"mode", "system", "config", "python", "home", "id", "word"}
    exported = {word: "KEEP" for word in words if not word.startswith(("uvs_", "UV_", "XDG_", "PATH", "PPID", "HOME", "LC_", "VIRTUAL_ENV"))}
    exported |= {f"BASH_FUNC_{word}%%": "() {  echo KEEP\n}" for word in ("uv_shim", "fail", "trace", "read_settings")}
    exported["SHELLOPTS"] = "braceexpand:hashall"
    variables: dict[str, Any] = {**exported, "HOME": str(tmp_path / "home")}
    real = Router.program(router.real, RECORDER.replace("printf 'no-verify", "command -p env -0; printf 'no-verify"))
    path = f"{router.path}:{PYTHON.parent}" if way == "Python" else router.path
    if way == "known":
        known = tmp_path / "home" / ".cache" / "uv-shim" / "binaries"
        known.parent.mkdir(parents=True)
        about = real.stat()
        known.write_text(f"0.13.9 native {about.st_dev} {about.st_ino} {about.st_size} {int(about.st_mtime)} {int(about.st_ctime)} {real}\n")
    seen = []
    for script in (None, SHIM):
        args = ["sync"] if way == "another call" else ["pip", "install", "--verify-hashes", "x"]
        start = [str(script)] if script else ["-c", 'exec "$0" "$@"', str(real)]
        done = subprocess.run([*router.shell, *start, *args], env={**variables, "PATH": path, "RECORD": str(router.record)}, cwd=tmp_path,
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        assert ("unsealed" in done.stderr) == (script is not None and way == "no Python")
        lines = router.record.read_text().rpartition("no-verify=")[0].split("\0")
        seen.append({line.rpartition("\n")[2] if "BASH_FUNC" not in line else line for line in lines
                     if not line.rpartition("\n")[2].startswith(("UV_SHIM_", "_=", "_AST_FEATURES="))})
    assert seen[0] == seen[1]
    assert "mode=KEEP" in seen[1]


@pytest.mark.parametrize("value", ["C", "POSIX", "", None])
def test_the_locale_reaches_uv_as_it_is(router: Router, value: str | None) -> None:
    """Python makes another one of LC_CTYPE where that comes to the C locale, for itself and all that it starts."""
    Router.program(router.real, RECORDER.replace("printf 'no-verify", "echo \"LC_CTYPE ${LC_CTYPE-unset}\"; printf 'no-verify"))
    env: dict[str, Any] = {} if value is None else {"LC_CTYPE": value}
    assert router.call("pip", "install", "x", UV_SHIM_PYTHON=str(PYTHON), **env).returncode == 0
    assert router.got() == ["pip", "install", "--verify-hashes", "x", f"LC_CTYPE {'unset' if value is None else value}"]


def test_standard_input_may_be_a_folder(router: Router) -> None:
    """No Python starts there. uv does."""
    env = {"PATH": router.path, "RECORD": str(router.record), "UV_SHIM_PYTHON": str(PYTHON)}
    stdin = os.open(router.folder, os.O_RDONLY)
    done = subprocess.run([*router.shell, str(SHIM), "pip", "install", "x"], env=env, cwd=router.folder, stdin=stdin, capture_output=True, text=True, timeout=60)
    os.close(stdin)
    assert (done.returncode, done.stderr) == (0, "")
    assert router.got() == ["pip", "install", "--verify-hashes", "x"]


def test_an_empty_environment_will_do(router: Router) -> None:
    """`env -i` with the real uv named is enough: no HOME, no PATH."""
    done = subprocess.run([*router.shell, str(SHIM), "sync"], env={"UV_SHIM_REAL_UV": str(router.real), "RECORD": str(router.record)},
                          capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr, router.got()) == (0, "", ["sync"])


@pytest.mark.parametrize("kind", ["missing", "folder", "not executable", "the shim", "a copy", "a loose copy", "a link"])
def test_a_wrong_real_uv_is_refused(router: Router, tmp_path: Path, kind: str) -> None:
    """UV_SHIM_REAL_UV that is missing, no program or a shim itself: exit code 2, a message with the value, nothing run."""
    value = tmp_path / "given" / "shims" / "uv"
    value.parent.mkdir(parents=True)
    if kind == "folder":
        value.mkdir()
    elif kind == "not executable":
        value.write_text(RECORDER)
    elif kind == "the shim":
        value = SHIM
    elif kind == "a copy":
        shutil.copy2(SHIM, value)
        shutil.copytree(ROOT / "src", tmp_path / "given" / "src", ignore=IGNORED)
    elif kind == "a loose copy":
        shutil.copy2(SHIM, value)
    elif kind == "a link":
        value.symlink_to(SHIM)
    for args in (["sync"], ["pip", "install", "x"]):
        done = router.call(*args, UV_SHIM_REAL_UV=str(value), UV_SHIM_PYTHON=str(PYTHON))
        assert done.returncode == 2, done.stderr
        assert str(value) in done.stderr
        assert "UV_SHIM_REAL_UV" in done.stderr
    assert not router.record.exists()


@pytest.mark.parametrize("args", [["sync"], ["pip", "install", "x"]], ids=" ".join)
def test_an_unknown_mode_is_refused(router: Router, args: list[str]) -> None:
    """An unknown UV_SHIM_MODE: exit code 2, the value and what is allowed; nothing run."""
    done = router.call(*args, UV_SHIM_MODE="Seal", UV_SHIM_PYTHON=str(PYTHON))
    assert done.returncode == 2
    assert "'Seal'" in done.stderr
    assert "seal, enforce, flag, off" in done.stderr
    assert not router.record.exists()


@pytest.mark.parametrize(("text", "said"), [
    ('mode = "on"\n', "mode is 'on'"), ("mode\n", "is no setting"),
    ('mood = "seal"\n', "unknown key 'mood'"), ("mode = seal\n", "mode is seal"), ("allow-softer-modes = true\n", "for the system's file"),
    ('mode = "seal"\nmode = "off"\n', "second time"), ("\udcff", "not UTF-8"), (None, "cannot be read"),
])  # fmt: skip
@pytest.mark.parametrize("mode", ["", "seal"])
def test_a_wrong_configuration_file_is_refused(router: Router, tmp_path: Path, text: str | None, said: str, mode: str) -> None:
    """An invalid or unreadable configuration file: exit code 2, a message with file, line and key; nothing run."""
    config = tmp_path / "home" / ".config" / "uv-shim" / "config.toml"
    config.parent.mkdir(parents=True)
    if text is None:
        config.mkdir()
    else:
        config.write_bytes(text.encode("utf-8", "surrogateescape"))
    done = router.call("pip", "install", "x", HOME=str(tmp_path / "home"), UV_SHIM_PYTHON=str(PYTHON), UV_SHIM_MODE=mode)
    assert done.returncode == 2
    assert str(config) in done.stderr
    assert said in done.stderr
    assert not router.record.exists()


def test_the_configuration_file_sets_the_mode(router: Router, tmp_path: Path) -> None:
    """`mode` in the configuration file holds, and UV_SHIM_MODE goes before it."""
    config = tmp_path / "home" / ".config" / "uv-shim" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('# ours\nmode = "off"  # for now\n')
    home: dict[str, Any] = {"HOME": str(tmp_path / "home"), "UV_SHIM_PYTHON": str(PYTHON)}
    assert router.call("pip", "install", "x", **home).returncode == 0
    assert router.got() == ["pip", "install", "x"]
    assert router.call("pip", "install", "x", UV_SHIM_MODE="flag", **home).returncode == 0
    assert router.got() == ["pip", "install", "--verify-hashes", "x"]


def test_without_python_the_mode_decides(router: Router, tmp_path: Path) -> None:
    """No Python: `seal` runs uv with the flag and says so in one line, `flag` says nothing, `enforce` refuses, also from the file."""
    done = router.call("pip", "install", "x")
    assert (done.returncode, router.got()) == (0, ["pip", "install", "--verify-hashes", "x"])
    assert done.stderr.startswith("uv-shim: unsealed: ")
    assert done.stderr.count("\n") == 1
    assert router.call("pip", "install", "x", UV_SHIM_MODE="flag").stderr == ""
    router.record.unlink()
    config = tmp_path / "home" / ".config" / "uv-shim" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('mode = "enforce"\n')
    variables: list[dict[str, Any]] = [{"UV_SHIM_MODE": "enforce"}, {"HOME": str(tmp_path / "home")}]
    for env in variables:
        done = router.call("pip", "install", "x", **env)
        assert done.returncode == 2
        assert "nothing was installed" in done.stderr
        assert not router.record.exists()


#: The caller's words behind the command, and what they are without Python in `seal` and in `enforce`.
OWN_WORDS = {
    "--no-verify-hashes": ("untouched", "refused"), "--help": ("flagged", "flagged"), "-h": ("flagged", "flagged"),
    "--version": ("flagged", "flagged"), "-- --help": ("unsealed", "refused"), "-- --no-verify-hashes": ("unsealed", "refused"),
    "-- -h": ("unsealed", "refused"), "--help --no-verify-hashes": ("untouched", "refused"), "--helper": ("unsealed", "refused"),
}  # fmt: skip


@pytest.mark.parametrize("words", OWN_WORDS)
def test_without_python_the_callers_own_words_count(router: Router, words: str) -> None:
    """Who has opted out, or asks for help, is told nothing; in `enforce`, help is no install, and opting out is refused."""
    Router.program(router.real, RECORDER.replace("in *--help*)", 'in "pip install --verify-hashes --help")'))
    for mode, outcome in zip(("seal", "enforce"), OWN_WORDS[words]):
        router.record.unlink(missing_ok=True)
        done = router.call("--color", "never", "pip", "install", "x", *words.split(), UV_SHIM_MODE=mode, RECORDED_EXIT="7")
        if outcome == "refused":
            assert (done.returncode, router.record.exists()) == (2, False)
            continue
        flag = [] if outcome == "untouched" else ["--verify-hashes"]
        assert (done.returncode, router.got()) == (7, ["--color", "never", "pip", "install", *flag, "x", *words.split()])
        assert ("unsealed" in done.stderr) == (outcome == "unsealed"), done.stderr
        assert outcome == "unsealed" or done.stderr == ""


def test_without_python_an_old_uv_gets_no_flag(router: Router) -> None:
    """A uv that does not know `--verify-hashes` is called as it was."""
    Router.program(router.real, RECORDER.replace("*--help*) exit 0", "*--help*) exit 2"))
    assert router.call("pip", "install", "x").returncode == 0
    assert router.got() == ["pip", "install", "x"]


def test_the_first_python_that_works_is_taken(router: Router, tmp_path: Path) -> None:
    """A Python that is too old steps aside for the next candidate; the last resort is one that uv knows of."""
    old = Router.program(tmp_path / "old" / "python3", f"""#!{PYTHON} -IS
import sys
sys.version_info, sys.executable = (3, 7, 16), {str(tmp_path / "old" / "python3")!r}
sys.argv = sys.argv[sys.argv.index("-B") + 1:]
exec(compile(open(sys.argv[0]).read(), sys.argv[0], "exec"))
""")
    done = router.call("pip", "install", "x", path=f"{router.path}:{old.parent}:{PYTHON.parent}", UV_SHIM_TRACE="1")
    assert done.returncode == 0, done.stderr
    assert f"exec {old}\n" in done.stderr
    assert "mode seal" in done.stderr
    missing = str(tmp_path / "missing")
    done = router.call("pip", "install", "x", path=f"{router.path}:{old.parent}", UV_SHIM_PYTHON=missing, VIRTUAL_ENV="/gone")
    assert done.stderr.startswith("uv-shim: unsealed: what uv installs here, as no Python")
    knowing = RECORDER.replace("python) exit 2", f"python) echo {PYTHON}; exit 0")
    Router.program(router.real, knowing)
    assert "no Python" not in router.call("pip", "install", "x", UV_SHIM_MODE="enforce").stderr


def test_an_empty_file_is_no_python(router: Router, tmp_path: Path) -> None:
    """A shell that is told to exec one ends with exit code 0, and uv would never be called: a download that was cut off, a full disk."""
    empty = Router.program(tmp_path / "empty" / "python3", "")
    cases: list[tuple[str, dict[str, Any]]] = [(f"{router.path}:{empty.parent}", {}), (router.path, {"UV_SHIM_PYTHON": str(empty)})]
    for path, env in cases:
        for rest, said in (("", "unsealed: what uv installs here, as no Python"), (f":{PYTHON.parent}", "mode seal")):
            done = router.call("pip", "install", "x", path=path + rest, UV_SHIM_TRACE="1", RECORDED_EXIT="7", **env)
            assert done.returncode == 7, done.stderr
            assert said in done.stderr


def test_the_launcher_of_a_version_manager_is_left_alone(router: Router, tmp_path: Path) -> None:
    """pyenv's or asdf's `python3` may have no version to start, and would end the call: another one is taken, or the one that uv knows."""
    launcher = Router.program(tmp_path / "manager" / "shims" / "python3", "#!/bin/sh\necho 'No version is set' >&2; exit 126\n")
    for knows in (False, True):
        if knows:
            Router.program(router.real, RECORDER.replace("python) exit 2", f"python) echo {PYTHON}; exit 0"))
        for after in ([], [str(PYTHON.parent)]):
            done = router.call("pip", "install", "x", path=":".join([router.path, str(launcher.parent), *after]), UV_SHIM_TRACE="1")
            assert (done.returncode, "No version is set" in done.stderr) == (0, False)
            assert ("mode seal" in done.stderr) == bool(knows or after), done.stderr


@pytest.mark.parametrize("content", [b"\x7fELF\2\1\1" + bytes(9) + b"\2\0\2" + bytes(200), b"#!/gone/python\n"],
                         ids=["another architecture", "no interpreter"])
def test_a_python_that_cannot_be_executed(router: Router, tmp_path: Path, content: bytes) -> None:
    """It ends the call by what the shell makes of it, 126 or 127 but in mksh; another one can be named."""
    Router.program(tmp_path / ".venv" / "bin" / "python3", content.decode())
    assert router.call("pip", "install", "x").returncode in (1, 126, 127)
    assert not router.record.exists()
    assert router.call("pip", "install", "x", UV_SHIM_PYTHON=str(PYTHON)).returncode == 0


def test_a_python_in_the_current_folder_counts_where_path_says_so(router: Router, tmp_path: Path) -> None:
    """An empty entry of PATH, as for uv."""
    (tmp_path / "python3").symlink_to(PYTHON)
    for path, sealed in ((f"{router.path}:", True), (router.path, False)):
        assert ("mode seal" in router.call("pip", "install", "x", path=path, UV_SHIM_TRACE="1").stderr) == sealed


def test_nothing_is_forked_on_the_way_of_other_calls(tmp_path: Path) -> None:
    """A call that the shim does not touch is one exec away: no other process is started."""
    log = tmp_path / "log"
    done = subprocess.run([need("strace"), "-f", "-e", "trace=execve,fork,vfork,clone,clone3", "-o", str(log), "dash", str(SHIM), "sync"],
                          env={"UV_SHIM_REAL_UV": "/bin/true", "PATH": f"{SHIM.parent}:/usr/bin:/bin"}, check=False, capture_output=True)
    assert done.returncode == 0
    calls = [line.split()[1] for line in log.read_text().splitlines() if "+++" not in line]
    assert [call.split("(")[0] for call in calls] == ["execve", "execve"]


def test_the_router_is_executable() -> None:
    """A checkout needs no further step."""
    assert os.stat(SHIM).st_mode & stat.S_IXUSR
