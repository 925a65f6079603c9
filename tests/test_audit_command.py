"""`uv-shim audit` as its users call it: what it prints, its exit codes, and what it says where it cannot look."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import msgpack
import packaging
import pytest

import uvs
from audit_situations import ALPHA, ALPHA_NEW, DELTA, GAMMA, Stage, add_folder, forget_builds, lock_to_build, plain_install, publish
from uv_shim.audit import whole
from uv_shim.audit.cache import Cache
from uv_shim.demo import wheels
from uv_shim.demo.index import Index
from world import PYTHON, ROOT, World, project

NOBODY = 65534
#: One that anybody may run; that of the tests may be in somebody's home.
SYSTEM_PYTHON = "/usr/bin/python3"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A project on uv 0.9.8."""
    with Index() as index:
        publish(index)
        yield Stage(World("0.9.8", tmp_path, index))


def audit(stage: Stage, *args: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    """Call it in the project's folder, or in another one."""
    variables = {**stage.world.env, **{key: value for key, value in stage.env.items() if value is not None}, "PYTHONPATH": str(ROOT / "src"), **env}
    return subprocess.run([sys.executable, "-B", "-m", "uv_shim", "audit", *args], cwd=cwd or stage.project, env=variables,
                          capture_output=True, text=True, check=False, timeout=120)


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It could not look, and says what, why, and what next."""
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert all(line.startswith("uv-shim: ") for line in done.stderr.splitlines()), done.stderr
    for word in words:
        assert word in done.stderr


def test_a_row_a_package_and_the_sum(stage: Stage) -> None:
    """Misses first, each with its reason; then what to do; then what the next sync costs."""
    stage.lock("alpha==1.0", "delta", "gamma")
    stage.hashed(DELTA)
    stage.pip("alpha==1.0")
    done = audit(stage)
    assert done.returncode == 0, done.stderr
    text = done.stdout
    lines = text.splitlines()
    assert f"cache    {stage.cache}" in lines
    assert [line.split()[:2] for line in lines if line.startswith(("hit", "miss"))] == [["miss", "alpha"], ["miss", "gamma"], ["hit", "delta"]]
    assert re.search(r"^miss +alpha +1\.0 +\d\.\d kB +in the cache without a hash$", text, re.MULTILINE)
    assert "  no-hash (alpha)\n    A `uv pip install`, " in text
    assert re.fullmatch(r"The next `uv sync` would download 2 files, \d\.\d kB; 1 of 3 packages are here\.", lines[-1])
    # Where one is asked for, it is the one that is checked.
    assert [audit(stage, "--package", name, "--check").returncode for name in ("delta", "alpha")] == [0, 1]


@pytest.mark.parametrize(("synced", "code"), [(False, 1), (True, 0)])
def test_check(stage: Stage, synced: bool, code: int) -> None:  # a case
    """Exit code 1 on any miss, and 0 without one; without --check always 0. What audit says to uv itself may be said to it, too."""
    plain_install(stage)
    if synced:
        stage.uv("sync", "--python", str(PYTHON))
    assert audit(stage, "--check", "--fresh").returncode == code
    assert audit(stage, "--fresh", "--", "--offline", "--dry-run", "-q").returncode == 0


def test_one_package_with_all_that_comes_close(stage: Stage) -> None:
    stage.lock("alpha==1.1")
    stage.hashed(ALPHA)
    stage.hashed(ALPHA_NEW, index="mirror")
    stage.pip("alpha==1.1")
    done = audit(stage, "--package", "Alpha")
    assert "alpha 1.1: miss, in the cache without a hash" in done.stdout
    assert "Entries of the cache that come close: 3" in done.stdout
    assert "version 1.0 is in the cache, uv.lock has 1.1 (project asks for alpha==1.1)" in done.stdout
    assert f"in the cache under {stage.index.simple('mirror')}, uv.lock has {stage.index.simple()} (/mirror/simple instead of /main/simple)" in done.stdout
    data = json.loads(audit(stage, "--package", "alpha", "--json").stdout)
    assert [near["differences"] for near in data["rows"][0]["near"]] == [["no-hash"], ["other-index"], ["other-version"]]
    refused(audit(stage, "--package", "nosuch"), "would install no nosuch here", "uv.lock has none")


def test_html_and_the_text_beside_it(stage: Stage) -> None:
    stage.lock("alpha", "gamma")
    done = audit(stage, "--html", "report.html")
    assert done.returncode == 0
    assert done.stdout.endswith("Written: report.html\n")
    text = (stage.project / "report.html").read_text(encoding="utf-8")
    assert "will download 2 files" in text
    refused(audit(stage, "--html", "no/such/folder.html"), "cannot be written")


def test_from_elsewhere_and_from_a_folder_below(stage: Stage, tmp_path: Path) -> None:
    """PROJECT is a path; a folder of the project is as good."""
    stage.lock("alpha")
    (stage.project / "src" / "deep").mkdir(parents=True)
    for done in (audit(stage, str(stage.project), cwd=tmp_path), audit(stage, "project", cwd=stage.world.work), audit(stage, cwd=stage.project / "src" / "deep")):
        assert done.returncode == 0, done.stderr
        assert f"project  {stage.project}" in done.stdout


def test_a_project_without_a_lock_below_one_that_has_one(stage: Stage) -> None:
    """It is no member of that, and uv would not go by its lock file."""
    stage.lock("alpha")
    stage.pip("alpha")  # the index's page is in the cache, and does for a new lock file
    inner = project(stage.project / "examples" / "inner", "alpha")
    refused(audit(stage, str(inner), "--python", str(PYTHON)), "another lock file", f"{inner}/uv.lock", "`uv lock`")


def test_a_cache_that_is_named_from_the_project(stage: Stage, tmp_path: Path) -> None:
    """A relative path is one from the project's folder, wherever audit is called."""
    stage.lock("alpha", extra='[tool.uv]\ncache-dir = "kept here"\n')
    del stage.world.env["UV_CACHE_DIR"]
    stage.uv("sync", "--python", str(PYTHON))
    done = audit(stage, str(stage.project), "--fresh", "--check", "--python", str(PYTHON), cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert f"cache    {stage.project}/kept here" in done.stdout


@pytest.mark.parametrize("release", ["0.5.26", "0.9.8"])
def test_nothing_is_made(release: str, tmp_path: Path) -> None:
    """No environment, no lock file, and no cache where there is none, nor beside one that is named or where uv is told to use none."""
    with Index() as index:
        publish(index)
        stage = Stage(World(release, tmp_path, index))
        stage.lock("alpha")
        assert not stage.cache.exists()
        before = sorted(stage.project.rglob("*"))
        for options in ((), ("--no-cache",), ("--cache-dir", str(tmp_path / "lock-cache"))):
            assert audit(stage, "--python", str(PYTHON), *options).returncode == 0
            assert not stage.cache.exists(), options
        assert sorted(stage.project.rglob("*")) == before
        # Some uvs leave the file of a lock of theirs.
        assert [name for name in stage.world.leftovers() if not re.fullmatch(r"tmp/uv-[0-9a-f]+\.lock", name)] == []


def test_no_lock_file(stage: Stage) -> None:
    stage.project.mkdir()
    refused(audit(stage), "there is no uv.lock in", "Next step: `uv lock` makes one.")
    refused(audit(stage, "nowhere"), "is no folder that can be looked into: No such file or directory")
    refused(audit(stage, "/dev/null"), "is no folder that can be looked into: Not a directory")
    stage.lock("alpha")
    (stage.world.work / "other").mkdir()
    refused(audit(stage, "../other"), f"there is no uv.lock in {stage.world.work / 'other'}")


@pytest.mark.parametrize("options", [(), ("--cache",)])
def test_in_a_folder_that_has_been_removed(stage: Stage, options: tuple[str, ...]) -> None:
    program = "import os, sys; os.rmdir(os.getcwd()); from uv_shim.cli import main; sys.exit(main())"
    stage.project.mkdir()
    refused(subprocess.run([sys.executable, "-B", "-c", program, "audit", *options], cwd=stage.project, text=True, capture_output=True,
                           env={**stage.world.env, "PYTHONPATH": str(ROOT / "src")}), "the current folder has been removed", "Next step")


@pytest.mark.parametrize(("args", "words"), [
    (("--cache", "--html", "page.html"), "--html is for a project"),
    (("--cache", "--package", "alpha"), "--package is for a project"),
    (("--html", ""), "--html is empty"),
    (("--package", ""), "--package is empty"),
    (("--", "--project", ".."), "--project leads uv to another project"),
    (("--", "--directory=.."), "--directory=.. leads uv to another project"),
    (("--", "--script", "some.py"), "--script has uv sync a script"),
])
def test_what_would_be_ignored_is_refused(stage: Stage, args: tuple[str, ...], words: str) -> None:
    """Or would have uv look at another project than the one whose lock file is read."""
    stage.lock("alpha")
    refused(audit(stage, *args), words)


@pytest.mark.parametrize("release", ["0.5.26", "0.9.8", "0.13.9"])
def test_the_project_that_uv_takes(release: str, tmp_path: Path) -> None:
    """That of UV_PROJECT and UV_WORKING_DIR where this uv heeds them, unless one is named; and its lock file is that project's."""
    with Index() as index:
        publish(index)
        stage = Stage(World(release, tmp_path, index))
        stage.lock("alpha")
        other = project(tmp_path / "other", "delta")
        stage.uv("lock", "--python", str(PYTHON), "--directory", str(other))
        for env, since in (({"UV_PROJECT": str(other)}, (0, 6, 11)), ({"UV_WORKING_DIRECTORY": str(other)}, (0, 9, 1)),
                           ({"UV_WORKING_DIR": str(other), "UV_WORKING_DIRECTORY": str(stage.project)}, (0, 9, 14)),
                           ({"UV_WORKING_DIRECTORY": str(tmp_path), "UV_PROJECT": "other"}, (0, 9, 1))):
            exported = stage.world.bare("export", "--frozen", "--python", str(PYTHON), cwd=stage.project, env={**env}, check=True)
            assert ("delta" in exported.stdout) == (stage.number >= since)
            for args, heeded in (((), stage.number >= since), ((".",), False)):
                done = audit(stage, "--json", "--python", str(PYTHON), *args, cwd=stage.project, **env)
                assert done.returncode == 0, done.stderr
                data = json.loads(done.stdout)
                expected = (str(other), ["delta"]) if heeded else (str(stage.project), ["alpha"])
                assert (data["project"], [row["name"] for row in data["rows"]]) == expected, env


@pytest.mark.parametrize("release", ["0.5.26", "0.9.8"])
def test_told_by_a_variable_that_the_lock_file_is_locked(release: str, tmp_path: Path) -> None:
    """UV_LOCKED is no hindrance where the audit itself takes the lock file as it is; `--frozen` beside it is for uv to refuse."""
    with Index() as index:
        publish(index)
        stage = Stage(World(release, tmp_path, index))
        stage.lock("alpha", f"delta @ {stage.file(DELTA[0])}")  # its metadata is not in the cache: uv cannot check the lock file
        stage.hashed(ALPHA_NEW)
        for options in ((), ("--refresh",), ("--locked",)):
            done = audit(stage, "--json", "--python", str(PYTHON), *options, UV_LOCKED="1")
            assert done.returncode == 0, done.stderr
            assert {row["name"] for row in json.loads(done.stdout)["rows"]} == {"alpha", "delta"}
        refused(audit(stage, "--frozen", "--python", str(PYTHON), UV_LOCKED="1"), "cannot be used with")


def test_fresh_beside_the_active_environment(stage: Stage) -> None:
    """It is none that exists."""
    stage.lock("alpha")
    stage.uv("sync", "--python", str(PYTHON))
    shutil.rmtree(stage.cache)
    active = str(stage.project / ".venv")
    assert audit(stage, "--active", "--check", VIRTUAL_ENV=active).returncode == 0
    assert audit(stage, "--active", "--check", "--fresh", VIRTUAL_ENV=active).returncode == 1


def test_an_index_that_a_member_names(stage: Stage) -> None:
    """uv's plan looks for it under the indexes of the root alone."""
    add_folder(stage.project / "member", "member", "alpha==1.0")
    named = f'[[tool.uv.index]]\nname = "mirror"\nurl = "{stage.index.simple("mirror")}"\nexplicit = true\n'
    with (stage.project / "member" / "pyproject.toml").open("a") as file:
        file.write(f'[tool.uv.sources]\nalpha = {{index = "mirror"}}\n{named}')
    stage.lock(extra='[tool.uv.workspace]\nmembers = ["member"]\n')
    stage.hashed(ALPHA, index="mirror")
    rows = [{row["name"]: row for row in json.loads(audit(stage, "--all-packages", "--json", "--python", str(PYTHON)).stdout)["rows"]}["alpha"]]
    with (stage.project / "pyproject.toml").open("a") as file:
        file.write(named)
    rows += [{row["name"]: row for row in json.loads(audit(stage, "--all-packages", "--json", "--python", str(PYTHON)).stdout)["rows"]}["alpha"]]
    assert [row["reason"] for row in rows] == ["index-unlisted", "cached"]
    assert "it is member alone that names this index" in rows[0]["why"]
    assert "in the pyproject.toml of its root" in rows[0]["todo"]


def test_what_a_build_requires_is_no_row(stage: Stage) -> None:
    """uv builds a project whose version is dynamic where uv.lock does not have what its pyproject.toml asks for."""
    toml = lock_to_build(stage, 'version = "0"', 'dynamic = ["version"]')
    stage.uv("sync", "--python", str(PYTHON))
    forget_builds(stage)
    toml.write_text(toml.read_text().replace('"alpha"', '"alpha", "delta"'))
    done = audit(stage, "--fresh", "--json", "--python", str(PYTHON))
    assert {row["name"] for row in json.loads(done.stdout)["rows"]} == {"alpha", "project"}


@pytest.mark.parametrize("release", ["0.5.30", "0.6.1", "0.6.17"])
def test_an_early_dry_run(release: str, tmp_path: Path) -> None:
    """It says otherwise where the environment is, and takes no --frozen beside it before 0.6.15; the pointers of 0.6.1 were those of few uvs."""
    with Index() as index:
        publish(index)
        stage = Stage(World(release, tmp_path, index))
        stage.lock("alpha==1.0", "delta")
        stage.uv("sync", "--python", str(PYTHON))
        stage.uv("pip", "uninstall", "--python", str(stage.project / ".venv"), "alpha", "delta")
        next(stage.cache.glob("wheels-v*/index/*/delta/*.http")).unlink()
        for options in ((), ("--frozen",)):
            done = audit(stage, "--json", *options)
            assert done.returncode == 0, done.stderr
            data = json.loads(done.stdout)
            assert {row["name"]: (row["verdict"], row["reason"]) for row in data["rows"]} == {"alpha": ("hit", "cached"), "delta": ("miss", "absent")}
            assert data["judged_by_uv"] == (not options or release == "0.6.17")


@pytest.mark.parametrize(("text", "words"), [
    ("version = [", "is broken"),
    ("version = 1\nrevision = 99\n", "Found: version 1, revision 99."),
    ("version = 2\n", "Found: version 2, revision 0."),
    ("package = 1\n", "does not say its version"),
    ("version = 1\npackage = [1]\n", "is no lock file of uv"),
    ('version = 1\n[[package]]\nname = "a"\n', "is no lock file of uv"),
    ('version = 1\n[[package]]\nname = "a"\nsource = {moon = "far"}\n', "source of an unknown kind: moon"),
    ("\0\1\2", "is broken"),
])
def test_a_lock_file_that_is_none(stage: Stage, text: str, words: str) -> None:
    """Broken, or newer than what is known here: said, with what was expected and found."""
    stage.lock("alpha")
    (stage.project / "uv.lock").write_text(text)
    refused(audit(stage), words, "uv.lock")


def test_a_lock_file_that_is_out_of_date(stage: Stage) -> None:
    """uv would resolve anew: what it would need then, nobody can tell now."""
    stage.lock("alpha")
    toml = stage.project / "pyproject.toml"
    toml.write_text(toml.read_text().replace('"alpha"', '"alpha", "delta"'))
    refused(audit(stage), "uv.lock is not what `uv sync` would go by", "uv's reason: mismatched requirements", "--frozen")
    assert audit(stage, "--frozen").returncode == 0


def test_another_index_than_that_of_the_lock_file(stage: Stage) -> None:
    """Without --frozen, uv would lock anew; it says for which index."""
    stage.lock("alpha")
    refused(audit(stage, UV_INDEX_URL=stage.index.simple() + "/"), f"missing remote index: `alpha` `1.1` from `{stage.index.simple()}`")


def test_what_uv_refuses(stage: Stage) -> None:
    """In its words."""
    stage.lock("alpha")
    refused(audit(stage, "--group", "nosuch"), "uv cannot plan a sync here. Its words:", "nosuch")
    refused(audit(stage, "--python", "/no/such/python"), "uv cannot plan a sync here")
    refused(audit(stage, "--", "--no-such-option"), "--no-such-option")


def test_no_uv(stage: Stage) -> None:
    stage.lock("alpha")
    refused(audit(stage, PATH=f"{ROOT / 'shims'}:/usr/bin:/bin"), "uv")


def test_something_else_called_uv_and_one_that_is_too_old(stage: Stage) -> None:
    stage.lock("alpha")
    fake = stage.world.root / "fake"
    fake.write_text(f'#!/bin/sh\ncase $1 in --version) echo Unified Vexation 3 ;; *) exec {stage.world.uv} "$@" ;; esac\n')
    fake.chmod(0o755)
    refused(audit(stage, UV_SHIM_REAL_UV=str(fake)), "audit needs uv 0.4.6 or later", "which says that it is Unified Vexation 3")
    refused(audit(stage, UV_SHIM_REAL_UV=str(uvs.uv("0.2.27"))), "audit needs uv 0.4.6 or later", "which says that it is uv 0.2.27")


def test_a_cache_that_is_none(stage: Stage) -> None:
    """A file, or a folder with other things: uv would make itself at home there, and so it is not asked."""
    stage.lock("alpha")
    stage.cache.write_text("a file")
    refused(audit(stage), "is no cache: it is no folder")
    stage.cache.unlink()
    stage.cache.mkdir()
    (stage.cache / "letters").mkdir()
    refused(audit(stage), "is no cache of uv", "Found: letters.")
    refused(audit(stage, "--cache"), "is no cache of uv")
    assert [path.name for path in stage.cache.iterdir()] == ["letters"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run something as somebody else")
@pytest.mark.parametrize("closed", ["project", "cache", "wheels", "name", "pointer"])
def test_without_permission(closed: str) -> None:
    """Of the cache: said. Of a part of it, or an entry: unknown, with the reason. Never a hit, and no check is passed."""
    root = Path(tempfile.mkdtemp(prefix="audit-"))
    try:
        with Index() as index:
            publish(index)
            stage = Stage(World("0.9.8", root, index))
            stage.lock("alpha", "delta")
            stage.uv("sync", "--python", SYSTEM_PYTHON)
            shutil.rmtree(stage.project / ".venv")
            call = for_somebody_else(stage)
            subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", str(root)], check=True)
            chosen = {"project": stage.project, "cache": stage.cache, "wheels": next(stage.cache.glob("wheels-v*")), "name": stage.pointer("alpha").parent, "pointer": stage.pointer("alpha")}[closed]
            os.chown(chosen, 0, 0)
            chosen.chmod(0o700)
            done, whole_cache = (subprocess.run([*call, "--json", *options], cwd=stage.project, capture_output=True, text=True, check=False,
                                                env={**stage.world.env, "PYTHONPATH": str(root / "src"), "UV_SHIM_REAL_UV": str(root / "uv")})
                                 for options in (("--python", SYSTEM_PYTHON), ("--cache", "--check")))
    finally:
        shutil.rmtree(root)
    if closed in ("project", "cache"):
        refused(done, "looked into: Permission denied", "Expected" if closed == "project" else "Next step")
        return
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)["rows"]}
    assert (rows["alpha"]["verdict"], rows["alpha"]["reason"], rows["alpha"]["uv_plan"]) == ("unknown", "unreadable", "download")
    assert "Permission denied" in rows["alpha"]["why"]
    assert rows["delta"]["verdict"] == ("unknown" if closed == "wheels" else "hit")
    data = json.loads(whole_cache.stdout)
    assert (whole_cache.returncode, data["total"]["unreadable"], data["total"]["hashed"]) == (1, 1, 0 if closed == "wheels" else 1)
    assert [path for path, reason in data["unreadable"].items() if "Permission denied" in reason] == [str(chosen)]


def for_somebody_else(stage: Stage) -> list[str]:
    """A copy of the command for who may have no access to the checkout, the environment of the tests, or their uv; how to call it as him."""
    root = stage.world.root
    root.chmod(0o755)
    for folder in ("src", "shims"):
        shutil.copytree(ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for module in (msgpack, packaging):
        copied = Path(str(module.__file__)).parent
        shutil.copytree(copied, root / "src" / copied.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(stage.world.uv, root / "uv")
    return ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", SYSTEM_PYTHON, "-B", "-m", "uv_shim", "audit"]


def test_while_uv_writes(stage: Stage) -> None:
    """A running uv fills the cache and is cleaned up after: each answer is one that was right at some moment, and none is a traceback."""
    files = [wheels.wheel(f"many{number}", "1.0", payload=200) for number in range(30)]
    for file in files:
        stage.index.add(file)
    stage.lock(*(f"many{number}" for number in range(30)))
    stop = threading.Event()

    def fill() -> None:
        while not stop.is_set():
            stage.uv("sync", "-q", "--frozen", "--python", str(PYTHON))
            shutil.rmtree(stage.project / ".venv", ignore_errors=True)
            for name in ("wheels-v5", "archive-v0"):
                shutil.rmtree(stage.cache / name, ignore_errors=True)

    stage.uv("sync", "-q", "--frozen", "--python", str(PYTHON))
    writer = threading.Thread(target=fill)
    writer.start()
    try:
        for _ in range(6):
            done = audit(stage, "--fresh", "--json", "--frozen")
            assert done.returncode == 0, done.stderr
            data = json.loads(done.stdout)
            assert len(data["rows"]) == len(files)
            assert {row["reason"] for row in data["rows"]} <= {"cached", "absent", "archive-gone", "unreadable", "disagree"}
            assert audit(stage, "--cache").returncode == 0
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("release", ["0.4.6", "0.4.30", "0.5.3"])
def test_an_old_uv_without_a_dry_run(release: str, tmp_path: Path) -> None:
    """What follows is this reading alone, and it says so."""
    with Index() as index:
        publish(index)
        stage = Stage(World(release, tmp_path, index))
        stage.lock("alpha", "delta")
        stage.uv("sync", "-q", "--python", str(PYTHON))
        (next(stage.cache.glob("wheels-v*/index/*/delta/*.http"))).unlink()
        done = audit(stage, "--json", "--python", str(PYTHON))
        assert done.returncode == 0, done.stderr
        data = json.loads(done.stdout)
        assert {row["name"]: row["verdict"] for row in data["rows"]} == {"alpha": "hit", "delta": "miss"}
        assert data["judged_by_uv"] is False
        assert f"uv {release} has no `uv sync --dry-run`" in data["notes"][-1]
        shutil.rmtree(stage.project / ".venv")
        assert stage.uv("sync", "-q", "--python", str(PYTHON)).fetched.files == {DELTA[0]: 1}


def test_without_the_dependencies_it_says_what_is_missing(stage: Stage) -> None:
    """A plain checkout has none; the other commands need none."""
    stage.project.mkdir()
    done = subprocess.run([str(PYTHON), "-I", "-S", "-c", "import sys; sys.path.insert(0, sys.argv.pop(1)); from uv_shim.cli import main; sys.exit(main())",
                           str(ROOT / "src"), "audit"], capture_output=True, text=True, check=False, cwd=stage.project, env=stage.world.env)
    assert done.returncode == 2
    assert "audit needs packaging, which this Python" in done.stderr or "audit needs msgpack, which this Python" in done.stderr


@pytest.mark.parametrize("version", ["0.9.8", "0.12.8", "0.13.9"])
def test_the_whole_cache(version: str, tmp_path: Path) -> None:
    """How many files carry a hash and how many do not, by index and by name."""
    with Index() as index:
        publish(index)
        stage = Stage(World(version, tmp_path, index))
        stage.lock("alpha")
        stage.hashed(ALPHA, GAMMA)
        stage.pip("delta", index="mirror", version="0.9.8")
        stage.pip(f"alpha @ {stage.file(ALPHA[0])}")
        stage.pointer("gamma").write_bytes(b"\x91")
        done = audit(stage, "--cache", "--json")
        assert done.returncode == 0, done.stderr
        data = json.loads(done.stdout)
        plain = 1 if version == "0.9.8" else 0
        total = data["total"]
        assert (total["hashed"], total["unhashed"], total["unreadable"]) == (2 - plain, 1 + plain, 1)
        assert {name: pile["hashed"] + pile["unhashed"] + pile["unreadable"] for name, pile in data["by_index"].items()} == {
            index.simple(): 2, index.simple("mirror"): 1, "direct URLs": 1}
        assert {name: pile["unhashed"] for name, pile in data["by_name"].items()} == {"alpha": plain, "gamma": 0, "delta": 1}
        if version != "0.9.8":
            assert total["hashed_bytes"] == 2 * len(ALPHA[1])
        text = audit(stage, "--cache")
        assert "4 files from the network" in text.stdout
        assert audit(stage, "--cache", "--check").returncode == 1


def test_folders_of_one_url_are_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slash at its end or a password makes another folder of the same index."""
    for place in ("pypi", "index/0123456789abcdef"):
        (tmp_path / "wheels-v5" / place / "alpha").mkdir(parents=True)
        (tmp_path / "wheels-v5" / place / "alpha" / "1.0-py3-none-any.http").write_bytes(b"\x91")
    monkeypatch.setattr(Cache, "index_of", lambda *_: "https://example.org/simple")
    assert sorted(whole.read(Cache(tmp_path)).by_index) == ["https://example.org/simple", "https://example.org/simple (index/0123456789abcdef)"]


def test_a_cache_that_cannot_be_read_whole_passes_no_check(stage: Stage) -> None:
    stage.lock("gamma")
    stage.hashed(GAMMA)
    assert audit(stage, "--cache", "--check").returncode == 0
    stage.pointer("gamma").write_bytes(b"\x91")
    assert audit(stage, "--cache", "--check").returncode == 1


def test_links_in_the_cache_are_followed(stage: Stage) -> None:
    """As uv does; one that leads nowhere uv could go passes no check."""
    stage.lock("gamma")
    stage.pip("gamma")
    bucket = next(stage.cache.glob("sdists-v*"))
    bucket.rename(stage.world.root / "moved")
    bucket.symlink_to(stage.world.root / "moved")
    done = audit(stage, "--cache", "--check")
    assert (done.returncode, "1 files from the network: 0 with a hash, 1 without" in done.stdout) == (1, True), done.stdout
    bucket.unlink()
    bucket.symlink_to(bucket.name)
    done = audit(stage, "--cache", "--check")
    assert (done.returncode, f"{bucket}: it cannot be looked into: Too many levels of symbolic links" in done.stdout) == (1, True), done.stdout


def test_a_cache_beside_this_one_that_is_a_loop(stage: Stage) -> None:
    """Of somebody whose HOME is beside this one's: it is none."""
    stage.lock("alpha")
    loop = stage.world.root / "bob" / ".cache" / "uv"
    loop.parent.mkdir(parents=True)
    loop.symlink_to("uv")
    stage.hashed(ALPHA)
    assert audit(stage, "--check", "--fresh").returncode == 1
    stage.hashed(ALPHA_NEW)
    done = audit(stage, "--check", "--fresh")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("release", ["0.5.26", "0.6.17", "0.9.8", "0.13.9"])
def test_an_index_with_a_password(release: str, tmp_path: Path) -> None:
    """The password is not told: not by the rows, nor by the page, nor where uv refuses. uv's plan takes an index with one for another."""
    with Index() as index:
        publish(index)
        index.add(DELTA, "private")
        index.add(ALPHA, "private")
        index.configure("private", auth="somebody:p@s3cr3t")
        stage = Stage(World(release, tmp_path, index))
        url = index.simple("private").replace("//", "//somebody:p@s3cr3t@")
        secret = stage.file(ALPHA[0], "private").replace("//", "//somebody:p@s3cr3t@")
        plain_project = f"delta @ {stage.file(DELTA[0], 'private')}".partition(" @")[0]
        stage.project.mkdir()
        (stage.project / "pyproject.toml").write_text(
            f'[project]\nname = "project"\nversion = "0"\nrequires-python = ">=3.8"\ndependencies = ["{plain_project}", "alpha @ {secret}"]\n')
        stage.uv("lock", "--python", str(PYTHON), url=url, UV_CACHE_DIR=str(tmp_path / "lock-cache"))
        stage.hashed(DELTA, url=url)
        found = [audit(stage, *options, "--python", str(PYTHON), UV_INDEX_URL=url)
                 for options in (("--frozen",), ("--frozen", "--json"), ("--frozen", "--html", "page.html"), ("--frozen", "--package", "alpha"),
                                 ("--cache",), ("--frozen", "--group", "nosuch"), ("--extra", "nosuch"), ("--locked", "--json"))]
    rows = json.loads(found[1].stdout)["rows"]
    assert [(row["verdict"], row["reason"]) for row in rows] == [("miss", "absent"), ("unknown", "index-unlisted")]
    assert f"is told of {index.simple('private')} (with credentials)" in rows[1]["why"]
    for done in found:
        assert "s3cr3t" not in done.stdout + done.stderr
    assert "s3cr3t" not in (stage.project / "page.html").read_text(encoding="utf-8")


def test_a_large_cache_is_quick(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """50,000 entries in less than 3 s, warm, and 200 MB; in the sample a fifth of them. The first look is for the machine's own caches."""
    entries = 50_000 if request.config.getoption("--all-uv") else 10_000
    cache = tmp_path / "cache"
    for number in range(entries // 10):
        folder = cache / "wheels-v6" / ("pypi" if number % 2 else "index/0123456789abcdef") / f"package-{number}"
        folder.mkdir(parents=True)
        for version in range(10):
            hashes = [["Sha256", f"{number:064x}"]] if version % 3 else []
            value = msgpack.packb([f"id{version}", hashes, f"package_{number}-1.{version}-py3-none-any.whl", 0, 1000])
            (folder / f"1.{version}-py3-none-any.http").write_bytes(value + b"policy" * 60 + (360).to_bytes(8, "little"))
    # Not ru_maxrss: that also counts the memory of the test runner, at the moment of the fork.
    program = ("import sys, time; from uv_shim.cli import main; begun = time.monotonic(); code = main(sys.argv[1:]); "
               "print(time.monotonic() - begun, open('/proc/self/status').read().partition('VmHWM:')[2].split()[0], file=sys.stderr); sys.exit(code)")
    env = {"PATH": f"{uvs.uv('0.9.8').parent}:{os.defpath}", "HOME": str(tmp_path), "UV_CACHE_DIR": str(cache), "PYTHONPATH": str(ROOT / "src")}
    seconds, kilobytes = [], []
    for _ in range(3):
        done = subprocess.run([sys.executable, "-B", "-c", program, "audit", "--cache", "--json"], env=env, cwd=tmp_path, capture_output=True,
                              text=True, check=True)
        total = json.loads(done.stdout)["total"]
        assert (total["hashed"], total["unhashed"]) == (entries * 6 // 10, entries * 4 // 10)
        assert total["hashed_bytes"] == 1000 * total["hashed"]
        seconds.append(float(done.stderr.split()[0]))
        kilobytes.append(int(done.stderr.split()[1]))
    assert min(seconds) < 3
    assert max(kilobytes) < 200_000
    shutil.rmtree(tmp_path)


@pytest.mark.parametrize("name", [".tmpcache", ".tmp", ".tmpabcdef"])
def test_a_cache_that_is_named_like_one_of_one_call(stage: Stage, name: str) -> None:
    """uv keeps it, as it was told."""
    cache = stage.world.root / name
    stage.lock("alpha")
    stage.pip("alpha", UV_CACHE_DIR=str(cache))
    assert f"cache    {cache}" in audit(stage, UV_CACHE_DIR=str(cache)).stdout
    assert f"cache    {cache}" in audit(stage, "--cache-dir", f"{cache}/").stdout
    assert "none: uv is told to use none" in audit(stage, "--no-cache", UV_CACHE_DIR=str(cache)).stdout


def test_no_cache_to_look_at(stage: Stage) -> None:
    stage.lock("alpha")
    refused(audit(stage, "--cache"), "there is no cache at")
    refused(audit(stage, "--cache", "--no-cache"), "uv is told to use no cache")
