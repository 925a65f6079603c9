"""What came of warming, and how is it told to a person and to a machine?"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass, field
from pathlib import Path

from uv_shim import report
from uv_shim.warm import cache
from uv_shim.warm.cache import Package

_STATES = {True: "already there", False: "added", None: "could not tell"}


@dataclass(frozen=True)
class Had:
    """A package that uv has in its cache now."""

    package: Package
    #: Version of the Python that it was installed for; empty where it was fetched on the way (to build another).
    python: str
    #: Whether it was there before; None: cannot be told.
    known: bool | None

    @property
    def state(self) -> str:
        """In words."""
        return _STATES[self.known] if self.python else "added on the way"


@dataclass(frozen=True)
class Missing:
    """Something that could not be warmed, with uv's words."""

    what: str
    python: str
    reason: str


@dataclass
class Outcome:
    """All of it."""

    uv: str
    caches: list[Path] = field(default_factory=list)
    had: list[Had] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self, style: report.Style) -> str:
        """For a person: a table, and below it what is missing and why."""
        rows = _rows(self.had)
        lines = report.table([(row.name, row.version, ", ".join(row.pythons), "" if row.size is None else report.size(row.size), row.state)
                              for row in rows], ("package", "version", "Python", "size", "state"), right=(3,)) if rows else []
        painted = [style.paint(line, "bold") if number == 0 else style.paint(line, "dim") if line.endswith("already there") else line
                   for number, line in enumerate(lines)]
        missing = self._missing()
        for (what, reason), pythons in missing.items():
            painted += ["", style.paint(f"could not be warmed: {what}" + (f" for Python {', '.join(pythons)}" if pythons else ""), "red")]
            painted += textwrap.indent(reason, "  ").splitlines()
        for note in self.notes:
            painted += ["", style.paint(note, "yellow")]
        added = [row for row in rows if row.state.startswith("added")]
        total = f"{len(added)} added" + (f" ({report.size(sum(row.size or 0 for row in added))})" if added else "")
        total += f", {sum(row.state == _STATES[True] for row in rows)} already there"
        if any(row.state == _STATES[None] for row in rows):
            total += f", {sum(row.state == _STATES[None] for row in rows)} of which uv does not tell"
        if missing:
            total += f", {len(missing)} could not be warmed"
        return "\n".join([*painted, *([""] if painted else []),
                          f"{total}; by uv {self.uv}, in {', '.join(map(str, self.caches)) or 'no cache'}"])

    def as_json(self) -> str:
        """For a machine."""
        return report.as_json({
            "uv": self.uv,
            "caches": [str(folder) for folder in self.caches],
            "packages": [{"name": row.name, "version": row.version, "pythons": row.pythons, "size": row.size, "state": row.state}
                         for row in _rows(self.had)],
            "missing": [{"what": what, "pythons": pythons, "reason": reason} for (what, reason), pythons in self._missing().items()],
            "notes": self.notes,
        })

    def _missing(self) -> dict[tuple[str, str], list[str]]:
        """Pythons of each thing that could not be had for one reason."""
        merged: dict[tuple[str, str], list[str]] = {}
        for missing in self.missing:
            pythons = merged.setdefault((missing.what, missing.reason), [])
            if missing.python and missing.python not in pythons:
                pythons.append(missing.python)
        return merged


@dataclass
class _Row:
    name: str
    version: str
    state: str
    pythons: list[str]
    archives: set[Path]

    @property
    def size(self) -> int | None:
        return sum(cache.size(archive) for archive in self.archives) if self.archives else None


def _rows(had: list[Had]) -> list[_Row]:
    """One row for each package, version and state: Pythons that share a wheel share the row."""
    rows: dict[tuple[str, str, str], _Row] = {}
    for each in sorted(had, key=lambda each: (each.package.name, each.package.version)):
        key = (each.package.name, each.package.version, each.state)
        row = rows.setdefault(key, _Row(*key, [], set()))
        if each.python and each.python not in row.pythons:
            row.pythons.append(each.python)
        if each.package.archive:
            row.archives.add(each.package.archive)
    return list(rows.values())
