"""Indexes: which ones is uv told of here? Its plan looks for what uv.lock names only under those."""

from __future__ import annotations

import re
import sys
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from uv_shim import uvfiles
from uv_shim.audit import digests, options
from uv_shim.plan import without_credentials
from uv_shim.realuv import is_true

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LISTS = ("--index", "--extra-index-url")
_LINKS = ("--find-links", "-f")
_DEFAULTS = ("--default-index", "--index-url", "-i")


def configured(root: Path, sync: Sequence[str], environ: Mapping[str, str]) -> list[str]:
    """URLs of the indexes of that project: of the command line, the variables, and the files that uv reads; as they are written there."""
    defaults = [*options.values(sync, *_DEFAULTS), *_variable(environ, "UV_DEFAULT_INDEX", "UV_INDEX_URL")]
    others = [url for value in options.values(sync, *_LISTS) for url in _split(value)]
    others += _variable(environ, "UV_INDEX", "UV_EXTRA_INDEX_URL")
    links = [url for value in options.values(sync, *_LINKS) for url in _split(value)] + _variable(environ, "UV_FIND_LINKS")
    none = "--no-index" in sync or is_true(environ.get("UV_NO_INDEX", ""))
    for table in tables(root, sync, environ):
        for entry in entries(table):
            (defaults if entry.get("default") is True else others).append(entry["url"])
        defaults += [table["index-url"]] if isinstance(table.get("index-url"), str) else []
        others += [url for url in listed(table.get("extra-index-url")) if isinstance(url, str)]
        links += [url for url in listed(table.get("find-links")) if isinstance(url, str)]
        none = none or table.get("no-index") is True
    return list(dict.fromkeys(links if none else [*others, *links, *(defaults[:1] or [digests.PYPI])]))


def entries(settings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Tables of ``[[tool.uv.index]]`` that name a URL."""
    return [entry for entry in listed(settings.get("index")) if isinstance(entry, dict) and isinstance(entry.get("url"), str)]


def difference(one: str, other: str) -> str:
    """How two URLs differ, in words; their credentials are not among them."""
    if one != other and without_credentials(one) == without_credentials(other):
        return "with credentials"
    one, other = without_credentials(one), without_credentials(other)
    first, second = urllib.parse.urlsplit(one), urllib.parse.urlsplit(other)
    if one.rstrip("/") == other.rstrip("/"):
        return "a slash at its end"
    if first[:3] == second[:3]:
        return "what follows `?` or `#`"
    if first[1:] == second[1:]:
        return f"{first.scheme} instead of {second.scheme}"
    if first.path.rstrip("/") == second.path.rstrip("/"):
        if {first.hostname, second.hostname} <= {"localhost", "127.0.0.1", "::1", "[::1]"}:
            return f"{first.netloc} instead of {second.netloc}, which is the same machine, but not to uv"
        if first.hostname == second.hostname:
            return f"{_port(first)} instead of {_port(second)}"
        return f"{first.netloc} instead of {second.netloc}"
    if first.netloc == second.netloc:
        return f"{first.path or '/'} instead of {second.path or '/'}"
    return "another host and another path"


def _variable(environ: Mapping[str, str], *names: str) -> list[str]:
    return [url for name in names for url in _split(environ.get(name, ""))]


def _split(value: str) -> list[str]:
    return [re.sub(r"^[A-Za-z0-9._-]+=(?=\w+:)", "", url) for url in value.replace(",", " ").split()]


def _port(url: urllib.parse.SplitResult) -> str:
    return f"port {url.port}" if url.port else f"the port of {url.scheme}"


def listed(value: object) -> list[Any]:
    """The list that a setting is; none where it is something else."""
    return value if isinstance(value, list) else []


def tables(root: Path, sync: Sequence[str], environ: Mapping[str, str]) -> list[dict[str, Any]]:
    """uv's settings for that project, file by file: what goes before comes first."""
    if "--no-config" in sync or is_true(environ.get("UV_NO_CONFIG", "")):
        return []
    named = options.values(sync, "--config-file") or ([environ["UV_CONFIG_FILE"]] if environ.get("UV_CONFIG_FILE") else [])
    if named:
        return [table_of(root / named[-1])]
    return [table_of(file, *(("tool", "uv") if file.name == "pyproject.toml" else ()))
            for file in uvfiles.read_by_uv((root, *root.parents), environ)]


def table_of(path: Path, *keys: str) -> dict[str, Any]:
    """A table of a file; an empty one where there is none."""
    try:
        table: Any = tomllib.loads(path.read_bytes().decode("utf-8"))
    except (OSError, ValueError):  # none; or broken, which uv says itself
        return {}
    for key in keys:
        table = table.get(key, {}) if isinstance(table, dict) else {}
    return table if isinstance(table, dict) else {}
