"""The start files of shells: which of them get the PATH line, and how does it come in and go out byte for byte?

A file is replaced by a rename in its own folder, so that there is never half of one; a link stays a link, mode and owner stay.
Where only the file itself can be written (its folder cannot, it is a mount of its own, or has a second name), the line is appended by one
`write`, and taken out by cutting the end off: neither touches a byte of anybody else's. Where that will not do, the user is told.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from uv_shim import config
from uv_shim.setup.layout import NEW, Layout
from uv_shim.setup.receipt import Line

#: How long zsh may take to say where its start files are.
_SECONDS = 10

#: Words with which a start file changes PATH, or has another file or program do it.
_SETS_PATH = re.compile(rb"path|(?:^|[\s;&])(?:\.|source|eval)\s", re.IGNORECASE | re.MULTILINE)


class CannotEdit(Exception):
    """The file cannot be written; the message says why."""


def wanted(layout: Layout, environ: Mapping[str, str]) -> list[Path]:
    """The files that are to have the line: those that the shells that are here really read; each once, where two names are one file."""
    files = _of_system() if layout.system else _of_user(environ)
    once: dict[object, Path] = {}
    for path in files:
        once.setdefault(_identity(path), path)
    return list(once.values())


def _identity(path: Path) -> object:
    try:
        status = os.stat(path)
    except OSError:
        return os.path.realpath(path)
    return status.st_dev, status.st_ino


def _of_system() -> list[Path]:
    # Of Debian, and of Fedora, RHEL and macOS.
    return _there(*map(Path, ("/etc/bash.bashrc", "/etc/bashrc", "/etc/zsh/zshenv", "/etc/zshenv")))


def _of_user(environ: Mapping[str, str]) -> list[Path]:
    home = _home(environ)
    if home is None:
        return []
    files = [home / ".profile"]
    # A login bash reads the first of these that is there, and then no .profile; any other reads .bashrc.
    files += [path for path in (home / ".bash_profile", home / ".bash_login") if os.path.isfile(path)][:1]
    if os.path.isfile(home / ".bashrc") or _has("bash", environ):
        files.append(home / ".bashrc")
    first = Path(environ.get("ZDOTDIR", ""))
    if not first.is_absolute():
        first = home  # another folder wherever zsh starts
    if os.path.isfile(first / ".zshenv") or _has("zsh", environ):
        zsh = zsh_folder(environ) or first
        # Scripts read the first of these alone; after it, a login shell reads the second and, last of all, the fourth, and what people
        # type into the third: each may put something else before what is on PATH by then.
        files += [first / ".zshenv", *_there(zsh / ".zprofile"), zsh / ".zshrc", *_there(zsh / ".zlogin")]
        # Where ZDOTDIR is set, it is often the one in the home that sets it: a login shell reads that first, and its children the other.
        files += [path for path in _there(home / ".zshenv", zsh / ".zshenv") if path not in files]
    return files


def _there(*paths: Path) -> list[Path]:
    return [path for path in paths if os.path.isfile(path)]


def zsh_folder(environ: Mapping[str, str]) -> Path | None:
    """Where zsh looks for all but its first start file, as it says itself: that one may set ZDOTDIR, and need not export it.

    None where there is no zsh, or no answer.
    """
    zsh = shutil.which("zsh", path=environ.get("PATH", ""))
    if zsh is None:
        return None
    # Into a file: what the start file leaves running would keep a pipe open.
    with tempfile.TemporaryFile() as output:
        try:
            subprocess.run([zsh, "-c", r'printf "\0%s" "${ZDOTDIR-$HOME}"'], env=dict(environ), stdin=subprocess.DEVNULL, stdout=output,
                           stderr=subprocess.DEVNULL, timeout=_SECONDS, start_new_session=True, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        output.seek(0)
        _, mark, folder = output.read().rpartition(b"\0")
    try:
        return Path(folder.decode()) if mark and folder.startswith(b"/") else None
    except UnicodeDecodeError:
        return None  # the receipt could not name it


def fish(layout: Layout, environ: Mapping[str, str]) -> Path | None:
    """The file for fish; None where there is no fish."""
    base = config.folder("XDG_CONFIG_HOME", ".config", environ)
    if layout.system:
        folder = Path("/etc/fish")
    elif base and _home(environ):
        folder = Path(base, "fish")
    else:
        return None
    # fish reads these by name, and `uv.env.fish` of uv's own installer puts the bare uv first.
    return folder / "conf.d" / "zz-uv-shim.fish" if os.path.isdir(folder) or (not layout.system and _has("fish", environ)) else None


def _home(environ: Mapping[str, str]) -> Path | None:
    home = environ.get("HOME")
    return Path(home) if home and os.path.isdir(home) else None


def _has(shell: str, environ: Mapping[str, str]) -> bool:
    return shutil.which(shell, path=environ.get("PATH", "")) is not None


def contents(path: Path) -> bytes | None:
    """What is in a file; None where there is none.

    Raises:
        CannotEdit: it cannot be read.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise CannotEdit("no regular file")
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CannotEdit(_why(error)) from None


def holds(line: Line) -> bool:
    """Whether the line is in its file."""
    data = contents(Path(line.file))
    return data is not None and _find(data, line) is not None


def is_overtaken(line: Line) -> bool:
    """Whether what stands behind the line may put another uv first, as what uv's own installer writes there does."""
    data = contents(Path(line.file)) or b""
    place = _find(data, line)
    return place is not None and _SETS_PATH.search(data, place[1]) is not None


def learn(path: Path, text: str) -> Line:
    """A line that is there, or not yet, and that no receipt knows. Where there is nothing but it, nobody else has made the file."""
    return Line(str(path), text, created=(contents(path) or b"").rstrip(b"\r\n") == os.fsencode(text))


def prepare(path: Path, text: str) -> Line:
    """The line that `add` would put there, and what comes with it."""
    data = contents(path)
    end = (data or b"")[-2:]
    return Line(str(path), text, created=data is None, newline=(end[-1:] not in (b"", b"\n")) + end.rstrip(b"\n").endswith(b"\\"))


def add(line: Line) -> None:
    """Put the line at the end of its file: there it comes first on PATH.

    Raises:
        CannotEdit: the file cannot be written; it is as it was.
    """
    target = writable(line)
    data = contents(target) or b""
    added = b"\n" * line.newline + os.fsencode(line.text) + b"\n"
    if _replace(target, data + added):
        return
    try:
        with open(target, "ab", buffering=0) as file:
            file.write(added)
    except OSError as error:
        raise CannotEdit(_why(error)) from None


def remove(line: Line) -> None:
    """Leave the file, byte for byte, as it would be without the line.

    Raises:
        CannotEdit: the file cannot be written; it is as it was.
    """
    target = Path(os.path.realpath(line.file))
    _unlink(_new(target))
    data = contents(target)
    place = None if data is None else _find(data, line)
    if data is None or (place is None and not (line.created and not data)):
        return
    target = writable(line)
    start, end = place or (0, 0)
    rest = data[:start] + data[end:]
    try:
        if line.created and not rest:
            target.unlink()
        elif not _replace(target, rest):
            if end < len(data):
                why = "it has a second name" if target.stat().st_nlink > 1 else "its folder is not writable"
                raise CannotEdit(f"{why}, and there is text behind the line")
            os.truncate(target, start)
    except OSError as error:
        raise CannotEdit(_why(error)) from None


def writable(line: Line) -> Path:
    """The file itself, where a dotfile is a link into somebody's repository. A rename would get past its mode, but that was meant.

    Raises:
        CannotEdit: it is read-only.
    """
    target = Path(os.path.realpath(line.file))
    if os.path.exists(target) and not (target.stat().st_mode & 0o222 and os.access(target, os.W_OK)):
        raise CannotEdit("it is read-only")
    return target


def _find(data: bytes, line: Line) -> tuple[int, int] | None:
    """Where the line begins and ends; with the newlines before it, if they came with it and nothing needs them since."""
    text = os.fsencode(line.text)
    at = 0
    while at < len(data):
        end = data.find(b"\n", at) + 1 or len(data)
        # An editor may have given the whole file other line ends since.
        if data[at:end].rstrip(b"\r\n") == text:
            return at - (line.newline if data[:at].endswith(b"\n" * line.newline) and end == len(data) else 0), end
        at = end
    return None


def _replace(target: Path, data: bytes) -> bool:
    """Put a file with that content in the place of ``target``; False, and nothing done, where that cannot be."""
    new = _new(target)
    try:
        before = os.stat(target) if os.path.exists(target) else None
        if before and before.st_nlink > 1:
            return False
        _unlink(new)
        # Nobody else reads it before it has the mode of the other.
        with open(new, "xb", opener=lambda path, flags: os.open(path, flags, 0o600 if before else 0o666)) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if before:
                if (before.st_uid, before.st_gid) != (os.fstat(file.fileno()).st_uid, os.fstat(file.fileno()).st_gid):
                    os.fchown(file.fileno(), before.st_uid, before.st_gid)
                shutil.copystat(target, new)
                os.utime(new)
        os.replace(new, target)
    except OSError:
        try:
            _unlink(new)
        except OSError:
            pass
        return False
    return True


def _new(target: Path) -> Path:
    return target.with_name(target.name + NEW)


def _unlink(path: Path) -> None:
    if os.path.lexists(path):
        path.unlink()


def _why(error: OSError) -> str:
    return error.strerror or str(error)
