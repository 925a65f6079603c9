"""What uv is about to do: its own account of a dry run, read.

The account is on standard error: with ``-v`` log lines, then ``Would install …`` and one line a change.
"""

from __future__ import annotations

from uv_shim.hashes import file_name, normalize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uv_shim.realuv import Output

SDIST = (".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tgz", ".tar.zst", ".tar.lzma", ".tar", ".tbz", ".txz", ".tlz")

_PYTHONS = ("Python", "CPython", "PyPy", "GraalPy", "Pyodide")

#: In what uv says of a project, or a file, that lies on this machine.
HERE = " @ file:"

#: In the warning that comes after the plan, before what an index gives for a reason: any text, on as many lines as it likes.
_YANKED = '` is yanked (reason: "'

#: From here on, uv's log is about packages of indexes; before, about direct URLs.
SOLVING = "DEBUG Solving with target Python version"


class Change:
    """One line of the plan: ``sign`` is ``+`` (install), ``-`` (remove) or ``~`` (install again)."""

    def __init__(self, sign: str, name: str, version: str, url: str) -> None:
        self.sign = sign
        self.name = name
        #: Empty where uv names a URL only.
        self.version = version
        #: Where it comes from, if not from an index: a URL or a path, as uv prints it.
        self.url = url

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What makes two plans the same; of a URL, uv tells the version only once the cache has it."""
        return self.sign, self.name, "" if self.url else self.version, self.url


class Interpreter:
    """The Python that uv installs for; ``path``: its file or environment, as far as uv says it."""

    def __init__(self, path: str, version: str) -> None:
        self.path = path
        self.version = version


class Sdist:
    """An sdist whose code uv is about to download or run, for its metadata."""

    def __init__(self, name: str, version: str, url: str, *, direct: bool = False) -> None:
        #: Empty where its URL tells none.
        self.name = name
        #: Empty where only a URL is known.
        self.version = version
        #: Empty where only name and version are known.
        self.url = url
        #: It is named by its URL, and comes from no index.
        self.direct = direct
        #: Whether uv had begun to resolve before it first spoke of it: until then, it looks at direct URLs only.
        self.solving = False

    @property
    def key(self) -> tuple[str, str]:
        return self.name, self.url if self.direct else self.version


class Plan:
    """What uv would do, and what its log tells of how it got there."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        #: (name, version) → file that uv selected on the index.
        self.selected: dict[tuple[str, str], str] = {}
        #: Name → roots of the indexes whose page for it was looked at, in order.
        self.pages: dict[str, list[str]] = {}
        #: (name, version) of what the cache cannot serve.
        self.uncached: set[tuple[str, str]] = set()
        #: Names of what lies here and is built again at each call that names it.
        self.rebuilt: set[str] = set()
        self.python: Interpreter | None = None
        #: What uv says where it finds every requirement satisfied; None otherwise.
        self.audited: list[str] | None = None
        #: Names of what uv looked for a version of.
        self.searched: set[str] = set()
        #: uv's warnings.
        self.warnings: list[str] = []
        #: Whether uv came to say what it would do.
        self.said = False

    @property
    def keys(self) -> list[tuple[str, str, str, str]]:
        return sorted(change.key for change in self.changes)


def parse(output: Output) -> Plan | None:
    """Read the account of a dry run that ended well; None where it does not say enough."""
    stderr = output.stderr
    plan = parse_log(stderr)
    plan.warnings = [text for text in stderr.splitlines() if text.startswith("warning: ")]
    if "DEBUG Requirement satisfied: " in stderr and "\nWould make no changes\n" in stderr and "DEBUG Solving with" not in stderr:
        plan.audited = [text for text in output.words().splitlines() if text != "Would make no changes"]
    return plan if plan.said else None


def account(stderr: str) -> list[str]:
    """The lines of what uv said, up to the first that quotes why a release was yanked: that, and what follows, anybody may have written."""
    lines = stderr.split("\n")
    return lines[: next((number for number, line in enumerate(lines) if line.startswith("warning: `") and _YANKED in line), None)]


def parse_log(stderr: str) -> Plan:
    """Read as much of an account as there is."""
    plan = Plan()
    for line in account(stderr):
        if line.startswith("Would "):
            plan.said = True
            plan.changes.clear()  # what stands before uv's last word is none of it: metadata may be quoted there
        elif line.startswith((" + ", " - ", " ~ ")):
            if plan.said:
                plan.changes.append(_change(line))
        elif line.startswith("DEBUG Selecting: "):
            name, version, filename = _selection(line)
            if filename:
                plan.selected[normalize(name), version] = filename
        elif line.startswith("DEBUG Searching for a compatible version of "):
            plan.searched.add(normalize(line.partition(" version of ")[2].partition(" (")[0].partition("[")[0]))
        elif line.startswith("TRACE Fetching metadata for "):
            _note_page(line, plan.pages)
        elif line.startswith("DEBUG Identified uncached "):
            name, _, version = line.rsplit(": ", 1)[-1].strip().partition("==")
            plan.uncached.add((normalize(name), version))
        elif line.startswith("DEBUG Must revalidate requirement: "):
            plan.rebuilt.add(normalize(line.rpartition(": ")[2]))
        elif plan.python is None:
            plan.python = interpreter(line)
    return plan


def sdist_to_download(line: str) -> Sdist | None:
    """The sdist that uv is about to download."""
    _, found, url = line.partition("No cache entry for: ")
    url = url.strip()
    filename = file_name(url) if found else ""
    for ending in SDIST:
        if filename.endswith(ending):
            name, _, version = filename[: -len(ending)].rpartition("-")
            return Sdist(normalize(name), version, url)
    return None


def sdist_to_build(line: str) -> Sdist | None:
    """The sdist of an index whose code uv is about to run."""
    _, found, rest = line.partition("Preparing metadata for: ")
    name, pinned, version = rest.strip().partition("==")
    return Sdist(normalize(name), version, "") if found and pinned else None


def url_to_build(line: str) -> Sdist | None:
    """The direct URL, of an archive or a Git repository, whose code uv is about to run."""
    _, found, rest = line.partition("Preparing metadata for: ")
    name, _, url = rest.strip().rpartition(" @ ")
    return Sdist(normalize(name), "", url, direct=True) if found and url.startswith(("http://", "https://", "git+")) else None


def requested_files(stderr: str) -> set[str]:
    """Names of the files that uv fetched, or tried to: past its cache, only the second of these tells it.

    Of all that it said, as one too many makes nothing weaker.
    """
    markers = ("No cache entry for: ", "Handling request for ")
    names = {file_name(text.partition(marker)[2].strip().partition(" ")[0].strip("`"))
             for text in stderr.splitlines() for marker in markers if marker in text}
    return {name for name in names if name.endswith((".whl", *SDIST))}


def build_requirements(stderr: str) -> list[tuple[str, str]]:
    """(name, version) of what uv installed for builds."""
    lines = [text.partition(": ")[2] for text in stderr.splitlines() if text.startswith("DEBUG Installing build requirement")]
    pairs = [part.partition("==") for line in lines for part in line.split(", ")]
    return [(normalize(name), version) for name, _, version in pairs if version]


def file_without_hash(stderr: str) -> str:
    """URL of the file for which uv would have to compute a hash; empty where it names none."""
    before, there, _ = stderr.partition("` to compute missing hashes")
    return before.rpartition("`")[2] if there else ""


def _change(line: str) -> Change:
    sign, rest = line[1], line[3:].strip()
    name, at, url = rest.partition(" @ ")
    if at:
        return Change(sign, normalize(name), "", url)
    name, _, version = rest.partition("==")
    version, origin, url = version.partition(" (from ")
    return Change(sign, normalize(name), version.strip(), url.rstrip(")") if origin else "")


def _selection(line: str) -> tuple[str, str, str]:
    words = line.partition("Selecting: ")[2].split()
    if len(words) < 2 or "==" not in words[0]:
        return "", "", ""
    name, _, version = words[0].partition("==")
    last = words[-1]
    return name, version, last[1:-1] if last.startswith("(") and "." in last and "/" not in last else ""


def _note_page(line: str, pages: dict[str, list[str]]) -> None:
    """Remember ``Fetching metadata for alpha from http://host/simple/alpha/?key`` as ``http://host/simple?key`` for ``alpha``."""
    # From 0.12.24 on, uv puts both into backticks.
    name, _, url = line.partition("Fetching metadata for ")[2].replace("`", "").partition(" from ")
    roots = pages.setdefault(normalize(name), [])
    address, mark, query = url.strip().partition("?")
    root = without_credentials(address.rstrip("/").rpartition("/")[0]) + mark + query
    if root not in roots:
        roots.append(root)


def without_credentials(url: str) -> str:
    scheme, there, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{there}{host.rpartition('@')[2]}{slash}{path}"


def interpreter(line: str) -> Interpreter | None:
    """``Using Python 3.11.7 environment at: .venv`` and its relatives; None in any other line."""
    text = line.partition("Using ")[2]
    words = text.split(None, 2)
    if len(words) < 2 or words[0] not in _PYTHONS or not words[1][:1].isdigit():
        return None
    for marker in (" environment at: ", " environment at ", " interpreter at: ", " interpreter at "):
        if marker in text:
            path = text.partition(marker)[2].strip()
            return Interpreter(path if path.startswith("/") else f"./{path}", words[1])
    return Interpreter("", words[1])
