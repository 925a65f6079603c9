"""`uv-shim warm`: fills uv's cache with hashed entries ahead of the projects that will need them, through the real uv."""
