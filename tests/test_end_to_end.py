"""The promise: what the shim installed is not fetched again by ``uv sync``.

Each case publishes files, installs them through the shim, and names a project with the same requirements. The project is
then synced by the bare uv into another environment with the same cache; its lock file comes from elsewhere.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import re
import shutil
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from uv_shim.demo.index import File
from uv_shim.demo.wheels import sdist, wheel
from world import PYTHON, Result, World, project

#: The first uv that keeps hashes of its own accord.
NATIVE_CACHE = (0, 11, 19)
#: The first uv that checks downloads against the index of its own accord; the shim then only adds the flag.
NATIVE_CHECK = (0, 12, 16)
#: A tag that fits the tests' Python, and one that never does.
HERE = f"cp{sys.version_info[0]}{sys.version_info[1]}-cp{sys.version_info[0]}{sys.version_info[1]}"
FITS, FOREIGN = f"{HERE}-manylinux_2_17_{platform.machine()}", f"{HERE}-win_amd64"
#: For a source tree that carries its own build backend.
BUILD_SYSTEM = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


@dataclass(frozen=True)
class Plan:
    """What a case does."""

    #: Calls through the shim, in order.
    commands: tuple[tuple[str, ...], ...]
    #: The project that `uv sync` is called in afterwards.
    project: Path
    #: Variables for all of them.
    env: dict[str, str | None] = field(default_factory=dict)
    #: Modules that must be there after the commands, with the folder that they are in.
    modules: tuple[str, ...] = ("app",)
    folder: Path | None = None
    sync: tuple[str, ...] = ()
    cwd: Path | None = None
    #: Words of the one line that the shim is to say; none: it says nothing.
    says: tuple[str, ...] = ()
    #: Whether an uv that keeps no hashes of its own accord can lock anew without fetching: not what has no sha256 on its index.
    relocks: bool = True
    #: Files that even the newest uv fetches again, all by itself.
    beyond_us: tuple[str, ...] = ()


Case = Callable[[World], Plan]
CASES: dict[str, tuple[tuple[int, ...], Case]] = {}


def numbers(version: str) -> tuple[int, ...]:
    """A uv version, to compare."""
    return tuple(int(part) for part in version.split("."))


def case(since: str = "0.4.6") -> Callable[[Case], Case]:
    """Add a case to the table; ``since`` is the first uv that knows what it uses."""

    def add(function: Case) -> Case:
        CASES[function.__name__] = (numbers(since), function)
        return function

    return add


def install(*args: str) -> tuple[tuple[str, ...], ...]:
    """One ``pip install``."""
    return (("pip", "install", *args),)


def publish(world: World, *, index: str = "main", **options: object) -> tuple[File, File]:
    """``app`` 1.0 and the ``lib`` 1.0 that it depends on."""
    return (world.index.add(wheel("app", "1.0", requires=("lib",), payload=3000), index, **options),
            world.index.add(wheel("lib", "1.0", payload=3000), index, **options))


def url(world: World, file: File, index: str = "main") -> str:
    """Where a file is."""
    return f"{world.index.url}/{index}/files/{file.name}"


def same(world: World, *dependencies: str, extra: str = "") -> Path:
    """A project beside the working directory."""
    return project(world.root / "project", *dependencies, extra=extra)


def unpack(file: tuple[str, bytes], folder: Path) -> Path:
    """An sdist as a source tree."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(file[1])) as archive:
        for member in archive.getmembers():
            data = archive.extractfile(member)
            assert data is not None
            (folder / member.name.partition("/")[2]).write_bytes(data.read())
    return folder


# What is installed.


@case()
def wheel_with_dependency(world: World) -> Plan:
    publish(world)
    return Plan(install("app"), same(world, "app"), modules=("app", "lib"))


@case()
def pinned_wheel_of_several(world: World) -> Plan:
    publish(world)
    world.index.add(wheel("app", "2.0"))
    return Plan(install("app==1.0"), same(world, "app==1.0"), modules=("app", "lib"))


@case()
def only_sdist(world: World) -> Plan:
    world.index.add(sdist("app", "1.0"))
    return Plan(install("app"), same(world, "app"))


@case()
def sdist_with_dependency(world: World) -> Plan:
    world.index.add(sdist("app", "1.0", requires=("lib",)))
    world.index.add(wheel("lib", "1.0"))
    return Plan(install("app"), same(world, "app"), modules=("app", "lib"))


@case()
def sdist_as_dependency(world: World) -> Plan:
    world.index.add(wheel("app", "1.0", requires=("lib",)))
    world.index.add(sdist("lib", "1.0"))
    return Plan(install("app"), same(world, "app"), modules=("app", "lib"))


@case()
def sdist_beside_older_wheel(world: World) -> Plan:
    world.index.add(wheel("app", "1.0"))
    world.index.add(sdist("app", "2.0"))
    return Plan(install("app"), same(world, "app"))


@case()
def sdist_beside_foreign_wheel(world: World) -> Plan:
    world.index.add(wheel("app", "1.0", tag=FOREIGN))
    world.index.add(sdist("app", "1.0"))
    return Plan(install("app"), same(world, "app"))


@case()
def wheel_beside_sdist(world: World) -> Plan:
    publish(world)
    world.index.add(sdist("app", "1.0", requires=("lib",)))
    return Plan(install("app"), same(world, "app"), modules=("app", "lib"))


@case()
def several_wheels_of_a_version(world: World) -> Plan:
    for tag in (FITS, "py3-none-any", FOREIGN):
        world.index.add(wheel("app", "1.0", tag=tag, note=tag))
    return Plan(install("app"), same(world, "app"))


@case()
def extras(world: World) -> Plan:
    world.index.add(wheel("app", "1.0", requires=("lib; extra == 'more'",), extras=("more",)))
    world.index.add(wheel("lib", "1.0"))
    return Plan(install("app[more]"), same(world, "app[more]"), modules=("app", "lib"))


@case()
def markers(world: World) -> Plan:
    world.index.add(wheel("app", "1.0", requires=("lib; python_version >= '3'", "other; sys_platform == 'nowhere'")))
    for name in ("lib", "other", "third"):
        world.index.add(wheel(name, "1.0"))
    wanted = ("app; python_version >= '3'", "third; sys_platform == 'nowhere'")
    return Plan(install(*wanted), same(world, *wanted), modules=("app", "lib"))


@case()
def local_version(world: World) -> Plan:
    world.index.add(wheel("app", "1.0"))
    world.index.add(wheel("app", "1.0+local"))
    return Plan(install("app==1.0"), same(world, "app==1.0"))


@case()
def names_unlike_their_files(world: World) -> Plan:
    world.index.add(wheel("My-App.x", "1.0", requires=("Some_Lib",)))
    world.index.add(wheel("some-lib", "1.0"))
    return Plan(install("my.app_X"), same(world, "My_App-x"), modules=("some_lib",))


@case()
def two_commands(world: World) -> Plan:
    publish(world)
    return Plan(install("lib") + install("app"), same(world, "app"), modules=("app", "lib"))


@case()
def installed_by_bare_uv_then_again(world: World) -> Plan:
    publish(world)
    world.bare("pip", "install", "app", check=True)
    return Plan(install("--reinstall", "app"), same(world, "app"), modules=("app", "lib"))


@case()
def warm_cache_of_bare_uv(world: World) -> Plan:
    publish(world)
    world.bare("pip", "install", "app", "--target", str(world.root / "elsewhere"), check=True)
    return Plan(install("app"), same(world, "app"), modules=("app", "lib"))


# Where it comes from.


@case()
def url_of_wheel(world: World) -> Plan:
    publish(world)
    where = f"{world.index.url}/main/files/app-1.0-py3-none-any.whl"
    return Plan(install(where), same(world, f"app @ {where}"), modules=("app", "lib"))


@case()
def url_of_sdist(world: World) -> Plan:
    where = url(world, world.index.add(sdist("app", "1.0")))
    return Plan(install(where), same(world, f"app @ {where}"))


@case()
def name_at_url(world: World) -> Plan:
    app, _ = publish(world)
    wanted = f"app @ {url(world, app)}"
    return Plan(install(wanted), same(world, wanted), modules=("app", "lib"))


@case()
def name_at_url_with_hash(world: World) -> Plan:
    app, _ = publish(world)
    wanted = f"app @ {url(world, app)}#sha256={hashlib.sha256(app.data).hexdigest()}"
    # uv keeps a URL with a fragment apart from one without, and a lock file has it without.
    return Plan(install(wanted), same(world, wanted), modules=("app", "lib"), beyond_us=(app.name,))


@case()
def name_at_url_of_sdist(world: World) -> Plan:
    wanted = f"app @ {url(world, world.index.add(sdist('app', '1.0')))}"
    return Plan(install(wanted), same(world, wanted))


@case()
def name_at_url_of_sdist_with_hash(world: World) -> Plan:
    app = world.index.add(sdist("app", "1.0"))
    wanted = f"app @ {url(world, app)}#sha256={hashlib.sha256(app.data).hexdigest()}"
    return Plan(install(wanted), same(world, wanted), beyond_us=(app.name,))


@case()
def url_as_dependency(world: World) -> Plan:
    lib = world.index.add(wheel("lib", "1.0"))
    app = world.index.add(wheel("app", "1.0", requires=(f"lib @ {url(world, lib)}",)))
    wanted = f"app @ {url(world, app)}"
    return Plan(install(wanted), same(world, wanted), modules=("app", "lib"))


@case()
def url_of_sdist_as_dependency(world: World) -> Plan:
    lib = world.index.add(sdist("lib", "1.0"))
    app = world.index.add(wheel("app", "1.0", requires=(f"lib @ {url(world, lib)}",)))
    wanted = f"app @ {url(world, app)}"
    return Plan(install(wanted), same(world, wanted), modules=("app", "lib"))


@case()
def find_links(world: World) -> Plan:
    publish(world, index="flat")
    links = f"{world.index.url}/flat/links"
    return Plan(install("--find-links", links, "app"), same(world, "app", extra=f'[tool.uv]\nfind-links = ["{links}"]\n'),
                modules=("app", "lib"))


@case()
def find_links_only(world: World) -> Plan:
    publish(world, index="flat")
    links = f"{world.index.url}/flat/links"
    extra = f'[tool.uv]\nno-index = true\nfind-links = ["{links}"]\n'
    return Plan(install("--no-index", "-f", links, "app"), same(world, "app", extra=extra), env={"UV_INDEX_URL": None},
                modules=("app", "lib"))


@case()
def extra_index(world: World) -> Plan:
    world.index.add(wheel("app", "1.0", requires=("lib",)))
    world.index.add(wheel("lib", "1.0"), "second")
    extra = f'[tool.uv]\nextra-index-url = ["{world.index.simple("second")}"]\n'
    return Plan(install("--extra-index-url", world.index.simple("second"), "app"), same(world, "app", extra=extra),
                modules=("app", "lib"))


@case(since="0.4.23")
def explicit_index(world: World) -> Plan:
    world.index.add(wheel("app", "1.0", note="of the default index"))
    world.index.add(wheel("app", "1.0", note="explicit"), "second")
    extra = (f'[[tool.uv.index]]\nname = "second"\nurl = "{world.index.simple("second")}"\nexplicit = true\n'
             '[tool.uv.sources]\napp = { index = "second" }\n')
    folder = same(world, "app", extra=extra)
    return Plan(install("-r", str(folder / "pyproject.toml")), folder, cwd=folder)


# What the index says, and how.


def advertising(*algorithms: str) -> Case:
    def arrange(world: World) -> Plan:
        publish(world, advertised=algorithms)
        world.index.add(sdist("src", "1.0"), advertised=algorithms)
        return Plan(install("app", "src"), same(world, "app", "src"), modules=("app", "lib", "src"), relocks="sha256" in algorithms)

    return arrange


for _algorithms in (("sha512",), ("sha384",), ("md5",), ("sha256", "sha512"), ("md5", "sha256")):
    CASES["advertises_" + "_".join(_algorithms)] = (numbers("0.4.6"), advertising(*_algorithms))


@case()
def advertises_nothing(world: World) -> Plan:
    publish(world, advertised=())
    return Plan(install("app"), same(world, "app"), modules=("app", "lib"), says=("app", "lib"), relocks=False)


def index_that(**settings: bool) -> Case:
    def arrange(world: World) -> Plan:
        world.index.configure("main", **settings)
        return wheel_with_dependency(world)

    return arrange


CASES["html_pages"] = (numbers("0.4.6"), index_that(json=False))
CASES["no_metadata_files"] = (numbers("0.4.6"), index_that(metadata=False))
CASES["no_metadata_files_no_ranges"] = (numbers("0.4.6"), index_that(metadata=False, ranges=False))
CASES["html_pages_and_nothing_else"] = (numbers("0.4.6"), index_that(json=False, metadata=False, ranges=False))


@case()
def html_pages_with_sha512(world: World) -> Plan:
    world.index.configure(json=False)
    return advertising("sha512")(world)


# Who may fetch it.


def private(world: World) -> str:
    """An index with a password; returns its URL with the password in it."""
    world.index.configure(auth="someone:s3cr%t")
    publish(world)
    return world.index.simple().replace("://", "://someone:s3cr%25t@")


@case()
def password_in_variable(world: World) -> Plan:
    return Plan(install("app"), same(world, "app"), env={"UV_INDEX_URL": private(world)}, modules=("app", "lib"))


@case()
def password_in_option(world: World) -> Plan:
    where = private(world)
    return Plan(install("--index-url", where, "app"), same(world, "app"), env={"UV_INDEX_URL": where}, modules=("app", "lib"))


@case()
def password_in_requirements_file(world: World) -> Plan:
    where = private(world)
    (world.work / "requirements.txt").write_text(f"--index-url {where}\napp\n")
    return Plan(install("-r", "requirements.txt"), same(world, "app"), env={"UV_INDEX_URL": where}, modules=("app", "lib"))


@case(since="0.4.23")
def password_by_name_of_index(world: World) -> Plan:
    private(world)
    env: dict[str, str | None] = {"UV_INDEX_URL": None, "UV_INDEX_INNER_USERNAME": "someone", "UV_INDEX_INNER_PASSWORD": "s3cr%t"}
    extra = f'[[tool.uv.index]]\nname = "inner"\nurl = "{world.index.simple()}"\ndefault = true\n'
    return Plan(install("--default-index", f"inner={world.index.simple()}", "app"), same(world, "app", extra=extra), env=env,
                modules=("app", "lib"))


@case()
def password_in_netrc(world: World) -> Plan:
    private(world)
    (world.home / ".netrc").write_text("machine 127.0.0.1\nlogin someone\npassword s3cr%t\n")
    (world.home / ".netrc").chmod(0o600)
    return Plan(install("app"), same(world, "app"), modules=("app", "lib"))


@case()
def password_in_direct_url(world: World) -> Plan:
    where = private(world)
    wanted = f"app @ {where[: -len('simple')]}files/app-1.0-py3-none-any.whl"
    return Plan(install(wanted), same(world, wanted), env={"UV_INDEX_URL": where}, modules=("app", "lib"))


# How it is asked for.


def package(world: World, *dependencies: str, extra: str = "") -> Path:
    """The working directory as a project that builds."""
    unpack(sdist("project", "0", requires=dependencies), world.work)
    return project(world.work, *dependencies, extra=extra + BUILD_SYSTEM)


@case()
def editable(world: World) -> Plan:
    publish(world)
    return Plan(install("-e", "."), package(world, "app"), modules=("project", "app", "lib"))


@case()
def directory(world: World) -> Plan:
    publish(world)
    return Plan(install("."), package(world, "app"), modules=("project", "app", "lib"))


@case()
def requirements_file(world: World) -> Plan:
    publish(world)
    world.index.add(wheel("third", "1.0"))
    (world.work / "more.txt").write_text("third\n")
    (world.work / "requirements.txt").write_text("-r more.txt\napp  # wanted\n")
    return Plan(install("-r", "requirements.txt"), same(world, "app", "third"), modules=("app", "lib", "third"))


@case()
def requirements_file_with_hashes(world: World) -> Plan:
    lines = [f"{file.name.partition('-')[0]}==1.0 --hash=sha256:{file.digests()['sha256']}\n" for file in publish(world)]
    (world.work / "requirements.txt").write_text("".join(lines))
    return Plan(install("-r", "requirements.txt"), same(world, "app"), modules=("app", "lib"))


@case()
def constraints(world: World) -> Plan:
    publish(world)
    world.index.add(wheel("lib", "2.0"))
    (world.work / "constraints.txt").write_text("lib<2\n")
    extra = '[tool.uv]\nconstraint-dependencies = ["lib<2"]\n'
    return Plan(install("-c", "constraints.txt", "app"), same(world, "app", extra=extra), modules=("app", "lib"))


@case()
def pyproject(world: World) -> Plan:
    publish(world)
    folder = same(world, "app")
    return Plan(install("-r", str(folder / "pyproject.toml")), folder, modules=("app", "lib"))


@case()
def optional_dependencies(world: World) -> Plan:
    publish(world)
    world.index.add(wheel("third", "1.0"))
    folder = same(world, "third", extra='[project.optional-dependencies]\nmore = ["app"]\n')
    return Plan(install("-r", str(folder / "pyproject.toml"), "--extra", "more"), folder, modules=("app", "lib", "third"),
                sync=("--extra", "more"))


@case(since="0.7.0")
def group(world: World) -> Plan:
    publish(world)
    folder = same(world, extra='[dependency-groups]\nmore = ["app"]\n')
    return Plan(install("--group", f"{folder / 'pyproject.toml'}:more"), folder, modules=("app", "lib"), sync=("--group", "more"))


@case(since="0.7.0")
def group_of_working_directory(world: World) -> Plan:
    publish(world)
    folder = same(world, extra='[dependency-groups]\nmore = ["app"]\n')
    return Plan(install("--group", "more"), folder, cwd=folder, modules=("app", "lib"), sync=("--group", "more"))


@case()
def target(world: World) -> Plan:
    publish(world)
    return Plan(install("--target", "lib-folder", "app"), same(world, "app"), modules=("app", "lib"),
                folder=world.work / "lib-folder")


@case()
def prefix(world: World) -> Plan:
    publish(world)
    return Plan(install("--prefix", "root", "app"), same(world, "app"), modules=("app", "lib"), folder=world.work / "root")


@case()
def other_python(world: World) -> Plan:
    publish(world)
    world.bare("venv", "-q", "--python", str(PYTHON), str(world.root / "other"), check=True)
    return Plan(install("--python", str(world.root / "other"), "app"), same(world, "app"), modules=("app", "lib"),
                folder=world.root / "other")


@case()
def no_binary(world: World) -> Plan:
    publish(world)
    world.index.add(sdist("app", "1.0", requires=("lib",)))
    extra = '[tool.uv]\nno-binary-package = ["app"]\n'
    return Plan(install("--no-binary", "app", "app"), same(world, "app", extra=extra), modules=("app", "lib"))


@case()
def only_binary(world: World) -> Plan:
    publish(world)
    world.index.add(sdist("app", "2.0"))
    extra = '[tool.uv]\nno-build-package = ["app"]\n'
    return Plan(install("--only-binary", ":all:", "app"), same(world, "app==1.0", extra=extra), modules=("app", "lib"))


@case()
def pip_sync(world: World) -> Plan:
    publish(world)
    world.bare("pip", "install", "-q", "--target", str(world.root / "elsewhere"), "lib", check=True)
    (world.work / "requirements.txt").write_text("app==1.0\nlib==1.0\n    # via app\n")
    return Plan((("pip", "sync", "requirements.txt"),), same(world, "app"), modules=("app", "lib"))


@case()
def pip_sync_of_compiled(world: World) -> Plan:
    publish(world)
    world.index.add(sdist("src", "1.0"))
    (world.work / "requirements.in").write_text("app\nsrc\n")
    world.bare("pip", "compile", "-q", "--generate-hashes", "requirements.in", "-o", "requirements.txt", check=True,
               env={"UV_CACHE_DIR": str(world.root / "compile-cache")})
    return Plan((("pip", "sync", "requirements.txt"),), same(world, "app", "src"), modules=("app", "lib", "src"))


@case()
def pip_sync_of_sdist_and_url(world: World) -> Plan:
    app, _ = publish(world)
    world.index.add(sdist("src", "1.0"))
    (world.work / "requirements.txt").write_text(f"app @ {url(world, app)}\nlib==1.0\nsrc==1.0\n")
    return Plan((("pip", "sync", "requirements.txt"),), same(world, f"app @ {url(world, app)}", "src"),
                modules=("app", "lib", "src"))


@case()
def upgrade(world: World) -> Plan:
    world.index.add(wheel("app", "1.0"))
    world.bare("pip", "install", "-q", "app", check=True)
    world.index.add(wheel("app", "2.0"))
    return Plan(install("-U", "--refresh", "app"), same(world, "app"))


@case()
def options_before_pip(world: World) -> Plan:
    publish(world)
    return Plan((("--no-progress", "--cache-dir", str(world.root / "cache"), "pip", "--color", "never", "install", "-v", "app"),),
                same(world, "app"), modules=("app", "lib"))


def has(folder: Path, module: str) -> bool:
    """Whether a module is installed below ``folder``, as a file or by a path of an editable."""
    return any(folder.rglob(f"{module}.py")) or any(folder.rglob(f"{module}-*.dist-info"))


def carry_out(world: World, plan: Plan) -> list[Result]:
    """Call the shim as the plan says; every call must succeed."""
    results = []
    for command in plan.commands:
        result = world.run(*command, env=plan.env, cwd=plan.cwd)
        assert result.code == 0, result.stderr
        results.append(result)
    for module in plan.modules:
        assert has(plan.folder or world.venv, module), f"{module} is not installed"
    return results


def left_behind(world: World) -> list[str]:
    """Temporary files that are not the lock that uv itself leaves there."""
    return [name for name in world.leftovers() if not re.fullmatch(r"tmp/uv-\w+\.lock", name)]


def described(result: Result) -> dict[str, int]:
    """Files that were fetched, whole or in part."""
    return dict(result.fetched.files + result.fetched.ranges)


@pytest.mark.parametrize("name", CASES)
def test_sync_fetches_nothing(make_world: Callable[..., World], version: str, name: str) -> None:
    """What the shim installed, ``uv sync`` takes from the cache, with a colleague's lock file and with none."""
    since, arrange = CASES[name]
    if numbers(version) < since:
        pytest.skip(f"uv {version} does not know what this case uses")
    world = make_world(version, venv=False)
    # Not the project's own environment, where the project is the working directory.
    world.venv = world.root / "venv"
    world.env["VIRTUAL_ENV"] = str(world.venv)
    world.make_venv()
    plan = arrange(world)
    said = [line for result in carry_out(world, plan) for line in result.said]
    says = plan.says if numbers(version) < NATIVE_CHECK else ()
    assert len(said) == bool(says), said
    assert all(word in said[0] for word in says), said
    assert left_behind(world) == []
    assert tuple(described(world.sync(plan.project, *plan.sync, env=plan.env))) == plan.beyond_us
    if not plan.beyond_us and (plan.relocks or numbers(version) >= NATIVE_CACHE):
        (plan.project / "uv.lock").unlink()
        shutil.rmtree(plan.project / ".venv")
        again = world.bare("sync", "--python", str(PYTHON), *plan.sync, cwd=plan.project, env={**plan.env, "VIRTUAL_ENV": None},
                           check=True)
        assert described(again) == {}


@pytest.mark.parametrize("arrange", [wheel_with_dependency, only_sdist, name_at_url], ids=lambda arrange: str(arrange.__name__))
def test_control(make_world: Callable[..., World], version: str, arrange: Case) -> None:
    """Without the shim, ``uv sync`` fetches again on each uv before 0.11.19: these tests can fail."""
    world = make_world(version)
    plan = arrange(world)
    for command in plan.commands:
        world.bare(*command, check=True)
    again = world.sync(plan.project, env=plan.env)
    assert (described(again) != {}) == (numbers(version) < NATIVE_CACHE)


@pytest.mark.parametrize("arrange", [wheel_with_dependency, several_wheels_of_a_version, extras, only_sdist, sdist_as_dependency],
                         ids=lambda arrange: str(arrange.__name__))
def test_install_fetches_no_file_twice(make_world: Callable[..., World], version: str, arrange: Case) -> None:
    """Through the shim, no file is fetched more often than by the bare uv; an sdist once more, where uv keeps no hash of it."""
    world, control = make_world(version, "world"), make_world(version, "control")
    plan = arrange(world)
    (ours,) = carry_out(world, plan)
    bare = control.bare(*plan.commands[0], check=True)
    spare = numbers(version) < NATIVE_CACHE
    for file, count in ours.fetched.files.items():
        assert count <= bare.fetched.files[file] + (spare and file.endswith(".tar.gz")), file
    assert described(ours).keys() == described(bare).keys()


def test_explicit_index_wins_over_same_version(make_world: Callable[..., World], version: str) -> None:
    """The bytes of the explicit index are installed, not those of the same version on the default index."""
    if numbers(version) < CASES["explicit_index"][0]:
        pytest.skip("this uv has no explicit indexes")
    world = make_world(version)
    world.env["VIRTUAL_ENV"] = str(world.venv)
    carry_out(world, explicit_index(world))
    (module,) = world.venv.rglob("app.py")
    assert "note = 'explicit'" in module.read_text()


@pytest.mark.parametrize("shell", [
    "NETRC=<(printf 'machine 127.0.0.1\\nlogin u\\npassword p\\n') {uv} pip install app",
    "UV_INDEX_URL=$AUTH {uv} --config-file <(printf 'constraint-dependencies = [\"app<2\"]\\n') pip install app",
    "UV_INDEX_URL=$AUTH UV_CONFIG_FILE=<(printf 'constraint-dependencies = [\"app<2\"]\\n') {uv} pip install app",
    "printf 'constraint-dependencies = [\"app<2\"]\\n' | UV_INDEX_URL=$AUTH {uv} --config-file /dev/stdin pip install app",
])  # fmt: skip
def test_settings_from_a_pipe(make_world: Callable[..., World], version: str, shell: str) -> None:
    """Each question to uv needs them, and the install above all."""
    world = make_world(version)
    world.index.configure(auth="u:p")
    world.index.add(wheel("app", "1.0"))
    if "NETRC" not in shell:
        world.index.add(wheel("app", "2.0"))
    world.env["AUTH"] = world.index.simple().replace("://", "://u:p@")
    result = world.run(shell=shell, check=True)
    assert (world.freeze(), len(result.said)) == ("app==1.0\n", int("/dev/stdin" in shell and numbers(version) < NATIVE_CHECK))


def test_an_index_that_writes_its_digests_in_capitals(make_world: Callable[..., World], version: str) -> None:
    """The same digests, to the newest uv, and so to any; before 0.6.15 they are read off uv's pages, and said to be none."""
    world = make_world(version)
    file = world.index.add(wheel("app", "1.0"))
    file.digests = lambda: {"sha256": hashlib.sha256(file.data).hexdigest().upper()}  # type: ignore[method-assign]
    result = world.run("pip", "install", "app", check=True)
    assert (world.freeze(), len(result.said)) == ("app==1.0\n", int(numbers(version) < (0, 6, 15)))


def test_standard_input(make_world: Callable[..., World], version: str) -> None:
    """Requirements that come by standard input are sealed too."""
    world = make_world(version)
    publish(world)
    assert world.run("pip", "install", "-r", "-", stdin="app\n").code == 0
    assert described(world.sync(same(world, "app"))) == {}


@pytest.mark.parametrize("through_shim", [True, False], ids=["shim", "control"])
def test_pandas_from_the_real_index(make_world: Callable[..., World], through_shim: bool) -> None:
    """The report's own case: pandas of the real package index, uv 0.9.8; its sync needs no network after the shim."""
    # A machine may reach the index only by its own certificates or proxy.
    names = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "NO_PROXY", "no_proxy")
    env: dict[str, str | None] = {"UV_INDEX_URL": None, **{name: os.environ[name] for name in names if name in os.environ}}
    world = make_world("0.9.8")
    call = world.run if through_shim else world.bare
    assert call("pip", "install", "pandas", env=env, timeout=600).code == 0
    assert left_behind(world) == []
    folder = same(world, "pandas")
    world.bare("lock", "--python", str(PYTHON), cwd=folder, env=env, check=True, timeout=600)
    sync = world.bare("sync", "--offline", "--python", str(PYTHON), cwd=folder, env=env, timeout=600)
    assert (sync.code == 0) == through_shim, sync.stderr
