"""docs/compatibility.md: what the sweep has recorded, as a page.

Neighbouring releases that did the same are one row, so that the boundaries are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from packaging.version import Version

PAGE = Path(__file__).resolve().parent.parent / "docs" / "compatibility.md"

#: Cases, as columns: what is counted or tried, and what is written above it.
COLUMNS = {
    "files at the sync": "wheels and an sdist",
    "files at the sync from a sha512 index": "sha512 index",
    "tampered wheel": "tampered wheel",
    "tampered sdist": "tampered sdist",
}

#: The same of calls that are not `uv pip`.
BESIDE = {
    "files at the sync after uv tool install": "uv tool install",
    "files at the sync after uv tool run": "uv tool run, uvx",
    "files at the sync after uv run": "uv run --with",
}

INTRODUCTION = """\
# Compatibility

Generated from runs: `tests/run sweep` takes each release of uv that has `uv pip install` from the package index, and runs the same cases
through the bare binary, with `--verify-hashes` alone, and through the shim. The record is `tests/data/sweep.json`; a test fails where this
page and the record disagree, and CI runs a dozen releases, and the newest, again.

The first two columns count the files that `uv sync` fetches again after `uv pip install` (of three wheels and an sdist; of one wheel from an
index that advertises sha512 alone). The other two say what became of a file whose bytes are not those of the index's hash. An arrow
leads from the bare uv to the same uv through the shim; where there is none, both do the same.

"""

ROUTES = """
## The flag alone

`--verify-hashes` by itself, which is the mode `flag`:

"""

OUTSIDE = """
## What the shim does not reach

`uv tool install`, `uvx` (which is `uv tool run`) and `uv run --with` do not pass through `uv pip`. What they leave of two wheels to be fetched
again by `uv sync`:

"""

END = """
Before 0.4.6 uv does not heed the hashes of constraints, so there is nothing that a shim could tell it: such a uv gets `--verify-hashes` at most (where its dry run
accepts that), and a line says that nothing is sealed.
{options}
"""


def page(record: Mapping[str, Mapping[str, Any]]) -> str:
    """The page's text."""
    versions = sorted(record, key=Version)
    text = INTRODUCTION + f"Measured: {len(versions)} releases, {versions[0]} to {versions[-1]}, "
    states = list(dict.fromkeys(record[version].get("code") for version in reversed(versions)))
    text += "all with the same code of the shim.\n\n" if len(states) == 1 else f"with {len(states)} versions of the shim's code.\n\n"
    text += table(versions, lambda version: tuple(change(record[version], name) for name in COLUMNS), tuple(COLUMNS.values()))
    text += ROUTES + table(versions, lambda version: tuple(str(record[version]["flag"][name]) for name in COLUMNS), tuple(COLUMNS.values()))
    text += OUTSIDE + table(versions, lambda version: tuple(change(record[version], name) for name in BESIDE), tuple(BESIDE.values()))
    odd = [(span(list(group)), what) for what, group in groupby(versions, lambda version: ", ".join(record[version]["options"])) if what]
    words = "The option table agrees with the `--help` of each of them"
    words += ", but for those that were never sealed: " + "; ".join(f"{releases}: `{what}`" for releases, what in odd) + "." if odd else "."
    return text + END.format(options=words)


def change(one: Mapping[str, Any], name: str) -> str:
    """Bare, then through the shim."""
    bare, shim = (str(one[route].get(name, "not measured")) for route in ("bare", "shim"))
    return bare if bare == shim else f"{bare} → **{shim}**"


def table(versions: Sequence[str], row: Callable[[str], tuple[str, ...]], header: Sequence[str]) -> str:
    """A table with a row for each run of releases that did the same."""
    lines = ["| uv | " + " | ".join(header) + " |", "|---" * (len(header) + 1) + "|"]
    for cells, group in groupby(versions, row):
        lines.append(f"| {span(list(group))} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def span(versions: Sequence[str]) -> str:
    """Neighbouring releases, as first, last and number."""
    return versions[0] if len(versions) == 1 else f"{versions[0]} to {versions[-1]} ({len(versions)})"
