"""A user's machine for the installer: an empty HOME, a PATH that holds only what is named, real shells."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

import uvs
from world import PYTHON, ROOT

#: What leads to the package index on the machine that the tests run on.
NETWORK = re.compile(r"PIP_|SSL_|REQUESTS_|CURL_|UV_(INDEX|DEFAULT_INDEX|EXTRA_INDEX)|(ALL|HTTPS?|NO)_PROXY$", re.IGNORECASE)
NOWHERE = {"UV_INDEX_URL": "http://127.0.0.1:9/simple", "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple", "UV_HTTP_RETRIES": "0",
           "PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1",
           "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": "", "UV_OFFLINE": "1"}
IGNORED = shutil.ignore_patterns("__pycache__", "*.egg-info")


class Machine:
    """Its only programs are sh, a Python, a uv if one is named, and those shells."""

    def __init__(self, root: Path, *, uv: str | None = uvs.ALL[-1], shells: tuple[str, ...] = ("bash",)) -> None:
        self.root = root
        self.home = root / "a home"
        self.tools = root / "tools"
        self.temporary = root / "tmp"
        for folder in (self.home, self.tools, self.temporary):
            folder.mkdir(parents=True)
        for tool in ("sh", "readlink", *shells):
            self.tool(tool, Path(need(tool)))
        self.tool("python3", PYTHON)
        if uv:
            self.tool("uv", uvs.uv(uv))
        self.prefix = self.home / ".local" / "share" / "uv-shim"
        self.shims = self.prefix / "shims"
        self.line = f'if [ -r "{self.prefix}/env" ]; then . "{self.prefix}/env"; fi\n'
        self.env = {key: value for key, value in os.environ.items() if NETWORK.match(key)}
        # The caches outlive the test: nothing here is about what is fetched from the index.
        self.env.update(HOME=str(self.home), PATH=str(self.tools), TMPDIR=str(self.temporary), LC_ALL="C.UTF-8",
                        UV_CACHE_DIR=str(uvs.store().parent / "uv-cache"), PIP_CACHE_DIR=str(uvs.store().parent / "pip-cache"))

    def tool(self, name: str, target: Path) -> None:
        """Put a program on PATH."""
        (self.tools / name).symlink_to(target)

    def install(self, *args: str, sources: Path = ROOT, shell: str = "sh", code: int = 0, env: Mapping[str, str] | None = None) -> str:
        """Run install.sh; returns what it said."""
        return self.run(need(shell), str(sources / "install.sh"), *args, code=code, env=env)

    def run(self, *argv: str, code: int = 0, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
        """Run a program; returns what it said, on both streams."""
        done = subprocess.run(argv, env={**self.env, **(env or {})}, cwd=cwd or self.temporary, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=False)
        assert done.returncode == code, done.stdout
        assert "Traceback" not in done.stdout, done.stdout
        return done.stdout

    def ask(self, *argv: str, **env: str) -> str:
        """Standard output of a command in this HOME, with the machine's own programs behind PATH."""
        variables = {"HOME": str(self.home), "PATH": f"{self.tools}:{os.defpath}", "TERM": "dumb", **env}
        # A session of its own: an interactive shell takes the terminal, if there is one.
        return subprocess.run(argv, env=variables, cwd=self.home, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, check=True, timeout=60, start_new_session=True).stdout.strip()

    def tree(self) -> dict[str, tuple[object, ...]]:
        """Everything in HOME: contents, mode, time of the last change, and where a link leads."""
        found: dict[str, tuple[object, ...]] = {}
        for path in sorted(self.home.rglob("*")):
            status = path.lstat()
            what: object = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else "folder"
            found[str(path.relative_to(self.home))] = (what, status.st_mode, 0 if path.is_dir() else status.st_mtime_ns)
        return found

    def contents(self) -> dict[str, tuple[object, ...]]:
        """As `tree`, without the times."""
        return {name: row[:2] for name, row in self.tree().items()}


def need(tool: str) -> str:
    """Path of a program; without it the test is skipped, except in CI."""
    found = shutil.which(tool)
    if found is None and "CI" not in os.environ:
        pytest.skip(f"{tool} is not on this machine")
    assert found, f"{tool} must be there in CI"
    return found


def copy_sources(folder: Path, version: str | None = None) -> Path:
    """Copy all that install.sh needs; with another version, and a module that only that one has."""
    folder.mkdir(parents=True)
    for name in ("install.sh", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    for name in ("src", "shims"):
        shutil.copytree(ROOT / name, folder / name, ignore=IGNORED)
    if version:
        init = folder / "src" / "uv_shim" / "__init__.py"
        text, count = re.subn(r'__version__ = ".*"', f'__version__ = "{version}"', init.read_text())
        assert count == 1
        init.write_text(text)
        (folder / "src" / "uv_shim" / f"only_{version.replace('.', '_')}.py").write_text("")
    return folder


def mount(*mounts: str) -> list[str]:
    """The beginning of a command that has a machine of its own as far as those mounts go: ``mount``'s arguments, one string each.

    The command follows. Nobody else sees the mounts, and they end with it.
    """
    space = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    script = "".join(f"mount {arguments} && " for arguments in mounts) + 'exec "$@"'
    return [need(space[0]), *space[1:], need("sh"), "-c", script, "sh"]
