"""Images without a registry: bases of Debian's own packages, and buildah, which needs no daemon, to build on them.

What is made once (a system, its Python, a busybox; wheels) is kept beside the uv binaries, outside the repository. Where it
comes from is the machine's business: its apt sources and its package index.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvs

#: What is needed to make and to build images.
TOOLS = ("buildah", "debootstrap")

#: Left out of the base: vfs copies all of it for each image.
_SLIM = re.compile(
    r"(usr/share/(doc|man|locale|info|lintian|zoneinfo|i18n|perl5?|bash-completion)|usr/lib/[^/]+/(gconv|perl-base)"
    r"|var/(cache|log|lib/apt|lib/dpkg)|dev|proc|sys)/.+|.*/__pycache__(/.*)?")
_PYTHON = re.compile(r"usr/(bin/(python3[.\d]*|(pdb|pydoc|pygettext|py)3.*)|(lib|share)/python3.*)(/.*)?")
_PYTHON_SLIM = re.compile(r".*/(test|idlelib|pydoc_data|turtledemo|ensurepip|lib2to3|__pycache__|sitecustomize\.py)(/.*)?")


@dataclass(frozen=True)
class Base:
    """What images are made of, in the store."""

    folder: Path
    #: Debian's version of Python: ``3.11.2``.
    python: str

    @property
    def debian(self) -> Path:
        """A Debian without Python."""
        return self.folder / "debian.tar"

    @property
    def busybox(self) -> Path:
        """A busybox as ``/bin/busybox``, and the libraries that it and Debian's Python need."""
        return self.folder / "busybox.tar"

    @property
    def archive(self) -> Path:
        """Debian's Python, laid out as those that ``uv python install`` downloads."""
        return self.folder / "python.tar.gz"

    @property
    def minor(self) -> str:
        """``3.11``."""
        return self.python.rpartition(".")[0]

    def downloads(self, where: str) -> str:
        """What ``UV_PYTHON_DOWNLOADS_JSON_URL`` expects: that the archive is at ``where``."""
        major, minor, patch = map(int, self.python.split("."))
        machine = platform.machine()
        return json.dumps({f"cpython-{self.python}-linux-{machine}-gnu": {
            "name": "cpython", "arch": {"family": machine, "variant": None}, "os": "linux", "libc": "gnu", "major": major, "minor": minor,
            "patch": patch, "prerelease": "", "url": where, "sha256": hashlib.sha256(self.archive.read_bytes()).hexdigest(),
            "variant": None, "build": "1"}})


@contextlib.contextmanager
def _once(name: str) -> Iterator[Path]:
    """A folder of the store; whoever comes first fills it, and the others wait."""
    store = uvs.store().parent / name
    store.parent.mkdir(parents=True, exist_ok=True)
    with (store.parent / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if store.exists():
            yield store
            return
        with tempfile.TemporaryDirectory(prefix=f".{name}.", dir=store.parent) as folder:
            made = Path(folder) / "made"
            made.mkdir()
            yield made
            made.rename(store)


def base() -> Base:
    """The base, made by debootstrap where it is missing (about a minute)."""
    with _once("image-base") as folder:
        if not (folder / "version").exists():
            _bootstrap(folder)
    folder = uvs.store().parent / "image-base"
    return Base(folder, (folder / "version").read_text(encoding="ascii"))


def _bootstrap(folder: Path) -> None:
    suite = next(line.partition("=")[2].strip() for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
                 if line.startswith("VERSION_CODENAME="))
    targets = subprocess.run(["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"],
                             stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    mirror = next(uri for release, component, uri in map(str.split, targets) if (release, component) == (suite, "main"))
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        root = Path(temporary)
        subprocess.run(["debootstrap", "--variant=minbase", "--include=python3,busybox", suite, str(root), mirror],
                       stdout=subprocess.DEVNULL, check=True)
        python = next(root.glob("usr/bin/python3.[0-9]*"))
        version = subprocess.run(["chroot", str(root), f"/usr/bin/{python.name}", "-V"], stdout=subprocess.PIPE, text=True, check=True).stdout
        with tarfile.open(folder / "debian.tar", "w") as archive:
            archive.add(root, ".", filter=lambda member: None if _SLIM.fullmatch(member.name[2:]) or _PYTHON.fullmatch(member.name[2:])
                        or member.name == "./usr/bin/busybox" else member)
        with tarfile.open(folder / "python.tar.gz", "w:gz") as archive:
            def slim(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
                return None if _PYTHON_SLIM.fullmatch(member.name) else member

            archive.add(python, f"python/bin/{python.name}")
            archive.add(root / "usr" / "bin" / "python3", "python/bin/python3")
            archive.add(root / "usr" / "lib" / python.name, f"python/lib/{python.name}", filter=slim)
        with tarfile.open(folder / "busybox.tar", "w") as archive:
            archive.add(root / "usr" / "bin" / "busybox", "bin/busybox")
            loaded = subprocess.run(["chroot", str(root), "/usr/bin/ldd", "/usr/bin/busybox", f"/usr/bin/{python.name}"],
                                    stdout=subprocess.PIPE, text=True, check=True).stdout
            for library in sorted(set(re.findall(r"/lib\S+", loaded))):
                archive.add((root / library[1:]).resolve(), library[1:])
            for name, text in (("passwd", "root:x:0:0:root:/root:/bin/sh\n"), ("group", "root:x:0:\n")):
                member = tarfile.TarInfo(f"etc/{name}")
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
            member = tarfile.TarInfo("tmp")
            member.type, member.mode = tarfile.DIRTYPE, 0o1777
            archive.addfile(member)
    (folder / "version").write_text(version.split()[1], encoding="ascii")


def static_uv(version: str) -> Path:
    """Folder with the static ``uv`` and ``uvx`` that uv's own image has."""
    with _once(f"static-uv-{version}") as folder:
        if not (folder / "uv").exists():
            wheels = folder / "wheels"
            _download(wheels, f"uv=={version}", "--no-deps", platforms=(f"musllinux_1_1_{platform.machine()}",))
            with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
                for name in ("uv", "uvx"):
                    (folder / name).write_bytes(wheel.read(f"uv-{version}.data/scripts/{name}"))
                    (folder / name).chmod(0o755)
            shutil.rmtree(wheels)
    return uvs.store().parent / f"static-uv-{version}"


def wheels(requirement: str, python: str) -> list[Path]:
    """A requirement and what it needs, for that Python, as the package index has it."""
    name = re.sub(r"[^\w.]+", "-", f"wheels-{requirement}-{python}")
    with _once(name) as folder:
        if not list(folder.iterdir()):
            _download(folder, requirement, "--python-version", python,
                      platforms=tuple(f"{tag}_{platform.machine()}" for tag in ("manylinux_2_17", "manylinux2014", "manylinux_2_27", "manylinux_2_28")))
    return sorted((uvs.store().parent / name).iterdir())


def _download(folder: Path, *arguments: str, platforms: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:",
                    *(f"--platform={tag}" for tag in platforms), "--dest", str(folder), *arguments], check=True)


@dataclass(frozen=True)
class Build:
    """What one build did."""

    code: int
    log: str
    seconds: float
    #: Each step's line, and the second at which it began.
    steps: tuple[tuple[str, float], ...]

    def step(self, words: str) -> float:
        """How long the last step with those words took."""
        ends = [*(began for _, began in self.steps[1:]), self.seconds]
        return [end - began for (line, began), end in zip(self.steps, ends) if words in line][-1]


class Builder:
    """buildah, with all that it keeps below one folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "tmp").mkdir(parents=True)
        (root / "registries.conf").touch()
        # Its cache mounts are there too.
        self._env = {"PATH": os.environ["PATH"], "HOME": str(root), "TMPDIR": str(root / "tmp")}
        self._call = ("buildah", "--root", str(root / "images"), "--runroot", str(root / "run"), "--storage-driver", "vfs",
                      "--registries-conf", str(root / "registries.conf"))

    def build(self, dockerfile: str, context: Path, tag: str, *, check: bool = True, **arguments: str) -> Build:
        """Build that text, as it is, in ``context``; the keyword arguments are those of its ``ARG`` lines."""
        file = self.root / "Dockerfile"
        file.write_text(dockerfile, encoding="utf-8")
        options = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        start = time.monotonic()
        lines, steps = [], []
        with subprocess.Popen([*self._call, "bud", "--isolation=chroot", "--network=host", "--pull=never", "--format=docker", *options,
                               "-f", str(file), "-t", tag, str(context)],
                              env=self._env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace") as process:
            for line in process.stdout or ():
                lines.append(line)
                if re.match(r"(\[\S+\] )?(STEP|COMMIT) ", line):
                    steps.append((line, time.monotonic() - start))
        seconds = time.monotonic() - start
        # What had this tag before: while it is young, the disk has not seen much of it.
        self._run("rmi", "--prune")
        build = Build(process.returncode, "".join(lines), seconds, tuple(steps))
        assert not check or not build.code, build.log
        return build

    @contextlib.contextmanager
    def mounted(self, tag: str) -> Iterator[Path]:
        """The files of an image."""
        container = self._run("from", "--pull=never", tag)
        try:
            yield Path(self._run("mount", container))
        finally:
            self._run("rm", container)

    def forget_mounts(self) -> None:
        """Empty all cache mounts."""
        for folder in (self.root / "tmp").glob("buildah-cache*"):
            shutil.rmtree(folder)

    def _run(self, *arguments: str) -> str:
        return subprocess.run([*self._call, *arguments], env=self._env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                              check=True).stdout.strip()
