"""What the shim costs, and what it saves: one command, one table.

    python3 benchmarks/run.py [--runs N] [--sealed VERSION] [--native VERSION]

Each row runs two commands in turn (A B A B …) and prints both medians and the median of the paired ratios (or differences), with
the quartiles. The floor is a static C program that does nothing but exec the real uv. Times are whole processes, in milliseconds.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

import uvs  # noqa: E402
from uv_shim.demo import wheels  # noqa: E402
from uv_shim.demo.index import Index  # noqa: E402
from world import PYTHON, SHIM, World, project  # noqa: E402

FLOOR = """
#include <unistd.h>
#include <stdlib.h>
int main(int argc, char **argv) { execv(getenv("FLOOR_REAL"), argv); return 127; }
"""


def measure(runs: int, a: Callable[[], None], b: Callable[[], None],
            prepare: Callable[[], None] = lambda: None) -> tuple[list[float], list[float]]:
    """Milliseconds of ``runs`` runs of each, in turn, after one of each that does not count; ``prepare`` goes before each, untimed."""
    times: tuple[list[float], list[float]] = ([], [])
    for run in range(runs + 1):
        for which, action in enumerate((a, b)):
            prepare()
            start = time.perf_counter()
            action()
            if run:
                times[which].append((time.perf_counter() - start) * 1000)
    return times


def row(name: str, times: tuple[list[float], list[float]], *, ratio: bool) -> None:
    """Print one row: shim, bare, and what pairs of runs say."""
    shim, bare = times
    pairs = [(a / b if ratio else a - b) for a, b in zip(shim, bare)]
    low, middle, high = statistics.quantiles(pairs, n=4)
    unit = "x   " if ratio else " ms "
    print(f"{name:<44}{statistics.median(shim):>10.2f}{statistics.median(bare):>10.2f}"
          f"{'' if ratio else '+'}{middle:>9.2f}{unit} [{low:.2f} {high:.2f}]  n={len(pairs)}", flush=True)


def call(world: World, program: str, *args: str, **env: str) -> Callable[[], None]:
    """A run of ``program`` in that world, its output thrown away."""
    variables = {**world.env, **env}

    def run() -> None:
        subprocess.run([program, *args], env=variables, cwd=world.work, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=False)

    return run


def floor(folder: Path) -> Path | None:
    """The static C program; None without a compiler."""
    source = folder / "floor.c"
    source.write_text(FLOOR)
    if not shutil.which("gcc"):
        return None
    subprocess.run(["gcc", "-O2", "-static", "-o", str(folder / "floor"), str(source)], check=True)
    return folder / "floor"


def overhead(folder: Path, runs: int, native: str, sealed: str) -> None:
    """Calls that have nothing to download."""
    with Index() as index:
        index.add(wheels.wheel("alpha", "1.0", requires=("beta",)))
        index.add(wheels.wheel("beta", "1.0"))
        new, old = World(native, folder / "new", index), World(sealed, folder / "old", index)
        for world in (new, old):
            world.make_venv()
            world.run("pip", "install", "alpha", check=True)
            world.run("pip", "install", "alpha", check=True)
        c_floor = floor(folder)
        if c_floor:
            row("floor: static C that execs, uv --version", measure(
                runs, call(new, str(c_floor), "--version", FLOOR_REAL=str(new.uv)), call(new, str(new.uv), "--version")), ratio=False)
        row(f"untouched call, uv --version ({native})",
            measure(runs, call(new, str(SHIM), "--version"), call(new, str(new.uv), "--version")), ratio=False)
        row(f"pip install, nothing to do, native ({native})",
            measure(runs, call(new, str(SHIM), "pip", "install", "alpha"), call(new, str(new.uv), "pip", "install", "alpha")), ratio=False)
        row(f"pip install, nothing to do, sealed ({sealed})",
            measure(runs, call(old, str(SHIM), "pip", "install", "alpha"), call(old, str(old.uv), "pip", "install", "alpha")), ratio=True)


def cold(folder: Path, runs: int, version: str) -> None:
    """pandas from an index behind a line of 100 Mbit/s, and the ``uv sync`` after it, on an empty cache each time."""
    store = uvs.store().parent / "pandas"
    if not store.exists():
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest", str(store),
                        "pandas==2.3.3"], check=True)
    with Index(bytes_per_second=100e6 / 8) as index:
        for file in store.glob("*.whl"):
            index.add((file.name, file.read_bytes()))
        world = World(version, folder / "cold", index)
        place = project(world.root / "project", "pandas==2.3.3", requires_python="==3.11.*")
        world.bare("lock", "--python", str(PYTHON), cwd=place, check=True)
        def run(program: str) -> Callable[[], None]:
            def both() -> None:
                world.call(program, ("pip", "install", "pandas==2.3.3"), check=True)
                world.bare("sync", "--python", str(PYTHON), cwd=place, check=True, env={"VIRTUAL_ENV": None})

            return both

        def prepare() -> None:
            for stale in (world.root / "cache", world.venv, place / ".venv"):
                shutil.rmtree(stale, ignore_errors=True)
            world.make_venv()

        times = measure(runs, run(str(SHIM)), run(str(world.uv)), prepare)
        row(f"cold pandas at 100 Mbit/s, install + sync ({version})", times, ratio=True)


def memory(folder: Path, version: str) -> None:
    """Peak memory of the Python half: `enforce` on an index without hashes ends in it, after all preflights."""
    with Index() as index:
        for number in range(100):
            index.add(wheels.wheel(f"p{number}", "1.0"), advertised=())
        world = World(version, folder / "memory", index, {"UV_SHIM_MODE": "enforce"})
        world.make_venv()
        launch = [str(PYTHON), "-I", "-S", "-B", str(ROOT / "src" / "uv_shim" / "launch.py"), str(world.uv), str(SHIM), ""]
        process = subprocess.Popen([*launch, "pip", "install", *(f"p{n}" for n in range(100))], env=world.env, cwd=world.work,
                                   stderr=subprocess.DEVNULL)
        peak = 0
        while process.poll() is None:
            # Not ru_maxrss: that also counts this program's memory, at the moment of the fork.
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace")
            peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
            time.sleep(0.001)
        print(f"{'peak memory of the Python half, 100 packages':<44}{peak / 1024:>10.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=41, help="counted runs of each quick command (the cold install: a tenth of them)")
    parser.add_argument("--sealed", default="0.9.8", help="a uv that needs sealing")
    parser.add_argument("--native", default=uvs.ALL[-1], help="a uv that checks hashes by itself")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="uv-shim-bench-"))
    try:
        print(f"{'':<44}{'shim ms':>10}{'bare ms':>10}   paired median [quartiles]")
        overhead(folder, arguments.runs, arguments.native, arguments.sealed)
        cold(folder, max(3, arguments.runs // 10), arguments.sealed)
        memory(folder, arguments.sealed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
