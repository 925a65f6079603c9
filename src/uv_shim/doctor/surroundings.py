"""What the shim works with: which uv, Python, settings and cache are there, and what goes past the shim?"""

from __future__ import annotations

import os
import pwd
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from uv_shim import config, router, settings, versions, which
from uv_shim.doctor.findings import Finding, State
from uv_shim.errors import ShimError

#: A uv or Python that takes longer than this does not answer.
_SECONDS = 30

#: What changes what uv makes of hashes, and what the shim makes of that.
_VARIABLES = {
    "UV_NO_VERIFY_HASHES": ("the shim drops it for `pip install` and `pip sync`; a uv that is called past the shim checks no hash", "unset it"),
    "UV_REQUIRE_HASHES": ("uv takes nothing that has no hash in the requirements, and the shim leaves all to it",
                          "unset it, unless that is what you want"),
    "UV_CONSTRAINT": ("`-c` on the command line would replace it, so the shim hands these files on beside its own constraints",
                      "pass the files with -c where you want to see what counts, or unset it"),
}


class Surroundings:
    """What several probes ask for."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.found: which.Which | None = None
        self.error: ShimError | None = None
        try:
            self.found = which.look(environ)
        except ShimError as error:
            self.error = error

    def candidates(self) -> list[which.Candidate]:
        """Each uv on PATH."""
        return list(self.found.candidates) if self.found else which.candidates(self.environ, ())

    def environments(self) -> list[str]:
        """The Python environments here: the active ones, and the project's."""
        near = next((str(folder / ".venv") for folder in (Path.cwd(), *Path.cwd().parents) if (folder / ".venv").is_dir()), None)
        given = [self.environ.get("VIRTUAL_ENV"), self.environ.get("CONDA_PREFIX"), near]
        return list(dict.fromkeys(os.path.normpath(path) for path in given if path and os.path.isdir(path)))


def probes(environ: Mapping[str, str]) -> list[Callable[[], Iterator[Finding]]]:
    """The probes, in the order of what matters."""
    place = Surroundings(environ)
    every = (_real, _python, _configuration, _hash_settings, _shadows, _managers, _copies, _cache, _links, _processes, _bypass)
    return [partial(probe, place) for probe in every]


def _real(place: Surroundings) -> Iterator[Finding]:
    """Is there a uv, and can it be sealed?"""
    name = "real uv"
    if place.found is None:
        lines = place.error.lines if place.error else ()
        yield Finding(name, State.PROBLEM, lines[0], lines[-1] if len(lines) > 1 else "set UV_SHIM_REAL_UV to the path of the real uv")
        return
    version = versions.parse(place.found.said)
    if version is None:
        yield Finding(name, State.UNKNOWN, f"{place.found.uv} does not say its version (it says: {place.found.said})",
                      "set UV_SHIM_REAL_UV to the path of the real uv")
        return
    regime = versions.Regime(version)
    text = f"{place.found.uv}, {place.found.version}, {regime.in_words()}"
    if regime.constrains:
        yield Finding(name, State.OK, text)
    else:
        yield Finding(name, State.PROBLEM, f"too old: {text}", "upgrade it to 0.4.6 or later")


def _python(place: Surroundings) -> Iterator[Finding]:
    """Which Python would seal? The router is asked, as it looks for one."""
    name = "Python"
    fix = "install Python 3.8 or later, or set UV_SHIM_PYTHON to one"
    if place.found is None:
        yield Finding(name, State.UNKNOWN, "the router finds no uv, so it looks for no Python", "see `real uv`")
        return
    with tempfile.TemporaryDirectory() as folder:
        shim = next((one.path for one in place.candidates() if one.shim and which.is_shim(one.path)), None)
        # With an empty cache, it knows of no uv that could do without.
        env = {**place.environ, "UV_SHIM_TRACE": "1", "UV_SHIM_MODE": "", "UV_SHIM_VISITED": "", "XDG_CACHE_HOME": folder}
        try:
            done = subprocess.run(["/bin/sh", shim or str(router.lay_out(Path(folder))), "pip", "install", "--help"], env=env, stdin=subprocess.DEVNULL,
                                  capture_output=True, check=False, timeout=_SECONDS)
        except subprocess.TimeoutExpired:
            yield Finding(name, State.UNKNOWN, f"`uv pip install --help` takes longer than {_SECONDS} s", fix)
            return
    lines = os.fsdecode(done.stderr).splitlines()
    tried = [number for number, line in enumerate(lines) if ": trace: sealing: exec " in line]
    if not tried:
        refused = [line for line in lines if "Python" in line]
        yield Finding(name, State.PROBLEM, (refused or lines or ["the router says nothing"])[0].replace("uv-shim: ", ""), fix)
        return
    python = lines[tried[-1]].partition(": exec ")[2]
    after = lines[tried[-1] + 1 :]
    if any(line.startswith("uv-shim: ") for line in after):
        yield Finding(name, State.OK, f"{python} does the sealing")
    else:
        yield Finding(name, State.PROBLEM, f"{python} does not run the shim: {after[-1] if after else f'exit code {done.returncode}'}", fix)


def _configuration(place: Surroundings) -> Iterator[Finding]:
    """Which mode is in force?"""
    name = "configuration"
    try:
        mode = settings.effective(place.environ)[0]
    except ShimError as error:
        yield Finding(name, State.PROBLEM, error.lines[0], "correct it there; until then `uv pip install` and `uv pip sync` are refused")
        return
    said = f"the mode is '{mode.value}' ({mode.where or mode.source})"
    if mode.overruled:
        yield Finding(name, State.WARNING, mode.overruled, f"ask for no softer one, or allow it there: allow-softer-modes = true in {config.SYSTEM}")
    elif mode.value in ("off", "flag"):
        yield Finding(name, State.WARNING, f"{said}, so nothing is sealed", "uv-shim config set mode seal" if mode.source != "environment" else
                      "unset UV_SHIM_MODE")
    else:
        yield Finding(name, State.OK, said)


def _hash_settings(place: Surroundings) -> Iterator[Finding]:
    """Does anything here change what uv makes of hashes?"""
    found = [Finding(name, State.WARNING, f"is set ({place.environ[name]}): {text}", fix)
             for name, (text, fix) in _VARIABLES.items() if place.environ.get(name)]
    for file in _uv_files(place.environ):
        found += _hash_settings_in(file)
    yield from found or [Finding("hash settings", State.OK, "no variable or file of uv changes them here")]


def _hash_settings_in(file: str) -> Iterator[Finding]:
    data = Path(file).read_bytes()
    if b"-hashes" not in data:
        return
    read = _toml()
    if read is None:
        yield Finding("hash settings", State.UNKNOWN, f"{file} cannot be read: this Python has no TOML reader",
                      "run uv-shim with Python 3.11 or later, or install tomli")
        return
    try:
        pip = _pip_table(read(data.decode()), file)
    except ValueError as error:
        yield Finding("hash settings", State.UNKNOWN, f"{file} is no TOML: {error}", "correct it; uv does not read it either")
        return
    if pip.get("verify-hashes") is False:
        yield Finding("verify-hashes", State.WARNING, f"{file} says false; the shim turns it on for `pip install` and `pip sync`",
                      "take the line out: past the shim, uv checks no hash")
    if pip.get("require-hashes") is True:
        yield Finding("require-hashes", State.WARNING, f"{file} says true: uv takes nothing that has no hash in the requirements",
                      "take the line out, unless that is what you want")


def _pip_table(document: dict[str, Any], file: str) -> dict[str, Any]:
    for key in (("tool", "uv", "pip") if file.endswith("pyproject.toml") else ("pip",)):
        value = document.get(key)
        document = value if isinstance(value, dict) else {}
    return document


def _uv_files(environ: Mapping[str, str]) -> list[str]:
    """The settings files that uv reads here."""
    if environ.get("UV_NO_CONFIG"):
        return []
    if environ.get("UV_CONFIG_FILE"):
        return [file for file in (environ["UV_CONFIG_FILE"],) if os.path.isfile(file)]
    home = environ.get("XDG_CONFIG_HOME") or (f"{environ['HOME']}/.config" if environ.get("HOME") else None)
    files = []
    for folder in (Path.cwd(), *Path.cwd().parents):
        near = [folder / "uv.toml", folder / "pyproject.toml"]
        found = next((str(file) for file in near if file.is_file() and (file.name == "uv.toml" or b"[tool.uv" in file.read_bytes())), None)
        if found:
            files.append(found)
            break
    files += [file for file in ([f"{home}/uv/uv.toml"] if home else []) if os.path.isfile(file)]
    return files + [file for file in ("/etc/uv/uv.toml",) if os.path.isfile(file)]


def _toml() -> Callable[[str], dict[str, Any]] | None:
    for name in ("tomllib", "tomli"):
        try:
            module = __import__(name)
        except ImportError:
            continue
        loads: Callable[[str], dict[str, Any]] = module.loads
        return loads
    return None


def _shadows(place: Surroundings) -> Iterator[Finding]:
    """Does an environment here bring a uv of its own?"""
    found = False
    on_path = list(which.on_path(place.environ))
    for environment in place.environments():
        own = f"{environment}/bin/uv"
        if which.is_program(own) and not which.is_shim(own):
            found = True
            before = next((one for one in on_path if which.is_program(one)), "")
            active = bool(before) and os.path.realpath(before) == os.path.realpath(own)
            yield Finding("environment", State.PROBLEM if active else State.WARNING,
                          f"{own} {'comes before the shim' if active else 'comes before the shim once that environment is active'}",
                          "take `uv` out of what is installed there (uv pip uninstall uv), or put the shim's folder before it when it is active")
    if not found:
        yield Finding("environment", State.OK, "no environment here brings a uv of its own")


def _managers(place: Surroundings) -> Iterator[Finding]:
    """Does another manager's shim stand in the way?"""
    name = "other shims"
    found = [one for one in place.candidates() if one.manager and one.runs]
    if not found:
        yield Finding(name, State.OK, "no other manager's shim is called uv")
    for one in found:
        if one.state in ("taken", "passed on"):
            yield Finding(name, State.WARNING, f"{one.path} is run, and decides which uv that is ({one.manager})",
                          "set UV_SHIM_REAL_UV to the uv that it stands for")
        else:
            yield Finding(name, State.OK, f"{one.path} ({one.manager}) stands behind the uv that is run")


def _copies(place: Surroundings) -> Iterator[Finding]:
    """How many copies of the shim are on PATH?"""
    copies = {os.path.realpath(one.path): one.path for one in reversed(place.candidates()) if one.shim}
    if len(copies) > 1:
        yield Finding("copies", State.WARNING, f"{len(copies)} copies of the shim are on PATH; they act as one, the first: {', '.join(reversed(list(copies.values())))}",
                      "leave the newest one on PATH")
    else:
        yield Finding("copies", State.OK, f"{'one copy' if copies else 'no copy'} of the shim is on PATH")


def _cache(place: Surroundings) -> Iterator[Finding]:
    """Is there a cache that the next `uv sync` can use?"""
    name = "cache"
    if place.environ.get("UV_NO_CACHE"):
        yield Finding(name, State.WARNING, "UV_NO_CACHE is set: nothing is kept for a later `uv sync`", "unset it")
        return
    folder = _cache_folder(place)
    if folder is None:
        yield Finding(name, State.UNKNOWN, "uv does not say where it is (`uv cache dir`)", "see `real uv`")
        return
    base = place.environ.get("XDG_CACHE_HOME") or f"{place.environ.get('HOME', '')}/.cache"
    source = "UV_CACHE_DIR" if place.environ.get("UV_CACHE_DIR") else "the default" if folder == f"{base}/uv" else "set in a file of uv's"
    there = _existing(folder)
    owner, me = os.stat(there).st_uid, os.geteuid()
    text = f"{folder} ({source}; {'belongs to' if there == folder else 'not there yet, below a folder of'} {_user(owner)})"
    if not os.access(there, os.W_OK | os.X_OK):
        yield Finding(name, State.PROBLEM, f"{text} cannot be written by {_user(me)}", f"chown -R {_user(me)} {there}, or set UV_CACHE_DIR to a folder of your own")
        return
    foreign = sorted({_user(status.st_uid) for status in _statuses(folder) if status.st_uid != me})
    if there == folder and (owner != me or foreign):
        whose = ", ".join(foreign or [_user(owner)])
        yield Finding(name, State.WARNING, f"{text}: used by {_user(me)}, with entries of {whose}; what one user writes, another may be unable to replace",
                      f"use it as one user: chown -R {_user(me)} {folder}, or set UV_CACHE_DIR for each")
    else:
        yield Finding(name, State.OK, text)


def _links(place: Surroundings) -> Iterator[Finding]:
    """Can uv link from the cache into the environment here?"""
    name = "cache links"
    folder = _cache_folder(place)
    environments = place.environments()
    if folder is None:
        yield Finding(name, State.UNKNOWN, "uv does not say where its cache is", "see `real uv`")
    elif not environments:
        yield Finding(name, State.OK, "there is no environment here to link into")
    elif os.stat(_existing(folder)).st_dev != os.stat(environments[0]).st_dev:
        yield Finding(name, State.WARNING, f"{folder} and {environments[0]} are on two file systems: uv copies every file instead of linking it",
                      f"set UV_CACHE_DIR to a folder on the file system of {environments[0]}")
    else:
        yield Finding(name, State.OK, f"on the same file system as {environments[0]}")


def _processes(place: Surroundings) -> Iterator[Finding]:
    """Is that uv running past the shim right now?"""
    name = "processes"
    if place.found is None:
        yield Finding(name, State.UNKNOWN, "without a real uv there is nothing to look for", "see `real uv`")
        return
    try:
        import psutil
    except ImportError:
        yield Finding(name, State.UNKNOWN, "this Python has no psutil, which lists them", "set uv-shim up with ./install.sh, or install psutil")
        return
    real = os.path.realpath(place.found.uv)
    past = []
    hidden = 0
    for process in psutil.process_iter():
        try:
            # exec keeps the process id: a uv that the shim became was told its own. What runs below this one was started to look.
            if os.path.realpath(process.exe()) != real or os.getpid() in (parent.pid for parent in process.parents()):
                continue
            if not process.environ().get("UV_SHIM_VISITED", "").startswith(f"{process.pid}:"):
                past.append(f"{process.pid} ({' '.join(process.cmdline()[:4])})")
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied:
            hidden += 1
    if past:
        yield Finding(name, State.WARNING, f"{len(past)} of this uv run past the shim right now: {', '.join(past[:5])}",
                      "let whoever starts them call `uv` by its name, not by a path or $UV")
    else:
        yield Finding(name, State.OK, f"none of this uv runs past the shim{f' ({hidden} of other users could not be looked at)' if hidden else ''}")


def _bypass(place: Surroundings) -> Iterator[Finding]:
    """What goes past any shim on PATH?"""
    name = "bypass"
    found = False
    if place.environ.get("UV"):
        found = True
        yield Finding(name, State.WARNING, f"$UV is {place.environ['UV']}: what calls that does not pass the shim", "let it call `uv`, or unset UV")
    for environment in place.environments():
        python = f"{environment}/bin/python"
        if not which.is_program(python):
            continue
        try:
            done = subprocess.run([python, "-I", "-c", "from uv import find_uv_bin; print(find_uv_bin())"], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False, timeout=_SECONDS, env=dict(place.environ))
        except (OSError, subprocess.TimeoutExpired) as error:
            yield Finding(name, State.UNKNOWN, f"{python} does not run ({error})", "make the environment anew")
            continue
        if not done.returncode:
            found = True
            yield Finding(name, State.WARNING, f"uv.find_uv_bin() in {environment} gives {done.stdout.strip()}: tools that use it do not pass the shim",
                          "take `uv` out of what is installed there: uv pip uninstall uv")
    if not found:
        yield Finding(name, State.OK, "nothing here sets $UV or has uv.find_uv_bin(); `uvx` never passes a shim, it runs the uv beside it")


def _cache_folder(place: Surroundings) -> str | None:
    if place.found is None:
        return None
    try:
        done = subprocess.run([place.found.uv, "cache", "dir"], env={**place.environ, "NO_COLOR": "1"}, stdin=subprocess.DEVNULL, capture_output=True,
                              check=False, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return os.path.abspath(os.fsdecode(done.stdout).strip()) if not done.returncode and done.stdout.strip() else None


def _existing(folder: str) -> str:
    while not os.path.isdir(folder):
        folder = os.path.dirname(folder)
    return folder


def _statuses(folder: str) -> list[os.stat_result]:
    """Of the folder and what is right below it: uv's buckets."""
    if not os.path.isdir(folder):
        return []
    try:
        return [os.stat(folder), *(entry.stat(follow_symlinks=False) for entry in os.scandir(folder))]
    except OSError:
        return []


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
