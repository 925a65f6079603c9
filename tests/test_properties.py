"""What must hold for any input: generated command lines of every release, and text that nobody foresaw."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import tomllib
from hypothesis import example, given, settings
from hypothesis import strategies as st

from test_router import SHELLS, Router
from uv_shim import arguments, config, hashes, plan, requirements, versions
from uv_shim.arguments import CommandLine
from uv_shim.errors import ShimError
from uv_shim.inputs import Inputs
from uv_shim.realuv import Output

RECORDED = json.loads((Path(__file__).parent / "data" / "options.json").read_text())
RELEASES = [version for line in RECORDED["versions"] for version in line.split() if versions.parse(f"uv {version}") >= (0, 4, 6)]  # type: ignore[operator]
#: Values and names that look like something else.
WORDS = ("x", "alpha==1.0", "pip", "install", "sync", "a b", "", "-", "--", "=", "a=b", "r.txt", "./p[x]", "alpha @ file:///t", "é", "*", "$(x)", "'")


class Grammar:
    """The options of one release, as read off its own parser."""

    def __init__(self, release: str) -> None:
        number = versions.parse(f"uv {release}")
        self.kinds: dict[str, dict[str, str]] = {}
        #: The option that a spelling stands for, to uv.
        self.of: dict[str, str] = {}
        for command, options in RECORDED["options"].items():
            there = {name: (kind, of) for name, ranges in options.items() for kind, first, last, *of in ranges
                     if versions.parse(f"uv {first}") <= number <= versions.parse(f"uv {last}")}  # type: ignore[operator]
            self.kinds[command] = {name: kind for name, (kind, _) in there.items()}
            if command in ("uv pip install", "uv pip sync"):
                self.of |= {name: of[0] for name, (_, of) in there.items() if of and name not in NOT_NEEDED}

    def option(self, dice: random.Random, command: str) -> tuple[list[str], list[tuple[str, str | None]]]:
        """The arguments of one option of ``command``, in one of the ways that uv takes, and what they mean."""
        kinds = self.kinds[command]
        name = dice.choice(sorted(kinds))
        if name.startswith("--"):
            if kinds[name] == "flag":
                return [name], [(name, None)]
            value = dice.choice(WORDS)
            separate = dice.random() < 0.5 and not value.startswith("-")
            return ([name, value] if separate else [f"{name}={value}"]), [(name, value)]
        flags = [flag for flag in kinds if kinds[flag] == "flag" and len(flag) == 2]
        cluster = [dice.choice(flags) for _ in range(dice.randrange(3))] if flags else []
        meaning: list[tuple[str, str | None]] = [(flag, None) for flag in cluster]
        letters = "".join(flag[1] for flag in cluster) + name[1]
        if kinds[name] == "flag":
            return [f"-{letters}"], [*meaning, (name, None)]
        value = dice.choice([word for word in WORDS if word and word[0] not in "-="])
        way = dice.randrange(3)
        written = [[f"-{letters}", value], [f"-{letters}{value}"], [f"-{letters}={value}"]][way]
        return written, [*meaning, (name, value)]

    def line(self, dice: random.Random) -> tuple[list[str], int, list[tuple[str | None, str | None]]]:
        """A call of `pip install` or `pip sync`: its arguments, how many stand up to the command, and what comes after means."""
        words: list[str] = []
        command = dice.choice(["install", "sync"])
        for place, word in (("uv", "pip"), ("uv pip", command)):
            for _ in range(dice.choice((0, 0, 0, 1, 2))):
                words += self.option(dice, place)[0]
            words.append(word)
        at = len(words)
        meaning: list[tuple[str | None, str | None]] = []
        for _ in range(dice.randrange(6)):
            if dice.random() < 0.5:
                written, meant = self.option(dice, f"uv pip {command}")
                words += written
                meaning += meant
            else:
                word = dice.choice([word for word in WORDS if not word.startswith("-") or word == "-"])
                words.append(word)
                meaning.append((None, word))
        if dice.random() < 0.1:
            rest = dice.choices(WORDS, k=2)
            words += ["--", *rest]
            meaning += [("--", None), *((None, word) for word in rest)]
        return words, at, meaning


#: Flags that stand for others, of which nothing depends in the shim.
NOT_NEEDED = ("--compile", "--no-compile", "--force-reinstall", "--no-exact", "-a")


def canonical(name: str | None, of: dict[str, str]) -> str | None:
    """The name that the model has for an option of uv."""
    name = of.get(name or "", name)
    if name is None or name.startswith("--"):
        return arguments._ALIASES.get(name or "", name)  # noqa: SLF001
    return arguments._SHORT_FLAGS.get(name[1], name)  # noqa: SLF001


def test_the_model_reads_what_each_release_reads() -> None:
    """100,000 command lines, made of the options that the releases really have, mean to the model what they mean to uv."""
    dice = random.Random(1)
    for release in RELEASES:
        grammar = Grammar(release)
        for _ in range(100_000 // len(RELEASES) + 1):
            words, at, meaning = grammar.line(dice)
            line = CommandLine.parse(words)
            assert line is not None, words
            assert line.at == at, words
            assert [(word.name, word.value) for word in line.after] == [(canonical(name, grammar.of), value) for name, value in meaning], words
            # Whatever is added, the caller's arguments are there, unchanged and in order.
            added = line.with_options("--verify-hashes", "-c", "/dev/fd/9")
            assert (added[:at] + added[at + 3 :], line.arguments) == (words, words)


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_sees_what_the_model_sees(shell: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """The router hands over just where the model reads `pip install` or `pip sync`, in each shell, and passes the same words on."""
    router = Router(tmp_path, SHELLS[shell])
    stub = router.program(tmp_path / "python", '#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done >"$RECORD"\n')
    router.program(router.real, '#!/bin/sh\nfor word; do printf "%s\\0" "$word"; done >"$RECORD"\n')
    dice = random.Random(shell)
    for _ in range(1000 if pytestconfig.getoption("--all-uv") else 60):
        words, _, _ = Grammar(dice.choice(RELEASES)).line(dice)
        if dice.random() < 0.5:  # and what is no such call, or only nearly
            words[dice.randrange(len(words))] = dice.choice((*WORDS, "compile", "run", "--pip", "-q"))
        done = router.call(*words, UV_SHIM_PYTHON=str(stub), LC_ALL="C.UTF-8")  # yash drops what its locale has no letters for
        got = router.record.read_text(encoding="utf-8").split("\0")[:-1]
        handed_over = got[:3] == ["-I", "-S", "-B"]
        assert handed_over == (CommandLine.parse(words) is not None), (words, done.stderr)
        assert (got[7:] if handed_over else got) == words


#: Lines like uv's, and any others.
LOGS = st.lists(st.one_of(st.text(max_size=60), st.builds(str.__add__, st.sampled_from((
    "DEBUG Selecting: ", "DEBUG No cache entry for: ", "Would install ", " + ", " - ", " ~ ", "DEBUG Identified uncached distribution: ",
    "TRACE Fetching metadata for ", "DEBUG Using Python ", "DEBUG Preparing metadata for: ", "` to compute missing hashes", "error: ")), st.text(max_size=60)))).map("\n".join)


@settings(max_examples=500, deadline=None)
@given(LOGS)
def test_any_log_can_be_read(text: str) -> None:
    """Whatever a uv prints, reading it ends: with a plan, or with none."""
    plan.parse(Output(0, "", text))
    plan.requested_files(text)
    plan.file_without_hash(text)
    for line in text.splitlines():
        plan.sdist_to_download(line)
        plan.sdist_to_build(line)
        plan.url_to_build(line)
    hashes.from_requirements(text)
    versions.parse(text)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_any_answer_can_be_read(text: str) -> None:
    """Whatever a `pip compile` prints in place of a lock file, reading it ends."""
    hashes.from_pylock(text)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text(alphabet="-rc #\\=\n \tab.", max_size=120).map(str.encode)
       | st.lists(st.sampled_from(("--hash", "=", " ", "\t", ";", "#", "==1", "a", "a @ ", "http://", "git+", "@", "\n", "\\\n"))).map("".join).map(str.encode))
def test_any_requirements_file_can_be_read(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    """Whatever is in a requirements file, it is uv's business to complain."""
    file = tmp_path_factory.getbasetemp() / "any.txt"
    file.write_bytes(text)
    line = CommandLine.parse(["pip", "install", "-r", str(file)])
    assert line is not None
    requirements.read(line, {}, Inputs(), versions.Regime((0, 9, 8)))


#: Settings, and what is nearly one.
NEARLY = st.builds("{}{}{}{}{}{}".format, st.sampled_from(("mode", "mod", "allow-softer-modes", "#", "")), st.sampled_from((" = ", "=", " ")),
                   st.sampled_from(('"', "'", "")), st.sampled_from((*config.MODES, "Seal", "true", "")), st.sampled_from(('"', "'", "")),
                   st.sampled_from(("", "\n", " # of ours\n", "\r\n", "x\n")))


@example(b"mode = 'off'\n")
@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=80) | st.text(alphabet='mode= "\'#\nsealnfrc', max_size=60).map(str.encode)
       | st.lists(NEARLY, max_size=3).map("".join).map(str.encode))
def test_any_configuration_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: bytes) -> None:
    """A configuration file gives settings that are allowed, or one error that names it."""
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes(text)
    try:
        found = config.read(str(file))
    except ShimError as error:
        assert str(file) in error.lines[0]  # noqa: PT017  # it need not be raised
        return
    assert set(found) <= {"mode"}
    assert {setting.value for setting in found.values()} <= set(config.MODES)
    # What another reader of TOML finds there is the same.
    assert {key: setting.value for key, setting in found.items()} == tomllib.loads(text.decode())
