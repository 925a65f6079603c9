"""Bytes that are not those of the index's hash are refused, and so is, in ``enforce``, what has no hash.

An attack publishes files of which one is not what its page says, and names the command that would install it. Code of the
attacker, in a wheel or in the build of an sdist, makes a file in HOME: that it must never do.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

import uvs
from standin import StandIn
from uv_shim.demo.index import File, Index
from uv_shim.demo.wheels import sdist, wheel
from world import Result, World

MODES = ("seal", "enforce")
NATIVE_CACHE, NATIVE_CHECK = (0, 11, 19), (0, 12, 16)
#: Says in its log which file of a version it selected.
NAMES_FILES = (0, 6, 15)
HERE = f"cp{sys.version_info[0]}{sys.version_info[1]}"
FITS = f"{HERE}-{HERE}-manylinux_2_17_{platform.machine()}"
MARK = "import os, pathlib; pathlib.Path(os.environ['HOME'], 'attacked').touch()"


@dataclass(frozen=True)
class Attack:
    """A command that would install the wrong bytes."""

    command: tuple[str, ...]
    #: The tampered file.
    bad: File
    env: dict[str, str] = field(default_factory=dict)


Arrange = Callable[[World], Attack]
ATTACKS: dict[str, Arrange] = {}


def attack(arrange: Arrange) -> Arrange:
    """Add an attack to the table."""
    ATTACKS[arrange.__name__] = arrange
    return arrange


def numbers(version: str) -> tuple[int, ...]:
    """A uv version, to compare."""
    return tuple(int(part) for part in version.split("."))


def evil_wheel(server: Index, name: str, requires: tuple[str, ...] = (), index: str = "main", advertised: tuple[str, ...] = ("sha256",)) -> File:
    """Publish a wheel whose pages have the hash of another."""
    _, good = wheel(name, "1.0", requires=requires, note="good")
    return server.add(wheel(name, "1.0", requires=requires, note="evil"), index, original=good, advertised=advertised)


def evil_sdist(server: Index, name: str, requires: tuple[str, ...] = (), index: str = "main", advertised: tuple[str, ...] = ("sha256",)) -> File:
    """Publish an sdist whose pages have the hash of another, and whose build leaves a mark."""
    _, good = sdist(name, "1.0", requires=requires, note="good")
    return server.add(sdist(name, "1.0", requires=requires, note=f"\n{MARK}"), index, original=good, advertised=advertised)


def digest(file: File, algorithm: str = "sha256", *, served: bool) -> str:
    """Digest of what is served, or of what the page says."""
    return hashlib.new(algorithm, file.data if served else file.original or file.data).hexdigest()


def install(*args: str) -> tuple[str, ...]:
    """A ``pip install``."""
    return ("pip", "install", *args)


@attack
def the_wheel(world: World) -> Attack:
    return Attack(install("app"), evil_wheel(world.index, "app"))


@attack
def the_sdist(world: World) -> Attack:
    return Attack(install("app"), evil_sdist(world.index, "app"))


@attack
def an_sdist_instead_of_the_wheel(world: World) -> Attack:
    world.index.add(wheel("app", "1.0"))
    return Attack(install("--no-binary", "app", "app"), evil_sdist(world.index, "app"))


@attack
def a_dependency(world: World) -> Attack:
    world.index.add(wheel("app", "1.0", requires=("lib",)))
    return Attack(install("app"), evil_wheel(world.index, "lib"))


@attack
def an_sdist_as_dependency(world: World) -> Attack:
    world.index.add(wheel("app", "1.0", requires=("lib",)))
    return Attack(install("app"), evil_sdist(world.index, "lib"))


@attack
def an_sdist_as_dependency_of_an_sdist(world: World) -> Attack:
    world.index.add(sdist("app", "1.0", requires=("lib",)))
    return Attack(install("app"), evil_sdist(world.index, "lib"))


@attack
def one_of_many(world: World) -> Attack:
    for number in range(5):
        world.index.add(wheel(f"other{number}", "1.0"))
    return Attack(install("app", *(f"other{number}" for number in range(5))), evil_wheel(world.index, "app"))


@attack
def a_requirements_file(world: World) -> Attack:
    (world.work / "requirements.txt").write_text("app==1.0\n")
    return Attack(install("-r", "requirements.txt"), evil_wheel(world.index, "app"))


@attack
def pip_sync(world: World) -> Attack:
    (world.work / "requirements.txt").write_text("app==1.0\n")
    return Attack(("pip", "sync", "requirements.txt"), evil_wheel(world.index, "app"))


@attack
def pip_sync_of_an_sdist(world: World) -> Attack:
    (world.work / "requirements.txt").write_text("app==1.0\n")
    return Attack(("pip", "sync", "requirements.txt"), evil_sdist(world.index, "app"))


@attack
def without_dependencies(world: World) -> Attack:
    return Attack(install("--no-deps", "app==1.0"), evil_wheel(world.index, "app"))


@attack
def an_sdist_without_dependencies(world: World) -> Attack:
    return Attack(install("--no-deps", "app==1.0"), evil_sdist(world.index, "app"))


@attack
def pages_without_metadata_files(world: World) -> Attack:
    world.index.configure(metadata=False, ranges=False)
    return Attack(install("app"), evil_wheel(world.index, "app"))


@attack
def html_pages(world: World) -> Attack:
    world.index.configure(json=False)
    return Attack(install("app"), evil_wheel(world.index, "app"))


@attack
def an_extra_index(world: World) -> Attack:
    world.index.add(wheel("other", "1.0"))
    return Attack(install("--extra-index-url", world.index.simple("second"), "app", "other"),
                  evil_wheel(world.index, "app", index="second"))


@attack
def find_links(world: World) -> Attack:
    world.index.add(wheel("other", "1.0"))
    return Attack(install("--find-links", f"{world.index.url}/flat/links", "app"), evil_wheel(world.index, "app", index="flat"))


@attack
def a_target_folder(world: World) -> Attack:
    return Attack(install("--target", str(world.venv / "folder"), "app"), evil_wheel(world.index, "app"))


@attack
def quietly(world: World) -> Attack:
    return Attack(("-q", "pip", "install", "app"), evil_wheel(world.index, "app"))


@attack
def without_cache(world: World) -> Attack:
    return Attack(("--no-cache", "pip", "install", "app"), evil_wheel(world.index, "app"))


@attack
def an_sdist_without_cache(world: World) -> Attack:
    return Attack(("--no-cache", "pip", "install", "app"), evil_sdist(world.index, "app"))


@attack
def a_url_with_hash(world: World) -> Attack:
    bad = evil_wheel(world.index, "app")
    return Attack(install(f"app @ {world.index.url}/main/files/{bad.name}#sha256={digest(bad, served=False)}"), bad)


@attack
def a_url_of_an_sdist_with_hash(world: World) -> Attack:
    bad = evil_sdist(world.index, "app")
    return Attack(install(f"app @ {world.index.url}/main/files/{bad.name}#sha256={digest(bad, served=False)}"), bad)


@attack
def the_hash_of_the_user(world: World) -> Attack:
    bad = evil_wheel(world.index, "app")
    (world.work / "requirements.txt").write_text(f"app==1.0 --hash=sha256:{digest(bad, served=False)}\n")
    return Attack(install("-r", "requirements.txt"), bad)


@attack
def only_sha512(world: World) -> Attack:
    return Attack(install("app"), evil_wheel(world.index, "app", advertised=("sha512",)))


@attack
def an_sdist_with_only_sha512(world: World) -> Attack:
    return Attack(install("app"), evil_sdist(world.index, "app", advertised=("sha512",)))


# What looks as if it needed no hash of the index.


def own_file(world: World, name: str, text: str) -> str:
    """Write a file in the current folder."""
    (world.work / name).write_text(text)
    return name


@attack
def a_file_of_that_name_lies_here(world: World) -> Attack:
    """As after `pip download`."""
    name, data = wheel("app", "1.0", note="good")
    (world.work / name).write_bytes(data)
    return Attack(install("app"), evil_wheel(world.index, "app"))


@attack
def a_folder_that_an_option_replaces(world: World) -> Attack:
    name, data = wheel("app", "1.0", note="good")
    for folder in ("wheels", "other"):
        (world.work / folder).mkdir()
    (world.work / "wheels" / name).write_bytes(data)
    return Attack(install("-f", "other", "app"), evil_wheel(world.index, "app"), {"UV_FIND_LINKS": "wheels"})


#: A hash that a file of the user's has for `app`, where uv does not heed it.
_GIVEN = f"--hash=sha256:{'0' * 64}"


@attack
def a_hash_behind_a_marker(world: World) -> Attack:
    file = own_file(world, "requirements.txt", f"app==1.0 ; sys_platform == 'win32' {_GIVEN}\n")
    return Attack(install("-r", file, "app"), evil_wheel(world.index, "app"))


@attack
def a_hash_in_a_comment(world: World) -> Attack:
    file = own_file(world, "requirements.txt", f"app==1.0\t# {_GIVEN}\n")
    return Attack(install("-r", file), evil_wheel(world.index, "app"))


@attack
def a_hash_of_a_variable_that_an_option_replaces(world: World) -> Attack:
    own_file(world, "hashed.txt", f"app==1.0 {_GIVEN}\n")
    return Attack(install("-c", own_file(world, "c.txt", "app<2\n"), "app"), evil_wheel(world.index, "app"), {"UV_CONSTRAINT": "hashed.txt"})


@attack
def hashes_demanded_and_not(world: World) -> Attack:
    return Attack(install("--require-hashes", "--no-require-hashes", "app"), evil_wheel(world.index, "app"))


@attack
def hashes_demanded_by_a_line(world: World) -> Attack:
    own_file(world, "c.txt", "--require-hashes\napp==1.0\n")
    return Attack(install("-r", own_file(world, "requirements.txt", "-c c.txt\napp\n")), evil_wheel(world.index, "app"))


@attack
def a_list_with_the_name_of_a_lock_file(world: World) -> Attack:
    own_file(world, "pylock.toml", "app==1.0\n")
    return Attack(install("-r", own_file(world, "requirements.txt", "-r pylock.toml\n")), evil_wheel(world.index, "app"))


@attack
def an_sdist_that_its_url_does_not_name(world: World) -> Attack:
    """As behind some file stores."""
    bad = evil_sdist(world.index, "app")
    where = "/download/12345"

    def serve(request: BaseHTTPRequestHandler) -> bool:
        page = json.dumps({"meta": {"api-version": "1.1"}, "name": "app", "files": [
            {"filename": bad.name, "url": f"{world.index.url}{where}", "hashes": bad.digests(), "size": len(bad.data)}]}).encode()
        kinds = {"/main/simple/app/": ("application/vnd.pypi.simple.v1+json", page), where: ("application/octet-stream", bad.data)}
        kind, data = kinds.get(request.path, ("", b""))
        if kind:
            request.send_response(200)
            request.send_header("Content-Type", kind)
            request.send_header("Content-Length", str(len(data)))
            request.end_headers()
            request.wfile.write(data if request.command == "GET" else b"")
        return bool(kind)

    world.index.interfere = serve
    return Attack(install("app"), bad)


@attack
def an_sdist_whose_name_spells_its_version_otherwise(world: World) -> Attack:
    _, good = sdist("app", "2022.01.08", note="good")
    return Attack(install("app"), world.index.add(sdist("app", "2022.01.08", note=f"\n{MARK}"), original=good))


@attack
def an_sdist_whose_name_has_a_release_candidate_otherwise(world: World) -> Attack:
    _, good = sdist("app", "1.0.RC1", note="good")
    return Attack(install("--prerelease", "allow", "app"), world.index.add(sdist("app", "1.0.RC1", note=f"\n{MARK}"), original=good))


@attack
def an_sdist_in_a_dry_run(world: World) -> Attack:
    return Attack(install("--dry-run", "app"), evil_sdist(world.index, "app"))


def local_wheel_that_needs(world: World, *files: File, folder: str = "main") -> str:
    """Path of a wheel whose metadata names URLs, with the hashes that the files should have: of ``lib`` first, then of others."""
    name, data = wheel("app", "1.0", requires=tuple(
        f"{project} @ {world.index.url}/{folder}/files/{file.name}#sha256={digest(file, served=False)}"
        for project, file in zip(("lib", "other", "third"), files, strict=False)))
    (world.work / name).write_bytes(data)
    return f"./{name}"


@attack
def a_url_that_metadata_names(world: World) -> Attack:
    bad = evil_wheel(world.index, "lib")
    return Attack(install(local_wheel_that_needs(world, bad)), bad)


@attack
def a_url_of_an_sdist_that_metadata_names(world: World) -> Attack:
    bad = evil_sdist(world.index, "lib")
    return Attack(install(local_wheel_that_needs(world, bad)), bad)


@attack
def a_url_whose_name_is_no_projects(world: World) -> Attack:
    """As a forge has it: uv tells the name of the package only when it is about to build it."""
    good = world.index.add(sdist("lib", "1.0", note="good"))
    bad = world.index.add(("v1.0.tar.gz", sdist("lib", "1.0", note=f"\n{MARK}")[1]), original=good.data)
    return Attack(install(local_wheel_that_needs(world, bad)), bad)


@attack
def a_url_beside_others_whose_names_are_no_projects(world: World) -> Attack:
    """uv is stopped at each of them, and may have begun to resolve what it needs to build one by the time it ends."""
    others = [world.index.add((f"v{number}.tar.gz", sdist(project, "1.0")[1])) for number, project in ((2, "other"), (3, "third"))]
    good = world.index.add(sdist("lib", "1.0", note="good"))
    bad = world.index.add(("v1.0.tar.gz", sdist("lib", "1.0", note=f"\n{MARK}")[1]), original=good.data)
    return Attack(install(local_wheel_that_needs(world, bad, *others)), bad)


@attack
def a_url_of_an_sdist_beside_others(world: World) -> Attack:
    """As above; the index has other files of these names."""
    others = []
    for project in ("other", "third", "lib"):
        world.index.add(sdist(project, "1.0", note="of the index"))
        others.append(world.index.add(sdist(project, "1.0", note="of the URL"), "other"))
    good = others.pop()
    bad = world.index.add(sdist("lib", "1.0", note=f"\n{MARK}"), "other", original=good.data)
    return Attack(install(local_wheel_that_needs(world, bad, *others, folder="other")), bad)


@attack
def a_hash_of_constraints_that_a_file_names(world: World) -> Attack:
    """uv heeds those of `-c` on the command line, and drops those of a line `-c` in a file."""
    own_file(world, "c.txt", f"app==1.0 {_GIVEN}\n")
    return Attack(install("-r", own_file(world, "r.txt", "-c c.txt\napp\n")), evil_wheel(world.index, "app"))


@attack
def a_hash_of_constraints_that_a_file_names_for_an_sdist(world: World) -> Attack:
    own_file(world, "nested.txt", f"app==1.0 {_GIVEN}\n")
    own_file(world, "c.txt", "-r nested.txt\n")
    return Attack(("pip", "sync", own_file(world, "r.txt", "--constraint=c.txt\napp==1.0\n")), evil_sdist(world.index, "app"))


@attack
def a_hash_in_a_url_behind_a_marker(world: World) -> Attack:
    """It is not for this machine, and uv does not heed it."""
    bad = evil_wheel(world.index, "lib")
    app = local_wheel_that_needs(world, bad)
    url = f"{world.index.url}/main/files/{bad.name}#sha256={digest(bad, served=False)}"
    return Attack(install(app, "-c", own_file(world, "c.txt", f"lib @ {url} ; sys_platform == 'win32'\n")), bad)


@attack
def a_line_that_is_none_to_uv(world: World) -> Attack:
    """A form feed ends no line there, and so no comment."""
    return Attack(install("-r", own_file(world, "r.txt", f"# old pins\x0capp==1.0 {_GIVEN}\napp==1.0\n")), evil_wheel(world.index, "app"))


@attack
def a_url_that_an_override_names(world: World) -> Attack:
    bad = evil_wheel(world.index, "lib")
    own_file(world, "pyproject.toml", f'[tool.uv]\noverride-dependencies = ["lib @ {world.index.url}/main/files/{bad.name}'
             f'#sha256={digest(bad, served=False)}"]\n')
    return Attack(install(local_wheel_that_needs(world, bad)), bad)


@attack
def an_sdist_that_an_override_names(world: World) -> Attack:
    """For a package of the index, which uv only meets once it resolves."""
    bad = evil_sdist(world.index, "lib")
    world.index.add(wheel("app", "1.0", requires=("lib",)))
    own_file(world, "uv.toml", f'override-dependencies = ["lib @ {world.index.url}/main/files/{bad.name}#sha256={digest(bad, served=False)}"]\n')
    return Attack(install("app"), bad)


@attack
def an_sdist_that_an_overrides_file_names(world: World) -> Attack:
    bad = evil_sdist(world.index, "lib")
    world.index.add(wheel("app", "1.0", requires=("lib",)))
    text = f"lib @ {world.index.url}/main/files/{bad.name}#sha256={digest(bad, served=False)}\n"
    return Attack(install("--override", own_file(world, "o.txt", text), "app"), bad)


@attack
def a_url_that_a_project_names(world: World) -> Attack:
    bad = evil_wheel(world.index, "lib")
    own_file(world, "pyproject.toml", '[project]\nname = "own"\nversion = "1.0"\n'
             f'dependencies = ["lib @ {world.index.url}/main/files/{bad.name}#sha256={digest(bad, served=False)}"]\n')
    return Attack(install("-r", "pyproject.toml"), bad)


@attack
def a_url_without_dependencies(world: World) -> Attack:
    bad = evil_sdist(world.index, "app")
    return Attack(install("--no-deps", f"app @ {world.index.url}/main/files/{bad.name}#sha256={digest(bad, served=False)}"), bad)


def attempt(world: World, command: tuple[str, ...], mode: str, **env: str) -> Result:
    """Call the shim in that mode."""
    return world.run(*command, env={"UV_SHIM_MODE": mode, **env})


def installed(world: World) -> list[str]:
    """All files in the environment."""
    found = (str(path.relative_to(world.venv)) for path in world.venv.rglob("*")
             if "__pycache__" not in path.parts and not path.is_dir())
    return sorted(name for name in found if Path(name).name != ".lock")


def refused_for(result: Result, bad: File, *, anywhere: bool = False) -> None:
    """Check that uv refused, and that it showed what it expected and what it got."""
    assert result.code not in (0, None)
    (algorithm, *_) = bad.advertised
    text = result.stderr + ("\n".join(result.said) if anywhere else "")
    assert digest(bad, algorithm, served=False) in text, text
    assert digest(bad, algorithm, served=True) in text, text


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ATTACKS)
def test_refused(make_world: Callable[..., World], version: str, mode: str, name: str) -> None:
    """Nothing is installed or run where the bytes are not those of the hash, and uv's message shows both digests."""
    if name == "an_sdist_that_an_override_names" and mode == "seal" and numbers(version) >= NATIVE_CHECK:
        pytest.skip("such a uv checks by itself, and does not check that (from 0.11.28 on); nothing is sealed for it")
    world = make_world(version)
    world.index.add(wheel("before", "1.0"))
    world.bare("pip", "install", "-q", "before", check=True)
    before = installed(world)
    plan = ATTACKS[name](world)
    result = attempt(world, plan.command, mode, **plan.env)
    assert installed(world) == before
    assert not (world.home / "attacked").exists()
    if name in ("quietly", "hashes_demanded_by_a_line"):  # some releases demand them, and say that there is none
        assert result.code not in (0, None)
    else:
        refused_for(result, plan.bad, anywhere=mode == "enforce")
    assert world.leftovers() == []


def test_attacks_succeed_without_the_shim(make_world: Callable[..., World], version: str) -> None:
    """The bare uv before 0.12.16 installs the wrong bytes and runs the wrong build: these tests can fail."""
    for name, arrange in (("wheel", the_wheel), ("sdist", the_sdist)):
        world = make_world(version, name)
        world.index.files.clear()
        result = world.bare(*arrange(world).command)
        assert (result.code == 0) == (numbers(version) < NATIVE_CHECK)
        assert (world.home / "attacked").exists() == (name == "sdist" and numbers(version) < NATIVE_CHECK)


@pytest.mark.parametrize("mode", MODES)
def test_bytes_of_another_file_of_the_version(make_world: Callable[..., World], version: str, mode: str) -> None:
    """The hash of the file that uv selected counts, not that of any file of the version (uv names the file from 0.6.15 on)."""
    if numbers(version) < NAMES_FILES:
        pytest.skip("this uv does not say which file it selects")
    world = make_world(version)
    before = installed(world)
    _, selected = wheel("app", "1.0", tag=FITS, note="selected")
    pure = world.index.add(wheel("app", "1.0", note="pure"))
    bad = world.index.add((f"app-1.0-{FITS}.whl", pure.data), original=selected)
    result = attempt(world, install("app"), mode)
    assert installed(world) == before
    refused_for(result, bad, anywhere=mode == "enforce")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
@pytest.mark.parametrize("repaired", [True, False], ids=["repaired", "still bad"])
def test_bad_file_in_the_cache(make_world: Callable[..., World], version: str, mode: str, kind: str, *, repaired: bool) -> None:
    """A bad file that uv has in its cache already is not installed: the good one is, where it is served by now.

    From 0.11.19 on, uv knows the hash of what it has, and does not fetch a file again that its index called immutable: it
    refuses until the cache is cleaned.
    """
    if numbers(version) >= NATIVE_CHECK:
        pytest.skip("this uv takes no bad file into its cache")
    world = make_world(version)
    before = installed(world)
    bad = (evil_wheel if kind == "wheel" else evil_sdist)(world.index, "app")
    world.bare("pip", "install", "--target", str(world.root / "elsewhere"), "app", check=True)
    (world.home / "attacked").unlink(missing_ok=True)
    if repaired:
        assert bad.original is not None
        bad.data, bad.original = bad.original, None
    result = attempt(world, install("app"), mode)
    assert not (world.home / "attacked").exists()
    if not repaired:
        assert installed(world) == before
        refused_for(result, bad, anywhere=mode == "enforce")
        return
    if numbers(version) >= NATIVE_CACHE:
        refused_by_cache = installed(world) == before and result.code != 0
        assert refused_by_cache
        world.bare("cache", "clean", "-q", "app", check=True)
        result = attempt(world, install("app"), mode)
    assert result.code == 0, result.stderr
    (module,) = world.venv.rglob("app.py")
    assert "evil" not in module.read_text()


@pytest.mark.parametrize("version", ["0.12.16", "0.12.24"])
def test_bad_file_of_an_older_uv_in_the_cache(make_world: Callable[..., World], version: str) -> None:
    """A bad file that an uv before 0.12.16 put into the cache is refused by `enforce`; uv itself trusts it up to 0.13.8."""
    older = make_world("0.12.15")
    evil_wheel(older.index, "app")
    older.bare("pip", "install", "app", check=True)
    world = make_world(version, "newer", UV_CACHE_DIR=str(older.root / "cache"))
    before = installed(world)
    result = attempt(world, install("app"), "enforce")
    assert installed(world) == before
    assert result.code != 0


@pytest.mark.parametrize("mode", MODES)
def test_bad_file_replaced_after_the_shim_installed_it(make_world: Callable[..., World], version: str, mode: str) -> None:
    """A file that turns bad on the index after it was sealed does no harm: the sealed one of the cache is installed."""
    world = make_world(version)
    good = world.index.add(wheel("app", "1.0", note="good"))
    assert attempt(world, install("--target", str(world.root / "elsewhere"), "app"), mode).code == 0
    good.original, good.data = good.data, wheel("app", "1.0", note="evil")[1]
    result = attempt(world, install("app"), mode)
    assert result.code == 0, result.stderr
    assert result.files == 0
    (module,) = world.venv.rglob("app.py")
    assert "good" in module.read_text()


@pytest.mark.parametrize(("mode", "direct"), [("seal", False), ("enforce", False), ("enforce", True)])
@pytest.mark.parametrize("options", [(), ("--refresh",), ("--reinstall",)], ids=" ".join)
def test_sdist_replaced_after_it_was_installed(make_world: Callable[..., World], version: str, mode: str, options: tuple[str, ...], *,
                                               direct: bool) -> None:
    """An index that forbids to keep files, and serves another one later: what uv has by then in its cache is built no less checked."""
    world = make_world(version)
    world.index.configure(file_cache_control="max-age=0")
    good = world.index.add(sdist("app", "1.0", note="good"))
    what = f"app @ {world.index.url}/main/files/{good.name}" if direct else "app"
    world.bare("pip", "install", what, check=True)
    world.bare("pip", "uninstall", "app", check=True)
    good.original, good.data = good.data, sdist("app", "1.0", note=f"\n{MARK}")[1]
    result = attempt(world, install(*options, what), mode)
    assert not (world.home / "attacked").exists()
    assert (result.code == 0) == bool(world.freeze())  # 0: a uv that keeps hashes has the good one in its cache


@pytest.mark.parametrize("version", ["0.9.8", "0.12.15"])
def test_a_hash_of_another_folder(make_world: Callable[..., World], version: str) -> None:
    """uv reads its files where a variable tells it to, and not here."""
    world = make_world(version)
    (world.work / "sub").mkdir()
    own_file(world, "requirements.txt", f"app==1.0 {_GIVEN}\n")
    own_file(world, "sub/requirements.txt", "app\n")
    bad = evil_wheel(world.index, "app")
    for mode in MODES:
        result = attempt(world, install("--python", str(world.venv), "-r", "requirements.txt"), mode, UV_WORKING_DIRECTORY="sub")
        assert world.freeze() == ""
        refused_for(result, bad, anywhere=mode == "enforce")


@pytest.mark.parametrize("tampered", [False, True], ids=["good", "tampered"])
def test_enforce_takes_the_users_hash_behind_a_marker(make_world: Callable[..., World], version: str, *, tampered: bool) -> None:
    """As `uv export` writes them: where the index has none, it is what there is to check against."""
    world = make_world(version)
    bad = evil_wheel(world.index, "app", advertised=())
    given = digest(bad, served=not tampered)
    own_file(world, "requirements.txt", f"app==1.0 ; python_version >= '3' \\\n    --hash=sha256:{given} \\\n    {_GIVEN}\n")
    result = attempt(world, install("-r", "requirements.txt"), "enforce")
    assert (result.code == 0, world.freeze()) == ((False, "") if tampered else (True, "app==1.0\n")), result.said


@pytest.mark.parametrize("fragment", ["egg=app&sha256={}", "sha256={}&egg=app", "subdirectory=.&sha256={}", "blake2b={}", "foo=1&md5={}"])
def test_enforce_believes_no_hash_that_uv_may_not_see(make_world: Callable[..., World], version: str, fragment: str) -> None:
    """Beside something else in a URL's fragment."""
    world = make_world(version)
    where = f"{world.index.url}/main/files/{evil_wheel(world.index, 'app').name}#{fragment.format('0' * 64)}"
    result = attempt(world, install(f"app @ {where}"), "enforce")
    assert world.freeze() == ""
    assert result.code != 0


@pytest.mark.parametrize("form", [wheel, sdist], ids=["wheel", "sdist"])
def test_an_md5_counts_for_nothing_beside_sha256(make_world: Callable[..., World], version: str, form: Callable[..., tuple[str, bytes]]) -> None:
    """Two files of one md5 are no feat: where the index gives a SHA-256 too, the bytes must have that."""
    world = make_world(version)
    bad = Collision(*form("app", "1.0", note=f"\n{MARK}"), original=form("app", "1.0", note="good")[1])
    world.index.files["main"] = {bad.name: bad}
    result = attempt(world, install("app"), "enforce")
    assert (result.code == 0, world.freeze(), (world.home / "attacked").exists()) == (False, "", False), result.said


class Collision(File):
    """A tampered file that has the md5 of the good one."""

    def digests(self) -> dict[str, str]:
        return {"md5": digest(self, "md5", served=True), "sha256": digest(self, served=False)}


@pytest.mark.parametrize("hashes", ["hashes = {}", "hashes = {\t}", '"hashes" = { }', f'hashes = {{ sha1 = "{"0" * 40}" }}'])
@pytest.mark.parametrize("version", ["0.9.8", "0.12.15"])
def test_a_lock_file_without_hashes(make_world: Callable[..., World], version: str, hashes: str) -> None:
    """As uv writes it of an index that has none; or with such as uv does not know."""
    world = make_world(version)
    file = world.index.add(wheel("app", "1.0"))
    own_file(world, "pylock.toml", 'lock-version = "1.0"\ncreated-by = "uv"\n\n[[packages]]\nname = "app"\nversion = "1.0"\n'
             f'index = "{world.index.simple()}"\nwheels = [{{ url = "{world.index.url}/main/files/{file.name}", {hashes} }}]\n')
    result = attempt(world, install("-r", "pylock.toml"), "enforce")
    assert (result.code, world.freeze(), len(result.said)) == (2, "", 1)
    result = attempt(world, install("-r", "pylock.toml"), "seal")
    assert (result.code, world.freeze()) == (0, "app==1.0\n")
    assert "without a hash" in result.said[0]


# What has no hash.


@pytest.mark.parametrize("flat", [False, True], ids=["an index", "links"])
@pytest.mark.parametrize("form", [wheel, sdist], ids=["wheel", "sdist"])
def test_enforce_refuses_what_seal_left_in_the_cache(make_world: Callable[..., World], version: str, form: Callable[..., tuple[str, bytes]],
                                                     *, flat: bool) -> None:
    """A hash that uv has computed by then is none of the index's."""
    world = make_world(version)
    world.index.configure(json=False)
    world.index.add(form("app", "1.0"), advertised=())
    command = install("--find-links", f"{world.index.url}/main/links", "--no-index", "app") if flat else install("app")
    elsewhere = ("--target", str(world.root / "elsewhere"))
    for mode in ("enforce", "enforce", "seal", "enforce"):
        result = attempt(world, (*command, *elsewhere) if mode == "seal" else command, mode)
        assert (result.code == 0) == (mode == "seal"), result.stderr
    assert world.freeze() == ""


def unhashed(world: World) -> tuple[str, ...]:
    """An index that says nothing of one package, and everything of another."""
    world.index.add(wheel("app", "1.0", requires=("lib",)), advertised=())
    world.index.add(wheel("lib", "1.0"))
    return install("app")


def unhashed_dependency(world: World) -> tuple[str, ...]:
    """As `unhashed`, of a dependency."""
    world.index.add(wheel("other", "1.0", requires=("app",)))
    world.index.add(wheel("app", "1.0"), advertised=())
    return install("other")


def unhashed_sdist(world: World) -> tuple[str, ...]:
    """As `unhashed`, of an sdist: nobody knows what its build does."""
    world.index.add(sdist("app", "1.0", note=f"\n{MARK}"), advertised=())
    return install("app")


def unhashed_selected_file(world: World) -> tuple[str, ...]:
    """An index that has hashes for some files of a version, but not for the one that uv selects."""
    world.index.add(wheel("app", "1.0", tag=FITS), advertised=())
    world.index.add(wheel("app", "1.0"))
    return install("app")


def unhashed_wheel_beside_sdist(world: World) -> tuple[str, ...]:
    """As `unhashed_selected_file`; the file with a hash is an sdist."""
    world.index.add(wheel("app", "1.0"), advertised=())
    world.index.add(sdist("app", "1.0"))
    return install("app")


#: Publishes files, and gives the command that installs them.
Publish = Callable[[World], tuple[str, ...]]
UNHASHED = (unhashed, unhashed_dependency, unhashed_sdist, unhashed_selected_file, unhashed_wheel_beside_sdist)


@pytest.mark.parametrize("arrange", UNHASHED, ids=lambda arrange: str(arrange.__name__))
def test_seal_installs_what_has_no_hash(make_world: Callable[..., World], version: str, arrange: Publish) -> None:
    """Where the index has no hash, ``seal`` installs what the bare uv would, and says in one line what stays unsealed."""
    world, control = make_world(version), make_world(version, "control")
    command = arrange(world)
    result = attempt(world, command, "seal")
    bare = control.bare(*command, check=True)
    assert (result.code, world.freeze()) == (bare.code, control.freeze())
    # The same file of the version: each wheel names its tag.
    tags, bare_tags = (sorted(path.read_text() for path in each.venv.rglob("WHEEL")) for each in (world, control))
    assert tags == bare_tags
    if numbers(version) < NATIVE_CHECK:  # a newer one is not asked for its plan
        assert len(result.said) == 1
        assert re.search(r"\bapp\b", result.said[0])
        assert not re.search(r"\blib\b", result.said[0])


@pytest.mark.parametrize("arrange", UNHASHED, ids=lambda arrange: str(arrange.__name__))
def test_enforce_refuses_what_has_no_hash(make_world: Callable[..., World], version: str, arrange: Publish) -> None:
    """Where the index has no hash, ``enforce`` refuses with exit code 2, names the package, and installs nothing."""
    world = make_world(version)
    before = installed(world)
    result = attempt(world, arrange(world), "enforce")
    assert (result.code, installed(world)) == (2, before)
    assert not (world.home / "attacked").exists()
    assert any(re.search(r"\bapp\b", line) for line in result.said)
    assert not any(re.search(r"\blib\b", line) for line in result.said)


@pytest.mark.parametrize("mode", MODES)
def test_unselected_files_need_no_hash(make_world: Callable[..., World], version: str, mode: str) -> None:
    """A file without a hash does not matter where uv selects another of that version."""
    world = make_world(version)
    world.index.add(wheel("app", "1.0", tag=FITS))
    world.index.add(wheel("app", "1.0"), advertised=())
    world.index.add(sdist("app", "1.0"), advertised=())
    result = attempt(world, install("app"), mode)
    assert (result.code, result.said) == (0, ())
    assert world.freeze() == "app==1.0\n"


@pytest.mark.parametrize("mode", MODES)
def test_selected_file_is_checked_beside_unhashed_ones(make_world: Callable[..., World], version: str, mode: str) -> None:
    """The hash of the selected file counts also where other files of the version have none."""
    world = make_world(version)
    before = installed(world)
    world.index.add((f"app-1.0-{FITS}.whl", wheel("app", "1.0", tag=FITS, note="evil")[1]),
                    original=wheel("app", "1.0", tag=FITS, note="good")[1])
    world.index.add(wheel("app", "1.0"), advertised=())
    result = attempt(world, install("app"), mode)
    assert result.code != 0
    assert installed(world) == before


# More that `enforce` refuses, and what it allows.


#: As long as a commit.
_LONG = "a-branch/".ljust(40, "z")


def git_repository(world: World) -> tuple[Path, str]:
    """A repository with a project in it, and its commit."""
    folder = world.root / "repository"
    folder.mkdir()
    stem, data = sdist("app", "1.0")
    (world.root / stem).write_bytes(data)
    subprocess.run(["tar", "-xzf", str(world.root / stem), "--strip-components=1"], cwd=folder, check=True)
    (folder / "backend.py").write_text((folder / "backend.py").read_text() + MARK)
    identity = {"PATH": os.environ["PATH"], "HOME": str(world.home), "GIT_CONFIG_NOSYSTEM": "1"}
    for name in ("AUTHOR", "COMMITTER"):
        identity.update({f"GIT_{name}_NAME": "tests", f"GIT_{name}_EMAIL": "tests@example.org"})
    for args in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "all"), ("tag", "v1"), ("branch", _LONG)):
        subprocess.run(["git", *args], cwd=folder, env=identity, check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, env=identity, check=True, capture_output=True, text=True)
    return folder, commit.stdout.strip()


def test_enforce_refuses_to_leave_it_out(make_world: Callable[..., World], version: str) -> None:
    """``--no-verify-hashes`` is refused in ``enforce``."""
    world = make_world(version)
    world.index.add(wheel("app", "1.0"))
    result = attempt(world, install("--no-verify-hashes", "app"), "enforce")
    assert (result.code, world.freeze()) == (2, "")
    if numbers(version) >= (0, 5, 3):
        assert any("--no-verify-hashes" in line for line in result.said)


def test_enforce_is_not_undone_by_a_variable(make_world: Callable[..., World], version: str) -> None:
    """``UV_NO_VERIFY_HASHES`` of the surroundings does not undo ``enforce``."""
    world = make_world(version)
    world.index.add(wheel("good", "1.0"))
    assert attempt(world, install("good"), "enforce", UV_NO_VERIFY_HASHES="1").code == 0
    before = installed(world)
    plan = the_wheel(world)
    refused_for(attempt(world, plan.command, "enforce", UV_NO_VERIFY_HASHES="1"), plan.bad, anywhere=True)
    assert installed(world) == before


@pytest.mark.parametrize("mode", MODES)
def test_settings_do_not_undo_it(make_world: Callable[..., World], version: str, mode: str) -> None:
    """``verify-hashes = false`` of a project's settings does not undo the check."""
    world = make_world(version)
    before = installed(world)
    (world.work / "uv.toml").write_text("[pip]\nverify-hashes = false\n")
    plan = the_wheel(world)
    refused_for(attempt(world, plan.command, mode), plan.bad, anywhere=mode == "enforce")
    assert installed(world) == before


@pytest.mark.parametrize("kind", ["wheel", "sdist", "unnamed"])
def test_enforce_refuses_urls_without_hash(make_world: Callable[..., World], version: str, kind: str) -> None:
    """A direct URL without a hash is refused in ``enforce``, and its build is not run."""
    world = make_world(version)
    file = world.index.add(wheel("app", "1.0") if kind == "wheel" else sdist("app", "1.0", note=f"\n{MARK}"))
    where = f"{world.index.url}/main/files/{file.name}"
    result = attempt(world, install(where if kind == "unnamed" else f"app @ {where}"), "enforce")
    assert (result.code, world.freeze()) == (2, "")
    assert any("app" in line for line in result.said)
    assert not (world.home / "attacked").exists()


def test_enforce_allows_urls_with_hash(make_world: Callable[..., World], version: str) -> None:
    """A direct URL with its hash is installed in ``enforce``."""
    world = make_world(version)
    file = world.index.add(wheel("app", "1.0", requires=("lib",)))
    world.index.add(wheel("lib", "1.0"))
    where = f"app @ {world.index.url}/main/files/{file.name}#sha256={digest(file, served=True)}"
    result = attempt(world, install(where), "enforce")
    assert (result.code, result.said) == (0, ())


@pytest.mark.parametrize("reference", ["", "@main", "@v1", f"@{_LONG}", "@short", "@full"])
def test_enforce_wants_full_commits(make_world: Callable[..., World], version: str, reference: str) -> None:
    """Of a Git repository, only a full commit names a fixed content; anything less is refused in ``enforce``."""
    world = make_world(version)
    folder, commit = git_repository(world)
    reference = reference.replace("short", commit[:10]).replace("full", commit)
    result = attempt(world, install(f"app @ git+file://{folder}{reference}"), "enforce", GIT_CONFIG_NOSYSTEM="1")
    if reference.endswith(commit):
        assert result.code == 0, result.stderr + "\n".join(result.said)
    else:
        assert (result.code, world.freeze()) == (2, "")
        assert any("app" in line for line in result.said)
        assert not (world.home / "attacked").exists()


@pytest.mark.parametrize("command", ["install", "sync"])
@pytest.mark.parametrize("there", [False, True], ids=["", "of an index too"])
def test_enforce_and_urls_without_dependencies(make_world: Callable[..., World], version: str, command: str, *, there: bool) -> None:
    """There, uv looks at a URL only once it resolves: without a hash, what is there is not built; with one, it is installed."""
    world = make_world(version)
    where = f"app @ {world.index.url}/fork/files/{world.index.add(sdist('app', '1.0', note=chr(10) + MARK), 'fork').name}"
    if there:
        world.index.add(sdist("app", "1.0"))
    file = own_file(world, "requirements.txt", f"{where}\n")
    result = attempt(world, ("pip", "sync", file) if command == "sync" else install("--no-deps", where), "enforce")
    assert (result.code, world.freeze()) == (2, "")
    assert any("app" in line for line in result.said)
    assert not (world.home / "attacked").exists()
    where += f"#sha256={digest(world.index.files['fork']['app-1.0.tar.gz'], served=True)}"
    own_file(world, "requirements.txt", f"{where}\n")
    result = attempt(world, ("pip", "sync", file) if command == "sync" else install("--no-deps", where), "enforce")
    assert (result.code, result.said) == (0, ()), result.stderr


@pytest.mark.parametrize("form", [wheel, sdist], ids=["wheel", "sdist"])
def test_what_a_direct_url_needs_is_checked(make_world: Callable[..., World], version: str, form: Callable[..., tuple[str, bytes]]) -> None:
    """A URL without a hash is taken in ``seal``; what it depends on is no less checked, and not looked at where it is installed."""
    world = make_world(version)
    bad = evil_sdist(world.index, "lib")
    where = f"app @ {world.index.url}/elsewhere/files/{world.index.add(form('app', '1.0', requires=('lib',)), 'elsewhere').name}"
    refused_for(attempt(world, install(where), "seal"), bad)
    assert world.freeze() == ""
    folder = world.root / "lib"
    folder.mkdir()
    name, data = wheel("lib", "1.0")
    (folder / name).write_bytes(data)
    world.bare("pip", "install", str(folder / name), check=True)
    result = attempt(world, install(where), "seal")
    assert (result.code, result.said) == (0, ()), result.stderr
    assert bad.name not in result.fetched.files
    assert not (world.home / "attacked").exists()


def test_a_direct_url_alone_is_sealed(make_world: Callable[..., World], version: str) -> None:
    """Without its dependencies, which nobody has."""
    world = make_world(version)
    where = f"app @ {world.index.url}/main/files/{world.index.add(wheel('app', '1.0', requires=('lib',))).name}"
    result = attempt(world, install("--no-deps", where), "seal")
    assert (result.code, result.said, result.files) == (0, (), 1), result.stderr


@pytest.mark.parametrize("command", ["a dry run", "an older one is taken", "there is no solution"])
def test_seal_says_what_ran_unchecked(make_world: Callable[..., World], version: str, command: str) -> None:
    """Code of an sdist without a hash on the index ran, and it is not installed: one line says so."""
    world = make_world(version)
    if command != "there is no solution":
        world.index.add(wheel("app", "1.0"))
    world.index.add(sdist("app", "2.0", requires=() if command == "a dry run" else ("other==2",)), advertised=())
    world.index.add(wheel("other", "1.0"))
    result = attempt(world, install(*(("--dry-run",) if command == "a dry run" else ()), "app"), "seal")
    assert result.code == (1 if command == "there is no solution" else 0), result.stderr
    assert world.freeze() == ("app==1.0\n" if command == "an older one is taken" else "")
    if numbers(version) < NATIVE_CHECK:
        assert result.said == ("uv-shim: unsealed: app (built for its metadata; the index has no hash for 2.0)",)


def test_enforce_offline(make_world: Callable[..., World], version: str) -> None:
    """Without the network, ``enforce`` installs what the cache holds with its hash, and refuses what it holds without."""
    world = make_world(version)
    elsewhere = ("--target", str(world.root / "elsewhere"))
    world.index.add(wheel("app", "1.0"))
    world.bare("pip", "install", *elsewhere, "app", check=True)
    if numbers(version) < NATIVE_CACHE:
        result = attempt(world, install("--offline", "app"), "enforce")
        assert (result.code, world.freeze()) == (2, "")
    assert attempt(world, install(*elsewhere, "--reinstall", "app"), "enforce").code == 0
    result = attempt(world, install("--offline", "app"), "enforce")
    assert result.code == 0, result.stderr + "\n".join(result.said)
    assert world.freeze() == "app==1.0\n"


@pytest.mark.parametrize("wanted", ["src", "app"], ids=["an sdist", "a wheel that needs one"])
def test_enforce_offline_and_an_sdist(make_world: Callable[..., World], version: str, wanted: str) -> None:
    """What the cache holds without its hash cannot be had again: that is no word of uv's own, who would install it, but a refusal with names."""
    world = make_world(version)
    world.index.add(sdist("src", "1.0"))
    world.index.add(wheel("app", "1.0", requires=("src",)))
    world.bare("pip", "install", "--target", str(world.root / "elsewhere"), wanted, check=True)
    result = attempt(world, install("--offline", wanted), "enforce")
    if numbers(version) >= NATIVE_CACHE:
        assert result.code == 0, result.stderr + "\n".join(result.said)
        return
    assert (result.code, world.freeze()) == (2, "")
    assert any(re.match(r"uv-shim:   src: .*once hashes were demanded", line) for line in result.said), result.said
    assert "network was disabled" in result.stderr, "uv's words say what it lacks"
    bare = world.bare("pip", "install", "--offline", wanted)
    assert bare.code == 0, "the bare uv does not install it: this test has lost its meaning"


def test_seal_offline(make_world: Callable[..., World], version: str) -> None:
    """Without the network, ``seal`` installs what the cache holds, and says in one line what stays unsealed."""
    world = make_world(version)
    world.index.add(wheel("app", "1.0"))
    world.bare("pip", "install", "--target", str(world.root / "elsewhere"), "app", check=True)
    result = attempt(world, install("--offline", "app"), "seal")
    assert (result.code, world.freeze()) == (0, "app==1.0\n")
    if numbers(version) < NATIVE_CACHE:
        assert len(result.said) == 1


@pytest.mark.parametrize("old", ["0.2.26", "0.2.27", "0.4.5"])
def test_old_uv(make_world: Callable[..., World], old: str) -> None:
    """An uv that cannot be told hashes installs as ever in ``seal``, with a word on it, and is refused in ``enforce``."""
    assert uvs.uv(old).exists()
    world = make_world(old)
    world.index.add(wheel("app", "1.0"))
    result = attempt(world, install("app"), "enforce")
    assert (result.code, world.freeze()) == (2, "")
    assert result.said
    result = attempt(world, install("app"), "seal")
    assert (result.code, world.freeze()) == (0, "app==1.0\n")
    assert len(result.said) == 1


@pytest.mark.parametrize("form", ["wheel", "sdist", "directory", "editable", "find-links"])
def test_enforce_allows_local_files(make_world: Callable[..., World], version: str, form: str) -> None:
    """What lies on this machine is the user's own, and is installed in ``enforce``."""
    world = make_world(version)
    world.index.add(wheel("lib", "1.0"))
    folder = world.root / "local"
    folder.mkdir()
    for name, data in (wheel("app", "1.0", requires=("lib",)), sdist("app", "1.0", requires=("lib",))):
        (folder / name).write_bytes(data)
    subprocess.run(["tar", "-xzf", "app-1.0.tar.gz"], cwd=folder, check=True)
    commands = {"wheel": (str(folder / "app-1.0-py3-none-any.whl"),), "sdist": (str(folder / "app-1.0.tar.gz"),),
                "directory": (str(folder / "app-1.0"),), "editable": ("-e", str(folder / "app-1.0")),
                "find-links": ("--find-links", str(folder), "app")}
    result = attempt(world, install(*commands[form]), "enforce")
    assert result.code == 0, result.stderr + "\n".join(result.said)
    assert {line.partition("==")[0].partition(" @")[0] for line in world.freeze().splitlines()} & {"lib"}


def test_enforce_allows_an_sdist_of_a_local_folder(make_world: Callable[..., World], version: str) -> None:
    """Where there is no wheel beside it, uv builds it while it resolves."""
    world = make_world(version)
    world.index.add(wheel("lib", "1.0"))
    folder = world.root / "local"
    folder.mkdir()
    name, data = sdist("app", "1.0", requires=("lib",))
    (folder / name).write_bytes(data)
    result = attempt(world, install("--find-links", str(folder), "app"), "enforce")
    assert (result.code, world.freeze()) == (0, "app==1.0\nlib==1.0\n"), result.stderr + "\n".join(result.said)


@pytest.mark.parametrize("kind", ["named", "unnamed"])
def test_enforce_refuses_a_dependency_that_is_a_url(make_world: Callable[..., World], version: str, kind: str) -> None:
    """A package whose metadata names a URL: what is there is not built."""
    world = make_world(version)
    bad = world.index.add(sdist("lib", "1.0", note=f"\n{MARK}"))
    if kind == "unnamed":
        bad = world.index.add(("main.tar.gz", bad.data))
    world.index.files["main"].pop("lib-1.0.tar.gz" if kind == "unnamed" else "", None)
    world.index.add(wheel("app", "1.0", requires=(f"lib @ {world.index.url}/main/files/{bad.name}",)))
    where = f"{world.index.url}/main/files/app-1.0-py3-none-any.whl"
    (data,) = (file.data for file in world.index.files["main"].values() if file.name.endswith(".whl"))
    result = attempt(world, install(f"app @ {where}#sha256={hashlib.sha256(data).hexdigest()}"), "enforce")
    assert not (world.home / "attacked").exists()
    assert (result.code != 0, world.freeze()) == (True, "")


def test_enforce_takes_a_good_sdist_that_an_override_names(make_world: Callable[..., World], version: str) -> None:
    """With its hash."""
    world = make_world(version)
    good = world.index.add(sdist("lib", "1.0"))
    world.index.add(wheel("app", "1.0", requires=("lib",)))
    text = f"lib @ {world.index.url}/main/files/{good.name}#sha256={digest(good, served=True)}"
    own_file(world, "uv.toml", f'override-dependencies = ["{text}"]\n')
    result = attempt(world, install("app"), "enforce")
    assert (result.code, result.said) == (0, ()), result.stderr
    (world.work / "uv.toml").unlink()
    result = attempt(world, install("--reinstall", "--override", own_file(world, "o.txt", f"{text}\n"), "app"), "enforce")
    assert (result.code, result.said) == (0, ()), result.stderr


@pytest.mark.parametrize("version", ["0.9.8", "0.12.15"])
@pytest.mark.parametrize("where", ["UV_PROJECT", "XDG_CONFIG_DIRS"])
def test_enforce_takes_a_good_sdist_that_an_override_elsewhere_names(make_world: Callable[..., World], version: str, where: str) -> None:
    """In the settings of another project, or of the machine."""
    world = make_world(version)
    good = world.index.add(sdist("lib", "1.0"))
    world.index.add(wheel("app", "1.0", requires=("lib",)))
    folder = world.root / "elsewhere"
    (folder / "uv").mkdir(parents=True)
    text = f'override-dependencies = ["lib @ {world.index.url}/main/files/{good.name}#sha256={digest(good, served=True)}"]\n'
    (folder / ("uv.toml" if where == "UV_PROJECT" else "uv/uv.toml")).write_text(text)
    result = attempt(world, install("--python", str(world.venv), "app"), "enforce", **{where: str(folder)})
    assert (result.code, result.said) == (0, ()), result.stderr
    assert good.name in world.freeze()


def local_wheel(world: World, name: str, note: str) -> None:
    """Put a wheel into the folder `wheels`."""
    (world.work / "wheels").mkdir()
    filename, data = wheel(name, "1.0", note=note)
    (world.work / "wheels" / filename).write_bytes(data)


@pytest.mark.parametrize("options", ["--find-links wheels", "--no-index", "--no-binary :all:", "--index-url http://127.0.0.1:9/"])
@pytest.mark.parametrize("mode", MODES)
def test_options_in_constraints_that_a_file_names(make_world: Callable[..., World], version: str, mode: str, options: str) -> None:
    """uv does not heed them there: the file comes from the index, and is checked."""
    world = make_world(version)
    local_wheel(world, "app", "local")
    own_file(world, "c.txt", f"{options}\napp==1.0\nlib==1.0\n")
    own_file(world, "r.txt", "-c c.txt\napp\n")
    own_file(world, "good.txt", "-c c.txt\nlib\n")
    bad = evil_wheel(world.index, "app")
    result = attempt(world, install("-r", "r.txt"), mode)
    assert world.freeze() == ""
    refused_for(result, bad, anywhere=mode == "enforce")
    world.index.add(wheel("lib", "1.0"))
    result = attempt(world, install("-r", "good.txt"), mode)
    assert (result.code, result.said, world.freeze()) == (0, (), "lib==1.0\n"), result.stderr


@pytest.mark.parametrize("mode", MODES)
def test_options_in_overrides(make_world: Callable[..., World], version: str, mode: str) -> None:
    """uv does heed them there: what is installed is the local file, though the index has one of that name with other bytes."""
    world = make_world(version)
    local_wheel(world, "app", "local")
    world.index.add(wheel("app", "1.0", note="index"))
    world.index.add(wheel("lib", "1.0", requires=("app",)))
    own_file(world, "o.txt", "--find-links wheels\napp==1.0\n")
    command = install("--override", "o.txt", "lib")
    modules = []
    for through in (False, True):
        result = attempt(world, command, mode) if through else world.bare(*command)
        assert (result.code, result.said) == (0, ()), result.stderr
        modules.append([module.read_text() for module in world.venv.rglob("app.py")])
        world.bare("pip", "uninstall", "app", "lib")
    assert "local" in modules[0][0]
    assert modules[1] == modules[0]


@pytest.mark.parametrize("mode", MODES)
def test_a_folder_that_a_file_names(make_world: Callable[..., World], version: str, mode: str) -> None:
    """A relative `--find-links` in a file in another folder: before 0.12.1, uv sees it from the working directory."""
    world = make_world(version)
    beside = numbers(version) >= (0, 12, 1)
    local_wheel(world, "app", "local")
    (world.work / "sub" / "wheels").mkdir(parents=True)
    (filename,) = os.listdir(world.work / "wheels")
    own_file(world, "sub/r.txt", "--find-links wheels\napp\n")
    bad = evil_wheel(world.index, "app")
    for place in ("wheels", "sub/wheels"):  # where the file is; the other folder is empty
        result = attempt(world, install("-r", "sub/r.txt"), mode)
        if (place == "sub/wheels") == beside:
            assert (result.code, result.said, world.freeze()) == (0, (), "app==1.0\n"), result.stderr
            assert "local" in next(world.venv.rglob("app.py")).read_text()
            world.bare("pip", "uninstall", "app", check=True)
        else:
            assert world.freeze() == ""
            refused_for(result, bad, anywhere=mode == "enforce")
        if place == "wheels":
            (world.work / "wheels" / filename).rename(world.work / "sub" / "wheels" / filename)


#: What has no hash on the index: file names' tags, or an sdist; and what the index says of its pages.
COMPUTED = {"wheel, page not kept": ("no-store", ("py3",)), "sdist, page not kept": ("no-store", ()), "two wheels": ("", ("py3", "py2.py3")),
            "three wheels": ("", ("py39", "py310", "py3")), "four wheels": ("", ("py2.py3", "py39", "py310", "py3")),
            "two wheels, page not kept": ("no-store", ("py39", "py3"))}


@pytest.mark.parametrize("name", COMPUTED)
@pytest.mark.parametrize("mode", MODES)
def test_no_hash_that_uv_computes_is_the_indexs(make_world: Callable[..., World], version: str, mode: str, name: str) -> None:
    """From 0.12.15 on, `pip compile` downloads what has no hash and tells that of whatever it got."""
    if mode == "seal" and numbers(version) >= NATIVE_CHECK:
        pytest.skip("such a uv is on its own in this mode")
    pages, tags = COMPUTED[name]
    world = make_world(version)
    if pages:
        world.index.configure(cache_control=pages)
    for tag in tags:
        world.index.add((f"app-1.0-{tag}-none-any.whl", wheel("app", "1.0", note=tag)[1]), advertised=())
    if not tags:
        world.index.add(sdist("app", "1.0", note=f"\n{MARK}"), advertised=())
    world.index.add(wheel("lib", "1.0"))
    result = attempt(world, install("app", "lib"), mode)
    if mode == "enforce":
        assert (result.code, world.freeze()) == (2, ""), result.said
        assert not (world.home / "attacked").exists()
        assert any(line.startswith("uv-shim:   app: ") for line in result.said)
    else:
        assert (result.code, world.freeze(), len(result.said)) == (0, "app==1.0\nlib==1.0\n", 1), result.said
    assert not any("lib" in line for line in result.said)


@pytest.mark.parametrize("how", ["false marker", "constraints that a file names"])
def test_enforce_hands_over_the_users_hash_where_uv_drops_it(make_world: Callable[..., World], version: str, how: str) -> None:
    """The index has none, and the user has one in a place where uv does not heed it: the bytes are checked all the same."""
    world = make_world(version)
    bad = evil_wheel(world.index, "app", advertised=())
    marker = " ; python_version < '3'" if how == "false marker" else ""
    given = f"app==1.0{marker} --hash=sha256:{digest(bad, served=False)}\n"
    own_file(world, "c.txt", given)
    own_file(world, "r.txt", f"{given}app==1.0\n" if how == "false marker" else "-c c.txt\napp\n")
    result = attempt(world, install("-r", "r.txt"), "enforce")
    assert (result.code != 0, world.freeze()) == (True, ""), result.said


@pytest.mark.parametrize("version", ["0.12.15"])
def test_a_folder_seen_from_elsewhere(make_world: Callable[..., World], version: str) -> None:
    """uv looks for `wheels` where a variable tells it to: a file of the same name here says nothing."""
    world = make_world(version)
    local_wheel(world, "app", "local")
    (world.work / "sub" / "wheels").mkdir(parents=True)
    bad = evil_wheel(world.index, "app")
    for mode in MODES:
        result = attempt(world, install("--python", str(world.venv), "--find-links", "wheels", "app"), mode, UV_WORKING_DIRECTORY="sub")
        assert world.freeze() == ""
        refused_for(result, bad, anywhere=mode == "enforce")


@pytest.mark.parametrize("mode", MODES)
def test_sync_takes_pre_releases_whatever_is_said_of_them(make_world: Callable[..., World], version: str, mode: str) -> None:
    """`pip compile` heeds that variable, and `pip sync` does not."""
    world = make_world(version)
    world.index.add(wheel("app", "2.0a1"))
    own_file(world, "r.txt", "app==2.0a1\n")
    result = attempt(world, ("pip", "sync", "r.txt"), mode, UV_PRERELEASE="disallow")
    assert (result.code, result.said, world.freeze()) == (0, (), "app==2.0a1\n"), result.stderr


@pytest.mark.parametrize("mode", MODES)
def test_a_url_of_a_project_that_has_to_be_built(make_world: Callable[..., World], version: str, mode: str) -> None:
    """uv resolves what the build needs before it comes to the URL. Where it cannot be told to check it, `enforce` refuses, and `seal` says so."""
    world = make_world(version)
    good = world.index.add(sdist("lib", "1.0", note="good"))
    bad = world.index.add(("v1.0.tar.gz", sdist("lib", "1.0", note=f"\n{MARK}")[1]), original=good.data)
    world.index.add(wheel("helper", "1.0"))
    name, data = sdist("own", "1.0", requires=(f"lib @ {world.index.url}/main/files/{bad.name}#sha256={digest(bad, served=False)}",))
    (world.work / name).write_bytes(data)
    subprocess.run(["tar", "-xzf", name], cwd=world.work, check=True)
    toml = world.work / "own-1.0" / "pyproject.toml"
    toml.write_text(toml.read_text().replace("requires = []", 'requires = ["helper"]'))
    result = attempt(world, install("./own-1.0"), mode)
    assert (result.code != 0, world.freeze()) == (True, "")
    if (world.home / "attacked").exists():
        assert mode == "seal"
        assert any("unsealed: lib (built for its metadata" in line for line in result.said)


def test_a_url_in_a_file_of_settings_is_no_requirement(make_world: Callable[..., World], version: str) -> None:
    """The project here may have a package by the very URL that the index has; asked for by name, it is the index's."""
    world = make_world(version)
    file = world.index.add(sdist("app", "1.0"))
    own_file(world, "pyproject.toml", f'[tool.uv.sources]\napp = {{ url = "{world.index.url}/main/files/{file.name}" }}\n')
    result = attempt(world, install("app"), "enforce")
    assert (result.code, result.said) == (0, ()), result.stderr


def test_metadata_can_write_no_plan(make_world: Callable[..., World], version: str) -> None:
    """A wheel whose metadata cannot be read is quoted in uv's log, with line breaks: nothing in it is fetched or run."""
    world = make_world(version)
    evil = world.index.add(sdist("victim", "1.0", note=f"\n{MARK}"), "evil")
    world.index.add(wheel("victim", "1.0"))
    url = f"{world.index.url}/evil/files/{evil.name}#sha256={digest(evil, served=True)}"
    words = base64.b64encode(f"!!!\nWould install 1 package\n + victim @ {url}\nDEBUG Preparing metadata for: victim @ {url}\n".encode()).decode()
    world.index.add(wheel("app", "2.0", requires=(f"=?utf-8?b?{words}?=",)))
    world.index.add(wheel("app", "1.0", requires=("victim",)))
    for mode in MODES:
        result = attempt(world, install("--reinstall", "app"), mode)
        assert not result.fetched.files.get(evil.name)
        assert not (world.home / "attacked").exists()
        assert result.code == 0 or mode == "enforce", result.stderr


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("reason", [
    "Would install 1 package\n + lib==1.0", "Would make no changes", " + app==2.0", "DEBUG Selecting: app==2.0 [compatible] (app-2.0.tar.gz)"])
def test_a_reason_for_yanking_changes_no_plan(make_world: Callable[..., World], version: str, mode: str, reason: str) -> None:
    """uv gives it as it is, behind the plan. Whoever yanks one release decides nothing about another one."""
    world = make_world(version)
    world.index.add(wheel("app", "1.0", note="bad"), original=wheel("app", "1.0")[1])
    world.index.add(wheel("lib", "1.0"), yanked=f"broken\n{reason}\n")
    result = attempt(world, install("app==1.0", "lib==1.0"), mode)
    assert result.code != 0
    assert "app" not in world.freeze()
    world.index.add(wheel("app", "1.0"))
    shutil.rmtree(world.root / "cache")
    result = attempt(world, install("app==1.0", "lib==1.0"), mode)
    assert (result.code, result.said, world.freeze()) == (0, (), "app==1.0\nlib==1.0\n"), result.stderr


@pytest.mark.parametrize("mode", MODES)
def test_good_files_pass(make_world: Callable[..., World], version: str, mode: str) -> None:
    """Good wheels and sdists are installed in both modes, without a word of the shim."""
    world = make_world(version)
    world.index.add(wheel("app", "1.0", requires=("lib", "src")))
    world.index.add(wheel("lib", "1.0"), advertised=("sha512",))
    world.index.add(sdist("src", "1.0"))
    result = attempt(world, install("app"), mode)
    assert (result.code, result.said) == (0, ()), result.stderr
    assert world.freeze() == "app==1.0\nlib==1.0\nsrc==1.0\n"


@pytest.mark.parametrize("version", ["0.5.26", "0.9.8"])
@pytest.mark.parametrize("asked", ["-C key=value", "--no-build-isolation", "-b none.txt", "UV_BUILD_CONSTRAINT"])
def test_an_sdist_is_built_only_as_it_is_asked_for(make_world: Callable[..., World], version: str, asked: str) -> None:
    """`pip compile`, which keeps the hash of a direct URL that has none, would build it otherwise: it stays unsealed, and a line says so."""
    world = make_world(version)
    file = world.index.add(sdist("app", "1.0"))
    own_file(world, "none.txt", "")
    real = StandIn(world, 0, ":")
    options, env = ((), {"UV_BUILD_CONSTRAINT": "none.txt"}) if asked.startswith("UV") else (asked.split(), {})
    where = f"app @ {world.index.url}/main/files/{file.name}"
    result = attempt(world, install(*options, where), "seal", UV_SHIM_REAL_UV=str(real.path), **env)
    assert (result.code, world.freeze()) == (0, f"{where}\n"), result.stderr
    assert [call for call in real.calls if "compile" in call and "--offline" not in call] == []
    assert len(result.said) == 1


def requiring(data: bytes, *requirements: str) -> bytes:
    """The sdist with build requirements."""
    made = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as before, tarfile.open(fileobj=made, mode="w:gz") as after:
        for member in before:
            file = before.extractfile(member)
            text = file.read() if file else b""
            text = text.replace(b"requires = []", f"requires = {json.dumps(requirements)}".encode())
            member.size = len(text)
            after.addfile(member, io.BytesIO(text))
    return made.getvalue()


@pytest.mark.parametrize("options", [(), ("--no-cache",), ("-U",), ("--refresh",), ("--reinstall",)], ids=" ".join)
@pytest.mark.parametrize("mode", MODES)
def test_a_package_that_a_build_needs_as_well(make_world: Callable[..., World], version: str, mode: str, options: tuple[str, ...]) -> None:
    """What uv has downloaded for a build, it installs as it is, whatever is demanded of it there: so the build is told the same."""
    if mode == "seal" and numbers(version) >= NATIVE_CHECK:
        pytest.skip("such a uv is on its own in this mode")
    world = make_world(version)
    world.index.add(wheel("helper", "2.0"))
    name, data = sdist("src", "1.0")
    world.index.add((name, requiring(data, "helper<2")))
    bad = evil_wheel(world.index, "helper")
    command = install(*options, "src", "helper<2")
    result = attempt(world, command, mode)
    assert result.code != 0, result.said
    assert "evil" not in "".join(module.read_text() for module in world.venv.rglob("helper.py"))
    bad.data = bad.original or b""
    shutil.rmtree(world.root / "cache")
    (world.root / "cache").mkdir()
    result = attempt(world, command, mode)
    assert (result.code, result.said, world.freeze()) == (0, (), "helper==1.0\nsrc==1.0\n"), result.stderr


@pytest.mark.parametrize("how", ["-b", "UV_BUILD_CONSTRAINT"])
@pytest.mark.parametrize("mode", MODES)
def test_build_requirements_with_a_hash_of_the_users(make_world: Callable[..., World], version: str, mode: str, how: str) -> None:
    """What a build needs is checked where the user gives its hash as a build constraint; where not, only by uv 0.12.16 and later."""
    world = make_world(version)
    name, data = sdist("src", "1.0")
    world.index.add((name, requiring(data, "helper")))
    bad = evil_wheel(world.index, "helper")
    own_file(world, "b.txt", f"helper==1.0 --hash=sha256:{digest(bad, served=False)}\n")
    options, env = (("-b", "b.txt"), {}) if how == "-b" else ((), {"UV_BUILD_CONSTRAINT": "b.txt"})
    result = attempt(world, install(*options, "src"), mode, **env)
    refused_for(result, bad, anywhere=mode == "enforce")
    assert world.freeze() == ""
    assert (attempt(world, install("src"), mode).code == 0) == (numbers(version) < NATIVE_CHECK)
    bad.data = bad.original or b""
    shutil.rmtree(world.root / "cache")
    (world.root / "cache").mkdir()
    result = attempt(world, install("--reinstall", *options, "src"), mode, **env)
    assert (result.code, result.said, world.freeze()) == (0, (), "src==1.0\n"), result.stderr


@pytest.mark.parametrize("version", ["0.5.26", "0.9.8", "0.12.15"])
@pytest.mark.parametrize("mode", MODES)
def test_builds_that_need_a_package_in_two_versions(make_world: Callable[..., World], version: str, mode: str) -> None:
    """No one constraint holds for all of them."""
    world = make_world(version)
    for number in ("1.0", "2.0"):
        world.index.add(wheel("helper", number))
    for name, needed in (("src", "helper<2"), ("more", "helper>=2")):
        filename, data = sdist(name, "1.0")
        world.index.add((filename, requiring(data, needed)))
    result = attempt(world, install("--no-cache", "src", "more", "helper<2"), mode)
    assert len([line for line in result.said if "helper" in line and "builds need it" in line]) == 1
    assert (result.code, world.freeze()) == ((2, "") if mode == "enforce" else (0, "helper==1.0\nmore==1.0\nsrc==1.0\n")), result.stderr


@pytest.mark.parametrize("where", ["a word", "constraints", "overrides"])
def test_a_url_with_a_hash_and_without(make_world: Callable[..., World], version: str, where: str) -> None:
    """Before 0.11.4, the one that uv reads last counts: the hash of the other one is nobody's."""
    world = make_world(version)
    bad = evil_wheel(world.index, "app", advertised=())
    url = f"app @ {world.index.url}/main/files/{bad.name}"
    own_file(world, "r.txt", f"{url}#sha256={digest(bad, served=False)}\n")
    own_file(world, "bare.txt", f"{url}\n")
    more = {"a word": (url,), "constraints": ("-c", "bare.txt"), "overrides": ("--override", "bare.txt")}[where]
    result = attempt(world, install("-r", "r.txt", *more), "enforce")
    assert (result.code != 0, world.freeze()) == (True, ""), result.said


def test_a_variable_that_uv_does_not_read(make_world: Callable[..., World]) -> None:
    """Before 0.4.19, `UV_FIND_LINKS` is none: a file of that name in that folder is not the one that is installed."""
    world = make_world("0.4.6")
    local_wheel(world, "app", "local")
    bad = evil_wheel(world.index, "app")
    for mode in MODES:
        result = attempt(world, install("app"), mode, UV_FIND_LINKS=str(world.work / "wheels"))
        assert world.freeze() == ""
        refused_for(result, bad, anywhere=mode == "enforce")
