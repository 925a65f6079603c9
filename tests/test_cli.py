"""The management command, called as its users call it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import uvs
from uv_shim import __version__, router
from world import PYTHON, ROOT

COMMAND = str(ROOT / "shims" / "uv-shim")


def call(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Call the checkout's `uv-shim`."""
    variables = {"PATH": f"{PYTHON.parent}{os.pathsep}{os.defpath}", **env}
    return subprocess.run([COMMAND, *args], env=variables, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


@pytest.mark.parametrize(("uv", "regime"), [
    ("0.2.26", "knows no --verify-hashes"),
    ("0.4.5", "cannot be told hashes"),
    ("0.4.6", "the shim seals"),
    ("0.11.18", "keeps no hash and checks none"),
    ("0.11.19", "keeps hashes, but does not check them"),
    ("0.12.16", "nothing is left to seal"),
])
def test_which_names_the_real_uv_and_what_it_does(uv: str, regime: str) -> None:
    """Found as the router finds it."""
    binary = uvs.uv(uv)
    done = call("which", PATH=os.pathsep.join((str(ROOT / "shims"), str(PYTHON.parent), str(binary.parent), os.defpath)))
    assert done.stderr == ""
    path, version, words = done.stdout.splitlines()[:3]
    assert path == f"uv       {binary}"
    assert version == f"version  {uv}"
    assert regime in words


def test_which_takes_no_version_for_granted(tmp_path: Path) -> None:
    """Something else called uv says what it likes."""
    (tmp_path / "uv").write_text("#!/bin/sh\necho Unified Vexation 3\n")
    (tmp_path / "uv").chmod(0o755)
    done = call("which", UV_SHIM_REAL_UV=str(tmp_path / "uv"))
    assert done.returncode == 0
    assert "version  unknown (it says: Unified Vexation 3)" in done.stdout
    assert "regime   unknown: its calls get --verify-hashes, if it knows that" in done.stdout


def test_a_bad_setting_is_told_in_the_routers_words() -> None:
    done = call("which", UV_SHIM_REAL_UV="/no/such/uv")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("uv-shim: UV_SHIM_REAL_UV is '/no/such/uv', which is no file.")


def test_a_uv_that_does_not_run_is_told(tmp_path: Path) -> None:
    (tmp_path / "uv").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "uv").chmod(0o755)
    done = call("which", UV_SHIM_REAL_UV=str(tmp_path / "uv"))
    assert done.returncode == 1
    assert done.stderr == f"uv-shim: {tmp_path}/uv does not run: exit code 3 at --version.\n"


def test_version_and_usage() -> None:
    assert call("--version").stdout == f"uv-shim {__version__}\n"
    assert call().returncode == 2
    assert call("no-such-command").returncode == 2
    assert "demo" in call("--help").stdout


@pytest.mark.parametrize(("args", "said", "expected", "then"), [
    ("", "the following arguments are required: command", "[-h] [--version] command ...", ""),
    ("no-such-command", "invalid choice: 'no-such-command'", "doctor", ""),
    ("which --jsn", "unrecognized arguments: --jsn", "[-h] [--json]", " which"),
    ("config set mode", "the following arguments are required: VALUE", "KEY VALUE", " config set"),
    ("config get mode extra", "unrecognized arguments: extra", "[-h] [--json] KEY", " config get"),
    ("warm -p", "argument -p/--python: expected one argument", "[-p VERSION]", " warm"),
    ("audit --cache --nothing", "unrecognized arguments: --nothing", "[PROJECT]", " audit"),
    ("install --layer", "argument --layer: expected one argument", "[--layer DIR]", " install"),
])
def test_what_is_wrong_with_the_arguments(args: str, said: str, expected: str, then: str) -> None:
    """One line of ours: what is wrong, what was expected, and where there is more; exit code 2."""
    done = call(*args.split())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert done.stderr.startswith("uv-shim: ")
    assert said in done.stderr
    assert expected in done.stderr
    assert done.stderr.endswith(f"`. Next step: `uv-shim{then} --help`.\n")


def test_a_reader_that_leaves_early_is_no_error() -> None:
    """`uv-shim which | true`."""
    program = f"'{COMMAND}' which | true; exit ${{PIPESTATUS[0]}}"
    env = {"PATH": f"{PYTHON.parent}:{os.defpath}", "UV_SHIM_REAL_UV": str(uvs.uv("0.9.8")), "PYTHONUNBUFFERED": "1"}
    done = subprocess.run(["bash", "-c", program], env=env, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 141)
    assert done.stderr == ""


@pytest.mark.parametrize(("args", "stream", "code"), [
    ("which", "stdout", 141), ("--help", "stdout", 141), ("audit --help", "stdout", 141), ("--version", "stdout", 141),
    ("which", "stderr", 0), ("config get nonsense", "stderr", 2), ("no-such-command", "stderr", 2),
])
@pytest.mark.parametrize("full", [False, True])
def test_nobody_takes_it(args: str, stream: str, code: int, full: bool) -> None:
    """A reader that is gone, or a full disk: an answer that is lost is told by the exit code, and Python adds nothing."""
    there = os.open("/dev/full", os.O_WRONLY) if full else pipe_without_a_reader()
    env = {"PATH": f"{PYTHON.parent}:{os.defpath}", "UV_SHIM_REAL_UV": str(uvs.uv("0.9.8"))}
    done = subprocess.run([COMMAND, *args.split()], env=env, text=True, check=False, stdout=there if stream == "stdout" else subprocess.PIPE,
                          stderr=there if stream == "stderr" else subprocess.PIPE)
    os.close(there)
    lost = full and stream == "stdout"
    assert done.returncode == (2 if lost else code)
    assert stream == "stderr" or done.stderr == ("uv-shim: No space left on device.\n" if lost else "")


def pipe_without_a_reader() -> int:
    """Its end to write to."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def test_as_a_module() -> None:
    """`python -m uv_shim`."""
    env = {"PYTHONPATH": str(ROOT / "src"), "PATH": os.defpath}
    said = subprocess.run([sys.executable, "-m", "uv_shim", "--version"], env=env, capture_output=True, text=True, check=True).stdout
    assert said == f"uv-shim {__version__}\n"


def test_the_command_works_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "uv-shim").symlink_to(COMMAND)
    done = subprocess.run([str(tmp_path / "uv-shim"), "--version"], env={"PATH": f"{PYTHON.parent}:{os.defpath}"}, capture_output=True,
                          text=True, check=True)
    assert done.stdout == f"uv-shim {__version__}\n"


def test_without_a_python_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "readlink").symlink_to("/bin/readlink")
    done = subprocess.run(["/bin/sh", COMMAND, "which"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert done.returncode == 127
    assert done.stderr.startswith("uv-shim: no Python found")


def test_a_python_that_is_too_old_is_named(tmp_path: Path) -> None:
    """And there is no stack trace of what it does not understand."""
    old = tmp_path / "python3"
    old.write_text(f"""#!/bin/sh\nshift 5\nexec {PYTHON} -I -B -c 'import sys; sys.version_info = (3, 6, 15); exec(sys.argv.pop(1))' "$@"\n""")
    old.chmod(0o755)
    done = call("which", PATH=f"{tmp_path}:{os.defpath}")
    assert (done.returncode, done.stderr) == (1, f"uv-shim: {os.path.realpath(PYTHON)} is older than Python 3.8, which is needed.\n")


def test_without_its_python_half_it_says_so(tmp_path: Path) -> None:
    """As inside a package, where it is kept to be set up."""
    shutil.copy(COMMAND, tmp_path)
    done = subprocess.run([str(tmp_path / "uv-shim"), "which"], env={"PATH": f"{PYTHON.parent}:{os.defpath}"}, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 127
    assert done.stderr.startswith(f"uv-shim: the Python half is missing beside {tmp_path}/uv-shim.")


@pytest.mark.parametrize(("closed", "code"), [(">&-", 0), ("2>&-", 0), (">/dev/full", 2)])
def test_streams_that_take_nothing(closed: str, code: int) -> None:
    """One that is closed is the caller's wish; one that is full loses an answer, and that is said."""
    done = subprocess.run(["/bin/sh", "-c", f"{COMMAND} which {closed}"], capture_output=True, text=True, check=False,
                          env={"PATH": f"{PYTHON.parent}{os.pathsep}{os.defpath}", "UV_SHIM_REAL_UV": str(uvs.uv("0.9.8"))})
    assert (done.returncode, done.stderr) == (code, "uv-shim: No space left on device.\n" if code else "")


@pytest.mark.parametrize("locale", ["C.UTF-8", "C", "POSIX"])
def test_a_path_that_is_not_utf_8(tmp_path: Path, locale: str) -> None:
    """It is spelled out, and JSON stays JSON."""
    folder = tmp_path / os.fsdecode(b"\xe9d")
    folder.mkdir()
    (folder / "uv").symlink_to(uvs.uv("0.9.8"))
    env = {"PATH": f"{folder}:{PYTHON.parent}:{os.defpath}", "LC_ALL": locale, "PYTHONCOERCECLOCALE": "0"}
    for python_utf8 in ("0", "1"):
        said = call("which", PYTHONUTF8=python_utf8, **env)
        assert (said.returncode, said.stderr) == (0, "")
        assert said.stdout.startswith(f"uv       {tmp_path}/\\udce9d/uv\n")
        assert json.loads(call("which", "--json", **env).stdout)["uv"] == str(folder / "uv")


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    """Words, and the exit code of what could not be looked at; what needs no folder works there."""
    for command, code in ((f"{COMMAND} doctor", None), (f"{COMMAND} install --dry-run --prefix here", 2), (f"{COMMAND} which", 0)):
        (tmp_path / "gone").mkdir(exist_ok=True)
        done = subprocess.run(["/bin/sh", "-c", f"rmdir ../gone; {command}"], cwd=tmp_path / "gone", capture_output=True, text=True, check=False,
                              env={"PATH": f"{uvs.uv('0.9.8').parent}:{PYTHON.parent}:{os.defpath}", "HOME": str(tmp_path)})
        assert "Traceback" not in done.stderr
        assert done.returncode in ((0, 1) if code is None else (code,)), done.stderr


def test_the_router_belongs_to_this_copy() -> None:
    assert router.path() == ROOT / "shims" / "uv"
