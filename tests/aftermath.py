"""The aftermath of a run: what has it left behind?"""

from __future__ import annotations

import re
import time
from pathlib import Path

from world import World


def strangers(world: World) -> list[str]:
    """Files that neither uv nor the test made: in TMPDIR, HOME and the working directory."""
    # uv leaves locks in TMPDIR and, where an index says 404, one beside its credentials; the memo of the shim is allowed in ~/.cache/uv-shim.
    known = (r"tmp/uv-\w+\.lock", r"home/\.cache(/uv-shim(/.*)?)?", r"work/\.venv(/.*)?", r"work/requirements\.txt",
             r"home/\.local(/share(/uv(/credentials(/.*)?)?)?)?")
    found = (str(path.relative_to(world.root)) for top in ("tmp", "home", "work") for path in (world.root / top).rglob("*"))
    return sorted(name for name in found if not any(re.fullmatch(pattern, name) for pattern in known))


def alive(session: int) -> bool:
    """Whether a process of that session is alive."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            return True
    return False


def settle(session: int) -> None:
    """Wait until the last process of a session is gone."""
    for _ in range(400):
        if not alive(session):
            return
        time.sleep(0.025)
    raise AssertionError("a process that the shim started is still there after 10 s")
