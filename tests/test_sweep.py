"""The sweep: the page says what the record says, and the record what uv and the shim still do."""

from __future__ import annotations

import pytest
from packaging.version import Version

import compatibility
import sweep
import uvs

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
    assert sweep.measure(release) == sweep.load()[release]


def test_the_newest_uv_changes_nothing_that_we_rely_on() -> None:
    """The newest release of this day does what the newest one of the record did; if not, the difference says what has changed."""
    newest = sweep.releases()[-1]
    assert uvs.uv(newest).exists()
    assert sweep.measure(newest) == sweep.load()[uvs.ALL[-1]]
