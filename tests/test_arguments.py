"""The model of uv's command line, against what each release of uv says of itself (data/options.json, made by read_options.py)."""

from __future__ import annotations

import json
import random
import re
import subprocess
from pathlib import Path

import pytest

import uvs
from uv_shim import arguments
from uv_shim.arguments import CommandLine

RECORDED = json.loads((Path(__file__).parent / "data" / "options.json").read_text())
OPTIONS: dict[str, dict[str, list[list[str]]]] = RECORDED["options"]
CALLS = ("uv", "uv pip", "uv pip install", "uv pip sync")


def spellings(kind: str, *commands: str) -> set[str]:
    """Every spelling of an option of that kind, in any release read."""
    return {name for command in commands for name, ranges in OPTIONS[command].items() if ranges[0][0] == kind}


def test_every_release_that_needs_sealing_was_read() -> None:
    """The record has all 217 releases from 0.4.6 to 0.12.15."""
    versions = [tuple(map(int, version.split("."))) for line in RECORDED["versions"] for version in line.split()]
    assert len([version for version in versions if (0, 4, 6) <= version <= (0, 12, 15)]) == 217


def test_options_with_a_value_are_complete() -> None:
    """The model knows each option that takes a value in any release, and takes no flag for one."""
    values = spellings("value", *CALLS)
    assert {name for name in values if name.startswith("--")} <= arguments.VALUES
    short = {f"-{letter}" for letter in arguments._SHORT}  # noqa: SLF001
    assert {name for name in values if not name.startswith("--")} == short
    flags = spellings("flag", *CALLS)
    assert not flags & (arguments.VALUES | short)


def test_options_before_the_command_are_complete() -> None:
    """Every option with a value that may stand before `pip` or before `install` is a global one, to both halves."""
    assert spellings("value", "uv", "uv pip") == arguments.GLOBAL_VALUES


def test_what_the_query_passes_on_is_known_to_pip_compile() -> None:
    """Each option that the query for hashes passes on is one of `pip compile` wherever `pip install` has it."""
    asks = arguments._ASKS_THE_INDEX & set(OPTIONS["uv pip install"])  # noqa: SLF001
    assert asks
    for name in asks:
        install, compiled = OPTIONS["uv pip install"][name], OPTIONS["uv pip compile"][name]
        ranges = [[place.replace("0.2.27", "0.4.6") for place in known[0][1:3]] for known in (install, compiled)]
        assert ranges[0] == ranges[1], name


def test_the_record_agrees_with_this_uv(version: str) -> None:
    """What a real uv's own help says of options and values is what the model says."""
    for command in ("install", "sync"):
        text = subprocess.run([str(uvs.uv(version)), "pip", command, "--help"], capture_output=True, text=True, check=True,
                              env={"COLUMNS": "200", "NO_COLOR": "1"}).stdout
        found = re.findall(r"^\s+(?:-\w, )?(--[a-z-]+)( <\w+>)?", text, flags=re.MULTILINE)
        assert len(found) > 40
        assert {name for name, value in found if value} <= arguments.VALUES
        assert not {name for name, value in found if not value} & arguments.VALUES


@pytest.mark.parametrize(("words", "meant"), [
    ("-Ur f", [("--upgrade", None), ("--requirements", "f")]), ("-Urf", [("--upgrade", None), ("--requirements", "f")]),
    ("-r=f", [("--requirements", "f")]), ("-rf", [("--requirements", "f")]), ("-ct/c.txt", [("--constraints", "t/c.txt")]),
    ("-nqr f", [("--no-cache", None), ("--quiet", None), ("--requirements", "f")]), ("--requirement f", [("--requirements", "f")]),
    ("--config-settings=a=b", [("--config-setting", "a=b")]), ("-Ca=b", [("--config-setting", "a=b")]), ("-p3.12", [("--python", "3.12")]),
    ("-r -", [("--requirements", "-")]), ("-", [(None, "-")]), ("-- -r f", [("--", None), (None, "-r"), (None, "f")]),
    ("--no-binary :all: x", [("--no-binary", ":all:"), (None, "x")]), ("-r", [("--requirements", None)]), ("--index", [("--index", None)]),
    ("--new-flag x", [("--new-flag", None), (None, "x")]), ("-i= x", [("--index-url", ""), (None, "x")]),
])  # fmt: skip
def test_words_are_read_as_uv_reads_them(words: str, meant: list[tuple[str | None, str | None]]) -> None:
    """Glued and clustered options, aliases, `--`, a missing value."""
    line = CommandLine.parse(["pip", "install", *words.split(" ")])
    assert line is not None
    assert [(word.name, word.value) for word in line.after] == meant


def test_nothing_of_the_caller_is_lost() -> None:
    """Any arguments reach uv unchanged and in order but for what is added behind the command; a dry run loses what it shows only."""
    rng = random.Random(5)
    pieces = ["-r", "f", "-Ur", "-q", "--index=x", "--index", "--", "x y", "-", "--no-deps", "-nqrf", "", "--color", "--refresh", "é\udcff"]
    for _ in range(20000):
        before = rng.choice([[], ["-q"], ["--color", "never"], ["--offline", "--project", "pip"]])
        rest = rng.choices(pieces, k=rng.randrange(6))
        line = CommandLine.parse([*before, "pip", "install", *rest])
        assert line is not None
        at = len(before) + 2
        assert line.with_options("A", "B") == [*before, "pip", "install", "A", "B", *rest]
        assert line.with_options() == line.arguments
        assert line.at == at
        texts = [text for word in line.words for text in word.text]
        assert "".join(texts).replace("-", "") == "".join([*before, "pip", *rest]).replace("-", "")
