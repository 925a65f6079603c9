"""What the shim works with: which uv, Python, settings and cache are there, and what goes past the shim?"""

from __future__ import annotations

import itertools
import os
import pwd
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from uv_shim import config, processes, programs, router, settings, uvfiles, versions, which
from uv_shim.doctor import hashing
from uv_shim.doctor.findings import OK, PROBLEM, UNKNOWN, WARNING, Finding
from uv_shim.errors import ShimError
from uv_shim.realuv import is_true
from uv_shim.setup import equipment

#: Of a cache, so many levels of folders (a bucket, `index`, an index, a package), and so many entries, are looked at.
_LEVELS, _MOST = 4, 10_000


class Surroundings:
    """What several probes ask for."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.found: which.Which | None = None
        self.error: ShimError | None = None
        try:
            # A mode that is none is the configuration's matter, and hides nothing else.
            self.found = which.look({**environ, "UV_SHIM_MODE": ""})
        except ShimError as error:
            self.error = error

    def candidates(self) -> list[which.Candidate]:
        """Each uv on PATH."""
        return list(self.found.candidates) if self.found else which.candidates(self.environ, ())

    def environments(self) -> list[str]:
        """The Python environments here: the active ones, and the project's."""
        near = next((str(folder / ".venv") for folder in uvfiles.upwards() if os.path.isdir(folder / ".venv")), None)
        given = [self.environ.get("VIRTUAL_ENV"), self.environ.get("CONDA_PREFIX"), near]
        return list(dict.fromkeys(os.path.normpath(path) for path in given if path and os.path.isdir(path)))


def probes(environ: Mapping[str, str]) -> list[Callable[[], Iterator[Finding]]]:
    """The probes, in the order of what matters."""
    place = Surroundings(environ)
    every = (_real, _python, _configuration, _hashing, _shadows, _managers, _copies, _cache, _links, _processes, _bypass)
    return [partial(probe, place) for probe in every]


def _real(place: Surroundings) -> Iterator[Finding]:
    """Is there a uv, and can it be sealed?"""
    name = "real uv"
    if place.found is None:
        lines = place.error.lines if place.error else ()
        yield Finding(name, PROBLEM, lines[0], lines[-1] if len(lines) > 1 else "set UV_SHIM_REAL_UV to the path of the real uv")
        return
    version = versions.parse(place.found.said)
    if version is None:
        yield Finding(name, UNKNOWN, f"{place.found.uv} does not say its version (it says: {place.found.said})",
                      "set UV_SHIM_REAL_UV to the path of the real uv")
        return
    regime = versions.Regime(version)
    text = f"{place.found.uv}, {place.found.version}, {which.regime_in_words(regime)}"
    if regime.constrains:
        yield Finding(name, OK, text)
    else:
        yield Finding(name, PROBLEM, f"too old: {text}", "upgrade it to 0.4.6 or later")


def _python(place: Surroundings) -> Iterator[Finding]:
    """Which Python would seal? The router is asked, as it looks for one."""
    name = "Python"
    lost = equipment.lost()
    if lost:
        yield Finding(name, WARNING, f"{lost[0]}; other Pythons are tried instead", lost[1])
    fix = "install Python 3.8 or later, or set UV_SHIM_PYTHON to one"
    if place.found is None:
        yield Finding(name, UNKNOWN, "the router finds no uv, so it looks for no Python", "see `real uv`")
        return
    with tempfile.TemporaryDirectory() as folder:
        shim = next((one.path for one in place.candidates() if one.shim and programs.is_shim(one.path)), None)
        # With an empty cache, it knows of no uv that could do without.
        env = {**place.environ, "UV_SHIM_TRACE": "1", "UV_SHIM_MODE": "", "UV_SHIM_VISITED": "", "XDG_CACHE_HOME": folder}
        done = processes.run(["/bin/sh", shim or str(router.lay_out(Path(folder))), "pip", "install", "--help"], env)
    if done.code is None:
        yield Finding(name, UNKNOWN, "`uv pip install --help` does not come to an end", fix)
        return
    lines = done.stderr.splitlines()
    tried = [number for number, line in enumerate(lines) if ": trace: sealing: exec " in line]
    if not tried:
        refused = [line for line in lines if "Python" in line]
        why = (refused or lines or ["the router says nothing"])[0]
        yield Finding(name, PROBLEM, why.replace("uv-shim: ", "").replace("trace: ", ""), fix)
        return
    python = lines[tried[-1]].partition(": exec ")[2]
    after = lines[tried[-1] + 1 :]
    if any(line.startswith("uv-shim: trace: real uv: ") for line in after):
        given = place.environ.get("UV_SHIM_PYTHON", "")
        if given and python != given:
            yield Finding(name, WARNING, f"UV_SHIM_PYTHON is '{given}', which cannot do it; {python} does the sealing",
                          "set it to a Python 3.8 or later, or unset it")
        else:
            yield Finding(name, OK, f"{python} does the sealing")
        return
    said = [line.rpartition(" does not run the shim: ")[2] for line in after if " does not run the shim: " in line] + after[-1:]
    yield Finding(name, PROBLEM, f"{python} does not run the shim: {said[0] if said else f'exit code {done.code}'}", fix)


def _configuration(place: Surroundings) -> Iterator[Finding]:
    """Which mode is in force?"""
    name = "configuration"
    try:
        mode = settings.effective(place.environ)[0]
    except ShimError as error:
        if error.lines[0].startswith("UV_SHIM_MODE "):
            fix = "correct or unset it; until then each call of uv is refused"
        else:
            fix = "correct it there; until then `uv pip install` and `uv pip sync` are refused"
            if "\ufeff" in error.lines[0]:
                fix = f"save it without the byte order mark, which cannot be seen and stands at its beginning; {fix}"
        yield Finding(name, PROBLEM, error.lines[0], fix)
        return
    said = f"the mode is '{mode.value}' ({mode.where or mode.source})"
    if mode.overruled:
        yield Finding(name, WARNING, mode.overruled, f"ask for no softer one, or set allow-softer-modes = true in {config.SYSTEM}")
    elif mode.value in ("off", "flag"):
        fixes = {"environment": "unset UV_SHIM_MODE", "system file": "uv-shim config set --system mode seal"}
        yield Finding(name, WARNING, f"{said}, so nothing is sealed", fixes.get(mode.source, "uv-shim config set mode seal"))
    else:
        yield Finding(name, OK, said)


def _hashing(place: Surroundings) -> Iterator[Finding]:
    """Does anything here change what uv makes of hashes?"""
    return hashing.probe(place.environ)


def _shadows(place: Surroundings) -> Iterator[Finding]:
    """Does an environment here bring a uv of its own?"""
    found = False
    on_path = list(programs.on_path(place.environ))
    for environment in place.environments():
        own = f"{environment}/bin/uv"
        if programs.is_program(own) and not programs.is_shim(own):
            found = True
            before = next((one for one in on_path if programs.is_program(one)), "")
            active = bool(before) and os.path.realpath(before) == os.path.realpath(own)
            yield Finding("environment", PROBLEM if active else WARNING,
                          f"{own} {'comes before the shim' if active else 'comes before the shim once that environment is active'}",
                          "take `uv` out of what is installed there (uv pip uninstall uv), or put the shim before it on PATH")
    if not found:
        yield Finding("environment", OK, "no environment here brings a uv of its own")


def _managers(place: Surroundings) -> Iterator[Finding]:
    """Does another manager's shim stand in the way?"""
    name = "other shims"
    found = [one for one in place.candidates() if one.manager and one.runs]
    if not found:
        yield Finding(name, OK, "no other manager's shim is called uv")
    for one in found:
        if one.state in ("taken", "passed on"):
            yield Finding(name, WARNING, f"{one.path} is run, and decides which uv that is ({one.manager})",
                          "set UV_SHIM_REAL_UV to the uv that it stands for")
        else:
            yield Finding(name, OK, f"{one.path} ({one.manager}) stands behind the uv that is run")


def _copies(place: Surroundings) -> Iterator[Finding]:
    """How many copies of the shim are on PATH?"""
    copies: dict[str, str] = {}
    for one in place.candidates():
        if one.shim:
            copies.setdefault(os.path.realpath(one.path), one.path)
    if len(copies) > 1:
        said = f"{len(copies)} copies of the shim are on PATH; they act as one, the first: {', '.join(copies.values())}"
        yield Finding("copies", WARNING, said, "leave the newest one on PATH")
    else:
        yield Finding("copies", OK, f"{'one copy' if copies else 'no copy'} of the shim is on PATH")


def _cache(place: Surroundings) -> Iterator[Finding]:
    """Is there a cache that the next `uv sync` can use?"""
    name = "cache"
    if is_true(place.environ.get("UV_NO_CACHE", "")):
        yield Finding(name, WARNING, "UV_NO_CACHE is set: nothing is kept for a later `uv sync`", "unset it")
        return
    folder = _cache_folder(place)
    if folder is None:
        yield Finding(name, UNKNOWN, "uv does not say where it is (`uv cache dir`)", "see `real uv`")
        return
    if uvfiles.is_for_one_call(folder, place.environ.get("UV_CACHE_DIR", "")):
        yield Finding(name, WARNING, "a file of uv's says no-cache = true: nothing is kept for a later `uv sync`", "take the line out")
        return
    default = os.path.normpath(config.folder("XDG_CACHE_HOME", ".cache", place.environ) or f"{_home()}/.cache") + "/uv"
    source = "UV_CACHE_DIR" if place.environ.get("UV_CACHE_DIR") else "the default" if folder == default else "set in a file of uv's"
    there = _existing(folder)
    if not os.path.isdir(there):
        what = "a link that leads to no folder" if os.path.islink(there) else "no folder"
        yield Finding(name, PROBLEM, f"{folder} ({source}) cannot be used: {there} is {what}",
                      f"remove {there}, or set UV_CACHE_DIR to a folder of your own")
        return
    owner, me = os.stat(there).st_uid, os.geteuid()
    text = f"{folder} ({source}; {'belongs to' if there == folder else 'not there yet, below a folder of'} {_user(owner)})"
    if not os.access(there, os.W_OK | os.X_OK):
        fix = f"chown -R {_user(me)} {folder}, or s" if there == folder else "s"
        yield Finding(name, PROBLEM, f"{text} cannot be written by {_user(me)}", f"{fix}et UV_CACHE_DIR to a folder of your own")
        return
    foreign = sorted({_user(status.st_uid) for status in _statuses(folder) if status.st_uid != me})
    if foreign:
        said = f"{text}: used by {_user(me)}, with entries of {', '.join(foreign)}; what one writes, another may be unable to replace"
        yield Finding(name, WARNING, said,
                      f"use it as one user: chown -R {_user(me)} {folder}, or set UV_CACHE_DIR for each")
    else:
        yield Finding(name, OK, text)


def _links(place: Surroundings) -> Iterator[Finding]:
    """Can uv link from the cache into the environment here?"""
    name = "cache links"
    folder = _cache_folder(place)
    environments = place.environments()
    if folder is None:
        yield Finding(name, UNKNOWN, "uv does not say where its cache is", "see `real uv`")
    elif uvfiles.is_for_one_call(folder, place.environ.get("UV_CACHE_DIR", "")) or not os.path.isdir(_existing(folder)):
        yield Finding(name, OK, "there is no cache to link from")
    elif not environments:
        yield Finding(name, OK, "there is no environment here to link into")
    elif os.stat(_existing(folder)).st_dev != os.stat(environments[0]).st_dev:
        said = f"{folder} and {environments[0]} are on two file systems"
        if place.environ.get("UV_LINK_MODE") in ("copy", "symlink"):
            yield Finding(name, OK, f"{said}; UV_LINK_MODE is {place.environ['UV_LINK_MODE']}, so uv needs no more")
        else:
            yield Finding(name, WARNING, f"{said}: uv copies files instead of linking them",
                          f"set UV_CACHE_DIR to a folder on the file system of {environments[0]}, or UV_LINK_MODE=copy if copies will do")
    else:
        yield Finding(name, OK, f"on the same file system as {environments[0]}")


def _processes(place: Surroundings) -> Iterator[Finding]:
    """Is that uv running past the shim right now?"""
    name = "processes"
    if place.found is None:
        yield Finding(name, UNKNOWN, "without a real uv there is nothing to look for", "see `real uv`")
        return
    try:
        import psutil
    except ImportError:
        yield Finding(name, UNKNOWN, "this Python has no psutil, which lists them", f"{equipment.next_step()}; or install psutil")
        return
    real = os.path.realpath(place.found.uv)
    past = []
    hidden = 0
    for process in psutil.process_iter():
        try:
            # exec keeps the process id: a uv that the shim became was told its own, and a preflight that of its parent.
            # What runs below this very process was started to look.
            if os.path.realpath(process.exe() or "/") != real or os.getpid() in (parent.pid for parent in process.parents()):
                continue
            variables = process.environ()
            preflight = variables.get("UV_SHIM_PREFLIGHT") == str(process.ppid())
            if not preflight and not variables.get("UV_SHIM_VISITED", "").startswith(f"{process.pid}:"):
                past.append(f"{process.pid} ({' '.join(process.cmdline()[:4])})")
        except psutil.NoSuchProcess:
            continue
        except psutil.AccessDenied:
            hidden += 1
    if past:
        yield Finding(name, WARNING, f"{len(past)} of this uv run past the shim right now: {', '.join(past[:5])}",
                      "let whoever starts them call `uv` by its name, not by a path or $UV")
    else:
        rest = f" ({hidden} processes of other users could not be looked at)" if hidden else ""
        yield Finding(name, OK, f"no process of this uv runs past the shim{rest}")


def _bypass(place: Surroundings) -> Iterator[Finding]:
    """What goes past any shim on PATH?"""
    name = "bypass"
    found = False
    if place.environ.get("UV"):
        found = True
        said = f"$UV is {place.environ['UV']}: what calls that does not pass the shim"
        yield Finding(name, WARNING, said, "let it call `uv`, or unset UV")
    for environment in place.environments():
        python = f"{environment}/bin/python"
        if not programs.is_program(python):
            continue
        question = "from uv import find_uv_bin; print(find_uv_bin())"
        done = processes.run([python, "-I", "-B", "-c", question], place.environ)
        if done.code is None:
            found = True
            yield Finding(name, UNKNOWN, f"{python} does not run", "make the environment anew")
        elif not done.code:
            found = True
            said = f"uv.find_uv_bin() in {environment} gives {done.stdout.strip()}: tools that use it do not pass the shim"
            yield Finding(name, WARNING, said, "take `uv` out of what is installed there: uv pip uninstall uv")
    if not found:
        yield Finding(name, OK, "nothing here sets $UV or has uv.find_uv_bin(); `uvx` never passes a shim, it runs the uv beside it")


def _cache_folder(place: Surroundings) -> str | None:
    if place.found is None:
        return None
    done = processes.run([str(place.found.uv), "cache", "dir"], {**place.environ, "NO_COLOR": "1"})
    return os.path.abspath(done.stdout.strip()) if not done.why and done.stdout.strip() else None


def _existing(folder: str) -> str:
    """What is there of its path: itself, or what it would be made in."""
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
    return folder


def _statuses(folder: str) -> list[os.stat_result]:
    """Of the folder and what is below it, as far down as packages have folders of their own there; no more than some of a large one."""
    if not os.path.isdir(folder):
        return []
    found = [os.stat(folder)]
    level = [folder]
    for _ in range(_LEVELS):
        below = []
        for path in level:
            try:
                with os.scandir(path) as entries:
                    those = [(entry.path, entry.stat(follow_symlinks=False)) for entry in itertools.islice(entries, _MOST - len(found))]
            except OSError:
                continue
            found += [status for _, status in those]
            # Below that are the files of packages, which are many.
            if not os.path.basename(path).startswith("archive-v"):
                below += [inner for inner, status in those if stat.S_ISDIR(status.st_mode)]
        level = below
    return found


def _home() -> str:
    """Where uv looks without HOME."""
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return ""


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
