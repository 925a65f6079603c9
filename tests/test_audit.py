"""`uv-shim audit` in prepared situations: what it says of each package is what `uv sync` then does, by the count of the index.

On two releases all situations are played, on the others a share of them, chosen by a hash of release and situation, so that it is the same share
each time. With ``--all-uv`` all of them on each.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import audit_situations
from audit_situations import HITS, SITUATIONS, UNKNOWNS, Expected, Stage, publish
from uv_shim.audit import rows
from uv_shim.demo.index import Index
from uv_shim.doctor.findings import Finding
from world import PYTHON, ROOT, World

if TYPE_CHECKING:
    import pytest

RELEASES = ("0.5.26", "0.9.8", "0.11.18", "0.11.19", "0.12.8", "0.12.24", "0.13.9")
WHOLE = ("0.9.8", "0.13.9")
SHARE = 8
#: What no sound cache and lock file of a known uv leads to; in `test_audit_reading.py` and `test_audit_command.py`.
UNPLAYED = frozenset(("newer-format", "no-file", "not-locked", "disagree"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise the situations: each with each release that it is played on."""
    if {"release", "situation"} <= set(metafunc.fixturenames):
        everything = metafunc.config.getoption("--all-uv")
        played = [(release, situation) for release in RELEASES for situation in SITUATIONS
                  if everything or release in WHOLE or hashlib.sha256(f"{release} {situation.__name__}".encode()).digest()[0] % SHARE == 0]
        metafunc.parametrize(("release", "situation"), played, ids=[f"{release}-{situation.__name__}" for release, situation in played])


def audit(*args: str, env: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Call `uv-shim audit` with this environment's dependencies."""
    return subprocess.run([sys.executable, "-B", "-m", "uv_shim", "audit", *args], env={**env, "PYTHONPATH": str(ROOT / "src")}, cwd=cwd,
                          capture_output=True, text=True, check=False, timeout=120)


def snapshot(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and time, but what uv notes of interpreters and its own locks."""
    noted = ("interpreter-v", ".lock", "CACHEDIR.TAG", ".gitignore", ".git")
    return {str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.rglob("*")
            if not path.is_dir() and not path.name.endswith(noted) and not str(path.relative_to(folder)).startswith(noted)}


def test_a_row_is_a_value() -> None:
    """As a finding of `doctor` is: nobody changes it once it is made, and it is no tuple that is compared with others by its order."""
    for kind in (rows.Row, Finding):
        assert dataclasses.is_dataclass(kind)
        assert vars(kind)["__dataclass_params__"].frozen
        assert not issubclass(kind, tuple)


def test_what_is_said_is_what_is_fetched(release: str, situation: Callable[[Stage], Expected], tmp_path: Path) -> None:
    """A hit is not fetched, a miss is, and an unknown row says why; the reason is the one of the situation; nothing is written."""
    with Index() as index:
        publish(index)
        stage = Stage(World(release, tmp_path, index))
        expected = situation(stage)
        env = {key: value for key, value in {**stage.world.env, **stage.env}.items() if value is not None}
        before = [snapshot(folder) for folder in (stage.cache, stage.project)]
        index.take()
        python = [] if "--python" in stage.options else ["--python", str(PYTHON)]
        done = audit(str(stage.project), "--json", *stage.audit_options, *python, *stage.options, env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert not done.stderr
        assert not index.take().files
        assert [snapshot(folder) for folder in (stage.cache, stage.project)] == before
        data = json.loads(done.stdout)
        # What cannot be told is no promise.
        assert {row["name"] for row in data["rows"] if not row["downloads"]} == {row["name"] for row in data["rows"] if row["verdict"] == "hit"}

        if "--fresh" in stage.audit_options or (not stage.audit_options and release == "0.5.26"):
            shutil.rmtree(stage.project / ".venv", ignore_errors=True)
        options = [option for option in stage.options if option != "--"]
        synced = stage.world.bare("sync", *python, *options, cwd=stage.project, env={"VIRTUAL_ENV": None, **stage.env})

    # With another hash in the cache, uv stops where the index lets the file be kept: it does not look again. And where unpacked files are gone,
    # which some uvs do not see, or not of a direct URL.
    reasons = {reason if isinstance(reason, str) else reason[1] for reason in expected.values()}
    stopped = ("Hash mismatch" in synced.stderr and "other-hash" in reasons) or ("Failed to install" in synced.stderr and "archive-gone" in reasons)
    assert bool(synced.code) == stopped, synced.stderr
    check(data, expected, dict(synced.fetched.files), judged=release != "0.5.26", stopped=stopped)
    shutil.rmtree(tmp_path)


def check(data: dict[str, Any], expected: Expected, fetched: dict[str, int], *, judged: bool, stopped: bool) -> None:
    """Compare rows with what they should say, and with what was fetched."""
    found = {row["name"]: row for row in data["rows"]}
    wrong = [f"{name}: expected and not there" for name in expected if name not in found]
    for name, row in found.items():
        wanted = expected.get(name, row["reason"])
        plain = "hit" if row["reason"] in HITS else "unknown" if row["reason"] in UNKNOWNS else "miss"
        verdict, reason = (plain, wanted) if isinstance(wanted, str) else wanted
        if row["reason"] != reason:
            wrong.append(f"{name}: expected {reason}, found {row['verdict']} and {row['reason']}")
        if row["verdict"] != verdict:
            wrong.append(f"{row['name']}: {row['verdict']} and {reason}")
        times = fetched.get(row["file"], 0)
        if row["verdict"] == "hit" and times:
            wrong.append(f"{row['name']}: a hit, and fetched")
        if row["verdict"] == "miss" and not times and reason != "git" and not stopped:
            wrong.append(f"{row['name']}: a miss, and not fetched")
        if row["agrees"] is False and isinstance(wanted, str):
            wrong.append(f"{row['name']}: our reading disagrees with uv's plan: {row['why']}")
        if judged and row["uv_plan"] is None:
            wrong.append(f"{row['name']}: without uv's word")
        if (row["verdict"] == "hit") == bool(row["todo"]):
            wrong.append(f"{row['name']}: {row['verdict']}, and to do: {row['todo'] or 'nothing'}")
    known = {row["file"] for row in found.values()}
    wrong += [f"{name}: fetched, and in no row" for name in fetched if name not in known]
    if data["judged_by_uv"] != judged:
        wrong.append(f"judged by uv: {data['judged_by_uv']}")
    if not stopped and not any(row["verdict"] == "unknown" for row in found.values()):
        remote = [row for row in found.values() if row["downloads"] and row["reason"] != "git"]
        if len(remote) != sum(fetched.values()):
            wrong.append(f"said {len(remote)} downloads, fetched {fetched}")
    assert not wrong, "\n".join([*wrong, json.dumps(data, indent=1), str(fetched)])


def test_each_reason_is_played_at_least_twice() -> None:
    """By what the situations say that they expect."""
    source = Path(audit_situations.__file__).read_text(encoding="utf-8")
    words = Counter(re.findall(r'"([a-z-]+)"', source.partition("SITUATIONS:")[0].partition("def empty_cache")[2])) + Counter(
        {"no-hash": source.count("stage.no_hash")})
    played = {reason for reason in rows.TODO if reason not in UNPLAYED} | HITS
    assert {reason: words[reason] for reason in played if words[reason] < 2} == {}
    assert len(SITUATIONS) >= 40


def test_each_reason_is_explained() -> None:
    """In the table of docs/audit.md."""
    table = re.findall(r"^\| (`.+?) \|", (ROOT / "docs" / "audit.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(re.findall(r"`([a-z-]+)`", " ".join(table))) == sorted(rows.TODO)
