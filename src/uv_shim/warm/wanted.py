"""What is to be warmed: names, requirements files, lock files, for which Pythons?

Everything that can be wrong with the words of the caller is found here, before anything is run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from uv_shim.errors import ShimError
from uv_shim.report import redacted
from uv_shim.requirements import logical_lines
from uv_shim.warm.lock import Lock

_CLAUSE = r"(?:===|~=|==|!=|<=|>=|<|>)\s*[\w.*+!-]+"
#: PEP 508, but for what a marker or a URL says: uv reads these.
_REQUIREMENT = re.compile(
    r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?\s*(?:\[[\w.,\s-]*\])?\s*"
    rf"(?:@\s*\S+(?:\s+;.+)?|\(?\s*(?:{_CLAUSE}(?:\s*,\s*{_CLAUSE})*)?\s*\)?\s*(?:;.+)?)", re.ASCII)

#: Lines of a requirements file that say which indexes and which kinds of files uv may use.
_SETTINGS = ("--index-url", "--extra-index-url", "--find-links", "--no-index", "--no-binary", "--only-binary", "-i", "-f")
_CONSTRAINTS = ("-c", "--constraint", "--constraints")
_NESTED = ("-r", "--requirement", "--requirements")


@dataclass(frozen=True)
class Line:
    """One requirement of a file, as it can be asked for without the others."""

    #: The requirement with its hashes, for a file of its own.
    text: str
    #: What the file says for all of its lines: indexes, constraints, and alike. uv expands variables in them, as it does not in arguments.
    settings: tuple[str, ...]
    #: Whether what it depends on has a line, and a version, of its own: the file was made by `uv pip compile` or alike.
    complete: bool

    @property
    def label(self) -> str:
        """The requirement for people."""
        return label(self.text.partition("--hash")[0].strip())


@dataclass(frozen=True)
class File:
    """A requirements file: one set, as one project would have it."""

    path: Path

    def lines(self) -> list[Line]:
        """Its requirements one by one; none where the file is of another kind (pyproject.toml, setup.py)."""
        if self.path.suffix in (".toml", ".py", ".cfg"):
            return []
        settings: list[str] = []
        texts: list[str] = []
        _read(self.path, settings, texts, set())
        complete = all("--hash" in text for text in texts)
        return [Line(text, _once(settings), complete) for text in texts]


@dataclass(frozen=True)
class Wanted:
    """What the caller asked for."""

    names: tuple[str, ...]
    files: tuple[File, ...]
    locks: tuple[Lock, ...]
    #: Requests as uv understands them; none: the Python that uv picks.
    pythons: tuple[str, ...]

    @property
    def steps(self) -> int:
        """How much there is to do."""
        return max(1, len(self.pythons)) * (len(self.names) + len(self.files) + len(self.locks))

    @classmethod
    def parse(cls, names: Sequence[str], files: Sequence[str], locks: Sequence[str], pythons: Sequence[str]) -> Wanted:
        """Read and check what was named.

        Raises:
            ShimError: some of it cannot be used; all of that is named.
        """
        try:
            os.stat(f"{os.getcwd()}/.")
        except OSError as error:
            raise ShimError(f"the current folder cannot be worked in: {error.strerror}.",
                            "Next step: `cd` to another one. Nothing was fetched.") from None
        wrong = [_no_requirement(name) for name in names if not _REQUIREMENT.fullmatch(name.strip()) or _is_file(name)]
        wrong += ["a --python is empty. Expected: a version (3.12), or anything else that uv's --python takes."
                  for python in pythons if not python.strip()]
        wrong += [f"{file}: no such requirements file, or it cannot be read." for file in files if not _readable(file)]
        read = []
        for lock in locks:
            try:
                read.append(Lock.read(Path(lock)))
            except ShimError as error:
                wrong += error.lines
        if wrong:
            raise ShimError(*map(redacted, wrong), "Nothing was fetched.")
        if not (names or files or locks):
            raise ShimError("nothing to warm. Name requirements (pandas 'numpy<3'), files of them (-r FILE), or locks "
                            "(--lock path/to/uv.lock).")
        return cls(_once([name.strip() for name in names]), tuple(File(Path(file).absolute()) for file in _once(files)), tuple(read),
                   _once(pythons))


def label(requirement: str) -> str:
    """The requirement for people: of a direct URL its name, or where it has none the URL without the password that it may hold."""
    name = requirement.partition("@")[0].strip()
    return name if "://" in requirement and ":" not in name else redacted(requirement)


def _once(values: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _readable(file: str) -> bool:
    return os.path.isfile(file) and os.access(file, os.R_OK)


def _is_file(text: str) -> bool:
    return text.endswith((".txt", ".in", ".lock", ".toml")) and os.path.isfile(text)


def _no_requirement(text: str) -> str:
    if _is_file(text):
        option = "--lock" if text.endswith("uv.lock") else "-r"
        return f"'{text}' is a file, not a requirement. To warm what is in it: {option} {text}"
    return f"'{text}' is no requirement. Expected: a name with a version or without, such as pandas, 'numpy<3' or 'httpx[http2]==0.28.1'."


def _read(path: Path, settings: list[str], texts: list[str], seen: set[Path]) -> None:
    """Collect the requirements of a file and of those that it names, and the settings that go with them.

    What is not understood here is a requirement too: uv says what is wrong with it.
    """
    if path in seen:
        return
    seen.add(path)
    for line in logical_lines(path.read_text(encoding="utf-8", errors="replace")):
        word = re.split(r"[=\s]", line, maxsplit=1)[0]
        value = line[len(word) :].lstrip(" \t=").strip()
        if line.startswith(("-r", "-c")) and word not in (*_NESTED, *_CONSTRAINTS):
            word, value = line[:2], line[2:].strip()  # -rbase.txt
        # A variable may be a whole path, or a URL.
        place = value if "://" in value or value.startswith("${") else str(path.parent / value)
        if word in _NESTED and _readable(place):
            _read(Path(place), settings, texts, seen)
        elif word in _NESTED:
            texts.append(f"-r {place}")
        elif word in _CONSTRAINTS:
            settings.append(f"-c {place}")
        elif word in _SETTINGS:
            # Beside the file for some versions of uv, in the current folder for others.
            settings.append(f"{word} {place}" if word in ("-f", "--find-links") and os.path.exists(place) else line)
        elif not line.startswith("-") or line.startswith(("-e", "--editable")):
            texts.append(line)
