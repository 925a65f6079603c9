"""The story of `uv-shim warm`: what of what was asked for is in uv's cache now, and what could not be had?

A name is asked for on its own, so that it comes as a project gets it that needs just that, whatever else is named. A requirements
file is one set, as one project would have it; where it cannot be had as one, its lines are asked for on their own. A lock is exact.

Everything is installed with links into folders that are thrown away. Links take no room, work across filesystems, do not copy a file
of a lower image layer into this one (as a hard link would), and say what in the cache each package is.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from uv_shim.errors import ShimError
from uv_shim.warm import cache
from uv_shim.warm.cache import Cache, Package
from uv_shim.warm.calls import LINKS, Python, Said, Uv, folder_for_links, throwaway
from uv_shim.warm.lock import Lock
from uv_shim.warm.locked import Syncing
from uv_shim.warm.outcome import Had, Missing, Outcome
from uv_shim.warm.wanted import File, Wanted, label


class Step(NamedTuple):
    """One thing to do, and what it is for people."""

    what: str
    do: Callable[[], None]


def fill(wanted: Wanted, environ: Mapping[str, str], at: Callable[[int, str], None]) -> Outcome:
    """Fill uv's cache with what is wanted; ``at`` is told, again and again, how many steps are done, and what the next one is.

    Raises:
        ShimError: there is no uv that this can be done with.
    """
    if environ.get("UV_NO_CACHE", "").lower() not in ("", "0", "false", "no", "off", "n", "f"):
        raise ShimError("UV_NO_CACHE is set, so uv would keep nothing of what it fetches. Unset it. Nothing was fetched.")
    place = (0, "asking uv")
    with throwaway() as folder, throwaway(folder_for_links(environ)) as links:
        filling = _Filling(Uv(environ, folder, lambda: at(*place)), links)
        steps = filling.steps(wanted)
        for number, step in enumerate(steps):
            place = (number, step.what)
            step.do()
        return filling.finish()


class _Filling:
    def __init__(self, uv: Uv, folder: Path) -> None:
        self._uv = uv
        self._folder = folder
        self._cwd = Path.cwd()
        self._caches: dict[Path, Cache] = {}
        self._outcome = Outcome(uv.version)

    def steps(self, wanted: Wanted) -> list[Step]:
        """What is to be done, once the Pythons are found."""
        loose = [*wanted.names, *wanted.files]
        pythons = self._pythons(wanted) if wanted.pythons or loose else []
        # Before anything is fetched: what is new is told by it.
        for cwd in ([self._cwd] if loose else []) + [lock.folder for lock in wanted.locks]:
            self._cache(cwd)
        steps = []
        for python in pythons:
            for name in wanted.names:
                steps.append(Step(f"{label(name)} for Python {python.version}", partial(self._name, name, python)))
            for file in wanted.files:
                steps.append(Step(f"{file.path.name} for Python {python.version}", partial(self._file, file, python)))
        for lock in wanted.locks:
            # With none named, the project says which Python is its own.
            for chosen in pythons if wanted.pythons else [None]:
                what = f"{lock.path} for Python {chosen.version}" if chosen else f"{lock.path}"
                steps.append(Step(what, partial(self._lock, lock, chosen)))
        return steps

    def finish(self) -> Outcome:
        """What came of it, with what else is new in the cache: for builds, or fetched before uv stopped."""
        stopped_at = " ".join(missing.reason for missing in self._outcome.missing)
        claimed = {had.package.archive for had in self._outcome.had}
        for folder in {used.folder: used for used in self._caches.values()}.values():
            self._outcome.caches.append(folder.folder)
            self._outcome.had += [Had(package, "", known=False) for package in folder.unclaimed(claimed)
                                  # What uv has refused, it may have unpacked before; it will refuse it again.
                                  if f"{package.name}=={package.version}" not in stopped_at]
        return self._outcome

    def _pythons(self, wanted: Wanted) -> list[Python]:
        found: dict[str, Python] = {}
        for request in wanted.pythons or (None,):
            python = self._uv.python(request, self._cwd)
            if isinstance(python, Said):
                self._miss(f"Python {request}" if request else "Python", "", python)
            else:
                found[python.path] = python
        return list(found.values())

    def _cache(self, cwd: Path) -> Cache:
        if cwd not in self._caches:
            folder = self._uv.cache_folder(cwd)
            same = next((used for used in self._caches.values() if used.folder == folder), None)
            self._caches[cwd] = same or Cache(folder)
        return self._caches[cwd]

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self._folder))

    def _install(self, python: Python, *arguments: str) -> tuple[Said, Path]:
        """`uv pip install` into a folder of its own, whatever the caller's settings say of where to."""
        site = self._new_folder()
        said = self._uv.call(["pip", "install", "--python", python.path, "--target", str(site), *LINKS, *arguments], self._cwd)
        return said, site

    def _name(self, name: str, python: Python) -> None:
        said, site = self._install(python, name)
        if said.code:
            self._miss(label(name), python.version, said)
        else:
            self._have(label(name), said, site, python.version, self._cwd)

    def _file(self, file: File, python: Python) -> None:
        said, site = self._install(python, "-r", str(file.path))
        if not said.code:
            self._have(file.path.name, said, site, python.version, self._cwd)
            return
        lines = file.lines()
        if len(lines) < 2:
            self._miss(lines[0].label if lines else file.path.name, python.version, said)
            return
        self._outcome.notes.append(f"{file.path.name} cannot be had as one set for Python {python.version}, "
                                   f"so each line was warmed on its own:\n{said.reason}")
        for line in lines:
            one = self._new_folder() / "requirement.txt"
            one.write_text("".join(f"{each}\n" for each in (*line.settings, line.text)), encoding="utf-8")
            alone, site = self._install(python, "-r", str(one), *(["--no-deps"] if line.complete else []))
            if alone.code:
                self._miss(f"{line.label} ({file.path.name})", python.version, alone)
            else:
                self._have(line.label, alone, site, python.version, self._cwd)

    def _lock(self, lock: Lock, python: Python | None) -> None:
        excluded: dict[str, Missing] = {}
        unhashed: dict[str, Missing] = {}
        syncing = Syncing(self._uv, lock, python, self._new_folder())
        if lock.mixed:
            self._outcome.notes.append(f"{lock.path}: {', '.join(lock.mixed)}: both a folder and from elsewhere there, as markers have "
                                       "it. uv leaves out both by name, so what is from elsewhere is not warmed.")
        for synced in syncing.run():
            version = python.version if python else _python_of(synced.environment)
            if synced.said.code:
                self._miss(f"{lock.path}" + (f" ({synced.label})" if synced.label else ""), version, synced.said)
                continue
            for name, said in synced.excluded.items():
                excluded.setdefault(name, Missing(f"{name} ({lock.path})", version, said.reason))
            for site in synced.environment.glob("lib/*/site-packages"):
                for package in self._have(str(lock.path), synced.said, site, version, lock.folder):
                    if (package.name, package.version) in lock.unhashed:
                        unhashed[package.name] = Missing(f"{package.name} ({lock.path})", version,
                                                         "It was fetched, but could not be checked: uv.lock has no hash for it.")
        self._outcome.missing += [*excluded.values(), *unhashed.values()]

    def _have(self, what: str, said: Said, site: Path, version: str, cwd: Path) -> list[Package]:
        """Take in what was installed there."""
        used = self._cache(cwd)
        packages = cache.installed(site)
        for package in packages:
            self._outcome.had.append(Had(package, version, used.knew(package.archive) if package.archive else None))
        shutil.rmtree(site, ignore_errors=True)  # read; the next one may need the room
        if said.unsealed:
            self._outcome.missing.append(Missing(what, version, f"It was fetched, but could not be checked: {said.unsealed}"))
        return packages

    def _miss(self, what: str, version: str, said: Said) -> None:
        self._outcome.missing.append(Missing(what, version, said.reason))


def _python_of(environment: Path) -> str:
    """Version of the Python that an environment was made with, as far as it says."""
    try:
        lines = (environment / "pyvenv.cfg").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    versions = [line.partition("=")[2].strip() for line in lines if line.startswith("version_info")]
    return ".".join(versions[0].split(".")[:2]) if versions else ""
