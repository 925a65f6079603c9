"""The query asks for the very Python of the install, and knows a version in whatever spelling."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from uv_shim.arguments import CommandLine
from uv_shim.demo.index import Index
from uv_shim.demo.wheels import wheel
from uv_shim.inputs import Inputs
from uv_shim.plan import Interpreter, interpreter, requested_files
from uv_shim.query import Query, spelled
from uv_shim.realuv import RealUv
from uv_shim.versions import Regime
from world import World, project


@pytest.mark.parametrize(("line", "path", "version"), [
    ("Using Python 3.11.7 environment at: .venv", "./.venv", "3.11.7"),
    ("DEBUG Using Python 3.11.7 environment at /opt/python", "/opt/python", "3.11.7"),
    ("Using CPython 3.12.1 interpreter at: /usr/bin/python3", "/usr/bin/python3", "3.12.1"),
    ("Using GraalPy 3.11.0 interpreter at: /opt/graal/bin/python", "/opt/graal/bin/python", "3.11.0"),
    ("Using CPython 3.11.9", "", "3.11.9"),  # one of uv's own, with --target
])  # fmt: skip
def test_the_interpreter_in_uvs_words(line: str, path: str, version: str) -> None:
    found = interpreter(line)
    assert found
    assert (found.path, found.version) == (path, version)
    for other in ("DEBUG Using Python request `3.11` from explicit request", "DEBUG Using request timeout of 30s", "Using"):
        assert interpreter(other) is None


@pytest.mark.parametrize(("path", "words", "variable", "named"), [
    ("{root}/python", ["--python", "3.11"], "", "{root}/python"),
    ("{root}/venv", ["-p", "3.11"], "3.12", "{root}/venv"),
    # A folder may have several Pythons, and of its own ones uv does not tell the path.
    ("{root}", ["--python", "/usr/bin/python3.11"], "", "/usr/bin/python3.11"),
    ("{root}", ["--python", "3.11"], "3.12", "3.11.9"),
    ("{root}", [], "3.11", "3.11.9"),
    ("", [], "3.11", "3.11.9"),
    ("", [], "pypy", "pypy"),
    ("{root}", [], "", "{root}"),
    ("", [], "", None),
])  # fmt: skip
def test_the_query_is_for_the_same_python(path: str, words: list[str], variable: str, named: str | None, tmp_path: Path) -> None:
    (tmp_path / "python").write_text("")
    (tmp_path / "venv").mkdir()
    (tmp_path / "venv" / "pyvenv.cfg").write_text("")
    line = CommandLine.parse(["pip", "install", *words, "alpha"])
    assert line
    query = Query(RealUv("uv", {"UV_PYTHON": variable}), line, Inputs(), Regime((0, 9, 8)), [], offline=False)
    found = query.python(Interpreter(path.format(root=tmp_path), "3.11.9"))
    assert found == (named.format(root=tmp_path) if named else None)


@pytest.mark.parametrize(("one", "other"), [
    ("2022.01.08", "2022.1.8"), ("1.0.Alpha-1", "1.0a1"), ("0.1dev", "0.1.dev0"), ("1.0c1", "1.0rc1"), ("1.0.RC1", "1.0rc1"), ("1.0a", "1.0a0"),
    ("1.0.post", "1.0.post0"), ("1.0_beta2", "1.0b2"),
])  # fmt: skip
def test_one_version_in_two_spellings(one: str, other: str) -> None:
    assert spelled(one) == spelled(other)


@pytest.mark.parametrize(("one", "other"), [("1.0.1", "1.1"), ("1.10", "1.1"), ("1.0a1", "1.0b1"), ("1.0", "2.0"), ("1.0.dev1", "1.0.post1")])
def test_two_versions(one: str, other: str) -> None:
    assert spelled(one) != spelled(other)


def test_a_request_is_one_whatever_stands_before_it() -> None:
    """What only looks like a reason for yanking hides no download, of which uv has computed the hash by itself."""
    log = 'warning: `lib==1.0` is yanked (reason: "\nDEBUG No cache entry for: https://host/files/app-1.0-py3-none-any.whl\n'
    assert requested_files(log) == {"app-1.0-py3-none-any.whl"}


#: Of each regime one; where uv checks by itself, only `enforce` asks.
ASKING = [("0.5.26", "seal"), ("0.9.8", "seal"), ("0.9.8", "enforce"), ("0.12.15", "seal"), ("0.12.16", "enforce"), ("0.13.9", "enforce")]


def asked(index: Index) -> list[str]:
    """Paths that were asked for from now on."""
    paths: list[str] = []

    def note(request: object) -> bool:
        paths.append(request.path)  # type: ignore[attr-defined]
        return False

    index.interfere = note
    return paths


@pytest.mark.parametrize("kept", ["max-age=600", "no-store"])
@pytest.mark.parametrize(("version", "mode"), ASKING)
def test_no_other_index_hears_of_what_an_explicit_one_has(make_world: Callable[..., World], version: str, mode: str, kept: str) -> None:
    """The name itself may be nobody's business; and somebody may have published it there."""
    world = make_world(version, UV_SHIM_MODE=mode)
    index = world.index
    index.configure("private", cache_control=kept)
    index.add(wheel("lib", "1.0"), "private")
    index.add(wheel("lib", "1.0", note="another's"))
    index.add(wheel("app", "1.0"))
    project(world.work, "app", "lib", extra=f'[tool.uv.sources]\nlib = {{ index = "private" }}\n[[tool.uv.index]]\nname = "private"\n'
            f'url = "{index.simple("private")}/?key=s3cr3t"\nexplicit = true\n')
    heard = {}
    for program in ("bare", "run"):
        paths = asked(index)
        result = getattr(world, program)("pip", "install", "-r", "pyproject.toml", check=True)
        assert world.freeze() == "app==1.0\nlib==1.0\n"
        heard[program] = sum(path.startswith("/main/simple/lib") for path in paths)
        world.bare("pip", "uninstall", "app", "lib", check=True)
        shutil.rmtree(world.root / "cache")
    assert heard == ({"bare": 1, "run": 1} if version == "0.5.26" else {"bare": 0, "run": 0})  # that one asks all of them itself
    if (version, kept) == ("0.5.26", "no-store"):
        assert "lib (uv did not tell" in result.said[0]  # of which the page is
    else:
        assert result.said == ()


@pytest.mark.parametrize(("version", "mode"), ASKING)
def test_a_page_that_may_not_be_kept_beside_another_indexs(make_world: Callable[..., World], version: str, mode: str) -> None:
    """The cache has the page of another index for that name, and uv would take it where there is no network."""
    world = make_world(version, UV_SHIM_MODE=mode)
    index = world.index
    index.add(wheel("lib", "1.0", note="another's"))
    world.bare("pip", "install", "lib", check=True)
    world.bare("pip", "uninstall", "lib", check=True)
    index.configure("private", cache_control="no-store")
    index.add(wheel("lib", "1.0"), "private")
    index.add(wheel("app", "1.0", requires=("lib",)))
    result = world.run("pip", "install", "app", env={"UV_EXTRA_INDEX_URL": index.simple("private")}, check=True)
    assert result.said == ()
    assert next(world.venv.rglob("lib.py")).read_text().endswith("note = ''\n")
