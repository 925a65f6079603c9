"""Where the router hands over: `python -I -S -B launch.py <real uv> <router> <LC_CTYPE is set> <uv's arguments>`.

Written for any Python that may be in the way, so that one too old can be told apart and the next one be tried.
"""

import os
import sys

if sys.version_info < (3, 8):
    # The router goes on to its next candidate; it believes this list only in this very process.
    _skip = os.environ.get("UV_SHIM_PYTHON_SKIP", "")
    if not _skip.startswith("%d:" % os.getpid()):
        _skip = "%d:" % os.getpid()
    os.environ["UV_SHIM_PYTHON_SKIP"] = _skip + sys.executable + ":"
    os.execv(sys.argv[2], [sys.argv[2]] + sys.argv[4:])

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from uv_shim import seal  # noqa: E402

environ = dict(os.environ)
environ.pop("UV_SHIM_PYTHON_SKIP", None)
if not sys.argv[3]:
    environ.pop("LC_CTYPE", None)  # Python sets it in the C locale (PEP 538), and uv would inherit that

sys.exit(seal.main(sys.argv[1], sys.argv[4:], environ))
