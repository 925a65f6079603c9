"""The management command, `uv-shim …`: its commands, and the one boundary at which errors become words and exit codes.

A command is a function of its arguments and the environment that returns an `Answer`; its modules are imported when it is called.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from uv_shim import __version__
from uv_shim.errors import ShimError
from uv_shim.report import Answer, Style, as_json

if TYPE_CHECKING:
    _Commands = argparse._SubParsersAction["_Parser"]  # noqa: SLF001  # argparse has no public name for it


class Arguments(argparse.Namespace):
    """What argparse fills in; each command reads its own."""

    run: Callable[[Any, Mapping[str, str]], Answer]
    names: list[str]
    files: list[str]
    locks: list[str]
    pythons: list[str]
    json: bool
    key: str
    value: str | None
    system: bool
    prefix: str | None
    modify_path: bool
    dry_run: bool
    demo: bool
    layer: str | None
    #: Options of uv that audit passes on.
    sync: list[str]


class _Parser(argparse.ArgumentParser):
    """Says what is wrong with the arguments as everything else is said here, and of the very command that they were for."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401  # as there
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def error(self, message: str) -> NoReturn:
        usage = " ".join(self.format_usage().split()).partition("usage: ")[2].replace(f" {self.prog} ", f"`, or `{self.prog} ")
        raise ShimError(f"{message}. Expected: `{usage}`. Next step: `{self.prog} --help`.")


def main(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Run one command; returns its exit code."""
    environ = os.environ if environ is None else environ
    _open_streams()
    try:
        answer = _answered(list(sys.argv[1:] if argv is None else argv), environ)
        sys.stdout.write(answer.text if not answer.text or answer.text.endswith("\n") else f"{answer.text}\n")
        sys.stdout.flush()
    except ShimError as error:
        _complain(*error.lines)
        return error.code
    except BrokenPipeError:
        # The reader has seen enough.
        _let_go()
        return 128 + signal.SIGPIPE
    except OSError as error:
        # No command has foreseen it: a folder that is gone or closed, a disk that is full.
        _complain(f"{f'{error.filename}: ' if error.filename else ''}{error.strerror or error}.")
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return answer.code


def _answered(argv: list[str], environ: Mapping[str, str]) -> Answer:
    # What follows -- is for another program; of the commands here, audit alone calls one.
    end = argv.index("--") if argv[:1] == ["audit"] and "--" in argv else len(argv)
    try:
        arguments = _parser().parse_args(argv[:end], namespace=Arguments())
    except SystemExit:
        # Help. Python would complain at its end of what cannot be written.
        sys.stdout.flush()
        _let_go()
        raise
    if end < len(argv):
        arguments.sync = [*arguments.sync, *argv[end + 1 :]]
    return arguments.run(arguments, environ)


def _complain(*lines: str) -> None:
    """On standard error; where that takes nothing, the exit code has to do."""
    try:
        for line in lines:
            print(f"uv-shim: {line}", file=sys.stderr)
    except OSError:
        pass
    _let_go()


def _open_streams() -> None:
    """A stream that the caller closed takes anything; one whose encoding lacks a character has it spelled out, as it may be in a path."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # until the end
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _let_go() -> None:
    """What could not be written, Python would try again at its end, and complain."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _parser() -> _Parser:
    parser = _Parser(prog="uv-shim", description="Look after the uv shim.")
    parser.add_argument("--version", action="version", version=f"uv-shim {__version__}")
    commands = parser.add_subparsers(metavar="command", required=True)
    demo = commands.add_parser(
        "demo", help="the bare uv and the shim side by side, on an index of its own: what is downloaded twice",
        description="Install and sync a small project with the bare uv and through the shim, on an index of its own, "
        "and count what is downloaded. Exit code 1 if the shim's `uv sync` downloaded anything.")
    demo.set_defaults(run=_demo)
    which = commands.add_parser(
        "which", help="the real uv that would run from here, and why none of the others",
        description="Say which real uv would run from here, what the shim has to do for it, and what becomes of each uv on PATH.")
    which.add_argument("--json", action="store_true", help="for machines")
    which.set_defaults(run=_which)
    _add_warm(commands)
    doctor = commands.add_parser(
        "doctor", help="what is wrong around the shim, and how to put it right",
        description="Look at all that can lead past the shim or keep it from working. Exit code 0: no problems, 1: problems, "
        "2: the shim's own way could not be looked at.")
    doctor.add_argument("--json", action="store_true", help="for machines")
    doctor.set_defaults(run=_doctor)
    _add_config(commands)
    _add_install(commands)
    _add_audit(commands)
    return parser


def _add_config(commands: _Commands) -> None:
    from uv_shim import config

    shown = commands.add_parser(
        "config", help="the settings in force and where each comes from; set and unset them",
        description="Show the settings that are in force, and where each comes from: "
        "built in, the system's file, the user's file, the environment.")
    shown.add_argument("--json", action="store_true", help="for machines")
    shown.set_defaults(run=_config)
    actions = shown.add_subparsers(metavar="action")
    get = actions.add_parser("get", help="print one setting that is in force", description="Print one setting that is in force.")
    get.set_defaults(run=_config_get)
    put = actions.add_parser("set", help="set a key in the user's file",
                             description="Set a key in the user's file. Comments in it are kept.")
    put.set_defaults(run=_config_change)
    unset = actions.add_parser("unset", help="take a key out of the user's file", description="Take a key out of the user's file.")
    unset.set_defaults(run=_config_change, value=None)
    for action in (get, put, unset):
        action.add_argument("key", metavar="KEY", help=f"one of: {', '.join(config.KEYS)}")
        # Before or behind the action; its own default would undo what stands before it.
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS,
                            help="for machines" if action is get else argparse.SUPPRESS)
    put.add_argument("value", metavar="VALUE", help=f"of mode: {', '.join(config.MODES)}; for allow-softer-modes: true, false")
    for action in (put, unset):
        action.add_argument("--system", action="store_true", help=f"the system's file, {config.SYSTEM}, instead")


def _add_install(commands: _Commands) -> None:
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
        command.add_argument("--prefix", metavar="DIR", help="where everything is (default: where this copy was set up, if it was; "
                             "else uv-shim in $XDG_DATA_HOME or ~/.local/share)")
        command.add_argument("--system", action="store_true", help="for every user of this machine or image: /opt/uv-shim and /etc")
        command.add_argument("--dry-run", action="store_true", help="say what would be done, and do nothing")
    install.add_argument("--no-modify-path", dest="modify_path", action="store_false",
                         help="leave the shells' start files and GITHUB_PATH alone")
    install.add_argument("--demo", action="store_true", help="then show what the shim does, on a package index of its own")
    install.add_argument("--layer", metavar="DIR", help="write just what an image needs into DIR, and set nothing up")


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
        from uv_shim.setup import equipment

        raise ShimError(f"audit needs {error.name}, which this Python ({sys.executable}) does not have.",
                        f"Next step: {equipment.next_step()}; or install uv-shim as a package.") from None
    return command.run(arguments, environ)


def _demo(_: Arguments, environ: Mapping[str, str]) -> Answer:
    from uv_shim.demo import command

    _end_tidily()
    return command.run(environ)


def _which(arguments: Arguments, environ: Mapping[str, str]) -> Answer:
    from dataclasses import asdict

    from uv_shim import which

    try:
        found = which.look(environ)
    except ShimError as error:
        # No uv: why each that there is will not do.
        raise ShimError(*error.lines, *(which.explained(environ) if error.code == 127 else ()), code=error.code) from None
    return Answer(as_json(asdict(found)) if arguments.json else which.in_words(found, Style(sys.stdout, environ)))


def _doctor(arguments: Arguments, environ: Mapping[str, str]) -> Answer:
    from uv_shim import doctor

    try:
        findings = doctor.examine(environ)
    except ShimError as error:
        raise ShimError(*error.lines, code=2) from None
    text = doctor.for_machines(findings) if arguments.json else doctor.in_words(findings, Style(sys.stdout, environ))
    return Answer(text, doctor.code(findings))


def _config(arguments: Arguments, environ: Mapping[str, str]) -> Answer:
    from dataclasses import asdict

    from uv_shim import settings

    effective, files = settings.effective(environ), settings.files(environ)
    if arguments.json:
        return Answer(as_json({"settings": [asdict(setting) for setting in effective], "files": [asdict(file) for file in files]}))
    return Answer(settings.in_words(effective, files, Style(sys.stdout, environ)))


def _config_get(arguments: Arguments, environ: Mapping[str, str]) -> Answer:
    from dataclasses import asdict

    from uv_shim import settings

    found = settings.one(arguments.key, environ)
    return Answer(as_json(asdict(found)) if arguments.json else found.value)


def _config_change(arguments: Arguments, environ: Mapping[str, str]) -> Answer:
    from uv_shim import settings

    if arguments.json:
        raise ShimError("--json shows settings, and changes none. Nothing was done: leave it out.")
    said = settings.change(arguments.key, arguments.value, environ, system=arguments.system)
    try:
        now = settings.effective(environ)[0]
    except ShimError as error:
        return Answer("\n".join((said, f"but another setting is not usable: {error.lines[0]}")))
    return Answer("\n".join((said, *((now.overruled,) if now.overruled else ()),
                             *((f"but {now.where} says '{now.value}', and goes before it",)
                               if arguments.key == "mode" and now.source == "environment" and now.value != arguments.value else ()))))


def _add_warm(commands: _Commands) -> None:
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
    _end_tidily()
    progress = report.Progress("warming", wanted.steps)
    try:
        outcome = filling.fill(wanted, environ, progress.at)
    finally:
        progress.end()
    text = outcome.as_json() if arguments.json else outcome.text(report.Style(sys.stdout, environ))
    return Answer(text, 1 if outcome.missing else 0)


def _install(arguments: Arguments, environ: Mapping[str, str]) -> Answer:
    from uv_shim.setup import install

    if arguments.layer is not None:
        from uv_shim import layer

        if not arguments.layer:
            raise ShimError("--layer names no folder: it is empty. Nothing was done; name one.", code=1)
        beside = [name for name, given in (("--prefix", arguments.prefix is not None), ("--system", arguments.system),
                                           ("--no-modify-path", not arguments.modify_path), ("--demo", arguments.demo)) if given]
        if beside:
            raise ShimError(f"--layer writes a folder and sets nothing up: {', '.join(beside)} has no meaning beside it.",
                            "Nothing was done. Leave one of them out.")
        if arguments.dry_run:
            return Answer(f"uv-shim: would write the layer to {arguments.layer}")
        layer.write(Path(arguments.layer))
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
