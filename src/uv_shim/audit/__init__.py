"""`uv-shim audit`: will `uv sync` hit the cache here, and if not, why? uv's own plan is the judge; the cache is read to explain it."""
