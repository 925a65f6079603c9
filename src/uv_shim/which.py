"""Which uv runs from here, and why none of the others on PATH?

The router decides; here its decision is explained.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from uv_shim import programs, report, router, versions


@dataclass(frozen=True)
class Candidate:
    """A `uv` that stands somewhere."""

    path: str
    #: What the router does with it: taken, passed on (started, and called the shim or the next one again), passed over, not reached.
    state: str
    reason: str
    #: It is a copy of this shim.
    shim: bool = False
    #: The manager that stands behind it; empty where there is none.
    manager: str = ""
    #: It would be started if it came first.
    runs: bool = False


def candidates(environ: Mapping[str, str], chain: Sequence[str]) -> list[Candidate]:
    """Each `uv` that could have run, in the order in which the router looks, and what became of it; ``chain`` is the router's word."""
    found: list[Candidate] = []
    given = environ.get("UV_SHIM_REAL_UV")
    if given:
        found.append(_judged(given if "/" in given else f"./{given}", chain, found, "UV_SHIM_REAL_UV"))
    for path in programs.on_path(environ):
        found.append(_judged(path, chain, found, ""))
    kept = router.path().parent.parent / "real-uv"
    if kept.is_file():
        path = kept.read_text(errors="surrogateescape").split("\n", 1)[0]
        found.append(_judged(path, chain, found, "kept at install"))
    return found


def _judged(path: str, chain: Sequence[str], before: Sequence[Candidate], origin: str) -> Candidate:
    """What became of that one, after those."""
    program = programs.is_program(path)
    shim = program and (programs.is_shim(path) or programs.is_stray(path))
    whose = programs.manager(path) if program and not shim else ""
    named = f"{origin}: " if origin else ""
    note = f", {_whose(whose)}" if whose else ""
    same = next((other.path for other in before if _same(path, other.path)), "")
    if same:
        note = f", the same file as {same}{note}"
    if any(other.path == path for other in before):
        state, reason = "passed over", "a second time"
    elif chain and path == chain[-1]:
        state, reason = "taken", "taken"
    elif path in chain:
        state, reason = "passed on", f"{_stray(path) if shim else 'started'}, passes the call on"
    elif program and not programs.is_shim(path) and chain and (
            origin == "kept at install" or any(other.state == "taken" for other in before)):
        state, reason = "not reached", "not reached"
    else:
        state, reason = "passed over", _unfit(path)
    return Candidate(path, state, f"{named}{reason}{note}", shim=shim, manager=whose, runs=program)


def _same(path: str, other: str) -> bool:
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False


def _unfit(path: str) -> str:
    """Why the router passes over that one."""
    if not os.path.exists(path):
        return "a link to nothing" if os.path.islink(path) else "gone"
    if not os.path.isfile(path):
        return "no file"
    if not programs.is_program(path):
        return "not executable"
    if programs.is_shim(path):
        return "this shim" if os.path.samefile(path, router.path()) else "a copy of this shim"
    return "it was started, and called this shim again"


@dataclass(frozen=True)
class Which:
    """The answer."""

    uv: str
    #: Empty where it does not say one.
    version: str
    said: str
    regime: str
    #: The `uv` that comes first on PATH, if it is not this shim, or but its shell half.
    past_the_shim: str
    candidates: Sequence[Candidate]


def look(environ: Mapping[str, str]) -> Which:
    """Ask the router, and explain.

    Raises:
        ShimError: it finds no uv, or refuses; its words.
    """
    found = router.find(environ)
    version = found.version
    every = candidates(environ, found.chain)
    first = next((one for one in every if one.runs and one.path in set(programs.on_path(environ))), None)
    return Which(
        found.chain[-1],
        ".".join(map(str, version)) if version else "",
        found.said,
        regime_in_words(versions.Regime(version)) if version else
        "unknown: its calls get --verify-hashes, if it knows that, and nothing is sealed",
        first.path if first and not programs.seals(first.path) else "",
        every,
    )


def regime_in_words(regime: versions.Regime) -> str:
    """What this uv does about hashes by itself, and what is left for the shim."""
    if not regime.flag:
        return "knows no --verify-hashes: its calls pass untouched"
    if not regime.constrains:
        return "cannot be told hashes: its calls get --verify-hashes (pip install where its dry run accepts that), and nothing is sealed"
    if not regime.hashes:
        return "keeps no hash and checks none by itself: the shim seals"
    if not regime.checks:
        return "keeps hashes, but does not check them against the index: the shim seals"
    return "checks and keeps hashes by itself: nothing is left to seal"


def in_words(which: Which, style: report.Style) -> str:
    """For people."""
    lines = [
        f"uv       {which.uv}",
        f"version  {which.version or f'unknown (it says: {which.said})'}",
        f"regime   {which.regime}",
    ]
    if which.past_the_shim:
        what = f"is not sealed: {which.past_the_shim}, {_stray(which.past_the_shim)}," if programs.is_stray(which.past_the_shim) else (
            f"does not pass the shim: {which.past_the_shim}")
        lines.append(style.paint(f"note     `uv` typed here {what} comes first on PATH", "yellow"))
    return "\n".join((*lines, "", *_listing(which.candidates, style)))


def explained(environ: Mapping[str, str]) -> list[str]:
    """Why there is none, one line a candidate."""
    return [f"{candidate.path}: {candidate.reason}" for candidate in candidates(environ, ())]


def _listing(every: Sequence[Candidate], style: report.Style) -> list[str]:
    colours = {"taken": "green", "passed on": "bold", "passed over": "dim", "not reached": "dim"}
    rows = report.table([(str(number), one.path, one.reason) for number, one in enumerate(every, 1)], right=[0])
    return [style.paint(row, colours[one.state]) for row, one in zip(rows, every)]


def _stray(path: str) -> str:
    return "a link to a copy of this shim" if programs.seals(path) else "a copy of this shim without its Python half"


def _whose(name: str) -> str:
    return "a script that starts another program" if name == "a script" else f"{name}'s shim: it decides which uv that is"
