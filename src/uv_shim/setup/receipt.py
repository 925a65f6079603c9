"""The receipt: what has been added to this machine?

It is written before each thing is done, so that whatever happens, uninstall knows of all that can be there. TOML, in the prefix.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from uv_shim import __version__
from uv_shim.errors import ShimError
from uv_shim.setup.layout import NEW, Layout, missing_folders, write

_HEAD = "# What uv-shim has added to this machine. `uv-shim uninstall` takes back just this.\n"


@dataclass(frozen=True)
class Line:
    """A line in somebody else's file."""

    file: str
    text: str
    #: The file was not there before.
    created: bool = False
    #: So many newlines came before the line: one for a file with none at its end, one more for a backslash that would go on with the line.
    newline: int = 0


@dataclass(frozen=True)
class File:
    """A file outside the prefix that is wholly ours, as long as it holds just this text."""

    path: str
    text: str


@dataclass
class Receipt:
    """What was added."""

    layout: Layout
    #: The version of ours that has written it.
    version: str = __version__
    #: Folders that were made, parents first; they go when they are empty.
    directories: list[str] = field(default_factory=list)
    #: Folders outside the prefix that go with all that is in them.
    folders: list[str] = field(default_factory=list)
    #: Names in the prefix.
    inside: list[str] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    files: list[File] = field(default_factory=list)

    def begin(self) -> None:
        """Make the prefix, with the receipt in it, by one rename: at no moment is there a folder that no receipt names."""
        missing = missing_folders(self.layout.prefix)
        if not missing:
            self.save()
            return
        self.directories = [str(folder) for folder in missing]
        new = aside(missing[0])
        folder = new / self.layout.prefix.relative_to(missing[0])
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write(folder / self.layout.receipt.name, self.text().encode())
            os.rename(new, missing[0])
        except OSError:
            if not self.layout.is_ours():
                raise
            # Another install was faster.
            if os.path.isdir(new):
                sweep(new, folder)

    def save(self) -> None:
        """Write it anew, if it says anything new."""
        text = self.text()
        try:
            if self.layout.receipt.read_text(encoding="utf-8") == text:
                return
        except FileNotFoundError:
            pass
        write(self.layout.receipt, text.encode())

    def text(self) -> str:
        import tomli_w

        return _HEAD + tomli_w.dumps({
            "version": self.version, "system": self.layout.system, "directories": self.directories, "folders": self.folders,
            "inside": self.inside, "lines": [asdict(line) for line in self.lines], "files": [asdict(file) for file in self.files]})

    def end(self) -> None:
        """Remove the receipt and the folders that were made: in the reverse order, again by one rename where nothing else is in them."""
        self._remove_empty()
        empty = self.layout.prefix
        new = empty / f".{self.layout.receipt.name}{NEW}"
        if new.is_file():
            new.unlink()
        if str(empty) in self.directories and os.listdir(empty) == [self.layout.receipt.name]:
            while str(empty.parent) in self.directories and os.listdir(empty.parent) == [empty.name]:
                empty = empty.parent
            new = aside(empty)
            os.rename(empty, new)
            sweep(new, new / self.layout.prefix.relative_to(empty))
        else:
            self.layout.receipt.unlink()
        self._remove_empty()

    def _remove_empty(self) -> None:
        for folder in reversed(self.directories):
            try:
                os.rmdir(folder)
            except OSError:
                continue  # not there any more, or not empty


def aside(folder: Path) -> Path:
    """Where ``folder`` is made and unmade, beside it."""
    return folder.with_name(folder.name + NEW)


def sweep(new: Path, prefix: Path) -> None:
    """Remove the chain of folders from ``new`` down to ``prefix``, with a receipt at its end."""
    for name in ("receipt.toml", f".receipt.toml{NEW}"):
        if os.path.isfile(prefix / name):
            (prefix / name).unlink()
    while True:
        try:
            prefix.rmdir()
        except FileNotFoundError:
            pass
        except OSError:
            # Somebody has put something there in this very moment: it comes back.
            new.rename(new.with_name(new.name[: -len(NEW)]))
            return
        if prefix == new:
            return
        prefix = prefix.parent


def sweep_asides(prefix: Path) -> None:
    """Remove what a killed run has left beside the prefix or one of its parents."""
    for folder in (prefix, *list(prefix.parents)[:-1]):
        new = aside(folder)
        if os.path.isdir(new) and not os.path.lexists(folder):
            sweep(new, new / prefix.relative_to(folder))


def read(layout: Layout) -> Receipt | None:
    """The receipt in the prefix; None where there is none.

    Raises:
        ShimError: it cannot be read.
    """
    try:
        if layout.receipt.exists():
            return _parse(layout, _loads(layout.receipt.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError) as error:
        why = f"it has no {error}" if isinstance(error, KeyError) else error
        raise ShimError(f"the receipt in {layout.prefix} cannot be read: {why}.",
                        "Nothing was done. Correct it; or remove that folder, and the lines that name it in your start files, by hand, "
                        "and install again.", code=1) from None
    return None


def _loads(text: str) -> Mapping[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    return tomllib.loads(text)


def _parse(layout: Layout, said: Mapping[str, Any]) -> Receipt:
    # An earlier version named the cache's folder even where the prefix is in it.
    folders = [folder for folder in said["folders"] if not layout.is_in(folder)]
    return Receipt(
        Layout(layout.prefix, said["system"]), said["version"], list(said["directories"]), folders, list(said["inside"]),
        [Line(**row) for row in said["lines"]], [File(**row) for row in said["files"]])
