"""The files that the caller hands to uv: which ones are read, and what do they say of hashes, URLs and indexes?

A reader that looks for little and guesses nothing: what it cannot read (a URL, a missing file), uv reads.
"""

from __future__ import annotations

import posix

from uv_shim import config
from uv_shim.arguments import FILE_OPTIONS, FILE_VARIABLES, READ_BY_EACH, WORKING_DIRECTORY, CommandLine
from uv_shim.errors import ShimError
from uv_shim.inputs import Inputs, first_word
from uv_shim.realuv import PrivateFile, drain
from uv_shim.versions import Regime

#: Options in a requirements file that say which indexes and which kinds of files uv may use.
_INDEX_LINES = ("--index-url", "--extra-index-url", "--find-links", "--no-index", "--no-binary", "--only-binary", "-i", "-f")

_STDIN = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")

#: A file's kind in its mode; those that can be read once: named pipe, socket, character device (`stat`).
_KIND, _READ_ONCE = 0o170000, (0o010000, 0o140000, 0o020000)


class OnlyOnce(Exception):
    """An input that can be read one time only, by uv itself."""


def read(line: CommandLine, environ: dict[str, str], inputs: Inputs, regime: Regime) -> None:
    """Read the inputs that the command line names. Those that vanish once read are kept, on the same descriptors.

    Raises:
        OnlyOnce: an input cannot be read twice and cannot be kept (a named pipe).
        ShimError: an input was lost while it was read.
    """
    folder = line.folder
    inputs.links = None if regime.links_beside else folder
    files = [(value, "--requirements") for value in line.values("--requirements")]
    files += [(part, name) for name in FILE_OPTIONS[1:] for value in line.values(name) for part in value.split(" ")]
    if line.command == "sync":
        files += [(value, "--requirements") for value in line.plain()]
    for variable, name in FILE_VARIABLES.items():
        if line.has(name):
            continue  # the option replaces it
        files += [(value, name) for value in environ.get(variable, "").split()]
    for value in [*line.values("--config-file"), *filter(None, map(environ.get, READ_BY_EACH))]:
        if value in _STDIN:
            raise OnlyOnce(value)
        _keep(value, folder, inputs)
    for value, _ in files:
        _keep(value, folder, inputs)
    for value, name in files:
        if regime.format and name == "--requirements" and _is_lock(value, folder, inputs):
            inputs.requires_hashes = True
        elif name in ("--requirements", "--constraints"):
            _scan(value, folder, inputs)
        elif name == "--overrides":
            _scan(value, folder, inputs, counts="options")
    if not line.has("--directory") and any(environ.get(name) for name in WORKING_DIRECTORY):
        inputs.distrust()
    inputs.note_words(line)
    for value in line.values("--group"):
        _scan(value.rpartition(":")[0] or "pyproject.toml", folder, inputs)


def note_settings(line: CommandLine, environ: dict[str, str], inputs: Inputs) -> None:
    """Note the URLs in the settings files that uv may read for this call."""
    import os

    home = config.folder("XDG_CONFIG_HOME", ".config", environ) or ""
    files = [*line.values("--config-file"), environ.get("UV_CONFIG_FILE", ""), "/etc/uv/uv.toml"]
    files += [f"{folder}/uv/uv.toml" for folder in (home, *(environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"))]
    projects = ["", *line.values("--project"), environ.get("UV_PROJECT", "")]
    for start in {os.path.join(environ.get(name, ""), project) for name in ("", *WORKING_DIRECTORY) for project in projects}:
        parts = os.path.abspath(os.path.join(line.folder, start)).split("/")
        for count in range(len(parts)):
            folder = "/".join(parts[: count + 1])
            files += [f"{folder}/uv.toml", f"{folder}/pyproject.toml"]
    for path in files:
        inputs.note_quoted(_contents(path), named=True)


def _contents(path: str) -> bytes:
    """What is in a file; nothing where it cannot be read, of which uv says more."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (OSError, ValueError):
        return b""


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
        copy.write(drain(fd))
    except (OSError, MemoryError) as error:
        raise ShimError(f"what uv was to read on descriptor {fd} could not be kept ({error!r}); nothing was installed.") from None
    copy.rewind()
    posix.dup2(copy.fd, fd)
    return copy


def _scan(value: str, folder: str, inputs: Inputs, *, counts: str = "hashes options") -> None:
    """Look through a requirements file and those that it names, where that counts for uv beside the requirements themselves."""
    if value == "-":
        if inputs.stdin is not None:
            inputs.stdin.rewind()
            text = drain(inputs.stdin.fd)
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
                text = b"" if (status.st_dev, status.st_ino, counts) in inputs.seen else file.read()
        except (OSError, ValueError):
            inputs.plain = False
            return
        inputs.seen.add((status.st_dev, status.st_ino, counts))
        if name.endswith(".toml") and not name.startswith("pylock."):
            # Which of its entries count here, uv knows.
            inputs.note_quoted(text, named=False)
            return
    if text.startswith(b"\xef\xbb\xbf"):
        text = text[3:]
    script = b"# /// script"  # uv reads what is in that comment, and nothing else
    if text.startswith((script, b"\xff\xfe", b"\xfe\xff")) or b"\n" + script in text or b"\r" + script in text:
        inputs.plain = False
        return
    for line in logical_lines(text.decode("utf-8", "replace")):
        _line(line, base, inputs, counts)


def _is_lock(value: str, folder: str, inputs: Inputs) -> bool:
    """Whether it is a lock file (pylock.toml); and whether it has a hash for all."""
    path = _path(folder, value)
    name = path.rpartition("/")[2]
    if not (name.startswith("pylock.") and name.endswith(".toml")):
        return False
    if value.startswith(("http://", "https://")):
        inputs.lock_elsewhere = value
        return True
    text = _contents(path)
    if b"lock-version" not in text:
        return False  # before uv knew lock files, one could have that name
    if not _has_hashes(text):
        inputs.lock_without_hashes = path
    return True


def _has_hashes(text: bytes) -> bool:
    """Whether each file of a lock has a hash with an algorithm that uv knows."""
    parts = text.split(b"hashes")
    for before, after in zip(parts, parts[1:]):
        part = after.lstrip(b" \t\"'")
        entry = part.partition(b"}")[0] if part[:1] == b"=" else part.partition(b"\n[")[0] if part[:1] == b"]" else None
        if part[:1] == b"." and before.rstrip(b" \t\"'")[-1:] in b"{,.\n":
            return False  # a dotted key: nobody writes it like that
        if entry is None:
            continue  # in a name or a URL
        plain = entry.translate(None, b" \t").replace(b"'", b'"')
        known = [mark + name + b'="' for name in (b"sha256", b"sha384", b"sha512", b"md5") for mark in (b"{", b",", b"\n")]
        if not any(start in plain and start + b'"' not in plain for start in known):
            return False
    return True


def _line(line: str, base: str, inputs: Inputs, counts: str) -> None:
    word = (line.split("=", 1)[0].split(None, 1) or [""])[0]
    rest = line[len(word) :].lstrip(" \t=").strip()
    if word == "--require-hashes":
        inputs.plain = False  # some releases heed it there, and some do not
    elif word in _INDEX_LINES:
        if word in ("--find-links", "-f") and "://" not in rest and not rest.startswith(("/", "${")):
            import os

            rest = os.path.abspath(_path(base if inputs.links is None else inputs.links, rest))
        if "options" in counts:
            inputs.index_lines.append(f"{word} {rest}".strip())
    elif word in ("-r", "--requirement", "--requirements", "-c", "--constraint", "--constraints"):
        _named(rest, base, inputs, counts if word.lstrip("-").startswith("r") else _in_constraints(counts))
    elif line.startswith(("-r", "-c")) and not line.startswith("--"):
        _named(line[2:], base, inputs, counts if line.startswith("-r") else _in_constraints(counts))
    elif line.startswith("-") and word not in ("-e", "--editable"):
        inputs.plain = False  # an option that uv passes over, with all that follows
    elif " --hash" in line:
        requirement, *given = line.split(" --hash")
        inputs.note_hash(requirement, [first_word(text.lstrip("= ")) for text in given], heeded="hashes" in counts)
    elif counts in ("options", "nothing"):
        inputs.note_address(line)
    else:
        inputs.note_url(line)


def _in_constraints(counts: str) -> str:
    """What counts in constraints that a file names; of overrides, uv drops these."""
    return "" if counts in ("hashes options", "") else "nothing"


def _named(value: str, base: str, inputs: Inputs, counts: str) -> None:
    """Look through a file that another one names."""
    value = value.partition("#")[0].strip()
    if value == "-" or any(letter in value for letter in "\"'\\$"):
        inputs.plain = False  # uv knows which file that is
        return
    _keep(value, base, inputs)
    _scan(value, base, inputs, counts=counts)


def logical_lines(text: str) -> list[str]:
    """Lines with their continuations joined, without comments and blank lines."""
    lines = []
    pending = ""
    for raw in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):  # and nowhere else, as uv does
        piece, *comment = raw.replace("\t#", " #").replace("\t--hash", " --hash").split(" #", 1)
        if raw.endswith("\\") and not comment and not raw.lstrip().startswith("#"):
            pending += piece[:-1] + " "
            continue
        whole = (pending + ("" if raw.lstrip().startswith("#") else piece)).strip()
        pending = ""
        if whole:
            lines.append(whole)
    if pending.strip():
        lines.append(pending.strip())
    return lines
