"""The story of an uninstall: what the receipt says goes, and nothing else; the receipt itself goes last."""

from __future__ import annotations

import importlib
import os
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from uv_shim.errors import ShimError
from uv_shim.setup import layout as layouts
from uv_shim.setup import provision, release, sources, startfiles
from uv_shim.setup import receipt as receipts
from uv_shim.setup.layout import NEW, REMEMBERED, Layout
from uv_shim.setup.receipt import Receipt
from uv_shim.setup.workplace import locked, temporary

#: How long processes that use the shim may take to come to their end.
_PATIENCE_SECONDS = 3.0


class Wishes(NamedTuple):
    """What was asked for."""

    prefix: str | None = None
    system: bool = False
    dry_run: bool = False


def run(wishes: Wishes, environ: Mapping[str, str]) -> list[str]:
    """Take back what was set up, or say what there would be to take back; what is said about it.

    Raises:
        ShimError: something could not be removed. The receipt still names it, so that another run can.
    """
    layout = layouts.at(wishes.prefix, environ, system=wishes.system, home=sources.find().home)
    if not layout.is_ours():
        receipts.sweep_asides(layout.prefix)
        return [f"nothing to remove: there is no receipt in {layout.prefix}"]
    with temporary() as folder:
        _have_libraries(layout, folder, environ)
        # Early, as this very copy may be the one that goes.
        importlib.import_module("uv_shim.setup.users")
        receipt = receipts.read(layout)
        if receipt is None:
            raise ShimError(f"the receipt in {layout.prefix} is gone.", code=1)
        if wishes.dry_run:
            return [f"would {text}" for text in _would(receipt)]
        try:
            with locked(layout):
                left = _take_back_outside(receipt)
                if left:
                    # With all that it takes to go on.
                    raise ShimError(*left, f"{layout.prefix} is kept until then: run {layout.script} --uninstall once more.", code=1)
                left = _take_back_inside(receipt)
                if left:
                    raise ShimError(*left, f"{layout.prefix} keeps the receipt: then run ./install.sh --uninstall once more.", code=1)
                receipt.end()
        except OSError as error:
            raise ShimError(f"cannot remove {error.filename}: {error.strerror}.",
                            f"{layout.prefix} still has the receipt of what there is.", code=1) from None
    said = ["removed", *(f"{folder} is a link, and was kept; what the shim remembered there is gone"
                         for folder in receipt.folders if os.path.islink(folder))]
    if layout.prefix.exists():
        said.append(f"{layout.prefix} was kept: there is something in it that is not from here, or it was there before")
    said.append(f"Shells that are running still have {layout.shims} on PATH.")
    return said


def _have_libraries(layout: Layout, folder: Path, environ: Mapping[str, str]) -> None:
    """TOML and psutil: from here, from what is to be removed, or from the index."""
    names = (*provision.TOML, "psutil")
    if not provision.lacks(names, release.packages(layout)):
        return
    uv = provision.real_uv(environ, layout.uv / "bin" / "uv") or Path("uv")
    found = sources.find()
    provision.fetch_packages(found.packages(), folder / "packages", uv, environ, found.beside)
    why = provision.lacks(names, folder / "packages")
    if why:
        raise ShimError(f"the packages that were fetched do not work with this Python ({provision.python()}): {why}.",
                        "Nothing was done. Run it again with another TMPDIR, or another Python.", code=1)


def _would(receipt: Receipt) -> list[str]:
    return [
        *(f"take out of {line.file}: {line.text}" for line in receipt.lines),
        *(f"remove {file.path}" for file in receipt.files),
        *(f"remove {folder} and all that is in it" for folder in receipt.folders),
        *(f"remove {receipt.layout.prefix / name}" for name in receipt.inside),
        *(f"remove {folder}, if it is empty then" for folder in reversed(receipt.directories)),
    ]


def _take_back_outside(receipt: Receipt) -> list[str]:
    """The start files first: from then on no new shell finds it. What could not be done is returned."""
    left = []
    for line in receipt.lines:
        try:
            startfiles.remove(line)
        except startfiles.CannotEdit as error:
            left.append(f"cannot write {line.file} ({error}); take this line out of it: {line.text}")
    for file in receipt.files:
        path = Path(file.path)
        new = path.with_name(f".{path.name}{NEW}")
        for ours in (path, new):
            # Changed since, it is the user's.
            if ours.is_file() and (ours == new or os.fsdecode(ours.read_bytes()) == file.text):
                ours.unlink()
    for folder in receipt.folders:
        if os.path.islink(folder):
            # To a place of the user's own, where other things may be, too.
            for name in REMEMBERED:
                release.remove(Path(folder, name))
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return left


def _take_back_inside(receipt: Receipt) -> list[str]:
    """The prefix: first the names by which it is found, then what nobody runs from any more. What is kept is returned."""
    layout = receipt.layout
    releases = layout.releases.name
    bulky = [layout.prefix / name for name in receipt.inside if name in (releases, layout.uv.name)]
    for name in receipt.inside:
        if layout.prefix / name not in bulky:
            release.remove(layout.prefix / name)
            release.remove(layout.prefix / f".{name}{NEW}")
    # A shim that has just been started reads its sources in the next moment, and guards builds with a file of them until its uv runs.
    left = _wait_for_users(bulky, layout.prefix)
    for path in bulky:
        if not left:
            release.remove(path)
            release.remove(path.with_name(f".{path.name}{NEW}"))
    return left


def _wait_for_users(folders: list[Path], prefix: Path) -> list[str]:
    from uv_shim.setup import users

    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        used = users.of([folder for folder in folders if folder.exists()], prefix)
        names = sorted({str(user) for found in used.values() for user in found})
        if not names or time.monotonic() > until:
            return [f"{', '.join(names)} still runs from {prefix}: this part is kept until it has ended."] if names else []
        time.sleep(0.1)
