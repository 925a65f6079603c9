"""The management command, `uv-shim …`: its commands, and the one boundary at which errors become words and exit codes.

A command is a function of its arguments and the environment that returns an `Answer`; its modules are imported when it is called.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from uv_shim import __version__
from uv_shim.errors import ShimError
from uv_shim.report import Answer


class Arguments(argparse.Namespace):
    """What argparse fills in; each command reads its own."""

    run: Callable[[Arguments, Mapping[str, str]], Answer]
    prefix: str | None
    system: bool
    modify_path: bool
    dry_run: bool
    demo: bool
    layer: str | None


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
    _add_install(commands)
    return parser


def _add_install(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    install = commands.add_parser(
        "install", help="set the shim up for this user, or bring it up to date; install.sh is the same",
        description="Set the shim up, bring it up to date, or repair it. Done twice, nothing changes.",
        epilog="install.sh takes these too, and `--uninstall` for `uv-shim uninstall`, and `--sources DIR` where it is not beside them.")
    install.set_defaults(run=_install)
    uninstall = commands.add_parser(
        "uninstall", help="take back what install has done, and nothing else",
        description="Take back what the receipt says, and nothing else. Start files are byte for byte as they were.")
    uninstall.set_defaults(run=_uninstall)
    for command in (install, uninstall):
        command.add_argument("--prefix", metavar="DIR", help="where everything is (default: uv-shim in $XDG_DATA_HOME or ~/.local/share)")
        command.add_argument("--system", action="store_true", help="for every user of this machine or image: /opt/uv-shim and /etc")
        command.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    install.add_argument("--no-modify-path", dest="modify_path", action="store_false",
                         help="leave the shells' start files and GITHUB_PATH alone")
    install.add_argument("--demo", action="store_true", help="then show what the shim does, on a package index of its own")
    install.add_argument("--layer", metavar="DIR", help="write just what an image needs into DIR, and set nothing up")


def _demo(_: Arguments, environ: Mapping[str, str]) -> Answer:
    from uv_shim.demo import __main__ as demo

    _end_tidily()
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


def _install(arguments: Arguments, environ: Mapping[str, str]) -> Answer:
    from uv_shim.setup import install

    if arguments.layer is not None:
        importlib.import_module("uv_shim.layer").write(Path(arguments.layer))
        return Answer(f"uv-shim: wrote the layer to {arguments.layer}")
    _end_tidily()
    done = install.run(install.Wishes(arguments.prefix, arguments.system, arguments.modify_path, arguments.dry_run), environ)
    text = "".join(f"uv-shim: {line}\n" for line in done.lines)
    if not arguments.demo or arguments.dry_run:
        return Answer(text)
    sys.stdout.write(text)
    sys.stdout.flush()
    return Answer("", subprocess.run([str(done.layout.shims / "uv-shim"), "demo"], env=dict(environ), check=False).returncode)


def _uninstall(arguments: Arguments, environ: Mapping[str, str]) -> Answer:
    from uv_shim.setup import uninstall

    _end_tidily()
    lines = uninstall.run(uninstall.Wishes(arguments.prefix, arguments.system, arguments.dry_run), environ)
    return Answer("".join(f"uv-shim: {line}\n" for line in lines))


def _end_tidily() -> None:
    """As for an interrupt: what is temporary goes, whoever ends it."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, lambda number, _frame: sys.exit(128 + number))
