"""The lock file (`uv.lock`): which packages, from where, as which files, with which hashes?"""

from __future__ import annotations

import os
import sys
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from uv_shim.errors import ShimError
from uv_shim.plan import without_credentials

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: What uv writes, up to the newest release that was looked at. A revision says what a reader may leave out of account.
VERSION = 1
REVISION = 5

_T = TypeVar("_T")

_KINDS = ("registry", "url", "git", "path", "directory", "editable", "virtual")


class File(NamedTuple):
    """A wheel or an sdist."""

    name: str
    #: None where the index has none.
    hash: str | None
    size: int | None


class Package(NamedTuple):
    """One version of a package."""

    name: str
    version: str | None
    #: One of registry, url, git, path, directory, editable, virtual.
    kind: str
    #: URL or path of that registry, file, repository or folder.
    source: str
    wheels: tuple[File, ...]
    sdist: File | None
    #: Names of what it depends on; extras and groups too.
    dependencies: tuple[str, ...]
    #: What a member of the workspace asks for, by name; packages of an index tell that elsewhere.
    requires: tuple[tuple[str, str], ...]
    #: Where there are several of that name and version: for which environments this one is.
    markers: tuple[str, ...] = ()

    @property
    def hashes(self) -> frozenset[str]:
        """Those of all its files: any of them will do for uv."""
        files = (*self.wheels, *((self.sdist,) if self.sdist else ()))
        return frozenset(file.hash for file in files if file.hash)

    @property
    def remote(self) -> bool:
        """Whether it is downloaded at all where the cache does not have it."""
        if self.kind == "registry":
            return self.source.startswith(("http://", "https://"))
        return self.kind == "url" or (self.kind == "git" and not self.source.startswith("file:"))


class Lock(NamedTuple):
    """A lock file."""

    path: Path
    packages: tuple[Package, ...]

    def find(self, name: str, version: str | None = None, source: str | None = None,
             environment: Mapping[str, str] | None = None) -> list[Package]:
        """The package of that name; where there are several, the one of that source, version or environment, if one can be told."""
        named = [package for package in self.packages if package.name == name]
        if source is not None and len(named) > 1:
            told = without_credentials(source)
            # uv's plan may say more than the lock does (`git+`, a whole path); of two that are in it, the longer one says it better.
            there = [package for package in named if without_credentials(package.source) in told]
            longest = max((len(package.source) for package in there), default=0)
            named = [package for package in there if len(package.source) == longest] or named
        if version is not None and len(named) > 1:
            named = [package for package in named if package.version == version] or named
        if environment is not None and len(named) > 1:
            fit = [package for package in named if not package.markers or any(_holds(text, environment) for text in package.markers)]
            named = fit or named
        return named

    def askers(self, name: str) -> list[tuple[Package, str | None]]:
        """Who depends on it, and which versions they ask for, where the lock says that."""
        return [(package, next((specifier for asked, specifier in package.requires if asked == name), None))
                for package in self.packages if name in package.dependencies]


def find(project: Path) -> Path:
    """The lock file of that project: in its folder, or in one above it where that has the workspace.

    Raises:
        ShimError: there is none.
    """
    try:
        os.stat(f"{project}/.")
    except OSError as error:
        raise ShimError(f"{project} is no folder that can be looked into: {error.strerror}.",
                        "Expected: the folder of a project with a uv.lock.") from None
    for folder in (project, *project.parents):
        if os.path.isfile(folder / "uv.lock"):
            return folder / "uv.lock"
    raise ShimError(f"there is no uv.lock in {project}, nor in a folder above it.",
                    "Without one, nobody can tell what `uv sync` would install.",
                    "Next step: `uv lock` makes one.")


def read(path: Path) -> Lock:
    """Read a lock file.

    Raises:
        ShimError: it cannot be read, is broken, or newer than what is known here.
    """
    return content(path, lambda data: _lock(path, data))


def content(path: Path, parse: Callable[[dict[str, Any]], _T]) -> _T:
    """What ``parse`` makes of a lock file, in which anything may be anywhere.

    Raises:
        ShimError: it cannot be read, is broken, or not what ``parse`` expects.
    """
    try:
        data = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise ShimError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ShimError(f"{path} is broken: {error}.", "Expected: a TOML file as `uv lock` writes it.",
                        "Next step: `git restore` it, or remove it and run `uv lock`.") from None
    try:
        return parse(data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ShimError(f"{path} is no lock file of uv: {type(error).__name__}: {error}.",
                        "Next step: remove it and run `uv lock`.") from None


def _lock(path: Path, data: dict[str, Any]) -> Lock:
    _check_age(path, data)
    return Lock(path, tuple(_package(entry) for entry in data.get("package", [])))


def _check_age(path: Path, data: dict[str, Any]) -> None:
    version, revision = data.get("version"), data.get("revision", 0)
    if not isinstance(version, int) or not isinstance(revision, int):
        raise ShimError(f"{path} is no lock file of uv: it does not say its version.", f"Expected: `version = {VERSION}`.",
                        "Next step: remove it and run `uv lock`.")
    if version != VERSION or revision > REVISION:
        raise ShimError(f"{path} is newer than this uv-shim: what its fields mean cannot be told.",
                        f"Expected: version {VERSION}, revision {REVISION} or older. Found: version {version}, revision {revision}.",
                        "Next step: a newer uv-shim, or `uv lock` with an older uv.")


def _package(entry: dict[str, Any]) -> Package:
    source = entry["source"]
    kind = next((kind for kind in _KINDS if kind in source), None)
    if kind is None:
        raise ValueError(f"package {entry['name']} has a source of an unknown kind: {', '.join(source)}")
    dependencies = list(entry.get("dependencies", []))
    for table in ("optional-dependencies", "dev-dependencies"):
        for group in entry.get(table, {}).values():
            dependencies += group
    metadata = entry.get("metadata", {})
    required = list(metadata.get("requires-dist", []))
    for group in metadata.get("requires-dev", {}).values():
        required += group
    sdist = entry.get("sdist")
    # To uv, a folder in what a URL leads to is part of the URL.
    folder = f"#subdirectory={source['subdirectory']}" if kind == "url" and source.get("subdirectory") else ""
    return Package(
        str(entry["name"]), entry.get("version"), kind, f"{source[kind]}{folder}",
        tuple(_file(wheel) for wheel in entry.get("wheels", [])), _file(sdist, str(source[kind])) if sdist else None,
        tuple(dict.fromkeys(str(dependency["name"]) for dependency in dependencies)),
        tuple((str(item["name"]), str(item.get("specifier", ""))) for item in required),
        tuple(map(str, entry.get("resolution-markers", []))),
    )


def _holds(marker: str, environment: Mapping[str, str]) -> bool:
    from packaging.markers import InvalidMarker, Marker, UndefinedEnvironmentName  # late: `warm` reads lock files without it

    try:
        return Marker(marker).evaluate(dict(environment))
    except (InvalidMarker, UndefinedEnvironmentName):  # newer than `packaging`: nothing is left out for it
        return True


def _file(entry: dict[str, Any], source: str = "") -> File:
    where = entry.get("filename") or entry.get("url") or entry.get("path") or source
    if entry.get("filename") is None:
        where = urllib.parse.unquote(urllib.parse.urlsplit(str(where)).path.rsplit("/", 1)[-1])
    return File(str(where), entry.get("hash"), entry.get("size"))
