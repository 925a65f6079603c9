"""Everything that a lock holds for one Python, by `uv sync`: what is left out, where not all of it can be had at once?"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from uv_shim.hashes import normalize
from uv_shim.warm.calls import LINKS, Python, Said, Uv
from uv_shim.warm.lock import Conflicts, Lock, Member

#: A package as uv names one that it cannot have: `name==version` or `name @ URL`, maybe on two lines.
_LINE = re.compile(r"`([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?(?:==|[\s\u2502]+@\s)")

#: After so many packages that cannot be had, it is not the packages.
_ENOUGH = 20

#: So many ways to choose between what conflicts are tried; with more, each extra and group is asked for on its own.
_CHOICES = 64


@dataclass(frozen=True)
class Part:
    """Extras and groups of a lock that are synced together; the base comes with each."""

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """For people: what is asked for beside the base."""
        return ", ".join((*(f"extra {name}" for name in self.extras), *(f"group {name}" for name in self.groups)))

    def items(self) -> list[tuple[str, str]]:
        """Each extra and group, with its kind."""
        return [*(("extra", name) for name in self.extras), *(("group", name) for name in self.groups)]

    def pieces(self) -> list[Part]:
        """Each extra and each group on its own."""
        return [*(Part(extras=(name,)) for name in self.extras), *(Part(groups=(name,)) for name in self.groups)]


@dataclass(frozen=True)
class Synced:
    """What one `uv sync` came to: it succeeded, without `excluded`; or it failed, and `excluded` is empty."""

    #: For people: what was asked for beside the base.
    label: str
    environment: Path
    said: Said
    #: Packages that could not be had, with uv's words.
    excluded: dict[str, Said]


class Syncing:
    """A lock for one Python, or for the one that uv takes for the project."""

    def __init__(self, uv: Uv, lock: Lock, python: Python | None, folder: Path) -> None:
        self._uv = uv
        self._lock = lock
        self._python = python
        self._folder = folder
        self._options = uv.sync_options()
        self._excluded: dict[str, Said] = {}

    def run(self) -> Iterator[Synced]:
        """All of the lock at once; where that cannot be (the project may say so of its parts), piece by piece, and member by member."""
        together = self._has("--all-packages") or not self._lock.members
        apart = self._lock.divided or not together
        failed = not together
        for synced in self._pieces(self._lock.everything) if together else ():
            failed = failed or synced.said.code != 0
            # What cannot be had of all members together is told where it cannot be had of one.
            if synced.said.code == 0 or not apart:
                yield synced
        if failed and apart:
            for member in self._lock.members:
                yield from self._pieces(member)
            for name in self._lock.loose if self._has("--only-group") else ():
                yield self._sync(None, Part(groups=(name,)))

    def _pieces(self, member: Member) -> Iterator[Synced]:
        everything = Part(member.extras, member.groups if self._has("--group") else ())
        whole = self._sync(member, everything)
        if whole.said.code == 0 or everything == Part():
            yield whole
            return
        base = self._sync(member, Part())
        yield base
        # What fails without any of them is told once.
        pieces: dict[Part, None] = {}
        for part in choices(everything, member.conflicts) if base.said.code == 0 else ():
            synced = self._sync(member, part)
            if synced.said.code == 0 or len(part.pieces()) < 2:
                yield synced
            else:
                pieces.update(dict.fromkeys(part.pieces()))
        for part in pieces:
            yield self._sync(member, part)

    def _sync(self, member: Member | None, part: Part) -> Synced:
        """One part, without the packages that cannot be had: one of them must not spoil the rest."""
        label = ", ".join(filter(None, (f"member {member.name}" if member and member.name else "", part.label)))
        environment = Path(self._folder, f"{len(list(self._folder.iterdir()))}")
        while True:
            said = self._uv.sync(self._arguments(member, part), self._lock.folder, environment)
            guilty = {name for name in map(normalize, _LINE.findall(said.error)) if name in self._lock.remote} - set(self._excluded)
            if said.code == 0 or not guilty or len(self._excluded) >= _ENOUGH:
                return Synced(label, environment, said, dict(self._excluded) if said.code == 0 else {})
            # The first that uv names is what it stopped at; others are said to need it.
            first = next(name for name in map(normalize, _LINE.findall(said.error)) if name in guilty)
            self._excluded[first] = said

    def _arguments(self, member: Member | None, part: Part) -> list[str]:
        arguments = [*LINKS]
        if self._python:
            arguments += ["--python", self._python.path]
        if member is None:
            # No member comes with these.
            arguments += ["--only-group", *part.groups]
        elif member.name:
            arguments += ["--package", member.name]
        elif self._has("--all-packages"):
            arguments.append("--all-packages")
        for name in part.extras:
            arguments += ["--extra", name]
        for name in member.groups if member and self._has("--group") else ():
            arguments += ["--group" if name in part.groups else "--no-group", name]
        # By name, which every uv knows: the project's own folders are not built, so nothing is written into them.
        for name in (*self._lock.local, *self._excluded):
            arguments += ["--no-install-package", name]
        return arguments

    def _has(self, option: str) -> bool:
        return f"{option} " in self._options or f"{option}\n" in self._options


def choices(everything: Part, conflicts: Conflicts) -> list[Part]:
    """Of each set that the lock says to conflict one, or none, and all that conflicts with nothing.

    What is locked for one of them together with others would not be had with each on its own.
    """
    conflicting = {item for those in conflicts for item in those}
    free = [item for item in everything.items() if item not in conflicting]
    if not conflicting or math.prod(len(those) + 1 for those in conflicts) > _CHOICES:
        return everything.pieces()
    parts = []
    for choice in itertools.product(*((*those, None) for those in conflicts)):
        items = {*free, *filter(None, choice)}
        parts.append(Part(tuple(name for name in everything.extras if ("extra", name) in items),
                          tuple(name for name in everything.groups if ("group", name) in items)))
    return list(dict.fromkeys(parts))
