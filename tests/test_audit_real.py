"""`uv-shim audit` on what public projects lock: more than a hundred packages each, with their names, versions, tags and dependencies.

The shapes are those of real lock files (`read_lock.py`); the files are made here, and published on the counting index, so that every byte is counted.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audit_situations import Stage
from test_audit import RELEASES, audit, check
from uv_shim.demo import wheels
from uv_shim.demo.index import Index
from world import PYTHON, World

if TYPE_CHECKING:
    import pytest

SHAPES = sorted((Path(__file__).parent / "data" / "locks").glob("*.jsonl"))

#: Published under names that uv does not keep them by.
SPELT = {"pyyaml": "PyYAML", "ruamel_yaml": "ruamel.yaml"}

#: What happens to a package before the audit, by a hash of its name.
FATES = ("hashed", "plain", "mirror", "other version", "archive gone", "cut off", "absent")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each project on one release, and with ``--all-uv`` on all."""
    if {"release", "shapes"} <= set(metafunc.fixturenames):
        sample = dict(zip(SHAPES, ("0.9.8", "0.12.8", "0.13.9")))
        played = [(release, shapes) for release in RELEASES for shapes in SHAPES if metafunc.config.getoption("--all-uv") or sample[shapes] == release]
        metafunc.parametrize(("release", "shapes"), played, ids=[f"{release}-{shapes.stem}" for release, shapes in played])


def publish(index: Index, shapes: Path) -> dict[tuple[str, str], list[tuple[str, bytes]]]:
    """Make the files of a project's packages, a thousandth as large, and an older version of each."""
    made = {}
    for line in shapes.read_text(encoding="utf-8").splitlines():
        package = json.loads(line)
        name, version = package["name"], package["version"]
        requires, extras = tuple(package["requires"]), tuple(package["extras"])
        files = []
        for tag, size in package["files"]:
            payload = min(size // 1000, 20_000)
            files.append(wheels.sdist(name, version, requires=requires, payload=payload) if tag == "sdist"
                         else wheels.wheel(name, version, requires=requires, extras=extras, tag=tag, payload=payload))
        stem = files[0][0].split("-")[0]
        files = [(file.replace(stem, SPELT.get(stem, stem), 1), data) for file, data in files]
        for file in files:
            index.add(file)
            index.add(file, "mirror")
        index.add(wheels.wheel(name, "0.0.1"))
        made[name, version] = files
    return made


def fate(name: str) -> str:
    """What is done with the package."""
    return FATES[hashlib.sha256(name.encode()).digest()[0] % len(FATES)]


def test_a_real_project_on_a_mixed_cache(release: str, shapes: Path, tmp_path: Path) -> None:
    """Each row, and the sum, is what `uv sync` then fetches."""
    with Index() as index:
        made = publish(index, shapes)
        stage = Stage(World(release, tmp_path, index))
        # What a package of the index asks for may be a pre-release.
        stage.lock(shapes.stem, extra='[tool.uv]\nprerelease = "allow"\n')
        env = {key: value for key, value in stage.world.env.items() if value is not None}
        options = ("--fresh", "--json", "--python", str(PYTHON))
        first = json.loads(audit(str(stage.project), *options, env=env, cwd=tmp_path).stdout)
        assert len(first["rows"]) >= 50
        assert {row["reason"] for row in first["rows"]} == {"absent"}
        fates = fill(stage, first["rows"], made)
        done = audit(str(stage.project), *options, env=env, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        data = json.loads(done.stdout)
        synced = stage.uv("sync", "--python", str(PYTHON))

    plain = stage.no_hash
    expected = {"hashed": "cached", "plain": plain, "mirror": "other-index", "other version": "other-version", "archive gone": "archive-gone",
                "cut off": "unreadable", "absent": "absent"}
    check(data, {name: expected[which] for name, which in fates.items()}, dict(synced.fetched.files), judged=release != "0.5.26", stopped=False)
    sizes = {file.name: len(file.data) for file in index.files["main"].values()}
    fetched = sum(sizes[name] for name in synced.fetched.files)
    assert data["totals"]["bytes"] == fetched
    assert len(set(fates.values())) == len(FATES) - (stage.number < (0, 6, 0))
    shutil.rmtree(tmp_path)


def fill(stage: Stage, rows: list[dict[str, Any]], made: dict[tuple[str, str], list[tuple[str, bytes]]]) -> dict[str, str]:
    """Give each package its fate; returns it by name."""
    fates = {row["name"]: fate(row["name"]) for row in rows}
    if stage.number < (0, 6, 0):
        # Those uvs stop where unpacked files are gone.
        fates = {name: "absent" if which == "archive gone" else which for name, which in fates.items()}
    versions = {row["name"]: row["version"] for row in rows}

    def pins(*which: str, hashes: bool) -> list[str]:
        names = [name for name, its in fates.items() if its in which]
        return [f"{name}=={versions[name]}" + "".join(f" --hash=sha256:{hashlib.sha256(data).hexdigest()}" for _, data in made[name, versions[name]] if hashes)
                for name in names]

    for lines, index in ((pins("hashed", "archive gone", "cut off", hashes=True), "main"), (pins("plain", hashes=False), "main"),
                         (pins("mirror", hashes=True), "mirror"), ([f"{name}==0.0.1" for name, its in fates.items() if its == "other version"], "main")):
        path = stage.world.root / "pins.txt"
        path.write_text("\n".join(lines))
        stage.pip("--no-deps", "-r", str(path), index=index)
    for archive in (stage.cache / "archive-v0").iterdir():
        names = {path.name.split("-")[0].replace("_", "-") for path in archive.glob("*.dist-info")}
        if any(fates.get(name) == "archive gone" for name in names):
            shutil.rmtree(archive)
    for pointer in stage.cache.glob("wheels-v*/index/*/*/*.http"):
        if fates[pointer.parent.name] == "cut off":
            pointer.write_bytes(pointer.read_bytes()[:-30])
    return fates
