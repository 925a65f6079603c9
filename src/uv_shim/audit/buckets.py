"""Buckets: in which folders of its cache does a uv of some version keep what it downloads?

A bucket has a number, which uv raises when its format changes: what one uv has put there, another one with another number does not see.
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: First release of each number, newest first; read in uv's source, and looked at on disk from 0.4.6 on.
_WHEELS = (((0, 13, 9), 8), ((0, 13, 0), 7), ((0, 10, 0), 6), ((0, 6, 4), 5), ((0, 6, 0), 4), ((0, 5, 0), 3), ((0, 4, 13), 2),
           ((0, 1, 32), 1))
_SDISTS = (((0, 13, 9), 11), ((0, 13, 0), 10), ((0, 6, 8), 9), ((0, 6, 0), 8), ((0, 5, 26), 7), ((0, 5, 0), 6), ((0, 4, 25), 5),
           ((0, 4, 13), 4))

_GIT = (((0, 13, 9), 2), ((0, 12, 19), 1), ((0, 0, 0), 0))

#: The newest numbers whose format is known here.
NEWEST_WHEELS = 8
NEWEST_SDISTS = 11

#: The newest uv whose buckets were looked at.
_NEWEST_UV = (0, 13, 9)

_NAME = re.compile(r"(wheels|sdists|built-wheels|simple)-v(\d{1,6})")


class Buckets(NamedTuple):
    """What one uv version reads and writes."""

    wheels: str
    sdists: str
    #: False for a uv that is newer than all that was looked at: it may have other buckets.
    certain: bool

def of(version: tuple[int, int, int]) -> Buckets:
    """The buckets of that uv."""
    wheels = next((number for first, number in _WHEELS if version >= first), 0)
    sdists = next((f"sdists-v{number}" for first, number in _SDISTS if version >= first), "built-wheels-v3")
    return Buckets(f"wheels-v{wheels}", sdists, version <= _NEWEST_UV)

def git(version: tuple[int, int, int]) -> str:
    """The bucket of Git repositories."""
    return next(f"git-v{number}" for first, number in _GIT if version >= first)


def parse(folder: str) -> tuple[str, int] | None:
    """Kind and number of a folder of the cache; None where it is no bucket that is read here."""
    found = _NAME.fullmatch(folder)
    return (found.group(1), int(found.group(2))) if found else None

def used_by(folder: str) -> str:
    """Which uvs use that bucket, in words."""
    kind, number = parse(folder) or ("", -1)
    table = _WHEELS if kind == "wheels" else _SDISTS if kind == "sdists" else ()
    for place, (first, candidate) in enumerate(table):
        if candidate == number:
            since = ".".join(map(str, first))
            return f"uv {since} or later" if place == 0 else f"uv {since} up to {'.'.join(map(str, table[place - 1][0]))}, without that one"
    return "a uv that is not known here"
