"""A lock file (uv.lock): what does it hold that can be fetched, and in which parts does uv hand it out?"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Tuple

from uv_shim.errors import ShimError

#: Sources of packages that are folders or files of the project itself: nothing to fetch.
_LOCAL = ("virtual", "editable", "directory", "path")


Conflicts = Tuple[Tuple[Tuple[str, str], ...], ...]


@dataclass(frozen=True)
class Member:
    """A project of the workspace; without a name, all of them together."""

    name: str
    extras: tuple[str, ...]
    groups: tuple[str, ...]
    #: Sets of its extras and groups (``extra``, ``group``; name) of which only one can be had at a time.
    conflicts: Conflicts


@dataclass(frozen=True)
class Lock:
    """What `uv sync` needs to be told to get all of a lock and nothing of the project itself."""

    path: Path
    #: Packages that are the project's own.
    local: tuple[str, ...]
    #: Packages from elsewhere.
    remote: frozenset[str]
    #: Packages that are both, as markers have it: by their name, uv leaves out both.
    mixed: tuple[str, ...]
    #: Name and version of packages with a file from elsewhere that has no hash.
    unhashed: frozenset[tuple[str, str]]
    everything: Member
    #: Those of a workspace; none: one project.
    members: tuple[Member, ...]
    #: Groups of a workspace's root that is no project itself.
    loose: tuple[str, ...]
    #: Whether members conflict with each other, in whole or in a part.
    divided: bool

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return self.path.parent

    @classmethod
    def read(cls, path: Path) -> Lock:
        """Read the lock at ``path``.

        Raises:
            ShimError: it is no lock, or uv would not use it.
        """
        path = path.absolute()
        if not os.path.isfile(path):
            raise ShimError(f"{path}: no such lock file, or it cannot be looked at.")
        if path.name != "uv.lock" or not os.path.isfile(path.parent / "pyproject.toml"):
            raise ShimError(f"{path}: uv reads a lock only as uv.lock beside the pyproject.toml of its project. Copy both files.")
        try:
            from uv_shim.audit import lock
        except ModuleNotFoundError as error:
            raise ShimError(f"{path}: to read it, Python {'.'.join(map(str, sys.version_info[:2]))} needs the package {error.name}.",
                            "Install it, or run uv-shim with Python 3.11 or later.") from None
        return lock.content(path, partial(cls._of, path))

    @classmethod
    def _of(cls, path: Path, content: dict[str, Any]) -> Lock:
        if not isinstance(content.get("version"), int) or "requires-python" not in content:
            raise ShimError(f"{path}: this is no lock of uv. Make one: uv lock")
        packages: list[dict[str, Any]] = content.get("package", [])
        manifest = content.get("manifest", {})
        members = manifest.get("members", ())
        own = [package for package in packages if package["name"] in members or "." in package.get("source", {}).values()]
        folders = [package for package in packages if any(kind in _LOCAL for kind in package.get("source", {}))]
        local = {str(package["name"]) for package in folders}
        others = [package for package in packages if package not in folders]
        remote = {str(package["name"]) for package in others}
        unhashed = {(str(package["name"]), str(package.get("version", ""))) for package in others
                    for file in (*package.get("wheels", ()), *([package["sdist"]] if "sdist" in package else ()))
                    if "hash" not in file and str(file.get("url", package["source"].get("url", ""))).startswith(("http://", "https://"))}
        conflicts = content.get("conflicts", ())
        loose = tuple(manifest.get("dependency-groups", ()))
        projects = tuple(Member(str(package["name"]), tuple(package.get("optional-dependencies", ())),
                                tuple(package.get("dev-dependencies", ())), _conflicts(conflicts, package["name"])) for package in own)
        everything = Member("", tuple(dict.fromkeys(name for project in projects for name in project.extras)),
                            tuple(dict.fromkeys([*(name for project in projects for name in project.groups), *loose])),
                            _conflicts(conflicts))
        return cls(path, tuple(sorted(local)), frozenset(remote - local), tuple(sorted(remote & local)), frozenset(unhashed), everything,
                   projects if members else (), loose, any(len({item.get("package") for item in those}) > 1 for those in conflicts))


def _conflicts(those: list[list[dict[str, Any]]], package: str | None = None) -> Conflicts:
    """What of these a package has, or any."""
    return tuple(tuple(dict.fromkeys((kind, str(item[kind])) for item in some for kind in ("extra", "group")
                                     if kind in item and package in (None, item.get("package")))) for some in those)
