"""The mode: which one is in force here, and who said so?

The configuration file is a subset of TOML, so that it needs no TOML library on the sealing path: one ``key = "value"`` a line.
"""

from __future__ import annotations

import os

from uv_shim.errors import ShimError

MODES = ("seal", "enforce", "flag", "off")

_KEYS = ("mode",)


class Mode:
    """The mode's name, and where it was set."""

    __slots__ = ("name", "source")

    def __init__(self, name: str, source: str) -> None:
        self.name = name
        self.source = source


def path(environ: dict[str, str]) -> str | None:
    """Path of the user's configuration file, whether it exists or not; None without a home."""
    base = environ.get("XDG_CONFIG_HOME") or (environ.get("HOME") and os.path.join(environ["HOME"], ".config"))
    return os.path.join(base, "uv-shim", "config.toml") if base else None


def mode(environ: dict[str, str]) -> Mode:
    """The mode in force: ``UV_SHIM_MODE``, else the configuration file's, else ``seal``. The file is checked either way.

    Raises:
        ShimError: a value or the file is not usable; the message names the value, where it stands and what is allowed.
    """
    file = path(environ)
    settings = read(file) if file else {}
    name = environ.get("UV_SHIM_MODE")
    if name:
        if name not in MODES:
            raise ShimError(f"UV_SHIM_MODE is '{name}', which is no mode. Allowed: {', '.join(MODES)}.")
        return Mode(name, "UV_SHIM_MODE")
    return Mode(settings["mode"], file or "") if "mode" in settings else Mode("seal", "built in")


def read(file: str) -> dict[str, str]:
    """Settings in ``file``; none where it does not exist.

    Raises:
        ShimError: it cannot be read, or holds what is no setting.
    """
    try:
        with open(file, "rb") as opened:
            text = opened.read().decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise ShimError(f"{file}: the configuration file cannot be read ({error.strerror}). Make it readable, or remove it.") from None
    except UnicodeDecodeError:
        raise ShimError(f"{file}: the configuration file is not UTF-8 text.") from None
    settings: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        where = f"{file}, line {number}"
        key, equals, rest = line.partition("=")
        key, rest = key.strip(), rest.strip()
        quote = rest[:1]
        value, closed, tail = rest[1:].partition(quote) if quote in ('"', "'") else ("", "", "")
        if not equals or not closed or (tail.strip() and not tail.strip().startswith("#")):
            raise ShimError(f"{where}: '{line}' is no setting. Expected: key = \"value\", with a key of: {', '.join(_KEYS)}.")
        if key not in _KEYS:
            raise ShimError(f"{where}: unknown key '{key}'. Allowed: {', '.join(_KEYS)}.")
        if key in settings:
            raise ShimError(f"{where}: '{key}' is set a second time.")
        if value not in MODES:
            raise ShimError(f"{where}: {key} is '{value}', which is no mode. Allowed: {', '.join(MODES)}.")
        settings[key] = value
    return settings
