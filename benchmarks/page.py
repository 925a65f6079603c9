"""The page, the plots and README's figures: what the data say, in words and pictures. Nothing is measured here."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import plots
from measure import Spread, spread

from uv_shim import report

ROOT = Path(__file__).resolve().parent.parent

#: Rows of calls that are passed on.
CALLS = {
    "floor": "a static C program that only execs", "shim": "**uv-shim**, a call that it does not touch",
    "ccache": "ccache as a masquerade, `gcc --version`", "console script": "a Python console script that only execs",
    "pyenv": "pyenv's shim", "safe-chain": "safe-chain's `aikido-uv`",
}

Row = Mapping[str, Any]


def added(row: Row) -> Spread:
    """Milliseconds more than bare, pair by pair."""
    return spread(shim - bare for shim, bare in zip(row["shim"], row["bare"]))


def times_bare(row: Row) -> Spread:
    """Times the bare uv's time, pair by pair."""
    return spread(shim / bare for shim, bare in zip(row["shim"], row["bare"]))


def least(row: Row) -> float:
    """Times the bare uv's time, if the shim cost nothing: the bare uv's install, and the sync that downloads nothing."""
    return spread((bare - sync + sealed) / bare for bare, sync, sealed in zip(row["bare"], row["bare sync"], row["shim sync"])).median


def asked_first(row: Row) -> str:
    """Times the bare uv's time, if the shim were two calls of uv, and the sync that downloads nothing; empty where the line takes the time."""
    if "asked first" not in row:
        return ""
    found = spread((asked + sealed) / bare for asked, sealed, bare in zip(row["asked first"], row["shim sync"], row["bare"]))
    return f"{found.median:.2f} ×"


def handed_over(row: Row) -> str:
    """Times the bare uv's time of a shell and a Python that do nothing but hand over; empty where no Python is needed."""
    return f"{spread(alone / bare for alone, bare in zip(row['handed over'], row['bare'])).median:.2f} ×" if "handed over" in row else ""


def cold_rows(data: Mapping[str, Any]) -> list[Row]:
    """Rows of the cold installs in the order of packages and lines, whenever they were measured; pandas last."""
    rows: list[Row] = list(data.get("cold", {}).values())
    return sorted(rows, key=lambda row: (row["stock"] == "pandas", row["files"], row["mbit"], row["latency"]))


def _added(row: Row) -> str:
    found = added(row)
    return f"{found.median:+.1f} ms [{found.low:+.1f} {found.high:+.1f}]"


def _ratio(row: Row) -> str:
    found = times_bare(row)
    return f"{found.median:.2f} ×" + (f" [{found.low:.2f} {found.high:.2f}]" if found.pairs > 1 else "")


def _seconds(values: list[float]) -> str:
    return f"{statistics.median(values) / 1000:.2f} s"


def _milliseconds(values: list[float]) -> str:
    return f"{statistics.median(values):.1f}"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


def tables(data: Mapping[str, Any]) -> dict[str, list[tuple[str, ...]]]:
    """The tables by title; the first row of each is its head. Sections that are not there yet are left out."""
    found: dict[str, list[tuple[str, ...]]] = {}
    calls = data.get("calls", {})
    if calls:
        found["A call that is passed on"] = [("through", "ms", "without", "added", "n"), *(
            (text, _milliseconds(calls[name]["shim"]), _milliseconds(calls[name]["bare"]), _added(calls[name]), str(len(calls[name]["shim"])))
            if "shim" in calls[name] else (text, "", "", f"not measured: {calls[name]['skipped']}", "")
            for name, text in CALLS.items() if name in calls)]
    idle = data.get("nothing to do", {})
    if idle:
        found["`uv pip install` with nothing to do"] = [("uv", "shim, ms", "bare, ms", "added", "times bare", "sh and Python alone", "n"), *(
            (f"{row['version']}, {kind}", _milliseconds(row["shim"]), _milliseconds(row["bare"]), _added(row), _ratio(row),
             handed_over(row), str(len(row["shim"]))) for kind, row in idle.items())]
    cold = cold_rows(data)
    if cold:
        found["An empty cache: `uv pip install`, and the `uv sync` after it"] = [
            ("packages", "line", "shim", "bare", "times bare", "if the shim cost nothing", "if it were two calls of uv", "n", "shim fetches, install + sync", "bare"), *(
                (row["stock"], f"{row['mbit']} Mbit/s, {row['latency']} ms", _seconds(row["shim"]), _seconds(row["bare"]), _ratio(row),
                 f"{least(row):.2f} ×", asked_first(row), str(len(row["shim"])), _fetched(row["shim fetched"]), _fetched(row["bare fetched"])) for row in cold)]
    grown = data.get("growth", {})
    if grown:
        found["By the number of packages"] = [("packages", "installed already", "times bare", "in the cache, to be installed", "times bare"), *(
            (count, _added(row["installed"]), _ratio(row["installed"]), _added(row["cached"]), _ratio(row["cached"]))
            for count, row in grown.items())]
    memory = data.get("memory", {})
    if memory:
        found["Peak memory of the Python half"] = [("packages", "MB"), *((count, f"{row['megabytes']:.1f}") for count, row in memory.items())]
    imported = data.get("imports", {}).get("modules", {})
    if imported:
        found["What Python imports for a sealed call with nothing to do"] = [("module", "ms"), *_imports(imported)]
    return found


def _fetched(fetched: list[int]) -> str:
    _, at_install, _, at_sync = fetched
    return f"{_megabytes(at_install)} + {_megabytes(at_sync)}"


def _imports(modules: Mapping[str, int]) -> list[tuple[str, str]]:
    """The shim's own modules one by one, the rest in two sums."""
    own = {name: taken for name, taken in modules.items() if name.split(".")[0] == "uv_shim"}
    names = [name for name in modules if name != "load"]
    start = names.index("uv_shim.errors") if "uv_shim.errors" in names else len(names)
    before = sum(modules[name] for name in names[:start] if name not in own)
    after = sum(modules[name] for name in names[start:] if name not in own)
    rows = [("Python's own start", before), ("the standard library beside", after), *own.items(), ("all", before + after + sum(own.values()))]
    return [(name if " " in name or name == "all" else f"`{name}`", f"{taken / 1000:.2f}") for name, taken in rows]


def printed(data: Mapping[str, Any]) -> str:
    """The tables for a terminal."""
    text = ""
    for title, rows in tables(data).items():
        plain = [[cell.replace("**", "").replace("`", "") for cell in row] for row in rows]
        text += f"\n{title.replace('`', '')}\n"
        text += "".join(f"  {line}\n" for line in report.table(plain))
    return text


def _markdown(rows: list[tuple[str, ...]]) -> str:
    head, *body = ["| " + " | ".join(row) + " |\n" for row in rows]
    return head + "|" + "---|" * len(rows[0]) + "\n" + "".join(body)


INTRODUCTION = """\
# Benchmarks

`python3 benchmarks/run.py` measures, prints these tables, and writes this page, its plots and [the data](../benchmarks/results.json); `--quick` measures
less in {quick}, and only prints. A test fails where page, plots or README say something else than the data.

Whole processes, in turn with what they are compared with (A B, B A, …): medians of the pairs, and in brackets their quartiles (of fewer than five
pairs: the smallest and the largest).

Measured on {cores} cores ({processor}), {system}, Linux {kernel}, {sh} as sh, Python {python}; load of the minute before: {load}.
The uv that needs sealing is {sealed}; the one that does not, {native}.
"""

TEXTS = {
    "A call that is passed on": "`uv --version`, but for ccache. What stands between the caller and the program, in each row's own folder:\n\n"
    "![Milliseconds that a call takes longer](benchmarks-calls.svg)\n",
    "`uv pip install` with nothing to do": "`sh` and Python alone: a shell that execs a Python that execs uv. The rest is the shim's own code, and what "
    "uv's log costs.\n",
    "An empty cache: `uv pip install`, and the `uv sync` after it":
    "From an index whose line is shaped: all connections share the bandwidth, and each request waits for the latency. The packages are a tree of "
    "wheels, three dependencies each; their sizes are log-normal, half of them below 60 kB (300: {bytes}), each with one data file, which is quicker "
    "to unpack than real ones, and unpacking is what the bare uv does twice. The last row is pandas and what it depends on, the real wheels. If the shim cost nothing, it would "
    "be the bare uv's install, and the sync that downloads nothing. If it were two calls of uv: a dry run and the install, without which no hash "
    "is known before the download, and nothing for shell, Python and the question for the hashes. A slow line gets fewer pairs (n).\n\n"
    "Where downloads take no time, nothing pays for the second uv: five packages at 1000 Mbit/s and 0 ms take {worst} as long as without the shim. "
    "There, the two calls of uv alone take {asked}, and shell and Python {started} more; the rest is the question for the hashes, and this index on the "
    "same cores.\n\n![Time through the shim against the bare uv's](benchmarks-cold.svg)\n",
    "By the number of packages": "What the shim adds to `uv pip install` on {sealed}, with that many packages in the environment, or in the cache with "
    "their hashes and to be installed into an empty environment.\n\n![Milliseconds added, by the number of packages](benchmarks-growth.svg)\n",
    "Peak memory of the Python half": "It is gone when uv installs: it becomes uv.\n",
    "What Python imports for a sealed call with nothing to do": "`-X importtime`, which itself takes time. From `uv_shim.inputs` on, and for the "
    "standard library beside, uv's dry run is under way already.\n",
}

CLOSING = """
## What was tried, and is not there

| | gain | why not |
|---|---|---|
| uv's dry run started by the shell, before Python | not measured as a whole | a shell can start it only as a background job: such a one ignores Ctrl-C for good, and so do its build hooks; with one core, what installs something takes 8 ms longer |
| the hashes read from uv's own copies of the pages, not asked for | what the query takes: 3 ms with 5 packages | their layout is uv's own, and which hash belongs to which file would be a guess (done only where uv tells nothing) |
| the query started while uv asks a new environment's Python about itself | 4 ms of 105 where the index is on the same two cores, nothing where uv waits for the line | it would be started for a guess |
| the query told what to ask before the dry run has ended | 3 ms | what stands in uv's log before its end may be forged by metadata |
| hashes kept from earlier calls | the same | an index may change what it advertises |
| all modules in one file of bytecode | 0.1 ms | too little for a second way to load them |
| no garbage collection | none | |
| `RAYON_NUM_THREADS`, `TOKIO_WORKER_THREADS`, `UV_CONCURRENT_…` in the dry run | none | |
"""


def page(data: Mapping[str, Any]) -> str:
    """docs/benchmarks.md."""
    worst = data["cold"]["5 at 1000 Mbit/s and 0 ms"]
    idle = data["nothing to do"]["sealed"]
    started = spread(alone - bare for alone, bare in zip(idle["handed over"], idle["bare"])).median
    facts = {**data["machine"], **data["versions"], "worst": f"{times_bare(worst).median:.2f} ×", "asked": asked_first(worst),
             "started": f"{started:.0f} ms of {statistics.median(worst['bare']):.0f}", "quick": "two minutes", "load": _loads(data),
             "bytes": next((_megabytes(row["bytes"]) for row in data["cold"].values() if row["stock"] == "300"), "")}
    text = INTRODUCTION.format(**facts)
    for title, rows in tables(data).items():
        text += f"\n## {title}\n\n"
        text += TEXTS[title].format(**facts) + "\n" if title in TEXTS else ""
        text += _markdown(rows)
    return text + CLOSING


def _loads(data: Mapping[str, Any]) -> str:
    """The range of the load over all rows; the benchmark itself is about one of it."""
    found = [row["load"] for section in data.values() if isinstance(section, dict) for row in section.values()
             if isinstance(row, dict) and "load" in row] + [data["imports"]["modules"]["load"]]
    return f"{min(found):.1f} to {max(found):.1f}, the benchmark itself included"


def pictures(data: Mapping[str, Any]) -> dict[str, str]:
    """File name in docs/ → SVG."""
    cold = cold_rows(data)
    latencies = sorted({row["latency"] for row in cold})
    panels = []
    for stock in dict.fromkeys(row["stock"] for row in cold if row["stock"].isdigit()):
        cells = {(row["mbit"], row["latency"]): times_bare(row).median for row in cold if row["stock"] == stock}
        panels.append((f"{stock} packages", [(f"{mbit} Mbit/s", [cells[mbit, latency] for latency in latencies])
                                             for mbit in sorted({mbit for mbit, _ in cells})]))
    calls = {name: row for name, row in data["calls"].items() if "shim" in row}
    growth = {int(count): row for count, row in data["growth"].items()}
    return {
        "benchmarks-calls.svg": plots.bars("A call that is passed on takes longer by",
                                           [(CALLS[name].replace("**", "").replace("`", "").partition(",")[0], added(calls[name]).median)
                                            for name in CALLS if name in calls], "ms"),
        "benchmarks-cold.svg": plots.ratios("Install from an empty cache and sync: the shim's time, the bare uv's being 1", panels,
                                            [f"latency {latency} ms" for latency in latencies]),
        "benchmarks-growth.svg": plots.lines("Milliseconds that the shim adds", [
            (name, [(count, added(row[key]).median) for count, row in growth.items()])
            for name, key in (("installed already", "installed"), ("in the cache, to be installed", "cached"))], "packages", "ms"),
    }


def cost(data: Mapping[str, Any]) -> str:
    """README's table of costs, and under which conditions they were measured."""
    native, sealed = data["nothing to do"]["native"], data["nothing to do"]["sealed"]
    large = data["cold"]["300 at 100 Mbit/s and 20 ms"]
    pandas = data["cold"]["pandas at 100 Mbit/s and 20 ms"]
    worst = max(data["cold"], key=lambda name: times_bare(data["cold"][name]).median)
    grown = data["growth"]
    version = data["versions"]["sealed"]
    facts = data["machine"]
    head = f"{facts['cores']} cores, {facts['system']}, {facts['sh']}; runs in turn, medians of the pairs; load of the machine {_loads(data)}:\n\n"
    return head + "| | |\n|---|---|\n" + "".join(f"| {name} | {value} |\n" for name, value in (
        ("a call that it does not touch", f"+ {added(data['calls']['shim']).median:.1f} ms (a static C program that does nothing but exec: + {added(data['calls']['floor']).median:.1f} ms)"),
        ("`uv pip install`, nothing to do, a uv that needs no sealing", f"+ {added(native).median:.1f} ms, without Python"),
        (f"the same, on a uv that needs it ({version})",
         f"+ {added(sealed).median:.0f} ms ({times_bare(sealed).median:.1f} ×; with 300 packages installed {times_bare(grown['300']['installed']).median:.1f} ×)"),
        (f"50 packages from uv's cache into a new environment ({version})", f"+ {added(grown['50']['cached']).median:.0f} ms"),
        (f"300 packages ({_megabytes(large['bytes'])}) from an empty cache at 100 Mbit/s and 20 ms, and the `uv sync` after it ({version})",
         f"{times_bare(large).median:.2f} × the bare uv's time for both; {least(large):.2f} × if the shim cost nothing"),
        ("pandas, the same way", f"{times_bare(pandas).median:.2f} ×"),
        (f"the worst of {len(data['cold'])} such lines: {worst.replace(' at ', ' packages at ', 1)}", f"{times_bare(data['cold'][worst]).median:.2f} ×"),
        ("memory of the Python half, 300 packages", f"{data['memory']['300']['megabytes']:.0f} MB"),
    ))


def write(data: Mapping[str, Any], root: Path = ROOT) -> None:
    """Write the page and the plots, and put the figures into README."""
    for name, text in {"benchmarks.md": page(data), **pictures(data)}.items():
        (root / "docs" / name).write_text(text, encoding="utf-8")
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")
    head, section, rest = text.partition("\n## Cost\n")
    after = rest.partition("| | |\n")[2].partition("\n\n")[2]
    readme.write_text(head + section + "\n" + cost(data) + "\n" + after, encoding="utf-8")


def disagreements(data: Mapping[str, Any], root: Path = ROOT) -> list[str]:
    """Files that say something else than the data."""
    found = [f"docs/{name}" for name, text in {"benchmarks.md": page(data), **pictures(data)}.items()
             if not (root / "docs" / name).exists() or (root / "docs" / name).read_text(encoding="utf-8") != text]
    return found + (["README.md"] if f"\n## Cost\n\n{cost(data)}\n" not in (root / "README.md").read_text(encoding="utf-8") else [])
