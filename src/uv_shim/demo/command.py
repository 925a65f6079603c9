"""The demo, `uv-shim demo`: the bare uv and the shim side by side, and what each of them downloads."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from uv_shim import report, router
from uv_shim.demo import old_uv, table, trial
from uv_shim.demo.index import Index
from uv_shim.errors import ShimError
from uv_shim.report import Answer
from uv_shim.versions import Regime


def run(environ: Mapping[str, str]) -> Answer:
    """Show it, with the uv that is here and, where that one needs no shim for this, with an old one. Exit code 1: the shim has failed.

    Raises:
        ShimError: there is no uv here, or a call of it failed.
    """
    found = router.find(environ)
    if found.version is None:
        raise ShimError(f"{found.path} does not say its version (it says: {found.said}).", code=1)
    uvs = [(found.path, ".".join(map(str, found.version)))]
    missing = ""
    if Regime(found.version).hashes:
        try:
            uvs.append((old_uv.binary(found.path, environ), old_uv.VERSION))
        except old_uv.CannotBeHad as error:
            missing = f"uv {old_uv.VERSION}, which needs the shim, could not be had from the package index: {error}"
    with tempfile.TemporaryDirectory(prefix="uv-shim-demo-") as folder, Index() as index:
        stocked = trial.stock(index)
        shim = router.lay_out(Path(folder) / "shim")
        routes = [trial.Route(uv, version, behind) for uv, version in uvs for behind in (None, shim)]
        progress = report.Progress("installing and syncing", len(routes))
        trials = []
        try:
            for number, route in enumerate(routes):
                progress.at(number)
                trials.append(trial.run(route, index, Path(folder) / str(number)))
        finally:
            progress.end()
    begin = (f"A package index on this machine with {stocked.files} files ({report.size(stocked.bytes)}); "
             "for each line a new HOME, cache and environment.")
    lines = [begin, "", *table.lines(trials), "", table.conclusion(trials), *([missing] if missing else [])]
    return Answer("\n".join(lines), 1 if any(done.route.shim and done.sync.files for done in trials) else 0)
