"""Members: what do the projects on this machine that uv.lock names say in their own pyproject.toml?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from uv_shim.audit.indexes import entries, listed, table_of
from uv_shim.audit.lock import Lock
from uv_shim.plan import without_credentials

_KINDS = frozenset(("editable", "virtual", "directory"))

#: Where one of these is dynamic, it is the build backend that tells what uv.lock is compared with.
_COMPARED = frozenset(("dependencies", "optional-dependencies"))


def indexes(lock: Lock) -> dict[str, str]:
    """URLs of the indexes that they name, each with the name of the first one that does."""
    found: dict[str, str] = {}
    for name, content in _projects(lock):
        for entry in entries(_table(_table(content, "tool"), "uv")):
            found.setdefault(without_credentials(entry["url"]), name)
    return found


def dynamic(lock: Lock) -> list[str]:
    """Names of those that uv would have to build to know what they ask for."""
    return [name for name, content in _projects(lock)
            if "project" not in content or not _COMPARED.isdisjoint(map(str, listed(_table(content, "project").get("dynamic"))))]


def _projects(lock: Lock) -> Iterator[tuple[str, dict[str, Any]]]:
    for package in lock.packages:
        if package.kind in _KINDS:
            yield package.name, table_of(lock.path.parent / package.source / "pyproject.toml")


def _table(content: dict[str, Any], key: str) -> dict[str, Any]:
    table = content.get(key)
    return table if isinstance(table, dict) else {}
