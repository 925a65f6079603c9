"""The settings: which ones are in force here, and who said so?

Built in < the system's file < the user's file < the environment. Where the system's file sets the mode, the others may only make it
stricter, unless that file allows more. One ``key = value`` a line: a subset of TOML that takes no library.
"""

from __future__ import annotations

import posix

from uv_shim.errors import ShimError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: From the strictest to the softest.
MODES = ("enforce", "seal", "flag", "off")

#: The policy of whoever owns the machine. Its place is fixed: no variable of the caller's leads past it.
SYSTEM = "/etc/uv-shim/config.toml"

#: The keys, and what their values may be, as they are written.
KEYS = {"mode": tuple(f'"{mode}"' for mode in MODES), "allow-softer-modes": ("true", "false")}


class Setting:
    """A value that a file sets, and the line it stands in."""

    def __init__(self, value: str, line: int) -> None:
        self.value = value
        self.line = line


class Mode:
    """The mode's name, and where it was set."""

    def __init__(self, name: str, source: str, overruled: str = "") -> None:
        self.name = name
        self.source = source
        #: The softer wish that is not heeded, in words; empty where there is none.
        self.overruled = overruled


def path(environ: dict[str, str]) -> str | None:
    """Path of the user's configuration file, whether it exists or not; None without a home."""
    base = folder("XDG_CONFIG_HOME", ".config", environ)
    return f"{base}/uv-shim/config.toml" if base else None


def folder(variable: str, below: str, environ: Mapping[str, str]) -> str | None:
    """The XDG folder that ``variable`` names (a relative one names none), else the one ``below`` the home; None without a home."""
    given = environ.get(variable, "")
    return given if given.startswith("/") else f"{environ['HOME']}/{below}" if environ.get("HOME") else None


def mode(environ: dict[str, str]) -> Mode:
    """The mode in force. Both files are checked, whether they decide or not.

    Raises:
        ShimError: a value or a file is not usable.
    """
    system = read(SYSTEM)
    file = path(environ)
    user = read(file) if file else {}
    wish = environ.get("UV_SHIM_MODE")
    if wish:
        if wish not in MODES:
            raise ShimError(f"UV_SHIM_MODE is '{wish}', which is no mode. Allowed: {', '.join(MODES)}.")
        source = "UV_SHIM_MODE"
    elif "mode" in user:
        wish, source = user["mode"].value, file or ""
    if "mode" not in system:
        return Mode(wish, source) if wish else Mode("seal", "built in")
    policy = Mode(system["mode"].value, SYSTEM)
    if not wish:
        return policy
    if MODES.index(wish) <= MODES.index(policy.name) or ("allow-softer-modes" in system and system["allow-softer-modes"].value == "true"):
        return Mode(wish, source)
    policy.overruled = f"the mode '{wish}' ({source}) is not heeded: {SYSTEM} sets '{policy.name}' and allows no softer one"
    return policy


def read(file: str) -> dict[str, Setting]:
    """Settings in ``file``; none where it does not exist.

    Raises:
        ShimError: it cannot be read, or holds what is no setting.
    """
    try:
        with open(file, "rb") as opened:
            data = opened.read()
    except OSError as error:
        if isinstance(error, (FileNotFoundError, NotADirectoryError)) and not _is_link(file):
            return {}
        raise ShimError(f"{file}: the configuration file cannot be read ({error.strerror}). Make it readable, or remove it.") from None
    return parse(data, file)


def _is_link(file: str) -> bool:
    try:
        posix.readlink(file)
    except OSError:
        return False
    return True


def parse(data: bytes, file: str) -> dict[str, Setting]:
    """Settings in the contents of ``file``.

    Raises:
        ShimError: it holds what is no setting; the message names file, line and key.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise ShimError(f"{file}: the configuration file is not UTF-8 text.") from None
    settings: dict[str, Setting] = {}
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        where = f"{file}, line {number}"
        key, equals, rest = line.partition("=")
        key, rest = key.strip(), rest.strip()
        quote = rest[:1]
        if quote in ('"', "'"):
            value, closed, tail = rest[1:].partition(quote)
            written = f'"{value}"'
        else:
            written = value = closed = rest.partition("#")[0].rstrip()
            tail = ""
        if not equals or not closed or (tail.strip() and not tail.strip().startswith("#")):
            raise ShimError(f"{where}: '{line}' is no setting. Expected: key = value, with a key of: {', '.join(KEYS)}.")
        check(key, written, file, where)
        if key in settings:
            raise ShimError(f"{where}: '{key}' is set a second time.")
        settings[key] = Setting(value, number)
    return settings


def check(key: str, written: str, file: str, where: str) -> None:
    """Whether ``file`` may set ``key`` to what is written there.

    Raises:
        ShimError: it may not; the message begins with ``where``.
    """
    if key not in KEYS:
        raise ShimError(f"{where}: unknown key '{key}'. Allowed: {', '.join(KEYS)}.")
    if key == "allow-softer-modes" and file != SYSTEM:
        raise ShimError(f"{where}: '{key}' is for the system's file ({SYSTEM}) alone.")
    if written not in KEYS[key]:
        raise ShimError(f"{where}: {key} is {written.replace(chr(34), chr(39))}, which is not allowed. Allowed: {', '.join(KEYS[key])}.")
