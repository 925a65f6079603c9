"""Setting the shim up on a machine and taking it back: what install.sh and `uv-shim install` / `uninstall` do.

`install` and `uninstall` are the stories, and they alone know the others: `layout` (where everything is), `receipt` (what was added),
`startfiles` (the PATH lines), `sources` (what is copied), `release` (the copies), `provision` (what comes from a package index), `users`.
"""
