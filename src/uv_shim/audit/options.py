"""Options: what can be said to audit, and which of it are options of `uv sync` that it passes on?

For the parser of the command line, which is there before anything is known to be needed: the standard library alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

#: Options of `uv sync` that are passed on. (`--package` is audit's own here: uv's goes behind `--`.)
FLAGS = (
    "--frozen", "--locked", "--all-extras", "--all-groups", "--no-default-groups", "--no-dev", "--only-dev", "--all-packages",
    "--no-editable", "--no-install-project", "--no-install-workspace", "--no-install-local", "--inexact", "--active",
    "--no-sources", "--no-index", "--no-build", "--no-binary", "--no-cache", "--no-config", "--refresh", "--reinstall",
)
VALUES = (
    "--extra", "--no-extra", "--group", "--no-group", "--only-group", "--no-install-package", "--python", "--python-platform",
    "--index", "--default-index", "--index-url", "--extra-index-url", "--find-links", "--index-strategy", "--no-build-package",
    "--no-binary-package", "--cache-dir", "--config-file", "--refresh-package", "--reinstall-package",
)
_SHORT = {"--python": "-p", "--index-url": "-i", "--find-links": "-f", "--no-cache": "-n"}

#: `uv export` has no such option: it tells what is locked, not what is installed.
_SYNC_ONLY = frozenset(("--inexact", "--reinstall", "--reinstall-package", "--refresh", "--refresh-package", "--active",
                        "--compile-bytecode"))


class Arguments(argparse.Namespace):
    """What the command line says."""

    project: str | None
    sync: list[str]
    package: str | None
    cache: bool
    check: bool
    json: bool
    html: str | None
    fresh: bool


class _Collect(argparse.Action):
    """Keeps the option as it was given, beside those before it."""

    def __call__(self, _parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:  # noqa: ANN401
        given: list[str] = getattr(namespace, self.dest) or []
        setattr(namespace, self.dest, [*given, str(option), *([] if values == [] else [str(values)])])


def add(parser: argparse.ArgumentParser) -> None:
    """Audit's own options, and those of `uv sync`, which are kept as ``arguments.sync``."""
    parser.add_argument("project", nargs="?", metavar="PROJECT", help="folder of the project (default: UV_PROJECT, else this one)")
    parser.add_argument("--package", metavar="NAME", help="one package, with every entry of the cache that comes close")
    parser.add_argument("--fresh", action="store_true", help="as into a new environment, whatever is installed in this one")
    parser.add_argument("--check", action="store_true", help="exit code 1 if anything would be downloaded, or cannot be told")
    parser.add_argument("--json", action="store_true", help="for machines")
    parser.add_argument("--html", metavar="FILE", help="write a page to look at")
    parser.add_argument("--cache", action="store_true",
                        help="the whole cache, without a project: what carries a hash, by index and by name")
    group = parser.add_argument_group(
        "options of `uv sync`", f"passed on: {' '.join((*FLAGS, *VALUES))}; any other behind --, as in `uv-shim audit -- --package member`")
    for name in FLAGS:
        group.add_argument(*_names(name), dest="sync", action=_Collect, nargs=0, default=[], help=argparse.SUPPRESS)
    for name in VALUES:
        group.add_argument(*_names(name), dest="sync", action=_Collect, default=[], help=argparse.SUPPRESS)


def _names(name: str) -> tuple[str, ...]:
    return (_SHORT[name], name) if name in _SHORT else (name,)


def values(sync: Sequence[str], *names: str) -> list[str]:
    """What was given for those options."""
    found = []
    for place, argument in enumerate(sync):
        name, equals, value = argument.partition("=")
        if name in names:
            if equals:
                found.append(value)
            elif place + 1 < len(sync):
                found.append(sync[place + 1])
    return found


def only(sync: Sequence[str], *names: str) -> list[str]:
    """Those options alone, with their values."""
    found: list[str] = []
    for place, argument in enumerate(sync):
        name = argument.partition("=")[0]
        if name in names:
            found.append(argument)
            if "=" not in argument and name not in (*FLAGS, "-n") and place + 1 < len(sync):
                found.append(sync[place + 1])
    return found


def for_export(sync: Sequence[str]) -> list[str]:
    """The same for `uv export`: it names some differently, and does not have others."""
    found: list[str] = []
    skip = False
    for argument in sync:
        name = argument.partition("=")[0]
        if skip:
            skip = False
        elif name in _SYNC_ONLY:
            skip = name not in FLAGS and "=" not in argument and name != "--compile-bytecode"
        else:
            found.append(argument.replace("--no-install-", "--no-emit-", 1) if argument.startswith("--no-install-") else argument)
    return found
