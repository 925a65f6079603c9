"""Measuring: how long do commands take beside each other, and what was found out so far?

Times are whole processes, in milliseconds. Commands that are compared run in turn (A B, B A, …), so that what else the machine does
meets all of them; what is told is the median of the pairs.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

Action = Callable[[], Any]


class Spread(NamedTuple):
    """A median, and how far the values lie apart: the quartiles, or the smallest and the largest where there are fewer than five."""

    median: float
    low: float
    high: float
    pairs: int


def spread(values: Iterable[float]) -> Spread:
    kept = sorted(values)
    if len(kept) < 5:
        return Spread(statistics.median(kept), kept[0], kept[-1], len(kept))
    low, middle, high = statistics.quantiles(kept, n=4)
    return Spread(middle, low, high, len(kept))


def in_turn(runs: int, actions: dict[str, Action], prepare: Action = lambda: None, *, uncounted: bool = True,
            ) -> Iterator[tuple[str, float, Any]]:
    """Name, milliseconds and result of each action, ``runs`` times; ``prepare`` is not timed, and a first round may not count."""
    order = list(actions)
    for turn in range(0 if uncounted else 1, runs + 1):
        for name in order:
            prepare()
            start = time.perf_counter()
            result = actions[name]()
            taken = (time.perf_counter() - start) * 1000
            if turn:
                yield name, round(taken, 2), result
        order.reverse()


def times(runs: int, actions: dict[str, Action], prepare: Action = lambda: None) -> dict[str, list[float]]:
    """Milliseconds of each run of each action."""
    found: dict[str, list[float]] = {name: [] for name in actions}
    for name, taken, _ in in_turn(runs, actions, prepare):
        found[name].append(taken)
    return found


def command(argv: list[str], environ: dict[str, str], folder: Path) -> Action:
    """A run of that command, its output thrown away; it has to end well."""

    def run() -> None:
        subprocess.run(argv, env=environ, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=True)

    return run


def load() -> float:
    """Processes that were running or waiting in the last minute, this one's among them."""
    return round(os.getloadavg()[0], 1)


def machine() -> dict[str, Any]:
    """What the figures depend on. No names and no paths of the machine."""
    info = Path("/proc/cpuinfo")
    models = [line.partition(":")[2].strip() for line in info.read_text(encoding="utf-8").splitlines() if line.startswith("model name")] \
        if info.exists() else []
    release = Path("/etc/os-release")
    fields = dict(line.partition("=")[::2] for line in release.read_text(encoding="utf-8").splitlines()) if release.exists() else {}
    return {"processor": models[0] if models else platform.machine(), "cores": os.cpu_count(),
            "system": fields.get("PRETTY_NAME", platform.system()).strip('"'), "kernel": platform.release().split("-")[0],
            "sh": Path("/bin/sh").resolve().name,
            "python": platform.python_version() + (", the system's own" if Path(sys.executable).resolve().parent == Path("/usr/bin") else "")}


class Results:
    """What was found out, by section and row; written to a file after each row, so that nothing is lost when this is stopped."""

    def __init__(self, file: Path | None, data: dict[str, Any] | None = None) -> None:
        self._file = file
        self.data: dict[str, Any] = data or {}

    def has(self, section: str, name: str) -> bool:
        return name in self.data.get(section, {})

    def put(self, section: str, name: str, row: dict[str, Any]) -> None:
        """Keep a row, with the load under which it was taken."""
        self.data.setdefault(section, {})[name] = {**row, "load": load()}
        self.write()

    def write(self) -> None:
        if self._file:
            partial = self._file.with_name(f".{self._file.name}")
            partial.write_text(dumped(self.data) + "\n", encoding="utf-8")
            partial.replace(self._file)


def dumped(data: Any, indent: str = "") -> str:
    """JSON with one row a line: a new measurement is a diff that can be read."""
    if isinstance(data, dict) and len(indent) < 4 and any(isinstance(value, dict) for value in data.values()):
        inner = indent + "  "
        rows = ",\n".join(f"{inner}{json.dumps(key)}: {dumped(value, inner)}" for key, value in data.items())
        return f"{{\n{rows}\n{indent}}}"
    return json.dumps(data)
