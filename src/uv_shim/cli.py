"""The management command, `uv-shim …`: its commands, and the one boundary at which errors become words and exit codes.

A command is a function of its arguments and the environment that returns an `Answer`; its modules are imported when it is called.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence

from uv_shim import __version__
from uv_shim.errors import ShimError
from uv_shim.report import Answer


class Arguments(argparse.Namespace):
    """What argparse fills in; each command reads its own."""

    run: Callable[[Arguments, Mapping[str, str]], Answer]
    names: list[str]
    files: list[str]
    locks: list[str]
    pythons: list[str]
    json: bool


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run one command; returns its exit code."""
    environ = os.environ if environ is None else environ
    arguments = _parser().parse_args(argv, namespace=Arguments())
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
    _add_warm(commands)
    return parser


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


def _add_warm(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    warm = commands.add_parser(
        "warm", help="fill uv's cache with hashed packages ahead of the projects that need them",
        description="Fill uv's cache, through the real uv and the shim, so that a later `uv sync` fetches nothing. "
        "No environment is left behind. Exit code 1 if something could not be warmed.")
    warm.add_argument("names", nargs="*", metavar="requirement",
                      help="a package, with a version or without; each comes as a project gets it that needs just that")
    warm.add_argument("-r", "--requirements", dest="files", action="append", default=[], metavar="FILE",
                      help="a requirements file: one set, as one project would have it")
    warm.add_argument("--lock", dest="locks", action="append", default=[], metavar="FILE",
                      help="a project's uv.lock: all that is in it, exactly")
    warm.add_argument("-p", "--python", dest="pythons", action="append", default=[], metavar="VERSION",
                      help="for which Python, as uv's --python; again for more (default: the one that uv picks)")
    warm.add_argument("--json", action="store_true", help="say it for a machine")
    warm.set_defaults(run=_warm)


def _warm(arguments: Arguments, environ: Mapping[str, str]) -> Answer:
    from uv_shim import report
    from uv_shim.warm import filling
    from uv_shim.warm.wanted import Wanted

    wanted = Wanted.parse(arguments.names, arguments.files, arguments.locks, arguments.pythons)
    # As for an interrupt: nothing of it is left, whoever ends it.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    progress = report.Progress("warming", wanted.steps)
    try:
        outcome = filling.fill(wanted, environ, progress.at)
    finally:
        progress.end()
    text = outcome.as_json() if arguments.json else outcome.text(report.Style(sys.stdout, environ))
    return Answer(text, 1 if outcome.missing else 0)
