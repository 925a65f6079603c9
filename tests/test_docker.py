"""The recipes of docs/docker.md, built word for word: what they download, what is in the image, and what they refuse.

No registry is needed: `images` makes bases of the recipes' names out of Debian's own packages. Python comes from there too, by the
very `uv python install` of the report: uv is told of an archive of its kind on this machine.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import images
import uvs
import world
from uv_shim import layer
from uv_shim.demo import wheels
from uv_shim.demo.index import Fetched, Index
from world import ROOT

UV = "0.9.8"
PANDAS = "pandas==2.3.3"
MOST_BYTES = 150_000
#: The lines that a recipe has for the shim.
SHIM_LINES = re.compile(r"^COPY uv-shim/.*\n| ?PATH=/opt/uv-shim/shims:\$PATH", re.MULTILINE)

pytestmark = pytest.mark.skipif(
    "CI" not in os.environ and (bool(os.getuid()) or not all(map(shutil.which, images.TOOLS))),
    reason="needs root, buildah and debootstrap")


@dataclass(frozen=True)
class Yard:
    """Where images are built: the bases of the recipes are there, and an index that counts."""

    builder: images.Builder
    index: Index
    base: images.Base

    def build(self, dockerfile: str, context: Path, *, tag: str = "result", check: bool = True) -> tuple[images.Build, Fetched]:
        """Build; what was fetched during it."""
        self.index.take()
        build = self.builder.build(dockerfile, context, tag, check=check, PYTHON=self.base.minor)
        return build, self.index.take()


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """Bases called as those of the recipes are, with the settings of an organisation: its index, and where uv gets Python from."""
    root = tmp_path_factory.mktemp("docker")
    base, builder = images.base(), images.Builder(root / "buildah")
    context = root / "context"
    context.mkdir()
    for file in (base.debian, base.busybox, base.archive, *images.static_uv(UV).iterdir()):
        shutil.copy(file, context)
    (context / "downloads.json").write_text(base.downloads(f"file:///usr/share/uv/{base.archive.name}"), encoding="utf-8")
    with Index() as index:
        publish(index, base)
        settings = f"ENV UV_DEFAULT_INDEX={index.simple()} UV_PYTHON_DOWNLOADS_JSON_URL=/usr/share/uv/downloads.json\n"
        python = f"ADD {base.archive.name} /usr/local/lib/\nENV PATH=/usr/local/lib/python/bin:$PATH\n"
        for tag, dockerfile in {
            f"astral/uv:{UV}": "FROM scratch\nCOPY uv uvx /\n",
            "ubuntu:24.04": f"FROM scratch\nADD debian.tar /\nCOPY {base.archive.name} downloads.json /usr/share/uv/\n{settings}"
                            "RUN useradd --create-home --shell /bin/bash ubuntu\n",
            "python:3.13-slim": f"FROM scratch\nADD debian.tar /\n{settings}{python}",
            "python:3.13-alpine": f'FROM scratch\nADD busybox.tar /\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n{settings}{python}',
        }.items():
            builder.build(dockerfile, context, tag)
        yield Yard(builder, index, base)
    shutil.rmtree(builder.root)  # gigabytes


def publish(index: Index, base: images.Base) -> None:
    """The real pandas and what it needs; a small project's requirements; and what must not be installed."""
    for file in images.wheels(PANDAS, base.minor):
        index.add((file.name, file.read_bytes()))
    index.add(wheels.wheel("alpha", "1.0", requires=("beta",), payload=100_000))
    index.add(wheels.wheel("beta", "2.0", payload=300_000))
    index.add(wheels.sdist("gamma", "3.0", payload=50_000))
    index.add(wheels.wheel("unhashed", "1.0"), advertised=())
    name, data = wheels.wheel("tampered", "1.0", note="with something in it")
    index.add((name, data), original=wheels.wheel("tampered", "1.0")[1])


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """What a recipe copies from: the layer, and a small project."""
    layer.write(tmp_path / "uv-shim")
    world.project(tmp_path, "alpha", "gamma")
    (tmp_path / "common.txt").write_text("alpha\ngamma\n")
    return tmp_path


def recipe(title: str) -> str:
    """Text of the Dockerfiles below a heading of docs/docker.md, the first one."""
    return recipes(title)[0]


def recipes(title: str) -> list[str]:
    """All of them."""
    section = (ROOT / "docs" / "docker.md").read_text(encoding="utf-8").partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    return re.findall(r"^```dockerfile\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def bare(dockerfile: str) -> str:
    """The same without the shim."""
    text = re.sub(r"^ENV *\n", "", SHIM_LINES.sub("", dockerfile), flags=re.MULTILINE)
    assert text != dockerfile
    assert "uv-shim" not in text
    return text


def wheels_fetched(fetched: Fetched) -> set[int]:
    """How often each wheel was fetched: once is what a first install needs. (The request for an sdist may be sent twice at an install.)"""
    return {times for name, times in fetched.files.items() if name.endswith(".whl")}


Say = Callable[[str, str], None]


@pytest.fixture
def say(record_property: Callable[[str, object], None]) -> Say:
    """A line of the table that is printed at the end of the run."""
    return lambda what, text: record_property("measured", f"{what:<34}{text}")


def cost(build: images.Build, fetched: Fetched) -> str:
    """For that table: what a build came to, and how long the `uv sync` in it took."""
    return f"{sum(fetched.files.values()):>3} files {fetched.bytes / 1e6:>6.1f} MB {build.seconds:>6.1f} s, uv sync {build.step('uv sync'):>5.1f} s"


def test_the_layer_is_small_and_text_in_an_image(yard: Yard, context: Path, say: Say) -> None:
    """One folder, as it was written: nothing else in the image is the shim's."""
    yard.build(recipe("Base image"), context)
    with yard.builder.mounted("result") as root, yard.builder.mounted("python:3.13-slim") as before:
        there = {path: path.read_text(encoding="utf-8") for path in (root / "opt/uv-shim").rglob("*") if path.is_file()}
        assert {str(path.relative_to(root / "opt")) for path in there} == {
            str(path.relative_to(context)) for path in (context / "uv-shim").rglob("*") if path.is_file()}
        size = sum(path.stat().st_size for path in there)
        assert size < MOST_BYTES
        assert {path.name for path in (root / "opt").iterdir()} - {path.name for path in (before / "opt").iterdir()} == {"uv-shim"}
    say("the layer in an image", f"{len(there):>3} files {size / 1000:>6.1f} kB")


def test_base_image(yard: Yard, context: Path, say: Say) -> None:
    """Packages that the base image installs are in the cache of each image that is built on it."""
    first, packages = recipes("Base image")
    for name, text, files in (("bare", bare(first), 3), ("shim", first, 0)):
        yard.build(text + packages.replace("pandas", "alpha gamma"), context, tag="base-image")
        build, fetched = yard.build("FROM base-image\nWORKDIR /project\nCOPY pyproject.toml .\nRUN uv sync\n", context)
        say(f"sync on a base image, {name}", cost(build, fetched))
        assert len(fetched.files) == files, build.log


@pytest.mark.parametrize("version", [UV, uvs.ALL[-1]])
def test_a_warmed_base_image(yard: Yard, context: Path, say: Say, version: str) -> None:
    """What `uv-shim warm` put into the image's cache is not downloaded by a later `uv sync`, which then does without the network."""
    shutil.copytree(images.static_uv(version), context / "uv")
    yard.builder.build("FROM scratch\nCOPY uv/uv uv/uvx /\n", context, f"astral/uv:{version}")
    for folder in ("shims", "src"):
        shutil.copytree(ROOT / folder, context / "uv-shim-sources" / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    build, _ = yard.build(recipe("A warmed base image").replace(f"uv:{UV}", f"uv:{version}"), context, tag="warmed")
    assert "could not be warmed" not in build.log, build.log
    build, fetched = yard.build("FROM warmed\nWORKDIR /project\nCOPY pyproject.toml .\nRUN uv sync\nRUN rm -r .venv && uv sync --offline\n", context)
    say(f"sync on a warmed image, {version}", cost(build, fetched))
    assert not fetched.files, build.log


def test_the_reports_dockerfile(yard: Yard, context: Path, say: Say) -> None:
    """The report itself: the first `uv sync` downloads all of pandas again without the shim, and nothing with it."""
    text = recipe("The report's Dockerfile")
    world.project(context, "pandas", requires_python=f">={yard.base.minor}")
    files = {file.name: len(file.read_bytes()) for file in images.wheels(PANDAS, yard.base.minor)}
    assert len(files) > 3
    for name, dockerfile, times, log in (("bare", bare(text), 2, "Identified uncached distribution: pandas"),
                                         ("shim", text, 1, "Registry requirement already cached: pandas")):
        build, fetched = yard.build(dockerfile, context)
        say(f"the report's Dockerfile, {name}", cost(build, fetched))
        again = fetched.files - Counter(files.keys())
        size = sum(files[file] * count for file, count in again.items())
        say(f"  of that its `uv sync`, {name}", f"{sum(again.values()):>3} files {size / 1e6:>6.1f} MB")
        assert fetched.files == dict.fromkeys(files, times), build.log
        assert log in build.log
        assert "uv-shim: " not in build.log
    with yard.builder.mounted("result") as root:
        assert list((root / "home/ubuntu/.venv/lib").glob("python3.*/site-packages/pandas"))
        # All that the shim has left of its own.
        state = root / "home/ubuntu/.cache/uv-shim"
        say("left in ~/.cache/uv-shim", f"{sum(path.stat().st_size for path in state.rglob('*') if path.is_file()) / 1000:>16.1f} kB")


def compare(yard: Yard, context: Path, say: Say, title: str, text: str) -> None:
    """Build a recipe bare and with the shim: `uv sync` fetches everything a second time, and nothing."""
    for name, dockerfile, times in (("bare", bare(text), 2), ("shim", text, 1)):
        yard.builder.forget_mounts()
        build, fetched = yard.build(dockerfile, context)
        say(f"{title}, {name}", cost(build, fetched))
        assert wheels_fetched(fetched) == {times}, build.log
        assert ("Building gamma" in build.log.rpartition("uv sync")[2]) == (times == 2), build.log
        assert len(fetched.files) == 3
        assert "uv-shim: " not in build.log, build.log


@pytest.mark.parametrize("title", ["Cache mounts", "Alpine"])
def test_recipe(yard: Yard, context: Path, say: Say, title: str) -> None:
    compare(yard, context, say, title, recipe(title))


def test_multi_stage(yard: Yard, context: Path, say: Say) -> None:
    """Neither uv nor the shim nor a cache is in the image that runs; the environment is, and works."""
    compare(yard, context, say, "Multi-stage", recipe("Multi-stage") + "RUN python -c 'import alpha, beta, gamma'\n")
    with yard.builder.mounted("result") as root:
        for path in ("opt/uv-shim", "bin/uv", "root/.cache"):
            assert not (root / path).exists()


def test_a_user_without_a_home(yard: Yard, context: Path, say: Say) -> None:
    """There is nowhere for the shim to keep anything; it works without, and leaves nothing."""
    text = recipe("A user without a home").replace("&& uv venv", '&& test -z "${HOME+x}" && test "$(id -u)" = 4711 && uv venv')
    compare(yard, context, say, "A user without a home", text)
    with yard.builder.mounted("result") as root:
        assert not [path for path in root.rglob("*uv-shim*") if path != root / "opt/uv-shim"]


def test_a_cache_mount_belongs_to_its_user(yard: Yard, context: Path) -> None:
    """Without its uid, uv stops; the words are uv's."""
    text = recipe("Cache mounts").replace(",uid=1000,gid=1000", ",id=roots")
    build, fetched = yard.build(text, context, check=False)
    assert build.code == 2
    assert "/cache/CACHEDIR.TAG`: Permission denied" in build.log
    assert not fetched.files


def test_a_cache_mount_is_uvs_cache_directory(yard: Yard, context: Path) -> None:
    """Mounted elsewhere, each build downloads again; in its place, the next build downloads nothing."""
    text = recipe("Cache mounts").replace("type=cache,", "type=cache,id=places,")
    yard.build(text, context)
    _, fetched = yard.build(text, context)
    assert not fetched.files
    _, fetched = yard.build(text.replace("target=/cache", "target=/home/app/.cache/uv").replace("UV_CACHE_DIR=/cache", "UV_CACHE_DIR=/tmp/c"),
                            context)
    assert wheels_fetched(fetched) == {1}


ENFORCED = recipe("Enforced for everyone")


@pytest.mark.parametrize(("dockerfile", "package"), [
    pytest.param(f"{recipe('Base image')}ENV UV_SHIM_MODE=enforce\n", "unhashed", id="environment"),
    pytest.param(f"{recipe('Base image')}ENV UV_SHIM_MODE=enforce\n", "tampered", id="environment, tampered"),
    pytest.param(ENFORCED, "unhashed", id="file"),
    pytest.param(f"{ENFORCED}ENV UV_SHIM_MODE=off\n", "unhashed", id="file, softened by the environment"),
    pytest.param(f"{ENFORCED}ENV UV_SHIM_MODE=off\n", "tampered", id="file, softened by the environment, tampered"),
    pytest.param(f"{ENFORCED}RUN mkdir -p ~/.config/uv-shim && echo 'mode = \"off\"' > ~/.config/uv-shim/config.toml\n", "unhashed",
                 id="file, softened by a user's"),
])
def test_what_cannot_be_verified_ends_the_build(yard: Yard, context: Path, dockerfile: str, package: str) -> None:
    """The package is named. Where there is nothing to check it against, the shim refuses; where bytes are not the right ones, uv does."""
    build, _ = yard.build(f"{dockerfile}RUN uv venv /env\nRUN uv pip install --python /env {package}\n", context, check=False)
    assert build.code == {"unhashed": 2, "tampered": 1}[package], build.log
    assert {"unhashed": "uv-shim: refused", "tampered": "Hash mismatch"}[package] in build.log
    assert package in build.log.partition("RUN uv pip install")[2].partition("\n")[2]


def test_enforced_for_everyone_installs_what_can_be_verified(yard: Yard, context: Path) -> None:
    build, fetched = yard.build(f"{ENFORCED}ENV UV_SHIM_MODE=enforce\nRUN uv venv /env && uv pip install --python /env alpha gamma\n", context)
    assert wheels_fetched(fetched) == {1}
    assert "uv-shim: " not in build.log, build.log


def test_a_system_file_may_allow_softer_modes(yard: Yard, context: Path) -> None:
    allowing = "RUN echo 'allow-softer-modes = true' >> /etc/uv-shim/config.toml\nENV UV_SHIM_MODE=off\n"
    install = "RUN uv venv /env\nRUN uv pip install --python /env unhashed\n"
    assert yard.build(f"{ENFORCED}{install}", context, check=False)[0].code == 2
    yard.build(f"{ENFORCED}{allowing}{install}", context)


#: Run in a mount namespace of its own, on the files of an image at $ROOT.
NAMESPACE = """
set -eu
mount --bind "$ROOT" "$ROOT"
mount -t proc proc "$ROOT/proc"
mount -t tmpfs tmpfs "$ROOT/tmp"
mount -t tmpfs tmpfs "$ROOT/dev"
for device in null zero urandom; do : >"$ROOT/dev/$device"; mount --bind "/dev/$device" "$ROOT/dev/$device"; done
ln -s /proc/self/fd "$ROOT/dev/fd"
cp -R "$CONTEXT" "$ROOT/tmp/context"
chown -R 4711 "$ROOT/tmp/context"
eval "$LACKING"
exec chroot --userspec=4711:4711 "$ROOT" /bin/busybox env -i PATH=/tmp/context/uv-shim/shims:/usr/local/lib/python/bin:/uv:/bin UV_CACHE_DIR=/tmp/cache \
  UV_DEFAULT_INDEX="$INDEX" UV_SHIM_MODE="$MODE" /bin/sh -c 'cd /tmp/context && uv venv -q /tmp/env && uv pip install --python /tmp/env -r common.txt && uv sync -v'
"""


@pytest.fixture
def install_where(yard: Yard, context: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Install by a shell's lines of what is lacking; in a busybox image, with no HOME, as a user without a name."""
    yard.build(f"FROM python:3.13-alpine\nCOPY --from=astral/uv:{UV} /uv /uv/\nRUN mkdir -p /proc /dev\n", context, tag="bare")
    with yard.builder.mounted("bare") as root:
        def install(lacking: str, mode: str = "seal") -> subprocess.CompletedProcess[str]:
            yard.index.take()
            return subprocess.run(["unshare", "--mount", "--pid", "--fork", "/bin/sh", "-c", NAMESPACE], stdin=subprocess.DEVNULL,
                                  env={"PATH": os.environ["PATH"], "ROOT": str(root), "CONTEXT": str(context), "MODE": mode,
                                       "INDEX": yard.index.simple(), "LACKING": lacking},
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

        yield install


@pytest.mark.parametrize("lacking", ['mount -o remount,ro,bind "$ROOT"', 'rm "$ROOT/dev/fd"', 'rm "$ROOT/bin/stat" "$ROOT/bin/readlink"'],
                         ids=["a root that can be written to", "/dev/fd", "stat and readlink"])
def test_what_an_image_may_lack(yard: Yard, install_where: Callable[..., subprocess.CompletedProcess[str]], lacking: str) -> None:
    """Everything is sealed all the same, so that `uv sync` finds it in the cache, and no word is said."""
    done = install_where(lacking)
    assert not done.returncode, done.stdout
    assert wheels_fetched(yard.index.take()) == {1}
    assert done.stdout.count("equirement already cached: ") == 3, done.stdout
    assert "uv-shim: " not in done.stdout, done.stdout


def test_without_proc_nothing_can_be_sealed(install_where: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """A file without a name has no path there. That is said, and uv runs as it was called; or nothing does, in `enforce`."""
    done = install_where('umount "$ROOT/proc"', "enforce")
    assert done.returncode == 2
    assert "uv-shim: refused: " in done.stdout
    assert "neither /proc nor /dev/fd" in done.stdout
    assert "+ alpha" not in done.stdout
    done = install_where('umount "$ROOT/proc"')
    assert not done.returncode, done.stdout
    assert re.findall("^uv-shim: unsealed: .* neither /proc nor /dev/fd is here$", done.stdout, re.MULTILINE), done.stdout
    assert "+ alpha" in done.stdout
