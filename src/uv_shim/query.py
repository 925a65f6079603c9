"""The query: what does the index advertise for the files that uv is about to download?

uv is asked, by a ``pip compile`` of just those versions, from the pages that its dry run has fetched.
"""

from __future__ import annotations

import os

from uv_shim import hashes, pages
from uv_shim import plan as plans
from uv_shim.arguments import CommandLine
from uv_shim.hashes import Advertised
from uv_shim.inputs import Inputs
from uv_shim.plan import Interpreter, Plan
from uv_shim.realuv import Output, PrivateFile, RealUv, Run
from uv_shim.versions import Regime

#: An output file that cannot exist. ``pip compile`` prints to standard output first, and fails then; without it, a setting
#: ``output-file`` would have uv overwrite the caller's file.
NO_OUTPUT_FILE = "/dev/null/pylock.toml"

_INDEX = "--index"

#: Options that say where uv's cache is.
_WHERE = ("--cache-dir", "--config-file", "--no-config", "--isolated", "--directory", "--project")

#: Variables that name more inputs, which exact pins have no need of, or a Python, which is named by its path.
_MORE_INPUTS = ("UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE", "UV_BUILD_CONSTRAINT", "UV_PYTHON")

#: Other spellings in versions.
_SPELLINGS = {"alpha": "a", "beta": "b", "c": "rc", "pre": "rc", "preview": "rc", "rev": "post", "r": "post"}

_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")


class Query:
    """The questions of one call about hashes; ``advertised`` has the answers."""

    def __init__(self, uv: RealUv, line: CommandLine, inputs: Inputs, regime: Regime, trace: list[str], *, offline: bool) -> None:
        self._uv = uv
        self._line = line
        self._inputs = inputs
        self._regime = regime
        self._trace = trace
        self._offline = offline
        # `pip compile` would fetch a Python, and the install would not.
        self._environ = {**{key: value for key, value in uv.environ.items() if key not in _MORE_INPUTS}, "UV_PYTHON_DOWNLOADS": "never"}
        #: What the index said so far.
        self.advertised = Advertised()
        #: The first query and its arguments, where it was started ahead.
        self._ahead: tuple[Run, list[str]] | None = None

    def start_ahead(self, python: Interpreter | None) -> None:
        """Start the first query while the dry run resolves: it waits for what to ask."""
        if self._regime.computes:
            return  # there, the pages are looked at first
        arguments = self._arguments([], python, offline=True)
        try:
            self._ahead = self._uv.start(arguments, environ=self._environ, ahead=True), arguments
        except OSError:
            pass  # it is started when it is needed

    def ask(self, wanted: list[tuple[str, str]], plan: Plan) -> None:
        """Learn what the index advertises for those versions, as far as there is an answer, into `advertised`."""
        asked = wanted
        if not wanted:
            return
        if self._regime.computes:
            self._attribute(wanted, plan)
            asked = [key for key in wanted if not self.advertised.knows(*key) and plan.selected.get(key, "").endswith(".whl")]
        answered = self._ask(asked, [], plan) if asked else set()
        # An explicit index (`[tool.uv.sources]`) is asked only by who names it.
        groups: dict[tuple[str, ...], list[tuple[str, str]]] = {}
        for key in asked:
            if key not in answered and plan.pages.get(key[0]):
                groups.setdefault(tuple(plan.pages[key[0]]), []).append(key)
        for roots, keys in groups.items():
            # And an override of the settings goes before what is asked for, but not before a constraint.
            versions = PrivateFile("".join(f"{name}=={version}\n" for name, version in keys).encode())
            self._ask(keys, ["-c", versions.path, *(word for root in roots for word in (_INDEX, root))], plan)
            versions.close()
        if not (self._regime.format or self._regime.computes):
            self._attribute(wanted, plan)

    def _ask(self, wanted: list[tuple[str, str]], options: list[str], plan: Plan) -> set[tuple[str, str]]:
        """Ask for some versions at once; those that uv looked for where the dry run did."""
        asked = list(wanted)
        beside: list[tuple[str, str]] = []
        output = self._compile(asked, options, plan)
        elsewhere = [] if _INDEX in options else self._elsewhere(asked, output, plan)
        if elsewhere:
            # They come from an explicit index, and no other one gets to know of them.
            wanted = [key for key in asked if key not in elsewhere]
            asked = wanted[:]
            output = self._compile(asked, options, plan) if asked else output
        # uv 0.12.15 tells no hash at all while one file has none, and names that file.
        filename = hashes.file_name(plans.file_without_hash(output.stderr))
        while filename:
            kind = "--no-binary" if filename.endswith(".whl") else "--only-binary"
            for key in [key for key in asked if key[0] == hashes.project_of(filename)]:
                selected = plan.selected.get(key, "")
                if selected.endswith(".whl") != filename.endswith(".whl") and f"{kind}={key[0]}" not in options:
                    options = [*options, f"{kind}={key[0]}"]  # that file is none of our business
                    continue
                if selected in ("", filename):
                    # Where uv fetches ahead of its choice, that file is meant as well.
                    self.advertised.files[key] = {filename: []}
                else:
                    beside.append(key)
                asked.remove(key)
            output = self._compile(asked, options, plan)
            previous, filename = filename, hashes.file_name(plans.file_without_hash(output.stderr))
            if not asked or filename == previous:
                break
        for key in beside:
            # Another wheel of the version has no hash: uv has to download that one before it tells those of the rest.
            self._take(self._compile([key], options, plan, offline=False), [key], plan)
        return self._take(output, asked, plan) | set(wanted).difference(asked)

    def _take(self, output: Output, asked: list[tuple[str, str]], plan: Plan) -> set[tuple[str, str]]:
        """Take an answer in; those versions for which it is one."""
        if not asked or not printed(output):
            self._trace.append(f"uv does not tell the hashes of {', '.join(name for name, _ in asked) or 'anything more'}")
            return set()
        answer = hashes.from_pylock(output.stdout) if self._regime.format else hashes.from_requirements(output.stdout)
        answer.drop_computed(plans.requested_files(output.stderr))
        looked = plans.parse_log(output.stderr).pages
        same: dict[tuple[str, str], tuple[str, str]] = {}
        for name, version in asked:
            # Looked for elsewhere than in the dry run, another file may have been meant.
            if looked.get(name) == plan.pages.get(name):
                # A version that was read off a file's name may be spelled otherwise there (2022.01.08), and uv told of just one.
                same.update(((name, version), key) for key in answer.versions if key[0] == name and spelled(key[1]) == spelled(version))
        self.advertised.merge(answer, same)
        return set(same)

    def _compile(self, wanted: list[tuple[str, str]], options: list[str], plan: Plan, *, offline: bool = True) -> Output:
        """Run ``pip compile`` on those versions: from the pages that the dry run fetched, else from the network."""
        lines = [*self._inputs.index_lines, *(f"{name}=={version}" for name, version in wanted)]
        text = "".join(f"{line}\n" for line in lines).encode()
        requirements = PrivateFile(text)

        def run(options: list[str], *, offline: bool) -> Output:
            arguments = self._arguments(options, plan.python, offline=offline)
            requests = self._regime.fills and not offline
            return self._uv.start(arguments, stdin=requirements, environ=self._environ, requests=requests).finish()

        arguments = self._arguments(options, plan.python, offline=offline)
        if self._ahead and self._ahead[1] == arguments:
            ahead, self._ahead = self._ahead[0], None
            ahead.say(text)
            output = ahead.finish()
        else:
            output = run(options, offline=offline)
        if "Requesting extras requires" in output.stderr:
            # A setting of the project's asks for extras: uv wants to see the project.
            named = self._line.values("--requirements") + (self._line.plain() if self._line.command == "sync" else [])
            options = [*options, *([value for value in named if value.endswith(_PROJECT_FILES)] or ["pyproject.toml"])]
            output = run(options, offline=offline)
        if offline and not (self._offline or plans.file_without_hash(output.stderr)):
            # Where a page may not be kept, the cache's page of another index takes its place.
            elsewhere = self._elsewhere(wanted, output, plan)
            if _INDEX in options if elsewhere else not printed(output):
                output = run(options, offline=False)
        requirements.close()
        return output

    def _elsewhere(self, asked: list[tuple[str, str]], output: Output, plan: Plan) -> list[tuple[str, str]]:
        """What was looked for on an index where the dry run did not look for it."""
        looked = plans.parse_log(output.stderr).pages
        return [key for key in asked if plan.pages.get(key[0]) and not set(looked.get(key[0], ())).issubset(plan.pages[key[0]])]

    def compile_urls(self, requirements: PrivateFile, python: Interpreter | None) -> Output:
        """Have uv download those direct URLs: it computes and keeps their hashes."""
        options = ["--no-deps", "--generate-hashes", "--no-universal", "-o", NO_OUTPUT_FILE, "--no-header"]
        return self._uv.run(self._line.query(*options, python=self.python(python)), stdin=requirements, environ=self._environ)

    def _arguments(self, options: list[str], python: Interpreter | None, *, offline: bool) -> list[str]:
        options = [*options, "--no-deps", "-v", "-o", NO_OUTPUT_FILE, "--no-header", "--no-annotate", "--no-universal"]
        options += ["--format", "pylock.toml"] if self._regime.format else ["--generate-hashes"]
        return self._line.query(*options, python=self.python(python), offline=offline)

    def python(self, python: Interpreter | None) -> str | None:
        """What `pip compile` is told, to take the very Python that the install takes.

        Its path, if it is one Python's: `/usr` may have several. A version, as asked for, would be its lowest to `pip compile`.
        """
        path = python.path if python else ""
        place = os.path.join(self._line.folder, path)
        if path and (os.path.isfile(place) or os.path.isfile(f"{place}/pyvenv.cfg")):
            return path
        named = f"bin/python{'.'.join(python.version.split('.')[:2])}" if python else ""
        if path and os.path.isfile(f"{place}/{named}"):
            return f"{path}/{named}"
        asked = (self._line.values("--python") or [self._uv.environ.get("UV_PYTHON", "")])[-1]
        return python.version if python and asked.replace(".", "").isdigit() else asked or path or None

    def _attribute(self, wanted: list[tuple[str, str]], plan: Plan) -> None:
        """Tell by uv's copies of the pages which of a version's digests are the selected file's."""
        where = [text for word in self._line.words if word.name in _WHERE for text in word.text]
        output = self._uv.run(["cache", "dir", *where])
        cache = os.path.join(self._line.folder, output.stdout.strip())
        for name, version in [] if output.code else wanted:
            filename = plan.selected.get((name, version), "")
            told = self.advertised.versions.get((name, version))
            # Where several indexes were looked at, any may have been the one: of their digests, none else is accepted.
            looked = [pages.digests_of(cache, name, root, filename) for root in plan.pages.get(name) or [""]] if filename else []
            runs = [run for run in looked if run is not None]
            if runs and told is None and len(runs) < len(looked) and not self._regime.computes:
                continue  # the one that is not kept may be the one
            if runs:
                digests = [digest for run in runs for digest in pages.readings(run)] if told is None else [
                    digest for digest in told if any(digest.partition(":")[2].encode() in run for run in runs)]
                self.advertised.files[name, version] = {filename: digests}
            elif filename:
                flat = pages.flat_digests_of(cache, filename)
                if flat is not None:
                    # The cache may have pages of other calls as well, and what uv tells may be what it has computed.
                    digests = flat if len(set(flat)) < 2 else [digest for digest in flat if digest in (told or ())]
                    self.advertised.files[name, version] = {filename: digests}


def spelled(version: str) -> list[str]:
    """Parts of a version in any spelling: 2022.01.08 is 2022.1.8, 1.0.Alpha-1 is 1.0a1 (PEP 440)."""
    text = ""
    for letter in version.lower().replace("-", ".").replace("_", "."):
        text += f".{letter}" if text and letter.isdigit() != text[-1].isdigit() else letter
    parts: list[str] = []
    for part in filter(None, text.split(".")):
        if part.isdigit():
            parts.append(part.lstrip("0") or "0")
        else:
            parts.append(_SPELLINGS.get(part, part))
    # A word without a number means its zeroth.
    return [each for part, after in zip(parts, [*parts[1:], ""])
            for each in ((part,) if part.isdigit() or after.isdigit() else (part, "0"))]


def printed(output: Output) -> bool:
    """Whether ``pip compile`` came as far as writing to the file that cannot exist."""
    return output.code == 2 and "/dev/null" in output.stderr.rsplit("error: ", 1)[-1] and "error: " in output.stderr
