"""A terminal with a shell that has job control, as a person sits in front of."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import time
from pathlib import Path

from machine import need
from world import World


class Terminal:
    """A context manager; leaving it hangs up."""

    def __init__(self, world: World, env: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        # Whoever leads a session and opens a terminal has it as its own.
        self.shell = subprocess.Popen(["sh", "-c", 'exec "$0" --norc --noprofile -i <"$1" >"$1" 2>&1', need("bash"), os.ttyname(slave)],
                                      cwd=world.work, env={**world.env, **env, "PS1": "ready> ", "HISTFILE": os.devnull}, start_new_session=True)
        self._text = ""
        self.until("ready> ")
        os.close(slave)

    def __enter__(self) -> Terminal:  # noqa: PYI034  # typing.Self is younger than Python 3.8
        return self

    def __exit__(self, *_: object) -> None:
        if self._master >= 0:
            self.hang_up()

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def until(self, pattern: str) -> re.Match[str]:
        """Read until the pattern is there; what stands before it is done with."""
        end = time.monotonic() + 20
        while True:
            found = re.search(pattern, self._text)
            if found:
                self._text = self._text[found.end() :]
                return found
            assert select.select([self._master], [], [], max(0.0, end - time.monotonic()))[0], f"{pattern!r} has not come: {self._text!r}"
            self._text += os.read(self._master, 4096).decode("utf-8", "replace")

    def status(self) -> int:
        """How the last command ended, once the shell is ready for another."""
        self.until("ready> ")
        self.type('echo "ended=$?"\n')
        ended = int(self.until(r"ended=(\d+)").group(1))
        self.until("ready> ")
        return ended

    def hang_up(self) -> None:
        os.close(self._master)
        self._master = -1
        self.shell.wait(20)

    def states(self) -> set[str]:
        """States of the processes of the shell's job (``T``: stopped), once they are all stopped or gone; else after 5 s."""
        for _ in range(250):
            found = self._states()
            if found <= {"T"}:
                break
            time.sleep(0.02)
        return found

    def _states(self) -> set[str]:
        found = set()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == self.shell.pid and int(fields[2]) != self.shell.pid and fields[0] != "Z":
                found.add(fields[0])
        return found
