"""The page: an audit to look at, in one file that asks nothing of anybody.

All that it says is in its text; the script sorts and filters, and without it the page is just as complete.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

from uv_shim import report
from uv_shim.audit.answer import Audit
from uv_shim.audit.rows import HIT, MISS, UNKNOWN, Row
from uv_shim.errors import ShimError

_STYLE = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
_SCRIPT = Path(__file__).with_name("page.js").read_text(encoding="utf-8")

_SIGNS = {HIT: "✓", MISS: "↓", UNKNOWN: "?"}

#: Reasons beyond these share the last colour.
_COLOURS = 8


def write(path: Path, audit: Audit) -> None:
    """Write the page to ``path``: whole, or not at all. A link to it stays one, and a device or a pipe what it is.

    Raises:
        ShimError: that cannot be done.
    """
    partial = None
    try:
        kept = _status(path)
        target = os.path.realpath(path)
        if kept and not stat.S_ISREG(kept.st_mode):
            with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:  # a path may be any bytes
                file.write(html(audit))
            return
        fd, partial = tempfile.mkstemp(dir=os.path.dirname(target), prefix=f".{path.name}.")
        with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(html(audit))
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(partial, stat.S_IMODE(kept.st_mode) if kept else 0o666 & ~mask)
        os.replace(partial, target)
    except OSError as error:
        raise ShimError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        if partial and os.path.exists(partial):
            os.unlink(partial)


def _status(path: Path) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


class _Share(NamedTuple):
    """What one reason comes to."""

    reason: str
    rows: list[Row]
    colour: int

    @property
    def bytes(self) -> int:
        return sum(row.size or 0 for row in self.rows)

    @property
    def size(self) -> str:
        """In words; what has no known size is said."""
        unsized = sum(row.size is None for row in self.rows)
        if unsized == len(self.rows):
            return "size unknown"
        return f"{report.size(self.bytes)}{f' and {unsized} of unknown size' if unsized else ''}"


def html(audit: Audit) -> str:
    """The whole page."""
    shares = _shares(audit)
    colours = {share.reason: share.colour for share in shares}
    largest = max((row.size or 0 for row in audit.downloads), default=0)
    notes = "".join(f"<p class=note>{_prose(note)}</p>" for note in audit.plan.notes)
    return (
        "<!DOCTYPE html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
        f'<meta http-equiv=Content-Security-Policy content="{_policy()}">\n'
        '<meta name=viewport content="width=device-width, initial-scale=1">\n<meta name=color-scheme content="light dark">\n'
        f"<title>uv sync: {escape(os.path.basename(audit.project) or audit.project)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<a class=skip href="#packages">To the packages</a>\n<header>\n<h1>{escape(_headline(audit))}</h1>\n'
        f"<dl class=where>{''.join(_where(audit))}</dl>\n{notes}</header>\n<main>\n{_tiles(audit)}{_chart(shares)}{_todo(shares)}"
        f"{_controls(audit)}<div class=scroll tabindex=0 role=region aria-label=Packages><table id=packages>\n"
        f"<caption class=hidden>Packages, largest download first</caption>\n<thead><tr>{''.join(_heads())}</tr></thead>\n<tbody>\n"
        f"{''.join(_row(row, colours, largest) for row in audit.sorted)}</tbody>\n</table></div>\n"
        "<p id=none hidden>No package is like that.</p>\n</main>\n"
        f"<footer>Written by <code>uv-shim audit</code>; judged by <code>{escape(audit.plan.source)}</code>"
        f"{'' if audit.plan.judge else ', which does not say what is in the cache'}.</footer>\n"
        f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _headline(audit: Audit) -> str:
    count = len(audit.downloads)
    if not count:
        return "The next uv sync will download nothing"
    size = f"{'at least ' if audit.unsized else ''}{report.size(audit.bytes)}"
    return f"The next uv sync will download {count} file{'s' if count != 1 else ''}, {size}"


def _where(audit: Audit) -> Iterator[str]:
    for name, value in (("Project", audit.project), ("uv", audit.uv), ("Python", audit.python), ("Cache", audit.cache or "none")):
        yield f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>"


def _tiles(audit: Audit) -> str:
    tiles = "".join(f"<li class={verdict}><b>{audit.count(verdict)}</b> <span>{_SIGNS[verdict]} {words}</span></li>"
                    for verdict, words in ((MISS, "to download"), (HIT, "here already"), (UNKNOWN, "unknown")))
    return f'<ul class=tiles aria-label="In numbers">{tiles}</ul>\n'


def _shares(audit: Audit) -> list[_Share]:
    reasons: dict[str, list[Row]] = {}
    for row in audit.downloads:
        reasons.setdefault(row.reason, []).append(row)
    ranked = sorted(reasons.items(), key=lambda item: (-sum(row.size or 0 for row in item[1]), -len(item[1]), item[0]))
    return [_Share(reason, rows, min(place, _COLOURS - 1)) for place, (reason, rows) in enumerate(ranked)]


def _chart(shares: list[_Share]) -> str:
    """One bar, its parts as wide as their bytes, and a button a part, which filters."""
    if not shares:
        return ""
    total = sum(share.bytes for share in shares)
    parts, left = "", 0.0
    for share in shares:
        width = 100 * share.bytes / total if total else 100 / len(shares)
        title = f"{escape(share.reason)}: {len(share.rows)}, {escape(share.size)}"
        parts += f"<rect class=c{share.colour} x={left:.3f} width={width:.3f} height=10><title>{title}</title></rect>"
        left += width
    buttons = "".join(f'<button type=button class=reason data-reason="{escape(share.reason)}" aria-pressed=false>'
                      f"<i class=c{share.colour}></i>{escape(share.reason)}<small>{len(share.rows)} · {escape(share.size)}</small></button>"
                      for share in shares)
    return ('<section aria-labelledby=why><h2 id=why>Why, by size</h2>\n<svg class=chart viewBox="0 0 100 10" preserveAspectRatio=none '
            f'role=img aria-label="Bytes by reason">{parts}</svg>\n'
            f'<div class=reasons role=group aria-label="Show one reason alone">{buttons}</div></section>\n')


def _todo(shares: list[_Share]) -> str:
    if not shares:
        return ""
    items = "".join(f"<dt><i class=c{share.colour}></i>{escape(share.reason)}</dt><dd>{_prose(share.rows[0].todo)}</dd>"
                    for share in shares)
    return f"<details class=todo><summary>What to do</summary><dl>{items}</dl></details>\n"


def _controls(audit: Audit) -> str:
    return ("<div class=controls><label for=search>Search</label><input id=search type=search autocomplete=off spellcheck=false "
            'placeholder="name, file, reason … ( / )"><label class=check><input id=downloads type=checkbox> only downloads</label>'
            f"<output id=shown aria-live=polite>{len(audit.rows)} of {len(audit.rows)} packages</output></div>\n")


def _heads() -> Iterator[str]:
    for key, words in (("verdict", "Verdict"), ("name", "Package"), ("version", "Version"), ("size", "Size"), ("reason", "Why")):
        yield f"<th scope=col data-key={key}><button type=button>{words}<span aria-hidden=true></span></button></th>"


def _row(row: Row, colours: dict[str, int], largest: int) -> str:
    size = "" if row.verdict == HIT and not row.size else report.size(row.size) if row.size is not None else "?"
    bar = ""
    if row.downloads and row.size and largest:
        bar = (f'<svg class=bar viewBox="0 0 100 4" preserveAspectRatio=none aria-hidden=true><rect class=c{colours[row.reason]} '
               f"width={max(100 * row.size / largest, 1):.2f} height=4 /></svg>")
    order = {MISS: 0, UNKNOWN: 1, HIT: 2}[row.verdict]
    return (f'<tr data-verdict={order} data-name="{escape(row.name)}" data-version="{escape(row.version or "")}" data-size={row.size or 0} '
            f'data-reason="{escape(row.reason)}" data-downloads={int(row.downloads)}>'
            f'<td><span class="verdict {row.verdict}">{_SIGNS[row.verdict]} {row.verdict}</span></td><th scope=row>{escape(row.name)}</th>'
            f"<td>{escape(row.version or '')}</td><td class=size>{size}{bar}</td>"
            f"<td><details><summary>{escape(row.reason)}: {_prose(row.why)}</summary>{_details(row)}</details></td></tr>\n")


def _details(row: Row) -> str:
    facts = [("To do", row.todo), ("File", row.file or ""), ("From", row.source),
             ("uv's plan", f"{row.planned or 'none'}{' (this reads otherwise)' if row.agrees is False else ''}")]
    items = "".join(f"<dt>{name}</dt><dd>{_prose(value)}</dd>" for name, value in facts if value)
    near = "".join(f"<li><code>{escape(str(near.entry.path))}</code> {_prose(near.words)}</li>" for near in row.near)
    return f"<dl>{items}</dl>{f'<p>In the cache:</p><ul>{near}</ul>' if near else ''}"


def _prose(text: str) -> str:
    """Text, with what stands between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _policy() -> str:
    """Its own style and its own script, and nothing else, from nowhere."""
    return f"default-src 'none'; style-src {_allowed(_STYLE)}; script-src {_allowed(_SCRIPT)}; base-uri 'none'; form-action 'none'"


def _allowed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
