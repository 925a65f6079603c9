"""What uv is asked before it installs: what would it do, and would constraints with hashes change anything?

Nothing here installs, and nothing is written but by uv into its own cache.
"""

from __future__ import annotations

import posix

from uv_shim import hashes
from uv_shim import plan as plans
from uv_shim.arguments import CommandLine
from uv_shim.hashes import Pin
from uv_shim.inputs import Inputs, names_hash
from uv_shim.places import Places
from uv_shim.plan import Interpreter, Plan, Sdist
from uv_shim.realuv import Output, PrivateFile, RealUv, Run, is_true
from uv_shim.versions import Regime

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uv_shim.query import Query
    from uv_shim.spinner import Spinner

_PROGRESS = ("   Building ", "      Built ")

#: Where a second sdist comes, there may be more: so many milliseconds, and they are seen, too.
_LINGER = 20

UNHASHED_URL = "a direct URL without a hash has nothing to be checked against"
NO_COMMIT = "a Git reference that is no full commit names no fixed content"


class Failed(Exception):
    """A preflight did not give an answer."""

    def __init__(self, reason: str, output: Output | None = None, *, free: bool = False, pins: list[Pin] | None = None) -> None:
        self.reason = reason
        self.output = output
        #: What uv was told to demand, where it may have failed by that alone.
        self.pins = pins or []
        #: What uv said where it was asked just what the caller asks, with no hashes demanded, and would say once more.
        self.final = output if free and output is not None and output.is_final else None


class Unverifiable(Exception):
    """What `enforce` refuses before uv goes on with it."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason


class Refused(Exception):
    """uv found bytes that do not match: what it said, and the pins of all with which it will say so itself, if they are known."""

    def __init__(self, output: Output, pins: list[Pin]) -> None:
        self.output = output
        self.pins = pins


class Preflight:
    """The questions about one call."""

    def __init__(self, uv: RealUv, line: CommandLine, inputs: Inputs, regime: Regime, trace: list[str], *, enforce: bool,
                 first: Run | None = None, spinner: Spinner | None = None) -> None:
        #: The dry run as the caller has it, where it runs already.
        self._first = first
        self._spinner = spinner
        self._folder = ""
        if line.has("--no-cache") or is_true(uv.environ.get("UV_NO_CACHE", "")):
            # What is asked is kept in a cache for this call alone, so that it is asked once; the install goes without any.
            import tempfile

            environ = {key: value for key, value in uv.environ.items() if key not in ("UV_NO_CACHE", "UV_CACHE_DIR")}
            self._uv = uv = RealUv(uv.path, environ, tidy=self.close)
            # Told to stop as soon as it is there, `close` knows its name.
            self._folder = tempfile.mktemp(prefix="uv-shim-")  # noqa: S306  # whoever has made it before makes `mkdir` fail
            uv.heed_stops()
            posix.mkdir(self._folder, 0o700)
            line = line.with_cache(self._folder)
        self._uv = uv
        self._line = line
        self._inputs = inputs
        self.regime = regime
        self._trace = trace
        self._enforce = enforce
        self.places = Places(uv, line, inputs, regime)
        self._questions: Query | None = None
        self._constraints: list[PrivateFile] = []
        #: Name → versions that builds of a dry run needed: what uv has downloaded for these, it installs as it is.
        self.build_requirements: dict[str, set[str]] = {}
        #: Pins that the dry run was given, where uv will download those sdists once more.
        self._sdists: list[Pin] = []
        #: sdists before which the dry run was stopped, and those of them whose hash uv did not tell then.
        self._met: set[tuple[str, str]] = set()
        self._unanswered: set[tuple[str, str]] = set()
        #: URLs of which uv's log spoke before anything was resolved: direct ones.
        self._early: set[str] = set()
        #: sdists of indexes that the dry run has begun to download.
        self._coming: set[tuple[str, str]] = set()
        #: Name → why an sdist was built for its metadata without being checked.
        self.unchecked: dict[str, str] = {}
        #: What uv said of builds that it will not repeat: its own lines, which the user would otherwise miss.
        self.progress: list[str] = []
        self._hashed_urls: set[str] = set()
        #: Whether URLs of the settings were looked for.
        self._settings_seen = False

    def close(self) -> None:
        """End what is not needed, and remove what was kept for this call alone."""
        for run in self._uv.running[:]:
            run.end()
        if self._folder:
            import shutil

            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _query(self) -> Query:
        """Imported where there is something to install, and only there."""
        if self._questions is None:
            from uv_shim.query import Query

            self._questions = Query(self._uv, self._line, self._inputs, self.regime, self._trace, offline=self.places.offline)
        return self._questions

    @property
    def advertised(self) -> hashes.Advertised:
        """What the index said so far."""
        return self._query.advertised

    def built(self) -> list[str]:
        """What uv said of builds that it has finished, and will not repeat."""
        done = {text.split()[-1] for text in self.progress if text.startswith(_PROGRESS[1])}
        return [text for text in self.progress if text.split()[-1] in done]

    def constraints(self, pins: list[Pin]) -> list[str]:
        """Options that make uv demand those hashes, beside the caller's own constraints.

        Raises:
            Failed: there is no way to hand them over.
        """
        while self._constraints:
            self._constraints.pop().close()  # of a run that is over; what stays open, uv inherits
        built = [pin for pin in pins if pin.version in self.build_requirements.get(pin.name, ())]
        options = []
        for option, name, variable, chosen in (("-c", "--constraints", "UV_CONSTRAINT", pins),
                                               ("-b", "--build-constraints", "UV_BUILD_CONSTRAINT", built)):
            if not chosen:
                continue
            file = PrivateFile("".join(f"{pin.constraint()}\n" for pin in chosen).encode())
            self._constraints.append(file)
            if not posix.access(file.path, posix.F_OK):
                raise Failed("neither /proc nor /dev/fd is here")
            # On the command line, the option replaces the variable.
            given = [] if self._line.has(name) else self._uv.environ.get(variable, "").split()
            for value in (file.path, *given):
                options += [option, value]
        return options

    def sdist_options(self) -> list[str]:
        """Options without which uv, asked for nothing but a plan, would run the code of sdists unchecked."""
        return self.constraints(self._sdists) if self._sdists else []

    def plan(self) -> Plan:
        """What uv would install. An sdist is sealed before uv builds it to learn its metadata: no unverified code runs here.

        Raises:
            Failed: it cannot be told.
            Refused: an sdist's bytes do not match.
        """
        pins: list[Pin] = []
        output, found = self._watched([], refresh=True)
        while found:
            self._trace.append(f"met the sdist {found.name} {found.version or found.url}; sealing it before uv builds it")
            log = plans.parse_log(output.stderr)
            beside = self._beside(found, output.stderr, {pin.name for pin in pins})
            if beside:
                self.ask_hashes([self._selected(sdist, log) for sdist in (found, *beside)], log)
            sealed = self._seal_sdist(found, log)
            if sealed is None and found.key not in self._unanswered:
                # Its page may not have been in the cache when the run was stopped: once more.
                self._unanswered.add(found.key)
                self._met.discard(found.key)
            elif sealed is None if found.direct else not (
                    sealed or self._inputs.has_hash(*found.key) or self._is_here(*found.key, output)):
                reason = (f"nobody is known to name its URL, {found.url}" if found.direct else "uv did not tell what the index advertises"
                          if sealed is None else f"the index has no hash for {found.version}")
                if self._enforce:
                    raise Unverifiable(found.name, reason)
                self.unchecked[found.name] = f"built for its metadata; {reason}"
            pins += sealed or []
            for sdist in beside:
                # What cannot be sealed so is met by itself.
                also = self._seal_sdist(sdist, log)
                (self._met.update if also else self._met.difference_update)({sdist.key, self._selected(sdist, log)})
                pins += also or []
            output, found = self._watched(pins, refresh=False)
        free = own = not pins
        self._sdists = pins if self._folder or self._line.has("--refresh", "--refresh-package") else []
        if pins:
            if output.code and "ash mismatch" in output.stderr:
                raise Refused(output, [])
            # The pins may have steered the resolution: with the sdists in the cache, ask once more without them. What is not there by
            # now (that run failed, or the index forbids to keep it) would be downloaded unchecked, and its code run: the run is stopped
            # before that, and the one under pins is what counts.
            last, found = self._watched([], refresh=False, cached=True)
            free = own = not found
            if found:
                self._sdists = pins
                # What was downloaded, or built, there, it would be without pins: if that fails, uv says no by itself. But that nothing
                # fits may come of the pins.
                own = f"{last.stopped}\n" in output.stderr and not (output.code == 1 and output.is_final)
            output = last if free else output
        if output.code:
            demanded = "" if own else " once hashes were demanded"
            raise Failed(f"uv's dry run failed{demanded} (exit code {output.code})", output, free=free, pins=[] if own else pins)
        plan = plans.parse(output)
        if plan is None:
            raise Failed("uv's dry run did not say what it would do", output)
        self._sdists = [pin for pin in self._sdists if pin.url or (pin.name, pin.version) in plan.selected]
        return plan

    def _watched(self, pins: list[Pin], *, refresh: bool, cached: bool = False) -> tuple[Output, Sdist | None]:
        """A dry run that is stopped where uv is about to download an sdist not met before, and that sdist.

        Where all sdists are in the cache (``cached``), any is one not met before.
        """
        self._coming.clear()
        if cached:
            self._met.clear()
        options = [*self._line.verifying(), *(self.constraints(pins) if pins else [])]
        run, self._first = self._first, None
        if run is None:
            run = self._uv.start(self._line.rehearsal(*options, refresh=refresh), stdin=self._inputs.stdin, watched=True)
        solving = False
        python: Interpreter | None = None

        def stop_at(text: str) -> bool:
            nonlocal solving, python
            if not solving:
                python = python or plans.interpreter(text)
                solving = plans.SOLVING in text
                if solving and refresh:
                    self._query.start_ahead(python)
            return self._sdist(text, solving=solving) is not None

        output = run.finish(stop_at, self._spinner, linger=_LINGER if self._met else 0)
        if run.lost:
            raise Failed("what it builds cannot be told to begin (another process namespace, or another user)")
        self._note_progress(output)
        for name, version in plans.build_requirements(output.stderr):
            self.build_requirements.setdefault(name, set()).add(version)
        found = self._sdist(output.stopped, solving=solving) if output.stopped else None
        early = output.stderr.partition(plans.SOLVING)[0]
        self._early.update(line.rpartition(" for: ")[2].strip("` ") for line in early.split("\n"))
        if found:
            self._met.add(found.key)
            # Beside it, something else may be built, which resolves what it needs. What uv has said since it was stopped does not count.
            found.solving = solving and found.url not in self._early
            if found.direct and self._enforce and not pin_by_url(found.name, found.url):
                raise Unverifiable(found.name or hashes.file_name(found.url), NO_COMMIT if found.url.startswith("git+") else UNHASHED_URL)
        return output, found

    def _note_progress(self, output: Output) -> None:
        if self._folder:
            return  # the install builds it all again, and says so
        self.progress += [text for text in output.stderr.splitlines() if text.startswith(_PROGRESS) and text not in self.progress]

    def _sdist(self, text: str, *, solving: bool) -> Sdist | None:
        """The sdist before which the dry run has to stop here, if the line tells of one not met before.

        A uv that keeps no hash would download it again: it is stopped before that. One that does, before it builds.
        """
        downloaded = plans.sdist_to_download(text)
        if downloaded and (not solving or downloaded.url in self._early or self._names(downloaded.url)):
            # Before uv resolves, it looks at direct URLs alone; without dependencies to look for, not before it does.
            downloaded.direct = True
        if downloaded and downloaded.name and not downloaded.direct:
            self._coming.add(downloaded.key)
        # The package's name, which a constraint needs, may stand only in the second line.
        named = downloaded and downloaded.direct and (downloaded.name or not names_hash(downloaded.url))
        found = downloaded if named else plans.url_to_build(text)
        if found:
            # With a hash, uv checks it by itself, or is told to; without one, `enforce` refuses.
            kept = found is downloaded and found.name and not self.regime.hashes
            wanted = not self.has_own_hash(found.url) and (self._enforce or kept or pin_by_url(found.name, found.url))
        else:
            # What the cache has without its hash, or had in other bytes, is not announced as a download, nor is what has an odd URL.
            # Of several, the others would be cut off while they come, and downloaded again: it is stopped before they do.
            told = downloaded and downloaded.key in self._coming and (not self.regime.hashes or len(self._coming - self._met) > 1)
            found = downloaded if told else plans.sdist_to_build(text)
            wanted = solving and (self._enforce or not self.regime.checks)
        return found if found and wanted and found.key not in self._met else None

    def _names(self, url: str) -> bool:
        """Whether the user names that URL, or his settings do."""
        if not self._inputs.names_url(url) and not self._settings_seen:
            self._settings_seen = True
            from uv_shim.requirements import note_settings

            note_settings(self._line, self._uv.environ, self._inputs)
        return self._inputs.names_url(url)

    def has_own_hash(self, url: str) -> bool:
        """Whether a direct URL names a content that uv checks by itself."""
        return self._inputs.has_commit(url) if url.startswith("git+") else self._inputs.has_url_hash(url)

    def _seal_sdist(self, sdist: Sdist, log: Plan) -> list[Pin] | None:
        """Pins that make uv check this sdist; none where there is nothing to check against, None without an answer."""
        name, version = sdist.name, sdist.version
        if sdist.direct:
            pin = pin_by_url(name, sdist.url)
            if pin and sdist.solving and not self._names(sdist.url):
                # Once it resolves, no URL is a new one, whatever the log says, into which metadata may get. But a build before may have
                # resolved what it needs: what is built by now is not built again.
                return None
            if not pin:
                self.hash_urls({name: sdist.url}, log.python)
            return [pin] if pin else []
        if self._inputs.has_hash(name, version):
            return []
        name, version = self._selected(sdist, log)
        self._met.add((name, version))
        if not self.advertised.knows(name, version):
            self.ask_hashes([(name, version)], log)
        if not self.advertised.knows(name, version):
            return None
        # uv may fetch and build ahead of its own choice, and so before it says what it selects.
        digests = self.advertised.of(name, version, log.selected.get((name, version)) or self.advertised.sdist_of(name, version))
        if self.regime.hashes:
            # uv has its SHA-256 by now; any other that is advertised must be computed as well, for `uv.lock` may have that one.
            digests = [digest for digest in digests if not digest.startswith("sha256:")] or digests
        return [Pin(name, version, digests)] if digests else []

    def _beside(self, found: Sdist, stderr: str, pinned: set[str]) -> list[Sdist]:
        """Sdists of indexes that uv was about to download as well when it was stopped at that one: it need not be stopped for each."""
        others: dict[str, Sdist] = {}
        lines = [] if found.direct else plans.account(stderr.partition(plans.SOLVING)[2])
        for sdist in filter(None, map(plans.sdist_to_download, lines)):
            if sdist.name not in (found.name, "", *pinned) and sdist.key not in self._met and not self._names(sdist.url):
                others.setdefault(sdist.name, sdist)
        return list(others.values())

    def _selected(self, sdist: Sdist, log: Plan) -> tuple[str, str]:
        """Name and version as uv has them: the name of a file may spell the version otherwise."""
        if not sdist.url:
            return sdist.name, sdist.version
        filename = hashes.file_name(sdist.url)
        version = next((chosen for (_, chosen), file in log.selected.items() if file == filename), sdist.version)
        log.selected[sdist.name, version] = filename
        return sdist.name, version

    def ask_hashes(self, wanted: list[tuple[str, str]], plan: Plan) -> None:
        """Learn what the index advertises for those versions, as far as there is an answer, into `advertised`."""
        if self._may_settle(plan) and not plan.uncached.issuperset(wanted):
            # Two questions at once take no longer than one.
            self.places.ask_ahead()  # whether there is a network will matter (`settles`)
        self._query.ask(wanted, plan)

    def _is_here(self, name: str, version: str, output: Output) -> bool:
        """Whether that sdist lies in a local folder; its file uv may not have named yet."""
        filename = plans.parse_log(output.stderr).selected.get((name, version)) or self.advertised.sdist_of(name, version)
        url = self.advertised.urls.get(filename, "")
        if url:
            return not url.startswith("http")
        spelled = (name, name.replace("-", "_"))
        names = [filename] if filename else [f"{one}-{version}{end}" for one in spelled for end in plans.SDIST]
        return any(map(self.places.is_here, names))

    def hash_urls(self, urls: dict[str, str], python: Interpreter | None) -> list[str]:
        """Have uv download direct URLs (name → URL) and keep a hash of what it got, as there is none to check them against.

        Returns:
            Names for which this was not possible.
        """
        if self.regime.hashes or self._folder:
            return []
        missing = {name: self._as_given(url) for name, url in urls.items() if url not in self._hashed_urls}
        # `pip compile` would build what is no wheel otherwise than it was asked for.
        special = self._uv.environ.get("UV_BUILD_CONSTRAINT") or self._line.has(
            "--build-constraints", "--config-setting", "--config-settings-package", "--no-build-isolation", "--no-build-isolation-package",
            "--no-sources", "--no-sources-package")
        left = [name for name, url in missing.items()
                if self.places.offline or "****" in url or (special and not hashes.file_name(url).endswith(".whl"))]
        for name in left:
            del missing[name]
        if missing:
            requirements = PrivateFile("".join(f"{name} @ {url}\n" for name, url in missing.items()).encode())
            from uv_shim.query import printed

            output = self._query.compile_urls(requirements, python)
            self._note_progress(output)
            requirements.close()
            if not printed(output):
                return [*left, *missing]
            self._hashed_urls.update(urls[name] for name in missing)
        return left

    def _as_given(self, url: str) -> str:
        """The URL with the credentials that the caller gave it, which uv does not print."""
        for word in self._line.plain():
            given = word.rpartition(" @ ")[2].strip()
            if "****" in url and plans.without_credentials(given) == plans.without_credentials(url):
                return given
        return url

    def settles(self, plan: Plan, pins: list[Pin]) -> bool:
        """Whether uv can only come to the same plan under these pins, and no rehearsal is needed.

        All that it looked at is a wheel of an index, taken at once, and pinned to that very file, or lies here; nothing installed is kept
        or removed. What the cache has without its hash is downloaded once more, which takes a network.
        """
        wanted = {(pin.name, pin.version) for pin in pins}
        settled = (
            self._may_settle(plan)
            and wanted == set(plan.selected)
            and all(digest.startswith("sha256:") for pin in pins for digest in pin.digests)
            and (wanted.issubset(plan.uncached) or not self.places.is_offline())
        )
        if settled:
            # That, the install builds once more, and says so.
            self.progress = [text for text in self.progress if hashes.normalize(text.split()[1]) not in plan.rebuilt]
        return settled

    def _may_settle(self, plan: Plan) -> bool:
        """As far as this can be told before the hashes are there."""
        return (
            self.regime.format
            and not self._enforce
            and not plan.warnings
            and self._inputs.plain
            and not self._line.has("--overrides", "--offline") and "UV_OVERRIDE" not in self._uv.environ
            and all(change.sign == "+" and change.url[:5] in ("", "file:") for change in plan.changes)
            and len(plan.selected) == len([change for change in plan.changes if not change.url]) > 0
            and {name for name, _ in plan.selected} == {name for name in plan.searched if plans.HERE not in name}
            and all(filename.endswith(".whl") for filename in plan.selected.values())
        )

    def rehearse(self, plan: Plan, pins: list[Pin]) -> Plan:
        """The dry run once more, with the hashes demanded: it must come to the same plan.

        Raises:
            Failed: it does not.
            Refused: it met bytes that do not match.
        """
        options = [*self._line.verifying(), *self.constraints(pins)]
        for offline in (True,) if self.places.offline else (True, False):
            more = ["--offline"] if offline and not self._line.has("--offline") else []
            output = self._uv.run(self._line.rehearsal(*options, *more, refresh=False), stdin=self._inputs.stdin)
            rehearsed = plans.parse(output) if output.code == 0 else None
            if rehearsed is not None and rehearsed.keys == plan.keys:
                # What was built again now (a local directory), the install will build once more, and say so.
                again = output.stderr.splitlines()
                self.progress = [text for text in self.progress if text not in again]
                # A constraint can silence a warning (of `--resolution lowest`).
                self.progress += [text for text in plan.warnings if text not in rehearsed.warnings]
                return rehearsed
        if output.code and "ash mismatch" in output.stderr:
            raise Refused(output, pins)
        if output.code:
            raise Failed(f"uv's dry run failed once hashes were demanded (exit code {output.code})", output, pins=pins)
        raise Failed("demanding hashes would change what uv installs", output, pins=pins)


def pin_by_url(name: str, url: str) -> Pin | None:
    """The pin that a URL's fragment makes; None without a hash, or where uv does not print all of the URL."""
    return Pin(name, "", [], url) if name and names_hash(url) and "****" not in url else None
