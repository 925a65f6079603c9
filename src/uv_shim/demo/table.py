"""The demo's words: a table of the trials, and one sentence of what they show."""

from __future__ import annotations

from collections.abc import Sequence

from uv_shim.demo.trial import Cost, Trial
from uv_shim.report import size, table

_HEADER = ("uv", "route", "uv pip install", "then uv lock + uv sync")


def lines(trials: Sequence[Trial]) -> list[str]:
    """The table, aligned."""
    rows = [(trial.route.version, "through the shim" if trial.route.shim else "bare", cell(trial.install), cell(trial.sync))
            for trial in trials]
    return table(rows, _HEADER, right=(2, 3))


def cell(cost: Cost) -> str:
    """``5 files   4.2 MB``: the sizes stand below each other where the ends do."""
    return f"{cost.files} file{' ' if cost.files == 1 else 's'} {size(cost.bytes):>8}"


def conclusion(trials: Sequence[Trial]) -> str:
    """What the trials show, in one sentence."""
    leaks = [trial for trial in trials if trial.route.shim and trial.sync.files]
    if leaks:
        return (f"This is a failure of the shim: with uv {leaks[0].route.version}, `uv sync` downloaded {leaks[0].sync.files} "
                "of the files that `uv pip install` had downloaded through it.")
    twice = [trial for trial in trials if not trial.route.shim and trial.sync.files]
    if not twice:
        return (f"uv {trials[0].route.version} keeps the hashes of what it downloads: `uv sync` downloads nothing twice, "
                "with the shim and without it.")
    cost = twice[-1].sync
    return (f"With uv {twice[-1].route.version}, `uv sync` downloads {cost.files} files ({size(cost.bytes)}) that `uv pip install` had "
            "downloaded already; through the shim it downloads none.")
