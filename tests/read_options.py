"""Reads the command line options of real uv releases into ``tests/data/options.json``.

    python tests/read_options.py                  every release from 0.4.6 on that the file lacks
    python tests/read_options.py 0.9.8 0.13.9     these, whether the file has them or not
    python tests/read_options.py --source ~/uv/crates/uv-cli 0.13.9     trying the names in uv's source as well

What was read is merged into the file, and each difference from what the file said is printed; for a release that is new
to the file, each difference from the release before.

uv's own argument parser is the witness, not its help, which hides some options: `uv pip install --NAME=x --zzz1` stops
at the first argument that the parser does not know, or at the value that a flag does not take, and never runs. The
names to try are those of uv's shell completion (it lists hidden options too), those in the file, and those of
`--source`: only the source tells of an alias that is hidden and new. Short options are tried from a to Z.

The file has one entry an option and command, a list of `[kind, first, last]`: in all releases read from first to last,
the parser takes that spelling as a `flag` or with a `value`. No release read has another kind, such as an `optional`
value, or several `values` after one option. A fourth item, if there is one, is the long option that a short option or
an alias stands for.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import string
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from packaging.version import Version

import uvs

DATA = Path(__file__).parent / "data" / "options.json"
COMMANDS = ("uv", "uv pip", "uv pip install", "uv pip sync", "uv pip compile")
OLDEST = Version("0.4.6")
UNKNOWN = "--zzz1"


class Option(NamedTuple):
    """How a release takes one spelling of an option: its kind, and the long option it stands for if that is another."""

    kind: str
    of: str | None = None


class SurpriseError(Exception):
    """A uv did what this program did not foresee, so its reading would be a guess."""


#: By command, then by spelling.
Options = dict[str, dict[str, Option]]


class Probe:
    """One uv binary, asked about its options in an empty folder with no index, no configuration and an empty cache."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary = binary
        self.work = folder / "work"
        self.work.mkdir(parents=True)
        self.environ = {"PATH": os.defpath, "HOME": str(folder / "home"), "UV_CACHE_DIR": str(folder / "cache"),
                        "UV_OFFLINE": "1", "NO_COLOR": "1", "COLUMNS": "200"}

    def options(self, names: set[str]) -> Options:
        """The options of each command: of those names, of the completion's, and the short ones."""
        found: Options = {}
        names = names | set(re.findall(r"--[a-z][\w-]*", self._run("generate-shell-completion", "bash")))
        for command in COMMANDS:
            words = command.split()[1:]
            tried = {name: self._long(words, name) for name in sorted(names)}
            tried |= {f"-{letter}": self._short(words, f"-{letter}") for letter in string.ascii_letters}
            found[command] = {name: option for name, option in tried.items() if option}
        if any(self.work.iterdir()):
            raise SurpriseError(f"{self.binary} wrote into {self.work}: a probe was not as harmless as it should be")
        return found

    def _long(self, words: list[str], name: str) -> Option | None:
        answer = self._run(*words, f"{name}=x", UNKNOWN)
        if f"unexpected argument '{name}' found" in answer:
            return None
        if flag := re.search(r"unexpected value 'x' for '(--[\w-]+)", answer):
            return Option("flag", _other(flag[1], name))
        if f"unexpected argument '{UNKNOWN}' found" not in answer and "invalid value 'x' for" not in answer:
            raise SurpriseError(f"{self.binary} {' '.join(words)} {name}=x {UNKNOWN} says:\n{answer}")
        return self._with_value(words, name) or Option("optional")

    def _short(self, words: list[str], name: str) -> Option | None:
        if f"unexpected argument '{name}' found" in self._run(*words, name, UNKNOWN):
            return None
        if option := self._with_value(words, name):
            return option
        # A flag: its full name is in the help or, if it is hidden, in what the parser says of the flag given twice.
        listed = re.search(rf"^ +{name}, (--[\w-]+)", self._run(*words, "--help"), re.MULTILINE)
        twice = re.search(r"the argument '(--[\w-]+)' cannot be used multiple", self._run(*words, name, name, UNKNOWN))
        named = listed or twice
        return Option("flag", named[1] if named else None)

    def _with_value(self, words: list[str], name: str) -> Option | None:
        """The option if it has to have a value. If it need not, uv stops as well: nothing says what to install."""
        needed = re.search(r"a value is required for '(--[\w-]+) ([^']*)'", self._run(*words, name))
        return Option("values" if "..." in needed[2] else "value", _other(needed[1], name)) if needed else None

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([self.binary, *arguments], cwd=self.work, env=self.environ, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        return done.stdout


def _other(canonical: str, name: str) -> str | None:
    return None if canonical == name else canonical


def names_in_source(folder: Path) -> set[str]:
    """All that may name an option in Rust source: the fields, and the strings given to ``long`` and ``alias``."""
    names: set[str] = set()
    for file in folder.rglob("*.rs"):
        text = file.read_text(encoding="utf-8")
        fields = re.findall(r"^\s+(?:pub(?:\(\w+\))? )?([a-z]\w+):", text, re.MULTILINE)
        names |= {field.replace("_", "-") for field in fields}
        for strings in re.findall(r'\b(?:long|(?:visible_)?alias(?:es)?)\s*[=(]\s*\[?((?:"[^"]*",?\s*)+)', text):
            names |= set(re.findall(r'"-*([a-z][\w-]+)"', strings))
    return {f"--{name}" for name in names}


def load() -> dict[str, Options]:
    """What the file says, spread out: the options of each release."""
    if not DATA.exists():
        return {}
    content = json.loads(DATA.read_text(encoding="utf-8"))
    releases = [release for line in content["versions"] for release in line.split()]
    spread: dict[str, Options] = {release: {command: {} for command in COMMANDS} for release in releases}
    for command, options in content["options"].items():
        for name, ranges in options.items():
            for kind, first, last, *of in ranges:
                for release in releases[releases.index(first):releases.index(last) + 1]:
                    spread[release][command][name] = Option(kind, *of)
    return spread


def save(spread: dict[str, Options]) -> None:
    """Write the file: an option a line, so that a difference reads well."""
    releases = sorted(spread, key=Version)
    series = [" ".join(group) for _, group in groupby(releases, key=lambda release: Version(release).release[:2])]
    lines = [f'"versions": {json.dumps(series, indent=0)},', '"options": {']
    for command in COMMANDS:
        names = sorted({name for release in releases for name in spread[release][command]})
        entries = [f"{json.dumps(name)}: {json.dumps(_ranges(spread, releases, command, name))}" for name in names]
        lines += [f"{json.dumps(command)}: {{", ",\n".join(entries), "}" if command == COMMANDS[-1] else "},"]
    DATA.parent.mkdir(exist_ok=True)
    partial = DATA.with_suffix(".partial")
    partial.write_text("\n".join(["{", *lines, "}", "}", ""]), encoding="utf-8")
    os.replace(partial, DATA)


def _ranges(spread: dict[str, Options], releases: list[str], command: str, name: str) -> list[list[str]]:
    ranges = []
    for option, group in groupby(releases, key=lambda release: spread[release][command].get(name)):
        members = list(group)
        if option:
            ranges.append([option.kind, members[0], members[-1], *([option.of] if option.of else [])])
    return ranges


def differences(before: Options, after: Options) -> list[str]:
    """A line for each spelling that the two do not have in common."""
    lines = []
    for command in COMMANDS:
        old, new = before.get(command, {}), after[command]
        lines += [f"{command} {name}: {_words(old.get(name))} -> {_words(new.get(name))}"
                  for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)]
    return lines


def _words(option: Option | None) -> str:
    return " of ".join(filter(None, option)) if option else "none"


def released() -> list[str]:
    """Every release of uv on the package index, from the first that the shim seals."""
    listing = subprocess.run([sys.executable, "-m", "pip", "index", "versions", "uv"], check=True, capture_output=True,
                             text=True).stdout
    line = next(line for line in listing.splitlines() if line.startswith("Available versions:"))
    return [release for release in line.partition(":")[2].replace(",", " ").split() if Version(release) >= OLDEST]


def read(releases: list[str], names: set[str], spread: dict[str, Options]) -> list[str]:
    """Read those releases, two at a time, and save after each; the ones that could be read."""
    done = []
    # Processes: a thread that starts a program may hold open the binary that another one writes ("Text file busy").
    with tempfile.TemporaryDirectory(prefix="read-options-") as scratch, ProcessPoolExecutor(2) as pool:
        # A binary that neither the tests use nor the store has goes into a store of its own, and is not kept.
        kept = {release for release in releases if release in uvs.ALL or (uvs.store() / release / "uv").exists()}
        stores = {release: uvs.store().parent if release in kept else Path(scratch) / release for release in releases}
        jobs = {pool.submit(read_one, release, names, stores[release], Path(scratch) / release): release
                for release in sorted(releases, key=Version)}
        for number, job in enumerate(as_completed(jobs), start=1):
            release, failure = jobs[job], job.exception()
            print(f"{number} of {len(jobs)}: {release} {failure or ''}", file=sys.stderr)
            if not failure:
                spread[release] = job.result()
                save(spread)
                done.append(release)
    return sorted(done, key=Version)


def read_one(release: str, names: set[str], store: Path, folder: Path) -> Options:
    """The options of one release."""
    os.environ |= {"UV_SHIM_TEST_STORE": str(store), "PIP_NO_CACHE_DIR": "1"}
    try:
        return Probe(uvs.uv(release), folder).options(names)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Read, merge, print what is new."""
    parser = argparse.ArgumentParser(description="Read the command line options of uv releases.")
    parser.add_argument("versions", nargs="*", metavar="VERSION", help="a release (without any: all the file lacks)")
    parser.add_argument("--source", type=Path, action="append", default=[], metavar="FOLDER",
                        help="a source tree of uv's command line")
    arguments = parser.parse_args()

    before = load()
    known = {name for options in before.values() for group in options.values() for name in group}
    names = {name for name in known if name.startswith("--")}
    names |= {name for folder in arguments.source for name in names_in_source(folder)}
    releases = list(dict.fromkeys(arguments.versions)) or [release for release in released() if release not in before]

    after = dict(before)
    done = read(releases, names, after)
    order = sorted(after, key=Version)
    for release in done:
        earlier = after[order[order.index(release) - 1]] if order[0] != release else {}
        for line in differences(before.get(release, earlier), after[release]):
            print(f"{release}: {line}")
    if len(done) < len(releases):
        sys.exit(f"not read: {' '.join(sorted(set(releases) - set(done), key=Version))}")


if __name__ == "__main__":
    main()
