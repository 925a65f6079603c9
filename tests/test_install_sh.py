"""`install.sh`: real runs in an empty HOME, on a PATH that holds only what it says it needs."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

import uvs
from world import PYTHON, ROOT, SHIM

TOOLS = ("sh awk cat chmod cksum cp dirname find grep head mkdir mv printf readlink rm rmdir sed sort tail tr wc").split()
#: What leads to the package index on the machine that the tests run on.
NETWORK = re.compile(r"PIP_|SSL_|REQUESTS_|CURL_|UV_(INDEX|DEFAULT_INDEX|EXTRA_INDEX)|(ALL|HTTPS?|NO)_PROXY$", re.IGNORECASE)
NOWHERE = {"UV_INDEX_URL": "http://127.0.0.1:9/simple", "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0",
           "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1",
           "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", "UV_OFFLINE": "1"}
LINE = 'if [ -r "{prefix}/env" ]; then . "{prefix}/env"; fi\n'


class Machine:
    """A user's machine with an empty HOME; its only programs are ``tools``, a Python, and a uv if one is named."""

    def __init__(self, root: Path, *, uv: str | None = uvs.ALL[-1], shells: tuple[str, ...] = ("bash",)) -> None:
        self.home = root / "a home"
        self.tools = root / "tools"
        self.temporary = root / "tmp"
        for folder in (self.home, self.tools, self.temporary):
            folder.mkdir(parents=True)
        for tool in (*TOOLS, *shells):
            self.tool(tool, Path(need(tool)))
        self.tool("python3", PYTHON)
        if uv:
            self.tool("uv", uvs.uv(uv))
        self.prefix = self.home / ".local" / "share" / "uv-shim"
        self.env = {key: value for key, value in os.environ.items() if NETWORK.match(key)}
        # The cache outlives the test: nothing here is about what uv fetches.
        self.env.update(HOME=str(self.home), PATH=str(self.tools), TMPDIR=str(self.temporary), LC_ALL="C.UTF-8",
                        UV_CACHE_DIR=str(uvs.store().parent / "uv-cache"))

    def tool(self, name: str, target: Path) -> None:
        """Put a program on PATH."""
        (self.tools / name).symlink_to(target)

    def install(self, *args: str, sources: Path = ROOT, shell: str = "sh", code: int = 0,
                env: Mapping[str, str] | None = None) -> str:
        """Run install.sh; returns what it said."""
        done = subprocess.run([need(shell), str(sources / "install.sh"), *args], env={**self.env, **(env or {})}, cwd=self.temporary,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == code, done.stderr
        assert not list(self.prefix.glob(".staging*"))
        return done.stderr

    def ask(self, *argv: str, **env: str) -> str:
        """Standard output of a command in this HOME, with the machine's own programs behind PATH."""
        variables = {"HOME": str(self.home), "PATH": f"{self.tools}:{os.defpath}", **env}
        return subprocess.run(argv, env=variables, cwd=self.home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, check=True, timeout=60).stdout.strip()

    def tree(self) -> dict[str, tuple[object, ...]]:
        """Everything in HOME: contents, mode, time of the last change, and where a link leads."""
        found: dict[str, tuple[object, ...]] = {}
        for path in sorted(self.home.rglob("*")):
            status = path.lstat()
            what: object = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else "folder"
            found[str(path.relative_to(self.home))] = (what, status.st_mode, 0 if path.is_dir() else status.st_mtime_ns)
        return found

    def contents(self) -> dict[str, tuple[object, ...]]:
        """As `tree`, without the times."""
        return {name: row[:2] for name, row in self.tree().items()}


def need(tool: str) -> str:
    """Path of a program; without it the test is skipped, except in CI."""
    found = shutil.which(tool)
    if found is None and "CI" not in os.environ:
        pytest.skip(f"{tool} is not on this machine")
    assert found, f"{tool} must be there in CI"
    return found


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """With the newest uv and bash."""
    return Machine(tmp_path)


@pytest.mark.parametrize("argv", [["dash", "-lc"], ["bash", "-lc"], ["bash", "-ic"], ["zsh", "-c"], ["fish", "-c"]], ids=" ".join)
def test_a_new_shell_finds_the_shim_first(tmp_path: Path, argv: list[str]) -> None:
    """Login or interactive: `uv` is the shim, and works."""
    machine = Machine(tmp_path, shells=("bash", "zsh", "fish"))
    machine.install()
    assert machine.ask(need(argv[0]), *argv[1:], "command -v uv") == str(machine.prefix / "shims" / "uv")
    assert machine.ask(need(argv[0]), *argv[1:], "uv --version").startswith(f"uv {uvs.ALL[-1]}")
    assert machine.ask(need(argv[0]), *argv[1:], "uv-shim which").startswith(f"uv       {machine.tools / 'uv'}\n")


def test_path_is_extended_once(machine: Machine) -> None:
    """A shell within a shell adds nothing."""
    machine.install()
    path = machine.ask(need("bash"), "-lc", "bash -ic 'echo $PATH'")
    assert path.split(":").count(str(machine.prefix / "shims")) == 1


def test_start_files_of_shells_that_are_not_there_are_not_made(machine: Machine) -> None:
    machine.install()
    assert (machine.home / ".bashrc").exists()
    assert not (machine.home / ".zshenv").exists()
    assert not (machine.home / ".config").exists()


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    """Not a byte, and no time of change."""
    machine = Machine(tmp_path, shells=("bash", "zsh", "fish"))
    machine.install()
    before = machine.tree()
    assert "nothing has changed" in machine.install()
    assert machine.tree() == before


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox", "mksh", "ksh93", "yash"])
def test_any_shell_sets_up_and_takes_back(machine: Machine, shell: str) -> None:
    """The same in each shell that may be called sh."""
    if shell == "busybox":
        machine.tool("busybox-sh", Path(need("busybox")))
        wrapper = machine.tools / "bsh"
        wrapper.write_text('#!/bin/sh\nexec busybox sh "$@"\n')
        wrapper.chmod(0o755)
        shell = str(wrapper)
        machine.tool("busybox", Path(need("busybox")))
    (machine.home / ".profile").write_text("a=1")
    before = machine.contents()
    machine.install(shell=shell)
    assert machine.ask(need("dash"), "-lc", "uv --version").startswith("uv ")
    machine.install("--uninstall", shell=shell)
    assert machine.contents() == before


@pytest.mark.parametrize("text", [b"", b"\n", b"a=1\n", b"a=1", b"a=1\r\n", b"a=1\r\nb=2", b"a='\xff\xc3'\n", "# ä".encode()], ids=repr)
def test_uninstall_leaves_start_files_byte_for_byte(tmp_path: Path, text: bytes) -> None:
    """Whatever their end looks like; modes too."""
    machine = Machine(tmp_path, shells=("bash", "zsh"))
    for name in (".profile", ".bashrc", ".zshenv", ".bash_profile"):
        (machine.home / name).write_bytes(text)
        (machine.home / name).chmod(0o600)
    before = machine.contents()
    machine.install()
    line = LINE.format(prefix=machine.prefix).encode()
    for name in (".profile", ".bashrc", ".zshenv", ".bash_profile"):
        assert (machine.home / name).read_bytes() in (text + line, text + b"\n" + line)
    machine.install("--uninstall")
    assert machine.contents() == before


def test_uninstall_of_everything_leaves_an_empty_home(tmp_path: Path) -> None:
    """Folders that were made go as well."""
    machine = Machine(tmp_path, shells=("bash", "zsh", "fish"))
    machine.install()
    machine.install("--uninstall")
    assert machine.contents() == {}


def test_symlinked_start_files_stay_symlinks(machine: Machine) -> None:
    """One leads to a file of a dotfiles folder, the other to nothing."""
    dotfiles = machine.home / "dotfiles"
    dotfiles.mkdir()
    (dotfiles / "bashrc").write_text("a=1")
    (machine.home / ".bashrc").symlink_to("dotfiles/bashrc")
    (machine.home / ".profile").symlink_to("dotfiles/not there")
    before = machine.contents()
    machine.install()
    assert "uv-shim" in (dotfiles / "bashrc").read_text()
    assert (dotfiles / "not there").exists()
    machine.install("--uninstall")
    assert machine.contents() == before


def test_uninstall_keeps_what_was_written_since(machine: Machine) -> None:
    """Before the line and behind it, and in files that were made."""
    (machine.home / ".profile").write_text("a=1")
    machine.install()
    with (machine.home / ".profile").open("a") as file:
        file.write("b=2\n")
    (machine.home / ".bashrc").write_text("c=3\n" + (machine.home / ".bashrc").read_text() + "d=4")
    machine.install("--uninstall")
    assert (machine.home / ".profile").read_text() == "a=1\nb=2\n"
    assert (machine.home / ".bashrc").read_text() == "c=3\nd=4"


def test_a_line_taken_out_by_hand_comes_back(machine: Machine) -> None:
    """And uninstall goes by how it came the last time."""
    (machine.home / ".profile").write_text("a=1")
    machine.install()
    (machine.home / ".profile").write_text("a=1\n")
    machine.install()
    assert (machine.home / ".profile").read_text() == "a=1\n" + LINE.format(prefix=machine.prefix)
    machine.install("--uninstall")
    assert (machine.home / ".profile").read_text() == "a=1\n"


def test_shells_start_when_the_folder_was_removed_by_hand(machine: Machine) -> None:
    machine.install()
    shutil.rmtree(machine.prefix)
    assert machine.ask(need("dash"), "-lc", "echo started") == "started"


def test_uninstall_without_an_install_does_nothing(machine: Machine) -> None:
    assert "nothing to remove" in machine.install("--uninstall")
    assert machine.contents() == {}


def test_uninstall_from_the_copy_that_was_left(machine: Machine) -> None:
    """The sources may be gone by then; it knows its own folder."""
    before = machine.contents()
    prefix = machine.home / "some where"
    machine.install("--prefix", str(prefix))
    machine.install("--uninstall", sources=prefix)
    assert machine.contents() == before


def test_uninstall_keeps_a_strangers_file(machine: Machine) -> None:
    machine.install()
    (machine.prefix / "notes.txt").write_text("mine")
    assert "was kept" in machine.install("--uninstall")
    assert [path.name for path in machine.prefix.iterdir()] == ["notes.txt"]


def test_spaces_everywhere_and_a_relative_prefix(machine: Machine, tmp_path: Path) -> None:
    sources = tmp_path / "the sources"
    sources.mkdir()
    shutil.copy(ROOT / "install.sh", sources)
    for folder in ("src", "shims"):
        shutil.copytree(ROOT / folder, sources / folder, ignore=shutil.ignore_patterns("__pycache__"))
    machine.install("--prefix", "a place/of its own/", sources=sources)
    shutil.rmtree(sources)
    prefix = machine.temporary / "a place" / "of its own"
    assert machine.ask(need("dash"), "-lc", "command -v uv") == str(prefix / "shims" / "uv")
    assert machine.ask(need("dash"), "-lc", "uv --version").startswith("uv ")
    assert machine.ask(need("dash"), "-lc", "uv-shim --version") == "uv-shim 0.1.0"


@pytest.mark.parametrize("name", ["with:colon", 'with"quote', "with$dollar", "with`tick", "with\\backslash", "with\nnewline"])
def test_a_prefix_that_path_cannot_hold_is_refused(machine: Machine, name: str) -> None:
    assert "cannot install in" in machine.install("--prefix", str(machine.home / name), code=1)
    assert machine.contents() == {}


def test_a_folder_of_somebody_elses_is_refused(machine: Machine) -> None:
    machine.prefix.mkdir(parents=True)
    (machine.prefix / "precious").write_text("mine")
    before = machine.contents()
    assert "no receipt of uv-shim" in machine.install(code=1)
    assert machine.contents() == before


def test_no_home_at_all(machine: Machine, tmp_path: Path) -> None:
    """As in a container's build: a prefix must be named, and no start file is touched."""
    del machine.env["HOME"]
    assert "--prefix" in machine.install(code=1)
    assert "no home folder" in machine.install("--prefix", str(tmp_path / "opt"))
    assert machine.ask(str(tmp_path / "opt" / "shims" / "uv"), "--version", PATH="").startswith("uv ")


@pytest.mark.parametrize("tool", ["awk", "cksum", "python3"])
def test_a_missing_tool_is_named(tmp_path: Path, tool: str) -> None:
    """And nothing was done."""
    machine = Machine(tmp_path, uv=None)
    (machine.tools / tool).unlink()
    shell = need("dash")
    assert tool in machine.install(shell=shell, code=1)
    assert machine.contents() == {}


@pytest.mark.parametrize("argument", ["--prefix", "--demoo", "demo"])
def test_an_unknown_argument_is_refused(machine: Machine, argument: str) -> None:
    assert argument in machine.install(argument, code=2)
    assert machine.contents() == {}


def test_no_modify_path_leaves_start_files_alone(machine: Machine) -> None:
    machine.install("--no-modify-path", env={"GITHUB_PATH": str(machine.temporary / "github")})
    assert sorted(path.name for path in machine.home.iterdir()) == [".local"]
    assert not (machine.temporary / "github").exists()
    env = machine.prefix / "env"
    assert machine.ask(need("dash"), "-c", f'. "{env}"; . "{env}"; echo "$PATH"', PATH="/bin") == f"{machine.prefix}/shims:/bin"


def test_github_path_gets_the_folder_once(machine: Machine) -> None:
    """Each step of a job has a file of its own; the steps after have the folder on PATH."""
    github = machine.temporary / "github"
    github.write_text("/else\n")
    shims = str(machine.prefix / "shims")
    machine.install(env={"GITHUB_PATH": str(github)})
    machine.install(env={"GITHUB_PATH": str(github)})
    assert github.read_text() == f"/else\n{shims}\n"
    machine.install(env={"GITHUB_PATH": str(machine.temporary / "next"), "PATH": f"{shims}:{machine.tools}"})
    assert not (machine.temporary / "next").exists()
    machine.install("--uninstall")
    assert github.read_text() == "/else\n"


def test_the_real_uv_is_no_shim_and_no_launcher(machine: Machine, tmp_path: Path) -> None:
    """Past the checkout's shim, a link to it, and a script of that name; with all of them first on PATH."""
    link, launcher = tmp_path / "link", tmp_path / "launcher"
    link.mkdir()
    (link / "uv").symlink_to(SHIM)
    launcher.mkdir()
    (launcher / "uv").write_text('#!/bin/sh\nexec "${0%/*}/../tools/uv" "$@"\n')
    (launcher / "uv").chmod(0o755)
    machine.install(env={"PATH": f"{SHIM.parent}:{link}:{launcher}:{machine.tools}"})
    assert (machine.prefix / "real-uv").read_text() == f"{machine.tools}/uv\n"
    other = tmp_path / "other"
    (machine.tools / "uv").rename(tmp_path / "uv")
    (launcher / "uv").write_text('#!/bin/sh\nexec "${0%/*}/../uv" "$@"\n')
    machine.install("--prefix", str(other), env={"PATH": f"{link}:{launcher}:{machine.tools}"})
    assert (other / "real-uv").read_text() == f"{launcher}/uv\n", "better than nothing"


def test_without_a_uv_one_is_fetched(tmp_path: Path) -> None:
    """Into our folder; a second run finds it there, and a call without any PATH too."""
    machine = Machine(tmp_path, uv=None)
    assert "fetching one" in machine.install()
    fetched = machine.prefix / "uv" / "bin" / "uv"
    assert (machine.prefix / "real-uv").read_text() == f"{fetched}\n"
    assert machine.ask(str(machine.prefix / "shims" / "uv"), "--version", PATH="").startswith("uv ")
    assert "nothing has changed" in machine.install(env=NOWHERE)
    machine.install("--uninstall")
    assert not machine.prefix.exists()


def test_without_a_uv_and_without_the_index_nothing_is_done(tmp_path: Path) -> None:
    machine = Machine(tmp_path, uv=None)
    said = machine.install(code=1, env=NOWHERE)
    assert "none could be fetched" in said
    assert "Install uv" in said
    assert machine.contents() == {}


def broken(folder: Path, *modules: str) -> str:
    """PYTHONPATH with which those modules of Python do not work: as Debian's without python3-venv and python3-pip."""
    for module in modules:
        (folder / "broken" / module).mkdir(parents=True)
        for name in ("__init__", "__main__"):
            (folder / "broken" / module / f"{name}.py").write_text(f"raise SystemExit('No module named {module}')\n")
    return str(folder / "broken")


def test_without_pip_and_ensurepip_what_is_missing_is_named(tmp_path: Path) -> None:
    """Where there is no uv either."""
    machine = Machine(tmp_path, uv=None)
    said = machine.install(code=1, env={"PYTHONPATH": broken(tmp_path, "pip", "venv")})
    assert "neither pip nor ensurepip" in said
    assert "python3-pip" in said
    assert machine.contents() == {}


@pytest.mark.parametrize("modules", [("ensurepip", "pip"), ("venv", "ensurepip", "pip")], ids=" ".join)
def test_a_python_without_venv_and_pip_is_enough(machine: Machine, tmp_path: Path, modules: tuple[str, ...]) -> None:
    """As uv makes the environment then, and fills it."""
    said = machine.install(env={"PYTHONPATH": broken(tmp_path, *modules)})
    assert "missing" not in said
    assert machine.ask(str(machine.prefix / "venv" / "bin" / "python3"), "-c", "import packaging, psutil, tomli_w; print(1)") == "1"


def test_pip_fills_the_environment_where_uv_cannot(machine: Machine) -> None:
    """uv has no way to the index here, and pip has."""
    said = machine.install(env={key: value for key, value in NOWHERE.items() if key.startswith("UV_")})
    assert "missing" not in said
    assert machine.ask(str(machine.prefix / "venv" / "bin" / "python3"), "-c", "import packaging, psutil, tomli_w; print(1)") == "1"


def test_without_the_index_the_shim_works(machine: Machine) -> None:
    """One line says what is missing; a later run repairs it."""
    cache = {"UV_CACHE_DIR": str(machine.temporary / "empty cache")}
    said = machine.install(env={**NOWHERE, **cache})
    assert "the shim works, but packages of the management command are missing" in said
    assert machine.ask(need("dash"), "-lc", "uv --version").startswith("uv ")
    assert machine.ask(need("dash"), "-lc", "uv-shim which").startswith("uv ")
    assert "missing" not in machine.install()


@pytest.mark.parametrize("lost", ["src", "shims", "venv", "env", "real-uv"])
def test_a_second_run_repairs(machine: Machine, lost: str) -> None:
    machine.install()
    before = machine.contents()
    path = machine.prefix / lost
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    machine.install()
    now = machine.contents()
    assert now.keys() == before.keys()
    # A compiled file holds the time of its source, and Python's own files of the environment are made anew.
    assert {name: row for name, row in now.items() if not name.endswith(".pyc") and "/venv/" not in name} == {
        name: row for name, row in before.items() if not name.endswith(".pyc") and "/venv/" not in name}


def test_the_python_half_is_compiled(machine: Machine) -> None:
    """For the very Python that the shim takes."""
    machine.install()
    python = machine.prefix / "venv" / "bin" / "python3"
    seal = machine.prefix / "src" / "uv_shim" / "seal.py"
    cached = machine.ask(str(python), "-c", f"import importlib.util; print(importlib.util.cache_from_source({str(seal)!r}))")
    assert Path(cached).exists()


def test_a_newer_version_replaces_the_old_one(machine: Machine, tmp_path: Path) -> None:
    """Modules that are gone go; a running shim keeps its file, as it is never written in place."""
    sources = tmp_path / "old"
    sources.mkdir()
    shutil.copy(ROOT / "install.sh", sources)
    for folder in ("src", "shims"):
        shutil.copytree(ROOT / folder, sources / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (sources / "src" / "uv_shim" / "gone.py").write_text("")
    with (sources / "shims" / "uv").open("a") as file:
        file.write("# old\n")
    machine.install(sources=sources)
    with (machine.prefix / "shims" / "uv").open("rb") as running:
        machine.install()
        assert running.read().endswith(b"# old\n")
    assert (machine.prefix / "shims" / "uv").read_bytes() == SHIM.read_bytes()
    assert not (machine.prefix / "src" / "uv_shim" / "gone.py").exists()


def test_a_download_that_was_cut_off_does_nothing(machine: Machine) -> None:
    """At 50 places by chance, and at each of the last bytes."""
    text = (ROOT / "install.sh").read_bytes()
    places = [*random.Random(2).sample(range(len(text)), 50), *range(len(text) - 30, len(text) - 1)]
    for shell in ("dash", "bash"):
        for place in places:
            subprocess.run([need(shell)], input=text[:place], env=machine.env, cwd=ROOT, capture_output=True, timeout=30, check=False)
            assert machine.contents() == {}, f"{shell}: cut at byte {place}"


def test_through_a_pipe_with_the_sources_in_the_working_directory(machine: Machine) -> None:
    done = subprocess.run([need("dash"), "-s", "--", "--no-modify-path"], input=(ROOT / "install.sh").read_bytes(), env=machine.env,
                          cwd=ROOT, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert machine.ask(str(machine.prefix / "shims" / "uv"), "--version").startswith("uv ")


def test_demo_runs_with_the_installed_copy(tmp_path: Path) -> None:
    """uv 0.9.8: without the shim everything is downloaded twice, with it nothing."""
    machine = Machine(tmp_path, uv="0.9.8")
    done = subprocess.run([need("sh"), str(ROOT / "install.sh"), "--demo"], env=machine.env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert "through the shim it downloads none" in done.stdout
    assert list(machine.temporary.iterdir()) == []


def test_packages_are_those_of_pyproject() -> None:
    """install.sh names them once more, as pyproject.toml is not among what it needs; without markers: it installs all on any Python."""
    listed = re.search(r"^packages='(.*)'$", (ROOT / "install.sh").read_text(), re.MULTILINE)
    declared = re.search(r"^dependencies = \[(.*)\]$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert listed
    assert declared
    assert sorted(listed[1].split()) == sorted(re.findall(r'"([\w-]+)[^"]*"', declared[1]))


def test_help_names_every_option() -> None:
    done = subprocess.run([need("sh"), str(ROOT / "install.sh"), "--help"], env={"PATH": os.defpath}, capture_output=True, text=True,
                          check=True)
    text = (ROOT / "install.sh").read_text()
    for option in re.findall(r"^      (--[a-z-]+)\)", text, re.MULTILINE):
        assert option in done.stdout
