"""The page of `uv-shim audit --html`, in a real browser."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import browser
from browser import Browser
from uv_shim.audit import page, rows
from uv_shim.audit.answer import Audit
from uv_shim.audit.plan import Plan
from uv_shim.audit.rows import Row
from uv_shim.errors import ShimError

NAMES = ("pandas numpy scipy matplotlib pyarrow scikit-learn pillow fonttools contourpy kiwisolver joblib threadpoolctl cycler pyparsing "
         "packaging python-dateutil pytz tzdata six requests urllib3 certifi idna charset-normalizer attrs jinja2 markupsafe click rich "
         "pygments markdown-it-py mdurl sqlalchemy greenlet typing-extensions pydantic pydantic-core annotated-types httpx httpcore h11 anyio "
         "sniffio fastapi starlette uvicorn orjson cryptography cffi pycparser polars lxml beautifulsoup4 soupsieve tqdm regex").split()

#: Who looks at `--html` has such a mixture before him: most is here, some large files are missing.
REASONS = (("no-hash", "in the cache without a hash"),
           ("absent", "not in the cache"),
           ("other-version", "version 2.0.1 is in the cache, uv.lock has 2.1.0 (demo asks for it>=2)"),
           ("other-index", "in the cache under http://localhost:3141/root/pypi, uv.lock has https://pypi.org/simple (another host and another path)"))


def made() -> Audit:
    """An audit with all kinds of rows."""
    found = []
    for place, name in enumerate(NAMES):
        size = 1_000 + (len(NAMES) - place) ** 4 * 3
        reason, why = REASONS[place % 7] if place % 7 < len(REASONS) else ("cached", "in the cache")
        verdict = rows.HIT if reason == "cached" else rows.MISS
        found.append(Row(name, f"{1 + place % 3}.{place}.0", verdict, reason, why, rows.TODO.get(reason, ""), f"{name}-{place}-py3-none-any.whl", size,
                         "https://pypi.org/simple", "cached" if verdict == rows.HIT else "download", agrees=True))
    found.append(Row("<script>alert(1)</script>", '1"><b>', rows.UNKNOWN, "unreadable", "its entry in the cache cannot be read: <b>it was cut off</b>",
                     rows.TODO["unreadable"], None, None, "https://pypi.org/simple", "download", agrees=None))
    plan = Plan((), None, "uv sync --dry-run", judge=True, notes=())
    return Audit("uv 0.9.8", "/usr/bin/uv", "/home/somebody/demo", "/home/somebody/.cache/uv", "CPython 3.11.7 (.venv/bin/python)", plan, tuple(found))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, in a file."""
    path = tmp_path_factory.mktemp("page") / "audit.html"
    page.write(path, made())
    return path


@pytest.fixture(scope="module")
def window(written: Path) -> Iterator[Browser]:
    """A browser that has it open."""
    if browser.missing() and "CI" not in os.environ:
        pytest.skip(f"not on this machine: {browser.missing()}")
    with Browser() as running:
        running.open(written)
        yield running


@pytest.fixture
def reader(window: Browser, written: Path) -> Browser:
    """The page as it is when it is opened."""
    window.open(written)
    return window


def names(reader: Browser) -> list[str]:
    """The packages that are shown, from the top."""
    found = reader.run("return [...document.querySelectorAll('#packages tbody tr')].filter(row => !row.hidden).map(row => row.dataset.name)")
    assert isinstance(found, list)
    return found


def test_it_says_what_is_downloaded_largest_first(reader: Browser) -> None:
    downloads = [row.name for row in made().downloads]
    assert names(reader)[: len(downloads)] == downloads
    assert reader.run("return document.querySelector('h1').textContent").startswith(f"The next uv sync will download {len(downloads)} files, at least ")
    assert len(names(reader)) == len(NAMES) + 1


def test_names_and_reasons_are_text_and_nothing_else(reader: Browser) -> None:
    """A lock file may say anything."""
    assert "<script>alert(1)</script>" in names(reader)
    assert reader.run("return document.scripts.length") == 1
    assert reader.run("return document.querySelectorAll('#packages b').length") == 0


def test_it_asks_nothing_of_anybody(reader: Browser, written: Path) -> None:
    """No address in it to fetch, a policy that allows none, and none fetched; the script runs without a complaint."""
    text = written.read_text(encoding="utf-8")
    assert not re.findall(r"(?:src|href|action)=(?!\"#packages\")", text)
    assert "default-src 'none'" in text
    assert reader.run("return performance.getEntriesByType('resource').length") == 0
    assert reader.complaints() == []


@pytest.mark.parametrize(("words", "number"), [("pandas", 1), ("no-hash", len(NAMES[::7])), ("PYDANTIC core", 1), ("nosuchpackage", 0)])
def test_search(reader: Browser, words: str, number: int) -> None:
    """All words, in any column, in any case."""
    reader.keys("/", *words)
    assert len(names(reader)) == number
    assert reader.run("return document.getElementById('shown').textContent") == f"{number} of {len(NAMES) + 1} packages"
    assert reader.run("return document.getElementById('none').hidden") == (number > 0)
    reader.keys("Escape")
    assert len(names(reader)) == len(NAMES) + 1


def test_a_reason_alone(reader: Browser) -> None:
    reader.click(".reason[data-reason=absent]")
    assert names(reader) == [row.name for row in made().sorted if row.reason == "absent"]
    assert reader.run("return document.querySelector('.reason[data-reason=absent]').getAttribute('aria-pressed')") == "true"
    reader.click(".reason[data-reason=absent]")
    assert len(names(reader)) == len(NAMES) + 1


@pytest.mark.parametrize(("column", "key", "first", "last"), [("name", 1, "<script>alert(1)</script>", "uvicorn"), ("size", 3, "pandas", None)])
def test_sorting(reader: Browser, column: str, key: int, first: str, last: str | None) -> None:
    """A click on a head sorts, another one turns it round, and a screen reader is told."""
    head = f"thead th:nth-child({key + 1})"
    reader.click(f"{head} button")
    assert names(reader)[0] == first, column
    assert last is None or names(reader)[-1] == last
    once = reader.run(f"return document.querySelector('{head}').getAttribute('aria-sort')")
    before = names(reader)
    reader.click(f"{head} button")
    assert {once, reader.run(f"return document.querySelector('{head}').getAttribute('aria-sort')")} == {"ascending", "descending"}
    # What is equal stays in the order of its names.
    assert names(reader)[0] == before[-1] or column == "size"


def test_everything_by_the_keyboard(reader: Browser) -> None:
    """Tab reaches each control, in the order of the page; Enter and Space work them."""
    seen = []
    for _ in range(16):
        reader.keys("Tab")
        seen.append(reader.run("const it = document.activeElement; return it.id || it.className || it.textContent"))
    assert seen[0] == "skip"
    assert seen.index("search") < seen.index("downloads") < seen.index("Package")
    assert sum(name == "reason" for name in seen) == len(REASONS) + 1
    reader.run("document.querySelector('thead th:nth-child(2) button').focus()")
    reader.keys("Enter")
    assert reader.run("return document.querySelector('thead th:nth-child(2)').getAttribute('aria-sort')") == "ascending"
    reader.run("document.querySelector('tbody summary').focus()")
    reader.keys("Enter")
    assert reader.run("return document.querySelector('tbody details').open") is True


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_readable_in(scheme: str, reader: Browser) -> None:
    """All text has a contrast of at least 4.5 to 1 with what is behind it (WCAG AA)."""
    reader.prefer(scheme)
    contrasts = reader.run("""
        const parse = colour => colour.match(/[\\d.]+/g).map(Number), part = value => (value /= 255) <= .04045 ? value / 12.92 : ((value + .055) / 1.055) ** 2.4;
        const light = colour => { const [r, g, b] = parse(colour).map(part); return .2126 * r + .7152 * g + .0722 * b; };
        const behind = it => { for (; it; it = it.parentElement) { const colour = getComputedStyle(it).backgroundColor;
            if (!/, 0\\)$/.test(colour)) return colour; } return 'rgb(255, 255, 255)'; };
        const low = [];
        for (const it of document.querySelectorAll('body *')) {
            if (it.closest('svg, script, .skip') || ![...it.childNodes].some(node => node.nodeType === 3 && node.data.trim())) continue;
            const pair = [light(getComputedStyle(it).color), light(behind(it))].sort((a, b) => b - a);
            const contrast = (pair[0] + .05) / (pair[1] + .05);
            if (contrast < 4.5) low.push(`${it.tagName} ${it.className} ${contrast}`);
        }
        return [getComputedStyle(document.body).backgroundColor, low];
    """)
    assert contrasts[0] == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[scheme]
    assert contrasts[1] == []


def test_narrow_window(reader: Browser) -> None:
    """On a telephone, only the table scrolls sideways."""
    reader.devtools("Emulation.setDeviceMetricsOverride", width=360, height=740, deviceScaleFactor=1, mobile=False)
    assert reader.run("return document.documentElement.scrollWidth") <= 360
    reader.devtools("Emulation.clearDeviceMetricsOverride")


def test_it_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """A reader never sees half of it, and it is as readable for others as any file."""
    path = tmp_path / "audit.html"
    path.write_text("the one before")
    with path.open() as before:
        page.write(path, made())
        assert before.read() == "the one before"
    assert path.read_text(encoding="utf-8").endswith("</html>\n")
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    assert [entry.name for entry in tmp_path.iterdir()] == ["audit.html"]


def test_what_stands_there_stays_what_it_is(tmp_path: Path) -> None:
    """A link leads to the page, whose permissions are kept; a pipe is written to, and so would a device be."""
    real, link, pipe = tmp_path / "folder" / "real.html", tmp_path / "link.html", tmp_path / "pipe"
    real.parent.mkdir()
    link.symlink_to(real)
    page.write(link, made())
    real.write_text("the one before")
    real.chmod(0o640)
    page.write(link, made())
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8").endswith("</html>\n")
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    page.write(pipe, made()._replace(rows=()))  # no more than a pipe holds
    assert os.read(reader, 1 << 16).endswith(b"</html>\n")
    os.close(reader)
    assert sorted(entry.name for entry in tmp_path.rglob("*")) == ["folder", "link.html", "pipe", "real.html"]


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere" / "audit.html", tmp_path):
        with pytest.raises(ShimError, match="cannot be written"):
            page.write(path, made())
    assert not list(tmp_path.iterdir())


def test_a_path_that_is_no_text(tmp_path: Path) -> None:
    """It is shown as far as it can be."""
    page.write(tmp_path / "audit.html", made()._replace(project="/home/caf\udce9"))
    assert r"<dd>/home/caf\udce9</dd>" in (tmp_path / "audit.html").read_text(encoding="utf-8")


def test_stopped_it_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: Audit) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(page, "html", stop)
    with pytest.raises(KeyboardInterrupt):
        page.write(tmp_path / "audit.html", made())
    assert not list(tmp_path.iterdir())


def test_nothing_to_download() -> None:
    """Without a chart."""
    audit = made()
    text = page.html(audit._replace(rows=tuple(row for row in audit.rows if row.verdict == rows.HIT)))
    assert "will download nothing" in text
    assert "by size" not in text
