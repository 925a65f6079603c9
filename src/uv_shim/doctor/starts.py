"""How a program comes to its PATH: is the shim the first `uv` as each kind of start sees it?

Shells are really started, with the user's own start files: without a terminal, in a session of their own, for a limited time.
"""

from __future__ import annotations

import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from uv_shim import config, processes, programs, router
from uv_shim.doctor.findings import OK, PROBLEM, UNKNOWN, WARNING, Finding, State
from uv_shim.errors import ShimError
from uv_shim.setup import layout as layouts
from uv_shim.setup import startfiles

#: Longer than this, nobody waits for a prompt.
_SECONDS = 10

#: What a shell needs to find its start files; everything else is theirs to set.
_KEPT = ("HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "ZDOTDIR", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_RUNTIME_DIR", "TMPDIR")

_SHELLS = ("bash", "zsh", "fish")

#: Those whose language the question is in.
_KNOWN = (*_SHELLS, "sh", "dash", "ash", "ksh", "ksh93", "mksh", "yash")

#: The fix where no copy of the shim is here that could be put on PATH.
_SET_UP = "set the shim up: uv-shim install"

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def probes(environ: Mapping[str, str]) -> list[Callable[[], Iterator[Finding]]]:
    """One probe for each way to start."""
    own = _own_shell(environ)
    session = session_path()
    shims = _shims(environ)
    return [partial(_here, environ, shims),
            *(partial(_shell, shell, session or login_path(), environ, shims, own=shell == own) for shell in _shells(own)),
            partial(_service, session, shims), partial(_sudo, environ, shims)]


def session_path() -> str | None:
    """PATH of what is started with no shell in between; None where it is the system's default."""
    try:
        boss = Path("/proc/1/comm").read_text().strip()
    except OSError:
        boss = ""
    if boss in ("systemd", "init"):
        if not shutil.which("systemctl"):
            return None
        lines = processes.run(["systemctl", "--user", "show-environment"], os.environ, seconds=_SECONDS).stdout.splitlines()
    elif sys.platform == "darwin":
        lines = [f"PATH={processes.run(['launchctl', 'getenv', 'PATH'], os.environ, seconds=_SECONDS).stdout.strip()}"]
    else:
        # A container: all that is started in it gets what its first process has.
        try:
            lines = os.fsdecode(Path("/proc/1/environ").read_bytes()).split("\0")
        except OSError:
            lines = []
    return next((line[len("PATH=") :] for line in lines if line.startswith("PATH=")), None) or None


def login_path() -> str:
    """PATH with which a login shell begins."""
    try:
        text = Path("/etc/login.defs").read_text(errors="replace")
    except OSError:
        text = ""
    found = re.search(rf"^{'ENV_SUPATH' if os.geteuid() == 0 else 'ENV_PATH'}\s+(?:PATH=)?(\S+)", text, re.MULTILINE)
    return found[1] if found else _SYSTEM_PATH


def _here(environ: Mapping[str, str], shims: str) -> Iterator[Finding]:
    """As this very process sees it."""
    yield _judged("here", environ.get("PATH", ""), PROBLEM, shims and f"put {shims} first on PATH")


def _shell(shell: str, path: str, environ: Mapping[str, str], shims: str, *, own: bool) -> Iterator[Finding]:
    """As a shell sees it after the user's start files: one that somebody logs in with, and one that is opened later."""
    name = os.path.basename(shell)
    bad = PROBLEM if own else WARNING
    if name not in _KNOWN:
        yield Finding(f"login {name}", UNKNOWN, f"{shell} is a shell that cannot be asked here",
                      f"see there whether `uv` is {shims}/uv" if shims else _SET_UP)
        return
    kept = {"TERM": "dumb", **{key: environ[key] for key in _KEPT if key in environ}}
    said = ask(shell, "-lc", {**kept, "PATH": path})
    yield _answered(f"login {name}", said, bad, shims and _line_for(name, "login", shims, environ), f"{name} -l")
    # It is opened in the session, or by a login shell; a plain sh always is by something that has its PATH from one.
    inherited = path if isinstance(said, str) else said[1]
    fix = shims and _line_for(name, "interactive", shims, environ)
    for one in dict.fromkeys((path, inherited) if name in _SHELLS else (inherited,)):
        finding = _answered(f"interactive {name}", ask(shell, "-ic", {**kept, "PATH": one}), bad, fix, f"{name} -i")
        if finding.state is not OK:
            break
    yield finding


def _answered(name: str, said: tuple[str, str] | str, bad: State, fix: str, shell: str) -> Finding:
    if isinstance(said, str):
        return Finding(name, UNKNOWN, said, f"look at what {shell} does in its start files")
    command, path = said
    if command and "/" not in command.split()[0]:
        return Finding(name, bad, f"`uv` is an alias or a function: {command}", "take it out of the start files of this shell")
    return _judged(name, path, bad, fix)


def _service(session: str | None, shims: str) -> Iterator[Finding]:
    """As an IDE, a service or a cron job sees it, which reads no start file of a shell."""
    found = _judged("IDE or service", session or login_path(), WARNING, shims and
                    f"let them call {shims}/uv, or set PATH for them (ENV in an image, ~/.config/environment.d, a service's settings)")
    yield found if session else replace(found, text=f"{found.text} (with the PATH that the system sets)")


def _sudo(environ: Mapping[str, str], shims: str) -> Iterator[Finding]:
    """As sudo sees it, which has a PATH of its own."""
    name = "sudo"
    if not shutil.which("sudo", path=f"{environ.get('PATH', '')}:{_SYSTEM_PATH}"):
        yield Finding(name, OK, "there is no sudo on this machine")
        return
    text = ""
    try:
        for file in ("/etc/sudoers", *sorted(f"/etc/sudoers.d/{entry}" for entry in _entries("/etc/sudoers.d"))):
            text += "\n" + Path(file).read_text(errors="replace")
    except OSError as error:
        yield Finding(name, UNKNOWN, f"its settings cannot be read ({error.filename}: {error.strerror})",
                      "ask it: sudo sh -c 'command -v uv'; if that is not the shim: sudo env PATH=\"$PATH\" uv ...")
        return
    set_to = re.findall(r"^\s*Defaults\S*\s.*?(?<![!\w])secure_path\s*=\s*\"?([^\"\s]+)", text, re.MULTILINE)
    if set_to:
        yield _judged(name, set_to[-1], WARNING, shims and f'sudo env PATH="$PATH" uv ..., or add {shims} to secure_path (visudo)')
    else:
        yield Finding(name, OK, "it keeps PATH as it is (no secure_path)")


def ask(shell: str, flag: str, env: Mapping[str, str]) -> tuple[str, str] | str:
    """What that shell says of `command -v uv`, and its PATH; a sentence where it does not come to say it."""
    mark = secrets.token_hex(8)
    path, command = '"$PATH"', '"$(command -v uv)"'
    if os.path.basename(shell) == "fish":
        # Its `command` looks past functions, which its aliases are, too.
        path, command = "(string join : $PATH)", "(functions -q uv; and echo uv; or command -v uv; or echo)"
    script = f"printf '\\n{mark}%s\\n{mark}%s\\n' {command} {path}"
    # Into a file: what the start files leave running would keep a pipe open.
    with tempfile.TemporaryFile() as output:
        try:
            home = env.get("HOME", "")
            process = subprocess.Popen([shell, flag, script], env=dict(env), cwd=home if os.path.isdir(home) else "/",
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL, start_new_session=True)
        except OSError as error:
            return f"{shell} cannot be started ({error.strerror})"
        try:
            process.wait(_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return f"its start files take longer than {_SECONDS} s"
        output.seek(0)
        lines = os.fsdecode(output.read()).splitlines()
    said = [line[len(mark) :] for line in lines if line.startswith(mark)]
    if len(said) != 2:
        return f"its start files end it before it can answer (exit code {process.returncode})"
    return said[0], said[1]


def _judged(name: str, path: str, bad: State, fix: str) -> Finding:
    fix = fix or _SET_UP
    first = next((one for one in programs.on_path({"PATH": path}) if programs.is_program(one)), None)
    if first is None:
        return Finding(name, bad, "there is no uv on its PATH", fix)
    if programs.seals(first):
        return Finding(name, OK, f"`uv` is the shim: {first}")
    if programs.is_stray(first):
        return Finding(name, bad, f"`uv` is {first}, a copy of the shim without its Python half: nothing is sealed", fix)
    whose = programs.manager(first)
    return Finding(name, bad, f"`uv` is {first}{f' ({whose})' if whose else ''}, and does not pass the shim", fix)


def _shims(environ: Mapping[str, str]) -> str:
    """The folder that should come first: one that is on PATH already, or this copy's, by a name that outlives an upgrade.

    Empty where there is none: a package in an environment holds the shim to set it up, and is not itself one to be put on PATH.
    """
    for one in programs.on_path(environ):
        if programs.is_shim(one):
            return os.path.dirname(one)
    shims = router.path().parent
    layout = layouts.around(shims.parent)
    if layout is None and programs.is_shim_folder(str(shims)):
        return str(shims)
    try:
        layout = layout or layouts.at(None, environ, system=False, home=shims.parent)
    except ShimError:
        return ""
    return str(layout.shims) if layout.is_ours() else ""


def _own_shell(environ: Mapping[str, str]) -> str:
    try:
        return environ.get("SHELL") or pwd.getpwuid(os.getuid()).pw_shell
    except KeyError:
        return ""


def _shells(own: str) -> list[str]:
    """The user's own, and those of the usual ones that are on this machine."""
    found = [own] if programs.is_program(own) and os.path.basename(own) not in ("nologin", "false") else []
    for name in _SHELLS:
        path = shutil.which(name, path=f"{_SYSTEM_PATH}:/opt/homebrew/bin")
        if path and name not in map(os.path.basename, found):
            found.append(path)
    return found


def _line_for(shell: str, kind: str, shims: str, environ: Mapping[str, str]) -> str:
    home = environ.get("HOME", "~")
    if shell == "fish":
        folder = config.folder("XDG_CONFIG_HOME", ".config", environ) or "~/.config"
        return f"fish_add_path --path --move {shims} at the end of {folder}/fish/config.fish"
    if shell == "zsh":
        folder = str(startfiles.zsh_folder(environ) or environ.get("ZDOTDIR") or home)
        last = ".zlogin" if os.path.exists(f"{folder}/.zlogin") else ".zprofile"
        file = f"{folder}/{last if kind == 'login' else '.zshrc'}"
    elif shell == "bash" and kind == "login":
        file = next((path for path in (f"{home}/.bash_profile", f"{home}/.bash_login") if os.path.exists(path)), f"{home}/.profile")
    else:
        file = f"{home}/.bashrc" if shell == "bash" else f"{home}/.profile"
    return f'PATH="{shims}:$PATH" at the end of {file}'


def _entries(folder: str) -> list[str]:
    """Files in it that sudo reads."""
    return [entry for entry in os.listdir(folder) if "." not in entry and not entry.endswith("~")] if os.path.isdir(folder) else []
