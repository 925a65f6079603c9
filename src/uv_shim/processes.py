"""Processes of the management command: what does another program say, and if it fails, why? (The sealing path's door is `realuv`.)"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Done(NamedTuple):
    """How it ended. ``code`` is None where it did not begin, or did not end in time; ``why`` is empty where it has not failed."""

    code: int | None
    stdout: str
    stderr: str
    why: str


def run(argv: Sequence[str], environ: Mapping[str, str], *, cwd: Path | None = None, seconds: float | None = 30) -> Done:
    """Run it to its end, or for so many seconds, with nothing on standard input.

    What it says is text as names of files are: bytes that are none come back as they were. ``why`` is the last line that it said, on
    standard error if there is one.
    """
    try:
        done = subprocess.run(argv, env=dict(environ), cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired as late:
        return Done(None, os.fsdecode(late.stdout or b""), os.fsdecode(late.stderr or b""), f"{argv[0]} does not end within {seconds:g} s")
    except OSError as error:
        return Done(None, "", "", f"{argv[0]} does not run: {error.strerror}")
    last = next((line.strip() for said in (done.stderr, done.stdout) for line in reversed(said.splitlines()) if line.strip()), b"")
    why = (last.decode("utf-8", "replace") or f"exit code {done.returncode}") if done.returncode else ""
    return Done(done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr), why)
