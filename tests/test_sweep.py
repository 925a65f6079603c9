"""The sweep: the page says what the record says, and the record what uv and the shim still do."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.version import Version

import compatibility
import read_options
import sweep
import uvs
from uv_shim import versions
from uv_shim.demo.wheels import wheel
from world import ROOT, World

#: Of each regime and each boundary one.
DOZEN = ("0.2.27", "0.4.5", "0.4.6", "0.5.3", "0.6.14", "0.6.15", "0.9.8", "0.11.18", "0.11.19", "0.12.15", "0.12.16", "0.13.9")


def test_the_page_is_the_record() -> None:
    """docs/compatibility.md is what `tests/run sweep --page` writes."""
    assert compatibility.PAGE.read_text(encoding="utf-8") == compatibility.page(sweep.load())


def test_the_promise_holds_on_each_release() -> None:
    """Through the shim, each release from 0.4.6 on fetches nothing twice, installs nothing tampered, and takes the options of the table."""
    record = sweep.load()
    promised = [version for version in record if Version(version) >= Version("0.4.6")]
    assert len(promised) >= 230
    for version in promised:
        shim = record[version]["shim"]
        assert (shim["files at the sync"], shim["files at the sync from a sha512 index"]) == (0, 0), version
        assert (shim["tampered wheel"], shim["tampered sdist"]) == ("refused", "refused"), version
        assert shim["wheels at the install"] == record[version]["bare"]["wheels at the install"], version
        assert record[version]["options"] == [], version


def test_what_passes_no_shim_is_as_it_was() -> None:
    """`uv tool install`, `uv tool run` and `uv run --with` do through the shim what they do without."""
    for version, row in sweep.load().items():
        assert {name: row["bare"][name] for name in compatibility.BESIDE} == {name: row["shim"][name] for name in compatibility.BESIDE}, version
        if Version(version) >= Version("0.4.6"):
            fetched: list[object] = [2 if Version(version) < Version("0.11.19") else 0] * 3
            if version == "0.8.1":  # its `uv run --no-project --with` fails by itself
                fetched[2] = "install fails"
            assert [row["bare"][name] for name in compatibility.BESIDE] == fetched, version


def test_a_sweep_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each release is on record as soon as it is measured, and its binary gone, unless the tests keep it; one that fails costs no other."""
    monkeypatch.setattr(sweep, "DATA", tmp_path / "sweep.json")
    monkeypatch.setattr(compatibility, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(compatibility, "page", " ".join)
    monkeypatch.setattr(uvs, "store", lambda: tmp_path / "store")
    monkeypatch.setattr(sweep, "releases", lambda: ["0.4.5", "0.4.6", "0.9.8", "0.12.16"])
    measured: list[str] = []
    trouble: dict[str, BaseException] = {"0.9.8": KeyboardInterrupt()}

    def measure(version: str) -> sweep.Record:
        (tmp_path / "store" / version).mkdir(parents=True, exist_ok=True)
        (tmp_path / "store" / version / "uv").touch()
        if version in trouble:
            raise trouble[version]
        measured.append(version)
        return {"bare": dict.fromkeys(sweep.CASES), "options": []}

    def run(*arguments: str) -> None:
        monkeypatch.setattr("sys.argv", ["sweep", *arguments])
        measured.clear()
        sweep.main()

    monkeypatch.setattr(sweep, "measure", measure)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert (measured, list(sweep.load())) == (["0.4.5", "0.4.6"], ["0.4.5", "0.4.6"])
    assert [path.name for path in sorted((tmp_path / "store").iterdir())] == ["0.4.6", "0.9.8"]  # of `uvs.ALL`
    trouble["0.9.8"] = OSError("no such wheel")
    with pytest.raises(SystemExit, match="1"):
        run()
    assert (measured, list(sweep.load())) == (["0.12.16"], ["0.4.5", "0.4.6", "0.12.16"])
    assert "0.9.8: not measured: no such wheel" in capsys.readouterr().err
    trouble.clear()
    run("--sealed")
    assert (measured, compatibility.PAGE.read_text()) == (["0.9.8"], "0.4.5 0.4.6 0.9.8 0.12.16")
    run("--all")
    assert measured == []
    monkeypatch.setattr(sweep, "code", lambda: "another")
    run("--all", "--sealed")
    assert measured == ["0.4.6", "0.9.8"]
    run("0.4.5")
    assert measured == ["0.4.5"]
    monkeypatch.setattr(sweep, "CASES", {**sweep.CASES, "one more": max})
    run("--sealed")
    assert measured == ["0.4.6", "0.9.8"]  # the record lacks the new case


def test_the_page_says_whether_the_record_is_of_one_code() -> None:
    """A sweep that was interrupted, and went on with other code of the shim, would say something of neither."""
    record = sweep.load()
    newest = list(record)[-1]
    assert all(row.get("code") for row in record.values())
    assert "all with the same code of the shim." in compatibility.page({version: {**row, "code": "one"} for version, row in record.items()})
    assert "with 2 versions of the shim's code." in compatibility.page(
        {version: {**row, "code": "another" if version == newest else "one"} for version, row in record.items()})


def test_the_regimes_are_those_of_the_record() -> None:
    """docs/regimes.md has a row for each, with the releases at its ends; what it says of them is what `versions.Regime` and the record say."""
    record = sweep.load()
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in (ROOT / "docs" / "regimes.md").read_text(encoding="utf-8").splitlines()
            if (line.startswith("| ") and line[2:3].isdigit()) or line.startswith("| before")]
    starts = ["0.0.0", *(re.match(r"[\d.]+", row[0])[0] for row in rows[1:])]  # type: ignore[index]
    assert rows[0][0] == f"before {starts[1]}"
    for (first, after), (releases, shared, checked, _) in zip(zip(starts, [*starts[1:], "99.0.0"]), rows):
        within = [version for version in record if Version(first) <= Version(version) < Version(after)]
        last = re.search(r" – ([\d.]+)$", releases)
        assert within
        assert last is None or within[-1] == last[1], releases
        bare = [record[version]["bare"] for version in within]
        assert {row["tampered wheel"] for row in bare} == {"refused" if checked.startswith("yes") else "installed"}, releases
        if releases != rows[0][0]:
            assert {row["files at the sync"] == 0 for row in bare} == {shared.startswith("yes")}, releases
            assert {row["files at the sync from a sha512 index"] == 0 for row in bare} == {shared == "yes"}, releases
        facts = {tuple(vars(versions.Regime(Version(version).release)).get(name)  # type: ignore[arg-type]
                       for name in ("flag", "constrains", "computes", "format", "hashes", "checks")) for version in within}
        assert len(facts) == 1, releases


@pytest.mark.parametrize("release", DOZEN)
def test_the_record_is_still_true(release: str) -> None:
    """Measured again, a release does what the record says."""
    assert sweep.measure(release) == recorded(release)


def test_the_newest_uv_changes_nothing_that_we_rely_on() -> None:
    """The newest release of this day does what the newest one of the record did; if not, the difference says what has changed."""
    newest = sweep.releases()[-1]
    assert uvs.uv(newest).exists()
    assert sweep.measure(newest) == recorded(uvs.ALL[-1])


def recorded(release: str) -> sweep.Record:
    """What the record says of a release."""
    return {name: value for name, value in sweep.load()[release].items() if name != "code"}


def test_the_newest_uv_takes_no_other_options(tmp_path: Path) -> None:
    """In any spelling, before `pip` too, where the router has to know them. A new flag is a word like others: it is passed on, and printed here."""
    known = read_options.load()[uvs.ALL[-1]]
    names = {name for options in known.values() for name in options if name.startswith("--")}
    found = read_options.Probe(uvs.uv(sweep.releases()[-1]), tmp_path).options(names)
    found_out = read_options.differences(known, found)
    print(*found_out, sep="\n")
    assert [line for line in found_out if not re.search(r": none -> flag\b", line)] == []


def test_the_newest_uv_is_held_to_enforce(make_world: Callable[..., World]) -> None:
    """There the shim reads its dry run, as it does of an old one."""
    world = make_world(sweep.releases()[-1])
    world.index.add(wheel("app", "1.0"), advertised=())
    world.index.add(wheel("lib", "1.0"))
    for pages in ("max-age=600", "no-store"):  # where it is not kept, uv computes what the index does not say
        world.index.configure(cache_control=pages)
        for name, code, installed in (("app", 2, ""), ("lib", 0, "lib==1.0\n")):
            result = world.run("pip", "install", "--reinstall", name, env={"UV_SHIM_MODE": "enforce"})
            assert (result.code, world.freeze()) == (code, installed), result.stderr
        world.bare("pip", "uninstall", "lib", check=True)
