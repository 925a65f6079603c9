"""`uv-shim warm`: what it has put into uv's cache, a later `uv sync` does not fetch."""

from __future__ import annotations

import fcntl
import gzip
import io
import itertools
import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
import termios
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from uv_shim.demo.index import Index
from uv_shim.demo.wheels import sdist, wheel
from uv_shim.errors import ShimError
from uv_shim.warm.cache import size
from uv_shim.warm.lock import Lock
from uv_shim.warm.locked import Part, choices
from uv_shim.warm.wanted import Wanted
from world import PYTHON, ROOT, Result, World, project

WARM = str(ROOT / "shims" / "uv-shim")

#: Before hashes were kept, the report's, and the newest.
VERSIONS = ("0.5.26", "0.9.8", "0.13.9")


def minor(python: Path) -> str:
    """Major and minor version of an interpreter."""
    return subprocess.run([str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], check=True, capture_output=True,
                          text=True).stdout.strip()


def second_python() -> Path:
    """Another interpreter than that of the tests: of another minor version where the machine has one."""
    beside = sorted((path for path in PYTHON.parent.parent.parent.glob("*/bin/python3.*") if path.name[9:].isdigit()), reverse=True)
    others = [path for path in [*beside, Path("/usr/bin/python3")] if path.resolve() != PYTHON]
    return next((path for path in others if minor(path) not in (minor(PYTHON), "3.6", "3.7")), others[-1])


OTHER = second_python()
FIRST_MINOR, OTHER_MINOR = minor(PYTHON), minor(OTHER)


def stock(index: Index) -> None:
    """An application, a library whose wheels are for one Python each, a tool that comes as sdist."""
    index.add(wheel("demo-app", "1.4.0", requires=("demo-core>=2",), payload=20_000))
    for tag in {FIRST_MINOR, OTHER_MINOR}:
        index.add(wheel("demo-core", "2.1.3", tag=f"cp{tag.replace('.', '')}-none-any", payload=60_000))
    index.add(sdist("demo-tool", "0.9", requires=("demo-base",), payload=9_000))
    index.add(wheel("demo-base", "1"))


def warm(world: World, *args: str, **options: Any) -> Result:
    """Call `uv-shim warm`, and see that nothing stays behind."""
    before = (world.leftovers(), sorted(world.work.rglob("*")))
    done = world.call(WARM, ("warm", *args), **options)
    assert (world.leftovers(), sorted(world.work.rglob("*"))) == before
    return done


def rows(done: Result) -> dict[tuple[str, str], str]:
    """State of each package in the printed table, by name and Python."""
    return {(cells[0], cells[2]): cells[-1] for line in done.stdout.split("\n\n")[0].splitlines()[1:] if (cells := line.split("  ")) and
            (cells := [cell.strip() for cell in cells if cell.strip()])}


def synced(world: World, folder: Path, *args: str, python: Path = PYTHON) -> Result:
    """`uv sync` of a project, for some Python, into a new environment."""
    return world.bare("sync", "--python", str(python), *args, cwd=folder, check=True,
                      env={"UV_PROJECT_ENVIRONMENT": str(world.root / f"env-{time.monotonic_ns()}")})


def repository(world: World, name: str) -> str:
    """Git's URL of a new repository with a project of that name."""
    folder = project(world.root / name)
    (folder / "pyproject.toml").write_text(f'[project]\nname = "{name}"\nversion = "1"\n')
    for call in (("init", "-q"), ("add", "."), ("-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-q", "-m", "first")):
        subprocess.run(["git", *call], cwd=folder, check=True, env=world.env)
    return f"file://{folder}"


def locked(world: World, folder: Path) -> str:
    """Path of a project's lock, made with another cache."""
    world.bare("lock", "--python", str(PYTHON), cwd=folder, check=True, env={"UV_CACHE_DIR": str(world.root / "lock-cache")})
    return str(folder / "uv.lock")


@pytest.fixture
def make(make_world: Callable[..., World], index: Index) -> Callable[..., World]:
    """A stocked index, and a world without an environment on it."""
    stock(index)
    return lambda version="0.9.8", **env: make_world(version, venv=False, **env)


@pytest.mark.parametrize("version", VERSIONS)
def test_what_was_warmed_is_not_fetched_at_sync(version: str, make: Callable[..., World]) -> None:
    """Wheels of two Pythons and an sdist; also offline, and running it again fetches nothing."""
    world = make(version)
    done = warm(world, "demo-app", "demo-tool", "--python", str(PYTHON), "--python", str(OTHER))
    assert (done.code, done.stderr, done.said) == (0, "", ())
    # An sdist may be asked for before the shim has stopped uv, and again (docs/how-it-works.md).
    assert {times for name, times in done.fetched.files.items() if name.endswith(".whl")} == {1}
    both = ", ".join(dict.fromkeys((FIRST_MINOR, OTHER_MINOR)))
    assert rows(done) == dict.fromkeys([("demo-app", both), ("demo-base", both), ("demo-core", both), ("demo-tool", both)], "added")
    again = warm(world, "demo-app", "demo-tool", "--python", str(PYTHON), "--python", str(OTHER))
    assert (again.code, again.files) == (0, 0)
    assert set(rows(again).values()) == {"already there"}
    folder = project(world.root / "project", "demo-app", "demo-tool")
    locked(world, folder)
    for python in (PYTHON, OTHER):
        for offline in ((), ("--offline",)):
            assert synced(world, folder, *offline, python=python).files == 0


@pytest.mark.parametrize("version", ["0.4.6", *VERSIONS])
def test_a_lock_is_warmed_whole(version: str, make: Callable[..., World], index: Index) -> None:
    """Extras and groups, also such that exclude each other, of each member of a workspace; the project's folder stays as it is."""
    for name, number in (("demo-extra", "1"), ("demo-group", "1"), ("demo-old", "1"), ("demo-old", "2"), ("demo-lib", "1"), ("demo-path", "3")):
        index.add(wheel(name, number))
    world = make(version)
    groups = version != "0.4.6"
    folder = project(world.root / "project", "demo-app", "near", extra=(
        '[project.optional-dependencies]\nmore = ["demo-extra"]\n'
        + ('[dependency-groups]\ndev = ["demo-group"]\na = ["demo-old==1"]\nb = ["demo-old==2"]\n'
           '[tool.uv]\nconflicts = [[{ group = "a" }, { group = "b" }]]\n' if groups else '[tool.uv]\ndev-dependencies = ["demo-group"]\n')
        + '[tool.uv.workspace]\nmembers = ["member"]\n[tool.uv.sources]\nnear = { path = "near" }\n'))
    project(folder / "member", "demo-lib").joinpath("pyproject.toml").write_text(
        '[project]\nname = "member"\nversion = "0"\nrequires-python = ">=3.8"\ndependencies = ["demo-lib"]\n')
    (folder / "near").mkdir()
    (folder / "near" / "pyproject.toml").write_text('[project]\nname = "near"\nversion = "0"\ndependencies = ["demo-path"]\n'
                                                    '[build-system]\nrequires = ["no-such-backend"]\nbuild-backend = "none"\n')
    lock = locked(world, folder)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    done = warm(world, "--lock", lock, "--python", str(PYTHON))
    assert (done.code, done.stderr) == (0, ""), done.stdout
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    names = {name for name, _ in rows(done)}
    assert {"demo-app", "demo-core", "demo-extra", "demo-path", "demo-group", "demo-lib"} | ({"demo-old"} if groups else set()) == names
    assert set(done.fetched.files.values()) == {1}
    nothing_local = ("--no-install-package", "near", "--offline", "--frozen", "--all-extras")
    for group in (("--group", "a"), ("--group", "b")) if groups else ((),):
        assert synced(world, folder, *nothing_local, *group).files == 0
    again = warm(world, "--lock", lock, "--python", str(PYTHON))
    assert (again.code, again.files, set(rows(again).values())) == (0, 0, {"already there"})


def test_what_cannot_be_had_does_not_spoil_the_rest(make: Callable[..., World], index: Index) -> None:
    """An unknown name, a wheel with other bytes, a Python that is not there: each is named with uv's words, and the rest is warm."""
    bad = wheel("demo-bad", "1", note="tampered")
    index.add(bad, original=wheel("demo-bad", "1")[1])
    world = make()
    done = warm(world, "demo-nothing", "demo-app", "demo-bad", "--python", str(PYTHON), "--python", "3.99")
    assert done.code == 1
    assert set(rows(done)) == {("demo-app", FIRST_MINOR), ("demo-core", FIRST_MINOR)}
    assert "could not be warmed: Python 3.99\n  No interpreter found for Python 3.99" in done.stdout
    assert f"could not be warmed: demo-nothing for Python {FIRST_MINOR}\n  No solution found" in done.stdout
    assert f"could not be warmed: demo-bad for Python {FIRST_MINOR}\n" in done.stdout
    assert "Hash mismatch" in done.stdout
    assert "2 added (" in done.stdout
    assert "3 could not be warmed" in done.stdout


@pytest.mark.parametrize("version", ["0.6.17", *VERSIONS])
def test_a_package_of_a_lock_that_cannot_be_had(version: str, make: Callable[..., World], index: Index) -> None:
    """Vanished from an index, a URL or a repository, or without a file for this Python: each is named, without passwords; the others are warm."""
    world = make(version)
    gone = [index.add(wheel(name, "1")).name for name in ("demo-gone", "demo-url")]
    index.add(wheel("demo-alien", "1", tag="py3-none-win_amd64"))
    index.add(wheel("demo-extra", "1"))
    git = repository(world, "demo-git")
    folder = project(world.root / "project", "demo-app", "demo-gone", "demo-alien", "demo-tool", f"demo-git @ git+{git}",
                     f"demo-url @ {index.url.replace('//', '//bob:s3cret@')}/main/files/{gone[1]}",
                     extra='[project.optional-dependencies]\nmore = ["demo-extra"]\n')
    lock = locked(world, folder)
    Path(lock).write_text(Path(lock).read_text().replace(git, "http://bob:s3cret@127.0.0.1:1/demo-git"))
    for name in gone:
        del index.files["main"][name]
    done = warm(world, "--lock", lock, "--python", str(PYTHON), "--json")
    said = json.loads(done.stdout)
    assert done.code == 1
    assert {package["name"] for package in said["packages"]} == {"demo-app", "demo-core", "demo-tool", "demo-base", "demo-extra"}
    assert {missing["what"].split()[0] for missing in said["missing"]} == {"demo-gone", "demo-alien", "demo-git", "demo-url"}
    assert "s3cret" not in done.stdout


def test_a_lock_for_another_python_is_told_once(make: Callable[..., World], index: Index) -> None:
    """In uv's words, not again for each extra."""
    world = make()
    index.add(wheel("demo-extra", "1"))
    folder = project(world.root / "project", "demo-app", extra='[project.optional-dependencies]\nmore = ["demo-extra"]\n')
    lock = locked(world, folder)
    for file in (folder / "uv.lock", folder / "pyproject.toml"):
        file.write_text(file.read_text().replace(">=3.8", ">=3.99"))
    done = warm(world, "--lock", lock, "--python", str(PYTHON), "--json")
    assert done.code == 1
    [missing] = json.loads(done.stdout)["missing"]
    assert missing["what"] == lock
    assert "incompatible with the project's Python requirement" in missing["reason"]


def test_a_requirements_file_is_one_set(make: Callable[..., World], index: Index, tmp_path: Path) -> None:
    """A name is asked for on its own; a file's lines together, and one by one where they do not go together."""
    for number in ("1", "2"):
        index.add(wheel("demo-lib", number))
    index.add(wheel("demo-user", "1", requires=("demo-lib<2",)))
    world = make()
    (tmp_path / "set.txt").write_text("demo-lib\ndemo-user  # needs an old one\n")
    (tmp_path / "clash.txt").write_text("-c limits.txt\ndemo-lib\ndemo-user\n")
    (tmp_path / "limits.txt").write_text("demo-lib==2\n")
    (tmp_path / "apart.txt").write_text("-r set.txt\ndemo-lib==2\n")
    python = ("--python", str(PYTHON))
    assert set(warm(world, "-r", str(tmp_path / "set.txt"), *python).fetched.files) == {"demo_lib-1-py3-none-any.whl", "demo_user-1-py3-none-any.whl"}
    assert set(warm(world, "demo-lib", "demo-user", *python).fetched.files) == {"demo_lib-2-py3-none-any.whl"}
    apart = warm(world, "-r", str(tmp_path / "apart.txt"), *python)
    assert apart.code == 0
    assert "apart.txt cannot be had as one set" in apart.stdout
    assert "demo-lib         1" not in apart.stderr
    clash = warm(world, "-r", str(tmp_path / "clash.txt"), *python)
    assert clash.code == 1
    assert "could not be warmed: demo-user (clash.txt)" in clash.stdout
    assert "clash.txt cannot be had as one set" in clash.stdout
    assert [name for name, _ in rows(clash)] == ["demo-lib"]


@pytest.mark.parametrize("version", ["0.6.17", "0.9.8"])
def test_a_line_that_is_no_plain_requirement_is_tried_too(version: str, make: Callable[..., World], index: Index, tmp_path: Path) -> None:
    """A URL, a folder, a file that is not there, nonsense: each is named, in uv's words and without a password."""
    url = f"{index.url}/main/files/none-1-py3-none-any.whl"
    odd = (url.replace("//", "//u:s3cret@"), "git+file:///none@main", "-e ./none", "./none", "-r none.txt", "!!bad")
    secret = ("demo-git @ git+http://u:s3cret@127.0.0.1:1/none", f"demo-url @ {odd[0]}")
    (tmp_path / "odd.txt").write_text("\n".join(("demo-base", *odd, secret[0])))
    done = warm(make(version), *secret, "-r", str(tmp_path / "odd.txt"), "--python", str(PYTHON), "--json")
    assert done.code == 1
    said = json.loads(done.stdout)
    assert [missing["what"] for missing in said["missing"]] == [
        "demo-git", "demo-url", *(f"{line} (odd.txt)" for line in (url, *odd[1:4], f"-r {tmp_path}/none.txt", odd[5], "demo-git"))]
    assert [package["name"] for package in said["packages"]] == ["demo-base"]
    assert all(missing["reason"] for missing in said["missing"])
    assert "s3cret" not in done.stdout


def test_variables_in_a_requirements_file(make: Callable[..., World], index: Index, tmp_path: Path) -> None:
    """Line by line too, with the settings that hold for all of them; and why it is line by line."""
    for name, number in (("demo-lib", "1"), ("demo-lib", "2"), ("demo-limited", "1"), ("demo-limited", "2")):
        index.add(wheel(name, number))
    index.configure("main", auth="bob:s3cret")
    (tmp_path / "links").mkdir()
    near, data = wheel("demo-near", "1")
    (tmp_path / "links" / near).write_bytes(data)
    (tmp_path / "limits.txt").write_text("demo-limited<2\n")
    (tmp_path / "set.txt").write_text(f"--index-url {index.simple().replace('//', '//bob:${TOKEN}@')}\n--find-links ${{FOLDER}}/links\n"
                                      "-c ${FOLDER}/limits.txt\ndemo-lib==1\ndemo-lib==2\ndemo-near\ndemo-limited\n")
    done = warm(make(), "-r", str(tmp_path / "set.txt"), "--python", str(PYTHON),
                env={"TOKEN": "s3cret", "FOLDER": str(tmp_path), "UV_INDEX_URL": None})
    assert (done.code, set(done.fetched.files)) == (0, {f"demo_{name}-py3-none-any.whl" for name in ("lib-1", "lib-2", "limited-1")}), done.stdout
    assert {name for name, _ in rows(done)} == {"demo-lib", "demo-near", "demo-limited"}
    assert "set.txt cannot be had as one set" in done.stdout


def test_hashes_of_a_requirements_file_are_heeded_line_by_line(make: Callable[..., World], index: Index, tmp_path: Path) -> None:
    world = make()
    hashed = {name: next(file for file in index.files["main"].values() if file.name.startswith(name)).digests()["sha256"]
              for name in ("demo_app", "demo_base")}
    (tmp_path / "hashed.txt").write_text(f"demo-app==1.4.0 \\\n    --hash=sha256:{hashed['demo_app']}\n"
                                         f"demo-base==1 --hash=sha256:{'0' * 64}\n")
    done = warm(world, "-r", str(tmp_path / "hashed.txt"), "--python", str(PYTHON))
    assert done.code == 1
    # What uv had fetched for the whole set, before it met the bad one, may be there too.
    assert [name for name, python in rows(done) if python == FIRST_MINOR] == ["demo-app"]
    assert "could not be warmed: demo-base==1 (hashed.txt)" in done.stdout
    assert "Hash mismatch" in done.stdout


@pytest.mark.parametrize(("args", "words"), [
    ((), "nothing to warm"),
    (("demo app",), "'demo app' is no requirement"),
    (("demo-app=>1",), "'demo-app=>1' is no requirement"),
    (("./demo",), "'./demo' is no requirement"),
    (("demo app @ http://bob:s3cret@127.0.0.1/x",), "'demo app @ http://127.0.0.1/x' is no requirement"),
    (("here.txt",), "is a file, not a requirement. To warm what is in it: -r here.txt"),
    (("demo-app", "-r", "none.txt"), "none.txt: no such requirements file"),
    (("demo-app", "--lock", "none/uv.lock"), "no such lock file"),
    (("demo-app", "--lock", "alone/uv.lock"), "beside the pyproject.toml"),
    (("demo-app", "--lock", "broken/uv.lock"), "is broken"),
    (("demo-app", "--lock", "other/uv.lock"), "no lock of uv"),
    (("demo-app", "--python", ""), "a --python is empty"),
])
def test_bad_input_is_refused_before_anything_is_run(args: tuple[str, ...], words: str, make: Callable[..., World]) -> None:
    world = make()
    (world.work / "here.txt").write_text("demo-app\n")
    for name, text in (("alone", "version = 1\n"), ("broken", "= ["), ("other", 'name = "x"\n')):
        (world.work / name).mkdir()
        (world.work / name / "uv.lock").write_text(text)
        if name != "alone":
            project(world.work / name)
    done = warm(world, *args)
    assert (done.code, done.stdout, done.stderr) == (2, "", "")
    assert words in "\n".join(done.said)
    assert done.fetched.pages == {}


def test_a_current_folder_that_has_been_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(ShimError, match="the current folder cannot be worked in: No such file or directory"):
        Wanted.parse(["demo-app"], [], [], [])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_a_current_folder_that_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0)
    monkeypatch.chdir(tmp_path)
    os.seteuid(65534)
    try:
        with pytest.raises(ShimError, match="the current folder cannot be worked in: Permission denied"):
            Wanted.parse(["demo-app"], [], [], [])
    finally:
        os.seteuid(0)


@pytest.mark.parametrize("text", ["package = 3", "[[package]]\nfoo = 1", '[[package]]\nname = "a"\nsource = 3', "manifest = 3", f"deep = {'[' * 5000}"])
def test_a_damaged_lock_is_refused(text: str, tmp_path: Path) -> None:
    """Whatever is in it."""
    project(tmp_path)
    (tmp_path / "uv.lock").write_text(f'version = 1\nrequires-python = ">=3.8"\n{text}\n')
    with pytest.raises(ShimError, match=r"is no lock file of uv|is broken"):
        Lock.read(tmp_path / "uv.lock")


def test_what_conflicts_is_warmed_with_what_does_not(make: Callable[..., World], index: Index) -> None:
    """What is locked for one of two extras together with a group is not what it is for the group alone."""
    for number in ("1", "2"):
        index.add(wheel("demo-lib", number))
        index.add(wheel("demo-dev", number, requires=(f"demo-lib=={number}",)))
    world = make()
    folder = project(world.root / "project", "demo-app", extra=(
        '[project.optional-dependencies]\ncpu = ["demo-lib<2"]\ngpu = ["demo-lib>=2"]\n[dependency-groups]\ndev = ["demo-dev"]\n'
        '[tool.uv]\nconflicts = [[{ extra = "cpu" }, { extra = "gpu" }]]\n'))
    done = warm(world, "--lock", locked(world, folder), "--python", str(PYTHON))
    assert (done.code, done.stderr) == (0, "")
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("demo-dev")] == ["1", "2"]
    for extra in ((), ("--extra", "cpu"), ("--extra", "gpu")):
        assert synced(world, folder, *extra).files == 0


@pytest.mark.parametrize("version", ["0.9.8", "0.13.9"])
@pytest.mark.parametrize("what", ["member", "group"])
def test_members_that_conflict_are_warmed_on_their_own(version: str, what: str, make: Callable[..., World], index: Index) -> None:
    """With their extras and groups, and with the groups of a root that is no project (uv 0.9.8 does not read what conflicts there)."""
    for name, number in (("demo-lib", "1"), ("demo-lib", "2"), ("demo-extra", "1"), ("demo-group", "1")):
        index.add(wheel(name, number))
    world = make(version)
    group = ', group = "dev"' if what == "group" else ""
    folder = project(world.root / "project", extra=(
        '[dependency-groups]\nroot = ["demo-group"]\n[tool.uv.workspace]\nmembers = ["a", "b"]\n'
        f'[tool.uv]\nconflicts = [[{{ package = "a"{group} }}, {{ package = "b"{group} }}]]\n'))
    if version != "0.9.8":
        root = folder / "pyproject.toml"
        root.write_text(root.read_text()[root.read_text().index("[dependency-groups]") :])
    for name, lib in (("a", "demo-lib==1"), ("b", "demo-lib==2")):
        extra = f'[dependency-groups]\ndev = ["{lib}"]\n' if what == "group" else ""
        extra += '[project.optional-dependencies]\nmore = ["demo-extra"]\n' if name == "b" and what == "group" else ""
        member = project(folder / name, *([] if group else [lib]), extra=extra) / "pyproject.toml"
        member.write_text(member.read_text().replace('"project"', f'"{name}"'))
    done = warm(world, "--lock", locked(world, folder), "--python", str(PYTHON))
    assert (done.code, done.stderr) == (0, ""), done.stdout
    assert [line.split()[:2] for line in done.stdout.splitlines() if line.startswith("demo-")] == [
        *([["demo-extra", "1"]] if group else []), ["demo-group", "1"], ["demo-lib", "1"], ["demo-lib", "2"]]
    for name in ("a", "b"):
        assert synced(world, folder, "--frozen", "--package", name, "--all-extras", "--no-install-workspace", "--offline").files == 0


def test_many_that_conflict_are_tried_one_by_one() -> None:
    """Not in each of a million combinations."""
    names = [f"x{number}" for number in range(7)]
    pairs = tuple((("extra", one), ("extra", other)) for one, other in itertools.combinations(names, 2))
    everything = Part(tuple(names))
    assert choices(everything, pairs) == everything.pieces()
    parts = choices(everything, pairs[:2])
    assert len(parts) == len(set(parts))
    assert {extra for part in parts for extra in part.extras} == set(names)


@pytest.mark.parametrize("version", VERSIONS)
def test_local_files_need_no_hash(version: str, make: Callable[..., World]) -> None:
    """uv.lock has none for those of a folder, and nothing is fetched."""
    world = make(version)
    folder = project(world.root / "project", "near", extra=f'[tool.uv]\nfind-links = ["{world.root}/links"]\n')
    (world.root / "links").mkdir()
    name, data = wheel("near", "1.0")
    (world.root / "links" / name).write_bytes(data)
    done = warm(world, "--lock", locked(world, folder), "--python", str(PYTHON))
    assert (done.code, done.stderr) == (0, ""), done.stdout


def test_a_package_that_is_a_folder_and_is_not(make: Callable[..., World], index: Index) -> None:
    """By markers; uv leaves out both, and that is told."""
    index.add(wheel("demo-near", "1"))
    world = make()
    folder = project(world.root / "project", "demo-near", "demo-app", extra=(
        "[tool.uv.sources]\ndemo-near = [{ path = \"near\", marker = \"sys_platform == 'win32'\" }, "
        "{ index = \"corp\", marker = \"sys_platform != 'win32'\" }]\n"
        f'[[tool.uv.index]]\nname = "corp"\nurl = "{index.simple()}"\n'))
    (folder / "near").mkdir()
    (folder / "near" / "pyproject.toml").write_text('[project]\nname = "demo-near"\nversion = "0"\n')
    done = warm(world, "--lock", locked(world, folder), "--python", str(PYTHON))
    assert done.code == 0
    assert "demo-near: both a folder and from elsewhere there" in done.stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_the_callers_settings_apply(version: str, make: Callable[..., World], index: Index) -> None:
    """The index and the cache of the configuration in the working directory; not where it says to install to."""
    world = make(version)
    del world.env["UV_INDEX_URL"], world.env["UV_CACHE_DIR"]
    (world.work / "uv.toml").write_text(f'index-url = "{index.simple()}"\ncache-dir = "{world.root}/other"\ncompile-bytecode = true\n'
                                        f'[pip]\nprefix = "{world.root}/prefix"\nsystem = true\nno-deps = true\n')
    done = warm(world, "demo-app", "--python", str(PYTHON), env={"UV_SHIM_MODE": "off", "UV_COMPILE_BYTECODE": "1", "UV_SYSTEM_PYTHON": "1"})
    assert done.code == 0, done.stdout
    assert list(rows(done)) == [("demo-app", FIRST_MINOR)]
    assert done.stdout.endswith(f"in {world.root}/other\n")
    assert not (world.root / "prefix").exists()


def test_the_python_that_uv_picks(make: Callable[..., World]) -> None:
    """With no --python it is the one that uv takes in this folder, or for the lock's project."""
    world = make()
    world.make_venv()
    folder = project(world.root / "project", "demo-app")
    done = warm(world, "demo-tool", "--lock", locked(world, folder))
    assert done.code == 0
    assert rows(done)["demo-tool", FIRST_MINOR] == "added"
    assert {name for name, _ in rows(done)} == {"demo-app", "demo-core", "demo-tool", "demo-base"}
    assert rows(warm(world, "demo-tool", env={"UV_PYTHON": str(OTHER)})) == dict.fromkeys(
        [("demo-base", OTHER_MINOR), ("demo-tool", OTHER_MINOR)], "already there")
    assert {python for _, python in rows(warm(world, "--lock", str(folder / "uv.lock"), env={"UV_PYTHON": str(OTHER)}))} == {OTHER_MINOR}
    world.bare("venv", "-q", "--python", str(OTHER), str(world.root / "active"), check=True)
    active: dict[str, str | None] = {"VIRTUAL_ENV": str(world.root / "active")}
    assert {python for _, python in rows(warm(world, "demo-tool", env=active))} == {OTHER_MINOR}
    # One that is not made yet matters to nothing that is asked for.
    assert warm(world, "demo-tool", "--python", str(PYTHON), env={"VIRTUAL_ENV": str(world.root / "none")}).code == 0


def test_no_python_is_fetched(make: Callable[..., World]) -> None:
    """One that the project asks for and that is not there is told."""
    world = make()
    folder = project(world.root / "project", "demo-app")
    lock = locked(world, folder)
    (folder / ".python-version").write_text("3.8.1\n")
    done = warm(world, "--lock", lock, env={"UV_PYTHON_DOWNLOADS": None, "UV_PYTHON_INSTALL_MIRROR": world.index.url})
    assert done.code == 1
    assert "3.8.1" in done.stdout
    assert not done.fetched.pages


def test_paths_are_those_of_the_callers_folder(make: Callable[..., World]) -> None:
    """Also where uv is called in the folder of a lock."""
    world = make(UV_CACHE_DIR="kept here", UV_CONFIG_FILE="settings.toml")
    (world.work / "settings.toml").write_text("")
    (world.work / "kept here").mkdir()
    folder = project(world.root / "project", "demo-app")
    lock = locked(world, folder) if (folder / "settings.toml").write_text("") == 0 else ""
    done = world.call(WARM, ("warm", "--lock", lock, "--python", str(PYTHON)))
    assert done.code == 0, done.stderr
    assert done.stdout.endswith(f"in {world.work}/kept here\n")
    assert set(rows(world.call(WARM, ("warm", "--lock", lock, "--python", str(PYTHON)))).values()) == {"already there"}


def test_sizes_are_those_of_the_cache(make: Callable[..., World]) -> None:
    """The sum of all rows is what the cache has of packages."""
    world = make()
    said = json.loads(warm(world, "demo-app", "demo-tool", "--python", str(PYTHON), "--json").stdout)
    archives = Path(world.env["UV_CACHE_DIR"]) / "archive-v0"
    assert sum(package["size"] for package in said["packages"]) == sum(path.stat().st_size for path in archives.rglob("*") if path.is_file())
    assert said["packages"][0]["pythons"] == [FIRST_MINOR]
    assert (said["missing"], said["notes"], said["uv"]) == ([], [], "0.9.8")


def test_a_package_that_vanishes_while_it_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As by `uv cache prune`, beside us: the rest counts."""
    (tmp_path / "kept").write_text("12345")
    (tmp_path / "pruned").write_text("x")
    walk = os.walk

    def pruned_meanwhile(folder: Path) -> Iterator[tuple[str, list[str], list[str]]]:
        for found in walk(folder):
            (tmp_path / "pruned").unlink()
            yield found

    monkeypatch.setattr(os, "walk", pruned_meanwhile)
    assert size(tmp_path) == 5


def test_what_a_build_needs_is_told_too(make: Callable[..., World], index: Index) -> None:
    """Build requirements are in the cache as well, and the sdist syncs offline."""
    index.add(wheel("demo-backend-tool", "5"))
    name, data = sdist("demo-built", "1")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(data))) as old, tarfile.open(fileobj=buffer, mode="w:gz") as new:
        for member in old:
            file = old.extractfile(member)
            assert file
            text = file.read().replace(b"requires = []", b'requires = ["demo-backend-tool"]')
            member.size = len(text)
            new.addfile(member, io.BytesIO(text))
    index.add((name, buffer.getvalue()))
    world = make()
    done = warm(world, "demo-built", "--python", str(PYTHON))
    assert [line.split("  ")[-1].strip() for line in done.stdout.splitlines()[1:3]] == ["added on the way", "added"]
    folder = project(world.root / "project", "demo-built")
    locked(world, folder)
    assert synced(world, folder, "--offline").files == 0


@pytest.mark.parametrize("version", ["0.4.6", *VERSIONS])
def test_the_cache_is_not_written_through_links(version: str, make: Callable[..., World], index: Index) -> None:
    """A script gets its interpreter in the folder that is thrown away, not in the cache; what is synced later runs with its own."""
    name, data = wheel("demo-script", "1")
    stem, script = "demo_script-1", "import sys; print(sys.executable)\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        record = old.read(f"{stem}.dist-info/RECORD").decode()
        for member in old.namelist():
            if not member.endswith("RECORD"):
                new.writestr(member, old.read(member))
        new.writestr(f"{stem}.data/scripts/demo-script", f"#!python\n{script}")
        new.writestr(f"{stem}.data/scripts/demo-binary", "#!/bin/sh\necho fine\n")
        new.writestr(f"{stem}.dist-info/RECORD", f"{record}{stem}.data/scripts/demo-script,,\n{stem}.data/scripts/demo-binary,,\n")
    index.add((name, buffer.getvalue()))
    world = make(version)
    assert warm(world, "demo-script", "--python", str(PYTHON)).code == 0
    [cached] = Path(world.env["UV_CACHE_DIR"]).glob(f"archive-v0/*/{stem}.data/scripts/demo-script")
    assert cached.read_text() == f"#!python\n{script}"
    folder = project(world.root / "project", "demo-script")
    locked(world, folder)
    world.bare("sync", "--offline", "--python", str(PYTHON), cwd=folder, check=True)
    ran = [subprocess.run([str(folder / ".venv" / "bin" / name)], check=True, capture_output=True, text=True).stdout.strip()
           for name in ("demo-script", "demo-binary")]
    assert ran == [str(folder / ".venv" / "bin" / Path(ran[0]).name), "fine"]


def test_what_has_no_hash_is_told(make: Callable[..., World], index: Index) -> None:
    """It is in the cache, but nothing could check it."""
    index.add(wheel("demo-plain", "1"), advertised=())
    done = warm(make(), "demo-plain", "--python", str(PYTHON))
    assert done.code == 1
    assert "It was fetched, but could not be checked: demo-plain (the index has no hash for" in done.stdout
    refused = warm(make(), "demo-plain", "--python", str(PYTHON), env={"UV_SHIM_MODE": "enforce"})
    assert refused.code == 1
    assert "cannot be verified; nothing was installed" in refused.stdout
    world = make()
    done = warm(world, "--lock", locked(world, project(world.root / "project", "demo-plain", "demo-app")), "--python", str(PYTHON))
    assert done.code == 1
    assert [line for line in done.stdout.splitlines() if line.startswith("could not be warmed")] == [
        f"could not be warmed: demo-plain ({world.root}/project/uv.lock) for Python {FIRST_MINOR}"]


def test_a_uv_that_cannot_do_it_is_refused(make: Callable[..., World]) -> None:
    """Too old to be told hashes, or for its settings, or told to keep nothing."""
    done = warm(make("0.4.5"), "demo-app")
    assert (done.code, done.stdout) == (2, "")
    assert "Warming needs uv 0.4.6 or later" in done.said[1]
    world = make()
    (world.work / "uv.toml").write_text('required-version = ">=99"\n')
    done = warm(world, "demo-app")
    assert (done.code, done.stdout) == (2, "")
    assert "Required uv version" in done.said[0]
    done = warm(make(), "demo-app", env={"UV_NO_CACHE": "1"})
    assert (done.code, done.stdout) == (2, "")
    assert "UV_NO_CACHE" in done.said[0]


@pytest.mark.parametrize("version", ["0.4.6", "0.9.8", "0.13.9"])
def test_a_file_that_says_no_cache(version: str, make: Callable[..., World]) -> None:
    """As with the variable: nothing would be kept, so nothing is fetched; also where only the project of a lock says so."""
    world = make(version)
    folder = project(world.root / "project", "demo-base")
    lock = locked(world, folder)
    for place, args in ((world.work, ("demo-base", "--python", str(PYTHON))), (folder, ("--lock", lock))):
        file = place / "uv.toml"
        file.write_text("no-cache = true\n")
        done = warm(world, *args)
        assert (done.code, done.stdout, done.files) == (2, "", 0)
        assert f"uv's settings for {place} say no-cache" in done.said[0]
        file.unlink()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_it_leaves_nothing(number: signal.Signals, make: Callable[..., World], index: Index) -> None:
    """In the midst of a download: no folder, no process."""
    world = make()
    index.add(wheel("demo-large", "1", payload=3_000_000))
    index.bytes_per_second = 300_000
    process = subprocess.Popen([WARM, "warm", "demo-large", "--python", str(PYTHON)], env=world.env, cwd=world.work, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while "demo_large-1-py3-none-any.whl" not in index.fetched.files and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=30)
    assert (process.returncode, stdout, stderr) == (128 + number, "", "")
    assert world.leftovers() == []
    assert list(world.work.iterdir()) == []
    assert not [found.info for found in psutil.process_iter(["cmdline"]) if str(world.root) in " ".join(found.info["cmdline"] or ())]


def test_links_are_made_in_memory_where_nothing_is_said(make: Callable[..., World]) -> None:
    """Without TMPDIR; gone at the end there too, and in the folder for temporary files."""
    world = make()
    del world.env["TMPDIR"]
    process = subprocess.Popen([WARM, "warm", "demo-app", "--python", str(PYTHON)], env=world.env, cwd=world.work, stdout=subprocess.PIPE)
    seen = set()
    while process.poll() is None:
        seen |= {path.parent for folder in ("/tmp", "/dev/shm") for path in Path(folder).glob(f"uv-shim-warm-{process.pid}-*")}
        time.sleep(0.01)
    assert process.stdout
    assert b"2 added" in process.stdout.read()
    process.stdout.close()
    roomy = Path("/dev/shm").is_dir() and shutil.disk_usage("/dev/shm").free > 256_000_000
    assert seen == {Path("/tmp"), *([Path("/dev/shm")] if roomy else [])}
    assert not [path for folder in seen for path in folder.glob(f"uv-shim-warm-{process.pid}-*")]


def test_progress_is_shown_on_a_terminal(make: Callable[..., World], index: Index) -> None:
    """A bar with what is being fetched; gone at the end."""
    world = make()
    index.add(wheel("demo-large", "1", payload=600_000))
    index.bytes_per_second = 300_000
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = subprocess.Popen([sys.executable, "-c", f"import os, sys; os.execv({WARM!r}, sys.argv[1:])", WARM, "warm", "demo-base", "demo-large",
                                "--python", str(PYTHON)], env=world.env, cwd=world.work, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    assert process.wait(timeout=30) == 0
    assert process.stdout
    process.stdout.close()
    os.close(ours)
    assert f"warming [##########..........] 1/2 demo-large for Python {FIRST_MINOR}".encode() in shown
    assert shown.endswith(b"\r\033[K")


@pytest.mark.parametrize("version", ["0.5.26", "0.9.8"])
@pytest.mark.parametrize("how", ["uv tool install", "uv run --with"])
def test_what_passes_no_shim_uses_what_was_warmed(version: str, how: str, make: Callable[..., World]) -> None:
    """`uv tool install` and `uv run --with` leave no hashes, and `uv sync` fetches again; from a warm cache, neither fetches anything."""
    again = {}
    for cache in ("cold", "warm"):
        world = make(version, name=cache)
        name, data = wheel("tool", "1.0", requires=("demo-core",))
        with zipfile.ZipFile(buffer := io.BytesIO(data), "a") as archive:
            archive.writestr("tool-1.0.dist-info/entry_points.txt", "[console_scripts]\ntool = tool:run\n")
        world.index.add((name, buffer.getvalue()))
        if cache == "warm":
            assert warm(world, "tool", "--python", str(PYTHON)).code == 0
        call = ("tool", "install", "--python", str(PYTHON), "tool") if how == "uv tool install" else (
            "run", "--no-project", "--python", str(PYTHON), "--with", "tool", "python", "-c", "import tool")
        fetched = world.run(*call, check=True).files
        assert fetched == (2 if cache == "cold" else 0)
        again[cache] = world.sync(project(world.root / "project", "tool")).files
    assert again == {"cold": 2, "warm": 0}
