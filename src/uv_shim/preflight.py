"""What uv is asked before it installs: what would it do, what does the index say of those files, does a constraint change anything?

Nothing here installs, and nothing is written but by uv into its own cache.
"""

from __future__ import annotations

import os

from uv_shim import hashes
from uv_shim import plan as plans
from uv_shim.arguments import CommandLine
from uv_shim.hashes import Advertised, Pin
from uv_shim.plan import Plan
from uv_shim.realuv import Output, PrivateFile, RealUv
from uv_shim.requirements import Inputs
from uv_shim.versions import Regime

#: An output file that cannot exist. ``pip compile`` prints to standard output first and fails then; without it, a setting
#: ``output-file`` would have uv overwrite the caller's file.
_NO_OUTPUT_FILE = "/dev/null/pylock.toml"

_PROGRESS = ("   Building ", "      Built ")


class Failed(Exception):
    """A preflight did not give an answer."""

    def __init__(self, reason: str, output: Output | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.output = output


class Refused(Exception):
    """uv found bytes that do not match; the pins with which it will say so itself."""

    def __init__(self, pins: list[Pin]) -> None:
        super().__init__("hash mismatch")
        self.pins = pins


class Preflight:
    """The questions about one call."""

    def __init__(self, uv: RealUv, line: CommandLine, inputs: Inputs, regime: Regime, trace: list[str]) -> None:
        self._uv = uv
        self._line = line
        self._inputs = inputs
        self._regime = regime
        self._trace = trace
        self._verify = [] if line.has("--verify-hashes") else ["--verify-hashes"]
        self._offline = line.has("--offline") or _true(uv.environ.get("UV_OFFLINE", ""))
        self._no_cache = line.has("--no-cache") or _true(uv.environ.get("UV_NO_CACHE", ""))
        self._kept: list[PrivateFile] = []
        #: What uv said of builds that it will not repeat: its own lines, which the user would otherwise miss.
        self.progress: list[str] = []
        #: What the index said so far.
        self.advertised = Advertised()
        #: URLs whose bytes uv has hashed into its cache.
        self.hashed_urls: set[str] = set()

    @property
    def offline(self) -> bool:
        """Whether the caller asked for that."""
        return self._offline

    def constraints(self, pins: list[Pin]) -> list[str]:
        """Options that make uv demand those hashes, beside the caller's own constraints."""
        file = PrivateFile("".join(f"{pin.constraint()}\n" for pin in pins).encode())
        self._kept.append(file)
        options = ["-c", file.path]
        if not self._line.has("--constraints"):
            # On the command line, -c replaces the variable.
            for value in self._uv.environ.get("UV_CONSTRAINT", "").split():
                options += ["-c", value]
        return options

    def plan(self) -> Plan:
        """What uv would install. An sdist is sealed before uv builds it to learn its metadata: no unverified code runs here.

        Raises:
            Failed: the dry run fails, or cannot be read.
            Refused: an sdist's bytes do not match.
        """
        met: set[tuple[str, str]] = set()
        pins: list[Pin] = []
        refresh = True
        while True:
            options = self.constraints(pins) if pins else []
            run = self._uv.start(self._line.rehearsal(*self._verify, *options, refresh=refresh), stdin=self._inputs.stdin, watched=True)
            output = run.finish(lambda text: self._is_new_sdist(text, met))
            refresh = False
            self.progress += [text for text in output.stderr.splitlines() if text.startswith(_PROGRESS) and text not in self.progress]
            if output.stopped:
                found = plans.missing_sdist(output.stopped)
                assert found
                met.add(found[:2])
                self._trace.append(f"met the sdist {found[0]} {found[1]}; sealing it before uv builds it")
                pins += self._seal_sdist(*found, plans.parse_log(output.stderr))
                continue
            if not pins:
                return self._read(output)
            if output.code and "ash mismatch" in output.stderr:
                raise Refused(pins)
            # The pins may have steered the resolution: with the sdists in the cache, ask once more without them.
            pins = []
            met = _Everything()

    def _is_new_sdist(self, text: str, met: set[tuple[str, str]]) -> bool:
        if self._regime.checks or self._no_cache:
            return False
        found = plans.missing_sdist(text)
        return found is not None and found[:2] not in met

    def _seal_sdist(self, name: str, version: str, url: str, log: Plan) -> list[Pin]:
        """Pins that make uv check this sdist when it downloads it; none where there is nothing to check against."""
        if name not in log.pages:
            self.hash_urls([url], [])
            return []
        if name in self._inputs.hashed:
            return []
        try:
            self.ask_hashes([(name, version)], log)
        except Failed:
            return []
        digests = self.advertised.of(name, version, hashes.file_name(url))
        return [Pin(name, version, digests)] if digests else []

    def _read(self, output: Output) -> Plan:
        if output.code:
            raise Failed(f"uv's dry run failed (exit code {output.code})", output)
        plan = plans.parse(output.stderr)
        if plan is None:
            raise Failed("uv's dry run did not say what it would do", output)
        return plan

    def ask_hashes(self, wanted: list[tuple[str, str]], plan: Plan) -> None:
        """Learn what the index advertises for those versions; `advertised` has it then.

        Raises:
            Failed: uv gives no answer.
        """
        usual = _usual_roots(plan)
        own = [key for key in wanted if usual and plan.pages.get(key[0]) and not usual.intersection(plan.pages[key[0]])]
        groups: dict[tuple[str, ...], list[tuple[str, str]]] = {(): [key for key in wanted if key not in own]}
        for key in own:
            groups.setdefault(("--index", _without_credentials(plan.pages[key[0]][0])), []).append(key)
        for options, keys in groups.items():
            if keys:
                self._ask(keys, list(options), plan)

    def _ask(self, wanted: list[tuple[str, str]], options: list[str], plan: Plan) -> None:
        lines = [*self._inputs.index_lines, *(f"{name}=={version}" for name, version in wanted)]
        requirements = PrivateFile("".join(f"{line}\n" for line in lines).encode())
        options = [*options, "--no-deps", "-v", "-o", _NO_OUTPUT_FILE, "--no-header", "--no-annotate"]
        options += ["--format", "pylock.toml"] if self._regime.format else ["--generate-hashes", "--no-universal"]
        if plan.python and not self._line.has("--python", "--python-version") and "UV_PYTHON" not in self._uv.environ:
            options += ["--python", plan.python]
        # What the dry run has just fetched is in the cache: the same pages are read, and nothing is asked twice.
        output = None
        for offline in (True, False):
            if (offline and self._no_cache) or (not offline and self._offline and output is not None):
                continue
            output = self._uv.run(self._line.query(*options, offline=offline), stdin=requirements)
            if _printed(output):
                break
        requirements.close()
        if output is None or not _printed(output):
            raise Failed("uv did not tell the hashes that the index advertises", output)
        answer = hashes.from_pylock(output.stdout) if self._regime.format else hashes.from_requirements(output.stdout)
        pages = plans.parse_log(output.stderr).pages
        for name, version in wanted:
            if plan.pages.get(name) and pages.get(name) != plan.pages[name]:
                # Asked elsewhere than the dry run did: another file may have been meant.
                answer.forget(name, version)
        self.advertised.merge(answer)

    def hash_urls(self, urls: list[str], pins: list[Pin]) -> None:
        """Have uv download those direct URLs and keep a hash of what it got (there is none to check them against)."""
        if self._regime.hashes or self._offline or self._no_cache or any("****" in url for url in urls):
            return
        requirements = PrivateFile("".join(f"{url}\n" for url in urls).encode())
        versions = PrivateFile("".join(f"{pin.name}=={pin.version}\n" for pin in pins).encode())
        options = ["--generate-hashes", "--no-universal", "-o", _NO_OUTPUT_FILE, "--no-header", "-c", versions.path]
        output = self._uv.run(self._line.query(*options), stdin=requirements)
        requirements.close()
        versions.close()
        if _printed(output):
            self.hashed_urls.update(urls)

    def rehearse(self, plan: Plan, pins: list[Pin]) -> Plan:
        """The dry run once more, with the hashes demanded: it must come to the same plan.

        Raises:
            Failed: it does not.
            Refused: it met bytes that do not match.
        """
        options = [*self._verify, *self.constraints(pins)]
        for offline in (True, False):
            if (offline and self._no_cache and not self._offline) or (not offline and self._offline):
                continue
            more = ["--offline"] if offline and not self._line.has("--offline") else []
            output = self._uv.run(self._line.rehearsal(*options, *more, refresh=False), stdin=self._inputs.stdin)
            rehearsed = plans.parse(output.stderr) if output.code == 0 else None
            if rehearsed is not None and rehearsed.keys == plan.keys:
                return rehearsed
        if output.code and "ash mismatch" in output.stderr:
            raise Refused(pins)
        if output.code:
            raise Failed(f"uv's dry run failed once hashes were demanded (exit code {output.code})", output)
        raise Failed("demanding hashes would change what uv installs", output)


class _Everything(set):  # type: ignore[type-arg]
    """Has met every sdist: none stops the run."""

    def __contains__(self, _: object) -> bool:
        return True


def _printed(output: Output) -> bool:
    """Whether ``pip compile`` came as far as its last step, writing to the file that cannot exist."""
    return output.code == 2 and "/dev/null" in output.stderr.rsplit("error: ", 1)[-1] and "error: " in output.stderr


def _usual_roots(plan: Plan) -> set[str]:
    """Roots of the indexes that most packages were looked for on."""
    counted: dict[str, int] = {}
    for roots in plan.pages.values():
        for root in roots:
            counted[root] = counted.get(root, 0) + 1
    most = max(counted.values(), default=0)
    return {root for root, count in counted.items() if count == most}


def _without_credentials(url: str) -> str:
    scheme, there, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{there}{host.rpartition('@')[2]}{slash}{path}"


def _true(value: str) -> bool:
    return value.lower() in ("1", "true", "yes", "on", "t", "y")


def is_local(find_links: list[str], folder: str, filename: str) -> bool:
    """Whether the file lies in one of those folders, so that nothing is downloaded."""
    for place in find_links:
        directory = place[len("file://") :] if place.startswith("file://") else place
        if "://" not in directory and os.path.isfile(os.path.join(folder, directory, filename)):
            return True
    return False
