"""The guard: may this build hook of a dry run begin?

uv writes to its log before it builds, and goes on at once. So each Python that it starts in a watched dry run finds `sitecustomize` of
this folder, writes its process id and a newline to a pipe (``UV_SHIM_GUARD``: descriptor, device, inode), and waits for SIGUSR1; one
whose pipe, uv or shim is gone ends itself. Whoever asks was started after the line was written: once all that uv has written is read,
the answer is certain.
"""

from __future__ import annotations

import posix

from uv_shim.realuv import out_of_the_way

VARIABLE = "UV_SHIM_GUARD"


class Guard:
    """One dry run's guard; ``fd`` becomes readable when a hook asks."""

    def __init__(self) -> None:
        self.fd, asking = posix.pipe()
        posix.set_blocking(self.fd, False)
        self._asking = out_of_the_way(asking)
        self._allowed: list[int] = []

    def environment(self, environ: dict[str, str]) -> dict[str, str]:
        """``environ`` with what makes every Python that uv starts ask first; isolated ones (``-I``) do not see it."""
        before = environ.get("PYTHONPATH")
        folder = __file__.rpartition("/")[0]
        pipe = posix.fstat(self._asking)
        return {**environ, "PYTHONPATH": f"{folder}:{before}" if before else folder,
                VARIABLE: f"{self._asking}:{pipe.st_dev}:{pipe.st_ino}"}

    def started(self) -> None:
        """uv has its copy of the asking end by now."""
        posix.close(self._asking)

    def asked(self) -> list[int]:
        """Process ids of the hooks that wait for an answer."""
        try:
            # More than a pipe holds: no number comes in two pieces.
            return [int(number) for number in posix.read(self.fd, 1 << 20).split()]
        except BlockingIOError:
            return []

    def allow(self, hooks: list[int], uv: int) -> bool:
        """Let those hooks begin; false where one is no process below ``uv``, or another user's, while ``uv`` still runs."""
        import _signal

        for hook in hooks:
            try:
                if not _is_below(hook, uv):
                    # Once uv has ended, its hooks are below nobody, and what it has said counts.
                    return _fields(uv)[:1] == [b"Z"]
                posix.kill(hook, _signal.SIGUSR1)
            except ProcessLookupError:
                continue
            except OSError:
                return False
            self._allowed.append(hook)
        return True

    def end(self, uv: int) -> None:
        """Kill the hooks that were allowed and still run below ``uv``."""
        for hook in self._allowed:
            try:
                if _parent(hook) == uv:
                    posix.kill(hook, 9)
            except OSError:
                pass

    def close(self) -> None:
        posix.close(self.fd)


def _is_below(process: int, ancestor: int) -> bool:
    # Without /proc, or with that of another namespace, it cannot be told.
    if _parent(ancestor) != posix.getpid():
        return True
    while process not in (0, ancestor):
        process = _parent(process)
    return process == ancestor


def _parent(process: int) -> int:
    fields = _fields(process)
    return int(fields[1]) if len(fields) > 1 else 0


def _fields(process: int) -> list[bytes]:
    """What /proc says of a process from its state and its parent on; nothing, if it is not there."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return []
