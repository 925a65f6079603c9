"""The layer for an image: just the sealing path, small, the same wherever it is written, and it works by itself."""

from __future__ import annotations

import ast
import compileall
import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import uvs
from uv_shim import layer
from uv_shim.demo import trial
from uv_shim.demo.index import Index
from uv_shim.errors import ShimError
from world import PYTHON, ROOT, SHIM, World

PACKAGE = ROOT / "src" / "uv_shim"
MOST_BYTES = 150_000


def imports(source: Path) -> set[str]:
    """Dotted names that a module imports anywhere, those of functions and of type checkers too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{source}: relative imports are not looked at"
            names.update([node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)])
    return names


def closure(*start: str) -> set[str]:
    """Files of the package that those files come to import."""
    known: set[str] = set()
    waiting = [*start, "__init__.py"]
    while waiting:
        name = waiting.pop()
        if name in known:
            continue
        known.add(name)
        for dotted in imports(PACKAGE / name):
            inside = dotted.partition("uv_shim.")[2].replace(".", "/")
            waiting += [file for file in (f"{inside}.py", f"{inside}/__init__.py") if inside and (PACKAGE / file).is_file()]
    return known


def contents(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Mode, time and digest of all that is in a folder."""
    return {str(path.relative_to(folder)): (path.stat().st_mode, int(path.stat().st_mtime),
                                            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "")
            for path in folder.rglob("*")}


def test_it_has_what_the_sealing_path_imports_and_no_more() -> None:
    """A module that is added to the sealing path has to be added here; Python finds the guard's hook by its name."""
    assert closure("launch.py", "guard/sitecustomize.py") == set(layer.MODULES)


def test_uv_is_asked_before_anything_slow_is_imported(make_world: Callable[..., World]) -> None:
    """`os` and what comes with it take as long as all of ours: uv runs by then."""
    world = make_world("0.9.8")
    world.run("pip", "install", "--help", check=True)  # its version is known
    program = """
import sys
sys.addaudithook(lambda event, _: event == "os.posix_spawn" and print(sorted({"os", "uv_shim.preflight"}.intersection(sys.modules)), file=sys.stderr))
sys.argv[:] = sys.argv[1:]
__file__ = sys.argv[0]
exec(compile(open(__file__).read(), __file__, "exec"))
"""
    (world.work / "in.txt").write_text("alpha\n")
    done = subprocess.run([PYTHON, "-I", "-S", "-B", "-c", program, PACKAGE / "launch.py", world.uv, SHIM, "", "pip", "install", "-r",
                           "in.txt", "beta"], env=world.env, cwd=world.work, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[0] == "[]", done.stderr


def test_it_is_text_and_small(tmp_path: Path) -> None:
    layer.write(tmp_path / "layer")
    files = [path for path in (tmp_path / "layer").rglob("*") if path.is_file()]
    assert {str(path.relative_to(tmp_path / "layer")) for path in files} == {"shims/uv", *(f"src/uv_shim/{name}" for name in layer.MODULES)}
    for path in files:
        assert "\0" not in path.read_text(encoding="utf-8")
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    for page in ("README.md", "docs/docker.md"):
        assert f"under {MOST_BYTES // 1000} kB" in (ROOT / page).read_text(encoding="utf-8")


def test_it_is_the_code_of_the_sources(tmp_path: Path) -> None:
    """All that is left out are lines of comments, and docstrings where there is more than that."""
    layer.write(tmp_path)
    assert (tmp_path / "shims" / "uv").read_bytes() == SHIM.read_bytes()
    for name in layer.MODULES:
        source, copy = (ast.parse((folder / name).read_bytes()) for folder in (PACKAGE, tmp_path / "src" / "uv_shim"))
        for tree in (source, copy):
            for node in ast.walk(tree):
                first = getattr(node, "body", [None])[0] if not isinstance(node, (ast.Lambda, ast.IfExp)) else None
                if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
                    del node.body[0]  # type: ignore[attr-defined]
        assert ast.dump(source) == ast.dump(copy), name


def test_it_is_the_same_whoever_writes_it_where(tmp_path: Path) -> None:
    """Modes and times too, under any umask: so an image that is built again has the same layer."""
    program = f"import os, sys; os.umask(0o077); from uv_shim import layer; layer.write(layer.Path({str(tmp_path / 'private')!r}))"
    subprocess.run([str(PYTHON), "-B", "-c", program], env={"PYTHONPATH": str(ROOT / "src")}, check=True)
    layer.write(tmp_path / "public")
    assert contents(tmp_path / "private") == contents(tmp_path / "public")
    assert {mode & 0o777 for mode, _, digest in contents(tmp_path / "public").values() if not digest} == {0o755}
    modes = {path: mode & 0o777 for path, (mode, _, digest) in contents(tmp_path / "public").items() if digest}
    assert modes.pop("shims/uv") == 0o755
    assert set(modes.values()) == {0o644}


def test_other_bytes_have_another_time(tmp_path: Path) -> None:
    """Python knows its compiled files by time and size: none of another version is taken for this one's."""
    layer.write(tmp_path)
    files = {digest: time for _, time, digest in contents(tmp_path).values() if digest}
    assert len(set(files.values())) == len(files)


def test_no_code_of_another_version_runs_where_all_times_are_0(make_world: Callable[..., World], tmp_path: Path) -> None:
    """`buildah --timestamp 0` makes them so, and a cache mount outlives the image: nothing tells two sources of one size apart."""
    world = make_world("0.9.8")
    folder = tmp_path / "layer"
    layer.write(folder)
    seal = folder / "src" / "uv_shim" / "seal.py"
    for word, another in (("mode", "MODE"), ("MODE", "mode")):
        for path in folder.rglob("*.py"):
            os.utime(path, (0, 0))
        said = world.call(str(folder / "shims" / "uv"), ("pip", "install", "--help"), env={"UV_SHIM_TRACE": "1"}).said
        assert f"uv-shim: trace: {word} seal (built in)" in said
        seal.write_text(seal.read_text().replace(f'f"{word} ', f'f"{another} '))


def test_an_earlier_layer_is_replaced(tmp_path: Path) -> None:
    """What has gone from the sealing path since, was left half written, or compiled, goes."""
    layer.write(tmp_path)
    before = contents(tmp_path)
    for name in ("gone.py", "partial.seal.py.py"):
        (tmp_path / "src" / "uv_shim" / name).touch()
    compileall.compile_dir(tmp_path / "src", quiet=1)
    (tmp_path / "shims" / "uv").write_text("another version")
    (tmp_path / "src" / "uv_shim" / "seal.py").unlink()
    layer.write(tmp_path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("strange", ["notes.txt", "shims/uv-shim", "src/other/module.py", "src/uv_shim/data.bin", ".git/config"])
def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path, strange: str) -> None:
    layer.write(tmp_path)
    file = tmp_path / strange
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("mine")
    (tmp_path / "shims" / "uv").write_text("as it was")
    before = contents(tmp_path)
    with pytest.raises(ShimError, match="no earlier layer") as refused:
        layer.write(tmp_path)
    assert refused.value.code == 1
    assert contents(tmp_path) == before


def test_links_are_not_followed(tmp_path: Path) -> None:
    """A link in the folder leads out of it."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "layer").mkdir()
    (tmp_path / "layer" / "src").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ShimError, match="it has src in it"):
        layer.write(tmp_path / "layer")
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_file_in_the_folders_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ShimError, match="is no folder"):
        layer.write(tmp_path / "file")
    with pytest.raises(ShimError, match=f"cannot write the layer: {tmp_path / 'file'}"):
        layer.write(tmp_path / "file" / "inside")
    assert (tmp_path / "file").read_text() == "mine"


def test_install_sh_writes_it(tmp_path: Path) -> None:
    """Without a HOME, a uv or a package; relative to where it is called."""
    layer.write(tmp_path / "expected")
    subprocess.run([str(ROOT / "install.sh"), "--layer", "layer"], env={"PATH": os.pathsep.join((str(PYTHON.parent), os.defpath))}, cwd=tmp_path,
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert contents(tmp_path / "layer") == contents(tmp_path / "expected")
    assert {path.name for path in tmp_path.iterdir()} == {"layer", "expected"}


def test_a_dry_run_writes_none_and_what_has_no_meaning_beside_it_is_refused(tmp_path: Path) -> None:
    for options, code, text in ((["--dry-run"], 0, "would write the layer to layer"), (["--prefix", "x"], 2, "--prefix has no meaning"),
                                (["--demo", "--system"], 2, "--system, --demo has no meaning")):
        done = subprocess.run([str(ROOT / "install.sh"), "--layer", "layer", *options], env={"PATH": f"{PYTHON.parent}:{os.defpath}"}, cwd=tmp_path,
                              capture_output=True, text=True, check=False)
        assert done.returncode == code
        assert text in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []


def test_it_works_by_itself(tmp_path: Path) -> None:
    """Wheels and an sdist, so that each module is used; and nothing is written beside the sources."""
    folder = tmp_path / "a layer"
    layer.write(folder)
    with Index() as index:
        stocked = trial.stock(index)
        done = trial.run(trial.Route(uvs.uv("0.9.8"), "0.9.8", folder / "shims" / "uv"), index, tmp_path / "trial")
    assert done.install.files >= stocked.files
    assert done.sync.files == 0
    assert not list(folder.rglob("__pycache__"))
    assert os.access(folder / "shims" / "uv", os.X_OK)
