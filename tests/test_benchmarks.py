"""What README and docs/benchmarks.md say of the shim's cost is what benchmarks/results.json says."""

from __future__ import annotations

import json
import re
import shutil
import statistics
import subprocess
from pathlib import Path

import pytest

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

    added = {name: statistics.median(shim - bare for shim, bare in zip(row["shim"], row["bare"])) for name, row in data["calls"].items()}
    assert added["shim"] <= added["floor"] + 0.6
    assert times_bare(data["nothing to do"]["sealed"]) <= 2.2
    assert times_bare(data["cold"]["300 at 100 Mbit/s and 20 ms"]) <= 0.55
    assert {name: times_bare(row) for name, row in data["cold"].items() if times_bare(row) > 1.05} == {}
