"""The management command, `uv-shim …`. The only module of it that picks an exit code."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Mapping, Sequence

from uv_shim import __version__, router
from uv_shim.errors import ShimError
from uv_shim.versions import Regime


class _Namespace(argparse.Namespace):
    """What argparse fills in."""

    command: str


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run one command; returns its exit code."""
    environ = os.environ if environ is None else environ
    arguments = _parser().parse_args(argv, namespace=_Namespace())
    try:
        code = _demo(environ) if arguments.command == "demo" else _which(environ)
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
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="uv-shim", description="Look after the uv shim.")
    parser.add_argument("--version", action="version", version=f"uv-shim {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    commands.add_parser("demo", help="the bare uv and the shim side by side, on an index of its own: what is downloaded twice",
                        description="Install and sync a small project with the bare uv and through the shim, on an index of its own, "
                        "and count what is downloaded. Exit code 1 if the shim's `uv sync` downloaded anything.")
    commands.add_parser("which", help="the real uv that would run from here",
                        description="Say which real uv would run from here, and what the shim has to do for it.")
    return parser


def _demo(environ: Mapping[str, str]) -> int:
    # Imported late: `which` has no use for it.
    from uv_shim.demo import __main__ as demo

    # As for an interrupt: the folders of the demo go, whoever ends it.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    return demo.run(environ)


def _which(environ: Mapping[str, str]) -> int:
    found = router.find(environ)
    version = found.version
    print(f"uv       {found.path}")
    print(f"version  {'.'.join(map(str, version)) if version else f'unknown (it says: {found.said})'}")
    print(f"regime   {_in_words(Regime(version)) if version else 'unknown: its calls pass untouched'}")
    return 0


def _in_words(regime: Regime) -> str:
    """What this uv does about hashes by itself, and what is left for the shim."""
    if not regime.flag:
        return "knows no --verify-hashes: its calls pass untouched"
    if not regime.constrains:
        return "cannot be told hashes: its calls get --verify-hashes, and nothing is sealed"
    if not regime.hashes:
        return "keeps no hash and checks none by itself: the shim seals"
    if not regime.checks:
        return "keeps hashes, but does not check them against the index: the shim seals"
    return "checks and keeps hashes by itself: nothing is left to seal"
