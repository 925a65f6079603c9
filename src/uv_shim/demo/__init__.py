"""The main job shown on an embedded index: the bare uv beside the shim, in files and bytes."""
