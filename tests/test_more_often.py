"""What is fetched or built more often than by the bare uv: the list in docs/how-it-works.md, and nothing else (test_same_result)."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from machine import need
from test_end_to_end import BUILD_SYSTEM, NATIVE_CACHE, NATIVE_CHECK, described, numbers, publish, unpack, url
from test_tampered import requiring
from uv_shim.demo.wheels import sdist, wheel
from world import PYTHON, Result, World

Pair = Callable[..., tuple[Result, Result]]


@pytest.fixture
def world(make_world: Callable[..., World], version: str) -> World:
    return make_world(version)


@pytest.fixture
def both(make_world: Callable[..., World], world: World, version: str) -> Pair:
    """Install by the bare uv, and through the shim, each from its own empty cache."""
    control = make_world(version, "control")
    return lambda *args: tuple(call("pip", "install", *args, check=True) for call in (control.bare, world.run))


@pytest.fixture
def seals(version: str) -> bool:
    """Whether the shim asks this uv anything before it installs."""
    return numbers(version) < NATIVE_CHECK


def telling(file: tuple[str, bytes], log: Path) -> tuple[str, bytes]:
    """The sdist, with a line in ``log`` for each wheel that is built of it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(file[1])) as before, tarfile.open(fileobj=buffer, mode="w:gz") as after:
        for member in before.getmembers():
            source = before.extractfile(member)
            assert source is not None
            data = source.read().replace(b"def _write(directory):\n", f"def _write(directory):\n    open({str(log)!r}, 'a').write('built ')\n".encode())
            member.size = len(data)
            after.addfile(member, io.BytesIO(data))
    return file[0], buffer.getvalue()


def test_several_sdists(world: World, seals: bool) -> None:
    """uv is stopped for those that it has begun to download by then, not for each: each is requested three times or so, not once for each."""
    names = [f"lib{number}" for number in range(8)]
    for name in names:
        world.index.add(sdist(name, "1.0"))
    world.bare("pip", "install", "--dry-run", "--only-binary", ":all:", *names)  # so that uv has the pages
    result = world.run("pip", "install", *names, env={"UV_SHIM_TRACE": "1"}, check=True)
    stops = [line for line in result.said if "met the sdist" in line]
    assert (0 < len(stops) < len(names) - 2) if seals else not stops
    assert world.freeze().split() == [f"{name}==1.0" for name in names]


def test_a_package_that_a_build_needs_as_well(both: Pair, world: World, version: str) -> None:
    """Before 0.11.19, the build has put it into the cache without its hash; later, it may be on its way when uv is stopped."""
    world.index.add(wheel("lib", "1.0"))
    name, data = sdist("built", "1.0")
    world.index.add((name, requiring(data, "lib")))
    bare, shim = (described(result).get("lib-1.0-py3-none-any.whl") for result in both("lib", "built"))
    assert bare == 1
    assert shim in ((2, 3) if numbers(version) < NATIVE_CACHE else (1, 2) if numbers(version) < NATIVE_CHECK else (1,))


@pytest.mark.parametrize("filled", ["pip install --target elsewhere app", "run --no-project --with app python -c 0", "tool run --from app none"])
def test_what_the_cache_has_without_a_hash(world: World, version: str, filled: str) -> None:
    """Fetched once, before 0.11.19; then its hash is there. (`uv tool run` fails, as the package has no program; the cache has it by then.)"""
    files = publish(world)
    world.bare(*filled.split(), env={"UV_PYTHON": str(PYTHON), "UV_TOOL_DIR": str(world.root / "tools")})
    result = world.run("pip", "install", "app", check=True)
    assert described(result) == ({file.name: 1 for file in files} if numbers(version) < NATIVE_CACHE else {})
    assert described(world.run("pip", "install", "--reinstall", "app", check=True)) == {}


@pytest.mark.parametrize(("options", "said", "times"), [((), "max-age=600", 2), (("--no-cache",), "max-age=600", 3), ((), "no-store", 3)])
def test_a_wheel_that_is_read_whole(both: Pair, world: World, options: tuple[str, ...], said: str, times: int) -> None:
    """Where it may not be kept, a rehearsal reads it, too, and before 0.6.15 there always is one."""
    world.index.configure(metadata=False, ranges=False, file_cache_control=said)
    name = world.index.add(wheel("app", "1.0")).name
    times += said == "no-store" and numbers(world.version) < (0, 6, 15)
    times = times if numbers(world.version) < NATIVE_CHECK else 2
    assert [result.fetched.files for result in both(*options, "app")] == [{name: 2}, {name: times}]


def test_without_a_cache_it_is_all_resolved_twice(world: World, both: Pair, version: str, seals: bool) -> None:
    """Pages and metadata are fetched twice, and so is an sdist, for which a request may have been sent before uv was stopped; no wheel is."""
    files = publish(world)
    bare, ours = (result.fetched for result in both("--no-cache", "app"))
    assert ours.pages == (bare.pages + bare.pages if seals else bare.pages)
    assert ours.files == {file.name: 1 for file in files}
    source = world.index.add(sdist("src", "1.0")).name
    again = world.run("pip", "install", "--no-cache", "src", check=True).fetched.files[source]
    assert again in (([2, 3] if numbers(version) < NATIVE_CACHE else [2]) if seals else [1])


@pytest.mark.parametrize("options", [(), ("--no-cache",)], ids=" ".join)
def test_an_sdist_that_cannot_tell_its_metadata_without_a_build(world: World, seals: bool, options: tuple[str, ...]) -> None:
    world.index.add(telling(sdist("src", "1.0"), world.root / "log"))
    world.run("pip", "install", *options, "src", check=True)
    assert (world.root / "log").read_text().split() == ["built"] * (2 if options and seals else 1)


def test_a_folder_with_dynamic_metadata(world: World, version: str, seals: bool) -> None:
    """Early releases keep what they have built."""
    unpack(telling(sdist("project", "0"), world.root / "log"), world.work)
    (world.work / "pyproject.toml").write_text(f'[project]\nname = "project"\ndynamic = ["version"]\n{BUILD_SYSTEM}')
    for call, times in ((world.bare, 1), (world.run, 2 if seals and numbers(version) >= (0, 6, 17) else 1)):
        call("pip", "install", "-e", ".", check=True)
        assert (world.root / "log").read_text().split() == ["built"] * times
        (world.root / "log").unlink()
        world.bare("pip", "uninstall", "project", check=True)
        shutil.rmtree(world.root / "cache")


@pytest.mark.parametrize("words", ["-r {}", "-c {} app"])
def test_a_file_that_is_named_by_its_url(world: World, both: Pair, seals: bool, words: str) -> None:
    publish(world)
    where = url(world, world.index.add(("names.txt", b"app==1.0\n"), "texts"), "texts")
    bare, ours = (result.fetched.files["names.txt"] for result in both(*words.format(where).split()))
    assert (bare, ours) in ([(1, 2), (1, 3)] if seals else [(1, 1)])


@pytest.mark.parametrize("named", ["main", "a commit"])
def test_a_git_repository(world: World, version: str, seals: bool, named: str) -> None:
    """Each step asks it what a branch stands for. Of a full commit there is nothing to ask, but some releases do."""
    source, log, git = world.root / "source", world.root / "log", need("git")
    unpack(sdist("app", "1.0"), source)
    for command in (("init", "-q", "-b", "main"), ("add", "."), ("-c", "user.name=x", "-c", "user.email=x", "commit", "-q", "-m", "first")):
        subprocess.run([git, *command], cwd=source, check=True)
    commit = subprocess.run([git, "rev-parse", "HEAD"], cwd=source, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    (world.root / "bin").mkdir()
    (world.root / "bin" / "git").write_text(f'#!/bin/sh\necho " $* " >>"{log}"\nexec {git} "$@"\n')
    (world.root / "bin" / "git").chmod(0o755)
    world.run("pip", "install", f"app @ git+file://{source}@{commit if named == 'a commit' else named}", check=True,
              env={"PATH": f"{world.root}/bin:{world.env['PATH']}"})
    asked = sum(" fetch " in line or " ls-remote " in line for line in log.read_text().splitlines())
    often = [2, 3] if named == "main" else [1] if numbers(version) >= (0, 9, 8) else [1, 2, 3]
    assert asked in (often if seals else [1])


@pytest.mark.parametrize("said", ["max-age=600", "no-cache", "no-store"])
def test_pages(world: World, both: Pair, seals: bool, said: str) -> None:
    """As often as by the bare uv, where they may be kept."""
    publish(world)
    world.index.configure(cache_control=said)
    bare, ours = (result.fetched.pages.total() for result in both("app"))
    assert (ours > bare) == (seals and said != "max-age=600")
    assert ours >= bare


@pytest.mark.parametrize("version", ["0.9.8", "0.11.18", "0.11.19"])
def test_a_network_that_is_gone(world: World, version: str) -> None:
    """Before 0.11.19 uv is told to fetch what the cache has without a hash, and fails; with `--offline` that stays as it is."""
    publish(world)
    world.bare("pip", "install", "--target", "elsewhere", "app", check=True)
    nowhere = {"HTTP_PROXY": "http://127.0.0.1:9", "UV_HTTP_RETRIES": "0"}
    gone, told = (world.run("pip", "install", *options, "app", env=nowhere) for options in ((), ("--offline",)))
    assert not gone.fetched.pages
    unhashed = numbers(version) < NATIVE_CACHE
    assert (gone.code, gone.said) == (int(unhashed), ())
    assert (told.code, len(told.said)) == (0, unhashed)


@pytest.mark.parametrize("quiet", ["-q", "-qq"])
def test_quiet_is_for_uv_and_not_for_what_stays_unsealed(make_world: Callable[..., World], quiet: str) -> None:
    world = make_world("0.9.8")
    world.index.add(wheel("app", "1.0"), advertised=())
    result = world.run("pip", "install", quiet, "app", check=True)
    assert (result.stdout, result.stderr, len(result.said)) == ("", "", 1)
