"""`python -m uv_shim`: the management command."""

import sys

from uv_shim.cli import main

if __name__ == "__main__":
    sys.exit(main())
