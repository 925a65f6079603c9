"""How the cache is read: names of folders, pointers, and whatever else may lie there."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import struct
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import msgpack
import packaging
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit_situations import ALPHA, GAMMA, Stage, publish
from uv_shim.audit import buckets, digests, indexes, options, pointers, wheels
from uv_shim.audit.cache import Cache
from uv_shim.audit.lock import File, Lock, Package
from uv_shim.audit.plan import Plan, Planned
from uv_shim.audit.pointers import Pointer, Unreadable
from uv_shim.audit.rows import Auditor
from uv_shim.demo import wheels as made
from uv_shim.demo.index import Index
from world import PYTHON, World

SHA = "a" * 64


def bytes_of(value: Any, *, new: bool, policy: bytes = b"policy" * 20) -> bytes:
    """A pointer as uv writes it: the value, the policy, and a length."""
    data: bytes = msgpack.packb(value)
    return data + policy + struct.pack("<Q", len(data) if new else len(policy))


OLD = bytes_of(["id-1", [["Sha256", SHA]]], new=False)
FULL = bytes_of(["id-1", [["Sha256", SHA]], "alpha-1.0-py3-none-any.whl", 0], new=False)
MAP = bytes_of({"id": "id-1", "hashes": [["Sha256", SHA]], "filename": "alpha-1.0-py3-none-any.whl", "version": 0, "size": 7}, new=False)
NEW = bytes_of(["id-1", [{"Sha256": SHA}], "alpha-1.0-py3-none-any.whl", 0, 7], new=True)


@pytest.mark.parametrize(("data", "bucket", "filename", "size"), [
    (OLD, "wheels-v3", None, None), (OLD, "sdists-v6", None, None), (FULL, "wheels-v5", ALPHA[0], None), (MAP, "wheels-v6", ALPHA[0], 7),
    (NEW, "wheels-v8", ALPHA[0], 7), (bytes_of(["id-1", [{"Sha256": SHA}], 7], new=True), "sdists-v11", None, 7),
])
def test_each_format(data: bytes, bucket: str, filename: str | None, size: int | None) -> None:
    assert pointers.parse(data, bucket) == Pointer("id-1", (f"sha256:{SHA}",), filename, size)


@pytest.mark.parametrize(("data", "bucket", "reason"), [
    (b"", "wheels-v6", "empty"),
    (FULL[:30], "wheels-v6", "cut off"),
    (FULL[:-1], "wheels-v6", "cut off"),
    (FULL + b"more", "wheels-v6", "cut off"),
    (FULL, "wheels-v8", "cut off"),  # of another format than its bucket
    (NEW, "wheels-v9", "newer than this uv-shim"),
    (NEW, "sdists-v12", "newer than this uv-shim"),
    (bytes_of("a string", new=False), "wheels-v6", "format is not known"),
    (bytes_of([], new=False), "wheels-v6", "format is not known"),
    (bytes_of(["../../etc", []], new=False), "wheels-v3", "format is not known"),
    (bytes_of(["id", [["Sha256"]]], new=False), "wheels-v3", "format is not known"),
    (bytes_of(["id", [], "../x.whl", 0], new=False), "wheels-v5", "format is not known"),
    (bytes_of(["id", [], "x-1-py3-none-any.whl", 1], new=False), "wheels-v5", "format is not known"),
    (bytes_of({"id": "id", "hashes": [], "colour": 1}, new=False), "wheels-v6", "format is not known"),
    (bytes_of(["id", [], "x-1-py3-none-any.whl", 0, "big"], new=False), "wheels-v6", "format is not known"),
])
def test_what_cannot_be_read_says_why(data: bytes, bucket: str, reason: str) -> None:
    """Never a guess."""
    found = pointers.parse(data, bucket)
    assert isinstance(found, Unreadable)
    assert reason in found.reason


BUCKETS = st.sampled_from(["wheels-v0", "wheels-v3", "wheels-v6", "wheels-v8", "sdists-v5", "sdists-v9", "sdists-v11", "built-wheels-v3", "wheels-v99"])


@settings(max_examples=400, deadline=None)
@given(data=st.binary(max_size=400), bucket=BUCKETS)
def test_any_bytes(data: bytes, bucket: str) -> None:
    """No traceback; and what does not end as a pointer does is none."""
    found = pointers.parse(data, bucket)
    assert isinstance(found, Unreadable) or len(data) >= 10


@settings(max_examples=400, deadline=None)
@given(data=st.sampled_from([OLD, FULL, MAP, NEW]), bucket=BUCKETS, cut=st.integers(1, 150))
def test_a_pointer_that_was_cut_off_is_never_read(data: bytes, bucket: str, cut: int) -> None:
    """At any place: half a hash must not pass for one."""
    assert isinstance(pointers.parse(data[:-cut], bucket), Unreadable)


@settings(max_examples=400, deadline=None)
@given(data=st.sampled_from([FULL, MAP, NEW]), bucket=BUCKETS, place=st.integers(0, 120), byte=st.integers(0, 255))
def test_a_byte_that_was_changed(data: bytes, bucket: str, place: int, byte: int) -> None:
    """It is unreadable, or it says something of the same kind."""
    found = pointers.parse(data[:place] + bytes([byte]) + data[place + 1 :], bucket)
    if isinstance(found, Pointer):
        assert "/" not in found.id
        assert all(":" in hash_ for hash_ in found.hashes)


@settings(max_examples=200, deadline=None)
@given(value=st.recursive(st.none() | st.booleans() | st.integers(-5, 2**40) | st.text(max_size=8) | st.binary(max_size=8),
                          lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(["id", "hashes", "filename", "version", "size"]), inner),
                          max_leaves=12), bucket=BUCKETS, new=st.booleans())
def test_any_value(value: object, bucket: str, new: bool) -> None:  # hypothesis gives it by name
    found = pointers.parse(bytes_of(value, new=new), bucket)
    if isinstance(found, Pointer):
        assert all(isinstance(part, str) for part in (found.id, *found.hashes))


def test_a_folder_or_nothing_in_the_place_of_a_pointer(tmp_path: Path) -> None:
    """Or a pipe, which nobody waits for."""
    os.mkfifo(tmp_path / "pipe.http")
    assert pointers.read(tmp_path / "pipe.http", "wheels-v6") == Unreadable("there is no file in its place")
    (tmp_path / "folder.http").mkdir()
    assert isinstance(pointers.read(tmp_path / "folder.http", "wheels-v6"), Unreadable)
    assert pointers.read(tmp_path / "none.http", "wheels-v6") is None


@pytest.mark.parametrize("release", ["0.4.6", "0.4.30", "0.5.26", "0.6.17", "0.9.8", "0.11.18", "0.11.19", "0.12.8", "0.12.24", "0.13.0", "0.13.9"])
def test_folders_are_named_as_uv_names_them(release: str, tmp_path: Path) -> None:
    """The bucket of that release, and the digest of the index's and the file's URL: asked of a cache that it made."""
    with Index() as index:
        publish(index)
        stage = Stage(World(release, tmp_path, index))
        stage.project.mkdir(parents=True)
        stage.hashed(ALPHA, GAMMA)
        url = stage.file(ALPHA[0], "mirror")
        stage.pip(f"alpha @ {url}")
        used = buckets.of(stage.number)  # type: ignore[arg-type]
        cache = Cache(stage.cache)
        place = digests.place(index.simple())
        assert {(entry.bucket, entry.place, entry.name) for name in ("alpha", "gamma") for entry in cache.entries(name)} == {
            (used.wheels, place, "alpha"), (used.sdists, place, "gamma"), (used.wheels, f"url/{digests.digest(url)}", "alpha")}
        for entry in (*cache.entries("alpha"), *cache.entries("gamma")):
            assert isinstance(entry.pointer, Pointer), entry
            assert entry.unpacked
            assert cache.index_of(entry.place) == (url if entry.place.startswith("url") else index.simple())
    shutil.rmtree(tmp_path)


def test_direct_urls_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not again for each package: an sdist among them does not say its name before it is read."""
    for number in range(20):
        sdist = tmp_path / "sdists-v9" / "url" / f"{number:016x}"
        (sdist / "id-1" / f"direct{number}-1.0-py3-none-any").mkdir(parents=True)
        (sdist / "revision.http").write_bytes(OLD)
        wheel = tmp_path / "wheels-v5" / "url" / f"{number:016x}" / "alpha"
        wheel.mkdir(parents=True)
        (wheel / "1.0-py3-none-any.http").write_bytes(FULL)
    read: Counter[str] = Counter()
    parse = pointers.parse

    def counted(data: bytes, bucket: str) -> Pointer | Unreadable:
        read[bucket] += 1
        return parse(data, bucket)

    monkeypatch.setattr(pointers, "parse", counted)
    cache = Cache(tmp_path)
    found = {name: list(cache.entries(name)) for name in ("alpha", "beta", *(f"direct{number}" for number in range(20)))}
    assert {name: len(entries) for name, entries in found.items()} == {name: {"alpha": 20, "beta": 0}.get(name, 1) for name in found}
    assert found["direct7"][0][1:5] == ("sdists-v9", f"url/{7:016x}", "direct7", None)
    assert read == {"sdists-v9": 20, "wheels-v5": 20}


@pytest.mark.parametrize(("url", "canonical"), [
    ("https://User:pw@Example.ORG:443/simple/", "https://example.org/simple"),
    ("https://example.org", "https://example.org/"),
    ("http://localhost:8080/a%20b/c%2Bd", "http://localhost:8080/a%20b/c+d"),
    ("https://github.com/Owner/Repo.git", "https://github.com/owner/repo"),
    ("https://github.com/Owner/Repo.git@V1", "https://github.com/owner/repo@v1"),
    ("https://example.org/x.whl#sha256=abc", "https://example.org/x.whl#sha256=abc"),
    ("https://example.org:99999/x", "https://example.org/x"),
    ("/a/folder", "/a/folder"),
])
def test_canonical_urls(url: str, canonical: str) -> None:
    assert digests.canonical(url) == canonical


def test_long_names_are_kept_under_a_digest(tmp_path: Path) -> None:
    """Asked of a cache that uv made."""
    tag = "cp311-cp311-" + ".".join(f"manylinux_2_{minor}_x86_64" for minor in range(5, 18))
    file = made.wheel("longish", "1.0.post1", tag=tag)
    with Index() as index:
        index.add(file)
        stage = Stage(World("0.13.9", tmp_path, index))
        stage.project.mkdir(parents=True)
        stage.pip("--python-version", "3.11", "--python-platform", "x86_64-manylinux_2_28", "--target", str(tmp_path / "target"), "longish")
        assert stage.pointer("longish").stem == digests.stem(file[0])
    assert digests.stem(ALPHA[0]) == "1.0-py3-none-any"
    assert digests.stem("zeros-2024.01-py3-none-any.whl") == "2024.1-py3-none-any"


def test_the_default_index_has_a_folder_of_its_own_unless_it_ends_in_a_slash() -> None:
    assert digests.place("https://pypi.org/simple") == "pypi"
    assert digests.place("https://pypi.org/simple/").startswith("index/")


@pytest.mark.parametrize(("one", "other", "words"), [
    ("https://pypi.org/simple/", "https://pypi.org/simple", "a slash at its end"),
    ("https://u:p@a/simple", "https://a/simple", "with credentials"),
    ("http://a/simple", "https://a/simple", "http instead of https"),
    ("http://localhost:1/simple", "http://127.0.0.1:1/simple", "the same machine, but not to uv"),
    ("http://a:1/simple", "http://a:2/simple", "port 1 instead of port 2"),
    ("http://a:1/simple", "http://a/simple", "port 1 instead of the port of http"),
    ("https://mirror.example/simple", "https://pypi.org/simple", "mirror.example instead of pypi.org"),
    ("https://a/root/pypi", "https://a/simple", "/root/pypi instead of /simple"),
    ("https://a/x", "https://b/y", "another host and another path"),
    ("https://u:p@ss@mirror.example/simple", "https://a/simple", "mirror.example instead of a"),
    ("http://127.0.0.1:1/x.zip#subdirectory=y", "http://127.0.0.1:1/x.zip", "what follows `?` or `#`"),
])
def test_how_two_urls_differ(one: str, other: str, words: str) -> None:
    found = indexes.difference(one, other)
    assert words in found
    assert "ss" not in found.replace(words, "")


def test_indexes_are_read_where_uv_reads_them(tmp_path: Path) -> None:
    """Options before variables before files; the default index is one alone."""
    (tmp_path / "pyproject.toml").write_text('[[tool.uv.index]]\nurl = "https://u:p@one/simple"\n[[tool.uv.index]]\nurl = "https://two/simple"\ndefault = true\n')
    known = ["https://u:p@one/simple", "https://two/simple"]
    assert indexes.configured(tmp_path, [], {}) == known
    assert indexes.configured(tmp_path, ["--no-config"], {}) == ["https://pypi.org/simple"]
    assert indexes.configured(tmp_path, ["--index-url", "https://x/simple"], {"UV_INDEX_URL": "https://y/simple", "UV_INDEX": "n=https://z/simple"}) == [
        "https://z/simple", "https://u:p@one/simple", "https://x/simple"]
    (tmp_path / "uv.toml").write_text('index-url = "https://file/simple"\nextra-index-url = ["https://extra/simple"]\n')
    assert indexes.configured(tmp_path, [], {"HOME": str(tmp_path)}) == ["https://extra/simple", "https://file/simple"]
    (tmp_path / "uv.toml").write_text('no-index = true\nindex-url = "https://file/simple"\nfind-links = ["https://links/"]\n')
    assert indexes.configured(tmp_path, [], {"HOME": str(tmp_path)}) == ["https://links/"]
    (tmp_path / "uv.toml").write_text("index-url = 5\nindex = 7\nbroken")
    assert indexes.configured(tmp_path, [], {"HOME": str(tmp_path)}) == ["https://pypi.org/simple"]


def test_indexes_of_a_folder_above_and_of_the_machine(tmp_path: Path) -> None:
    """The next file above counts where the project's own says nothing to uv; the first one in XDG_CONFIG_DIRS is the machine's."""
    project, machine = tmp_path / "work" / "project", tmp_path / "etc"
    project.mkdir(parents=True)
    (project / "pyproject.toml").write_text('[project]\nname = "project"\n[tool.uv-dynamic-versioning]\nstyle = "pep440"\n')
    (tmp_path / "work" / "pyproject.toml").write_text('[tool.uv]\nextra-index-url = ["https://above/simple"]\n')
    (tmp_path / "uv.toml").write_text('index-url = "https://further/simple"\n')
    env = {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": f"{tmp_path}:{machine}"}
    assert indexes.configured(project, [], env) == ["https://above/simple", "https://pypi.org/simple"]
    (tmp_path / "work" / "pyproject.toml").unlink()
    assert indexes.configured(project, [], env) == ["https://further/simple"]
    (tmp_path / "uv.toml").unlink()
    (machine / "uv").mkdir(parents=True)
    (machine / "uv" / "uv.toml").write_text('index-url = "https://machine/simple"\n')
    assert indexes.configured(project, [], env) == ["https://machine/simple"]
    (project / "pyproject.toml").write_text('[[tool.uv.index]]\nurl = "https://own/simple"\n')
    assert indexes.configured(project, [], env) == ["https://own/simple", "https://machine/simple"]


@pytest.mark.parametrize(("program", "words"), [
    ("exit 0", "does not say which wheels it takes"),
    ("echo broken >&2; exit 3", "does not say which wheels it takes: broken"),
    ("echo '[1, 2]'", "does not say which wheels it takes"),
    (None, "does not run: No such file or directory"),
])
def test_an_interpreter_that_does_not_answer(program: str | None, words: str, tmp_path: Path) -> None:
    """A reason, which becomes that of the rows: which wheel fits cannot be told then."""
    python = tmp_path / "python"
    if program:
        python.write_text(f"#!/bin/sh\n{program}\n")
        python.chmod(0o755)
    with pytest.raises(wheels.CannotTell, match=re.escape(words)):
        wheels.ask(str(python))


#: That of the tests, and what is on PATH beside it; a version manager's shim may lead nowhere.
PYTHONS = sorted({str(PYTHON), *(os.path.realpath(found) for minor in range(8, 15) for found in [shutil.which(f"python3.{minor}")]
                                 if found and "shims" not in found)})


@pytest.mark.parametrize("python", PYTHONS)
def test_the_wheels_that_an_interpreter_takes(python: str, tmp_path: Path) -> None:
    """Those that `packaging` tells in it; also where it is too old for the `packaging` that is here."""
    program = "import json, sys; sys.path.append(sys.argv[1]); from packaging.tags import sys_tags; print(json.dumps([str(tag) for tag in sys_tags()]))"
    told = subprocess.run([python, "-I", "-S", "-B", "-c", program, str(Path(packaging.__file__).parent.parent)], capture_output=True, text=True, check=False)
    if told.returncode == 0:
        assert set(wheels.ask(python).tags) == set(json.loads(told.stdout))
    older = tmp_path / "python"
    older.write_text(f"#!/bin/sh\nexec {python} -I -S -B -c 'import sys; sys.modules[\"packaging\"] = None; exec(sys.argv[1])' \"$5\"\n")
    older.chmod(0o755)
    assert wheels.ask(str(older))[1:] == wheels.ask(python)[1:]


CPYTHON = {"implementation": "cpython", "version": [3, 14], "threading": False, "debug": False, "platform": "linux-x86_64", "bits": 64, "libc": "glibc 2.17", "macos": ["", ""]}


@pytest.mark.parametrize(("facts", "taken", "others"), [
    ({}, ["cp314-cp314-manylinux_2_17_x86_64", "cp314-cp314-manylinux2014_x86_64", "cp314-cp314-manylinux1_x86_64", "cp314-cp314-linux_x86_64",
          "cp314-abi3-manylinux_2_5_x86_64", "cp38-abi3-linux_x86_64", "py3-none-manylinux1_x86_64", "py3-none-linux_x86_64", "py3-none-any"],
     ["cp314-cp314-manylinux_2_18_x86_64", "cp314-cp314-musllinux_1_1_x86_64", "cp314-cp314t-linux_x86_64", "cp314-cp314-manylinux_2_4_x86_64"]),
    ({"threading": True}, ["cp314-cp314t-manylinux_2_17_x86_64", "cp314-none-linux_x86_64", "py3-none-any"], ["cp314-cp314-linux_x86_64", "cp38-abi3-linux_x86_64"]),
    ({"version": [3, 8], "debug": True}, ["cp38-cp38d-linux_x86_64", "cp38-cp38-linux_x86_64", "py38-none-any"], ["py39-none-any"]),
    ({"libc": "musl libc (x86_64)\nVersion 1.2.4\nDynamic Program Loader\n"}, ["cp314-cp314-musllinux_1_2_x86_64", "cp314-cp314-musllinux_1_0_x86_64",
     "cp314-cp314-linux_x86_64"], ["cp314-cp314-musllinux_1_3_x86_64", "cp314-cp314-manylinux_2_17_x86_64"]),
    ({"bits": 32}, ["cp314-cp314-manylinux1_i686", "cp314-cp314-linux_i686"], ["cp314-cp314-linux_x86_64"]),
    ({"platform": "linux-aarch64"}, ["cp314-cp314-manylinux2014_aarch64", "cp314-cp314-linux_aarch64"], ["cp314-cp314-manylinux_2_16_aarch64"]),
    ({"platform": "macosx-10.9-universal2", "libc": None, "macos": ["14.5", "arm64"]}, ["cp314-cp314-macosx_14_0_arm64", "cp314-cp314-macosx_11_0_universal2"],
     ["cp314-cp314-macosx_14_0_x86_64", "cp314-cp314-macosx_15_0_arm64"]),
    ({"implementation": "pypy", "version": [3, 10], "suffix": ".pypy310-pp73-x86_64-linux-gnu.so"},
     ["pp310-pypy310_pp73-manylinux2014_x86_64", "pp310-none-linux_x86_64", "pp3-none-any", "py3-none-any"], ["cp310-abi3-linux_x86_64", "cp310-none-any"]),
])
def test_tags(facts: dict[str, Any], taken: list[str], others: list[str]) -> None:
    """The best first; `linux_…`, which names no libc, after those that do, as uv has it."""
    tags = [str(tag) for tag in wheels.taken({**CPYTHON, **facts})]
    assert [tag for tag in tags if tag in taken] == taken
    assert not set(others) & set(tags)


def test_of_two_urls_the_one_that_uv_names() -> None:
    """Also where one begins like the other, or has a password that uv does not tell."""
    def locked(source: str) -> Package:
        return Package("alpha", "1.0", "url", source, (), None, (), ())

    short, long, secret = map(locked, ("https://host/alpha.zip", "https://host/alpha.zip#subdirectory=x", "https://u:p@other/alpha.zip"))
    lock = Lock(Path("uv.lock"), (short, long, secret))
    assert lock.find("alpha", None, short.source) == [short]
    assert lock.find("alpha", None, long.source) == [long]
    assert lock.find("alpha", None, "https://u:****@other/alpha.zip") == [secret]


@pytest.mark.parametrize("planned", ["cached", "download"])
def test_rows_without_an_interpreter(planned: str, tmp_path: Path) -> None:
    """uv's word stands; without it, or against it, a row is unknown, with the reason."""
    file = File("alpha-1.0-py3-none-any.whl", f"sha256:{SHA}", 7)
    package = Package("alpha", "1.0", "registry", "https://pypi.org/simple", (file,), None, (), ())
    auditor = Auditor(Cache(tmp_path), (0, 9, 8), Lock(tmp_path / "uv.lock", (package,)), wheels.CannotTell("it is broken"), known=())
    plan = Plan((Planned("alpha", "1.0", None, planned),), None, "uv sync --dry-run", judge=True, notes=())
    row = next(auditor.rows(plan))
    assert row.verdict == ("hit" if planned == "cached" else "unknown")
    assert "it is broken" in row.why


@pytest.mark.parametrize(("version", "planned", "reason"), [(None, "download", "no-file"), (None, "cached", "cached"), ("1.1", "download", "absent")])
def test_a_package_that_is_locked_twice(version: str | None, planned: str, reason: str, tmp_path: Path) -> None:
    """Where uv does not say which it takes, nothing is guessed."""
    both = tuple(Package("alpha", number, "registry", "https://pypi.org/simple", (File(f"alpha-{number}-py3-none-any.whl", f"sha256:{SHA}", 7),), None, (), ())
                 for number in ("1.0", "1.1"))
    python = wheels.Python("python", "CPython 3.11.7", ("py3-none-any",), {})
    auditor = Auditor(Cache(tmp_path), (0, 9, 8), Lock(tmp_path / "uv.lock", both), python, known=())
    row = next(auditor.rows(Plan((Planned("alpha", version, None, planned),), None, "uv sync --dry-run", judge=True, notes=())))
    assert (row.version, row.reason) == (version, reason)


def test_a_uv_that_is_newer_than_all_that_is_known(tmp_path: Path) -> None:
    """Where its cache has a bucket that is not known here, nothing is guessed of it."""
    file = File("alpha-1.0-py3-none-any.whl", f"sha256:{SHA}", 7)
    package = Package("alpha", "1.0", "registry", "https://pypi.org/simple", (file,), None, (), ())
    python = wheels.Python("python", "CPython 3.11.7", ("py3-none-any",), {})
    plan = Plan((Planned("alpha", "1.0", None, "download"),), None, "uv sync --dry-run", judge=True, notes=())
    reasons = {}
    for bucket in ("wheels-v8", "wheels-v9"):
        (tmp_path / bucket / "pypi" / "alpha").mkdir(parents=True)
        auditor = Auditor(Cache(tmp_path), (0, 14, 0), Lock(tmp_path / "uv.lock", (package,)), python, known=())
        reasons[bucket] = next(auditor.rows(plan)).reason
    assert reasons == {"wheels-v8": "absent", "wheels-v9": "newer-format"}


def test_options_are_passed_on_as_they_were_given() -> None:
    """In their order, with their values, whatever the spelling; `uv export` gets those that it knows, by its names."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    options.add(parser)
    line = "demo --frozen --extra x -p 3.12 --extra=y --no-install-package alpha --reinstall-package beta --inexact -n --check"
    given = parser.parse_args(line.split(), namespace=options.Arguments())
    assert given.project == "demo"
    assert given.check
    assert given.sync == ["--frozen", "--extra", "x", "-p", "3.12", "--extra", "y", "--no-install-package", "alpha", "--reinstall-package", "beta",
                          "--inexact", "-n"]
    assert options.values([*given.sync, "--extra=z"], "--extra") == ["x", "y", "z"]
    assert options.only([*given.sync, "--cache-dir=c"], "-n", "--cache-dir", "-p") == ["-p", "3.12", "-n", "--cache-dir=c"]
    assert options.for_export([*given.sync, "--reinstall-package=c", "--no-install-project"]) == [
        "--frozen", "--extra", "x", "-p", "3.12", "--extra", "y", "--no-emit-package", "alpha", "-n", "--no-emit-project"]


@pytest.mark.parametrize(("wheels_there", "allowed", "file"), [
    (("a-1-py3-none-any.whl", "a-1-cp311-cp311-linux_x86_64.whl"), {}, "a-1-cp311-cp311-linux_x86_64.whl"),
    (("a-1-py3-none-any.whl", "a-1-2-py3-none-any.whl"), {}, "a-1-2-py3-none-any.whl"),
    (("a-1-cp312-cp312-linux_x86_64.whl", "no wheel at all"), {}, "a-1.tar.gz"),
    (("a-1-py3-none-any.whl",), {"wheels": False}, "a-1.tar.gz"),
    ((), {"sdists": False}, None),
])
def test_which_file_is_taken(wheels_there: tuple[str, ...], allowed: dict[str, bool], file: str | None) -> None:
    """The best tag, then the highest build; else the sdist."""
    python = wheels.Python("python", "CPython 3.11.7", ("cp311-cp311-linux_x86_64", "py3-none-any"), {})
    package = Package("a", "1", "registry", "https://pypi.org/simple", tuple(File(name, None, None) for name in wheels_there), File("a-1.tar.gz", None, 1), (), ())
    chosen = wheels.chosen(package, python, **allowed)
    assert (chosen and chosen.name) == file
