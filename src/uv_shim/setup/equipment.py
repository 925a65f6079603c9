"""The management command's equipment: does the Python that it was set up with run, and how does it come by packages that it lacks?"""

from __future__ import annotations

import os

from uv_shim import processes, router
from uv_shim.setup import layout as layouts


def lost() -> tuple[str, str] | None:
    """What is wrong with that Python, and what to do; None where it runs, or this copy is none that was set up."""
    home = router.path().parent.parent
    layout = layouts.around(home)
    python = home / "venv" / "bin" / "python3"
    if layout is None or not os.path.isdir(home / "venv"):
        return None
    if not processes.run([str(python), "-I", "-S", "-B", "-c", ""], os.environ).why:
        return None
    try:
        os.stat(python)
    except PermissionError:
        return (f"the Python that uv-shim was set up with is closed to you: {os.path.realpath(python)}",
                f"as who set it up, {layout.script} --uninstall, and install.sh again with a python3 first on PATH that all can reach")
    except OSError:
        pass
    return f"the Python that uv-shim was set up with is gone, or does not run: {os.path.realpath(python)}", f"run {layout.script}"


def next_step() -> str:
    """How this command comes by the packages that it lacks."""
    found = lost()
    return f"{found[1]} ({found[0]})" if found else "set uv-shim up with ./install.sh"
