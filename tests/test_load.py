"""A crowd on one cache: many installs at a time, and beside them what else people do to a cache."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aftermath import strangers
from uv_shim.audit import whole
from uv_shim.audit.cache import Cache
from uv_shim.demo.wheels import sdist, wheel
from world import PYTHON, SHIM, World, project

#: Small packages: what is measured is the crowd. Two cores take about half a minute for it.
INSTALLS = 50
NAMES = [f"pkg{number}" for number in range(10)]


@pytest.mark.parametrize("version", ["0.9.8"])
def test_fifty_installs(make_world: Callable[..., World], version: str, record_property: Callable[[str, object], None]) -> None:
    """With a `uv sync` of a few and a `uv cache prune` beside them: all end well, each environment is right, and each entry is sealed."""
    world = make_world(version, UV_CONCURRENT_BUILDS="1")
    for name in NAMES[:-1]:
        world.index.add(wheel(name, "1.0", payload=2_000))
    world.index.add(sdist(NAMES[-1], "1.0"))
    everything = project(world.root / "everything", *NAMES)
    world.sync(everything)
    synced = project(world.root / "synced", *NAMES[:2])
    world.sync(synced)
    world.bare("venv", "-q", "--python", str(PYTHON), str(world.root / "0"), check=True)
    for number in range(1, INSTALLS):
        # A virtual environment holds its own place in `pyvenv.cfg` and scripts only; nothing here runs those.
        shutil.copytree(world.root / "0", world.root / str(number), symlinks=True)
    files = {path.stem: path.read_bytes() for path in (everything / ".venv").rglob("pkg*.py")}
    assert set(files) == set(NAMES)
    shutil.rmtree(world.root / "cache")
    wanted = [sorted({NAMES[number % 10], NAMES[(number * 3 + 1) % 10], NAMES[-1] if number % 5 == 0 else NAMES[0]}) for number in range(INSTALLS)]

    def call(argv: list[str | Path], folder: Path = world.work) -> subprocess.CompletedProcess[str]:
        return subprocess.run(argv, cwd=folder, env=world.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)

    started = time.monotonic()
    with ThreadPoolExecutor(INSTALLS + 2) as pool:
        calls = [pool.submit(call, [SHIM, "pip", "install", "--python", world.root / str(number), *names]) for number, names in enumerate(wanted)
                 if number < INSTALLS // 2]
        calls += [pool.submit(call, [SHIM, "sync", "--python", str(PYTHON), "--reinstall"], synced), pool.submit(call, [SHIM, "cache", "prune"])]
        calls += [pool.submit(call, [SHIM, "pip", "install", "--python", world.root / str(number), *names]) for number, names in enumerate(wanted)
                  if number >= INSTALLS // 2]
        done = [one.result() for one in calls]
    record_property("measured", f"{INSTALLS} installs at a time, with a sync and a prune beside them: {time.monotonic() - started:.0f} s")
    assert [(one.args, one.returncode, one.stderr) for one in done if one.returncode or "uv-shim: " in one.stderr] == []
    for folder, names in (*((world.root / str(number), names) for number, names in enumerate(wanted)), (synced / ".venv", NAMES[:2])):
        found = {path.name.partition("-")[0] for path in folder.rglob("*.dist-info")}
        assert found == set(names)
        # Each file is there, whole.
        assert {path.name: path.read_bytes() for path in folder.rglob("pkg*.py")} == {f"{name}.py": files[name] for name in names}
    # What is in the cache has its hash, though `uv sync` has fetched but two. What the prune took in time, entry or archive, is fetched
    # once more.
    cached = whole.read(Cache(world.root / "cache")).total
    assert (cached.unhashed, cached.unreadable, cached.hashed > 2) == (0, 0, True)
    pruned = next(one for one in done if "prune" in one.args)
    after = world.sync(project(world.root / "after", *NAMES)).fetched.files
    assert not after or ("Removed" in pruned.stderr and set(after.values()) == {1})
    assert world.sync(project(world.root / "again", *NAMES)).files == 0
    assert strangers(world) == []
