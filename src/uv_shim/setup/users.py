"""Who uses a copy of the shim right now?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil


class User(NamedTuple):
    """A process."""

    pid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


def of(folders: Sequence[Path], prefix: Path) -> dict[Path, list[User]]:
    """Those that use each of the folders.

    A shim that has just been started names only the prefix, and has no file open yet: it may use any of them. Who started this very
    process (`sudo`, a shell) names it as well, and waits for it.
    """
    found: dict[Path, list[User]] = {folder: [] for folder in folders}
    beginnings = tuple(f"{path}/shims/" for path in {str(prefix), os.path.realpath(prefix)})
    real = {folder: os.path.realpath(folder) + os.sep for folder in folders}
    own = _own()
    for process in psutil.process_iter():
        if process.pid in own:
            continue
        try:
            words = process.cmdline()
            user = User(process.pid, process.name())
        except (psutil.Error, OSError):
            continue
        files = _files(process)
        used = [folder for folder in folders
                if any(path.startswith((real[folder], f"{folder}{os.sep}")) for path in (*words, *files))]
        known = any(path.startswith(os.path.realpath(prefix) + os.sep) for path in files)
        if not known and not used and any(word.startswith(beginnings) for word in words):
            used = list(folders)
        for folder in used:
            found[folder].append(user)
    return found


def _own() -> set[int]:
    """Process ids of this one and of those that it was started by, as far as they can be told."""
    found = set()
    process: psutil.Process | None = psutil.Process()
    while process:
        found.add(process.pid)
        try:
            process = process.parent()
        except (psutil.Error, OSError):
            break
    return found


def _files(process: psutil.Process) -> list[str]:
    """What it has open and what it is; nothing of another user's processes, of which the command line alone can be read."""
    try:
        return [*(file.path for file in process.open_files()), process.exe()]
    except (psutil.Error, OSError):
        return []
