"""The rehearsal is left out where nothing could come of it, and nowhere else."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from uv_shim.demo.index import Index
from uv_shim.demo.wheels import sdist, wheel
from world import World, normalise, project

WITH_FILES = ("0.6.17", "0.9.8", "0.11.18", "0.12.15")


def dry_runs(world: World, *args: str, **env: str) -> int:
    """How many dry runs a sealed install makes: each call of the real uv is written down by who stands before it."""
    log = world.root / "calls"
    counting = world.root / "counting"
    counting.write_text(f'#!/bin/sh\necho "$*" >>"{log}"\nexec "{world.uv}" "$@"\n')
    counting.chmod(0o755)
    log.write_text("")
    result = world.run("pip", "install", *args, env={"UV_SHIM_REAL_UV": str(counting), **env}, check=True)
    assert not result.said
    calls = log.read_text().splitlines()
    assert "-c /proc/self/fd/" in calls[-1]
    return sum("--dry-run" in call and "--show-settings" not in call for call in calls)


@pytest.fixture
def world(make_world: Callable[..., World], index: Index, version: str) -> World:
    index.add(wheel("alpha", "1.0", requires=("beta",)))
    index.add(wheel("beta", "1.0"))
    return make_world(version)


@pytest.mark.parametrize("version", WITH_FILES)
def test_wheels_into_an_environment_without_them(world: World) -> None:
    """All that uv looked at is pinned to its file: there is no other plan."""
    assert dry_runs(world, "alpha") == 1


@pytest.mark.parametrize("version", WITH_FILES)
@pytest.mark.parametrize("program", ["bare", "run"], ids=["by the bare uv", "by the shim"])
def test_wheels_of_which_some_are_in_the_cache(world: World, program: str) -> None:
    """With their hash or without it: what is there only decides what is downloaded."""
    getattr(world, program)("pip", "install", "beta", check=True)
    world.bare("pip", "uninstall", "beta", check=True)
    assert dry_runs(world, "alpha") == 1
    assert world.freeze() == "alpha==1.0\nbeta==1.0\n"
    assert world.sync(project(world.root / "project", "alpha")).files == 0


def unpacked(folder: Path, name: str, *requires: str, note: str = "") -> Path:
    """The sources of a project whose build writes itself down in HOME, in a folder."""
    with tarfile.open(fileobj=io.BytesIO(sdist(name, "1.0", requires=requires, note=f"{note}\n{COUNTED}")[1])) as archive:
        archive.extractall(folder, filter="data")
    return folder / f"{name}-1.0"


COUNTED = "import os, pathlib, sys; print(sys.argv, file=pathlib.Path(os.environ['HOME'], 'builds').open('a'))"


@pytest.mark.parametrize("version", WITH_FILES)
@pytest.mark.parametrize("words", ["./gamma-1.0", "-e ./gamma-1.0", "-r names.txt", "./gamma-1.0-py3-none-any.whl"])
def test_what_lies_here_beside_wheels(make_world: Callable[..., World], index: Index, version: str, words: str) -> None:
    """No constraint is about it; the dry run builds it once for its metadata, the install does what it does without the shim, and says so."""
    index.add(wheel("alpha", "1.0", requires=("beta",)))
    index.add(wheel("beta", "1.0"))
    builds, said = {}, {}
    for program in ("bare", "shim"):
        world = make_world(version, program)
        unpacked(world.work, "gamma", "alpha")
        name, data = wheel("gamma", "1.0", requires=("alpha",))
        (world.work / name).write_bytes(data)
        (world.work / "names.txt").write_text("./gamma-1.0\n")
        if program == "bare":
            said["bare"] = normalise(world.bare("pip", "install", *words.split(), check=True).stderr, world)
        else:
            said["shim"] = normalise(world.run("pip", "install", *words.split(), check=True).stderr, world)
        built = world.home / "builds"
        builds[program] = len(built.read_text().splitlines()) if built.exists() else 0
        again = make_world(version, f"{program} again")
    unpacked(again.work, "gamma", "alpha")
    (again.work / name).write_bytes(data)
    (again.work / "names.txt").write_text("./gamma-1.0\n")
    assert dry_runs(again, *words.split()) == 1
    assert builds["shim"] <= 2 * builds["bare"]
    assert said["shim"] == said["bare"]


@pytest.mark.parametrize("version", ["0.4.30", "0.5.26"])
def test_hashes_of_a_version(world: World) -> None:
    """A uv that tells hashes by version, and not by file, could take another file."""
    assert dry_runs(world, "alpha") == 2


@pytest.mark.parametrize("version", WITH_FILES)
@pytest.mark.parametrize("case", ["one is installed", "all is in the cache, and offline", "an sdist", "the second attempt", "a hash of the caller's",
                                  "an override", "enforce"])
def test_whatever_could_come_out_otherwise(world: World, index: Index, case: str) -> None:
    """Then uv is asked."""
    words = ["alpha"]
    env = {}
    if case == "one is installed":
        world.bare("pip", "install", "beta", check=True)
    elif case == "all is in the cache, and offline":
        world.run("pip", "install", "alpha", check=True)
        world.bare("pip", "uninstall", "alpha", "beta", check=True)
        (world.work / "uv.toml").write_text("offline = true\n")
    elif case == "an sdist":
        index.add(sdist("gamma", "1.0"))
        words.append("gamma")
    elif case == "the second attempt":
        index.add(wheel("beta", "2.0", requires=("alpha>1",)))
    elif case == "a hash of the caller's":
        (world.work / "beta.txt").write_text(f"beta==1.0 --hash=sha256:{index.files['main']['beta-1.0-py3-none-any.whl'].digests()['sha256']}\n")
        words += ["-r", "beta.txt"]
    elif case == "an override":
        (world.work / "override.txt").write_text("beta<3\n")
        words += ["--override", "override.txt"]
    else:
        env["UV_SHIM_MODE"] = "enforce"
    assert dry_runs(world, *words, **env) >= 2
