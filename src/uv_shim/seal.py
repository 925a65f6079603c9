"""The story of one `uv pip install` or `uv pip sync`: what was asked, what this uv needs, and what the real uv is told.

Ask uv what it would install, and what the index advertises for just that; rehearse with these hashes as constraints; where the plan
stays the same, become uv with them. uv does all checking and all writing.
"""

from __future__ import annotations

import posix
import sys

from uv_shim import config, memo, versions
from uv_shim.arguments import WORKING_DIRECTORY, CommandLine
from uv_shim.errors import EXIT_REFUSED, ShimError
from uv_shim.realuv import RealUv, knows_width
from uv_shim.versions import Regime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from uv_shim.inputs import Inputs
    from uv_shim.preflight import Preflight
    from uv_shim.realuv import PrivateFile, Run

#: Variables with which uv says more, or says it in colour.
_PRESENTING = frozenset(("RUST_LOG", "UV_LOG_CONTEXT", "FORCE_COLOR", "CLICOLOR_FORCE"))

_TOO_OLD = "unsealed: this uv is older than 0.4.6 and cannot be told hashes"
_UNKNOWN = "unsealed: what uv installs here, as this uv does not say its version"

#: What to do about a refusal.
_GIVE = "Use an index that advertises hashes, or give them yourself (name==version --hash=…)."
_SEE_UV = "uv says above what it lacks to verify them."
_AGAIN = "Try again, or give versions and hashes yourself (name==version --hash=…)."


class Decision:
    """What uv is called with, and what is said about it."""

    def __init__(self, arguments: list[str], said: str = "", progress: str = "", code: int = 0) -> None:
        self.arguments = arguments
        #: The exit code that uv has given already, where there are no arguments.
        self.code = code
        #: What uv printed in a preflight and will not print again. It is the whole answer where there are no arguments.
        self.progress = progress
        #: One line for the user; empty where there is nothing to say.
        self.said = said


def decoded(environ: dict[bytes, bytes]) -> dict[str, str]:
    """The caller's environment, without what the router notes down for itself."""
    encoding = sys.getfilesystemencoding(), "surrogateescape"
    return {key.decode(*encoding): value.decode(*encoding) for key, value in environ.items() if key != b"UV_SHIM_PYTHON_SKIP"}


def main(real: str, arguments: list[str], environ: dict[str, str]) -> int:
    """Become the real uv, or return the exit code of a refusal. All that the shim says is said here (but for launch's trace).

    What a keyring helper says, `realuv` passes on.
    """
    trace: list[str] = [f"real uv: {real}"]
    sealing = Sealing(RealUv(real, environ), arguments, trace)
    try:
        decision = sealing.decide()
    except ShimError as error:
        _write(error.words if error.words[-1:] in ("", "\n") else f"{error.words}\n")  # some releases do not end their last line
        _print((*sealing.overruled, *error.lines, *_traced(trace, environ)))
        return error.code
    except Exception as error:
        if sealing.enforce:
            _print((*sealing.overruled, f"refused: the shim failed ({error!r}), so nothing can be verified; nothing was installed.",
                    *_traced(trace, environ)))
            return EXIT_REFUSED
        decision = Decision(sealing.fallback, f"unsealed: what uv installs here, as the shim failed ({error!r})")
    if sealing.inputs and sealing.inputs.stdin:
        sealing.inputs.stdin.rewind()  # else uv would install nothing, and call it a success
    after = {key: value for key, value in environ.items() if key != "UV_NO_VERIFY_HASHES" or "--verify-hashes" not in decision.arguments}
    if decision.arguments:
        _write(decision.progress)
        trace.append(f"exec {' '.join((real, *decision.arguments))}")
    _print((*sealing.overruled, *((decision.said,) if decision.said else ()), *_traced(trace, environ)))
    if not decision.arguments:
        _write(decision.progress)  # last, as some releases do not end their last line
        return decision.code
    try:
        RealUv(real, environ).become(decision.arguments, after)
    except OSError as error:
        _print((f"{real} cannot be run: {posix.strerror(error.errno or 0)}.",))
        return 126
    return 0


class Sealing:
    """One call on its way to the real uv."""

    def __init__(self, uv: RealUv, arguments: list[str], trace: list[str]) -> None:
        self.uv = uv
        self.environ = uv.environ
        self.arguments = arguments
        self.trace = trace
        #: For whatever goes wrong before the mode is known: a policy may say so.
        self.enforce = uv.environ.get("UV_SHIM_MODE") == "enforce" or posix.access(config.SYSTEM, posix.F_OK)
        self.fallback = arguments
        #: What the caller hands over, as far as it was read.
        self.inputs: Inputs | None = None
        #: A softer mode that was asked for in vain, in a line.
        self.overruled: tuple[str, ...] = ()

    def decide(self) -> Decision:
        """What the real uv is to be called with.

        Raises:
            ShimError: bad input, or what `enforce` refuses.
        """
        mode = config.mode(self.environ)
        self.enforce = mode.name == "enforce"
        line = CommandLine.parse(self.arguments)
        self.trace.append(f"mode {mode.name} ({mode.source})")
        if line is None or mode.name == "off":
            return Decision(self.arguments)
        self.overruled = (mode.overruled,) if mode.overruled else ()
        if line.has("--no-verify-hashes") and not line.turns_on("--verify-hashes"):
            if self.enforce:
                raise ShimError("--no-verify-hashes is refused: the mode is 'enforce', and nothing was installed.",
                                f"The mode was set by {mode.source}. Leave the option out.")
            return Decision(self.arguments)
        regime = self.regime()
        if regime is None or not regime.flag:
            if self.enforce:
                raise ShimError(f"refused: {self.uv.path} is no uv that can verify hashes (0.4.6 or later); nothing was installed.",
                                f"The mode 'enforce' was set by {mode.source}. Upgrade uv.")
            said = "" if mode.name == "flag" or line.has("--help", "--version") else _TOO_OLD if regime else _UNKNOWN
            # As the router does without Python: whether it knows the flag, a uv can be asked.
            known = regime is None and not self.uv.run(["pip", "install", "--verify-hashes", "--help"]).code
            return Decision(line.flagged() if known else self.arguments, said)
        self.fallback = line.flagged()
        if mode.name == "flag" or (regime.checks and not self.enforce) or line.has("--help", "--version"):
            return Decision(line.flagged())
        if not regime.constrains:
            if self.enforce:
                raise ShimError("refused: this uv is older than 0.4.6 and cannot be told hashes; nothing was installed.", "Upgrade uv.")
            # There, the flag demands that all versions are pinned: it is added only where uv does not stop for it.
            refused = line.command == "install" and self.uv.run(line.rehearsal("--verify-hashes", refresh=False)).code
            return Decision(self.arguments if refused else line.flagged(), "" if line.has("--dry-run") else _TOO_OLD)
        return self.seal(line, regime)

    def regime(self) -> Regime | None:
        """What this uv does by itself; None where it does not say its version."""
        said = memo.recall(self.uv.path, self.environ)
        version = versions.parse(said) if said else None
        if version is None:
            version = versions.parse(self.uv.run(["--version"]).stdout)
            if version is not None:
                memo.remember(self.uv.path, version, self.environ, native=Regime(version).checks)
        self.trace.append(f"version {'.'.join(map(str, version)) if version else 'unknown'}")
        return Regime(version) if version else None

    def seal(self, line: CommandLine, regime: Regime) -> Decision:
        """Have uv verify and keep the hash of whatever it is about to download."""
        given = self.environ.get("UV_REQUIRE_HASHES", "").lower()  # what is neither a yes nor a no, uv refuses
        demands = line.turns_on("--require-hashes") or (
            not line.has("--no-require-hashes") and given not in ("", "0", "false", "no", "off", "n", "f"))
        named = self.mistaken(line)
        if named:
            # Its answer is the user's, and read by nobody but the uv that installs.
            return self.unsealed(line, f"what uv installs here, as it asks whether {named} is a file of requirements (say so: -r {named})")
        # The first question is asked while the rest of this is imported, which costs nothing beside a running uv. Where files are
        # named, what can be read only once is kept before. (With `--no-cache` there is a cache to be made first.)
        early = not demands and not line.names_files(self.environ)
        first = self.start(line) if early else None
        try:
            from uv_shim.inputs import Inputs

            self.inputs = inputs = Inputs()
            if early:
                inputs.note_words(line)
            else:
                obstacle = self.read(line, inputs, regime)
                if obstacle:
                    return self.unsealed(line, obstacle)
                if demands or inputs.requires_hashes:
                    self.trace.append("uv demands hashes for everything by itself")
                    return Decision(line.flagged())
                first = self.start(line, inputs.stdin)
            from uv_shim import preflight

            turning = None
            if posix.isatty(2):
                from uv_shim.spinner import Spinner

                turning = Spinner.wanted(line, self.environ, _write)
            ask = preflight.Preflight(self.uv, line, inputs, regime, self.trace, enforce=self.enforce, first=first, spinner=turning)
        except Exception:
            if first:
                first.kill()
            raise
        try:
            return self.asked(ask, line, inputs, regime)
        finally:
            ask.close()
            if turning:
                turning.erase()

    def mistaken(self, line: CommandLine) -> str:
        """The file, named like a package, of which uv asks on a terminal whether it is one of requirements; empty where it does not ask."""
        for word in line.plain() if line.command == "install" and posix.isatty(2) else ():
            if word.endswith((".txt", ".in")) or word in ("pyproject.toml", "setup.py", "setup.cfg") or (
                    word.startswith("pylock.") and word.endswith(".toml")):
                folders = (line.folder, *(self.environ[name] for name in WORKING_DIRECTORY if self.environ.get(name)))
                if any(posix.access(word if word.startswith("/") else f"{folder}/{word}", posix.F_OK) for folder in folders):
                    return word
        return ""

    def read(self, line: CommandLine, inputs: Inputs, regime: Regime) -> str:
        """Read the files that the command line names; what cannot be sealed for it, and why, if anything."""
        from uv_shim import requirements

        try:
            requirements.read(line, self.environ, inputs, regime)
        except requirements.OnlyOnce as error:
            return f"what uv installs here, as {error} can be read only once"
        if inputs.lock_elsewhere and self.enforce:
            return f"what {inputs.lock_elsewhere} lists, as only uv reads it"
        return f"what {inputs.lock_without_hashes} lists without a hash" if inputs.lock_without_hashes else ""

    def start(self, line: CommandLine, stdin: PrivateFile | None = None) -> Run | None:
        """Start the dry run as the caller has it; None with `--no-cache`, where a cache has to be made first."""
        if line.has("--no-cache") or "UV_NO_CACHE" in self.environ:
            return None
        return self.uv.start(line.rehearsal(*line.verifying(), refresh=True), stdin=stdin, watched=True)

    def asked(self, ask: Preflight, line: CommandLine, inputs: Inputs, regime: Regime) -> Decision:
        """What comes of the preflights."""
        from uv_shim import preflight

        def shown(lines: Iterable[str]) -> str:
            return "" if line.has("--quiet") else _lines(lines)

        try:
            plan = ask.plan()
            installs = [change for change in plan.changes if change.sign != "-"]
            self.trace.append(f"uv would install {', '.join(f'{c.name} {c.version or c.url}'.strip() for c in installs) or 'nothing'}")
            if line.has("--dry-run"):
                # Nothing is downloaded to be installed, and the code that uv runs to tell is checked by now, where it can be.
                return Decision(line.flagged(*ask.sdist_options()), _told(ask.unchecked), progress=shown(ask.progress))
            if not plan.changes and plan.audited is not None and regime.audits_only and self.may_repeat(line):
                self.trace.append("uv has answered already")
                return Decision([], progress=shown(plan.audited))
            if not installs:
                return Decision(line.flagged(*ask.sdist_options()), _told(ask.unchecked))
            from uv_shim import pinning

            pins, unsealed = pinning.pins(ask, inputs, installs, plan, enforce=self.enforce)
            if self.enforce and unsealed:
                raise _refusal(unsealed)
            if pins and not ask.settles(plan, pins):
                pins, dropped = pinning.agreed(ask, plan, pins)
                unsealed.update(dropped)
            if self.enforce and unsealed:
                raise _refusal(unsealed)
        except preflight.Unverifiable as unverifiable:
            raise _refusal({unverifiable.name: unverifiable.reason}) from None
        except preflight.Refused as refused:
            self.trace.append("a file's bytes do not match; uv says which")
            if refused.pins:
                return Decision(line.flagged(*ask.constraints(refused.pins)), _told(ask.unchecked))
            return Decision([], _told(ask.unchecked), progress=refused.output.words(), code=refused.output.code)
        except preflight.Failed as failed:
            said = failed.output.stderr if failed.output is not None and failed.output.code == 2 else ""
            if "\nUsage: " in said and "DEBUG " not in said:
                return Decision(self.arguments)  # no such command line: uv says so
            if self.enforce and failed.output is not None:
                # Running uv again, for its words, could install what was not checked.
                no = failed.output.code in (1, 2)
                words = failed.output.words() if no else ""
                words = shown(text for text in ask.built() if text not in words) + words
                if failed.pins:
                    demanded = dict.fromkeys((pin.name for pin in failed.pins), failed.reason)
                    raise _refusal(demanded, _SEE_UV if no else _AGAIN, words) from None
                if no:
                    raise ShimError(f"refused: {failed.reason}; nothing was installed.", code=failed.output.code, words=words) from None
            if failed.final is not None and not line.has("--quiet") and self.may_repeat(line, wrapped=failed.final.code == 1):
                self.trace.append("uv has said no already")
                words = failed.final.words()
                built = _lines(text for text in ask.built() if text not in words)
                return Decision([], _told(ask.unchecked), progress=built + words, code=failed.final.code)
            told = line.has("--dry-run") and not self.enforce
            decision = Decision(line.flagged(), _told(ask.unchecked)) if told else self.unsealed(
                line, f"what uv installs here, as {failed.reason}")
            decision.progress = shown(ask.built())
            return decision
        constraints = ask.constraints(pins) if pins else ()
        return Decision(line.flagged(*constraints), _told({**ask.unchecked, **unsealed}), shown(ask.progress))

    def may_repeat(self, line: CommandLine, *, wrapped: bool = False) -> bool:
        """Whether uv's words in a dry run are the ones that it would say without: nobody wants more of them, or colours.

        With nothing to do, uv goes the same way in both cases (`SatisfiesResult::Fresh` in its `pip install`); without a solution or an
        answer, it never comes to the difference. ``wrapped``: a terminal's width matters.
        """
        if wrapped and not knows_width():
            return False
        return not line.has("--verbose", "--color", "--output-format", "--strict") and not _PRESENTING.intersection(self.environ)

    def unsealed(self, line: CommandLine, reason: str) -> Decision:
        """uv as it was called, with a word on why it is not sealed; refused in `enforce`."""
        if self.enforce:
            raise ShimError(f"refused: cannot verify {reason}; nothing was installed.")
        return Decision(line.flagged(), f"unsealed: {reason}")


def _refusal(unsealed: dict[str, str], advice: str = _GIVE, words: str = "") -> ShimError:
    lines = [f"refused: {len(unsealed)} package{'s' if len(unsealed) > 1 else ''} cannot be verified; nothing was installed."]
    lines += [f"  {name}: {reason}" for name, reason in sorted(unsealed.items())]
    return ShimError(*lines, f"The mode is 'enforce'. {advice}", words=words)


def _told(unsealed: dict[str, str]) -> str:
    """One line on what stays unsealed; empty where nothing does."""
    return f"unsealed: {'; '.join(f'{name} ({reason})' for name, reason in sorted(unsealed.items()))}" if unsealed else ""


def _traced(trace: list[str], environ: dict[str, str]) -> list[str]:
    """The trace in lines, where it is asked for."""
    return [f"trace: {line}" for line in trace] if environ.get("UV_SHIM_TRACE", "0") not in ("", "0") else []


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def redacted(text: str) -> str:
    """The text without what may be a secret in a URL: its user, and its query (a signature, a token)."""
    head, *rest = text.split("://")
    out = head
    for part in rest:
        host, slash, path = part.partition("/")
        out += "://" + ("****@" + host.rpartition("@")[2] if "@" in host else host) + slash + path
    text, out = out, ""
    while "://" in text:
        before, _, text = text.partition("://")
        end = min((place for place in map(text.find, "\t\n \"'`#") if place >= 0), default=len(text))
        address, query, _ = text[:end].partition("?")
        out += f"{before}://{address}{query and '?****'}"
        text = text[end:]
    return out + text


def _print(lines: Iterable[str]) -> None:
    _write(_lines(f"uv-shim: {redacted(line)}" for line in lines))


def _write(text: str) -> None:
    """Put text on standard error; a closed or full one changes nothing."""
    data = text.encode("utf-8", "surrogateescape")
    try:
        while data:
            data = data[posix.write(2, data) :]
    except OSError:
        pass
