"""What the caller hands to uv: which files are read, what do they already say of hashes and indexes?

A reader of requirement files that looks for little and guesses nothing: whatever it cannot read (a URL, a missing file), uv reads.
"""

from __future__ import annotations

import posix

from uv_shim import config
from uv_shim.arguments import CommandLine
from uv_shim.errors import ShimError
from uv_shim.realuv import PrivateFile

_FILE_OPTIONS = ("--requirements", "--constraints", "--overrides", "--excludes", "--build-constraints")

#: Options in a requirements file that say which indexes and which kinds of files uv may use.
_INDEX_LINES = ("--index-url", "--extra-index-url", "--find-links", "--no-index", "--no-binary", "--only-binary", "-i", "-f")

_FILE_VARIABLES = {"UV_CONSTRAINT": "--constraints", "UV_OVERRIDE": "--overrides", "UV_EXCLUDE": "--excludes",
                   "UV_BUILD_CONSTRAINT": "--build-constraints"}


#: Variables that name files which each run of uv reads.
_READ_BY_EACH = ("UV_CONFIG_FILE", "NETRC", "SSL_CERT_FILE", "SSL_CLIENT_CERT")

#: Variables of later releases that stand for `--directory`.
_WORKING_DIRECTORY = ("UV_WORKING_DIR", "UV_WORKING_DIRECTORY")

_HEX = frozenset("0123456789abcdef")

_STDIN = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")

#: A file's kind in its mode; those that can be read once: named pipe, socket, character device (`stat`).
_KIND, _READ_ONCE = 0o170000, (0o010000, 0o140000, 0o020000)


class OnlyOnce(Exception):
    """An input that can be read one time only, by uv itself."""


class Inputs:
    """What the caller's files and standard input say."""

    def __init__(self) -> None:
        #: (name, version) with a hash of the user's own.
        self._hashed: set[tuple[str, str]] = set()
        #: (name, version) → digests of the user's own, as given beside a marker: uv heeds them only where that holds.
        self._conditional: dict[tuple[str, str], list[str]] = {}
        #: Direct URLs that the user names, and those with a hash of his own, without credentials.
        self.urls: set[str] = set()
        self._hashed_urls: set[str] = set()
        #: Full commits that the user named in Git URLs.
        self.git_commits: set[str] = set()
        #: Everything must have a hash: a lock file.
        self.requires_hashes = False
        #: A lock file that has none for some file.
        self.lock_without_hashes = ""
        #: A lock file that is no file of this machine: what it has, only uv sees.
        self.lock_elsewhere = ""
        #: All files were read, and there is no hash in them.
        self.plain = True
        #: Lines that choose indexes and kinds of files.
        self.index_lines: list[str] = []
        #: A copy of standard input, where uv reads it.
        self.stdin: PrivateFile | None = None

    def note_hash(self, requirement: str, digests: list[str], *, heeded: bool = True) -> None:
        """Remember a requirement that has a hash; uv heeds it only where one version or a URL is named.

        Args:
            digests: the hashes beside it (``algorithm:hex``).
            heeded: uv heeds those beside it in such a place at all.
        """
        self.plain = False
        requirement, marker, _ = requirement.partition(";")
        conditional = marker or not heeded
        if "://" in requirement:
            url = _url_of(requirement)
            self.urls.add(_address(requirement))
            if not conditional:
                self._hashed_urls.add(url)
            return
        from uv_shim.hashes import normalize

        name, pinned, version = requirement.partition("==")
        if pinned and "," not in version and not version.startswith("="):
            key = normalize(name.partition("[")[0].strip()), _release(version.strip())
            if conditional:
                self._conditional.setdefault(key, []).extend(filter(None, digests))
            else:
                self._hashed.add(key)

    def note_url(self, requirement: str) -> None:
        """Remember a direct URL, and what it says of its content: a hash in its fragment, or a Git commit."""
        url, marker, _ = requirement.partition(" ;")
        url = url.strip()
        if "://" in url:
            self.urls.add(_address(url))
        if names_hash(url):
            self.note_hash(f"{url};" if marker else url, [])
        if "git+" in requirement:
            commit = _commit(_first_word(requirement.partition("git+")[2]))
            if len(commit) == 40 and _HEX.issuperset(commit):
                self.git_commits.add(commit)

    def note_quoted(self, text: bytes, *, named: bool) -> None:
        """Remember the URLs that a TOML file has in quotes; ``named``: only those as in `name @ url`."""
        quoted = text.decode("utf-8", "replace").replace("'", '"').split('"')
        parts = [part for part in quoted if "://" in part and ("@" in part.partition("://")[0] or not named)]
        self.urls.update(_address(part) for part in parts)

    def distrust(self) -> None:
        """Believe no hash: the files that were read may not be those that uv reads."""
        self._hashed.clear()
        self._conditional.clear()
        self._hashed_urls.clear()
        self.git_commits.clear()
        self.plain = self.requires_hashes = False

    def has_hash(self, name: str, version: str) -> bool:
        """Whether the user gave a hash for that version."""
        return (name, _release(version)) in self._hashed

    def conditional_digests(self, name: str, version: str) -> list[str]:
        """Digests (``algorithm:hex``) that the user gave for that version beside a marker."""
        return self._conditional.get((name, _release(version)), [])

    def names_url(self, url: str) -> bool:
        """Whether the user named that URL: it is no file of an index."""
        return _address(url) in self.urls

    def has_url_hash(self, url: str) -> bool:
        """Whether the user gave a hash for that direct URL, beside it or in its fragment."""
        return _bare(url) in self._hashed_urls

    def has_commit(self, url: str) -> bool:
        """Whether that Git URL names a full commit, and the user did."""
        return _commit(url) in self.git_commits


def read(line: CommandLine, environ: dict[str, str], inputs: Inputs, *, locks: bool) -> None:
    """Read the inputs that the command line names. Those that vanish once read are kept, on the same descriptors.

    Args:
        locks: this uv knows lock files (pylock.toml).

    Raises:
        OnlyOnce: an input cannot be read twice and cannot be kept (a named pipe).
        ShimError: an input was lost while it was read; uv would install a part of what was asked for.
    """
    folder = (line.values("--directory") or ["."])[-1] or "."
    files = [(value, name) for name in _FILE_OPTIONS for value in line.values(name)]
    if line.command == "sync":
        files += [(value, "--requirements") for value in line.plain()]
    for variable, name in _FILE_VARIABLES.items():
        if line.has(name):
            continue  # the option replaces it
        files += [(value, name) for value in environ.get(variable, "").split()]
    for value in [*line.values("--config-file"), *filter(None, map(environ.get, _READ_BY_EACH))]:
        if value in _STDIN:
            raise OnlyOnce(value)
        _keep(value, folder, inputs)
    for value, _ in files:
        _keep(value, folder, inputs)
    seen: set[tuple[int, int, bool]] = set()
    for value, name in files:
        if locks and name == "--requirements" and _is_lock(value, folder, inputs):
            inputs.requires_hashes = True
        elif name in ("--requirements", "--constraints"):
            _scan(value, folder, inputs, seen)
        elif name == "--overrides":
            _note_urls(_path(folder, value), inputs)
    if not line.has("--directory") and any(environ.get(name) for name in _WORKING_DIRECTORY):
        inputs.distrust()
    for word in line.plain() + line.values("--editable"):
        inputs.note_url(word)
    for value in line.values("--group"):
        _scan(value.rpartition(":")[0] or "pyproject.toml", folder, inputs, seen)


def note_settings(line: CommandLine, environ: dict[str, str], inputs: Inputs) -> None:
    """Note the URLs in the settings files that uv may read for this call."""
    import os

    start = os.path.abspath((line.values("--project") or line.values("--directory") or ["."])[-1] or ".")
    folders = [start]
    while os.path.dirname(folders[-1]) != folders[-1]:
        folders.append(os.path.dirname(folders[-1]))
    home = config.folder("XDG_CONFIG_HOME", ".config", environ) or ""
    files = [f"{folder}/{name}" for folder in folders for name in ("uv.toml", "pyproject.toml")]
    for path in (*files, f"{home}/uv/uv.toml", "/etc/uv/uv.toml", *line.values("--config-file"), environ.get("UV_CONFIG_FILE", "")):
        try:
            with open(path, "rb") as file:
                inputs.note_quoted(file.read(), named=True)
        except (OSError, ValueError):
            continue


def _note_urls(path: str, inputs: Inputs) -> None:
    """Note the URLs of an overrides file; no uv is sure to heed a hash there."""
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8", "replace")
    except (OSError, ValueError):
        return
    inputs.urls.update(_address(line) for line in logical_lines(text) if "://" in line)


def _path(folder: str, value: str) -> str:
    return value if value.startswith("/") else f"{folder}/{value}"


def _keep(value: str, folder: str, inputs: Inputs) -> None:
    """Make sure that ``value`` can be read more than once."""
    if value in _STDIN:
        if inputs.stdin is None:
            inputs.stdin = _copy(0)
        return
    try:
        mode = posix.stat(_path(folder, value)).st_mode
    except (OSError, ValueError):
        return  # uv says it better
    if mode & _KIND not in _READ_ONCE or value == "/dev/null":
        return
    directory, _, number = value.rpartition("/")
    if directory in ("/dev/fd", "/proc/self/fd") and number.isdigit():
        _copy(int(number))
    else:
        raise OnlyOnce(value)


def _copy(fd: int) -> PrivateFile:
    """Put a copy of what ``fd`` has to say in its place."""
    copy = PrivateFile(b"")  # where none can be had, nothing has been read yet
    try:
        copy.write(_drain(fd))
    except (OSError, MemoryError) as error:
        raise ShimError(f"what uv was to read on descriptor {fd} could not be kept ({error!r}); nothing was installed.") from None
    copy.rewind()
    posix.dup2(copy.fd, fd)
    return copy


def _drain(fd: int) -> bytes:
    text = b""
    while True:
        chunk = posix.read(fd, 1 << 20)
        if not chunk:
            return text
        text += chunk


def _scan(value: str, folder: str, inputs: Inputs, seen: set[tuple[int, int, bool]], *, heeded: bool = True) -> None:
    """Look through a requirements file and those that it names; of constraints that a file names, uv heeds no hash."""
    if value == "-":
        if inputs.stdin is not None:
            inputs.stdin.rewind()
            text = _drain(inputs.stdin.fd)
            base = folder
        else:
            return
    else:
        if "://" in value or value.lower().endswith((".py", ".pyw", ".cfg")):
            inputs.plain = False
            return
        path = _path(folder, value)
        base, _, name = path.rpartition("/")
        try:
            with open(path, "rb") as file:
                status = posix.fstat(file.fileno())
                text = b"" if (status.st_dev, status.st_ino, heeded) in seen else file.read()
        except (OSError, ValueError):
            inputs.plain = False
            return
        seen.add((status.st_dev, status.st_ino, heeded))
        if name.endswith(".toml") and not name.startswith("pylock."):
            # Which of its entries count here, uv knows.
            inputs.note_quoted(text, named=False)
            return
    if text.startswith(b"# /// script") or b"\n# /// script" in text:
        inputs.plain = False  # a script: uv reads what is in that comment, and nothing else
        return
    for line in logical_lines(text.decode("utf-8", "replace")):
        _line(line, base, inputs, seen, heeded=heeded)


def _is_lock(value: str, folder: str, inputs: Inputs) -> bool:
    """Whether it is a lock file (pylock.toml); and whether it has a hash for all."""
    path = _path(folder, value)
    name = path.rpartition("/")[2]
    if not (name.startswith("pylock.") and name.endswith(".toml")):
        return False
    if value.startswith(("http://", "https://")):
        inputs.lock_elsewhere = value
        return True
    try:
        with open(path, "rb") as file:
            text = file.read()
    except (OSError, ValueError):
        return False  # uv says more of it
    if b"lock-version" not in text:
        return False  # before uv knew lock files, one could have that name
    if not _has_hashes(text):
        inputs.lock_without_hashes = path
    return True


def _has_hashes(text: bytes) -> bool:
    """Whether each file of a lock has a hash with an algorithm that uv knows."""
    for after in text.split(b"hashes")[1:]:
        part = after.lstrip(b" \t\"'")
        entry = part.partition(b"}")[0] if part[:1] == b"=" else part.partition(b"\n[")[0] if part[:1] == b"]" else None
        if entry is None:
            continue  # in a name or a URL
        plain = entry.translate(None, b" \t").replace(b"'", b'"')
        if not any(name + b'="' in plain and name + b'=""' not in plain for name in (b"sha256", b"sha384", b"sha512", b"md5")):
            return False
    return True


def _line(line: str, base: str, inputs: Inputs, seen: set[tuple[int, int, bool]], *, heeded: bool) -> None:
    word = (line.split("=", 1)[0].split(None, 1) or [""])[0]
    rest = line[len(word) :].lstrip(" \t=").strip()
    if word == "--require-hashes":
        inputs.plain = False  # some releases heed it there, and some do not
    elif word in _INDEX_LINES:
        if word in ("--find-links", "-f") and "://" not in rest and not rest.startswith(("/", "${")):
            import os

            rest = os.path.abspath(_path(base, rest))
        inputs.index_lines.append(f"{word} {rest}".strip())
    elif word in ("-r", "--requirement", "--requirements", "-c", "--constraint", "--constraints"):
        _named(rest, base, inputs, seen, heeded=heeded and word.lstrip("-").startswith("r"))
    elif line.startswith(("-r", "-c")) and not line.startswith("--"):
        _named(line[2:], base, inputs, seen, heeded=heeded and line.startswith("-r"))
    elif " --hash" in line:
        requirement, *given = line.split(" --hash")
        inputs.note_hash(requirement, [_first_word(text.lstrip("= ")) for text in given], heeded=heeded)
    else:
        inputs.note_url(line)


def _named(value: str, base: str, inputs: Inputs, seen: set[tuple[int, int, bool]], *, heeded: bool) -> None:
    """Look through a file that another one names."""
    value = value.partition("#")[0].strip()
    if any(letter in value for letter in "\"'\\$"):
        inputs.plain = False  # uv knows which file that is
        return
    _keep(value, base, inputs)
    _scan(value, base, inputs, seen, heeded=heeded)


def _first_word(text: str) -> str:
    return text.replace("\t", " ").lstrip(" ").partition(" ")[0]


def _commit(url: str) -> str:
    """What a Git URL names behind its path; a commit, if it is one."""
    return url.partition("#")[0].rpartition("@")[2].lower()


def names_hash(text: str) -> bool:
    """Whether a URL has a hash in its fragment."""
    algorithm, _, digest = text.partition("#")[2].partition("=")  # of more than that, a uv may see nothing
    return len(digest) == {"sha256": 64, "sha384": 96, "sha512": 128, "md5": 32}.get(algorithm)


def _url_of(requirement: str) -> str:
    """The URL of a requirement, as `name @ url` or `name@url` or alone."""
    before, there, rest = requirement.partition("://")
    scheme = before.replace("@", " ").split()[-1:]
    return _bare(_first_word("".join(scheme) + there + rest))


def _address(requirement: str) -> str:
    return _url_of(requirement).partition("#")[0]


def _bare(url: str) -> str:
    """The URL without credentials, and of its fragment only a subdirectory."""
    address, _, fragment = url.partition("#")
    scheme, _, rest = address.partition("://")
    host, slash, path = rest.partition("/")
    inside = "".join(f"#{part}" for part in fragment.split("&") if part.startswith("subdirectory="))
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}{inside}"


def _release(version: str) -> str:
    """The version as far as it can be compared as text: 1.0 and 1.0.0 are one."""
    text = version.lower().lstrip("v")
    while text.endswith(".0"):
        text = text[:-2]
    return text


def logical_lines(text: str) -> list[str]:
    """Lines with their continuations joined, without comments and blank lines."""
    lines = []
    pending = ""
    for raw in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):  # and nowhere else, as uv does
        if raw.lstrip().startswith("#"):
            continue
        piece = raw.replace("\t#", " #").replace("\t--hash", " --hash").split(" #", 1)[0].rstrip()
        if piece.endswith("\\"):
            pending += piece[:-1] + " "
            continue
        whole = (pending + piece).strip()
        pending = ""
        if whole:
            lines.append(whole)
    if pending.strip():
        lines.append(pending.strip())
    return lines
