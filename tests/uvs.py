"""Real uv binaries, by version: taken from the package index as wheels, kept outside the repository."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

#: One or more releases of each regime of uv; what CI runs.
SAMPLE = ("0.4.6", "0.5.26", "0.9.8", "0.11.18", "0.11.19", "0.12.15", "0.12.16", "0.13.9")

#: The releases that the promise is checked on, whole.
ALL = ("0.4.6", "0.4.30", "0.5.3", "0.5.26", "0.6.17", "0.7.22", "0.8.24", "0.9.8", "0.9.30", "0.10.12", "0.11.18",
       "0.11.19", "0.12.8", "0.12.15", "0.12.16", "0.13.9")


def store() -> Path:
    """Where the binaries are kept (``UV_SHIM_TEST_STORE``, else a folder of the user's cache)."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv-shim-tests"
    return Path(os.environ.get("UV_SHIM_TEST_STORE") or default) / "uv"


def uv(version: str) -> Path:
    """Path of the uv of that version, fetched where it is missing."""
    binary = store() / version / "uv"
    if not binary.exists():
        _fetch(version, binary)
    return binary


def _fetch(version: str, binary: Path) -> None:
    binary.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=binary.parent) as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-deps",
                        "--only-binary", ":all:", "--dest", folder, f"uv=={version}"], check=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            member = next(name for name in wheel.namelist() if name.endswith(".data/scripts/uv"))
            partial = Path(folder) / "uv"
            partial.write_bytes(wheel.read(member))
        partial.chmod(0o755)
        os.replace(partial, binary)
