"""Runs the core cases on any set of uv releases, and records what happened: bare, with the flag alone, and through the shim.

    tests/run sweep                         every release that the record lacks, or has without one of the cases
    tests/run sweep --all                   and those that were measured with other code of the shim than this
    tests/run sweep --sealed                those of them that need sealing (0.4.6 to 0.12.15)
    tests/run sweep 0.9.8 0.13.9            these, whether the record has them or not
    tests/run sweep --page                  write docs/compatibility.md from the record, and measure nothing

A release's binary is fetched from the package index, and removed again unless the tests keep it. The record (`data/sweep.json`) is
written after each release, so that an interrupted sweep goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Dict

from packaging.version import InvalidVersion, Version

import compatibility
import uvs
from uv_shim import arguments, layer, report
from uv_shim.demo.index import Index
from uv_shim.demo.wheels import sdist, wheel
from world import PYTHON, SHIM, Result, World, project

DATA = Path(__file__).parent / "data" / "sweep.json"
#: How uv is called: the real one, the shim that only adds the flag, the shim as it is.
ROUTES = ("bare", "flag", "shim")
BUILD_SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
MARK = "import os, pathlib; pathlib.Path(os.environ['HOME'], 'ran').touch()"

#: What one release did: by route, then by case; and where its help and the option table do not agree.
Record = Dict[str, Any]
CASES: dict[str, Callable[[World, str], object]] = {}


def case(function: Callable[[World, str], object]) -> Callable[[World, str], object]:
    """Add a case; its outcome is a number of files, or a word."""
    CASES[function.__name__.replace("_", " ")] = function
    return function


def call(world: World, route: str, *args: str) -> Result:
    """uv by that route."""
    if route == "bare":
        return world.bare(*args)
    return world.run(*args, env={"UV_SHIM_MODE": "flag"} if route == "flag" else None)


def after(world: World, result: Result, *requirements: str) -> object:
    """How many files ``uv sync`` of those requirements fetches; a word where there is nothing to count."""
    if result.code:
        return "install fails"
    folder = world.root / "project"
    if Version(world.version) < Version("0.4.0"):  # there, a project is always a package, and is built
        _, data = sdist("project", "0")
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(world.root, filter="data")
        (world.root / "project-0").rename(folder)
    try:
        return world.sync(project(folder, *requirements, extra=BUILD_SYSTEM if folder.exists() else "")).files
    except AssertionError:
        return "no uv sync"  # not there yet, or a preview that does not come that far


@case
def wheels_at_the_install(world: World, route: str) -> object:
    """Three wheels, one of them an extra's; of an sdist beside them, a uv that is stopped may have sent a request already."""
    stock(world)
    result = call(world, route, "pip", "install", "app[more]", "src")
    return "install fails" if result.code else sum(times for name, times in result.fetched.files.items() if name.endswith(".whl"))


@case
def files_at_the_sync(world: World, route: str) -> object:
    """After the same: three wheels and the sdist."""
    stock(world)
    return after(world, call(world, route, "pip", "install", "app[more]", "src"), "app[more]", "src")


def stock(world: World) -> None:
    """Publish them."""
    world.index.add(wheel("app", "1.0", requires=("lib", "more; extra == 'more'"), extras=("more",)))
    world.index.add(wheel("lib", "1.0"))
    world.index.add(wheel("more", "1.0"))
    world.index.add(sdist("src", "1.0"))


@case
def files_at_the_sync_from_a_sha512_index(world: World, route: str) -> object:
    """A wheel of an index that advertises sha512 alone."""
    world.index.add(wheel("app", "1.0"), advertised=("sha512",))
    return after(world, call(world, route, "pip", "install", "app"), "app")


@case
def tampered_wheel(world: World, route: str) -> object:
    """A wheel whose bytes are not those of the index's hash."""
    world.index.add(wheel("app", "1.0", note="evil"), original=wheel("app", "1.0", note="good")[1])
    result = call(world, route, "pip", "install", "app")
    return "installed" if list(world.venv.rglob("app.py")) else "refused" if result.code else "not installed"


@case
def tampered_sdist(world: World, route: str) -> object:
    """The same of an sdist: its build is code that nobody has checked."""
    world.index.add(sdist("app", "1.0", note=f"\n{MARK}"), original=sdist("app", "1.0", note="good")[1])
    result = call(world, route, "pip", "install", "app")
    ran = (world.home / "ran").exists()
    if list(world.venv.rglob("app.py")):
        return "installed"
    return "its code ran" if ran else "refused" if result.code else "not installed"


@case
def files_at_the_sync_after_uv_tool_install(world: World, route: str) -> object:
    """`uv tool install` does not pass through `uv pip`."""
    return after_tool(world, route, "tool", "install", "--python", str(PYTHON), "app")


@case
def files_at_the_sync_after_uv_tool_run(world: World, route: str) -> object:
    """Nor does `uv tool run`, which is what `uvx` calls."""
    return after_tool(world, route, "tool", "run", "--python", str(PYTHON), "app")


@case
def files_at_the_sync_after_uv_run(world: World, route: str) -> object:
    """Nor does `uv run --with`."""
    return after_tool(world, route, "run", "--no-project", "--python", str(PYTHON), "--with", "app", "python", "-c", "import app, lib")


def after_tool(world: World, route: str, *command: str) -> object:
    """The same of a call that is not `uv pip`, and uses two wheels."""
    name, data = wheel("app", "1.0", requires=("lib",))
    with zipfile.ZipFile(buffer := io.BytesIO(data), "a") as archive:
        archive.writestr("app_run.py", "def run() -> None:\n    import app, lib\n")
        archive.writestr("app-1.0.dist-info/entry_points.txt", "[console_scripts]\napp = app_run:run\n")
    world.index.add((name, buffer.getvalue()))
    world.index.add(wheel("lib", "1.0"))
    result = call(world, route, *command)
    return "not there" if "unrecognized subcommand" in result.stderr or "unexpected argument" in result.stderr else after(world, result, "app")


def measure(version: str) -> Record:
    """What that release does."""
    record: Record = {}
    for route in ROUTES:
        outcomes = {}
        for name, run in CASES.items():
            with tempfile.TemporaryDirectory(prefix="uv-shim-sweep-") as folder, Index() as index:
                world = World(version, Path(folder), index)
                world.make_venv()
                outcomes[name] = run(world, route)
        record[route] = outcomes
    record["options"] = unknown_options(uvs.uv(version))
    return record


def unknown_options(uv: Path) -> list[str]:
    """Options of `uv pip install --help` and `uv pip sync --help` that take a value and that the option table lacks, or the reverse."""
    found = []
    for command in ("install", "sync"):
        text = subprocess.run([uv, "pip", command, "--help"], capture_output=True, text=True, check=True,
                              env={"PATH": os.defpath, "NO_COLOR": "1"}).stdout
        for line in text.splitlines():
            match = re.match(r"\s+(?:-\w, )?(--[a-z-]+)( <\w+>| \[<\w+>\])?", line)
            if match and (match[1] in arguments.VALUES) != bool(match[2]):
                found.append(f"{command} {match[1]}{match[2] or ''}")
    return found


def releases() -> list[str]:
    """All releases of uv on the package index that have `uv pip install`, oldest first."""
    done = subprocess.run([sys.executable, "-m", "pip", "index", "versions", "uv"], capture_output=True, text=True, check=True)
    listed = done.stdout.partition("Available versions: ")[2].split("\n", 1)[0].split(", ")
    return [str(version) for version in sorted(filter(None, map(_release, listed))) if version >= Version("0.1.0")]


def _release(text: str) -> Version | None:
    try:
        return Version(text.strip())
    except InvalidVersion:
        return None


def load() -> dict[str, Record]:
    """The record, by release."""
    recorded: dict[str, Record] = json.loads(DATA.read_text(encoding="utf-8")) if DATA.exists() else {}
    return recorded


def save(record: dict[str, Record]) -> None:
    """Write the record, a line a release, oldest first."""
    lines = [f"{json.dumps(version)}: {json.dumps(record[version])}" for version in sorted(record, key=Version)]
    partial = DATA.with_suffix(".partial")
    partial.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    partial.replace(DATA)


def code() -> str:
    """Which code of the shim a record is of: a digest of the router and the sealing path, without comments."""
    sources = [SHIM, *(Path(layer.__file__).parent / name for name in layer.MODULES)]
    return hashlib.sha256(b"".join(map(layer.text, sources))).hexdigest()[:12]


def sweep(versions: Sequence[str]) -> bool:
    """Measure those releases, and write each down; whether all of them could be measured."""
    failed = False
    of = code()
    progress = report.Progress("sweep", len(versions))
    for number, version in enumerate(versions):
        progress.at(number, version)
        kept = version in uvs.ALL or (uvs.store() / version / "uv").exists()
        try:
            outcome = measure(version)
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            print(f"{version}: not measured: {str(error).splitlines()[0]}", file=sys.stderr)
            failed = True
            continue
        finally:
            if not kept:
                shutil.rmtree(uvs.store() / version, ignore_errors=True)
        save({**load(), version: {**outcome, "code": of}})
    progress.end()
    return not failed


def main() -> None:
    parser = argparse.ArgumentParser(description="Run the core cases on uv releases, and record what happened.")
    parser.add_argument("versions", nargs="*", help="releases to measure; otherwise those that the record lacks, or has without one of the cases")
    parser.add_argument("--all", action="store_true", help="also those that were measured with other code than this")
    parser.add_argument("--sealed", action="store_true", help="of these, only what needs sealing")
    parser.add_argument("--page", action="store_true", help="write docs/compatibility.md from the record, and measure nothing")
    chosen = parser.parse_args()
    if not chosen.page:
        known = load()
        missing = [version for version in releases() if known.get(version, {}).get("bare", {}).keys() != CASES.keys()
                   or (chosen.all and known[version].get("code") != code())]
        if chosen.sealed:
            missing = [version for version in missing if Version("0.4.6") <= Version(version) < Version("0.12.16")]
    done = chosen.page or sweep(chosen.versions or missing)
    compatibility.PAGE.write_text(compatibility.page(load()), encoding="utf-8")
    if not done:
        sys.exit(1)


if __name__ == "__main__":
    main()
