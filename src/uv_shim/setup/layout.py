"""Where everything is.

``<prefix>/releases/<id>/{shims,src,venv,real-uv}`` is one copy of the shim, whole; ``current`` is a link to the one in force, and
``shims``, the folder on PATH, a link through it. So an upgrade is one rename of ``current``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from uv_shim import config
from uv_shim.errors import ShimError

_NAME = "uv-shim"

#: What goes neither into PATH nor between double quotes of a shell's file.
_UNFIT = re.compile(r"[\"$`\\:\n\r]")

#: What is being made has this before or behind its name until it is renamed; what a run has left there is swept by the next.
NEW = ".uv-shim-new"

#: Names of what the shim remembers, in its folder in the user's cache.
REMEMBERED = ("binaries", "bytecode")


@dataclass(frozen=True)
class Layout:
    """The paths below one prefix; ``system``: for every user of the machine."""

    prefix: Path
    system: bool = False

    @property
    def receipt(self) -> Path:
        return self.prefix / "receipt.toml"

    @property
    def releases(self) -> Path:
        return self.prefix / "releases"

    @property
    def current(self) -> Path:
        """Link to the release in force."""
        return self.prefix / "current"

    @property
    def shims(self) -> Path:
        """The folder on PATH: a link."""
        return self.prefix / "shims"

    @property
    def env(self) -> Path:
        """What POSIX shells read to have the folder on PATH."""
        return self.prefix / "env"

    @property
    def script(self) -> Path:
        """install.sh once more, so that uninstalling is at hand: a link."""
        return self.prefix / "install.sh"

    @property
    def uv(self) -> Path:
        """Folder of a uv that was fetched, where the machine had none."""
        return self.prefix / "uv"

    @property
    def line(self) -> str:
        """The line in start files. The folder removed by hand must not break them: dash ends at a file that `.` cannot find."""
        return f'if [ -r "{self.env}" ]; then . "{self.env}"; fi'

    @property
    def fish_line(self) -> str:
        return f'test "$PATH[1]" = "{self.shims}"; or set -gx PATH "{self.shims}" $PATH'

    @property
    def env_text(self) -> str:
        # Somewhere on PATH is not enough: in a shell within a shell, start files may have put another uv before it.
        return f'case "${{PATH-}}:" in\n  "{self.shims}:"*) ;;\n  *) export PATH="{self.shims}${{PATH:+:$PATH}}" ;;\nesac\n'

    def is_ours(self) -> bool:
        """Whether a receipt is there."""
        return os.path.isfile(self.receipt)

    def is_in(self, folder: str) -> bool:
        """Whether the prefix is that folder, or below it."""
        prefix = Path(os.path.realpath(self.prefix))
        return Path(os.path.realpath(folder)) in (prefix, *prefix.parents)


def around(home: Path) -> Layout | None:
    """The layout that the copy at ``home`` is a release of, if it is one."""
    layout = Layout(home.parent.parent)
    return layout if home.parent == layout.releases and layout.is_ours() else None


def default(environ: Mapping[str, str]) -> str | None:
    """The prefix of a set-up for this user; None without a home."""
    data = config.folder("XDG_DATA_HOME", ".local/share", environ)
    return data and os.path.join(data, _NAME)


def named_in(text: str) -> Layout | None:
    """The layout whose line, and nothing else, that text is."""
    found = re.search(r'"(/[^"]*)/(?:env|shims)"', text)
    layout = Layout(Path(found[1])) if found else None
    return layout if layout and text.rstrip("\n") in (layout.line, layout.fish_line) else None


def at(prefix: str | None, environ: Mapping[str, str], *, system: bool, home: Path) -> Layout:
    """The layout that is meant: at ``prefix``; else around the release at ``home``, if it is one; else at the default place.

    Raises:
        ShimError: there is no default place, or a shell's file or PATH cannot name it.
    """
    if prefix == "":
        raise ShimError("--prefix names no folder: it is empty. Nothing was done; leave it out, or name one.", code=1)
    if prefix:
        folder = prefix
    elif system:
        folder = f"/opt/{_NAME}"
    elif own := around(home):
        folder = str(own.prefix)
    elif user := default(environ):
        folder = user
    else:
        raise ShimError("HOME is not set, so there is no default place. Name a folder with --prefix.", code=1)
    folder = os.path.normpath(os.path.abspath(folder))
    if _UNFIT.search(folder):
        raise ShimError(f"cannot install in '{folder}': a path with one of \" $ ` \\ : or a newline does not go into PATH.",
                        "Name another folder with --prefix.", code=1)
    try:
        folder.encode()
    except UnicodeEncodeError:
        raise ShimError(f"cannot install in {folder!a}: the path is not UTF-8, and the receipt could not name it.",
                        "Name another folder with --prefix.", code=1) from None
    return Layout(Path(folder), system)


def missing_folders(folder: Path) -> list[Path]:
    """``folder`` and its parents, as far as they are not there; parents first."""
    missing: list[Path] = []
    while not os.path.lexists(folder):
        missing.insert(0, folder)
        folder = folder.parent
    return missing


def write(path: Path, data: bytes) -> None:
    """Write a file of ours: whole, or not at all."""
    new = path.with_name(f".{path.name}{NEW}")
    new.write_bytes(data)
    os.replace(new, path)


def link(path: Path, target: str) -> None:
    """Make ``path`` a link to ``target`` by one rename."""
    new = path.with_name(f".{path.name}{NEW}")
    if os.path.lexists(new):
        new.unlink()
    new.symlink_to(target)
    os.replace(new, path)
