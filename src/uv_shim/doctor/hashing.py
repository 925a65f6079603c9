"""What changes what uv makes of hashes: which variables and settings of uv's own are at work here?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from uv_shim import uvfiles
from uv_shim.doctor.findings import OK, UNKNOWN, WARNING, Finding
from uv_shim.realuv import is_true

#: The variables, what comes of each, and what to do.
_VARIABLES = {
    "UV_NO_VERIFY_HASHES": ("the shim drops it for `pip install` and `pip sync`; a uv that is called past the shim checks no hash",
                            "unset it"),
    "UV_REQUIRE_HASHES": ("uv takes nothing that has no hash in the requirements, and the shim leaves all to it",
                          "unset it, unless that is what you want"),
    "UV_CONSTRAINT": ("`-c` on the command line would replace it, so the shim hands these files on beside its own constraints",
                      "pass the files with -c where you want to see what counts, or unset it"),
}


def probe(environ: Mapping[str, str]) -> Iterator[Finding]:
    """A finding for each, or one that there is none."""
    found = [Finding(name, WARNING, f"is set ({environ[name]}): {text}", fix)
             for name, (text, fix) in _VARIABLES.items() if _is_set(name, environ)]
    for file in uvfiles.read_by_uv(uvfiles.upwards(), environ):
        found += _in_file(file)
    yield from found or [Finding("hash settings", OK, "no variable or file of uv changes them here")]


def _is_set(name: str, environ: Mapping[str, str]) -> bool:
    value = environ.get(name, "")
    return bool(value) if name == "UV_CONSTRAINT" else is_true(value)


def _in_file(file: Path) -> Iterator[Finding]:
    try:
        data = file.read_bytes()
    except OSError as error:
        yield Finding("hash settings", UNKNOWN, f"{file} cannot be read ({error.strerror})", "make it readable; uv does not read it either")
        return
    # What says nothing of hashes needs no TOML reader.
    if b"-hashes" not in data:
        return
    read = _toml()
    if read is None:
        yield Finding("hash settings", UNKNOWN, f"{file} cannot be read: this Python has no TOML reader",
                      "run uv-shim with Python 3.11 or later, or install tomli")
        return
    try:
        pip = _pip_table(read(data.decode()), file)
    except ValueError as error:
        yield Finding("hash settings", UNKNOWN, f"{file} is no TOML: {error}", "correct it; uv does not read it either")
        return
    if pip.get("verify-hashes") is False:
        yield Finding("verify-hashes", WARNING, f"{file} says false; the shim turns it on for `pip install` and `pip sync`",
                      "take the line out: past the shim, uv checks no hash")
    if pip.get("require-hashes") is True:
        yield Finding("require-hashes", WARNING, f"{file} says true: uv takes nothing that has no hash in the requirements",
                      "take the line out, unless that is what you want")


def _pip_table(document: dict[str, Any], file: Path) -> dict[str, Any]:
    for key in (("tool", "uv", "pip") if file.name == "pyproject.toml" else ("pip",)):
        value = document.get(key)
        document = value if isinstance(value, dict) else {}
    return document


def _toml() -> Callable[[str], dict[str, Any]] | None:
    for name in ("tomllib", "tomli"):
        try:
            module = __import__(name)
        except ImportError:
            continue
        loads: Callable[[str], dict[str, Any]] = module.loads
        return loads
    return None
