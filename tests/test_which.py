"""`uv-shim which`: the router's decision, explained."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import uvs
from test_router import Router
from uv_shim import router
from uv_shim.errors import ShimError
from world import ROOT, SHIM

#: Says a version, as uv does.
UV = '#!/bin/sh\n[ "$1" != --version ] || echo "uv 0.9.8"\n'


class Place:
    """Folders with programs called uv, made as they are named."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env: dict[str, str] = {}

    def real(self, name: str = "real") -> str:
        """A folder with a uv."""
        (self.root / name).mkdir()
        os.link(self._near(), self.root / name / "uv")
        os.link(self._near(), self.root / name / "uv-0.9.8")
        return str(self.root / name)

    def _near(self) -> Path:
        """A copy on this file system, so that it can be linked to."""
        near = self.root / "uv-0.9.8"
        if not near.exists():
            shutil.copy2(uvs.uv("0.9.8"), near)
        return near

    def script(self, name: str, text: str) -> str:
        """A folder with a script."""
        return str(Router.program(self.root / name / "uv", text).parent)

    def copy(self, name: str = "copy") -> str:
        """A folder with a whole copy of the shim."""
        for folder in ("shims", "src"):
            shutil.copytree(ROOT / folder, self.root / name / folder)
        return str(self.root / name / "shims")

    def stray(self, name: str = "stray") -> str:
        """A folder with the router alone."""
        (self.root / name).mkdir()
        shutil.copy2(SHIM, self.root / name / "uv")
        return str(self.root / name)

    def link(self, name: str, target: str) -> str:
        """A folder with a link called uv."""
        (self.root / name).mkdir()
        (self.root / name / "uv").symlink_to(target)
        return str(self.root / name)


SHIMS = str(SHIM.parent)


def shim_and_real(place: Place) -> list[str]:
    return [SHIMS, place.real()]


def real_first(place: Place) -> list[str]:
    return [place.real(), SHIMS]


def two_reals(place: Place) -> list[str]:
    return [SHIMS, place.real(), place.real("older")]


def without_shim(place: Place) -> list[str]:
    return [place.real()]


def whole_copies(place: Place) -> list[str]:
    return [SHIMS, place.copy(), place.link("linked", f"{place.root}/copy/shims/uv"), place.real()]


def stray_copy(place: Place) -> list[str]:
    return [SHIMS, place.stray(), place.real()]


def stray_first(place: Place) -> list[str]:
    return [place.stray(), SHIMS, place.real()]


def linked_folder(place: Place) -> list[str]:
    (place.root / "shims").symlink_to(SHIMS)
    return [str(place.root / "shims"), SHIMS, place.real()]


def not_executable(place: Place) -> list[str]:
    folder = place.script("text", UV)
    (Path(folder) / "uv").chmod(0o644)
    return [SHIMS, folder, place.real()]


def a_folder(place: Place) -> list[str]:
    (place.root / "dir" / "uv").mkdir(parents=True)
    return [SHIMS, str(place.root / "dir"), place.real()]


def dangling(place: Place) -> list[str]:
    return [SHIMS, place.link("dangling", "/nowhere/uv"), place.real()]


def mise(place: Place) -> list[str]:
    Router.program(place.root / "bin" / "mise", UV)
    return [SHIMS, place.link("mise-shims", f"{place.root}/bin/mise"), place.real()]


def pyenv(place: Place) -> list[str]:
    real = place.real()
    return [SHIMS, place.script("pyenv-shims", f'#!/bin/sh\n# exec "/home/ada/.pyenv/libexec/pyenv" exec "$program" "$@"\nexec {real}/uv "$@"\n'), real]


def asdf_in_a_circle(place: Place) -> list[str]:
    return [SHIMS, place.script("asdf-shims", f'#!/bin/sh\n# asdf-plugin: uv 0.9.8\nexec {SHIM} "$@" # asdf exec "uv"\n'), place.real()]


def rustup(place: Place) -> list[str]:
    folder = place.script("cargo", UV)
    os.link(f"{folder}/uv", f"{folder}/rustup")
    Path(f"{folder}/uv").write_text("")
    shutil.copyfile("/bin/true", f"{folder}/uv")
    return [SHIMS, folder, place.real()]


def given(place: Place) -> list[str]:
    place.env["UV_SHIM_REAL_UV"] = f"{place.real('given')}/uv"
    return [SHIMS, place.real()]


def empty_entry(place: Place) -> list[str]:
    Router.program(place.root / "uv", UV)
    return [SHIMS, "", place.real()]


def relative(place: Place) -> list[str]:
    place.real()
    return [SHIMS, "real", "./real"]


def same_file(place: Place) -> list[str]:
    return [SHIMS, place.real(), place.link("link", f"{place.root}/real/uv"), place.real("hard")]


def a_second_time(place: Place) -> list[str]:
    return [SHIMS, place.real(), f"{place.root}/real", SHIMS]


#: A situation on PATH, and what is said of each candidate.
SITUATIONS: dict[Callable[[Place], list[str]], list[str]] = {
    shim_and_real: ["this shim", "taken"],
    real_first: ["taken", "this shim"],
    two_reals: ["this shim", "taken", "not reached, the same file as"],
    without_shim: ["taken"],
    whole_copies: ["this shim", "a copy of this shim", "a link to a copy of this shim, passes the call on", "taken"],
    stray_copy: ["this shim", "a copy of this shim without its Python half, passes the call on", "taken"],
    stray_first: ["a copy of this shim without its Python half, passes the call on", "this shim", "taken"],
    linked_folder: ["this shim", "this shim, the same file as", "taken"],
    not_executable: ["this shim", "not executable", "taken"],
    a_folder: ["this shim", "no file", "taken"],
    dangling: ["this shim", "a link to nothing", "taken"],
    mise: ["this shim", "taken, mise's shim", "not reached"],
    pyenv: ["this shim", "taken, pyenv's shim", "not reached"],
    asdf_in_a_circle: ["this shim", "started, passes the call on, asdf's shim", "taken"],
    rustup: ["this shim", "taken, rustup's shim", "not reached"],
    given: ["UV_SHIM_REAL_UV: taken", "this shim", "not reached, the same file as"],
    empty_entry: ["this shim", "taken, a script that starts another program", "not reached"],
    relative: ["this shim", "taken", "not reached, the same file as real/uv"],
    same_file: ["this shim", "taken", "not reached, the same file as", "not reached, the same file as"],
    a_second_time: ["this shim", "taken", "a second time", "a second time"],
}


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: str(situation.__name__))
def test_which_agrees_with_the_router(tmp_path: Path, situation: Callable[[Place], list[str]]) -> None:
    """Of all that stand on PATH the one is taken that the router becomes, and each other one has its reason."""
    place = Place(tmp_path)
    env = {"PATH": ":".join((*situation(place), "/usr/bin", "/bin")), **place.env}
    routed = subprocess.run(["dash", str(SHIM), "--version"], env={**env, "UV_SHIM_TRACE": "1"}, cwd=tmp_path, capture_output=True, text=True, check=False)
    became = [line.partition(": exec ")[2] for line in routed.stderr.splitlines() if ": exec " in line]
    command = [sys.executable, "-c", "import sys; from uv_shim.cli import main; sys.exit(main())", "which"]
    python = {**env, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([*command, "--json"], env=python, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    which = json.loads(done.stdout)
    assert which["uv"] == became[-1]
    assert [one["path"] for one in which["candidates"] if one["state"] == "taken"] == became[-1:]
    assert [one["path"] for one in which["candidates"] if one["state"] == "passed on"] == became[:-1]
    assert len(which["candidates"]) == len(SITUATIONS[situation])
    for one, reason in zip(which["candidates"], SITUATIONS[situation]):
        assert one["reason"].startswith(reason), which["candidates"]
        assert bool(one["manager"]) == ("'s shim" in reason or "a script" in reason), which["candidates"]
    # What a shell starts, by its own word.
    first = subprocess.run(["dash", "-c", "command -v uv"], env=env, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()
    assert bool(which["past_the_shim"]) == (first not in (f"{SHIM}", f"{tmp_path}/shims/uv"))
    words = subprocess.run(command, env=python, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert words.startswith(f"uv       {which['uv']}\nversion  ")
    for one in which["candidates"]:
        assert one["path"] in words
        assert one["reason"] in words
    notes = {False: "does not pass the shim", True: "is not sealed"}
    assert [note in words for note in notes.values()] == [bool(which["past_the_shim"]) and (situation is stray_first) == half for half in notes]
    assert "\033" not in words


def test_the_path_kept_at_install_time(tmp_path: Path) -> None:
    """It is listed last, and taken where PATH has no uv."""
    place = Place(tmp_path)
    shims = place.copy("prefix")
    real = f"{place.real()}/uv"
    (tmp_path / "prefix" / "real-uv").write_text(f"{real}\n")

    def reasons(path: str) -> list[str]:
        done = subprocess.run([f"{shims}/uv-shim", "which", "--json"], env={"PATH": f"{shims}:{path}{Path(sys.executable).parent}:/usr/bin:/bin"},
                              capture_output=True, text=True, check=True)
        return [one["reason"] for one in json.loads(done.stdout)["candidates"]]

    assert reasons("") == ["this shim", "kept at install: taken"]
    assert reasons(f"{place.real('other')}:") == ["this shim", "taken", f"kept at install: not reached, the same file as {tmp_path}/other/uv"]


def test_a_uv_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is named and let go, with what it has started still there."""
    monkeypatch.setattr(router, "_SECONDS", 1)
    folder = Place(tmp_path).script("hangs", "#!/bin/sh\nsleep 20\n")
    begun = time.monotonic()
    with pytest.raises(ShimError) as error:
        router.find({"PATH": f"{SHIMS}:{folder}:/usr/bin:/bin"})
    assert error.value.lines[0] == f"{folder}/uv does not answer --version within 1 s."
    assert time.monotonic() - begun < 10


def test_where_there_is_none_each_is_explained(tmp_path: Path) -> None:
    """Exit code 127, the router's words, and why each one will not do."""
    place = Place(tmp_path)
    path = f"{SHIMS}:{place.link('dangling', '/nowhere/uv')}:/usr/bin:/bin"
    done = subprocess.run([sys.executable, "-m", "uv_shim", "which"], env={"PATH": path, "PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (127, "")
    assert "no uv found behind this shim" in done.stderr
    assert done.stderr.endswith(f"uv-shim: {SHIM}: this shim\nuv-shim: {tmp_path}/dangling/uv: a link to nothing\n")
