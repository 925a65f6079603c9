"""The management command, `uv-shim …`: its commands, and the one boundary at which errors become words and exit codes.

A command is a function of its arguments and the environment that returns an `Answer`; its modules are imported when it is called.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from uv_shim import __version__
from uv_shim.errors import ShimError
from uv_shim.report import Answer

if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001  # argparse has no public name for it


class Arguments(argparse.Namespace):
    """What argparse fills in; each command reads its own."""

    run: Callable[[Any, Mapping[str, str]], Answer]
    #: Options of uv that audit passes on.
    sync: list[str]


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run one command; returns its exit code."""
    environ = os.environ if environ is None else environ
    argv = list(sys.argv[1:] if argv is None else argv)
    # What follows -- is for another program; of the commands here, audit alone calls one.
    end = argv.index("--") if argv[:1] == ["audit"] and "--" in argv else len(argv)
    arguments = _parser().parse_args(argv[:end], namespace=Arguments())
    if end < len(argv):
        arguments.sync = [*arguments.sync, *argv[end + 1 :]]
    try:
        answer = arguments.run(arguments, environ)
        sys.stdout.write(answer.text if not answer.text or answer.text.endswith("\n") else f"{answer.text}\n")
        sys.stdout.flush()
    except ShimError as error:
        for line in error.lines:
            print(f"uv-shim: {line}", file=sys.stderr)
        return error.code
    except BrokenPipeError:
        # The reader has seen enough. Python would complain again when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return answer.code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="uv-shim", description="Look after the uv shim.")
    parser.add_argument("--version", action="version", version=f"uv-shim {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)
    demo = commands.add_parser(
        "demo", help="the bare uv and the shim side by side, on an index of its own: what is downloaded twice",
        description="Install and sync a small project with the bare uv and through the shim, on an index of its own, "
        "and count what is downloaded. Exit code 1 if the shim's `uv sync` downloaded anything.")
    demo.set_defaults(run=_demo)
    which = commands.add_parser(
        "which", help="the real uv that would run from here",
        description="Say which real uv would run from here, and what the shim has to do for it.")
    which.set_defaults(run=_which)
    _add_audit(commands)
    return parser


def _add_audit(commands: _Commands) -> None:
    from uv_shim.audit import options

    audit = commands.add_parser(
        "audit", allow_abbrev=False, help="will `uv sync` hit the cache here, and if not, why?",
        description="For each package that `uv sync` would install: is it in uv's cache, and if not, why, and what is to be done? "
        "By uv's own plan (`uv sync --dry-run`) and a reading of the cache. Nothing is downloaded, installed or locked. "
        "Exit codes: 0; 1 with --check, if anything would be downloaded; 2 if it could not be looked at.",
        usage="uv-shim audit [PROJECT] [--package NAME] [--fresh] [--check] [--json] [--html FILE] [options of uv sync]\n"
        "       uv-shim audit --cache [--check] [--json]")
    options.add(audit)
    audit.set_defaults(run=_audit)


def _audit(arguments: Any, environ: Mapping[str, str]) -> Answer:  # noqa: ANN401  # argparse's namespace
    try:
        from uv_shim.audit import command
    except ModuleNotFoundError as error:
        raise ShimError(f"audit needs {error.name}, which this Python ({sys.executable}) does not have.",
                        "Next step: install uv-shim as a package, or its dependencies for this Python.") from None
    return command.run(arguments, environ)


def _demo(_: Arguments, environ: Mapping[str, str]) -> Answer:
    from uv_shim.demo import __main__ as demo

    # As for an interrupt: the folders of the demo go, whoever ends it.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    return Answer("", demo.run(environ))


def _which(_: Arguments, environ: Mapping[str, str]) -> Answer:
    from uv_shim import router, versions

    found = router.find(environ)
    version = found.version
    return Answer("\n".join((
        f"uv       {found.path}",
        f"version  {'.'.join(map(str, version)) if version else f'unknown (it says: {found.said})'}",
        f"regime   {versions.Regime(version).in_words() if version else 'unknown: its calls pass untouched'}",
    )))
