"""The command: from the arguments of `uv-shim audit` to what it says."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from uv_shim import report, router
from uv_shim.audit import indexes, kinds, lock, members, options, page, plan, rows, wheels, whole, words
from uv_shim.audit.answer import Audit
from uv_shim.audit.cache import Cache, normalised
from uv_shim.audit.options import Arguments
from uv_shim.errors import ShimError
from uv_shim.report import Answer
from uv_shim.versions import Regime

#: With --check, something would be downloaded, or it cannot be told that it would not.
EXIT_MISS = 1

#: The first uv that heeds UV_PROJECT.
_UV_PROJECT = (0, 6, 11)
#: In which folder it works, and the first uvs that heed it; the first one counts.
_DIRECTORY = (("UV_WORKING_DIR", (0, 9, 14)), ("UV_WORKING_DIRECTORY", (0, 9, 1)))


def run(arguments: Arguments, environ: Mapping[str, str]) -> Answer:
    """Do it.

    Raises:
        ShimError: it could not be looked at (code 2).
    """
    try:
        return _run(arguments, environ)
    except ShimError as error:
        # Whatever the code of a part that failed: 1 is the word of --check. And uv may have been quoted.
        raise ShimError(*map(report.redacted, error.lines)) from None


def _run(arguments: Arguments, environ: Mapping[str, str]) -> Answer:
    _check(arguments)
    style = report.Style(sys.stdout, environ)
    uv = router.find(environ)
    version = uv.version
    if version is None or not Regime(version).constrains:
        raise ShimError(f"audit needs uv 0.4.6 or later. Found: {uv.path}, which says that it is {uv.said or 'nothing'}.")
    try:
        project = Path(os.path.realpath(arguments.project or _told(version, environ)))
    except FileNotFoundError:
        raise ShimError("the current folder has been removed.", "Next step: `cd` to one that is there.") from None
    sync = plan.Sync(uv, version, project, tuple(arguments.sync), arguments.fresh, environ)
    if arguments.cache:
        return _whole(sync, arguments, style)
    path = lock.find(project)
    locked = lock.read(path)
    audit = _audit(sync, locked)
    only = normalised(arguments.package) if arguments.package else None
    if only and not any(row.name == only for row in audit.rows):
        known = "uv.lock has none."
        if locked.find(only):
            known = "uv.lock has it, but not for this Python, or in no group or extra that is asked for."
        raise ShimError(f"`uv sync` would install no {arguments.package} here: {known}")
    if arguments.html:
        page.write(Path(arguments.html), audit)
    code = EXIT_MISS if arguments.check and any(only in (None, row.name) for row in audit.downloads) else 0
    if arguments.json:
        return Answer(report.as_json(audit.as_data(only)), code)
    lines = words.package(audit, only, style) if only else words.audit(audit, style)
    return Answer("\n".join([*lines, *([f"Written: {arguments.html}"] if arguments.html else [])]), code)


def _told(version: tuple[int, int, int], environ: Mapping[str, str]) -> str:
    """The project that this uv takes where none is named."""
    folder = next((environ[name] for name, since in _DIRECTORY if version >= since and environ.get(name)), "")
    return os.path.join(folder, environ.get("UV_PROJECT", "") if version >= _UV_PROJECT else "") or "."


def _check(arguments: Arguments) -> None:
    """Refuse what would be ignored, or lead uv to another project than the one whose lock file is read."""
    for name, value in (("--html", arguments.html), ("--package", arguments.package)):
        if value is not None and arguments.cache:
            raise ShimError(f"{name} is for a project, and --cache for the whole cache. Leave out one of them.")
        if value == "":
            raise ShimError(f"{name} is empty. Expected: a {'file to write' if name == '--html' else 'package'}.")
    elsewhere = options.only(arguments.sync, "--project", "--directory", "--script")
    if elsewhere and elsewhere[0].startswith("--script"):
        raise ShimError("--script has uv sync a script, by the script's own lock file; what is looked at is a project. "
                        "Next step: leave it out.")
    if elsewhere:
        raise ShimError(f"{elsewhere[0]} leads uv to another project than the one that is looked at. Next step: `uv-shim audit PROJECT`.")


def _audit(sync: plan.Sync, locked: lock.Lock) -> Audit:
    folder = sync.cache()
    here = Cache(folder) if folder else None
    made = plan.make(sync, cache_exists=here is not None and here.exists(), dynamic=members.dynamic(locked))
    python: wheels.Python | wheels.CannotTell
    try:
        if options.values(sync.options, "--python-platform"):
            python = wheels.CannotTell("--python-platform asks for wheels of another platform")
        else:
            python = wheels.ask(made.python) if made.python else wheels.CannotTell("uv does not say which Python it takes")
    except wheels.CannotTell as error:
        python = error
    others = rows.caches_elsewhere(folder, sync.environ) if folder else []
    asked = (locked.path.parent, sync.options, sync.environ)
    auditor = rows.Auditor(here, sync.version, locked, python, others=others, known=indexes.configured(*asked),
                           members=members.indexes(locked), no_binary=kinds.refused("no-binary", *asked),
                           no_build=kinds.refused("no-build", *asked))
    progress = report.Progress("auditing", len(made.packages))
    found = []
    for done, row in enumerate(auditor.rows(made)):
        found.append(row)
        progress.at(done + 1, row.name)
    progress.end()
    return Audit(" ".join(sync.uv.said.split()[:2]), str(sync.uv.path), str(locked.path.parent), str(folder) if folder else None,
                 str(python) if isinstance(python, wheels.CannotTell) else f"{python.version} ({python.path})", made, tuple(found))


def _whole(sync: plan.Sync, arguments: Arguments, style: report.Style) -> Answer:
    folder = sync.cache()
    if folder is None:
        raise ShimError("uv is told to use no cache (--no-cache, UV_NO_CACHE, or no-cache in its configuration): there is none to look at.")
    cache = Cache(folder)
    if not cache.exists():
        raise ShimError(f"there is no cache at {folder}, where uv would have it.", "Next step: name another one with --cache-dir.")
    read = whole.read(cache)
    code = EXIT_MISS if arguments.check and (read.total.unhashed or read.total.unreadable) else 0
    if arguments.json:
        data = {"cache": str(folder), "total": read.total._asdict(),
                **{key: {name: pile._asdict() for name, pile in piles.items()}
                   for key, piles in (("by_index", read.by_index), ("by_bucket", read.by_bucket), ("by_name", read.by_name))},
                "unreadable": dict(read.unreadable)}
        return Answer(report.as_json(data), code)
    return Answer("\n".join(words.whole(read, os.fspath(folder), style)), code)
