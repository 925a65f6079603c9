"""Where the router hands over: `python -I -S -B launch.py <real uv> <router> <LC_CTYPE is set> <uv's arguments>`.

Written for any Python that may be in the way, so that one that is too old or lacks something can be told apart and the next one be tried.
"""

try:  # Ctrl-C ends this as it ends uv, from the start
    import _signal

    if _signal.getsignal(_signal.SIGINT) != _signal.SIG_IGN:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
except (ImportError, ValueError):
    pass

import os
import sys


def _step_aside(why):  # type: (str) -> None  # noqa: ANN001, ANN202  # Python 2 reads this too
    """The router goes on to its next candidate; it has noted down this one (UV_SHIM_PYTHON_SKIP)."""
    if os.environ.get("UV_SHIM_TRACE", "0") not in ("", "0"):
        sys.stderr.write("uv-shim: trace: %s does not run the shim: %s\n" % (sys.executable, why))
    os.environ.pop("UV_SHIM_VISITED", None)
    if not sys.argv[3]:
        os.environ.pop("LC_CTYPE", None)
    os.execv(sys.argv[2], [sys.argv[2]] + sys.argv[4:])


if sys.version_info < (3, 8):
    _step_aside("it is older than 3.8")

environ = dict(os.environ)
environ.pop("UV_SHIM_PYTHON_SKIP", None)
if not sys.argv[3]:
    environ.pop("LC_CTYPE", None)  # Python sets it in the C locale (PEP 538), and uv would inherit that

_home = os.path.dirname(os.path.realpath(__file__))

# What Python compiles of these sources is kept in the user's cache, never beside the sources (-B); there it is only where
# the shim was set up with it.
_cache = environ.get("XDG_CACHE_HOME") or (environ.get("HOME") and os.path.join(environ["HOME"], ".cache"))
if _cache and not os.path.exists(os.path.join(_home, "__pycache__", "seal.%s.pyc" % sys.implementation.cache_tag)):
    sys.pycache_prefix = os.path.join(_cache, "uv-shim", "bytecode")
    sys.dont_write_bytecode = False

sys.path.insert(0, os.path.dirname(_home))

try:
    # A descriptor that the caller closed stays closed for uv, and is not taken by a file of ours before.
    for _fd in (0, 1, 2):
        try:
            os.fstat(_fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)

    # Open as long as this runs: whoever replaces or removes this copy sees by it that it is in use. uv does not inherit it.
    os.open(os.path.join(_home, "launch.py"), os.O_RDONLY)

    from uv_shim import seal
except Exception as _error:  # noqa: BLE001  # no memory, no descriptors, a Python without its library, a damaged copy
    _step_aside(repr(_error))

os._exit(seal.main(sys.argv[1], sys.argv[4:], environ))  # at once: nothing is left to be tidied up
