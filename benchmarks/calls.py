"""Calls that download nothing: what does the shim add to them, and how much of it, and what do other shims add?"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import peers
from measure import Results, command, spread, times

from uv_shim.demo import wheels
from uv_shim.demo.index import Index
from world import PYTHON, ROOT, SHIM, World

#: Packages in the environment, or in the cache, that the shim's cost is measured over.
GROWTH = (1, 10, 50, 100, 300)

#: A shell and a Python that do nothing but hand over: what any shim that has to ask in Python costs.
_HANDED_OVER = ("/bin/sh", "-c", 'exec "$0" -I -S -B -c "import os, sys; os.execv(sys.argv[1], sys.argv[1:])" "$@"', str(PYTHON))

_LAUNCH = ROOT / "src" / "uv_shim" / "launch.py"


def passed_on(results: Results, folder: Path, runs: int, native: str) -> None:
    """`uv --version` through the shim, and the same through peers: each beside the same program without."""
    with Index() as index:
        world = World(native, folder / "passed", index)
    for name, make in peers.ALL.items():
        if results.has("calls", name):
            continue
        place = folder / "peers" / name.replace(" ", "-")
        place.mkdir(parents=True)
        try:
            peer = make(place, world.uv)
        except peers.Missing as missing:
            results.put("calls", name, {"skipped": str(missing)})
            continue
        environ = {**world.env, "PATH": f"{world.uv.parent}{os.pathsep}{os.defpath}", **peer.environ}
        through, without = command(peer.through, environ, world.work), command(peer.without, environ, world.work)
        # Slow ones tell as much in fewer runs.
        start = time.perf_counter()
        through()
        counted = max(5, min(runs, int(10 / (time.perf_counter() - start))))
        results.put("calls", name, times(counted, {"shim": through, "bare": without}))


def nothing_to_do(results: Results, folder: Path, runs: int, versions: dict[str, str]) -> None:
    """`uv pip install` where everything is there already."""
    for kind, version in versions.items():
        if results.has("nothing to do", kind):
            continue
        with Index() as index:
            world = stocked(index, folder / f"nothing-{kind}", version, 2)
            world.run("pip", "install", "pkg0", check=True)
            world.run("pip", "install", "pkg0", check=True)
            actions = both(world, "pip", "install", "pkg0")
            if kind == "sealed":
                actions["handed over"] = command([*_HANDED_OVER, str(world.uv), "pip", "install", "pkg0"], world.env, world.work)
            results.put("nothing to do", kind, {"version": version, **times(runs, actions)})


def growth(results: Results, folder: Path, runs: int, version: str, counts: tuple[int, ...] = GROWTH) -> None:
    """What the shim adds, by the number of packages: all installed already; all in the cache, into an empty environment."""
    for count in counts:
        if results.has("growth", str(count)):
            continue
        with Index() as index:
            world = stocked(index, folder / f"growth-{count}", version, count)
            world.run("pip", "install", "pkg0", check=True)
            installed = times(runs * 3, both(world, "pip", "install", "pkg0"))

            def empty(world: World = world) -> None:
                shutil.rmtree(world.venv, ignore_errors=True)
                world.make_venv()

            cached = times(runs, both(world, "pip", "install", "pkg0"), empty)
            results.put("growth", str(count), {"installed": installed, "cached": cached})


def memory(results: Results, folder: Path, version: str, counts: tuple[int, ...]) -> None:
    """Peak memory of the Python half: `enforce` on an index without hashes ends in it, after all preflights."""
    for count in counts:
        if results.has("memory", str(count)):
            continue
        with Index() as index:
            world = stocked(index, folder / f"memory-{count}", version, count, advertised=())
            process = subprocess.Popen([str(PYTHON), "-I", "-S", "-B", str(_LAUNCH), str(world.uv), str(SHIM), "", "pip", "install", "pkg0"],
                                       env={**world.env, "UV_SHIM_MODE": "enforce"}, cwd=world.work, stderr=subprocess.DEVNULL)
            peak = 0
            while process.poll() is None:
                # Not ru_maxrss: that also counts this program's memory, at the moment of the fork.
                status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii", errors="replace")
                peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))])
                time.sleep(0.001)
            results.put("memory", str(count), {"megabytes": round(peak / 1024, 1)})


def imports(results: Results, folder: Path, runs: int, version: str) -> None:
    """What Python imports for a sealed call with nothing to do, by `-X importtime`: microseconds of each module itself."""
    if results.has("imports", "modules"):
        return
    with Index() as index:
        world = stocked(index, folder / "imports", version, 2)
        world.run("pip", "install", "pkg0", check=True)
        world.run("pip", "install", "pkg0", check=True)
        argv = [str(PYTHON), "-I", "-S", "-B", "-X", "importtime", str(_LAUNCH), str(world.uv), str(SHIM), "", "pip", "install", "pkg0"]
        found: dict[str, list[float]] = {}
        for _ in range(runs):
            done = subprocess.run(argv, env=world.env, cwd=world.work, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
            for line in done.stderr.splitlines():
                own, bar, rest = line.replace("import time:", "").partition("|")
                if bar and own.strip().isdigit():
                    found.setdefault(rest.partition("|")[2].strip(), []).append(float(own))
        results.put("imports", "modules", {name: round(spread(values).median) for name, values in found.items()})


def stocked(index: Index, folder: Path, version: str, count: int, **options: Any) -> World:
    """A world whose index has a tree of small packages below ``pkg0``."""
    for number in range(count):
        index.add(wheels.wheel(f"pkg{number}", "1.0", requires=needed(number, count), payload=5000), **options)
    world = World(version, folder, index)
    world.make_venv()
    return world


def needed(number: int, count: int) -> tuple[str, ...]:
    """A tree of three branches each: 300 packages are six deep."""
    return tuple(f"pkg{child}" for child in range(3 * number + 1, min(3 * number + 4, count)))


def both(world: World, *arguments: str) -> dict[str, Any]:
    """The same call through the shim and without."""
    return {name: command([str(program), *arguments], world.env, world.work) for name, program in (("shim", SHIM), ("bare", world.uv))}
