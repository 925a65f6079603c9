"""`uv-shim doctor`: each finding where it really occurs, and none where it does not."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

import uvs
from machine import Machine as Setup
from machine import copy_sources, need
from namespaces import Machine
from test_router import Router
from uv_shim.doctor import starts
from world import PYTHON, ROOT, SHIM

SHIMS = str(SHIM.parent)
FIRST = f'PATH="{SHIMS}:$PATH"\n'


class Patient:
    """A HOME in which the shim comes first everywhere, and a folder to work in."""

    def __init__(self, root: Path, uv: str = "0.9.8") -> None:
        self.home = root / "home"
        self.work = root / "work"
        self.uv = uvs.uv(uv)
        self.work.mkdir(parents=True)
        for file in (".profile", ".bashrc", ".zshenv"):
            self.write(file, FIRST)
        self.write(".config/fish/conf.d/uv-shim.fish", f"set -gx PATH {SHIMS} $PATH\n")
        self.python = [sys.executable]
        self.env = {"HOME": str(self.home), "SHELL": "/bin/bash", "UV_PYTHON_DOWNLOADS": "never", "LC_ALL": "C.UTF-8",
                    "PATH": f"{SHIMS}:{self.uv.parent}:{PYTHON.parent}:/usr/bin:/bin"}

    def write(self, name: str, content: str) -> Path:
        """A file in HOME."""
        file = self.home / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        return file

    def command(self, *args: str) -> list[str]:
        return [*self.python, "-B", "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'src')!r}); from uv_shim.cli import main; sys.exit(main())",
                "doctor", *args]

    def examine(self, prefix: list[str] | None = None, **env: str) -> Findings:
        """Run the doctor, for machines."""
        done = subprocess.run([*(prefix or []), *self.command("--json")], env={**self.env, **env}, cwd=self.work, capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL, timeout=60)
        assert done.stderr == ""
        report = json.loads(done.stdout)
        assert report["exit"] == done.returncode
        return Findings(report["findings"], done.returncode)


class Findings:
    """By name."""

    def __init__(self, every: list[dict[str, str]], code: int) -> None:
        self.every = every
        self.code = code
        for finding in every:
            assert bool(finding["fix"]) == (finding["state"] != "ok"), finding

    def state(self, name: str, text: str = "") -> str:
        """State of the finding of that name, in which that text must stand."""
        found = [finding for finding in self.every if finding["name"] == name]
        assert found, (name, self.every)
        assert any(text in f"{finding['text']} fix: {finding['fix']}" for finding in found), found
        return next(finding["state"] for finding in found if text in f"{finding['text']} fix: {finding['fix']}")


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(tmp_path)


def mounted(machine: Machine, script: str, *args: str) -> list[str]:
    """Run on that machine after a script that mounts something."""
    return machine.on("/bin/sh", "-c", f'P=$PATH PATH=/usr/sbin:/usr/bin:/sbin:/bin; {script} || exit 99; PATH=$P; exec "$@"', "sh", *args)


def test_nothing_is_wrong_where_nothing_is_wrong(patient: Patient, machine: Machine) -> None:
    """In an image with the shim first on PATH, and start files that keep it so: all is well, and the exit code is 0."""
    found = patient.examine([*machine.on("/usr/bin/unshare", "--pid", "--fork", "--mount-proc")])
    assert [finding for finding in found.every if finding["state"] != "ok"] == []
    assert found.code == 0
    names = [finding["name"] for finding in found.every]
    assert names == ["here", "login bash", "interactive bash", "login zsh", "interactive zsh", "login fish", "interactive fish", "IDE or service",
                     "sudo", "real uv", "Python", "configuration", "hash settings", "environment", "other shims", "copies", "cache", "cache links",
                     "processes", "bypass"]


def test_the_shim_is_not_first_here(patient: Patient) -> None:
    found = patient.examine(PATH=f"{patient.uv.parent}:{patient.env['PATH']}")
    assert found.state("here", str(patient.uv)) == "problem"
    assert found.code == 1
    assert patient.examine(PATH=f"{patient.uv.parent}:/usr/bin:/bin").state("here", SHIMS) == "problem"


def test_half_a_shim_is_first(patient: Patient, tmp_path: Path) -> None:
    """A copy of the router alone seals nothing; a link to the shim does."""
    half, link = tmp_path / "half", tmp_path / "link"
    for folder in (half, link):
        folder.mkdir()
    shutil.copy(SHIM, half)
    (link / "uv").symlink_to(SHIM)
    found = patient.examine(PATH=f"{half}:{patient.env['PATH']}")
    assert (found.state("here", f"{half}/uv, a copy of the shim without its Python half: nothing is sealed"), found.code) == ("problem", 1)
    assert patient.examine(PATH=f"{link}:{patient.env['PATH']}").state("here", f"{link}/uv") == "ok"


@pytest.mark.parametrize(("shell", "file", "name", "where"), [
    ("/bin/bash", ".profile", "login bash", ".profile"), ("/bin/bash", ".bashrc", "interactive bash", ".bashrc"),
    ("/usr/bin/zsh", ".zshenv", "login zsh", ".zprofile"), ("/usr/bin/zsh", ".zshenv", "interactive zsh", ".zshrc"),
    ("/usr/bin/fish", ".config/fish/conf.d/uv-shim.fish", "interactive fish", "config.fish"),
])  # fmt: skip
def test_the_shim_is_not_first_in_a_shell(patient: Patient, shell: str, file: str, name: str, where: str) -> None:
    """A problem in the user's own shell, a warning in another; the fix names the file."""
    patient.write(file, f"export PATH={patient.uv.parent}:/usr/bin:/bin\n")
    own = patient.examine(SHELL=shell)
    assert own.state(name, str(patient.uv)) == "problem"
    assert own.state(name, where) == "problem"
    assert patient.examine(SHELL="/bin/dash").state(name) == "warning"
    patient.write(file, "")
    assert patient.examine(SHELL=shell).state(name, "no uv on its PATH") == "problem"


def test_a_shell_within_a_shell(patient: Patient) -> None:
    """Start files that keep what is somewhere on PATH already, and put another uv first: in a terminal of a session that is well."""
    local = patient.home / ".local" / "bin"
    local.mkdir(parents=True)
    (local / "uv").symlink_to(patient.uv)
    patient.write(".bashrc", f'PATH="{local}:$PATH"\ncase ":$PATH:" in *":{SHIMS}:"*) ;; *) PATH="{SHIMS}:$PATH" ;; esac\n')
    found = patient.examine()
    assert found.state("login bash") == "ok"
    assert found.state("interactive bash", f"{local}/uv") == "problem"


def test_a_plain_sh_has_its_path_from_a_login_shell(patient: Patient) -> None:
    """It reads no start file, so there is none to correct."""
    assert patient.examine(SHELL="/bin/dash").state("interactive dash") == "ok"
    patient.write(".profile", "")
    assert patient.examine(SHELL="/bin/dash").state("interactive dash", ".profile") == "problem"


def test_the_fix_outlives_an_upgrade(tmp_path: Path) -> None:
    """Of a copy that was set up, the folder on PATH is named, not that of the release; of a package, the command that sets it up."""
    machine = Setup(tmp_path)
    machine.install("--no-modify-path")
    env = {"SHELL": "/bin/bash"}
    for command in (str(machine.shims / "uv-shim"), str(next(machine.prefix.glob("releases/*/shims/uv-shim")))):
        said = machine.run(command, "doctor", code=1, env=env)
        assert f"fix: put {machine.shims} first on PATH" in said
        assert f'fix: PATH="{machine.shims}:$PATH" at the end of' in said
        assert f"fix: let them call {machine.shims}/uv" in said
        assert "/releases/" not in said.partition("real uv")[0]
    package = tmp_path / "site-packages" / "uv_shim"
    shutil.copytree(ROOT / "src" / "uv_shim", package)
    shutil.copytree(ROOT / "shims", package / "shims")
    doctor = [str(PYTHON), "-c", f"import sys; sys.path[:0] = [{str(package.parent)!r}]; from uv_shim.cli import main; sys.exit(main(['doctor']))"]
    assert f"fix: put {machine.shims} first on PATH" in machine.run(*doctor, code=1, env=env)
    machine.install("--uninstall")
    assert "fix: set the shim up: uv-shim install" in machine.run(*doctor, code=1, env=env)


def test_a_shell_that_cannot_be_asked(patient: Patient) -> None:
    """Other languages are not guessed at."""
    shell = Router.program(patient.home / "bin" / "nu", "#!/bin/sh\n")
    assert patient.examine(SHELL=str(shell)).state("login nu", "cannot be asked") == "unknown"


def test_an_alias_goes_before_any_path(patient: Patient) -> None:
    patient.write(".bashrc", f"{FIRST}alias uv={patient.uv}\n")
    patient.write(".config/fish/config.fish", f"alias uv={patient.uv}\n")
    found = patient.examine()
    assert (found.state("interactive bash", "alias"), found.state("interactive fish", "alias")) == ("problem", "warning")
    patient.write(".bashrc", f"{FIRST}uv() {{ :; }}\n")
    patient.write(".config/fish/config.fish", "")
    patient.write(".config/fish/functions/uv.fish", "function uv; end\n")
    found = patient.examine()
    assert (found.state("interactive bash", "function"), found.state("login fish", "function")) == ("problem", "warning")


@pytest.mark.parametrize(("content", "state", "text"), [
    ("echo noise; echo more >&2; printf 'no newline'\n", "ok", ""), ("exit 3\n", "unknown", "exit code 3"),
    ("sleep 50 & disown\n", "ok", ""), ("read -r answer; stty sane; cat\n", "ok", ""), ("exec true\n", "unknown", "before it can answer"),
])  # fmt: skip
def test_start_files_that_do_other_things(patient: Patient, content: str, state: str, text: str) -> None:
    """Noise, what stays in the background and what waits for an answer does no harm; what ends the shell is told."""
    patient.write(".bashrc", FIRST + content)
    begun = time.monotonic()
    assert patient.examine().state("interactive bash", text) == state
    assert time.monotonic() - begun < 8


def test_start_files_that_never_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are ended, with all that they have started."""
    monkeypatch.setattr(starts, "_SECONDS", 1)
    (tmp_path / ".bashrc").write_text(f"echo $$ > {tmp_path}/shell\nsleep 77\n")
    said = starts.ask("/bin/bash", "-ic", {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"})
    assert said == "its start files take longer than 1 s"
    session = int((tmp_path / "shell").read_text())
    # Nobody is left of its group; it takes the system a moment to bury the last one.
    for _ in range(100):
        left = [process for process in psutil.process_iter(["status"]) if process.info["status"] != psutil.STATUS_ZOMBIE and group(process.pid) == session]
        if not left:
            break
        time.sleep(0.05)
    assert left == []


def group(process: int) -> int:
    """Its process group; 0 where it has ended."""
    try:
        return os.getpgid(process)
    except ProcessLookupError:
        return 0


def test_an_ide_or_a_service_sees_no_start_file(patient: Patient, machine: Machine) -> None:
    """What a container's first process has on PATH is what they get."""
    pid = ["/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "/bin/sh", "-c", 'PATH=$0 "$@"; exit $?', patient.env["PATH"]]
    found = patient.examine(machine.on(*pid), PATH="/usr/bin:/bin")
    assert found.state("IDE or service", "no uv on its PATH") == "warning"
    assert found.state("here") == "ok"
    assert patient.examine(machine.on(*pid), PATH=f"{patient.uv.parent}:/usr/bin:/bin").state("IDE or service", str(patient.uv)) == "warning"


@pytest.mark.parametrize(("content", "state", "text"), [
    ('Defaults env_reset\nDefaults\tsecure_path="/usr/sbin:/usr/bin"\n', "warning", "no uv on its PATH"),
    ("#Defaults secure_path=/x\nDefaults !secure_path\nroot ALL=(ALL) ALL\n", "ok", "no secure_path"),
    ("Defaults:ada secure_path=/usr/bin\n", "warning", "no uv on its PATH"),
    (f'Defaults secure_path = "{SHIMS}:/usr/bin"\n', "ok", SHIMS),
    (None, "unknown", "cannot be read"),
])  # fmt: skip
def test_sudo_has_a_path_of_its_own(patient: Patient, machine: Machine, content: str | None, state: str, text: str) -> None:
    """`secure_path` is what it sees."""
    Router.program(patient.home / "bin" / "sudo", "#!/bin/sh\nexit 1\n")
    sudoers = machine.etc / "sudoers"
    if content is None:
        sudoers.mkdir()
    else:
        sudoers.write_text(content)
    found = patient.examine(machine.on(), PATH=f"{patient.env['PATH']}:{patient.home}/bin")
    assert found.state("sudo", text) == state
    # Files in sudoers.d come after.
    if content:
        (machine.etc / "sudoers.d").mkdir()
        (machine.etc / "sudoers.d" / "ours").write_text(f"Defaults secure_path={patient.uv.parent}\n")
        found = patient.examine(machine.on(), PATH=f"{patient.env['PATH']}:{patient.home}/bin")
        assert found.state("sudo", str(patient.uv)) == "warning"


@pytest.mark.parametrize(("uv", "state", "text"), [("0.4.5", "problem", "too old"), ("0.12.16", "ok", "nothing is left to seal"), ("0.9.8", "ok", "the shim seals")])
def test_the_real_uv(tmp_path: Path, uv: str, state: str, text: str) -> None:
    found = Patient(tmp_path, uv).examine()
    assert found.state("real uv", text) == state
    assert found.code == (state == "problem")


def test_no_real_uv(patient: Patient) -> None:
    found = patient.examine(PATH=f"{SHIMS}:{PYTHON.parent}:/usr/bin:/bin")
    assert found.state("real uv", "no uv found behind this shim") == "problem"
    assert {found.state(name) for name in ("Python", "cache", "cache links", "processes")} == {"unknown"}
    Router.program(patient.home / "other" / "uv", "#!/bin/sh\necho Unified Vexation 3\n")
    found = patient.examine(PATH=f"{SHIMS}:{patient.home}/other:{PYTHON.parent}:/usr/bin:/bin")
    assert found.state("real uv", "Unified Vexation 3") == "unknown"
    assert found.code == 2


def test_no_python_for_the_sealing(patient: Patient, tmp_path: Path) -> None:
    """None at all, or one that does not run it."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "bash"):
        (tools / tool).symlink_to(f"/bin/{tool}")
    found = patient.examine(PATH=f"{SHIMS}:{patient.uv.parent}:{tools}")
    assert found.state("Python", "no Python 3.8 or later was found") == "problem"
    assert found.code == 1
    assert patient.examine(UV_SHIM_PYTHON="/bin/false").state("Python", "/bin/false does not run the shim") == "problem"
    assert patient.examine().state("Python", "does the sealing") == "ok"
    assert patient.examine(UV_SHIM_MODE="off").state("Python") == "ok"
    assert patient.examine(UV_SHIM_PYTHON="/no/python").state("Python", "UV_SHIM_PYTHON is '/no/python'") == "warning"


@pytest.mark.parametrize("closed", [False, pytest.param(True, marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else"))])
def test_the_python_of_the_set_up_is_lost(closed: bool) -> None:
    """After an upgrade of Python, or where it is in root's home: the command runs with another one, lacks its packages, and says why."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # pytest's own are closed to everybody else
        Path(folder).chmod(0o755)
        home = copy_sources(Path(folder, "prefix", "releases", "one"))
        (home.parent.parent / "receipt.toml").touch()
        python = Path(folder, "pythons", "python3")
        (home / "venv" / "bin").mkdir(parents=True)
        (home / "venv" / "bin" / "python3").symlink_to(python)
        python.parent.mkdir(mode=0o700)
        if closed:
            python.symlink_to("/usr/bin/python3")
        (Path(folder) / "bin").mkdir()
        Router.program(Path(folder, "bin", "python3"), '#!/bin/sh\nexec /usr/bin/python3 -S "$@"\n')
        command = [*([need("setpriv"), "--reuid", "65534", "--regid", "65534", "--clear-groups"] if closed else []), str(home / "shims" / "uv-shim")]
        env = {"HOME": folder, "PATH": f"{folder}/bin:/usr/bin:/bin", "SHELL": "/bin/sh"}
        for arguments, stream in ((["doctor"], "stdout"), (["config", "set", "mode", "enforce"], "stderr")):
            said = getattr(subprocess.run([*command, *arguments], env=env, cwd=folder, capture_output=True, text=True, check=False), stream)
            assert f"the Python that uv-shim was set up with is {f'closed to you: {python}' if closed else f'gone, or does not run: {python}'}" in said
            assert f"{folder}/prefix/install.sh{' --uninstall' if closed else ''}" in said
            assert "set uv-shim up with ./install.sh" not in said


def test_the_configuration(patient: Patient, machine: Machine) -> None:
    """The mode in force, with who set it; a wish that is not heeded, a soft mode, a file that is wrong."""
    assert patient.examine().state("configuration", "'seal' (built in)") == "ok"
    assert patient.examine(UV_SHIM_MODE="off").state("configuration", "unset UV_SHIM_MODE") == "warning"
    found = patient.examine(UV_SHIM_MODE="bogus")
    assert subprocess.run([SHIM, "--version"], env={**patient.env, "UV_SHIM_MODE": "bogus"}, capture_output=True, check=False).returncode == 2
    assert (found.state("configuration", "unset it; until then each call of uv is refused"), found.state("real uv"), found.state("Python")) == ("problem", "ok", "ok")
    file = patient.write(".config/uv-shim/config.toml", 'mode = "flag"\n')
    assert patient.examine().state("configuration", f"{file}, line 1") == "warning"
    assert patient.examine(machine.policy('mode = "enforce"\n').on()).state("configuration", "is not heeded") == "warning"
    assert patient.examine(machine.on(), UV_SHIM_MODE="enforce").state("configuration") == "ok"
    file.write_text('mood = "seal"\n')
    found = patient.examine()
    assert found.state("configuration", f"{file}, line 1: unknown key 'mood'") == "problem"
    assert found.state("configuration", "until then `uv pip install` and `uv pip sync` are refused") == "problem"
    assert found.code == 1
    file.write_text('mode = "seal"\n', encoding="utf-8-sig")
    assert patient.examine().state("configuration", "save it without the byte order mark") == "problem"


@pytest.mark.parametrize("name", ["UV_NO_VERIFY_HASHES", "UV_REQUIRE_HASHES", "UV_CONSTRAINT"])
def test_variables_about_hashes(patient: Patient, name: str) -> None:
    found = patient.examine(None, **{name: "1"})
    assert found.state(name, "is set (1)") == "warning"
    assert found.code == 0
    if name != "UV_CONSTRAINT":
        assert patient.examine(None, **{name: "false"}).state("hash settings") == "ok"


@pytest.mark.parametrize(("place", "content", "state"), [
    ("work/uv.toml", "[pip]\nverify-hashes = false\n", "warning"),
    ("work/pyproject.toml", "[tool.uv.pip]\nverify-hashes = false\n", "warning"),
    ("pyproject.toml", "[tool.uv.pip]\nverify-hashes = false\n", "warning"),
    ("home/.config/uv/uv.toml", "[pip]\nverify-hashes = false\n", "warning"),
    ("work/uv.toml", "[pip]\nverify-hashes = true\n", None),
    ("work/pyproject.toml", "[pip]\nverify-hashes = false\n", None),
    ("work/uv.toml", "[pip\nverify-hashes = false\n", "unknown"),
])  # fmt: skip
def test_files_about_hashes(patient: Patient, tmp_path: Path, place: str, content: str, state: str | None) -> None:
    """As uv finds them: in this folder or above it, or the user's."""
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text(content)
    found = patient.examine()
    if state == "warning":
        assert found.state("verify-hashes", str(tmp_path / place)) == state
        assert patient.examine(UV_NO_CONFIG="1").state("hash settings") == "ok"
    else:
        assert found.state("hash settings", str(tmp_path / place) if state else "") == (state or "ok")
    (tmp_path / place).write_text(content.replace("verify-hashes = false", "require-hashes = true"))
    assert state != "warning" or patient.examine().state("require-hashes", str(tmp_path / place)) == "warning"


def test_the_machines_file_about_hashes(patient: Patient, machine: Machine, tmp_path: Path) -> None:
    """The first one in XDG_CONFIG_DIRS that is there, before the one in /etc; no file above this one hides it."""
    first, second = tmp_path / "first" / "uv" / "uv.toml", tmp_path / "second" / "uv" / "uv.toml"
    for file in (first, second, machine.etc / "uv" / "uv.toml"):
        file.parent.mkdir(parents=True)
        file.write_text("[pip]\nverify-hashes = false\n")
    (patient.work / "uv.toml").write_text("offline = false\n")
    folders = f"{tmp_path}/nowhere:{tmp_path}/first:{tmp_path}/second"
    found = patient.examine(XDG_CONFIG_DIRS=folders)
    assert [finding["text"].split(" says")[0] for finding in found.every if finding["name"] == "verify-hashes"] == [str(first)]
    assert patient.examine(machine.on()).state("verify-hashes", "/etc/uv/uv.toml says false") == "warning"


def test_an_environment_with_a_uv_of_its_own(patient: Patient) -> None:
    """`.venv/bin/uv`, from a dependency: a warning, and a problem once it is first on PATH; `find_uv_bin()` is told, too."""
    environment = patient.work / ".venv"
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", environment], check=True)
    found = patient.examine()
    assert found.state("environment") == "ok"
    assert found.state("bypass", "uvx") == "ok"
    (environment / "bin" / "uv").symlink_to(patient.uv)
    assert patient.examine().state("environment", str(environment / "bin" / "uv")) == "warning"
    found = patient.examine(VIRTUAL_ENV=str(environment), PATH=f"{environment}/bin:{patient.env['PATH']}")
    assert found.state("environment", "comes before the shim") == "problem"
    assert found.state("here") == "problem"
    module = next((environment / "lib").glob("python*/site-packages")) / "uv"
    module.mkdir()
    (module / "__init__.py").write_text("import os, sys\ndef find_uv_bin(): return os.path.join(sys.prefix, 'bin', 'uv')\n")
    assert patient.examine().state("bypass", f"gives {environment}/bin/uv") == "warning"
    assert [path.name for path in module.iterdir()] == ["__init__.py"]
    assert patient.examine(UV=str(patient.uv)).state("bypass", "$UV is") == "warning"


def test_another_managers_shim(patient: Patient) -> None:
    """Taken, it decides; behind the real one, it does nothing."""
    manager = Router.program(patient.home / "pyenv" / "uv", f'#!/bin/sh\n# pyenv exec uv\nexec {patient.uv} "$@"\n').parent
    found = patient.examine(PATH=f"{SHIMS}:{manager}:{patient.uv.parent}:{PYTHON.parent}:/usr/bin:/bin")
    assert found.state("other shims", "(pyenv)") == "warning"
    assert patient.examine(PATH=f"{SHIMS}:{patient.uv.parent}:{manager}:{PYTHON.parent}:/usr/bin:/bin").state("other shims", "stands behind") == "ok"


def test_two_copies(patient: Patient) -> None:
    """A link to the folder is no second copy."""
    for name in ("shims", "src"):
        shutil.copytree(ROOT / name, patient.home / "copy" / name)
    (patient.home / "linked").symlink_to(SHIMS)
    assert patient.examine(PATH=f"{patient.home}/copy/shims:{patient.env['PATH']}").state("copies", "2 copies") == "warning"
    assert patient.examine(PATH=f"{patient.home}/linked:{patient.env['PATH']}").state("copies") == "ok"


def test_the_cache_cannot_be_written(patient: Patient, machine: Machine) -> None:
    cache = patient.home / "cache"
    cache.mkdir()
    found = patient.examine(mounted(machine, f"mount -t tmpfs -o ro tmpfs {cache}"), UV_CACHE_DIR=str(cache))
    assert found.state("cache", f"{cache} (UV_CACHE_DIR; belongs to") == "problem"
    assert found.code == 1
    assert patient.examine(UV_CACHE_DIR=str(cache)).state("cache", "UV_CACHE_DIR") == "ok"


def test_there_can_be_no_cache(patient: Patient) -> None:
    """Something else is in its place or above it: uv would stop."""
    (patient.work / ".venv").mkdir()
    file, nowhere, loop = patient.write("file", ""), patient.home / "nowhere", patient.home / "loop"
    nowhere.symlink_to("no/such/folder")
    loop.symlink_to("loop")
    for cache, words in ((file, f"{file} is no folder"), (file / "below", f"{file} is no folder"), (nowhere, "is a link that leads to no folder"),
                         (loop, "is a link that leads to no folder"), (loop / "below", f"{loop} is a link")):
        found = patient.examine(UV_CACHE_DIR=str(cache))
        assert found.state("cache", f"{cache} (UV_CACHE_DIR) cannot be used: ") == "problem"
        assert (found.state("cache", words), found.state("cache links", "no cache"), found.code) == ("problem", "ok", 1)


def test_the_cache_is_on_another_file_system(patient: Patient, machine: Machine) -> None:
    """uv cannot link from it into the environment."""
    (patient.work / ".venv").mkdir()
    cache = patient.home / ".cache" / "uv"
    cache.mkdir(parents=True)
    elsewhere = mounted(machine, f"mount -t tmpfs tmpfs {cache}")
    found = patient.examine(elsewhere, HOME=f"{patient.home}/")
    assert found.state("cache links", "two file systems") == "warning"
    assert found.state("cache", "the default") == "ok"
    assert patient.examine(elsewhere, UV_LINK_MODE="copy").state("cache links", "UV_LINK_MODE is copy") == "ok"
    assert patient.examine().state("cache links", "same file system") == "ok"


def test_the_cache_of_another_user(patient: Patient) -> None:
    """As in an image that is built as root and used by somebody else."""
    cache = patient.home / ".cache" / "uv"
    (cache / "wheels-v5").mkdir(parents=True)
    assert patient.examine().state("cache", "the default") == "ok"
    if os.geteuid():
        pytest.skip("only root can give files away")
    os.chown(cache / "wheels-v5", 12345, -1)
    assert patient.examine().state("cache", "entries of user 12345") == "warning"
    os.chown(cache / "wheels-v5", 0, -1)
    deep = cache / "wheels-v5" / "index" / "0123456789abcdef" / "alpha"
    deep.mkdir(parents=True)
    os.chown(deep, 12345, -1)
    assert patient.examine().state("cache", "entries of user 12345") == "warning"
    os.chown(deep, 0, -1)
    assert patient.examine().state("cache") == "ok"
    os.chown(cache, 12345, -1)
    assert patient.examine().state("cache", "belongs to user 12345") == "warning"


def test_without_a_home(patient: Patient) -> None:
    """uv knows the user's from the system, and so does the doctor."""
    del patient.env["HOME"]
    assert patient.examine().state("cache", "(the default") in ("ok", "warning")


def test_no_cache(patient: Patient) -> None:
    assert patient.examine(UV_NO_CACHE="1").state("cache", "UV_NO_CACHE") == "warning"
    assert patient.examine(UV_NO_CACHE="0").state("cache", "the default") == "ok"
    for name in (".tmpcache", ".tmpabcdef"):  # like one of one call, but uv is told to keep it
        assert patient.examine(UV_CACHE_DIR=f"{patient.home}/{name}").state("cache", "UV_CACHE_DIR") == "ok"
    (patient.work / "uv.toml").write_text("no-cache = true\n")
    found = patient.examine()
    assert (found.state("cache", "no-cache = true"), found.state("cache links", "no cache to link from")) == ("warning", "ok")
    (patient.work / "uv.toml").write_text('cache-dir = "here"\n')
    assert patient.examine().state("cache", f"{patient.work}/here (set in a file of uv's") == "ok"


def test_a_uv_that_runs_past_the_shim(patient: Patient, tmp_path: Path) -> None:
    """One that was started by its path is told, with what it does; one that came through the shim, or is its preflight, is not."""
    # A uv of this test's own: others may be running on this machine.
    real = tmp_path / "own" / "uv"
    real.parent.mkdir()
    shutil.copy2(patient.uv, real)
    path = f"{SHIMS}:{real.parent}:{PYTHON.parent}:/usr/bin:/bin"
    for program, preflight, state in ((str(SHIM), "", "ok"), (str(real), str(os.getpid()), "ok"), (str(real), "1", "warning")):
        # It waits for its standard input.
        with subprocess.Popen([program, "pip", "compile", "-"], env={**patient.env, "PATH": path, "UV_SHIM_PREFLIGHT": preflight}, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, cwd=patient.work) as running:
            exe = Path(f"/proc/{running.pid}/exe")
            try:
                late = time.monotonic() + 60
                while os.path.realpath(exe) != str(real):
                    assert running.poll() is None
                    assert time.monotonic() < late
                    time.sleep(0.01)
                assert patient.examine(PATH=path).state("processes", f"{running.pid} (" if state == "warning" else "") == state
            finally:
                running.kill()


def test_without_psutil(patient: Patient) -> None:
    """From a plain checkout: unknown, with the reason and the fix, and no traceback."""
    patient.python.append("-S")
    found = patient.examine()
    assert found.state("processes", "psutil") == "unknown"
    assert found.code == 0


def test_for_people(patient: Patient) -> None:
    """Aligned, one finding after the other with its fix below; colours on a terminal alone."""
    env = {**patient.env, "UV_CONSTRAINT": "c.txt"}
    plain = subprocess.run(patient.command(), env=env, cwd=patient.work, capture_output=True, text=True, check=False)
    assert plain.returncode == 0
    assert "\033" not in plain.stdout
    lines = plain.stdout.splitlines()
    assert lines[0].split("  ")[0] == "ok"
    column = lines[0].index("`uv` is the shim")
    for line, after in zip(lines, lines[1:]):
        if line.startswith("warning"):
            assert after[column:].startswith("fix: ")
    assert " ok, " in lines[-1]
    # On a terminal, what takes longer than a second shows how far it is.
    patient.write(".bashrc", f"{FIRST}sleep 2\n")
    here, there = pty.openpty()
    with subprocess.Popen(patient.command(), env={**env, "TERM": "xterm"}, cwd=patient.work, stdout=there, stderr=there) as process:
        os.close(there)
        said = b""
        try:
            while chunk := os.read(here, 65536):
                said += chunk
        except OSError:
            pass  # the end of a terminal
    os.close(here)
    assert process.returncode == 0
    assert b"\rlooking [" in said.replace(b"\033[K", b"")
    assert said.index(b"looking [") < said.index(b"\033[32mok\033[0m")
    assert b"\033[33mwarning\033[0m" in said


def test_a_shim_without_its_router_cannot_look(patient: Patient, tmp_path: Path) -> None:
    """Exit code 2, and what is missing."""
    shutil.copytree(ROOT / "src", tmp_path / "torn" / "src")
    done = subprocess.run([sys.executable, "-m", "uv_shim", "doctor"], env={**patient.env, "PYTHONPATH": str(tmp_path / "torn" / "src")},
                          cwd=patient.work, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the shim itself is missing" in done.stderr


def test_values(patient: Patient) -> None:
    """Nothing else is in the JSON than what its reader is told."""
    keys: Any = [sorted(finding) for finding in patient.examine().every]
    assert all(one == ["fix", "name", "state", "text"] for one in keys)
