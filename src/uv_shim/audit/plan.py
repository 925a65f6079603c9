"""uv's own plan: what would `uv sync` install here, and what of it does uv say is in its cache?

`uv sync --dry-run -v` tells it, from 0.5.30 on, without the network, so that nothing gets into the cache meanwhile. Where the lock file
cannot be checked like that (a direct URL whose metadata is not in the cache; dependencies that only a build tells), it is taken as it is,
from 0.6.15 on. Older uvs tell with `uv export` what is to be installed; they are the only ones without a judge.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from packaging.markers import InvalidMarker, Marker, UndefinedEnvironmentName

from uv_shim import uvfiles
from uv_shim.audit import options, wheels
from uv_shim.audit.cache import normalised
from uv_shim.errors import ShimError
from uv_shim.realuv import Output, RealUv
from uv_shim.router import Found

#: The first uv with `uv sync --dry-run`, and the first that takes `--frozen` and `--locked` beside it.
_DRY_RUN = (0, 5, 30)
_DRY_AND_FROZEN = (0, 6, 15)

#: What is said to uv in any case, and what keeps it from answering: such an option may be given once, or not beside `-v`.
_SAID = frozenset(("--offline", "--dry-run", "-q", "--quiet"))

_ASK_AGAIN = frozenset(("--refresh", "--refresh-package", "--reinstall", "--reinstall-package"))

_NAME = r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)(?:==(?P<version>[^\s()]+))?(?: @ (?P<url>\S+)| \(from (?P<origin>[^)]+)\))?"
_LINES = (
    ("cached", re.compile(rf"(?i:(?:[a-z]+ )*requirement already cached): {_NAME}")),
    ("download", re.compile(rf"Identified uncached distribution: {_NAME}")),
    ("installed", re.compile(rf"Requirement already installed: {_NAME}")),
    ("revalidate", re.compile(rf"Must revalidate requirement: {_NAME}")),
)
_INSTALL = re.compile(rf"^ [+~] {_NAME}", re.MULTILINE)
_STALE = re.compile(r"^DEBUG (?:Resolving despite|Ignoring) existing lockfile due to (.+)$", re.MULTILINE)
_NO_LOCK = re.compile(r"^Would (?:create|update) lockfile at: (.+)$", re.MULTILINE)
_INTERPRETER = re.compile(r"^Using (?:\S+ )?\S+ interpreter at: (.+)$", re.MULTILINE)
_ENVIRONMENT = re.compile(r"^(?:Discovered existing|Would (?:use|update|create|replace)(?: existing)?) (?:project |virtual )?"
                          r"environment at: (.+)$", re.MULTILINE)
_TOTAL = re.compile(r"^Would download (\d+) package", re.MULTILINE)
_REQUIREMENT = re.compile(rf"(?:-e )?{_NAME}(?:\s*;\s*(?P<marker>.+))?")


class Planned(NamedTuple):
    """One package of the plan."""

    name: str
    version: str | None
    #: Where it comes from, if it is no registry.
    url: str | None
    #: ``cached``, ``download``, ``installed``, ``revalidate``; None: uv did not say.
    what: str | None


class Plan(NamedTuple):
    """What uv would do."""

    packages: tuple[Planned, ...]
    #: Of the interpreter; None where uv did not name one.
    python: str | None
    #: How the plan was had, in words.
    source: str
    #: uv said what is in its cache.
    judge: bool
    #: What has to be known about it.
    notes: tuple[str, ...]


class Sync(NamedTuple):
    """One `uv sync` that is to be asked about."""

    uv: Found
    version: tuple[int, int, int]
    project: Path
    options: tuple[str, ...]
    #: Into an environment that does not exist yet.
    fresh: bool
    environ: Mapping[str, str]

    @property
    def general(self) -> list[str]:
        """Those of the options that every command of uv has."""
        return options.only(self.options, "--cache-dir", "--no-cache", "-n", "--no-config", "--config-file")

    def call(self, *arguments: str, **environ: str) -> Output:
        """Run uv in the project's folder."""
        variables = {**self.environ, "UV_PYTHON_DOWNLOADS": "never", **environ}
        variables.pop("UV_PROJECT", None)  # it goes before --directory
        if "--frozen" in arguments and "--frozen" not in self.options:
            variables.pop("UV_LOCKED", None)  # uv takes one of the two alone, and that one is ours
        if self.fresh:
            # `--active` goes before it.
            arguments = tuple(argument for argument in arguments if argument != "--active")
            variables.pop("VIRTUAL_ENV", None)
            # Nobody makes it: a dry run writes nothing, and neither do the other commands.
            variables["UV_PROJECT_ENVIRONMENT"] = os.path.join(tempfile.gettempdir(), f"uv-shim-audit-{os.getpid()}-no-such-environment")
        return RealUv(str(self.uv.path), variables).run(["--directory", str(self.project), *arguments])

    def cache(self) -> Path | None:
        """The cache that uv would use; None where it would use none (``--no-cache``)."""
        done = self.call("cache", "dir", *self.general)
        folder = done.stdout.strip()
        if done.code or not folder:
            raise _failed(done, "uv does not say where its cache is")
        named = (*options.values(self.options, "--cache-dir"), self.environ.get("UV_CACHE_DIR", ""))
        return None if uvfiles.is_for_one_call(folder, *named) else self.project / folder


def make(sync: Sync, *, cache_exists: bool, dynamic: Sequence[str] = ()) -> Plan:
    """Have uv make its plan. ``dynamic``: projects that uv would have to build to compare uv.lock with them.

    Raises:
        ShimError: it cannot, or the lock file is not what `uv sync` would go by.
    """
    # A cache that does not exist is not made either.
    no_cache = () if cache_exists or {"--no-cache", "-n"} & set(sync.options) else ("--no-cache",)
    notes = []
    wanted = [option for option in sync.options if option not in _SAID]
    again = bool(_ASK_AGAIN & {option.partition("=")[0] for option in wanted})
    if sync.version < (_DRY_AND_FROZEN if again or dynamic or {"--frozen", "--locked"} & set(wanted) else _DRY_RUN):
        return _exported(sync, no_cache)
    if again:
        # uv takes these with the network only; --frozen is what keeps it from using it.
        notes.append("Told to ask the index again, uv would resolve anew; uv.lock is taken as it is.")
        wanted = _frozen(wanted)
    else:
        if dynamic and "--frozen" not in wanted:
            notes.append(f"To check whether uv.lock is up to date, uv would build {', '.join(dynamic)}; it is taken as it is.")
            wanted = _frozen(wanted)
        wanted.append("--offline")
    arguments = ["sync", "--dry-run", "-v", *no_cache]
    done = sync.call(*arguments, *wanted)
    _refuse_if_stale(done, sync.project)
    if done.code and "--frozen" not in wanted and "needs to be updated" not in done.stderr:
        # Perhaps the check of the lock file needs what is not in the cache; without that check, nothing does.
        if sync.version < _DRY_AND_FROZEN:
            return _exported(sync, no_cache)
        frozen = sync.call(*arguments, *_frozen(wanted))
        if frozen.code == 0:
            notes.append("uv cannot check without the network whether uv.lock is up to date; it is taken as it is.")
            done = frozen
    if done.code:
        raise _failed(done, "uv cannot plan a sync here")
    packages = _planned(done.stderr)
    total = _TOTAL.search(done.stderr)
    downloads = sum(package.what in ("download", "revalidate") for package in packages)
    if total and int(total.group(1)) != downloads:
        raise ShimError(f"what uv {sync.uv.said.split()[1]} says of its plan cannot be read here.",
                        f"Expected: {total.group(1)} packages to download, as it says at the end. Found in its log: {downloads}.",
                        "Next step: a newer uv-shim.")
    return Plan(packages, _interpreter(done, sync), "uv sync --dry-run", judge=True, notes=tuple(notes))


def _frozen(wanted: Sequence[str]) -> list[str]:
    """The same options, with uv.lock taken as it is."""
    return [*(option for option in wanted if option not in ("--frozen", "--locked")), "--frozen"]


def _planned(text: str) -> tuple[Planned, ...]:
    # What is to be revalidated is logged without its version; what a build requires is logged, too, but nothing to install.
    versions = {normalised(match["name"]): match["version"] for match in _INSTALL.finditer(text)}
    found = {}
    for line in text.splitlines():
        if not line.startswith("DEBUG "):
            continue
        for what, pattern in _LINES:
            match = pattern.match(line, len("DEBUG "))
            if match:
                fields = match.groupdict()
                name, url = normalised(fields["name"]), fields["url"] or fields["origin"]
                found[name, url] = Planned(name, fields["version"] or versions.get(name), url, what)
    return tuple(package for package in found.values() if package.what == "installed" or package.name in versions)


def _refuse_if_stale(done: Output, project: Path) -> None:
    stale = _STALE.search(done.stderr)
    if stale:
        raise ShimError("uv.lock is not what `uv sync` would go by: uv would resolve anew, and only then know what it needs.",
                        f"uv's reason: {stale.group(1)}",
                        "Next step: `uv lock`, and this again; or `uv-shim audit --frozen`, if you sync with --frozen.")


    made = _NO_LOCK.search(done.stderr)
    if made:
        raise ShimError(f"`uv sync` would go by another lock file, which it would write first: {project / made.group(1)}.",
                        "Next step: `uv lock` in the folder of the project, and this again.")


def _interpreter(done: Output, sync: Sync) -> str | None:
    named = _INTERPRETER.findall(done.stderr)
    if named:
        return os.path.join(sync.project, named[-1].strip("`"))
    environment = _ENVIRONMENT.findall(done.stderr)
    return os.path.join(sync.project, environment[-1].strip("`"), "bin", "python") if environment else None


def _exported(sync: Sync, no_cache: Sequence[str]) -> Plan:
    wanted = options.for_export([option for option in sync.options if option not in _SAID])
    done = sync.call("export", "--no-hashes", "--offline", *_frozen(wanted), *no_cache)
    if done.code:
        raise _failed(done, "uv cannot tell what it would install here")
    found = sync.call("python", "find", "--offline", *options.values(sync.options, "--python", "-p"), *sync.general, *no_cache)
    python = found.stdout.strip() or None
    said = " ".join(sync.uv.said.split()[:2])
    notes = [] if "--frozen" in wanted else ["Whether uv.lock is up to date was not checked: it is taken as it is."]
    if python is None:
        raise _failed(found, "uv finds no Python for this project")
    try:
        environment = wheels.ask(python).environment
    except wheels.CannotTell as error:
        raise ShimError(f"{error}.") from None
    packages = [package for line in done.stdout.splitlines() for package in [_required(line, environment)] if package]
    notes.append(f"{said} has no `uv sync --dry-run`{'' if sync.version < _DRY_RUN else ' beside --frozen'}: what follows is how this "
                 "uv-shim reads the cache, into a new environment.")
    return Plan(tuple(packages), python, "uv export", judge=False, notes=tuple(notes))


def _required(line: str, environment: Mapping[str, str]) -> Planned | None:
    """One line of `uv export`, if it is for this Python."""
    text = line.split(" \\", maxsplit=1)[0].strip()
    if not text or text.startswith(("#", "--")):
        return None
    if text.startswith(("-e ", "./", "../", "/", "file:")):
        return None  # a folder: nothing is downloaded for it
    match = _REQUIREMENT.fullmatch(re.sub(r"^([A-Za-z0-9._-]+)\[[^\]]*\]", r"\1", text))
    if not match:
        raise ShimError(f"what uv exports cannot be read here: {text}")
    if match["marker"]:
        try:
            if not Marker(match["marker"]).evaluate(dict(environment)):
                return None
        except (InvalidMarker, UndefinedEnvironmentName) as error:
            raise ShimError(f"what uv exports cannot be read here: {error}") from None
    return Planned(normalised(match["name"]), match["version"], match["url"], None)


def _failed(done: Output, what: str) -> ShimError:
    words = [line for line in done.error().splitlines() if line.strip()]
    return ShimError(f"{what}. Its words:", *(f"  {line}" for line in words[-12:]))
