"""Members: what do the projects on this machine that uv.lock names say in their own pyproject.toml?"""

from __future__ import annotations

from pathlib import Path

from uv_shim.audit.indexes import entries, listed, table_of
from uv_shim.audit.lock import Lock
from uv_shim.plan import without_credentials

_KINDS = frozenset(("editable", "virtual", "directory"))

#: Where one of these is dynamic, it is the build backend that tells what uv.lock is compared with.
_COMPARED = frozenset(("dependencies", "optional-dependencies"))


def indexes(lock: Lock) -> dict[str, str]:
    """URLs of the indexes that they name, each with the name of the first one that does."""
    found: dict[str, str] = {}
    for name, toml in _projects(lock):
        for entry in entries(table_of(toml, "tool", "uv")):
            found.setdefault(without_credentials(entry["url"]), name)
    return found


def dynamic(lock: Lock) -> list[str]:
    """Names of those that uv would have to build to know what they ask for."""
    tables = ((name, table_of(toml, "project")) for name, toml in _projects(lock))
    return [name for name, table in tables if not table or not _COMPARED.isdisjoint(map(str, listed(table.get("dynamic"))))]


def _projects(lock: Lock) -> list[tuple[str, Path]]:
    return [(package.name, lock.path.parent / package.source / "pyproject.toml") for package in lock.packages if package.kind in _KINDS]
