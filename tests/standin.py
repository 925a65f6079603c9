"""A stand-in for the real uv that does something else at one of its calls, and is the real uv at all others."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

from world import World

#: What `uv pip install` asks of a uv before 0.12.16, in order, and then the install itself.
STEPS = ("dry run", "query", "rehearsal", "install")
#: With them there is a rehearsal also of wheels alone.
REHEARSED = {"UV_OVERRIDE": os.devnull}


class StandIn:
    """At the call of that number (from 1; -1: the install itself) it runs the shell code ``how``.

    There, ``$self`` is the stand-in's folder, and ``$real`` the real uv.
    """

    def __init__(self, world: World, number: int, how: str) -> None:
        self.folder = world.root / "stand-in"
        self.folder.mkdir(exist_ok=True)
        self.arm()
        self.path = self.folder / "uv"
        self.path.write_text(f"""#!/bin/sh
self='{self.folder}' real='{world.uv}'
for word do
    case $word in
        --version | dir | --show-settings) break;;
        install | sync | compile)
            echo "$*" >>"$self/calls"
            asked=0
            while read -r _; do asked=$((asked + 1)); done <"$self/calls"
            case "{number} $* " in
                "-1 "*" --dry-run "* | "-1 "*" compile "*) ;;
                "-1 "*) asked=-1;;
            esac
            if [ "$asked" = {number} ]; then : >"$self/reached"; {how}; fi
            break;;
    esac
done
exec "$real" "$@"
""")
        self.path.chmod(self.path.stat().st_mode | stat.S_IXUSR)

    def arm(self) -> None:
        """Count the calls anew."""
        for name in ("calls", "reached", "gate"):
            (self.folder / name).unlink(missing_ok=True)
        os.mkfifo(self.folder / "gate")

    @property
    def calls(self) -> list[str]:
        """The calls so far, each in a line."""
        calls = self.folder / "calls"
        return calls.read_text().splitlines() if calls.exists() else []

    def wait(self) -> None:
        """Wait until that call has begun."""
        wait_for(self.folder / "reached")

    def release(self) -> None:
        """Let go of `HELD`."""
        (self.folder / "gate").write_text("go on\n")


#: Wait for `release`, and be the real uv then. No other process is started: a stop signal in the middle of that would stop but the one.
HELD = 'read -r _ <"$self/gate"'


def wait_for(path: Path) -> None:
    """Wait until ``path`` is there."""
    for _ in range(1000):
        if path.exists():
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} has not come in 10 s")
