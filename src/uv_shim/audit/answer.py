"""The answer: the rows together, and what they come to."""

from __future__ import annotations

from typing import NamedTuple

from uv_shim.audit.plan import Plan
from uv_shim.audit.rows import HIT, MISS, UNKNOWN, Near, Row

#: What is worth looking at comes first.
_ORDER = {MISS: 0, UNKNOWN: 1, HIT: 2}


class Audit(NamedTuple):
    """What `uv sync` will find in its cache."""

    #: As in ``uv 0.9.8``.
    uv: str
    binary: str
    project: str
    #: The cache; None: uv is told to use none.
    cache: str | None
    #: As in ``CPython 3.11.7``; in words, why it cannot be told, if so.
    python: str
    plan: Plan
    rows: tuple[Row, ...]

    @property
    def sorted(self) -> list[Row]:
        """Misses first, the largest before the others."""
        return sorted(self.rows, key=lambda row: (_ORDER[row.verdict], -(row.size or 0), row.name))

    @property
    def downloads(self) -> list[Row]:
        """What has to be reckoned with that it is downloaded."""
        return [row for row in self.sorted if row.downloads]

    @property
    def bytes(self) -> int:
        """What these cost, as far as it is known."""
        return sum(row.size or 0 for row in self.downloads)

    @property
    def unsized(self) -> int:
        """How many of them have no known size."""
        return sum(row.size is None for row in self.downloads)

    def count(self, verdict: str) -> int:
        """How many rows have that verdict."""
        return sum(row.verdict == verdict for row in self.rows)

    def as_data(self, only: str | None = None) -> dict[str, object]:
        """For machines; ``only``: one package, with what comes close."""
        return {
            "uv": self.uv, "binary": self.binary, "project": self.project, "cache": self.cache, "python": self.python,
            "plan": self.plan.source, "judged_by_uv": self.plan.judge, "notes": list(self.plan.notes),
            "rows": [_row(row, near=only is not None) for row in self.sorted if only in (None, row.name)],
            "totals": {HIT: self.count(HIT), MISS: self.count(MISS), UNKNOWN: self.count(UNKNOWN),
                       "downloads": len(self.downloads), "bytes": self.bytes, "without_size": self.unsized},
        }


def _row(row: Row, *, near: bool) -> dict[str, object]:
    data: dict[str, object] = {
        "name": row.name, "version": row.version, "verdict": row.verdict, "reason": row.reason, "why": row.why, "todo": row.todo,
        "file": row.file, "size": row.size, "source": row.source, "downloads": row.downloads, "uv_plan": row.planned, "agrees": row.agrees,
    }
    if near:
        data["near"] = [_near(one) for one in row.near]
    return data


def _near(near: Near) -> dict[str, object]:
    entry = near.entry
    return {"path": str(entry.path), "file": entry.filename, "version": entry.version, "hashes": list(entry.hashes),
            "built": list(entry.built), "differences": list(near.differences), "words": near.words}
