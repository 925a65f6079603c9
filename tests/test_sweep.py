"""The sweep: the page says what the record says, and the record what uv and the shim still do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.version import Version

import compatibility
import read_options
import sweep
import uvs
from uv_shim.demo.wheels import wheel
from world import World

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
    """In any spelling, before `pip` too, where the router has to know them."""
    known = read_options.load()[uvs.ALL[-1]]
    names = {name for options in known.values() for name in options if name.startswith("--")}
    found = read_options.Probe(uvs.uv(sweep.releases()[-1]), tmp_path).options(names)
    assert read_options.differences(known, found) == []


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
