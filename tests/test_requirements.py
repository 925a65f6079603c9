"""A hash is the user's own only where uv is sure to heed it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from uv_shim import requirements
from uv_shim.arguments import CommandLine
from uv_shim.inputs import Inputs
from uv_shim.versions import Regime

HASH = f"--hash=sha256:{'0' * 64}"
FRAGMENT = f"sha256={'0' * 64}"
URL = "https://example.org/files/app-1.0.tar.gz"


def read(folder: Path, files: dict[str, str], *words: str) -> Inputs:
    for name, text in files.items():
        (folder / name).write_bytes(text.encode())
    os.chdir(folder)
    line = CommandLine.parse(["pip", "install", *words])
    assert line
    inputs = Inputs()
    requirements.read(line, {}, inputs, Regime((0, 9, 8)))
    return inputs


@pytest.mark.parametrize(("text", "heeded"), [
    (f"app==1.0 {HASH}\n", True), (f"app==1.0 \\\n    {HASH}\n", True), (f"app==1.0\t{HASH} # why\n", True), (f"app[x]==1.0.0 {HASH}", True),
    (f"app==1.0 {HASH}\r\nlib\r\n", True), (f"-r other.txt # why\nlib {HASH}", True), (f"app>=1.0 {HASH}", False), (f"app==1.0{HASH}", False),
    (f"app==1.0 ; sys_platform == 'win32' {HASH}", False), (f"# old\x0capp==1.0 {HASH}\n", False), (f"# old\u2028app==1.0 {HASH}\n", False),
    (f"# app==1.0 {HASH}\n", False), ("-c other.txt\napp==1.0\n", False), ("--constraint other.txt\n", False), ("-r other.txt\n", True),
    (f"app==1.0 \\\n# why\nlib==1.0 {HASH}\n", False), (f"app==1.0 \\\n  # why \\\nlib==1.0 {HASH}\n", False), (f"app==1.0 \\ \nlib==1.0 {HASH}\n", False),
    (f"app==1.0 # why \\\nlib==1.0 {HASH}\n", False), (f"--pre app==1.0 {HASH}\n", False), (f"\ufeffapp==1.0 {HASH}\n", True), (f"app==1.0 \\\n\n{HASH}\n", False),
    (f"lib==1.0 {HASH}\r# /// script\r# dependencies = []\r# ///\rapp==1.0 {HASH}", False), ("-r other.txt#x\n", True), ("-r 'other.txt'\n", False), (f"# /// script\n# dependencies = ['app==1.0']\n# ///\napp==1.0 {HASH}\n", False),
])  # fmt: skip
def test_a_hash_beside_a_version(text: str, heeded: bool, tmp_path: Path) -> None:  # a case
    inputs = read(tmp_path, {"r.txt": text, "other.txt": f"app==1.0 {HASH}\n", "other.txt#x": ""}, "-r", "r.txt")
    assert inputs.has_hash("app", "1.0") == heeded


def test_constraints_of_the_command_line_are_heeded(tmp_path: Path) -> None:
    """Also where another file names the same one in a way that is not."""
    files = {"c.txt": f"app==1.0 {HASH}\n", "r.txt": "-c c.txt\napp\n"}
    assert read(tmp_path, files, "-r", "r.txt", "-c", "c.txt").has_hash("app", "1.0")
    assert read(tmp_path, files, "-c", "c.txt", "app").has_hash("app", "1.0")


@pytest.mark.parametrize(("text", "heeded"), [
    (f"app @ {URL}#{FRAGMENT}\n", True), (f"app @ {URL} {HASH}\n", True), (f"app[x]@{URL}#{FRAGMENT}\n", True), (f"app@{URL} {HASH}\n", True), (f"{URL}#{FRAGMENT}\n", True), (f"app @ {URL}\n", False),
    (f"app @ {URL}#{FRAGMENT} ; sys_platform == 'win32'\n", False), (f"app @ {URL}#egg=app{HASH}\n", False),
    (f"app @ {URL}#egg=app\u00a0{HASH}\n", False), (f"app @ {URL}#subdirectory=app {HASH}\n", False),
])  # fmt: skip
def test_a_hash_of_a_url(text: str, heeded: bool, tmp_path: Path) -> None:  # a case
    inputs = read(tmp_path, {"r.txt": text}, "-r", "r.txt")
    assert inputs.has_url_hash(URL) == heeded
    assert inputs.names_url(URL)
    assert not inputs.has_url_hash(f"{URL}#subdirectory=other")


@pytest.mark.parametrize(("url", "commit"), [
    (f"git+https://example.org/app@{'a1' * 20}", True), (f"git+https://example.org/app@{'A1' * 20}#subdirectory=x", True),
    ("git+https://example.org/app@main", False), (f"git+https://example.org/app@main?x=@{'a1' * 20}", False), ("git+ssh://git@github.com/example-org/internal-services", False),
])  # fmt: skip
def test_a_full_commit(url: str, commit: bool, tmp_path: Path) -> None:  # a case
    assert read(tmp_path, {}, f"app @ {url}").has_commit(url) == commit


@pytest.mark.parametrize(("hashes", "there"), [
    (f'hashes = {{ sha256 = "{"0" * 64}" }}', True), (f"hashes = {{sha512='{'0' * 128}'}}", True), ("hashes = {}", False), ("hashes={\t}", False),
    (f'hashes = {{ sha1 = "{"0" * 40}" }}', False), ('hashes = { sha256 = "" }', False), ('"hashes" = { }', False),
    (f'hashes = {{ xsha256 = "{"0" * 64}" }}', False),
])  # fmt: skip
def test_hashes_of_a_lock(hashes: str, there: bool, tmp_path: Path) -> None:  # a case
    text = f'lock-version = "1.0"\n[[packages]]\nname = "hashes"\nwheels = [{{ url = "https://example.org/hashes-1.0-py3-none-any.whl", {hashes} }}]\n'
    inputs = read(tmp_path, {"pylock.toml": text}, "-r", "pylock.toml")
    assert inputs.requires_hashes
    assert (inputs.lock_without_hashes == "") == there
    table = text.replace("wheels = [{ url", "[packages.archive]\nurl").split(", ", 1)[0] + f"\n[packages.archive.hashes]\n{hashes.partition('{')[2][:-1]}\n[[packages]]\n"
    inputs = read(tmp_path, {"pylock.toml": table}, "-r", "pylock.toml")
    assert (inputs.lock_without_hashes == "") == there


def test_a_lock_with_dotted_keys_has_no_hashes(tmp_path: Path) -> None:
    """No tool writes them; which of them uv knows is not for us to guess."""
    text = f'lock-version = "1.0"\n# of all hashes.\n[[packages]]\nname = "app"\nwheels = [{{ url = "https://hashes.example.org/a.whl", hashes = {{ md5 = "{"0" * 32}" }} }}]\n'
    assert not read(tmp_path, {"pylock.toml": text}, "-r", "pylock.toml").lock_without_hashes
    text = f'lock-version = "1.0"\n[[packages]]\nname = "app"\nwheels = [{{ url = "https://example.org/a.whl", hashes.sha1 = "{"0" * 40}" }}]\n'
    assert read(tmp_path, {"pylock.toml": text}, "-r", "pylock.toml").lock_without_hashes


def test_utf_16_is_left_to_uv(tmp_path: Path) -> None:
    """What reads as a hash in it may be in a comment."""
    (tmp_path / "r.txt").write_bytes(b"\xff\xfe#\0" + f"\napp==1.0 {HASH}\n".encode() + "\napp==1.0\n".encode("utf-16-le"))
    inputs = read(tmp_path, {}, "-r", "r.txt")
    assert not inputs.has_hash("app", "1.0")
    assert not inputs.plain


def test_of_overrides_no_hash_counts(tmp_path: Path) -> None:
    """Nor of what they name as constraints, which uv drops; the URLs are known."""
    files = {"o.txt": f"-c c.txt\napp @ {URL}#{FRAGMENT}\nlib==1.0 {HASH}\n--find-links wheels\n", "c.txt": f"foo @ {URL}/foo#{FRAGMENT}\n--no-index\n"}
    inputs = read(tmp_path, files, "--override", "o.txt")
    assert inputs.names_url(URL)
    assert not any(map(inputs.has_url_hash, (URL, f"{URL}/foo")))
    assert not inputs.has_hash("lib", "1.0")
    assert inputs.index_lines == [f"--find-links {tmp_path}/wheels"]


def test_a_file_that_names_standard_input_is_left_to_uv(tmp_path: Path) -> None:
    """There it is a file of that name."""
    assert not read(tmp_path, {"r.txt": "-r -\n"}, "-r", "r.txt").plain
