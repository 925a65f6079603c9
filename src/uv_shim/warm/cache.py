"""uv's cache: which packages are in it, for what was just installed from it?

Installed with links, each file of an environment points into uv's cache. That is uv's own word on where a package came from, in every
version of uv. The cache is only read.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from uv_shim.hashes import normalize


@dataclass(frozen=True)
class Package:
    """A package of an environment, or of the cache."""

    name: str
    version: str
    #: The unpacked package that it was linked to; None where it is a copy.
    archive: Path | None


class Cache:
    """uv's cache folder, compared with what it was when this was made."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.realpath(folder))
        self._before = self._archives()

    def knew(self, archive: Path) -> bool:
        """Whether that package was in here before."""
        return archive in self._before

    def unclaimed(self, claimed: set[Path | None]) -> list[Package]:
        """Packages that are new and that no environment was given."""
        return [Package(*_name(info), archive) for archive in sorted(self._archives() - self._before - claimed)
                for info in sorted(archive.glob("*.dist-info"))]

    def _archives(self) -> frozenset[Path]:
        return frozenset(path for bucket in self.folder.glob("archive-v*") for path in bucket.iterdir() if path.is_dir())


def installed(site: Path) -> list[Package]:
    """What was installed into that folder."""
    packages = []
    for info in sorted(site.glob("*.dist-info")):
        metadata = info / "METADATA"
        archive = Path(os.path.realpath(metadata)).parent.parent
        packages.append(Package(*_name(info), archive if metadata.is_symlink() else None))
    return packages


def size(archive: Path) -> int:
    """Bytes of an unpacked package in the cache, as far as it is still there."""
    total = 0
    for folder, _, names in os.walk(archive):
        for name in names:
            with suppress(FileNotFoundError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total


def _name(info: Path) -> tuple[str, str]:
    name, _, version = info.name[: -len(".dist-info")].partition("-")
    return normalize(name), version
