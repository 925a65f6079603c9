"""Which uv runs from here, and why none of the others on PATH?

The router decides; here its decision is explained.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from uv_shim import report, router, versions

#: Programs that stand for others under their names, and how their scripts call themselves.
_MANAGERS = ("mise", "rtx", "pyenv", "asdf", "rustup", "proto", "proto-shim", "vfox", "volta-shim", "aqua-proxy", "safe-chain", "sfw",
             "snap")

_IN_SCRIPT = re.compile(rf"(?<![\w-])({'|'.join(sorted(_MANAGERS, key=len, reverse=True))})(?![\w-])")


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


def on_path(environ: Mapping[str, str]) -> Iterator[str]:
    """Each `uv` on PATH, in order, named as the router names it."""
    for folder in environ.get("PATH", "").split(":"):
        candidate = f"{folder or '.'}/uv"
        if os.path.lexists(candidate):
            yield candidate


def is_program(path: str) -> bool:
    """Whether a shell would start it."""
    return os.path.isfile(path) and os.access(path, os.X_OK)


def is_shim(path: str) -> bool:
    """Whether it is this shim or a copy of it that has its Python half."""
    if is_shim_folder(os.path.dirname(path) or "."):
        return True
    try:
        return os.path.samefile(path, router.path())
    except OSError:
        return False


def is_shim_folder(folder: str) -> bool:
    """Whether the Python half of the shim is beside it."""
    return os.path.exists(f"{folder}/../src/uv_shim/launch.py")


def is_stray(path: str) -> bool:
    """Whether it is a copy of the router without its Python half beside it, or a link to a whole copy."""
    return b"# uv-shim: the `uv` that stands first on PATH" in _head(path)


def seals(path: str) -> bool:
    """Whether it is the shim with its Python half: beside it, or beside what it is a link to."""
    return is_shim(path) or (is_stray(path) and is_shim_folder(os.path.dirname(os.path.realpath(path))))


def manager(path: str) -> str:
    """Whose shim it is, if it is one; a script of nobody known is one, too."""
    target = os.path.basename(os.path.realpath(path))
    if target in _MANAGERS:
        return target
    head = _head(path)
    if head.startswith(b"#!"):
        found = _IN_SCRIPT.search(head.decode("utf-8", "replace"))
        return found[1] if found else "a script"
    if not target.startswith("uv"):
        return target
    # As rustup does it: one program under many names in one folder.
    try:
        itself = os.stat(path)
        if itself.st_nlink > 1:
            for entry in os.scandir(os.path.dirname(os.path.realpath(path))):
                # A uv may have a second name with its version in it.
                if not entry.name.startswith("uv") and entry.inode() == itself.st_ino and entry.is_file():
                    return entry.name
    except OSError:
        pass
    return ""


def candidates(environ: Mapping[str, str], chain: Sequence[str]) -> list[Candidate]:
    """Each `uv` that could have run, in the order in which the router looks, and what became of it; ``chain`` is the router's word."""
    found: list[Candidate] = []
    given = environ.get("UV_SHIM_REAL_UV")
    if given:
        found.append(_judged(given if "/" in given else f"./{given}", chain, found, "UV_SHIM_REAL_UV"))
    for path in on_path(environ):
        found.append(_judged(path, chain, found, ""))
    kept = router.path().parent.parent / "real-uv"
    if kept.is_file():
        path = kept.read_text(errors="surrogateescape").split("\n", 1)[0]
        found.append(_judged(path, chain, found, "kept at install"))
    return found


def _judged(path: str, chain: Sequence[str], before: Sequence[Candidate], origin: str) -> Candidate:
    """What became of that one, after those."""
    program = is_program(path)
    shim = program and (is_shim(path) or is_stray(path))
    whose = manager(path) if program and not shim else ""
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
    elif program and not is_shim(path) and chain and (origin == "kept at install" or any(other.state == "taken" for other in before)):
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
    if not is_program(path):
        return "not executable"
    if is_shim(path):
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
    first = next((one for one in every if one.runs and one.path in set(on_path(environ))), None)
    return Which(
        found.chain[-1],
        ".".join(map(str, version)) if version else "",
        found.said,
        regime_in_words(versions.Regime(version)) if version else
        "unknown: its calls get --verify-hashes, if it knows that, and nothing is sealed",
        first.path if first and not seals(first.path) else "",
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
        what = f"is not sealed: {which.past_the_shim}, {_stray(which.past_the_shim)}," if is_stray(which.past_the_shim) else (
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
    return "a link to a copy of this shim" if seals(path) else "a copy of this shim without its Python half"


def _whose(name: str) -> str:
    return "a script that starts another program" if name == "a script" else f"{name}'s shim: it decides which uv that is"


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as opened:
            return opened.read(4096)
    except OSError:
        return b""
