"""The page: an audit to look at, in one file that asks nothing of anybody.

All that it says is in its text; the script sorts and filters, and without it the page is just as complete.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

from uv_shim import report
from uv_shim.audit.answer import Audit
from uv_shim.audit.rows import HIT, MISS, UNKNOWN, Row
from uv_shim.errors import ShimError

_SIGNS = {HIT: "✓", MISS: "↓", UNKNOWN: "?"}

#: Reasons beyond these share the last colour.
_COLOURS = 8


def write(path: Path, audit: Audit) -> None:
    """Write the page to ``path``: whole, or not at all.

    Raises:
        ShimError: that cannot be done.
    """
    partial = None
    try:
        fd, partial = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(html(audit))
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(partial, 0o666 & ~mask)
        os.replace(partial, path)
    except OSError as error:
        if partial and os.path.exists(partial):
            os.unlink(partial)
        raise ShimError(f"{path} cannot be written: {error.strerror}.") from None


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
        f'<meta http-equiv=Content-Security-Policy content="default-src \'none\'; style-src {_allowed(_STYLE)}; script-src {_allowed(_SCRIPT)}; '
        "base-uri 'none'; form-action 'none'\">\n"
        '<meta name=viewport content="width=device-width, initial-scale=1">\n<meta name=color-scheme content="light dark">\n'
        f"<title>uv sync: {escape(os.path.basename(audit.project) or audit.project)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<a class=skip href="#packages">To the packages</a>\n<header>\n<h1>{escape(_headline(audit))}</h1>\n'
        f"<dl class=where>{''.join(_where(audit))}</dl>\n{notes}</header>\n<main>\n{_tiles(audit)}{_chart(shares)}{_todo(shares)}"
        f"{_controls(audit)}<div class=scroll tabindex=0 role=region aria-label=Packages><table id=packages>\n<caption class=hidden>Packages, largest download "
        f"first</caption>\n<thead><tr>{''.join(_heads())}</tr></thead>\n<tbody>\n{''.join(_row(row, colours, largest) for row in audit.sorted)}"
        f"</tbody>\n</table></div>\n<p id=none hidden>No package is like that.</p>\n</main>\n<footer>Written by <code>uv-shim audit</code>; judged by "
        f"<code>{escape(audit.plan.source)}</code>{'' if audit.plan.judge else ', which does not say what is in the cache'}.</footer>\n"
        f"<script>{_SCRIPT}</script>\n</body>\n</html>\n"
    )


def _headline(audit: Audit) -> str:
    count = len(audit.downloads)
    if not count:
        return "The next uv sync will download nothing"
    return f"The next uv sync will download {count} file{'s' if count != 1 else ''}, {'at least ' if audit.unsized else ''}{report.size(audit.bytes)}"


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
    buttons = "".join(f'<button type=button class=reason data-reason="{escape(share.reason)}" aria-pressed=false><i class=c{share.colour}></i>'
                      f"{escape(share.reason)}<small>{len(share.rows)} · {escape(share.size)}</small></button>" for share in shares)
    return (f'<section aria-labelledby=why><h2 id=why>Why, by size</h2>\n<svg class=chart viewBox="0 0 100 10" preserveAspectRatio=none '
            f'role=img aria-label="Bytes by reason">{parts}</svg>\n<div class=reasons role=group aria-label="Show one reason alone">{buttons}</div></section>\n')


def _todo(shares: list[_Share]) -> str:
    if not shares:
        return ""
    items = "".join(f"<dt><i class=c{share.colour}></i>{escape(share.reason)}</dt><dd>{_prose(share.rows[0].todo)}</dd>" for share in shares)
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
            f'data-reason="{escape(row.reason)}" data-downloads={int(row.downloads)}><td><span class="verdict {row.verdict}">{_SIGNS[row.verdict]} '
            f"{row.verdict}</span></td><th scope=row>{escape(row.name)}</th><td>{escape(row.version or '')}</td><td class=size>{size}{bar}</td>"
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


def _allowed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


_STYLE = """
:root { --page: #fff; --text: #1c2128; --dim: #59636e; --line: #d1d9e0; --soft: #f6f8fa; --accent: #0550ae; --hit: #116329; --miss: #a40e26;
  --unknown: #7d4e00; --c0: #cf222e; --c1: #bc4c00; --c2: #9a6700; --c3: #1a7f37; --c4: #0969da; --c5: #8250df; --c6: #bf3989; --c7: #6e7781; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0d1117; --text: #e6edf3; --dim: #9198a1; --line: #3d444d; --soft: #161b22; --accent: #79c0ff; --hit: #56d364; --miss: #ff8182;
    --unknown: #e3b341; --c0: #ff7b72; --c1: #ffa657; --c2: #e3b341; --c3: #56d364; --c4: #79c0ff; --c5: #d2a8ff; --c6: #ff9bce; --c7: #9198a1; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem clamp(1rem, 4vw, 3rem) 3rem; max-width: 80rem; background: var(--page); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { margin: 0 0 .75rem; font-size: clamp(1.4rem, 3vw, 2rem); line-height: 1.2; text-wrap: balance; }
h2 { margin: 1.75rem 0 .5rem; font-size: 1.05rem; }
dl, ul { margin: 0; padding: 0; }
dd { margin: 0; overflow-wrap: anywhere; }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
.where { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: .25rem 1.5rem; font-size: .875rem; }
dt { color: var(--dim); font-size: .8125rem; }
.note { margin: .75rem 0 0; padding-left: .75rem; border-left: 3px solid var(--unknown); font-size: .9rem; }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.25rem; list-style: none; }
.tiles li { flex: 1 1 9rem; padding: .6rem .9rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--soft); }
.tiles b { display: block; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tiles .hit span { color: var(--hit); } .tiles .miss span { color: var(--miss); } .tiles .unknown span { color: var(--unknown); }
.chart { display: block; width: 100%; height: 1.75rem; border-radius: .35rem; }
.chart rect { stroke: var(--page); stroke-width: .15; }
.reasons { display: flex; flex-wrap: wrap; gap: .5rem; margin-top: .6rem; }
button { font: inherit; color: inherit; cursor: pointer; }
.reason { display: inline-flex; align-items: center; gap: .45rem; padding: .25rem .7rem; border: 1px solid var(--line); border-radius: 2rem;
  background: var(--soft); font-size: .9rem; }
.reason small { color: var(--dim); }
.reason[aria-pressed=true] { border-color: var(--accent); box-shadow: inset 0 0 0 1px var(--accent); }
i { display: inline-block; flex: none; width: .75rem; height: .75rem; margin-right: .1rem; border-radius: .2rem; }
.c0 { fill: var(--c0); background: var(--c0); } .c1 { fill: var(--c1); background: var(--c1); } .c2 { fill: var(--c2); background: var(--c2); }
.c3 { fill: var(--c3); background: var(--c3); } .c4 { fill: var(--c4); background: var(--c4); } .c5 { fill: var(--c5); background: var(--c5); }
.c6 { fill: var(--c6); background: var(--c6); } .c7 { fill: var(--c7); background: var(--c7); }
.todo { margin-top: 1rem; }
.todo dl { margin-top: .5rem; }
.todo dt { margin-top: .5rem; color: var(--text); font-weight: 600; }
.todo dt i { margin-right: .45rem; }
summary { cursor: pointer; }
.controls { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem .9rem; margin: 1.75rem 0 .6rem; }
input[type=search] { flex: 1 1 14rem; min-width: 0; padding: .4rem .7rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--page);
  color: inherit; font: inherit; }
.check { display: inline-flex; align-items: center; gap: .4rem; }
output { color: var(--dim); font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; font-weight: 400; }
tbody th { font-weight: 600; overflow-wrap: anywhere; }
thead button { padding: 0; border: 0; background: none; font-weight: 600; white-space: nowrap; }
thead span::after { content: "↕"; margin-left: .3rem; color: var(--dim); opacity: .6; }
th[aria-sort=ascending] span::after { content: "↑"; opacity: 1; } th[aria-sort=descending] span::after { content: "↓"; opacity: 1; }
td:last-child { width: 55%; min-width: 16rem; }
td details dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .75rem; margin-top: .35rem; font-size: .9rem; }
td details p, td details ul { margin: .35rem 0 0; font-size: .9rem; }
td details li { margin: .2rem 0 0 1.1rem; }
.verdict { white-space: nowrap; font-weight: 600; } .verdict.hit { color: var(--hit); } .verdict.miss { color: var(--miss); }
.verdict.unknown { color: var(--unknown); }
.size { white-space: nowrap; font-variant-numeric: tabular-nums; min-width: 6rem; }
.bar { display: block; width: 100%; height: .3rem; margin-top: .15rem; }
footer { margin-top: 2rem; color: var(--dim); font-size: .875rem; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: .2rem; }
.hidden, .skip:not(:focus) { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
[hidden] { display: none; }
@media print { .controls, .skip { display: none; } }
"""

_SCRIPT = """
"use strict";
const body = document.querySelector("#packages tbody"), rows = [...body.rows], search = document.getElementById("search");
const downloads = document.getElementById("downloads"), shown = document.getElementById("shown"), none = document.getElementById("none");
const buttons = [...document.querySelectorAll(".reason")], texts = new Map(rows.map(row => [row, row.textContent.toLowerCase()]));
let reason = null;
function filter() {
  const words = search.value.toLowerCase().split(/\\s+/).filter(Boolean);
  let count = 0;
  for (const row of rows) {
    row.hidden = !words.every(word => texts.get(row).includes(word)) || (reason !== null && (row.dataset.reason !== reason || row.dataset.downloads === "0"))
      || (downloads.checked && row.dataset.downloads === "0");
    count += !row.hidden;
  }
  shown.textContent = `${count} of ${rows.length} packages`;
  none.hidden = count > 0;
}
function sort(head) {
  const key = head.dataset.key, numeric = key === "size" || key === "verdict", before = head.getAttribute("aria-sort");
  const down = before ? before === "ascending" : key === "size";
  for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  const compare = (a, b) => numeric ? a.dataset[key] - b.dataset[key] : a.dataset[key].localeCompare(b.dataset[key], "en", {numeric: true});
  rows.sort((a, b) => (down ? -1 : 1) * compare(a, b) || a.dataset.name.localeCompare(b.dataset.name));
  body.append(...rows);
}
for (const head of document.querySelectorAll("thead th")) head.querySelector("button").addEventListener("click", () => sort(head));
for (const button of buttons) button.addEventListener("click", () => {
  reason = reason === button.dataset.reason ? null : button.dataset.reason;
  for (const other of buttons) other.setAttribute("aria-pressed", other.dataset.reason === reason);
  filter();
});
search.addEventListener("input", filter);
downloads.addEventListener("change", filter);
document.addEventListener("keydown", event => {
  if (event.key === "/" && document.activeElement !== search && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    search.focus();
  } else if (event.key === "Escape" && document.activeElement === search) {
    search.value = "";
    filter();
  }
});
"""
