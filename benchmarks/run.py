"""What the shim costs, and what it saves: one command.

    python3 benchmarks/run.py            measures all of it (twenty minutes), writes results.json, docs/benchmarks.md and README's figures
    python3 benchmarks/run.py --quick    less of it, in two minutes, and only prints
    python3 benchmarks/run.py --continue goes on where a run was stopped
    python3 benchmarks/run.py --write    writes page, plots and README's figures anew from results.json
    python3 benchmarks/run.py --check    whether page, plots and README say what results.json does

Each row is kept as soon as it is there: Ctrl-C prints what there is.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

import calls  # noqa: E402
import cold  # noqa: E402
import page  # noqa: E402
from measure import Results, machine  # noqa: E402

import uvs  # noqa: E402

RESULTS = Path(__file__).resolve().parent / "results.json"

SEALED, NATIVE = "0.9.8", uvs.ALL[-1]


def measure(results: Results, folder: Path, *, quick: bool) -> None:
    """All sections, one after the other; what is there already is not measured again."""
    results.data.update(machine=machine(), versions={"sealed": SEALED, "native": NATIVE})
    runs = 15 if quick else 101
    steps: list[tuple[str, Callable[[], None]]] = [
        ("calls that are passed on", lambda: calls.passed_on(results, folder, runs, NATIVE)),
        ("nothing to do", lambda: calls.nothing_to_do(results, folder, runs, {"native": NATIVE, "sealed": SEALED})),
        ("imports", lambda: calls.imports(results, folder, runs // 5, SEALED)),
        ("memory", lambda: calls.memory(results, folder, SEALED, (5, 50) if quick else cold.PACKAGES)),
        ("growth", lambda: calls.growth(results, folder, 3 if quick else 9, SEALED, (1, 50) if quick else calls.GROWTH)),
        ("cold installs", lambda: cold.measured(results, folder, SEALED, cold.cells((5, 50), (100,), (0, 20)) if quick else cold.cells(),
                                                2 if quick else 7)),
    ]
    for name, step in steps:
        print(f"measuring: {name}", file=sys.stderr, flush=True)
        step()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--quick", action="store_true", help="less of it, and only print")
    kind.add_argument("--continue", dest="resume", action="store_true", help="go on where a run was stopped")
    kind.add_argument("--check", action="store_true", help="whether page, plots and README say what the data say")
    kind.add_argument("--write", action="store_true", help="write page, plots and README's figures from the data as it is")
    arguments = parser.parse_args()
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() and not arguments.quick else {}
    if arguments.check:
        wrong = page.disagreements(kept)
        print("".join(f"{name} says something else than {RESULTS.name}; `benchmarks/run.py --write` writes it\n" for name in wrong), end="")
        return 1 if wrong else 0
    if arguments.write:
        page.write(kept)
        return 0
    results = Results(None if arguments.quick else RESULTS, kept if arguments.resume else {})
    folder = Path(tempfile.mkdtemp(prefix="uv-shim-bench-"))
    whole = stopped = False
    try:
        measure(results, folder, quick=arguments.quick)
        whole = not arguments.quick
    except KeyboardInterrupt:
        stopped = True
        print("stopped; `--continue` goes on from here", file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        print(page.printed(results.data))
    if whole:
        page.write(results.data)
    return 130 if stopped else 0


if __name__ == "__main__":
    sys.exit(main())
