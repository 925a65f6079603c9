"""Setting the shim up on a machine and taking it back: what install.sh and `uv-shim install` / `uninstall` do.

`install` and `uninstall` are the stories, and nothing else knows these two. They are told with `layout` (where everything is), `receipt`
(what was added), `startfiles` (the PATH lines), `sources` (what is copied), `release` (the copies), `provision` (what comes from a package
index), `users` (who runs from a copy) and `workplace` (what a run has for itself).
"""
