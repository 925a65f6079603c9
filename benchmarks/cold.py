"""Cold installs: what does the shim cost and save where everything has to be downloaded, and a `uv sync` follows?

The line is shaped in the index itself: all connections share its bandwidth, and each request waits for the latency. Both runs of a pair
begin with an empty cache and an empty environment.
"""

from __future__ import annotations

import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from calls import needed
from measure import Action, Results, in_turn

import uvs
from uv_shim.demo import wheels
from uv_shim.demo.index import Index
from world import PYTHON, SHIM, World, project

PACKAGES = (5, 50, 300)
MEGABITS = (20, 100, 1000)
MILLISECONDS = (0, 20, 80)

#: Wheels on an index: half of them are below 60 kB, and a few large ones are most of the bytes.
_MEDIAN, _SIGMA = 60_000, 1.8

#: Seconds that a cell may take, more or less.
_BUDGET = 60


class Cell(NamedTuple):
    """One line, and what is fetched over it: so many packages, or pandas' own wheels."""

    stock: str
    mbit: int
    latency: int

    @property
    def name(self) -> str:
        return f"{self.stock} at {self.mbit} Mbit/s and {self.latency} ms"


def cells(packages: tuple[int, ...] = PACKAGES, mbits: tuple[int, ...] = MEGABITS, latencies: tuple[int, ...] = MILLISECONDS) -> list[Cell]:
    """All cells; pandas once, on a line as many have."""
    return [*(Cell(str(count), mbit, latency) for count in packages for mbit in mbits for latency in latencies), Cell("pandas", 100, 20)]


def sizes(count: int) -> list[int]:
    """Sizes of so many wheels: the middles of as many equal parts of a log-normal distribution, in an order without meaning."""
    normal = statistics.NormalDist()
    found = [int(_MEDIAN * math.exp(_SIGMA * normal.inv_cdf((place + 0.5) / count))) for place in range(count)]
    return [found[place * 7 % count] if math.gcd(7, count) == 1 else found[place] for place in range(count)]


def measured(results: Results, folder: Path, version: str, wanted: list[Cell], most: int) -> None:
    """Each cell in pairs, as many as its time allows, ``most`` at most; stock by stock."""
    for stock in dict.fromkeys(cell.stock for cell in wanted):
        here = [cell for cell in wanted if cell.stock == stock and not results.has("cold", cell.name)]
        if here:
            with Index() as index:
                _stock(results, World(version, folder / f"cold-{stock}", index), here, most)


def _stock(results: Results, world: World, here: list[Cell], most: int) -> None:
    stock, index, folder = here[0].stock, world.index, world.root
    total, root = _pandas(index) if stock == "pandas" else _packages(index, int(stock))
    files = len(index.files["main"])
    place = project(folder / "project", root, requires_python=f"=={sys.version_info[0]}.{sys.version_info[1]}.*")
    world.bare("lock", "--python", str(PYTHON), cwd=place, check=True, env={"UV_CACHE_DIR": str(folder / "lock-cache")}, timeout=600)

    def run(program: str) -> tuple[list[int], float]:
        install = world.call(program, ("pip", "install", root), check=True, timeout=1200)
        start = time.perf_counter()
        synced = world.bare("sync", "--python", str(PYTHON), cwd=place, check=True, env={"VIRTUAL_ENV": None}, timeout=1200)
        taken = round((time.perf_counter() - start) * 1000, 2)
        return [install.files, install.fetched.bytes, synced.files, synced.fetched.bytes], taken

    def asked_first() -> tuple[list[int], float]:
        world.bare("pip", "install", "--dry-run", root, check=True, timeout=1200)
        world.bare("pip", "install", root, check=True, timeout=1200)
        return [], 0.0

    def prepare() -> None:
        for stale in (folder / "cache", world.venv, place / ".venv"):
            shutil.rmtree(stale, ignore_errors=True)
        world.make_venv()
        os.sync()  # what one run leaves to be written is not the next one's to wait for

    for cell in here:
        index.bytes_per_second, index.latency = cell.mbit * 1e6 / 8, cell.latency / 1000
        pair = 3 * total / index.bytes_per_second + 0.3 + files * (0.01 + cell.latency / 10_000)
        runs = max(1, min(most, int(_BUDGET / pair)))
        actions: dict[str, Action] = {"shim": lambda: run(str(SHIM)), "bare": lambda: run(str(world.uv))}
        quick = pair < 3
        if quick:  # elsewhere, the line takes the time
            actions["asked first"] = asked_first
        row: dict[str, Any] = {"files": files, "bytes": total}
        for name, taken, (fetched, sync) in in_turn(runs, actions, prepare, uncounted=quick):
            row.setdefault(name, []).append(taken)
            if fetched:
                row.setdefault(f"{name} sync", []).append(sync)  # of the time that was taken
                row[f"{name} fetched"] = fetched
        results.put("cold", cell.name, {**row, "stock": stock, "mbit": cell.mbit, "latency": cell.latency})
    shutil.rmtree(folder, ignore_errors=True)


def _packages(index: Index, count: int) -> tuple[int, str]:
    for number, size in enumerate(sizes(count)):
        index.add(wheels.wheel(f"pkg{number}", "1.0", requires=needed(number, count), payload=size))
    return sum(len(file.data) for file in index.files["main"].values()), "pkg0"


def _pandas(index: Index) -> tuple[int, str]:
    store = uvs.store().parent / "pandas"
    if not store.exists():
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", str(store), "pandas==2.3.3"],
                       check=True)
    for file in store.glob("*.whl"):
        index.add((file.name, file.read_bytes()))
    return sum(len(file.data) for file in index.files["main"].values()), "pandas==2.3.3"
