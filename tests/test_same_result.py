"""The differential table: each command line of `command_lines`, once through the bare uv and once through the shim.

On one release the whole table runs, on the others of the sample a share of it, chosen by a hash of release and case, so
that it is the same share each time. With ``--all-uv`` the whole table runs on each release of the promise.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

import uvs
from command_lines import CASES, PASSWORD, Case, publish
from uv_shim.demo.index import Fetched, Index
from world import PYTHON, Result, World, normalise

#: The release that the whole table runs on.
WHOLE = "0.9.8"
#: Of the table, one in so many runs on each other release of the sample.
SHARE = 10
#: Direct URLs without a hash. Before 0.11.19 their files are fetched ahead of the install, which then does not say `Prepared`.
AHEAD = frozenset(
    "url-dependency variables-in-a-file constraint-is-url override-is-url url-wheel url-wheel-with-dependency url-named url-with-query "
    "url-private source-is-url sync-url url-sdist url-named-sdist".split(),
)
#: From this release on, uv itself keeps a SHA-256 of what it downloads.
HASHES_ALWAYS = (0, 11, 19)


def number(version: str) -> tuple[int, ...]:
    """A release as something that compares."""
    return tuple(int(part) for part in version.split("."))


def chosen(version: str, case: Case, *, everything: bool) -> bool:
    """Whether the case runs on this release."""
    if number(version) < number(case.not_before):
        return False
    return everything or version == WHOLE or hashlib.sha256(f"{version} {case.id}".encode()).digest()[0] % SHARE == 0


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise the table: each case with each release that it runs on."""
    if {"release", "case"} <= set(metafunc.fixturenames):
        everything = metafunc.config.getoption("--all-uv")
        rows = [(version, case) for version in (uvs.ALL if everything else uvs.SAMPLE) for case in CASES
                if chosen(version, case, everything=everything)]
        metafunc.parametrize(("release", "case"), rows, ids=[f"{version}-{case.id}" for version, case in rows])


@pytest.fixture(scope="session")
def shelves() -> Iterator[Index]:
    """The indexes of the table."""
    with Index() as index:
        publish(index)
        yield index


@dataclass(frozen=True)
class Outcome:
    """All that can be told about a command after it has run."""

    result: Result
    stdout: str
    stderr: str
    frozen: str
    #: Every file below the working directory, and what is in it.
    tree: Mapping[str, str]
    leftovers: tuple[str, ...]


def play(case: Case, world: World, *, shim: bool) -> Outcome:
    """Set the case up in a fresh world, run it, and look around."""
    env = {key: None if value is None else fill(value, world) for key, value in case.env.items()}
    if case.venv:
        world.make_venv()
    if case.interpreter:
        copy_interpreter(world.work / "py")
        world.env["PATH"] = f"{world.work}/py/bin:{world.env['PATH']}"
    for path, text in case.files.items():
        write(fill(path, world), text, world)
    for line in case.prepare:
        world.bare(*(fill(part, world) for part in shlex.split(line)), check=True)
    if PASSWORD in repr(case):
        env["UV_SHIM_TRACE"] = "1"  # a trace must not tell it either
    call = world.run if shim else world.bare
    again = (case.refetch or case.id in AHEAD) and number(world.version) < HASHES_ALWAYS
    result = call(*(fill(part, world) for part in case.args), env=env, stdin=fill(case.stdin or "", world),
                  shell=fill(case.shell, world) if case.shell else None)
    return Outcome(result, normalise(result.stdout, world), tidy(result.stderr, world, loose=case.loose, again=again),
                   normalise(freeze(world), world), tree(world), leftovers(world))


def fill(text: str, world: World) -> str:
    """Put the world's values in the place of ``<name>`` and ``<name:argument>``."""
    index = world.index

    def value(match: re.Match[str]) -> str:
        name, argument = match.groups()
        if name in ("sha256", "sha512"):
            return hashlib.new(name, index.files["main"][argument].data).hexdigest()
        if argument:
            return f"{index.url}/{argument}/{name}"
        return {"url": index.url, "host": index.url.removeprefix("http://"), "work": str(world.work),
                "python": str(PYTHON), "lib": f"python3.{sys.version_info.minor}"}[name]

    return re.sub(r"<([a-z]+[0-9]*)(?::([^<>\s]+))?>", value, text)


def write(path: str, content: str | bytes, world: World) -> None:
    """Write one file of a case."""
    target = world.home / path[2:] if path.startswith("~/") else world.work / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(fill(content, world).encode() if isinstance(content, str) else content)


def copy_interpreter(folder: Path) -> None:
    """An interpreter that is no virtual environment, with packages of its own: what ``--system`` may install into."""
    (folder / "bin").mkdir(parents=True)
    shutil.copy2(PYTHON, folder / "bin" / "python3")
    library = Path(shutil.__file__).parent
    copied = folder / "lib" / library.name
    (copied / "site-packages").mkdir(parents=True)
    for entry in library.iterdir():
        if entry.name not in ("site-packages", "dist-packages", "EXTERNALLY-MANAGED"):
            (copied / entry.name).symlink_to(entry)


def freeze(world: World) -> str:
    """What is installed where the case installs by default; a bad configuration file of the case is no matter here."""
    python = world.work / ("py/bin/python3" if (world.work / "py").exists() else ".venv/bin/python")
    if not python.exists():
        return "no environment"
    return world.bare("--no-config", "pip", "freeze", "--python", str(python), check=True).stdout


def tree(world: World) -> dict[str, str]:
    """Names and contents of all files in the working directory, of `.venv` too; not uv's caches and lock."""
    caches = [tag.parent for tag in world.work.rglob("CACHEDIR.TAG") if tag.parent != world.venv]
    return {str(path.relative_to(world.work)): content(path, world) for path in world.work.rglob("*")
            if path.name != ".lock" and not any(cache in path.parents for cache in caches)}


def content(path: Path, world: World) -> str:
    """What is in a file, as far as it does not change from run to run."""
    if path.is_symlink():
        return f"-> {normalise(str(path.readlink()), world)}"
    # uv notes the time of a local source, and Python that of a source file.
    if not path.is_file() or path.name == "uv_cache.json" or path.suffix == ".pyc":
        return type(path).__name__
    data = path.read_bytes()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return hashlib.sha256(data).hexdigest()
    if path.name == "RECORD":
        # A file that says when or where something was installed is listed with its own digest (which may end as a time does: -3s).
        text = "\n".join(sorted(re.sub(r",sha256=[\w-]+,\d+$", "", text, flags=re.MULTILINE).splitlines()))
    return normalise(text, world)


def leftovers(world: World) -> tuple[str, ...]:
    """What stayed behind in the folder for temporary files; uv's own locks are named after an environment's path."""
    return tuple(re.sub(r"uv-[0-9a-f]{16}\.lock", "uv-[path].lock", name) for name in world.leftovers())


def tidy(text: str, world: World, *, loose: bool, again: bool) -> str:
    """Standard error without what differs between two runs; ``again``: or between a cold and a warm cache."""
    text = normalise(text, world)
    lines = text.splitlines(keepends=True)
    if loose:
        about_packages = re.compile(r"(Resolved|Prepared|Installed|Uninstalled|Audited) | [+~-] |error")
        return "".join(filter(about_packages.match, lines))
    # Builds and downloads run side by side.
    # A constraint silences a warning of `--resolution lowest`; the shim says it for uv, before the rest.
    progress = re.compile(r"\s*(Building|Built|Downloading|Downloaded|warning:) ")
    if again:
        return "".join(line for line in lines if not progress.match(line) and not line.startswith("Prepared "))
    return "".join(line for line in lines if not progress.match(line)) + "".join(sorted(filter(progress.match, lines)))


def allowance(case: Case, version: str) -> Mapping[str, int]:
    """How many fetches more than the bare uv the shim may need, by file; ``*`` stands for any other."""
    if number(version) >= HASHES_ALWAYS and "--no-cache" not in case.line and case.id not in ("index-with-sha512-sdist", "url-hash-wrong-sdist"):
        return {}
    # Without a cache, an sdist is fetched for the preflights and for the install; and a request may be on its way when uv is stopped.
    times = 2 if "--no-cache" in case.line and number(version) < HASHES_ALWAYS else 1
    return {"*": 1 if case.refetch else 0, **dict.fromkeys(case.fetch_exception, times)}


def fetched_too_often(bare: Fetched, shim: Fetched, allowed: Mapping[str, int]) -> dict[str, str]:
    """The wheels and sdists that the shim made uv fetch more often than it may."""
    return {name: f"{count} times, bare uv {bare.files[name]}" for name, count in shim.files.items()
            if name.endswith((".whl", ".tar.gz")) and count > bare.files[name] + allowed.get(name, allowed.get("*", 0))}


def differences(bare: Outcome, shim: Outcome, allowed: Mapping[str, int]) -> list[str]:
    """What is not the same, each with the bare uv's word (``-``) and the shim's (``+``)."""
    found = [f"exit code: bare uv {bare.result.code}, shim {shim.result.code}"] * (bare.result.code != shim.result.code)
    pairs = {"standard error": (bare.stderr, shim.stderr), "standard output": (bare.stdout, shim.stdout),
             "installed": (bare.frozen, shim.frozen),
             "left behind": ("\n".join(bare.leftovers), "\n".join(shim.leftovers))}
    pairs |= {f"file {path}": (bare.tree[path], shim.tree[path]) for path in sorted({*bare.tree} & {*shim.tree})}
    found += [f"file with bare uv only: {path}" for path in sorted({*bare.tree} - {*shim.tree})]
    found += [f"file with the shim only: {path}" for path in sorted({*shim.tree} - {*bare.tree})]
    for what, (one, other) in pairs.items():
        if one != other:
            found += [f"{what}:", *difflib.unified_diff(one.splitlines(), other.splitlines(), lineterm="", n=1)]
    found += [f"fetched too often: {name} {count}" for name, count in
              fetched_too_often(bare.result.fetched, shim.result.fetched, allowed).items()]
    found += [f"password told: {line}" for line in shim.result.said if PASSWORD in line]
    return found


def test_same_result(release: str, case: Case, shelves: Index, tmp_path: Path) -> None:
    """Through the shim, a command ends as with the bare uv: same code, output, files, packages, and no more fetches."""
    # Names of one length: uv wraps some messages.
    worlds = {name: World(release, tmp_path / name, shelves) for name in ("bare", "shim")}
    bare, shim = (play(case, world, shim=name == "shim") for name, world in worlds.items())

    if case.code is not None and number(release) >= number(case.since):
        assert bare.result.code == case.code, f"the case is not what it says: {bare.result.stderr}"
    found = differences(bare, shim, allowance(case, release))
    if bare.result.code == 0 and not case.unsealed:
        found += [line for line in shim.result.said if not line.startswith("uv-shim: trace: ")]
    assert not found, "\n".join([*found, "the shim said:", *shim.result.said])
    shutil.rmtree(tmp_path)
