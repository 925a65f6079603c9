"""The layer: which files does an image need of us?

`uv-shim install --layer DIR` writes them for a Dockerfile to ``COPY``: the router and the sealing path, as text.
"""

from __future__ import annotations

import ast
import hashlib
import os
from pathlib import Path

from uv_shim import router
from uv_shim.errors import ShimError

#: What `launch.py` imports, early or late, and the guard's hook. The management command is not among them.
MODULES = (
    "__init__.py", "arguments.py", "config.py", "errors.py", "guard/__init__.py", "guard/sitecustomize.py", "hashes.py", "inputs.py",
    "launch.py", "memo.py", "pages.py", "pinning.py", "places.py", "plan.py", "preflight.py", "query.py", "realuv.py", "requirements.py",
    "seal.py", "spinner.py", "versions.py",
)

_SHIM = Path("shims", "uv")
_HOME = Path("src", "uv_shim")
_FOLDERS = (Path(), Path("shims"), Path("src"), _HOME, _HOME / "guard")


def write(folder: Path) -> None:
    """Make ``folder`` hold the layer, and nothing else: it is new, empty, or was a layer before.

    Raises:
        ShimError: there is something else in it, and nothing was changed; or it cannot be written.
    """
    sources = {_SHIM: router.path(), **{_HOME / name: Path(__file__).resolve().parent / name for name in MODULES}}
    try:
        for path in _earlier(folder) - sources.keys():
            (folder / path).unlink()
        for cache in list(folder.rglob("__pycache__")):
            cache.rmdir()
        for inner in _FOLDERS:
            (folder / inner).mkdir(parents=True, exist_ok=True)
        for path, source in sources.items():
            _put(folder / path, text(source), 0o755 if path == _SHIM else 0o644)
        for inner in _FOLDERS:
            (folder / inner).chmod(0o755)
            os.utime(folder / inner, (0, 0))
    except OSError as error:
        raise ShimError(f"cannot write the layer: {error.filename}: {error.strerror}.", "Name another folder.", code=1) from None


def _earlier(folder: Path) -> set[Path]:
    """The files of an earlier layer, whole or not."""
    if not folder.is_dir() and os.path.lexists(folder):
        raise ShimError(f"{folder} is no folder. Nothing was changed; name another one.", code=1)
    files = set()
    for entry in folder.rglob("*"):
        path = entry.relative_to(folder)
        # Python's bytecode is there where somebody has run a Python on it.
        python = path.suffix == ".py" or (path.suffix == ".pyc" and path.parent.name == "__pycache__")
        if entry.is_file() and not entry.is_symlink() and (path == _SHIM or (python and _HOME in path.parents)):
            files.add(path)
        elif (path if path.name != "__pycache__" else path.parent) not in _FOLDERS or not entry.is_dir() or entry.is_symlink():
            raise ShimError(f"{folder} is not empty, and no earlier layer: it has {path} in it.",
                            "Nothing was changed; name another folder.", code=1)
    return files


def text(source: Path) -> bytes:
    """A file as an image needs it: Python's without comment lines and docstrings, which are for who changes it, in the sources."""
    lines = source.read_bytes().splitlines(keepends=True)
    if source.suffix != ".py":
        return b"".join(lines)
    left_out = {number for number, line in enumerate(lines, 1) if line.lstrip().startswith(b"#")}
    for node in ast.walk(ast.parse(b"".join(lines))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and len(node.body) > 1 and ast.get_docstring(node) is not None:
            left_out.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return b"".join(line for number, line in enumerate(lines, 1) if number not in left_out)


def _put(file: Path, data: bytes, mode: int) -> None:
    """Write one file, whole or not at all, and the same to the byte wherever that is done."""
    partial = file.with_name(f"partial.{file.name}.py")
    partial.write_bytes(data)
    partial.chmod(mode)
    # Its time is part of an image too. Other bytes have another one: Python knows what it has compiled by a source's time and size,
    # and a cache mount outlives the image.
    time = int.from_bytes(hashlib.sha256(data).digest()[:4], "big") >> 2
    os.utime(partial, (time, time))
    os.replace(partial, file)
