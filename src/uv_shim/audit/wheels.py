"""Wheels: which file of a locked package does uv take for this Python?"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from packaging.tags import Tag, compatible_tags, cpython_tags, generic_tags, mac_platforms
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from uv_shim import processes
from uv_shim.audit.lock import File, Package

#: Asked of the project's own interpreter, which may be older than all that this one imports: nothing but facts, by its standard library.
_QUESTION = """\
import json, os, platform, re, subprocess, sys, sysconfig
try:
    libc = os.confstr("CS_GNU_LIBC_VERSION")
except (AttributeError, OSError, ValueError):
    with open("/proc/self/maps") as maps:
        loader = re.search("/[^ \\n]*ld-musl-[^ \\n]*", maps.read())
    libc = loader and subprocess.run([loader.group()], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE).stderr.decode()
version = sys.implementation.version
released = ".".join(map(str, version[:3])) + ("" if version.releaselevel == "final" else version.releaselevel[0] + str(version.serial))
print(json.dumps({
    "implementation": sys.implementation.name, "version": sys.version_info[:2], "suffix": sysconfig.get_config_var("EXT_SUFFIX"),
    "threading": bool(sysconfig.get_config_var("Py_GIL_DISABLED")), "debug": bool(sysconfig.get_config_var("Py_DEBUG")),
    "platform": sysconfig.get_platform(), "bits": 64 if sys.maxsize > 2**32 else 32, "libc": libc,
    "macos": platform.mac_ver()[::2],
    "environment": {
        "implementation_name": sys.implementation.name, "implementation_version": released, "os_name": os.name,
        "platform_machine": platform.machine(), "platform_release": platform.release(), "platform_system": platform.system(),
        "platform_version": platform.version(), "python_full_version": platform.python_version(),
        "platform_python_implementation": platform.python_implementation(),
        "python_version": ".".join(platform.python_version_tuple()[:2]), "sys_platform": sys.platform,
    },
}))
"""

#: Short names of implementations, as tags have them.
_SHORT = {"cpython": "cp", "pypy": "pp"}

#: Names of old for what runs with a glibc 2.x of that number.
_LEGACY = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}


class Python(NamedTuple):
    """An interpreter."""

    path: str
    #: As in ``CPython 3.11.7``.
    version: str
    #: What it can install, best first.
    tags: tuple[str, ...]
    #: Values of markers.
    environment: Mapping[str, str]


class CannotTell(Exception):
    """The interpreter did not say."""


@lru_cache(maxsize=8)
def ask(path: str) -> Python:
    """Ask the interpreter at ``path`` for its tags.

    Raises:
        CannotTell: with the reason.
    """
    # -I: neither the caller's variables nor the folder that this runs in have a say.
    argv = [path, "-I", "-S", "-B", "-c", _QUESTION]
    done = processes.run(argv, {"PATH": os.defpath, "LC_ALL": "C.UTF-8"})
    if done.code is None:
        raise CannotTell(done.why)
    try:
        facts = json.loads(done.stdout)
        environment = dict(facts["environment"])
        version = f"{environment['platform_python_implementation']} {environment['python_full_version']}"
        return Python(path, version, tuple(map(str, taken(facts))), environment)
    except (ValueError, TypeError, KeyError):
        raise CannotTell(f"{path} does not say which wheels it takes{done.why and f': {done.why}'}") from None


def taken(facts: Mapping[str, Any]) -> Iterator[Tag]:
    """Tags of the wheels that an interpreter takes, best first, by what it says of itself."""
    name, (major, minor) = facts["implementation"], facts["version"]
    short = f"{_SHORT.get(name, name)}{major}{minor}"
    macos, machine = facts["macos"]
    if macos:
        release = [*map(int, macos.split(".")), 0]
        platforms = list(mac_platforms((release[0], release[1]), machine))
    else:
        platforms = list(_platforms(facts["platform"].replace(".", "_").replace("-", "_"), facts["bits"], facts["libc"] or ""))
    if name == "cpython":
        threading = "t" if facts["threading"] else ""
        abis = [f"{short}{threading}d", f"{short}{threading}"] if facts["debug"] else [f"{short}{threading}"]
        yield from cpython_tags((major, minor), abis, platforms)
    else:
        # As in `.pypy310-pp73-x86_64-linux-gnu.so`, and `.graalpy242-311-native-x86_64-linux.so`.
        abi = facts["suffix"].split(".")[1].split("-")[: 3 if name == "graalpy" else 2]
        yield from generic_tags(short, ["_".join(abi)], platforms)
    yield from compatible_tags((major, minor), "pp3" if name == "pypy" else short if name == "cpython" else None, platforms)


def _platforms(linux: str, bits: int, libc: str) -> Iterator[str]:
    """As uv has them, which takes what says nothing of the libc (`linux_x86_64`) last; `packaging` takes it first since 26.3."""
    if bits == 32:
        linux = {"linux_x86_64": "linux_i686", "linux_aarch64": "linux_armv8l"}.get(linux, linux)
    machine = linux.partition("_")[2]
    machines = ["armv8l", "armv7l"] if machine == "armv8l" else [machine]
    glibc, musl = re.match(r"glibc 2\.(\d+)", libc), re.search(r"^Version 1\.(\d+)", libc, re.MULTILINE)
    for machine in machines:
        oldest = 5 if machine in ("x86_64", "i686") else 17
        for minor in range(int(glibc.group(1)), oldest - 1, -1) if glibc else ():
            yield f"manylinux_2_{minor}_{machine}"
            if minor in _LEGACY:
                yield f"{_LEGACY[minor]}_{machine}"
        yield from (f"musllinux_1_{minor}_{machine}" for minor in (range(int(musl.group(1)), -1, -1) if musl else ()))
    yield from (f"linux_{machine}" for machine in machines) if linux.startswith("linux_") else (linux,)


def chosen(package: Package, python: Python, *, wheels: bool = True, sdists: bool = True) -> File | None:
    """The file that uv takes: the wheel that fits best, else the sdist; without ``wheels`` or ``sdists``, none of those."""
    ranks = {tag: rank for rank, tag in enumerate(python.tags)}
    best: tuple[tuple[int, tuple[int, str]], File] | None = None
    for wheel in package.wheels if wheels else ():
        try:
            _, _, build, tags = parse_wheel_filename(wheel.name)
        except InvalidWheelFilename:
            continue
        rank = min((ranks[str(tag)] for tag in tags if str(tag) in ranks), default=None)
        if rank is not None:
            priority = (-rank, (build[0], build[1]) if build else (-1, ""))
            if best is None or priority > best[0]:
                best = (priority, wheel)
    if best:
        return best[1]
    return package.sdist if sdists else None


def fits(filename: str, python: Python) -> bool:
    """Whether a wheel of that name can be installed there."""
    try:
        tags = parse_wheel_filename(filename)[3]
    except InvalidWheelFilename:
        return False
    return not set(python.tags).isdisjoint(str(tag) for tag in tags)


def same(one: str | None, other: str) -> bool:
    """Whether two names are those of one wheel: uv writes normal forms (`pyyaml-6.0.1-…`), whatever the index has (`PyYAML-6.0.1-…`)."""
    try:
        return one is not None and parse_wheel_filename(one) == parse_wheel_filename(other)
    except InvalidWheelFilename:
        return one == other
