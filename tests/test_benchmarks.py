"""What README and docs/benchmarks.md say of the shim's cost is what benchmarks/results.json says."""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from uv_shim.demo.index import Index
from uv_shim.demo.wheels import wheel
from world import PYTHON, ROOT


def check(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(PYTHON), "-B", str(root / "benchmarks" / "run.py"), "--check"], stdout=subprocess.PIPE, text=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("benchmarks", "docs", "src", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "README.md", tmp_path)
    return tmp_path


def test_page_plots_and_readme_agree_with_the_data() -> None:
    done = check(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("file", "figure", "other"), [
    ("README.md", r"\+ \d+\.\d ms, without Python", "+ 0.1 ms, without Python"),
    ("docs/benchmarks.md", r"\d+\.\d\d ×", "0.01 ×"),
    ("docs/benchmarks-cold.svg", r'height="\d+\.\d"', 'height="1.0"'),
    ("docs/benchmarks-growth.svg", r'cy="\d+\.\d"', 'cy="1.0"'),
])
def test_a_figure_that_nobody_has_measured_is_found(copy: Path, file: str, figure: str, other: str) -> None:
    text = (copy / file).read_text(encoding="utf-8")
    (copy / file).write_text(re.sub(figure, other, text, count=1), encoding="utf-8")
    assert (copy / file).read_text(encoding="utf-8") != text
    done = check(copy)
    assert done.returncode == 1
    assert f"{file} says something else" in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_the_data_name_no_machine() -> None:
    """Hosts and paths of whoever measured are nobody's business."""
    data = (ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8")
    assert not re.search(r"://|/home|/root|/tmp|/work|localhost", data)


def test_the_goals_are_met() -> None:
    """In the figures that are on record; no test measures times."""
    data = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))

    def times_bare(row: dict[str, list[float]]) -> float:
        return round(statistics.median(shim / bare for shim, bare in zip(row["shim"], row["bare"])), 2)

    # Nothing of what is measured is missing.
    assert set(data["cold"]) == {f"{count} at {mbit} Mbit/s and {ms} ms" for count in (5, 50, 300) for mbit in (20, 100, 1000) for ms in (0, 20, 80)} \
        | {"pandas at 100 Mbit/s and 20 ms"}
    assert set(data["calls"]) == {"floor", "shim", "console script", "ccache", "pyenv", "safe-chain"}
    added = {name: statistics.median(shim - bare for shim, bare in zip(row["shim"], row["bare"])) for name, row in data["calls"].items()}
    assert added["shim"] <= added["floor"] + 0.6
    assert times_bare(data["nothing to do"]["sealed"]) <= 2.2
    assert times_bare(data["cold"]["300 at 100 Mbit/s and 20 ms"]) <= 0.55
    # The goal is missed in one cell, at some hours (docs/benchmarks.md).
    over = {name: times_bare(row) for name, row in data["cold"].items() if times_bare(row) > 1.05}
    assert set(over) <= {"5 at 1000 Mbit/s and 0 ms"}
    assert max(over.values(), default=0) <= 1.2


SMALL = """
import json, sys
from pathlib import Path
root, folder = Path(sys.argv[1]), Path(sys.argv[2])
sys.path[:0] = [str(root / name) for name in ("benchmarks", "tests", "src")]
import calls, cold
from measure import Results
from run import NATIVE, SEALED
results = Results(None)
calls.nothing_to_do(results, folder, 1, {"native": NATIVE, "sealed": SEALED})
calls.imports(results, folder, 1, SEALED)
calls.memory(results, folder, SEALED, (2,))
calls.growth(results, folder, 1, SEALED, (2,))
cold.measured(results, folder, SEALED, cold.cells((2,), (100,), (20,))[:1], 1)
print(json.dumps(results.data))
"""


def test_what_is_measured_still_runs(tmp_path: Path) -> None:
    """All sections but the peers, on two packages and once: what they find out besides times is what it should be."""
    done = subprocess.run([str(PYTHON), "-B", "-c", SMALL, str(ROOT), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout.splitlines()[-1])
    recorded = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    assert set(data) == set(recorded) - {"machine", "versions", "calls"}
    assert "uv_shim.seal" in data.pop("imports")["modules"]
    for section, rows in data.items():
        # A row has in it what those on record have.
        assert {frozenset(row) for row in rows.values()} <= {frozenset(row) for row in recorded[section].values()}, section
    (row,) = data["cold"].values()
    assert (row["bare fetched"][2:], row["shim fetched"][2:]) == ([row["files"], row["bytes"]], [0, 0])


def test_a_line_is_as_slow_as_it_says() -> None:
    """Bandwidth and latency of the index's own: never faster."""
    with Index(bytes_per_second=1_000_000, latency=0.05) as index:
        file = index.add(wheel("app", "1.0", payload=100_000))
        started = time.monotonic()
        with urllib.request.urlopen(f"{index.url}/main/files/{file.name}") as answer:  # noqa: S310  # our own
            assert answer.read() == file.data
        assert time.monotonic() - started >= 0.05 + len(file.data) / 1_000_000
