"""`install.sh`, `uv-shim install` and `uv-shim uninstall`: real runs in an empty HOME, real shells, real processes."""

from __future__ import annotations

import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

import uvs
from machine import NOWHERE, Machine, copy_sources, mount, need
from standin import wait_for
from uv_shim import __version__
from uv_shim.demo.index import Index
from uv_shim.demo.wheels import wheel
from uv_shim.setup import receipt, sources
from uv_shim.setup.layout import Layout
from uv_shim.setup.workplace import locked
from world import PYTHON, ROOT, SHIM, World

#: Start files that are there before; the line comes to each of those.
START_FILES = (".profile", ".bashrc", ".zshenv", ".zprofile", ".zshrc", ".bash_profile")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """With the newest uv and bash."""
    return Machine(tmp_path)


@pytest.fixture(scope="session")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sources of another version of ours."""
    return copy_sources(tmp_path_factory.mktemp("older") / "uv-shim", "0.0.9")


# ---- PATH, in real shells.


@pytest.mark.parametrize(("shell", "ways"), [
    ("dash", ("-lc",)), ("bash", ("-lc", "-ic", "-lic")), ("zsh", ("-c", "-lc", "-ic", "-lic")), ("fish", ("-c", "-lc", "-ic", "-lic"))])
def test_a_new_shell_finds_the_shim_first_and_after_uninstall_no_more(tmp_path: Path, shell: str, ways: tuple[str, ...]) -> None:
    """Login or interactive, from an empty HOME to an empty HOME: `uv` is the shim, and works."""
    machine = Machine(tmp_path, shells=(shell,))
    machine.install()
    for way in ways:
        said = machine.ask(need(shell), way, "command -v uv; uv --version; uv-shim which").splitlines()
        assert said[0] == str(machine.shims / "uv"), way
        assert said[1].startswith(f"uv {uvs.ALL[-1]}")
        assert said[2] == f"uv       {machine.tools / 'uv'}"
    machine.ask(need(shell), ways[0], "uv-shim uninstall")
    for way in ways:
        # /etc/profile may have set PATH anew.
        assert machine.ask(need(shell), way, "command -v uv; true") in (str(machine.tools / "uv"), "")
    assert [name for name in machine.contents() if not name.startswith((".config/fish", ".local/share/fish", ".cache/fish"))
            and name not in (".config", ".local", ".local/share", ".cache")] == []


@pytest.mark.parametrize(("shell", "files", "line", "ways"), [
    ("bash", (".profile", ".bashrc"), 'export PATH="$HOME/.local/bin:$PATH"', ("-lc", "-ic", "-lic")),
    ("zsh", (".zshenv", ".zprofile", ".zshrc"), 'export PATH="$HOME/.local/bin:$PATH"', ("-c", "-lc", "-ic", "-lic")),
    ("zsh", (".zshrc",), 'export PATH="$HOME/.local/bin:$PATH"', ("-c", "-ic")),
    ("fish", (".config/fish/conf.d/uv.env.fish",), 'set -x PATH "$HOME/.local/bin" $PATH', ("-c", "-lc", "-ic")),
    ("fish", (".config/fish/config.fish",), 'set -gx PATH "$HOME/.local/bin" $PATH', ("-c", "-lc", "-ic"))])
def test_start_files_that_put_another_uv_first(tmp_path: Path, shell: str, files: tuple[str, ...], line: str, ways: tuple[str, ...]) -> None:
    """As uv's own installer and brew do it: in each shell, and in one that another has opened, `uv` is the shim all the same."""
    machine = Machine(tmp_path, shells=(shell,))
    local = machine.home / ".local" / "bin"
    local.mkdir(parents=True)
    (local / "uv").symlink_to(machine.tools / "uv")
    for name in files:
        (machine.home / name).parent.mkdir(parents=True, exist_ok=True)
        (machine.home / name).write_text(f"{line}\n")
    before = machine.contents()
    machine.install()
    for way in ways:
        assert machine.ask(need(shell), way, "command -v uv") == str(machine.shims / "uv"), way
        assert machine.ask(need(shell), way, f"{need(shell)} -ic 'command -v uv'") == str(machine.shims / "uv"), way
    machine.install("--uninstall")
    assert {name: row for name, row in machine.contents().items() if name in before} == before


def test_a_uv_that_is_installed_after_the_shim(tmp_path: Path) -> None:
    """uv's own installer writes behind the line; a second run moves it to the end, and uninstall leaves the rest as it would be without."""
    machine = Machine(tmp_path, shells=("bash", "zsh"))
    local = machine.home / ".local" / "bin"
    files = {".profile": "a=1", ".bashrc": "", ".zshrc": "a=1\n"}
    for name, text in files.items():
        if text:
            (machine.home / name).write_text(text)
    machine.install()
    local.mkdir()
    (local / "uv").symlink_to(machine.tools / "uv")
    (local / "env").write_text('export PATH="$HOME/.local/bin:$PATH"\n')
    for name in files:
        with (machine.home / name).open("a") as file:
            file.write('. "$HOME/.local/bin/env"\n')
    said = machine.install()
    assert f"added to PATH in {', '.join(str(machine.home / name) for name in files)}\n" in said
    assert "nothing has changed" in machine.install()
    for shell, way in (("bash", "-lc"), ("bash", "-ic"), ("zsh", "-ic")):
        assert machine.ask(need(shell), way, "command -v uv") == str(machine.shims / "uv"), (shell, way)
    assert (machine.home / ".bashrc").read_text() == f'. "$HOME/.local/bin/env"\n{machine.line}'
    (machine.home / ".bashrc").write_text(machine.line)  # as it came
    machine.install("--uninstall")
    for name, text in files.items():
        left = f'{text.rstrip()}\n. "$HOME/.local/bin/env"\n'
        assert (machine.home / name).read_text() == left if text else not (machine.home / name).exists(), name


def test_path_is_extended_once(machine: Machine) -> None:
    """A shell within a shell adds nothing."""
    machine.install()
    path = machine.ask(need("bash"), "-lc", "bash -ic 'echo $PATH'")
    assert path.split(":").count(str(machine.shims)) == 1


def test_start_files_of_shells_that_are_not_there_are_not_made(machine: Machine) -> None:
    machine.install()
    assert (machine.home / ".bashrc").exists()
    assert not (machine.home / ".zshenv").exists()
    assert not (machine.home / ".config").exists()


def test_the_login_file_that_bash_reads(machine: Machine) -> None:
    """The first of them only; a .bash_profile hides .bash_login and .profile from it."""
    for name in (".bash_profile", ".bash_login"):
        (machine.home / name).write_text("")
    said = machine.install()
    assert f"added to PATH in {machine.home}/.profile, {machine.home}/.bash_profile, {machine.home}/.bashrc\n" in said
    assert (machine.home / ".bash_login").read_text() == ""
    assert machine.ask(need("bash"), "-lc", "command -v uv") == str(machine.shims / "uv")


@pytest.mark.parametrize("exported", [True, False])
def test_zdotdir_is_respected(tmp_path: Path, exported: bool) -> None:
    """Set by the caller, it is where zsh looks; set in ~/.zshenv, that is what a login shell reads first. The doctor names the same files."""
    machine = Machine(tmp_path, shells=("zsh",))
    dots = machine.home / "dots"
    dots.mkdir()
    (machine.home / ".zshenv").write_text(f"{'export ' if exported else ''}ZDOTDIR={shlex.quote(str(dots))}\necho hello\n")
    for name in (".zshrc", ".zlogin"):
        (dots / name).write_text(f"PATH={shlex.quote(str(machine.tools))}:$PATH\n")
    envs = ({}, {"ZDOTDIR": str(dots)}) if exported else ({},)
    said = machine.run(str(SHIM.with_name("uv-shim")), "doctor", code=1, env={"SHELL": need("zsh")})
    assert re.findall(rf"at the end of {re.escape(str(machine.home))}/(.*z.*)", said) == ["dots/.zlogin", "dots/.zshrc"]
    before = machine.contents()
    machine.install(env=envs[-1])
    for env in envs:
        for way in ("-lc", "-ic", "-lic"):
            assert machine.ask(need("zsh"), way, "command -v uv", **env).splitlines()[-1] == str(machine.shims / "uv"), way
    machine.install("--uninstall")
    assert machine.contents() == before


def test_xdg_folders_are_respected(tmp_path: Path) -> None:
    machine = Machine(tmp_path, shells=("fish",))
    base = machine.home / "x"
    env = {f"XDG_{name}_HOME": str(base / name.lower()) for name in ("DATA", "CONFIG", "CACHE")}
    machine.install(env=env)
    assert (base / "data" / "uv-shim" / "receipt.toml").is_file()
    assert machine.ask(need("fish"), "-c", "command -v uv", **env) == str(base / "data" / "uv-shim" / "shims" / "uv")
    machine.install("--uninstall", env=env)
    assert not (base / "data" / "uv-shim").exists()
    assert not (base / "config" / "fish" / "conf.d" / "zz-uv-shim.fish").exists()


def test_relative_folders_are_none(tmp_path: Path) -> None:
    """They would be others wherever a shell starts: the usual ones are taken, and nothing is made where the installer runs."""
    machine = Machine(tmp_path, shells=("zsh", "fish"))
    env = {"ZDOTDIR": "dots", "XDG_DATA_HOME": "data", "XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache"}
    machine.install(env=env)
    assert list(machine.temporary.iterdir()) == []
    for shell in ("zsh", "fish"):
        assert machine.ask(need(shell), "-ic", "command -v uv") == str(machine.shims / "uv")
    machine.run(need("sh"), str(ROOT / "install.sh"), "--uninstall", cwd=machine.root, env=env)
    assert not [name for name in machine.contents() if "uv-shim" in name or name.startswith(".z")]


def test_the_cache_s_folder_is_the_prefix(machine: Machine) -> None:
    """What a checkout has remembered there is no stranger's, and one uninstall takes back all; an earlier version's receipt names it whole."""
    base = machine.home / "x"
    env = {f"XDG_{name}_HOME": str(base) for name in ("DATA", "CACHE")}
    machine.run(str(SHIM), "pip", "install", "--help", env=env)
    assert (base / "uv-shim" / "binaries").is_file()
    machine.install(env=env)
    machine.run(str(base / "uv-shim" / "shims" / "uv"), "pip", "install", "--help", env=env)
    assert "nothing has changed" in machine.install(env=env)
    written = base / "uv-shim" / "receipt.toml"
    written.write_text(written.read_text().replace("\nfolders = []\n", f'\nfolders = ["{base}/uv-shim"]\n'))
    assert f'"{base}/uv-shim"]' in written.read_text()
    machine.install("--uninstall", env=env)
    assert list(machine.contents()) == ["x", "x/uv-shim"]


def test_a_fish_file_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    """At install, and at uninstall where ours was changed since."""
    machine = Machine(tmp_path, shells=("fish",))
    file = machine.home / ".config" / "fish" / "conf.d" / "zz-uv-shim.fish"
    file.parent.mkdir(parents=True)
    file.write_text("# mine\n")
    assert f"{file} is there already and is not from here" in machine.install()
    machine.install("--uninstall")
    assert file.read_text() == "# mine\n"
    file.unlink()
    machine.install()
    file.write_text(file.read_text() + "# and mine\n")
    machine.install("--uninstall")
    assert file.read_text().endswith("# and mine\n")


def test_a_fish_file_of_another_install(tmp_path: Path) -> None:
    """It is named, and left alone as long as that one is there."""
    machine = Machine(tmp_path, shells=("fish",))
    file = machine.home / ".config" / "fish" / "conf.d" / "zz-uv-shim.fish"
    other = machine.home / "other"
    machine.install("--prefix", str(other))
    text = file.read_text()
    said = machine.install()
    assert f"{file} is there already and belongs to what is set up in {other}: left alone." in said
    assert f"add this line to {file.parent.with_name('config.fish')}: {text.replace(str(other), str(machine.prefix))}" in said
    shutil.rmtree(other)
    machine.install()
    assert machine.ask(need("fish"), "-c", "command -v uv") == str(machine.shims / "uv")
    machine.install("--uninstall")
    assert not file.exists()


def test_no_modify_path_leaves_start_files_alone(machine: Machine) -> None:
    machine.install("--no-modify-path", env={"GITHUB_PATH": str(machine.temporary / "github")})
    assert sorted(path.name for path in machine.home.iterdir()) == [".local"]
    assert not (machine.temporary / "github").exists()
    env = machine.prefix / "env"
    assert machine.ask(need("dash"), "-c", f'. "{env}"; . "{env}"; echo "$PATH"', PATH="/bin") == f"{machine.shims}:/bin"


def test_github_path_gets_the_folder_once(machine: Machine) -> None:
    """Each step of a job has a file of its own; the steps after have the folder on PATH."""
    github = machine.temporary / "github"
    github.write_text("/else\n")
    machine.install(env={"GITHUB_PATH": str(github)})
    assert "nothing has changed" in machine.install(env={"GITHUB_PATH": str(github)})
    assert github.read_text() == f"/else\n{machine.shims}\n"
    machine.install(env={"GITHUB_PATH": str(machine.temporary / "next"), "PATH": f"{machine.shims}:{machine.tools}"})
    assert not (machine.temporary / "next").exists()
    machine.install("--uninstall")
    assert github.read_text() == "/else\n"


# ---- Once, twice, and not at all.


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    """Not a byte, and no time of change."""
    machine = Machine(tmp_path, shells=("bash", "zsh", "fish"))
    machine.install()
    before = machine.tree()
    assert "nothing has changed" in machine.install()
    said = machine.run(str(machine.shims / "uv-shim"), "install", env={"PATH": f"{machine.shims}:{SHIM.parent}:{machine.tools}"})
    assert "nothing has changed" in said
    assert f"this is the copy that is set up; to upgrade, run the newer one by its path ({SHIM.parent}/uv-shim install)" in said
    assert "this is the copy that is set up; to upgrade, run install.sh of the newer one\n" in machine.install("--dry-run", sources=machine.prefix)
    assert machine.tree() == before


def test_a_dry_run_says_all_and_does_nothing(tmp_path: Path) -> None:
    """Before, between, and for an uninstall."""
    machine = Machine(tmp_path, shells=("bash", "fish"))
    (machine.home / ".profile").write_text("a=1")
    before = machine.tree()
    said = machine.install("--dry-run", env=NOWHERE)
    for what in (".profile", ".bashrc", "conf.d/zz-uv-shim.fish", str(machine.prefix / "current")):
        assert re.search(rf"^uv-shim: would .*{re.escape(what)}", said, re.MULTILINE), what
    assert machine.tree() == before
    machine.install()
    between = machine.tree()
    assert "there is nothing to do" in machine.install("--dry-run")
    said = machine.install("--uninstall", "--dry-run")
    for what in (".profile", ".bashrc", "conf.d/zz-uv-shim.fish", str(machine.prefix / "current")):
        assert re.search(rf"^uv-shim: would (take out of|remove) .*{re.escape(what)}", said, re.MULTILINE), what
    assert machine.tree() == between
    assert list(machine.temporary.iterdir()) == []


def test_the_receipt_names_everything(tmp_path: Path) -> None:
    """What is outside the prefix, line by line; read by whatever reads TOML."""
    machine = Machine(tmp_path, shells=("bash", "fish"))
    (machine.home / ".profile").write_text("a=1")
    machine.install()
    read = receipt.read(Layout(machine.prefix))
    assert read
    assert read.version == __version__
    assert read.directories == [str(machine.home / name) for name in (
        ".local", ".local/share", ".local/share/uv-shim", ".cache", ".config", ".config/fish", ".config/fish/conf.d")]
    assert read.folders == [str(machine.home / ".cache" / "uv-shim")]
    assert sorted(read.inside) == ["current", "env", "install.sh", "releases", "shims"]
    assert read.lines == [receipt.Line(str(machine.home / ".profile"), machine.line.strip(), newline=1),
                          receipt.Line(str(machine.home / ".bashrc"), machine.line.strip(), created=True)]
    assert [file.path for file in read.files] == [str(machine.home / ".config" / "fish" / "conf.d" / "zz-uv-shim.fish")]


# ---- Uninstall: byte for byte.


def texts() -> list[bytes]:
    """What start files may look like, above all at their end."""
    return [b"", b"\n", b"a=1\n", b"a=1", b"a=1\r\n", b"a=1\r\nb=2", b"a=1 \\", b"a=1 \\\n", b"\\\n", b"a='\xff\xc3'\n", "# ä".encode(), b"\x0c\x0b# odd\x1c\n\x85"]


def test_uninstall_leaves_start_files_byte_for_byte(tmp_path: Path) -> None:
    """Whatever their end looks like; modes too."""
    machine = Machine(tmp_path, shells=("bash", "zsh"))
    for text in texts():
        for name in START_FILES:
            (machine.home / name).write_bytes(text)
            (machine.home / name).chmod(0o640)
        before = machine.contents()
        machine.install()
        for name in START_FILES:
            assert (machine.home / name).read_bytes() in [text + b"\n" * count + machine.line.encode() for count in range(3)]
        assert machine.ask(need("bash"), "-lc", "command -v uv; uv --version").startswith(f"{machine.shims}/uv\nuv "), text
        machine.install("--uninstall")
        assert machine.contents() == before


def test_symlinked_start_files_stay_symlinks(machine: Machine) -> None:
    """One leads to a file of a dotfiles folder, another to the first, one to nothing. Two names of one file are no two files."""
    dotfiles = machine.home / "dotfiles"
    dotfiles.mkdir()
    (dotfiles / "bashrc").write_text("a=1")
    (machine.home / ".bashrc").symlink_to("dotfiles/bashrc")
    (machine.home / ".bash_profile").symlink_to(".bashrc")
    (machine.home / ".profile").symlink_to("dotfiles/not there")
    before = machine.contents()
    machine.install()
    assert (dotfiles / "bashrc").read_text() == f"a=1\n{machine.line}"
    assert (dotfiles / "not there").exists()
    machine.install("--uninstall")
    assert machine.contents() == before


def test_a_start_file_with_two_names_stays_one_file(machine: Machine) -> None:
    """A hard link, as some dotfile managers make them: it is appended to, and cut."""
    (machine.home / ".bashrc").write_text("a=1")
    os.link(machine.home / ".bashrc", machine.home / "other name")
    machine.install()
    assert (machine.home / "other name").read_text() == f"a=1\n{machine.line}"
    machine.install("--uninstall")
    assert (machine.home / "other name").read_text() == "a=1"
    assert (machine.home / "other name").samefile(machine.home / ".bashrc")
    machine.install()
    with (machine.home / ".bashrc").open("a") as file:
        file.write('PATH="$PATH"\n')
    said = f"cannot write {machine.home}/.bashrc (it has a second name, and there is text behind the line)"
    assert f"{said}; what stands behind this line may put another uv first, so move it to the end: {machine.line}" in machine.install()
    assert said in machine.install("--uninstall", code=1)
    (machine.home / ".bashrc").write_text("a=1")
    machine.install("--uninstall")


def test_a_start_file_that_is_read_only_or_no_file_is_left_alone(machine: Machine) -> None:
    """The line to add by hand is said; once it is there, it is known."""
    (machine.home / ".profile").write_text("a=1\n")
    (machine.home / ".profile").chmod(0o444)
    (machine.home / ".bashrc").symlink_to(os.devnull)
    before = machine.tree()
    assert f"cannot write {machine.home}/.profile (it is read-only)" in machine.install("--dry-run")
    said = machine.install()
    assert f"cannot write {machine.home}/.profile (it is read-only); add this line to it: {machine.line}" in said
    assert f"cannot write {machine.home}/.bashrc (no regular file)" in said
    (machine.home / ".profile").chmod(0o644)
    (machine.home / ".profile").write_text(f"{machine.line}a=1\n")
    assert ".profile" not in machine.install()
    assert machine.ask(need("dash"), "-lc", "command -v uv") == str(machine.shims / "uv")
    machine.install("--uninstall")
    (machine.home / ".profile").chmod(0o444)
    assert {name: row[:2] for name, row in before.items()} == machine.contents()


def test_uninstall_keeps_what_was_written_since(machine: Machine) -> None:
    """Before the line and behind it, in files that were made, and with other line ends."""
    (machine.home / ".profile").write_text("a=1")
    machine.install()
    with (machine.home / ".profile").open("a") as file:
        file.write("b=2\n")
    (machine.home / ".bashrc").write_text("c=3\n" + (machine.home / ".bashrc").read_text() + "d=4")
    machine.install("--uninstall")
    assert (machine.home / ".profile").read_text() == "a=1\nb=2\n"
    assert (machine.home / ".bashrc").read_text() == "c=3\nd=4"
    machine.install()
    data = (machine.home / ".profile").read_bytes().replace(b"\n", b"\r\n")
    (machine.home / ".profile").write_bytes(data)
    machine.install("--uninstall")
    assert (machine.home / ".profile").read_bytes() == b"a=1\r\nb=2\r\n"


def test_a_line_taken_out_by_hand_comes_back(machine: Machine) -> None:
    """And uninstall goes by how it came the last time."""
    (machine.home / ".profile").write_text("a=1")
    machine.install()
    (machine.home / ".profile").write_text("a=1\n")
    machine.install()
    assert (machine.home / ".profile").read_text() == f"a=1\n{machine.line}"
    machine.install("--uninstall")
    assert (machine.home / ".profile").read_text() == "a=1\n"


def test_shells_start_when_the_folder_was_removed_by_hand(machine: Machine) -> None:
    machine.install()
    shutil.rmtree(machine.prefix)
    assert machine.ask(need("dash"), "-lc", "echo started") == "started"
    machine.install()
    machine.install("--uninstall")
    assert [path.name for path in machine.home.iterdir()] == [".local"], "start files that were made for the line, with nothing else in them"


def test_two_installs_in_one_home(machine: Machine) -> None:
    """The later one goes first."""
    (machine.home / ".profile").write_text("a=1")
    before = machine.contents()
    first, second = ("--prefix", str(machine.home / "first")), ("--prefix", str(machine.home / "second"))
    machine.install(*first)
    machine.install(*second)
    assert machine.ask(need("bash"), "-lc", "command -v uv").startswith(second[1])
    machine.install("--uninstall", *second)
    assert machine.ask(need("bash"), "-lc", "command -v uv").startswith(first[1])
    machine.install("--uninstall", *first)
    assert machine.contents() == before


def test_uninstall_without_an_install_does_nothing(machine: Machine) -> None:
    assert "nothing to remove" in machine.install("--uninstall")
    assert machine.contents() == {}


def test_uninstall_from_the_copy_that_was_left(machine: Machine) -> None:
    """The sources may be gone by then; it knows its own folder, and is there until all is done."""
    prefix = machine.home / "some where"
    machine.install("--prefix", str(prefix))
    (machine.home / ".profile").chmod(0o444)
    said = machine.install("--uninstall", sources=prefix, code=1)
    assert f"cannot write {machine.home}/.profile (it is read-only)" in said
    assert f"run {prefix}/install.sh --uninstall once more" in said
    (machine.home / ".profile").chmod(0o644)
    machine.install("--uninstall", sources=prefix)
    assert machine.contents() == {}


def test_who_starts_the_uninstall_does_not_stand_in_its_way(machine: Machine) -> None:
    """A shell or sudo that waits for it names the shim in its own command line."""
    machine.install()
    assert "removed" in machine.run(need("sh"), "-c", '"$0" uninstall && :', str(machine.shims / "uv-shim"))
    assert not machine.prefix.exists()


def test_uninstall_keeps_a_strangers_file(machine: Machine) -> None:
    machine.install()
    (machine.prefix / "notes.txt").write_text("mine")
    assert "was kept" in machine.install("--uninstall")
    assert [path.name for path in machine.prefix.iterdir()] == ["notes.txt"]


def test_uninstall_keeps_a_folder_that_was_there(machine: Machine) -> None:
    """The prefix; and where the cache is a link, what that leads to."""
    machine.prefix.mkdir(parents=True)
    (machine.home / "elsewhere").mkdir()
    (machine.home / "elsewhere" / "notes.txt").write_text("mine")
    (machine.home / ".cache").mkdir()
    (machine.home / ".cache" / "uv-shim").symlink_to("../elsewhere")
    before = machine.contents()
    machine.install()
    machine.run(str(machine.shims / "uv"), "pip", "install", "--help")
    assert (machine.home / "elsewhere" / "binaries").is_file()
    assert f"{machine.home}/.cache/uv-shim is a link, and was kept" in machine.install("--uninstall")
    assert machine.contents() == before


# ---- Where and for whom.


def test_spaces_everywhere_and_a_relative_prefix(machine: Machine, tmp_path: Path) -> None:
    copy = copy_sources(tmp_path / "the sources")
    machine.install("--prefix", "a place/of its own/", sources=copy)
    shutil.rmtree(copy)
    prefix = machine.temporary / "a place" / "of its own"
    said = machine.ask(need("dash"), "-lc", "command -v uv; uv --version; uv-shim --version").splitlines()
    assert said[0] == str(prefix / "shims" / "uv")
    assert said[1].startswith("uv ")
    assert said[2] == f"uv-shim {__version__}"


@pytest.mark.parametrize("name", ["with:colon", 'with"quote', "with$dollar", "with`tick", "with\\backslash", "with\nnewline"])
def test_a_prefix_that_path_cannot_hold_is_refused(machine: Machine, name: str) -> None:
    assert "cannot install in" in machine.install("--prefix", str(machine.home / name), code=1)
    assert machine.contents() == {}


@pytest.mark.parametrize("variable", ["HOME", "ZDOTDIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "GITHUB_PATH"])
def test_a_folder_that_the_receipt_cannot_name_is_refused(machine: Machine, variable: str) -> None:
    """TOML is UTF-8. In words, and before there is anything."""
    folder = machine.home / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    prefix = () if variable == "XDG_DATA_HOME" else ("--prefix", str(machine.home / "prefix"))
    said = machine.install(*prefix, code=1, env={variable: str(folder)})
    assert "not UTF-8, and the receipt could not name" in said
    assert list(machine.contents()) == [folder.name]


def test_installed_in_one_locale_and_taken_back_in_another(machine: Machine) -> None:
    """Names in the receipt are the same bytes in each. One that is not UTF-8 is made here, as machines seldom have any."""
    machine.home = machine.home / "hömé"
    machine.home.mkdir()
    machine.env["HOME"] = str(machine.home)
    letters = "".join(f"<U{number:04X}> /x{number:02x} -\n" for number in range(256))
    (machine.root / "letters").write_text(f"<code_set_name> ISO-8859-1\n<escape_char> /\nCHARMAP\n{letters}END CHARMAP\n")
    (machine.root / "kinds").write_text("LC_CTYPE\nupper <U0041>..<U005A>\nlower <U0061>..<U007A>\ndigit <U0030>..<U0039>\n"
                                        "space <U0020>;<U0009>..<U000D>\nEND LC_CTYPE\n")
    subprocess.run([need("localedef"), "--force", "--quiet", "-f", "letters", "-i", "kinds", "./latin"], cwd=machine.root, check=False)
    latin = {"LC_ALL": "latin", "LOCPATH": str(machine.root)}
    assert machine.run(str(PYTHON), "-X", "utf8=0", "-I", "-c", "import sys; print(sys.getfilesystemencoding())", env=latin) == "iso8859-1\n"
    program = "import os, sys; sys.path.insert(0, sys.argv.pop(1)); from uv_shim.cli import main; sys.exit(main(sys.argv[1:], os.environ))"
    said = machine.run(str(PYTHON), "-X", "utf8=0", "-I", "-B", "-c", program, str(ROOT / "src"), "install", env=latin, code=1)
    assert "Set PYTHONUTF8=1 for this call." in said
    machine.install(env=latin)
    prefix = machine.home / ".local" / "share" / "uv-shim"
    assert f'"{machine.home}/.bashrc"' in (prefix / "receipt.toml").read_text(encoding="utf-8")
    machine.run(str(prefix / "shims" / "uv-shim"), "uninstall", env=latin)
    assert machine.contents() == {}


def test_a_real_uv_with_a_name_that_is_not_utf8(machine: Machine) -> None:
    """At the first install, and noted at a later one."""
    folder = machine.root / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (machine.tools / "uv").rename(folder / "uv")
    machine.env["PATH"] += f":{folder}"
    machine.install()
    noted = machine.prefix / "current" / "real-uv"
    assert noted.read_bytes() == os.fsencode(folder / "uv") + b"\n"
    noted.unlink()
    machine.install()
    assert noted.read_bytes() == os.fsencode(folder / "uv") + b"\n"
    assert machine.ask(str(machine.shims / "uv"), "--version").startswith("uv ")


def test_a_folder_of_somebody_elses_is_refused(machine: Machine) -> None:
    machine.prefix.mkdir(parents=True)
    (machine.prefix / "precious").write_text("mine")
    before = machine.contents()
    assert "no receipt of uv-shim" in machine.install(code=1)
    assert machine.contents() == before
    assert "is no folder" in machine.install("--prefix", str(machine.prefix / "precious"), code=1)


def test_no_home_at_all(machine: Machine, tmp_path: Path) -> None:
    """As in a container's build: a prefix must be named, and no start file is touched."""
    del machine.env["HOME"]
    assert "--prefix" in machine.install(code=1)
    assert "no home folder" in machine.install("--prefix", str(tmp_path / "opt"))
    assert machine.ask(str(tmp_path / "opt" / "shims" / "uv"), "--version", PATH="").startswith("uv ")


def test_a_home_that_is_not_there(machine: Machine) -> None:
    """It is not made for a start file's sake."""
    machine.home.rmdir()
    prefix = machine.root / "opt"
    assert "no home folder" in machine.install("--prefix", str(prefix))
    machine.install("--uninstall", "--prefix", str(prefix))
    assert not machine.home.exists()
    assert not prefix.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_folders_that_are_closed() -> None:
    """On PATH, as after `su` from root: passed over; a uv that may be run and not read is one. The home: words, or nothing to be found."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:  # pytest's own are closed to everybody else
        Path(folder).chmod(0o755)
        machine = Machine(Path(folder, "machine"), uv=None)
        sources = copy_sources(Path(folder, "sources"))
        closed = machine.root / "closed"
        closed.mkdir(mode=0o700)
        shutil.copy(uvs.uv(uvs.ALL[-1]), closed)
        os.chown(machine.temporary, 65534, 65534)
        nobody = [need("setpriv"), "--reuid", "65534", "--regid", "65534", "--clear-groups", need("sh"), str(sources / "install.sh")]
        env = {"PATH": f"{closed}:/usr/bin:/bin"}
        assert "there is none on PATH" in machine.run(*nobody, "--dry-run", env=env)
        closed.chmod(0o755)
        (closed / "uv").chmod(0o711)
        assert "there is none on PATH" not in machine.run(*nobody, "--dry-run", env=env)
        machine.home.chmod(0o700)
        assert "Permission denied." in machine.run(*nobody, "--dry-run", code=2, env=env)
        assert "nothing to remove" in machine.run(*nobody, "--uninstall", env=env)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_sudo_in_the_home_of_whoever_called_it(machine: Machine) -> None:
    """It would make root's what is made there. A job's container on GitHub has such a home with no sudo, and it is root's all the same."""
    os.chown(machine.home, 65534, 65534)
    sudo = {"SUDO_UID": "65534", "HOME": str(machine.home / "not there yet")}
    assert "belongs to nobody, and this runs as root" in machine.install(code=1, env=sudo)
    assert machine.contents() == {}
    for arguments, env in ((("--system",), sudo), ((), {}), ((), {**sudo, "HOME": str(machine.tools)})):
        machine.install("--dry-run", *arguments, env=env)


def test_the_system_place_is_roots(machine: Machine) -> None:
    machine.env["PATH"] += ":/usr/bin:/bin"
    said = machine.run(*mount("-t tmpfs -o ro tmpfs /opt"), "sh", str(ROOT / "install.sh"), "--system", code=1)
    assert "cannot set up in /opt/uv-shim" in said
    assert "Run it as root" in said


def test_a_home_that_is_read_only(machine: Machine) -> None:
    """The default place cannot be had; elsewhere it works, and what to add by hand is said."""
    (machine.home / ".profile").write_text("a=1\n")
    home = shlex.quote(str(machine.home))
    read_only = mount(f"--bind {home} {home}", f"-o remount,ro,bind {home}")
    machine.env["PATH"] += ":/usr/bin:/bin"
    before = machine.tree()
    said = machine.run(*read_only, "sh", str(ROOT / "install.sh"), code=1)
    assert "cannot set up in" in said
    assert "--prefix" in said
    prefix = machine.root / "opt"
    said = machine.run(*read_only, "sh", str(ROOT / "install.sh"), "--prefix", str(prefix))
    assert f'cannot write {machine.home}/.profile (it is read-only); add this line to it: if [ -r "{prefix}/env" ]' in said
    assert machine.ask(str(prefix / "shims" / "uv"), "--version").startswith("uv ")
    machine.run(*read_only, "sh", str(ROOT / "install.sh"), "--uninstall", "--prefix", str(prefix))
    assert not prefix.exists()
    assert machine.tree() == before


def test_a_temporary_folder_that_no_program_runs_from(machine: Machine) -> None:
    """The receipt needs none of those."""
    machine.env["PATH"] += ":/usr/bin:/bin"
    no_programs = mount(f"-t tmpfs -o noexec tmpfs {shlex.quote(str(machine.temporary))}")
    machine.run(*no_programs, "sh", str(ROOT / "install.sh"))
    assert works(machine)


def test_a_disk_that_is_full(machine: Machine) -> None:
    """Room for the sources, and none for the packages: Python's error for a whole folder has no reason of its own."""
    machine.env["PATH"] += ":/usr/bin:/bin"
    machine.prefix.mkdir(parents=True)
    blocks = sum(-(-path.stat().st_size // 4096) for _, path in sources.find().files()) * 4096
    small = mount(f"-t tmpfs -o size={blocks + 400_000} tmpfs {shlex.quote(str(machine.prefix))}")
    said = machine.run(*small, "sh", str(ROOT / "install.sh"), code=1)
    assert f"cannot set up in {machine.prefix}: [Errno 28] No space left on device: " in said


def test_a_start_file_that_is_a_mount_of_its_own(machine: Machine) -> None:
    """As in a container: nothing can be renamed onto it. It is appended to and cut; with text behind the line, the user is told."""
    file = machine.home / ".profile"
    file.write_text("a=1")
    (machine.root / "profile").write_text("b=2")
    mounted = mount(f"--bind {shlex.quote(str(machine.root / 'profile'))} {shlex.quote(str(file))}")
    machine.env["PATH"] += ":/usr/bin:/bin"
    machine.run(*mounted, "sh", str(ROOT / "install.sh"))
    assert (machine.root / "profile").read_text() == f"b=2\n{machine.line}"
    machine.run(*mounted, "sh", str(ROOT / "install.sh"), "--uninstall")
    assert (machine.root / "profile").read_text() == "b=2"
    machine.run(*mounted, "sh", str(ROOT / "install.sh"))
    with (machine.root / "profile").open("a") as profile:
        profile.write("c=3\n")
    said = machine.run(*mounted, "sh", str(ROOT / "install.sh"), "--uninstall", code=1)
    assert f"take this line out of it: {machine.line}" in said
    assert (machine.root / "profile").read_text() == f"b=2\n{machine.line}c=3\n"
    (machine.root / "profile").write_text("b=2\nc=3\n")
    machine.run(*mounted, "sh", str(ROOT / "install.sh"), "--uninstall")
    assert sorted(path.name for path in machine.home.iterdir()) == [".profile"]


def test_system_is_for_everybody(machine: Machine) -> None:
    """/opt, /etc/profile.d, one line in what bash and zsh read for all, and fish's; another user's shells find it. On folders of its own."""
    etc, opt = machine.root / "etc", machine.root / "opt"
    shutil.copytree("/etc", etc, symlinks=True, ignore=lambda folder, names: [
        name for name in names if (folder, name) == ("/etc", "ssl") or not os.access(os.path.join(folder, name), os.R_OK)])
    for name in ("zsh", "fish/conf.d", "profile.d", "ssl"):
        (etc / name).mkdir(parents=True, exist_ok=True)
    (etc / "zsh" / "zshenv").write_text("a=1")
    (etc / "bash.bashrc").write_text("b=2\n")
    for name in ("bashrc", "zshenv"):  # of Fedora and RHEL
        (etc / name).write_text("c=3\n")
    opt.mkdir()
    before = {path: path.read_bytes() for path in etc.rglob("*") if path.is_file() and not path.is_symlink()}
    space = mount("--bind /etc/ssl " + shlex.quote(str(etc / "ssl")), f"--rbind {shlex.quote(str(etc))} /etc",
                  f"--bind {shlex.quote(str(opt))} /opt")
    machine.env["PATH"] += ":/usr/bin:/bin"
    # uv's cache hands on the modes with which it was filled.
    machine.env["UV_CACHE_DIR"] = str(machine.root / "cache")
    closed = ("sh", "-c", 'umask 077; exec "$@"', "sh")
    machine.run(*closed, "uv", "pip", "install", "--target", str(machine.root / "filled"), *sources.find().packages())
    said = machine.run(*space, *closed, "sh", str(ROOT / "install.sh"), "--system")
    assert "ENV PATH=/opt/uv-shim/shims:$PATH\n" in said
    assert machine.contents() == {}
    line = 'if [ -r "/opt/uv-shim/env" ]; then . "/opt/uv-shim/env"; fi\n'
    assert (etc / "profile.d" / "uv-shim.sh").read_text() == line
    assert (etc / "zsh" / "zshenv").read_text() == f"a=1\n{line}"
    assert (etc / "bash.bashrc").read_text() == f"b=2\n{line}"
    assert [(etc / name).read_text() for name in ("bashrc", "zshenv")] == [f"c=3\n{line}"] * 2
    for path in (opt / "uv-shim").rglob("*"):
        assert path.is_symlink() or path.stat().st_mode & 0o044 == 0o044, path
    for shell, way in (("dash", "-lc"), ("bash", "-ic"), ("zsh", "-c"), ("fish", "-c")):
        assert machine.ask(*space, need(shell), way, "command -v uv") == "/opt/uv-shim/shims/uv", shell
    # As an image's next RUN does.
    for folder in (str(machine.tools), "/opt/uv-shim/shims"):
        assert machine.ask(*space, need("sh"), "-c", "command -v uv", PATH=f"{folder}:{machine.env['PATH']}") == f"{folder}/uv"
    said = machine.run(*space, *mount("-o remount,ro,bind /opt"), "/opt/uv-shim/shims/uv-shim", "install", code=1, env={"PATH": f"{uvs.uv('0.9.8').parent}:/usr/bin:/bin"})
    assert f"That copy is everybody's, and root's. For this user alone: --prefix {machine.prefix};" in said
    home = machine.tree()  # what fish has put there
    for command in ((str(ROOT / "install.sh"), "--system"), ("/opt/uv-shim/install.sh",)):
        assert "nothing has changed" in machine.run(*space, "sh", *command)
    assert machine.tree() == home
    machine.run(*space, "sh", "/opt/uv-shim/install.sh", "--uninstall")
    assert list(opt.iterdir()) == []
    assert {path: path.read_bytes() for path in etc.rglob("*") if path.is_file() and not path.is_symlink()} == before


# ---- The sources, the shell, and what is missing.


@pytest.mark.parametrize("shell", ["dash", "bash", "busybox", "mksh", "ksh93", "yash"])
def test_any_shell_sets_up_and_takes_back(machine: Machine, shell: str) -> None:
    """The same in each shell that may be called sh."""
    command = [need("busybox"), "sh"] if shell == "busybox" else [need(shell)]
    (machine.home / ".profile").write_text("a=1")
    before = machine.contents()
    machine.run(*command, str(ROOT / "install.sh"))
    assert machine.ask(*command, "-c", f'. "{machine.prefix}/env"; uv --version').startswith("uv ")
    machine.run(*command, str(machine.prefix / "install.sh"), "--uninstall")
    assert machine.contents() == before


def test_a_download_that_was_cut_off_does_nothing(machine: Machine) -> None:
    """At 50 places by chance, and at each of the last bytes."""
    text = (ROOT / "install.sh").read_bytes()
    places = [*random.Random(2).sample(range(len(text)), 50), *range(len(text) - 30, len(text) - 1)]
    for shell in ("dash", "bash"):
        for place in places:
            subprocess.run([need(shell)], input=text[:place], env=machine.env, cwd=ROOT, capture_output=True, timeout=30, check=False)
            assert machine.contents() == {}, f"{shell}: cut at byte {place}"


@pytest.mark.parametrize("named", [False, True], ids=["in the working directory", "named"])
def test_through_a_pipe(machine: Machine, named: bool) -> None:
    """The sources are where it runs, or where it is told."""
    done = subprocess.run([need("dash"), "-s", "--", "--no-modify-path", *([f"--sources={ROOT}"] if named else [])],
                          input=(ROOT / "install.sh").read_bytes(), env=machine.env, cwd=machine.temporary if named else ROOT,
                          capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert machine.ask(str(machine.shims / "uv"), "--version").startswith("uv ")


def test_sources_that_are_none_are_told(machine: Machine) -> None:
    assert "holds no sources" in machine.install("--sources", str(machine.home), code=1)
    shutil.copy(ROOT / "install.sh", machine.temporary)
    assert "are not beside" in machine.install(sources=machine.temporary, code=1)


def test_without_a_python_that_is_named(machine: Machine) -> None:
    """And nothing was done; a Python that only uv knows is enough."""
    (machine.tools / "python3").unlink()
    assert "Python 3.8 or later is needed" in machine.install(code=1)
    assert machine.contents() == {}
    machine.tool(f"python3.{sys.version_info.minor}", PYTHON)
    machine.install()
    assert machine.ask(str(machine.shims / "uv"), "--version").startswith("uv ")


@pytest.mark.parametrize("argument", ["--prefix", "--demoo", "demo", "--sources"])
def test_an_unknown_argument_is_refused(machine: Machine, argument: str) -> None:
    assert argument in machine.install(argument, code=1 if argument == "--sources" else 2)
    assert machine.contents() == {}


@pytest.mark.parametrize("command", ["--dry-run", "--uninstall", "--layer="])
def test_a_folder_with_no_name_is_refused(machine: Machine, command: str) -> None:
    """As of a variable that is not set: it is neither the default one nor this one."""
    before = sorted(os.listdir(machine.temporary))
    assert "names no folder" in machine.install(command, *(["--prefix", ""] if command != "--layer=" else []), code=1)
    assert sorted(os.listdir(machine.temporary)) == before


def test_help_names_every_option(machine: Machine) -> None:
    said = machine.install("--help")
    for option in ("--demo", "--prefix", "--system", "--no-modify-path", "--dry-run", "--layer", "--uninstall", "--sources"):
        assert option in said, option


def test_the_real_uv_is_no_shim_and_no_launcher(machine: Machine, tmp_path: Path) -> None:
    """Past the checkout's shim, a link to it, and a script of that name; with all of them first on PATH."""
    link, launcher = tmp_path / "link", tmp_path / "launcher"
    link.mkdir()
    (link / "uv").symlink_to(SHIM)
    launcher.mkdir()
    (launcher / "uv").write_text('#!/bin/sh\nexec "${0%/*}/../tools/uv" "$@"\n')
    (launcher / "uv").chmod(0o755)
    machine.install(env={"PATH": f"{SHIM.parent}:{link}:{launcher}:{machine.tools}"})
    assert (machine.prefix / "current" / "real-uv").read_text() == f"{machine.tools}/uv\n"
    (machine.tools / "uv").rename(tmp_path / "uv")
    (launcher / "uv").write_text('#!/bin/sh\nexec "${0%/*}/../uv" "$@"\n')
    assert "nothing has changed" not in machine.install(env={"PATH": f"{machine.shims}:{link}:{launcher}:{machine.tools}"})
    assert (machine.prefix / "current" / "real-uv").read_text() == f"{launcher}/uv\n", "better than nothing"


def test_the_working_directory_is_gone(machine: Machine) -> None:
    """It is on PATH, as an empty element: passed over."""
    gone = machine.temporary / "gone"
    gone.mkdir()
    machine.run(need("sh"), "-c", '"$0" "$PWD" && PATH=":$PATH" exec sh "$1"', need("rmdir"), str(ROOT / "install.sh"), cwd=gone)
    assert machine.ask(str(machine.shims / "uv"), "--version").startswith("uv ")


def test_without_a_uv_one_is_fetched(tmp_path: Path) -> None:
    """Into our folder; a second run finds it there, and a call without any PATH too."""
    machine = Machine(tmp_path, uv=None)
    machine.install()
    fetched = machine.prefix / "uv" / "bin" / "uv"
    assert (machine.prefix / "current" / "real-uv").read_text() == f"{fetched}\n"
    assert machine.ask(str(machine.shims / "uv"), "--version", PATH="").startswith("uv ")
    assert "nothing has changed" in machine.install(env=NOWHERE)
    machine.install("--uninstall")
    assert machine.contents() == {}


def test_without_a_uv_and_without_the_index_nothing_is_done(tmp_path: Path) -> None:
    machine = Machine(tmp_path, uv=None)
    said = machine.install(code=1, env=NOWHERE)
    assert "none could be fetched" in said
    assert "Install uv" in said
    assert machine.contents() == {}
    named = str(uvs.uv(uvs.ALL[-1]))
    assert "would fetch a uv" not in machine.install("--dry-run", env={**NOWHERE, "UV_SHIM_REAL_UV": named})


def test_without_the_index_nothing_is_done(machine: Machine) -> None:
    """What to do is said, and that a checkout works without."""
    said = machine.install(code=1, env={**NOWHERE, "UV_CACHE_DIR": str(machine.temporary / "empty cache")})
    assert "Nothing was done" in said
    assert f"PATH={ROOT}/shims:$PATH" in said
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


def works(machine: Machine) -> bool:
    """Whether the environment of the management command has what that imports."""
    python = machine.prefix / "current" / "venv" / "bin" / "python3"
    return machine.ask(str(python), "-c", "import packaging, psutil, tomli_w; print(1)") == "1"


def test_a_python_without_venv_and_pip_is_enough(machine: Machine, tmp_path: Path) -> None:
    """As uv makes the environment then, and fills it."""
    machine.install(env={"PYTHONPATH": broken(tmp_path, "venv", "ensurepip", "pip")})
    assert works(machine)


def test_pip_fills_the_environment_where_uv_cannot(machine: Machine) -> None:
    """uv has no way to the index here, and pip has."""
    machine.install(env={"UV_CACHE_DIR": str(machine.temporary / "empty"), **{key: value for key, value in NOWHERE.items() if key[:3] == "UV_"}})
    assert works(machine)


def test_packages_are_those_of_pyproject() -> None:
    """Read there, and nowhere said again."""
    packages = sources.find().packages()
    assert {"packaging", "psutil", "tomli-w"} <= set(packages)
    assert any(re.match(r"tomli *;", package) for package in packages)


def test_demo_runs_with_the_installed_copy(tmp_path: Path) -> None:
    """uv 0.9.8: without the shim everything is downloaded twice, with it nothing."""
    machine = Machine(tmp_path, uv="0.9.8")
    assert "through the shim it downloads none" in machine.install("--demo")
    assert list(machine.temporary.iterdir()) == []


# ---- Versions, repairs, interruptions.


def test_upgrade_and_downgrade(machine: Machine, older: Path) -> None:
    """One rename each; what only the other version had is gone, and one uninstall takes back everything."""
    (machine.home / ".profile").write_text("a=1")
    before = machine.contents()
    for folder, version in ((older, "0.0.9"), (ROOT, __version__), (older, "0.0.9")):
        machine.install(sources=folder)
        assert machine.ask(need("dash"), "-lc", "uv-shim --version; uv --version").startswith(f"uv-shim {version}\nuv ")
        assert [path.name.partition("-")[0] for path in (machine.prefix / "releases").iterdir()] == [version]
        assert f'version = "{version}"\n' in (machine.prefix / "receipt.toml").read_text()
    machine.run(str(machine.shims / "uv-shim"), "uninstall")
    assert machine.contents() == before


@pytest.mark.parametrize("lost", ["current", "shims", "env", "install.sh", "current/src", "current/venv", "current/real-uv", "receipt.toml",
                                  "current/shims/uv's mode"])
def test_a_second_run_repairs(machine: Machine, lost: str) -> None:
    machine.install()
    before = machine.contents()
    path = machine.prefix / lost.partition("'")[0]
    if lost.endswith("mode"):
        path.chmod(0o644)
    elif path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
    if lost == "receipt.toml":
        assert "no receipt" in machine.install(code=1), "it may be a stranger's"
        return
    machine.install()
    assert machine.ask(need("bash"), "-lc", "command -v uv; uv --version; uv-shim which").startswith(f"{machine.shims}/uv\nuv {uvs.ALL[-1]}")
    ours = [name for name in before if "/releases/" not in name and not name.endswith(("/current", "/receipt.toml"))]
    now = machine.contents()
    assert [now.get(name) for name in ours] == [before[name] for name in ours]
    assert len(list((machine.prefix / "releases").iterdir())) == 1
    machine.install("--uninstall")
    assert machine.contents() == {}


def test_the_python_half_is_compiled(machine: Machine) -> None:
    """For the very Python that the shim takes: no cache of the user's is needed, and none is made."""
    machine.install()
    world = {"PATH": f"{machine.shims}:{machine.tools}:{os.defpath}", "UV_SHIM_TRACE": "1"}
    (machine.tools / "uv").unlink()
    machine.tool("uv", uvs.uv("0.9.8"))
    subprocess.run(["uv", "pip", "install", "--help"], env={**machine.env, **world}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    assert not (machine.home / ".cache" / "uv-shim" / "bytecode").exists()


def test_killed_at_any_moment_nothing_is_broken(tmp_path: Path, older: Path, pytestconfig: pytest.Config) -> None:
    """kill -9, again and again, in installs, upgrades and uninstalls: every start file is whole, every shell has a uv, a run repairs."""
    machine = Machine(tmp_path, shells=("bash", "fish"))
    chance = random.Random(7)
    for name in (".profile", ".bashrc"):
        (machine.home / name).write_text(f"# {name}\n" * 2000 + "a=1")
    before = machine.contents()
    whole = {name: (machine.home / name).read_text() for name in (".profile", ".bashrc")}
    for _ in range(100 if pytestconfig.getoption("--all-uv") else 14):
        folder = chance.choice((ROOT, older))
        arguments = chance.choice(((), (), ("--uninstall",)))
        process = subprocess.Popen([need("sh"), str(folder / "install.sh"), *arguments], env=machine.env, cwd=machine.temporary,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(chance.uniform(0.05, 1.2))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for name, text in whole.items():
            assert (machine.home / name).read_text() in (text, f"{text}\n{machine.line}")
        for shell, read in (("bash", ". ~/.bashrc"), ("dash", ". ~/.profile"), ("fish", "true")):
            assert machine.ask(need(shell), "-c", f"{read}; uv --version").startswith("uv ")
    machine.install()
    assert machine.ask(need("bash"), "-lc", "command -v uv") == str(machine.shims / "uv")
    assert not list(machine.home.rglob("*.uv-shim-new"))
    machine.install("--uninstall")
    assert {name: row for name, row in machine.contents().items() if not re.match(r"\.(local|config|cache)(/|$)", name)} == before
    assert not [path for path in machine.home.rglob("*") if "uv-shim" in path.name]


#: The management command, killed right before its n-th change below a folder. Inside a release that is being built they do not count.
KILLED = """
import os, signal, sys

sources, folder, moment = sys.argv[1], sys.argv[2], int(sys.argv[3])
del sys.argv[1:4]
changes = 0

def hook(event, arguments):
    global changes
    if event not in ("open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate", "shutil.rmtree"):
        return
    path = os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else ""
    writes = event != "open" or arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if path.startswith(folder) and "/releases/." not in path and writes:
        changes += 1
        if changes == moment:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
sys.path.insert(0, sources)
from uv_shim.cli import main
sys.exit(main())
"""


@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_killed_before_any_one_of_its_changes(tmp_path: Path, command: str, pytestconfig: pytest.Config) -> None:
    """In turn before each; an uninstall after it leaves nothing behind and nothing changed, so the receipt always came first."""
    machine = Machine(tmp_path, shells=("bash", "fish"))
    (machine.home / ".profile").write_text("a=1")
    before = machine.contents()
    stride = 1 if pytestconfig.getoption("--all-uv") else 5
    moment, killed = 1, 0
    while True:
        if command == "uninstall":
            machine.install()
        done = subprocess.run([PYTHON, "-I", "-B", "-c", KILLED, ROOT / "src", machine.home, str(moment), command], env=machine.env,
                              cwd=machine.temporary, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        for name, text in ((".profile", "a=1"), (".bashrc", "")):
            whole = (text, f"{text}\n{machine.line}".lstrip("\n"))
            assert not (machine.home / name).exists() or (machine.home / name).read_text() in whole, moment
        assert machine.ask(need("bash"), "-c", ". ~/.profile; . ~/.bashrc; uv --version").startswith("uv "), moment
        machine.install("--uninstall")
        left = {name: row for name, row in machine.contents().items() if name != ".cache" and "fish" not in name.split("/")}
        # fish has folders of its own; where they are, their parents stay.
        assert {name: row for name, row in left.items() if name not in (".config", ".local", ".local/share")} == before, moment
        assert not [name for name in machine.contents() if "uv-shim" in name], moment
        if done.returncode != -signal.SIGKILL:
            assert done.returncode == 0, done.stderr
            break
        killed += 1
        moment += stride
    assert killed * stride > 12


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_told_to_stop_it_ends_by_what_it_was_told(machine: Machine, number: signal.Signals) -> None:
    """While it waits for its uv, so that it cannot have ended before."""
    uv, reached = machine.tools / "uv", machine.root / "reached"
    real = uv.resolve()
    uv.unlink()
    uv.write_text(f"""#!/bin/sh
case "$*" in "pip install "*) : >'{reached}' && exec '{need("sleep")}' 100 ;; esac
exec '{real}' "$@"
""")
    uv.chmod(0o755)
    process = subprocess.Popen([need("sh"), str(ROOT / "install.sh")], env=machine.env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(reached)
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    assert machine.contents() == {}
    assert list(machine.temporary.iterdir()) == []


def test_told_to_stop_it_leaves_nothing_temporary(machine: Machine) -> None:
    """While that is being made, and later; it may have ended by then."""
    for number, moment in (*[(signal.SIGTERM, 0.0)] * 8, (signal.SIGINT, 0.0), (signal.SIGHUP, 0.2), (signal.SIGINT, 0.1)):
        process = subprocess.Popen([need("sh"), str(ROOT / "install.sh"), "--prefix", str(machine.home / number.name)], env=machine.env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while not list(machine.temporary.iterdir()):
            assert process.poll() is None
            assert time.monotonic() < until
        time.sleep(moment)
        process.send_signal(number)
        assert process.wait(60) in ((128 + number, 0) if moment else (128 + number,))
        assert list(machine.temporary.iterdir()) == []


@pytest.mark.parametrize("versions", [("ours", "ours"), ("ours", "older")], ids=" ".join)
def test_two_at_once_come_to_one(machine: Machine, older: Path, versions: tuple[str, ...]) -> None:
    """The second waits for the first."""
    folders = [older if version == "older" else ROOT for version in versions]
    both = [subprocess.Popen([need("sh"), str(folder / "install.sh")], env=machine.env, cwd=machine.temporary, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for folder in folders]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert machine.ask(need("bash"), "-lc", "uv-shim --version").startswith("uv-shim ")
    assert (machine.home / ".bashrc").read_text().count(machine.line) == 1
    assert len(list((machine.prefix / "releases").iterdir())) == 1
    machine.install("--uninstall")
    assert machine.contents() == {}


def test_an_install_that_waited_for_an_uninstall(machine: Machine) -> None:
    """What it was to change is gone by then; it says so."""
    machine.install()
    with locked(Layout(machine.prefix)):
        process = subprocess.Popen([need("sh"), str(ROOT / "install.sh")], env=machine.env, cwd=machine.temporary, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        until = time.monotonic() + 60
        while not re.search(rf"-> FLOCK .* {process.pid} ", Path("/proc/locks").read_text()):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        shutil.rmtree(machine.prefix)
    assert "was uninstalled by another run" in process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert not machine.prefix.exists()


# ---- While it runs.


def words(process: psutil.Process) -> list[str]:
    """Its command line; none where it has just ended."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture
def running(machine: Machine, make_world: Callable[..., World], index: Index) -> tuple[World, Callable[[], subprocess.Popen[str]]]:
    """A world whose `uv pip install` goes through the installed shim; its first preflight lasts for seconds."""
    machine.install()
    index.add(wheel("slow", "1"))
    world = make_world("0.9.8")
    world.env.pop("UV_SHIM_PYTHON")
    world.env["PATH"] = f"{machine.shims}:{world.uv.parent}:{os.defpath}"

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(["uv", "pip", "install", "--reinstall", "slow"], env=world.env, cwd=world.work, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        until = time.monotonic() + 60
        while not any("--dry-run" in words(child) for child in psutil.Process(process.pid).children()):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        return process

    return world, start


def test_replacing_it_does_not_break_what_runs(machine: Machine, older: Path, running: tuple[World, Callable[[], subprocess.Popen[str]]]) -> None:
    """The release that it runs from is named and kept, and the next run removes it. What it installs is sealed."""
    world, start = running
    world.index.latency = 4
    process = start()
    said = machine.install(sources=older)
    world.index.latency = 0
    assert process.poll() is None, "it still runs"
    assert re.search(rf"releases/{re.escape(__version__)}-\w+ is kept: .*\(process {process.pid}\)", said)
    assert process.communicate(timeout=60)[0].startswith("Resolved 1 package")
    assert process.returncode == 0
    assert "slow==1" in world.freeze()
    assert len(list((machine.prefix / "releases").iterdir())) == 2
    # Another that runs from the new one does not keep the old one.
    shutil.rmtree(world.env["UV_CACHE_DIR"])
    world.index.latency = 4
    process = start()
    machine.install(sources=older)
    assert process.poll() is None, "it still runs"
    assert len(list((machine.prefix / "releases").iterdir())) == 1
    process.kill()
    process.communicate()


def test_uninstalling_it_does_not_break_what_runs(machine: Machine, running: tuple[World, Callable[[], subprocess.Popen[str]]]) -> None:
    """It has a moment to come to its end; if it does not, its release alone is kept, named, and removed by the next run."""
    world, start = running
    world.index.latency = 7
    process = start()
    said = machine.install("--uninstall", code=1)
    world.index.latency = 0
    assert f"(process {process.pid}) still runs from" in said
    assert machine.ask(need("bash"), "-ic", "command -v uv") == str(machine.tools / "uv")
    assert sorted(path.name for path in machine.prefix.iterdir()) == ["receipt.toml", "releases"]
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert "slow==1" in world.freeze()
    machine.install("--uninstall")
    assert machine.contents() == {}
