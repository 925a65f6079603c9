"""Run on a `Machine`: what becomes of `uv pip install` under each combination of system file, user file and environment.

Arguments: a folder to work in, the router's command line. Standard input: the combinations and the Python, as JSON. Standard output: what happened.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SYSTEM = Path("/etc/uv-shim/config.toml")


def main(folder: Path, router: list[str]) -> None:
    """Try each combination."""
    asked = json.load(sys.stdin)
    user = folder / "home" / ".config" / "uv-shim" / "config.toml"
    user.parent.mkdir(parents=True)
    SYSTEM.parent.mkdir(exist_ok=True)
    happened = []
    for system, said, wish in asked["combinations"]:
        for file, text in ((SYSTEM, system), (user, said and f"mode = '{said}' # no \"enforce\"")):
            if text is None:
                file.unlink(missing_ok=True)
            else:
                file.write_text(text)  # without a newline at its end
        env = {"HOME": str(folder / "home"), "PATH": "/nonexistent", "UV_SHIM_REAL_UV": asked["real"], "RECORD": str(folder / "record"),
               "UV_SHIM_PYTHON": asked["python"], "UV_SHIM_TRACE": "1", "RECORDED_VERSION": "0.12.15", **({"UV_SHIM_MODE": wish} if wish else {})}
        (folder / "record").unlink(missing_ok=True)
        done = subprocess.run([*router, "pip", "install", "--version" if asked["python"] else "x"], env=env, cwd=folder, capture_output=True, text=True, check=False)
        record = (folder / "record").read_text() if (folder / "record").exists() else None
        happened.append((done.returncode, done.stderr, record))
    json.dump(happened, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
