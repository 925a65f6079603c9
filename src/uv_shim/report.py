"""How the management command says things: aligned, coloured only on a terminal, with a progress line where it takes long.

Commands return values; `cli` prints what is made of them here. Nothing in here decides anything.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TextIO

_CODES = {"green": "32", "yellow": "33", "red": "31", "bold": "1", "dim": "2"}

#: Below this, a person does not wonder whether anything happens.
_QUIET_SECONDS = 1.0


class Answer(NamedTuple):
    """What a command says on standard output, and its exit code."""

    text: str
    code: int = 0


class Style:
    """Colours, or none: a pipe, ``NO_COLOR`` and ``TERM=dumb`` get plain text; ``FORCE_COLOR`` gets colours anywhere."""

    def __init__(self, stream: TextIO, environ: Mapping[str, str]) -> None:
        self.coloured = bool(environ.get("FORCE_COLOR")) or (
            not environ.get("NO_COLOR") and environ.get("TERM") != "dumb" and stream.isatty())

    def paint(self, text: str, colour: str) -> str:
        """``text`` in one of green, yellow, red, bold, dim."""
        return f"\033[{_CODES[colour]}m{text}\033[0m" if self.coloured and text else text


def table(rows: Sequence[Sequence[str]], header: Sequence[str] = (), *, right: Sequence[int] = ()) -> list[str]:
    """Lines of an aligned table; columns whose number is in ``right`` stand to the right. Paint whole lines, not cells."""
    everything = [header, *rows] if header else list(rows)
    if not everything:
        return []
    widths = [max(len(row[column]) for row in everything) for column in range(len(everything[0]))]
    return ["  ".join(cell.rjust(width) if column in right else cell.ljust(width)
                      for column, (cell, width) in enumerate(zip(row, widths))).rstrip() for row in everything]


def as_json(value: object) -> str:
    """JSON for machines: indented, keys in the order they were given."""
    return json.dumps(value, indent=2)


def size(count: int) -> str:
    """Bytes, for people."""
    for limit, unit, divisor in ((1000, "B", 1), (1_000_000, "kB", 1000), (1_000_000_000, "MB", 1_000_000)):
        if count < limit:
            return f"{count} B" if divisor == 1 else f"{count / divisor:.1f} {unit}"
    return f"{count / 1_000_000_000:.1f} GB"


def redacted(text: str) -> str:
    """uv's words without the credentials of URLs in them."""
    return re.sub(r"(?<=://)[^/\s'\"`]*@", "", text)


class Progress:
    """One line on standard error that is redrawn while something takes longer than a second; nothing in a pipe."""

    def __init__(self, what: str, total: int | None = None, stream: TextIO | None = None) -> None:
        self._what = what
        self._total = total
        self._stream = stream or sys.stderr
        self._begun = self._drawn = time.monotonic()
        self._shown = False

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            self._stream.write("\r\033[K")
            self._stream.flush()

    def at(self, done: int, detail: str = "") -> None:
        """Say how far it is."""
        now = time.monotonic()
        if not self._stream.isatty() or now - self._begun < _QUIET_SECONDS or (self._shown and now - self._drawn < 0.1):
            return
        bar = ""
        if self._total:
            filled = min(20, 20 * done // self._total)
            bar = f" [{'#' * filled}{'.' * (20 - filled)}] {done}/{self._total}"
        width = os.get_terminal_size(self._stream.fileno()).columns if hasattr(self._stream, "fileno") else 80
        self._stream.write(f"\r\033[K{f'{self._what}{bar} {detail}'[: max(width - 1, 20)]}")
        self._stream.flush()
        self._drawn, self._shown = now, True
