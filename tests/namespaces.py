"""Namespaces of the test's own, which nobody else sees and which end with the command: for files in /etc, and for process ids."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_ENTER = r"""
# $0: files for /etc; $@: the command
PATH_KEPT=${PATH-} PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t tmpfs tmpfs /mnt && mkdir /mnt/upper /mnt/work &&
mount -t overlay -o lowerdir=/etc,upperdir=/mnt/upper,workdir=/mnt/work overlay /etc && cp -a "$0/." /etc/ || exit 99
PATH=$PATH_KEPT
unset PATH_KEPT
exec "$@"
"""


class Machine:
    """``etc`` holds what is put over /etc."""

    def __init__(self, folder: Path) -> None:
        self.etc = folder / "etc"
        self.etc.mkdir(parents=True)
        unshare = shutil.which("unshare")
        works = unshare and subprocess.run(self._enter(unshare, "true"), capture_output=True, check=False).returncode == 0
        if not works and "CI" not in os.environ:
            pytest.skip("no private mount namespace on this machine (needs unshare, and root or user namespaces)")
        assert unshare, "unshare must be there in CI"
        assert works, "private mount namespaces must work in CI"
        self._unshare = unshare

    def _enter(self, unshare: str, *argv: str) -> list[str]:
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        return [unshare, *user, "--mount", "/bin/sh", "-c", _ENTER, str(self.etc), *argv]

    def on(self, *argv: str) -> list[str]:
        """The command line that runs ``argv`` on that machine."""
        return self._enter(self._unshare, *argv)

    def policy(self, text: str | None) -> Machine:
        """Set the system's configuration file; None takes it away."""
        shutil.rmtree(self.etc / "uv-shim", ignore_errors=True)
        if text is not None:
            (self.etc / "uv-shim").mkdir()
            (self.etc / "uv-shim" / "config.toml").write_text(text)
        return self


def first_process() -> tuple[str, ...]:
    """The beginning of a command line whose rest is to be the first process of a namespace, as in a container."""
    users = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    words = ("unshare", *users, "--pid", "--fork", "--mount-proc", "--kill-child")
    works = shutil.which("unshare") and subprocess.run([*words, "true"], capture_output=True, check=False).returncode == 0
    if not works and "CI" not in os.environ:
        pytest.skip("no private process namespace on this machine (needs unshare, and root or user namespaces)")
    assert works, "private process namespaces must work in CI"
    return words
