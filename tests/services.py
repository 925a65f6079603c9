"""Programs of others, from the package index: each kind in an environment of its own, kept outside the repository."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import uvs


def programs(name: str, *requirements: str) -> Path:
    """Folder of the programs that those requirements bring; installed where it is missing."""
    environment = uvs.store().parent / "peers" / name
    environment.mkdir(parents=True, exist_ok=True)
    wanted = "\n".join(requirements)
    with (environment / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test processes
        ready = environment / "ready"
        if not ready.exists() or ready.read_text() != wanted:
            subprocess.run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(environment / "venv")], check=True)
            subprocess.run([sys.executable, "-m", "pip", "--python", str(environment / "venv" / "bin" / "python3"), "install", "--quiet",
                            "--disable-pip-version-check", *requirements], check=True, stdin=subprocess.DEVNULL)
            ready.write_text(wanted)
    return environment / "venv" / "bin"
