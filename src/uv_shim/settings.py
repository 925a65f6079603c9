"""The settings for people: which are in force, who said so, and how is one changed?

What is in force is `config`'s to say. A file is changed in one line, which tomli-w writes; all others stay as they are.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

from uv_shim import config, report
from uv_shim.errors import ShimError

#: Settings that there are in the environment alone.
_VARIABLES = ("UV_SHIM_REAL_UV", "UV_SHIM_PYTHON", "UV_SHIM_TRACE")


@dataclass(frozen=True)
class Effective:
    """A setting that is in force."""

    key: str
    value: str
    #: One of: built in, system file, user file, environment.
    source: str
    #: The file with the line, or the variable.
    where: str = ""
    #: The softer wish that is not heeded.
    overruled: str = ""


@dataclass(frozen=True)
class File:
    """A configuration file that is looked at."""

    name: str
    path: str
    exists: bool


def files(environ: Mapping[str, str]) -> list[File]:
    """The files that are looked at, the stronger one last."""
    user = config.path(dict(environ))
    return [File(name, path, os.path.exists(path)) for name, path in (("system file", config.SYSTEM), ("user file", user)) if path]


def effective(environ: Mapping[str, str]) -> list[Effective]:
    """All settings, with who set them.

    Raises:
        ShimError: a file or a variable is not usable.
    """
    system = config.read(config.SYSTEM)
    mode = config.mode(dict(environ))
    if mode.source == "UV_SHIM_MODE":
        source, where = "environment", mode.source
    elif mode.source == config.SYSTEM:
        source, where = "system file", f"{mode.source}, line {system['mode'].line}"
    elif os.path.isabs(mode.source):
        source, where = "user file", f"{mode.source}, line {config.read(mode.source)['mode'].line}"
    else:
        source, where = "built in", ""
    settings = [Effective("mode", mode.name, source, where, mode.overruled)]
    allow = system.get("allow-softer-modes")
    settings.append(Effective("allow-softer-modes", allow.value, "system file", f"{config.SYSTEM}, line {allow.line}") if allow
                    else Effective("allow-softer-modes", "false", "built in"))
    return settings + [Effective(name, environ[name], "environment", name) for name in _VARIABLES if environ.get(name)]


def one(key: str, environ: Mapping[str, str]) -> Effective:
    """The setting of that name.

    Raises:
        ShimError: there is none; a file or a variable is not usable.
    """
    if key not in config.KEYS:
        raise ShimError(f"unknown key '{key}'. Allowed: {', '.join(config.KEYS)}.")
    return next(setting for setting in effective(environ) if setting.key == key)


def change(key: str, value: str | None, environ: Mapping[str, str], *, system: bool) -> str:
    """Set the key in the user's or the system's file, or take it out (None); returns what was done.

    Raises:
        ShimError: the key, the value or the file is not usable. The file is as it was.
    """
    file = config.SYSTEM if system else config.path(dict(environ))
    if file is None:
        raise ShimError("the user's configuration file has no place: neither HOME nor XDG_CONFIG_HOME is set.")
    quoted = value if value in ("true", "false") or value is None else f'"{value}"'
    config.check(key, config.KEYS.get(key, ("",))[0] if quoted is None else quoted, file, file)
    before = _contents(file)
    known = config.parse(before, file)
    after = _changed(before, key, value, known[key].line if key in known else None)
    if after == before:
        return f"{file} is as it was: {f'{key} is set to that' if value else f'{key} is not set'} already"
    # The sealing path's parser has the last word on what is written.
    config.parse(after, file)
    # A link to nothing would be a file that cannot be read.
    remove = not after.strip() and not os.path.islink(file)
    try:
        if remove:
            os.unlink(file)
        else:
            _replace(file, after)
    except OSError as error:
        raise ShimError(f"{file}: cannot be written ({error.strerror}). It is as it was.") from None
    if remove:
        return f"{key} is taken out of {file}; nothing was left in it, so it is removed"
    rest = "; all other lines and comments are as they were" if len(after.splitlines()) > 1 else ""
    return f"{f'{key} = {value}' if value else f'{key} is taken out'} {'in' if value else 'of'} {file}{rest}"


def in_words(settings: list[Effective], looked_at: list[File], style: report.Style) -> str:
    """For people."""
    lines = report.table([(setting.key, setting.value, setting.source, "" if setting.where == setting.key else setting.where)
                          for setting in settings])
    lines += [style.paint(f"note: {setting.overruled}", "yellow") for setting in settings if setting.overruled]
    names = report.table([(file.name, file.path, "" if file.exists else "not there") for file in looked_at])
    return "\n".join((*lines, "", *(style.paint(line, "dim") for line in names)))


def _contents(file: str) -> bytes:
    try:
        with open(file, "rb") as opened:
            return opened.read()
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise ShimError(f"{file}: the configuration file cannot be read ({error.strerror}).") from None


def _changed(before: bytes, key: str, value: str | None, number: int | None) -> bytes:
    """The file's text with the key's line (its number, if it has one) set, added or taken out."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", before.decode("utf-8"))
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    if value is None:
        if number is not None:
            del lines[number - 1]
    elif number is None:
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += end
        lines.append(_line(key, value) + end)
    else:
        match = re.fullmatch(r"""(\s*)[\w-]+\s*=\s*(?:"[^"]*"|'[^']*'|[^#\s]+)(.*)""", lines[number - 1], re.DOTALL)
        if match:  # always: the parser has accepted the line
            lines[number - 1] = f"{match[1]}{_line(key, value)}{match[2]}"
    return "".join(lines).encode()


def _line(key: str, value: str) -> str:
    try:
        import tomli_w
    except ImportError:
        from uv_shim.setup import equipment

        raise ShimError("setting a value needs tomli-w, which this Python does not have. Nothing was written.",
                        f"Next step: {equipment.next_step()}; or write the line into the file yourself.") from None
    return tomli_w.dumps({key: value == "true" if value in ("true", "false") else value}).rstrip("\n")


def _replace(file: str, contents: bytes) -> None:
    """Put the contents in the file's place at once; a link to it stays, and so do its owner and permissions."""
    target = os.path.realpath(file)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    fd, partial = tempfile.mkstemp(dir=os.path.dirname(target), prefix=".config.")
    try:
        with open(fd, "wb") as opened:
            opened.write(contents)
            opened.flush()
            os.fsync(opened.fileno())
        try:
            kept = os.stat(target)
        except FileNotFoundError:
            umask = os.umask(0)
            os.umask(umask)
            # Everyone on the machine reads its policy.
            os.chmod(partial, 0o644 if file == config.SYSTEM else 0o666 & ~umask)
        else:
            os.chmod(partial, kept.st_mode & 0o7777)
            if (kept.st_uid, kept.st_gid) != (os.geteuid(), os.getegid()):
                os.chown(partial, kept.st_uid, kept.st_gid)
        os.replace(partial, target)
    except BaseException:
        os.unlink(partial)
        raise
