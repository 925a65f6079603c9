"""Words: an audit and a whole cache as text for people."""

from __future__ import annotations

from uv_shim import report
from uv_shim.audit.answer import Audit
from uv_shim.audit.rows import HIT, MISS, UNKNOWN, Row
from uv_shim.audit.whole import Pile, Whole

_AGREES = {None: "", True: ", as this reads it", False: ", otherwise than this reads it"}

_COLOURS = {HIT: "green", MISS: "red"}

#: By index there are few lines; by name, these many of those that need attention.
_NAMES = 15


def audit(what: Audit, style: report.Style) -> list[str]:
    """All rows, what to do, and what the next sync costs."""
    lines = _head(what)
    rows = what.sorted
    cells = [(row.verdict, row.name, row.version or "", _size(row), _remark(row)) for row in rows]
    table = report.table(cells, right=(3,))
    lines += [style.paint(line, _COLOURS.get(row.verdict, "yellow")) if row.verdict != HIT else line for line, row in zip(table, rows)]
    reasons: dict[str, list[Row]] = {}
    for row in rows:
        if row.todo:
            reasons.setdefault(row.reason, []).append(row)
    if reasons:
        lines += ["", style.paint("What to do", "bold")]
        for reason, those in reasons.items():
            named = ", ".join(row.name for row in those[:4]) + (", …" if len(those) > 4 else "")
            lines += [f"  {reason} ({named})", f"    {those[0].todo}"]
    return [*lines, "", *_end(what)]


def package(what: Audit, name: str, style: report.Style) -> list[str]:
    """One package with every entry of the cache that comes close."""
    lines = _head(what)
    for row in what.rows:
        if row.name != name:
            continue
        lines += [style.paint(f"{row.name} {row.version or ''}: {row.verdict}, {_remark(row)}", _COLOURS.get(row.verdict, "yellow")),
                  f"  from       {row.source}", f"  file       {row.file or 'none, or it cannot be told'}",
                  f"  size       {_size(row) or 'unknown'}",
                  f"  uv's plan  {row.planned or 'none'}{_AGREES[row.agrees]}"]
        if row.todo:
            lines += [f"  to do      {row.todo}"]
        lines += ["", f"  Entries of the cache that come close: {len(row.near)}"]
        for near in row.near:
            hashes = ", ".join(near.entry.hashes) or "no hash"
            lines += [f"    {near.entry.path}", f"      {near.words}", f"      {hashes}"]
            lines += [f"      built: {', '.join(near.entry.built)}"] if near.entry.built else []
    return lines


def whole(what: Whole, folder: str, style: report.Style) -> list[str]:
    """A whole cache."""
    total = what.total
    lines = [f"cache  {folder}", "",
             style.paint(f"{total.entries} files from the network: {total.hashed} with a hash{_beside(total, hashed=True)}, "
                         f"{total.unhashed} without{_beside(total, hashed=False)}, {total.unreadable} that cannot be read.", "bold")]
    if total.unpacked:
        lines += [f"Of {total.unpacked} of them, the bytes are those of the unpacked files: before 0.12.0, uv does not note the others."]
    if total.unsized:
        lines += [f"Of {total.unsized} of them, no size can be told."]
    for title, piles in (("by index", what.by_index), ("by bucket", what.by_bucket)):
        lines += ["", *_piles(title, sorted(piles.items(), key=lambda item: -item[1].entries))]
    names = sorted(what.by_name.items(), key=lambda item: (-item[1].unhashed, -item[1].unreadable, -item[1].entries, item[0]))
    more = "" if len(names) <= _NAMES else f" (the first {_NAMES} of {len(names)}; --json has all)"
    lines += ["", *_piles(f"by name{more}", names[:_NAMES])]
    if what.unreadable:
        lines += ["", "cannot be read", *(f"  {path}: {reason}" for path, reason in what.unreadable)]
    return lines


def _piles(title: str, piles: list[tuple[str, Pile]]) -> list[str]:
    rows = [(name, str(pile.hashed), _bytes(pile, hashed=True), str(pile.unhashed), _bytes(pile, hashed=False), str(pile.unreadable))
            for name, pile in piles]
    return report.table(rows, (title, "with a hash", "bytes", "without", "bytes", "unreadable"), right=(1, 2, 3, 4, 5))


def _beside(pile: Pile, *, hashed: bool) -> str:
    size = _bytes(pile, hashed=hashed)
    return f" ({size})" if size else ""


def _bytes(pile: Pile, *, hashed: bool) -> str:
    count, known = (pile.hashed, pile.hashed_bytes) if hashed else (pile.unhashed, pile.unhashed_bytes)
    if not count:
        return ""
    return report.size(known) if known else "size unknown"


def _head(what: Audit) -> list[str]:
    lines = [f"project  {what.project}", f"uv       {what.uv}, by `{what.plan.source}`", f"python   {what.python}",
             f"cache    {what.cache or 'none: uv is told to use none'}"]
    return [*lines, *(f"note     {note}" for note in what.plan.notes), ""]


def _remark(row: Row) -> str:
    if row.agrees is False and row.reason != "disagree":
        return f"{row.why} (uv's plan says: {row.planned})"
    if row.verdict == UNKNOWN and row.planned == "download" and row.reason != "disagree":
        return f"{row.why} (uv's plan: download)"
    return row.why


def _size(row: Row) -> str:
    if row.verdict == HIT and row.size == 0:
        return ""
    return report.size(row.size) if row.size is not None else "?"


def _end(what: Audit) -> list[str]:
    downloads = len(what.downloads)
    if not what.rows:
        return ["There is nothing to install."]
    if not downloads:
        return [f"The next `uv sync` downloads nothing: {len(what.rows)} of {len(what.rows)} packages are here."]
    known = f"{'at least ' if what.unsized else ''}{report.size(what.bytes)}"
    unknown = what.count(UNKNOWN)
    perhaps = f", {unknown} of the packages could not be told" if unknown else ""
    here = f"{len(what.rows) - downloads} of {len(what.rows)} packages are here{perhaps}"
    return [f"The next `uv sync` would download {downloads} file{'s' if downloads != 1 else ''}, {known}; {here}."]
