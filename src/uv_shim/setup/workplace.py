"""The workplace of a run: a temporary folder of its own, and the prefix for itself alone."""

from __future__ import annotations

import fcntl
import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from uv_shim.errors import ShimError
from uv_shim.setup.layout import Layout

_STOPS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@contextmanager
def temporary() -> Iterator[Path]:
    """A folder that goes. Told to stop while it is made or removed, this stops thereafter, as it would be left otherwise."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        with tempfile.TemporaryDirectory(prefix="uv-shim-setup-") as name:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            try:
                yield Path(name)
            finally:
                signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Nobody else sets up or uninstalls there meanwhile; whoever was first is waited for.

    Raises:
        ShimError: that one has uninstalled it.
    """
    fd = os.open(layout.prefix, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        if not layout.is_ours():
            raise ShimError(f"what was set up in {layout.prefix} was uninstalled by another run, which this one waited for.",
                            "Nothing was done. To set it up, run ./install.sh again.", code=1)
        yield
    finally:
        os.close(fd)
