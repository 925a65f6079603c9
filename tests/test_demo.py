"""The demo: what it counts, what it says of it, and what it leaves behind."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

import uvs
from uv_shim import report, router
from uv_shim.demo import command, table
from uv_shim.demo.trial import Cost, Route, Trial
from world import PYTHON, ROOT

#: All of the demo's wheels and its sdist.
STOCK = 5


class Shown:
    """One run of the demo with that uv on PATH."""

    def __init__(self, root: Path, version: str, *, old: str | None = "0.9.8", **env: str) -> None:
        self.temporary = root / "tmp"
        self.home = root / "home"
        for folder in (self.temporary, self.home, root / "bin"):
            folder.mkdir()
        (root / "bin" / "python3").symlink_to(PYTHON)
        if old:
            kept = self.home / ".cache" / "uv-shim" / "uv" / old
            kept.mkdir(parents=True)
            (kept / "uv").symlink_to(uvs.uv(old))
        self.before = sorted(self.home.rglob("*"))
        variables = {"HOME": str(self.home), "PATH": f"{root / 'bin'}:{uvs.uv(version).parent}:{os.defpath}", "TMPDIR": str(self.temporary)}
        self.done = subprocess.run([str(ROOT / "shims" / "uv-shim"), "demo"], env={**variables, **env}, cwd=root, capture_output=True,
                                   stdin=subprocess.DEVNULL, text=True, timeout=300, check=False)

    @property
    def rows(self) -> list[tuple[str, str, int, int]]:
        """Version, route, files at install, files at `uv sync`."""
        found = re.findall(r"^(\d\S*) {2,}(bare|through the shim) +(\d+) files? .*?(\d+) files? ", self.done.stdout, re.MULTILINE)
        # On a busy machine, uv may have asked for the sdist when the shim stops its dry run there: then it is counted once more.
        return [(version, route, STOCK if route != "bare" and int(install) == STOCK + 1 else int(install), int(sync))
                for version, route, install, sync in found]


@pytest.mark.parametrize("uv", ["0.4.6", "0.9.8", "0.11.18"])
def test_an_uv_that_needs_sealing_downloads_everything_twice(tmp_path: Path, uv: str) -> None:
    """And nothing through the shim."""
    shown = Shown(tmp_path, uv)
    assert shown.done.returncode == 0, shown.done.stderr
    assert shown.rows == [(uv, "bare", STOCK, STOCK), (uv, "through the shim", STOCK, 0)]
    assert f"With uv {uv}, `uv sync` downloads {STOCK} files (4.2 MB)" in shown.done.stdout


def test_a_new_uv_is_shown_beside_an_old_one(tmp_path: Path) -> None:
    """As with the new one alone there is nothing to see."""
    new = uvs.ALL[-1]
    shown = Shown(tmp_path, new)
    assert shown.done.returncode == 0, shown.done.stderr
    assert shown.rows == [(new, "bare", STOCK, 0), (new, "through the shim", STOCK, 0),
                          ("0.9.8", "bare", STOCK, STOCK), ("0.9.8", "through the shim", STOCK, 0)]


def test_without_the_package_index_the_new_uv_is_shown_alone(tmp_path: Path) -> None:
    """One line says why."""
    nowhere = {"UV_OFFLINE": "1", "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull}
    shown = Shown(tmp_path, uvs.ALL[-1], old=None, **nowhere)
    assert shown.done.returncode == 0, shown.done.stderr
    assert [row[1:] for row in shown.rows] == [("bare", STOCK, 0), ("through the shim", STOCK, 0)]
    assert "uv 0.9.8, which needs the shim, could not be had from the package index: " in shown.done.stdout


def test_the_users_settings_play_no_part(tmp_path: Path) -> None:
    """Nor is anything of theirs touched: an environment that is active stays empty."""
    environment = tmp_path / "active"
    subprocess.run([str(uvs.uv("0.9.8")), "venv", "-q", "--python", str(PYTHON), str(environment)], check=True)
    before = sorted(environment.rglob("*"))
    shown = Shown(tmp_path, "0.9.8", VIRTUAL_ENV=str(environment), UV_PYTHON=str(environment), UV_OFFLINE="1", UV_REQUIRE_HASHES="1",
                  UV_INDEX_URL="http://127.0.0.1:9/simple", UV_NO_VERIFY_HASHES="1", UV_CACHE_DIR=str(tmp_path / "cache"),
                  UV_SYSTEM_PYTHON="1", UV_BREAK_SYSTEM_PACKAGES="1", UV_SHIM_MODE="off", PYTHONPATH="/nowhere")
    assert shown.done.returncode == 0, shown.done.stderr
    assert shown.rows[1] == ("0.9.8", "through the shim", STOCK, 0)
    assert sorted(environment.rglob("*")) == before
    assert not (tmp_path / "cache").exists()


def test_nothing_stays_behind(tmp_path: Path) -> None:
    shown = Shown(tmp_path, "0.9.8")
    assert list(shown.temporary.iterdir()) == []
    assert sorted(shown.home.rglob("*")) == shown.before


def test_a_shim_that_does_not_seal_fails_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bare uv stands for one."""
    uv = uvs.uv("0.9.8")
    monkeypatch.setattr(router, "lay_out", lambda _folder: uv)
    shown = command.run({"UV_SHIM_REAL_UV": str(uv)})
    assert shown.code == 1
    assert f"This is a failure of the shim: with uv 0.9.8, `uv sync` downloaded {STOCK} of the files" in shown.text


def test_without_a_uv_the_routers_words_are_shown(tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(PYTHON)
    (tmp_path / "sh").symlink_to("/bin/sh")
    done = subprocess.run(["/bin/sh", str(ROOT / "shims" / "uv-shim"), "demo"], env={"PATH": str(tmp_path)}, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 127
    assert done.stderr.startswith("uv-shim: no uv found behind this shim")


def test_columns_are_aligned() -> None:
    """Whatever the versions and numbers."""
    trials = [Trial(Route(Path("uv"), "0.9.8"), Cost(5, 4_200_000), Cost(10, 4_200_000)),
              Trial(Route(Path("uv"), "0.13.999", Path("shim")), Cost(1, 999), Cost(0, 0))]
    assert table.lines(trials) == [
        "uv        route               uv pip install  then uv lock + uv sync",
        "0.9.8     bare              5 files   4.2 MB       10 files   4.2 MB",
        "0.13.999  through the shim  1 file     999 B        0 files      0 B",
    ]


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (250_400, "250.4 kB"), (4_150_000, "4.2 MB")])
def test_sizes_read_well(count: int, text: str) -> None:
    assert report.size(count) == text
