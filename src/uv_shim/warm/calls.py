"""uv through the shim, in a folder that is thrown away: how is it called, and what did it say?

No call outlives this process, and the folder is gone however it ends.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from uv_shim import config, processes, router
from uv_shim.errors import ShimError
from uv_shim.report import redacted
from uv_shim.versions import Regime

_PREFIX = "uv-shim: "
_UNSEALED = f"{_PREFIX}unsealed: "

#: The environment that is active: it says which Python, and is not where to install to.
_ACTIVE = ("VIRTUAL_ENV", "CONDA_PREFIX")

#: What would colour uv's words or mix others into them, and what would send its work elsewhere than we say.
_DROPPED = ("FORCE_COLOR", "CLICOLOR_FORCE", "RUST_LOG", "UV_LOG_CONTEXT", "UV_SHIM_TRACE", "UV_SHIM_VISITED", "UV_PYTHON",
            "UV_SYSTEM_PYTHON", "UV_COMPILE_BYTECODE", *_ACTIVE)

#: What would make `uv sync` leave out a part of the lock, or take another project.
_NARROWING = ("UV_FROZEN", "UV_LOCKED", "UV_NO_SYNC", "UV_DEV", "UV_NO_DEV", "UV_NO_GROUP", "UV_NO_DEFAULT_GROUPS", "UV_PROJECT",
              "UV_WORKING_DIR", "UV_WORKING_DIRECTORY", "UV_ISOLATED")

#: Packages are not copied out of the cache, and each says what it is in there.
LINKS = ("--link-mode", "symlink", "--no-compile-bytecode")

#: What uv draws around its words, and says before it fails.
_DRAWING = " \u00d7\u2570\u2500\u25b6\u2502\u251c"
_PRELUDE = ("Using ", "Creating virtual environment", "Resolved ")

_MEMORY = "/dev/shm"  # noqa: S108  # a folder of our own is made in it
#: Far more than the links of one request take: up to 4 kB each, where their targets are long.
_ROOM = 256_000_000

#: Settings that are paths, and mean the caller's folder.
_PATHS = ("UV_CACHE_DIR", "UV_CONFIG_FILE")


@dataclass(frozen=True)
class Said:
    """What one call of uv came to."""

    code: int
    stdout: str
    #: uv's own words where it failed, the shim's where it refused.
    error: str
    #: The shim's words where something got no hash.
    unsealed: str

    @property
    def reason(self) -> str:
        """The error without the drawing around it, and without what was said before it."""
        text = self.error[len("error: ") :] if self.error.startswith("error: ") else self.error
        lines = [line.strip(_DRAWING) for line in text.splitlines()]
        return "\n".join(line for line in lines if line and not line.startswith(_PRELUDE)) or f"uv ended with exit code {self.code}"


@dataclass(frozen=True)
class Python:
    """An interpreter that uv found."""

    path: str
    #: Major and minor version: what decides which wheel fits.
    version: str


class Uv:
    """The real uv behind our own shim."""

    def __init__(self, environ: Mapping[str, str], folder: Path, tick: Callable[[], None]) -> None:
        found = router.find(environ)
        version = found.version
        if version is None or not Regime(version).constrains:
            raise ShimError(f"{found.path} ({found.said}) cannot be told hashes: what it fetches now, `uv sync` would fetch again.",
                            "Warming needs uv 0.4.6 or later. Nothing was fetched.")
        self.version = ".".join(map(str, version))
        self.folder = folder
        self._shim = router.lay_out(folder / "shim")
        self._tick = tick
        self._asked = environ.get("UV_PYTHON") or None
        self._active = {key: environ[key] for key in _ACTIVE if key in environ}
        self._environ = {key: value for key, value in environ.items() if key not in _DROPPED}
        self._environ.update({key: os.path.abspath(environ[key]) for key in _PATHS if environ.get(key)})
        # A Python that has to be fetched would stay.
        self._environ["UV_PYTHON_DOWNLOADS"] = "never"
        # uv leaves lock files in the folder for temporary files: they go with ours.
        (folder / "tmp").mkdir()
        self._environ.update({"UV_SHIM_REAL_UV": str(found.path), "NO_COLOR": "1", "TMPDIR": str(folder / "tmp")})
        self._environ.setdefault("UV_SHIM_PYTHON", sys.executable)
        if config.mode(dict(environ)).name != "enforce":
            # Whatever the shim does for other calls here: warming is about the hashes.
            self._environ["UV_SHIM_MODE"] = "seal"

    def cache_folder(self, cwd: Path) -> Path:
        """uv's cache as it is used from that folder."""
        said = self.call(["cache", "dir"], cwd)
        if said.code:
            raise ShimError(*said.error.splitlines(), "Nothing was fetched.")
        folder = cwd / said.stdout.strip()
        if Path(os.path.realpath(self.folder / "tmp")) in Path(os.path.realpath(folder)).parents:
            raise ShimError(f"uv's settings for {cwd} say no-cache, so uv would keep nothing of what it fetches.",
                            "Take that out. Nothing was fetched.")
        return folder

    def python(self, request: str | None, cwd: Path) -> Python | Said:
        """The Python that uv takes for a request, or for none; uv's words where there is none."""
        request = request or self._asked
        # With an active environment that is not made yet, uv finds none of those that are asked for.
        said = self.call(["python", "find", *([request] if request else [])], cwd, None if request else {**self._environ, **self._active})
        if said.code:
            return said
        path = said.stdout.strip()
        asked = processes.run([path, "-I", "-S", "-B", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"], self._environ)
        return Said(asked.code or 1, "", asked.why, "") if asked.why else Python(path, asked.stdout.strip())

    def sync_options(self) -> str:
        """What `uv sync` says of its options; they came one by one."""
        return self.call(["sync", "--help"], self.folder).stdout

    def sync(self, arguments: list[str], project: Path, environment: Path) -> Said:
        """`uv sync` of a project into another environment than its own."""
        environ = {key: value for key, value in self._environ.items() if key not in _NARROWING}
        if self._asked and "--python" not in arguments:
            environ["UV_PYTHON"] = self._asked
        return self.call(["sync", "--frozen", *arguments], project, {**environ, "UV_PROJECT_ENVIRONMENT": str(environment)})

    def call(self, arguments: list[str], cwd: Path, environ: dict[str, str] | None = None) -> Said:
        """Call uv to its end; stopped, it is gone before this returns."""
        with tempfile.TemporaryFile(dir=self.folder) as stdout, tempfile.TemporaryFile(dir=self.folder) as stderr:
            process = subprocess.Popen([str(self._shim), *arguments], cwd=cwd, env=environ or self._environ, stdin=subprocess.DEVNULL,
                                       stdout=stdout, stderr=stderr)
            try:
                while True:
                    try:
                        code = process.wait(0.1)
                        break
                    except subprocess.TimeoutExpired:
                        self._tick()
            except BaseException:
                _stop(process)
                raise
            words = []
            for file in (stdout, stderr):
                file.seek(0)
                words.append(file.read().decode("utf-8", "replace"))
        lines = redacted(words[1]).splitlines()
        unsealed = "; ".join(line[len(_UNSEALED) :] for line in lines if line.startswith(_UNSEALED))
        error = "\n".join(line[len(_PREFIX) :] if line.startswith(_PREFIX) else line for line in lines if not line.startswith(_UNSEALED))
        return Said(code, words[0], error.strip(), unsealed)


def folder_for_links(environ: Mapping[str, str]) -> str | None:
    """Where many small links are made and removed fast: in memory, where there is some; None: the folder for temporary files.

    pandas on a busy ext4: 0.3 s instead of 6, and 0.03 s instead of 4 to remove it.
    """
    if environ.get("TMPDIR") or not os.access(_MEMORY, os.W_OK | os.X_OK):
        return None
    return _MEMORY if shutil.disk_usage(_MEMORY).free > _ROOM else None


@contextmanager
def throwaway(base: str | None = None) -> Iterator[Path]:
    """A folder that is gone at the end, also when this process is told to stop while it is being removed."""
    folder = Path(tempfile.mkdtemp(prefix=f"uv-shim-warm-{os.getpid()}-", dir=base))
    try:
        yield folder
    finally:
        kept = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        shutil.rmtree(folder, ignore_errors=True)
        for number, handler in kept.items():
            signal.signal(number, handler)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
