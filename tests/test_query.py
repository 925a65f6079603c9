"""The query asks for the very Python of the install, and knows a version in whatever spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from uv_shim.arguments import CommandLine
from uv_shim.inputs import Inputs
from uv_shim.plan import Interpreter, interpreter
from uv_shim.query import Query, spelled
from uv_shim.realuv import RealUv
from uv_shim.versions import Regime


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
