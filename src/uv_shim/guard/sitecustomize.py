"""Run at the start of a Python that uv starts in a watched dry run: ask the shim, wait, and leave no trace of having asked.

Written for any Python 3 that builds packages. The contract is in `uv_shim.guard`.
"""

import os
import signal
import sys
import time


class _Allowed(Exception):
    """The answer."""


def _answer(_number: int, _frame: object) -> None:
    raise _Allowed


def _ask(fd: int, *pipe: int) -> None:
    parent = os.getppid()
    before = signal.signal(signal.SIGUSR1, _answer)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    try:
        # The caller may have it blocked.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})
        found = os.fstat(fd)
        if (found.st_dev, found.st_ino) != pipe:
            # A script on the way here has taken that number for a file of its own.
            os._exit(1)
        os.write(fd, b"%d\n" % os.getpid())
        while os.getppid() == parent:
            time.sleep(0.1)
            # Fails once the shim is gone.
            os.write(fd, b"\n")
        # The uv is gone.
        os._exit(1)
    except OSError:
        os._exit(1)
    except _Allowed:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGUSR1, before or signal.SIG_DFL)
    os.close(fd)


_here = os.path.dirname(os.path.abspath(__file__))
_fd = os.environ.pop("UV_SHIM_GUARD", "")
_rest = os.environ.pop("PYTHONPATH", "").split(os.pathsep)[1:]
if _rest:
    os.environ["PYTHONPATH"] = os.pathsep.join(_rest)
sys.path[:] = [entry for entry in sys.path if entry != _here]
_cached = __spec__.cached or ""
try:
    # Python has put its bytecode beside this file.
    os.unlink(_cached)
    os.rmdir(os.path.dirname(_cached))
except OSError:
    pass
if _fd:
    _ask(*map(int, _fd.split(":")))

# The environment's own one, if it has any; `site` knows what to make of it where not.
del sys.modules["sitecustomize"]
__import__("sitecustomize")
