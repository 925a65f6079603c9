"""Plots as SVG, from the data: by hand, so that they are small, the same wherever they are drawn, and readable on light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

#: Middle tones that stand out on white and on black; text and lines follow the reader's scheme.
COLOURS = ("#2f81f7", "#d9822b", "#3fa35b")

_STYLE = """<style>
text { font: 12px system-ui, sans-serif; fill: #24292f } .small { font-size: 11px } .title { font-weight: 600 }
line, path { stroke: #8c959f; fill: none } .faint { stroke-opacity: .35 } .mark { stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } }
</style>"""


def _document(width: float, height: float, title: str, parts: Sequence[str]) -> str:
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" role="img" aria-label="{escape(title)}">', _STYLE, *parts, "</svg>", ""])


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "small") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{escape(text)}</text>'


def _line(x: float, y: float, to_x: float, to_y: float, kind: str = "faint") -> str:
    return f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}" class="{kind}"/>'


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'


def _legend(names: Sequence[str], x: float, y: float) -> list[str]:
    parts = []
    for place, name in enumerate(names):
        parts += [_box(x, y - 9, 10, 10, COLOURS[place]), _text(x + 15, y, name)]
        x += 30 + 7 * len(name)
    return parts


def ratios(title: str, panels: Sequence[tuple[str, Sequence[tuple[str, Sequence[float]]]]], series: Sequence[str]) -> str:
    """Bars of a ratio: a panel a group, in it a cluster a line, in it a bar a series; 1 is where the bare uv is."""
    top, bottom, left, width = 66, 226, 60, 240
    most = max(1.1, *(value for _, clusters in panels for _, values in clusters for value in values))
    height = (bottom - top) / most
    parts = [_text(left, 20, title, kind="title"), *_legend(series, left, 42)]
    for mark in (0, 0.25, 0.5, 0.75, 1):
        y = bottom - mark * height
        parts += [_text(left - 8, y + 4, f"{mark:g} ×", "end"), _line(left, y, left + width * len(panels), y, "mark" if mark == 1 else "faint")]
    for number, (name, clusters) in enumerate(panels):
        x = left + number * width + 12
        parts.append(_text(left + number * width + width / 2, bottom + 36, name, "middle", "title"))
        step = (width - 24) / len(clusters)
        for place, (label, values) in enumerate(clusters):
            bar = (step - 12) / len(series)
            parts.append(_text(x + place * step + step / 2, bottom + 16, label, "middle"))
            parts += [_box(x + place * step + 6 + at * bar, bottom - value * height, bar - 1, value * height, COLOURS[at])
                      for at, value in enumerate(values)]
    return _document(left + width * len(panels) + 10, bottom + 50, title, parts)


def bars(title: str, rows: Sequence[tuple[str, float]], unit: str) -> str:
    """Horizontal bars, on a logarithmic scale."""
    left, width, top = 240, 380, 40
    low = 10 ** math.floor(math.log10(min(value for _, value in rows)))
    high = 10 ** math.ceil(math.log10(max(value for _, value in rows)))
    scale = width / math.log10(high / low)
    parts = [_text(10, 20, title, kind="title")]
    bottom = top + 26 * len(rows)
    mark = low
    while mark <= high:
        x = left + math.log10(mark / low) * scale
        parts += [_line(x, top - 6, x, bottom), _text(x, bottom + 16, f"{mark:g} {unit}", "middle")]
        mark *= 10
    for place, (name, value) in enumerate(rows):
        y = top + 26 * place
        length = math.log10(value / low) * scale
        parts += [_text(left - 8, y + 13, name, "end"), _box(left, y, length, 17, COLOURS[0]), _text(left + length + 6, y + 13, f"{value:.1f}")]
    return _document(left + width + 60, bottom + 28, title, parts)


def lines(title: str, series: Sequence[tuple[str, Sequence[tuple[float, float]]]], x_name: str, unit: str) -> str:
    """Lines over a number, both axes from 0."""
    left, top, width, bottom = 60, 66, 520, 266
    furthest = max(x for _, points in series for x, _ in points)
    most = _round_up(max(y for _, points in series for _, y in points))
    parts = [_text(left, 20, title, kind="title"), *_legend([name for name, _ in series], left, 42)]
    for part in range(5):
        y = bottom - (bottom - top) * part / 4
        parts += [_line(left, y, left + width, y), _text(left - 8, y + 4, f"{most * part / 4:g} {unit}", "end")]
    for x in sorted({x for _, points in series for x, _ in points}):
        if x in (1, furthest) or x >= furthest / 10:
            parts.append(_text(left + width * x / furthest, bottom + 16, f"{x:g}", "middle"))
    parts.append(_text(left + width / 2, bottom + 34, x_name, "middle"))
    for number, (_, points) in enumerate(series):
        places = [(left + width * x / furthest, bottom - (bottom - top) * y / most) for x, y in points]
        path = " L ".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path d="M {path}" style="stroke: {COLOURS[number]}; stroke-width: 2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{COLOURS[number]}"/>' for x, y in places]
    return _document(left + width + 30, bottom + 46, title, parts)


def _round_up(value: float) -> float:
    size = 10.0 ** math.floor(math.log10(value))
    return next(step * size for step in (1, 2, 3, 4, 6, 8, 10) if step * size >= value)
