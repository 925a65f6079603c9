"""Where the router hands over: `python -I -S -B launch.py <real uv> <router> <"=" and LC_CTYPE, if it is set> <uv's arguments>`.

Any Python may be in the way: for one that is too old, or lacks something, the next one is tried. Python compiles this file at each
call, so it is short. As all up to the first question, it does without `os`, whose import takes as long as all of ours.
"""

try:  # Ctrl-C ends this as it ends uv, from the start
    import _signal

    if _signal.getsignal(_signal.SIGINT) != _signal.SIG_IGN:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
except (ImportError, ValueError):
    pass

import posix
import sys

# Python sets it in the C locale (PEP 538), and uv would inherit it.
posix.environ.pop(b"LC_CTYPE", None)
if sys.argv[3]:
    posix.environ[b"LC_CTYPE"] = sys.argv[3][1:].encode(sys.getfilesystemencoding(), "surrogateescape")


def _step_aside(why):  # type: (str) -> None  # Python 2 reads this too
    """The router goes on to its next candidate; it has noted down this one (UV_SHIM_PYTHON_SKIP)."""
    if posix.environ.get(b"UV_SHIM_TRACE", b"0") not in (b"", b"0"):
        sys.stderr.write("uv-shim: trace: %s does not run the shim: %s\n" % (sys.executable, why))
    posix.environ.pop(b"UV_SHIM_VISITED", None)
    posix.execve(sys.argv[2], sys.argv[2:3] + sys.argv[4:], posix.environ)


def _code_of(loader, name):  # type: ignore[no-untyped-def]
    """A module's code, also where its bytecode was cut short: of what a full disk has no room for, Python before 3.13.1 keeps a part."""
    try:
        return _load(loader, name)
    except (EOFError, TypeError, ValueError):
        if sys.pycache_prefix:
            loader.set_data(_importing.cache_from_source(loader.path), b"")  # the next call writes it anew
        return loader.source_to_code(loader.get_data(loader.path), loader.path)


if sys.version_info < (3, 8):
    _step_aside("it is older than 3.8")

try:
    # A descriptor that the caller closed stays closed for uv, and is not taken by a file of ours before.
    for _fd in (0, 1, 2):
        try:
            posix.fstat(_fd)
        except OSError:
            posix.open("/dev/null", posix.O_RDWR)

    # Open as long as this runs: whoever replaces or removes this copy sees that it is in use. uv does not inherit it.
    _held = posix.open(__file__, posix.O_RDONLY)
    _link = "/proc/self/fd/%d" % _held
    _home = (posix.readlink(_link) if posix.access(_link, posix.F_OK) else "").rpartition("/")[0]
    if not posix.access(_home + "/launch.py", posix.F_OK):  # no /proc
        from os.path import realpath

        _home = realpath(__file__).rpartition("/")[0]

    # What Python compiles is kept in the user's cache; beside the sources only where the shim was set up with it, for beside a checkout
    # it would be out of date after each update. Python knows what it has compiled by a source's time and size: where all times were set
    # to 0 (an image made reproducible), it may be another version's.
    _compiled = "%s/__pycache__/seal.%s.pyc" % (_home, sys.implementation.cache_tag)
    if not (posix.access(_compiled, posix.F_OK) and posix.access(_home + "/../../real-uv", posix.F_OK)):
        _cache = posix.environ.get(b"XDG_CACHE_HOME", b"")
        if _cache[:1] != b"/":
            _cache = posix.environ.get(b"HOME", b"") and posix.environ[b"HOME"] + b"/.cache"
        if _cache and posix.fstat(_held).st_mtime:
            sys.pycache_prefix = _cache.decode(sys.getfilesystemencoding(), "surrogateescape") + "/uv-shim/bytecode"
            sys.dont_write_bytecode = False

    import _frozen_importlib_external as _importing

    _load = _importing.SourceFileLoader.get_code
    _importing.SourceFileLoader.get_code = _code_of  # type: ignore[method-assign]
    sys.path.insert(0, _home.rpartition("/")[0])
    from uv_shim import seal

    _environ = seal.decoded(posix.environ)
except Exception as _error:  # no memory, no descriptors, a Python without its library, a damaged copy
    _step_aside(repr(_error))

# At once: nothing is left to be tidied up.
posix._exit(seal.main(sys.argv[1], sys.argv[4:], _environ))
