"""Situations for `uv-shim audit`: how a cache came to be what it is, and what audit must say of it.

Each is a function of a `Stage`: it locks a project, fills the cache as users do, and returns what it expects of the packages that it is about:
a reason, or (verdict, reason). What audit says of all rows is checked against what `uv sync` then fetches.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvs
from uv_shim.demo import wheels
from uv_shim.demo.index import Index
from world import PYTHON, Result, World, project

#: What packages of these situations are expected to be.
Expected = dict[str, "str | tuple[str, str]"]

#: Reasons of hits and of unknown rows; all others are misses.
HITS = frozenset(("cached", "installed", "local", "checked-out"))
UNKNOWNS = frozenset(("unreadable", "refresh", "index-unlisted", "built-again"))

#: A uv with other buckets.
OTHER = {"0.5.26": "0.9.8", "0.9.8": "0.13.9", "0.11.18": "0.9.8", "0.11.19": "0.5.26", "0.12.8": "0.9.8", "0.12.24": "0.13.9", "0.13.9": "0.12.24"}

#: From this release on, uv itself keeps a SHA-256 of what it downloads.
HASHES_ALWAYS = (0, 11, 19)

ALPHA = wheels.wheel("alpha", "1.0", payload=3000)
ALPHA_NEW = wheels.wheel("alpha", "1.1", payload=3000)
BETA = wheels.wheel("beta", "1.0", requires=("alpha",), payload=2000)
#: The same version on two shelves with other bytes: replaced, or an index that is not what its URL says.
DELTA = wheels.wheel("delta", "1.0", payload=1500)
DELTA_REPLACED = wheels.wheel("delta", "1.0", payload=1500, note="replaced")
GAMMA = wheels.sdist("gamma", "1.0", payload=1200)
GAMMA_REPLACED = wheels.sdist("gamma", "1.0", payload=1200, note="replaced")
WIN = (wheels.wheel("winlin", "1.0", tag="py3-none-win_amd64"), wheels.wheel("winlin", "1.0", tag="py3-none-any"))
BOTH = (wheels.wheel("both", "1.0"), wheels.sdist("both", "1.0"))
TAGGED = (wheels.wheel("tagged", "1.0", tag="py2.py3-none-any"), wheels.sdist("tagged", "1.0"))
#: Published under names that uv does not keep them by.
SPELT = (("PyYAML-6.0.1-py3-none-any.whl", wheels.wheel("pyyaml", "6.0.1")[1]), wheels.wheel("zeros", "2024.01"),
         ("Ruamel.Yaml-0.18-py3-none-any.whl", wheels.wheel("ruamel-yaml", "0.18")[1]))
BUILDS = (wheels.wheel("builds", "1.0"), (wheels.wheel("builds", "1.0", note="rebuilt")[0].replace("1.0-", "1.0-2-"),
                                          wheels.wheel("builds", "1.0", note="rebuilt")[1]))


def publish(index: Index) -> None:
    """Put everything on the shelves: `main`, a `mirror` of it, `replaced` with other bytes, and indexes with other habits."""
    everything = (ALPHA, ALPHA_NEW, BETA, DELTA, GAMMA, *WIN, *BOTH, *TAGGED, *BUILDS, *SPELT, wheels.wheel("low", "1.0", requires=("alpha<1.1",)))
    for file in everything:
        index.add(file)
        index.add(file, "mirror")
        index.add(file, "sha512", advertised=("sha512",))
        index.add(file, "nohash", advertised=())
    index.configure("nohash", json=False)
    for file in (ALPHA, DELTA_REPLACED, GAMMA_REPLACED):
        index.add(file, "replaced")


@dataclass
class Stage:
    """One world with one project in it, and what the situation does there."""

    world: World
    #: Options of audit and of the `uv sync` after it.
    options: list[str] = field(default_factory=list)
    #: Options of audit alone, and of sync alone.
    audit_options: list[str] = field(default_factory=lambda: ["--fresh"])
    env: dict[str, str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.index = self.world.index
        self.project = self.world.work / "project"
        self.cache = self.world.root / "cache"
        #: Each with its path below the cache; what is there is not for the audit to change.
        self.number = tuple(int(part) for part in self.world.version.split("."))

    @property
    def no_hash(self) -> str:
        """What a plain install leaves."""
        return "cached" if self.number >= HASHES_ALWAYS else "no-hash"

    def lock(self, *dependencies: str, index: str = "main", extra: str = "") -> None:
        """Lock a project with those dependencies, with another cache: as a colleague's."""
        project(self.project, *dependencies, extra=extra)
        self.uv("lock", "--python", str(PYTHON), index=index, UV_CACHE_DIR=str(self.world.root / "lock-cache"))

    def uv(self, *args: str, index: str = "main", url: str | None = None, **env: str) -> Result:
        """Run the bare uv in the project."""
        variables: dict[str, str | None] = {"UV_INDEX_URL": url or self.index.simple(index), "VIRTUAL_ENV": None, **env}
        return self.world.bare(*args, cwd=self.project, env=variables, check=True)

    def pip(self, *args: str, index: str = "main", url: str | None = None, version: str | None = None, **env: str) -> None:
        """``uv pip install`` of that into an environment of its own, with the uv of that version."""
        environment = self.world.root / "installs"
        shutil.rmtree(environment, ignore_errors=True)
        program = str(uvs.uv(version or self.world.version))
        variables = {**self.world.env, "UV_INDEX_URL": url or self.index.simple(index), **env}
        for call in (["venv", "-q", "--python", str(PYTHON), str(environment)], ["pip", "install", "-q", "--python", str(environment), *args]):
            subprocess.run([program, *call], env=variables, cwd=self.project, check=True, capture_output=True)

    def hashed(self, *files: tuple[str, bytes], no_binary: str | None = None, **options: Any) -> None:
        """``uv pip install`` of those files, with their hashes: uv keeps them."""
        path = self.world.root / "hashed.txt"
        lines = []
        for name, data in files:
            stem = name.split("-")
            version = stem[1][: -len(".tar.gz")] if name.endswith(".tar.gz") else stem[1]
            lines.append(f"{stem[0]}=={version} --hash=sha256:{hashlib.sha256(data).hexdigest()}\n")
        path.write_text("".join(lines))
        self.pip("--no-deps", "-r", str(path), *(("--no-binary", no_binary) if no_binary else ()), **options)

    def file(self, name: str, index: str = "main") -> str:
        """URL of a file."""
        return f"{self.index.url}/{index}/files/{name}"

    def pointer(self, name: str) -> Path:
        """The only pointer that the cache has for that name."""
        return next(path for pattern in (f"wheels-v*/*/*/{name}/*.http", f"sdists-v*/*/*/{name}/*/revision.http") for path in self.cache.glob(pattern))


def empty_cache(stage: Stage) -> Expected:
    stage.lock("alpha")
    shutil.rmtree(stage.cache, ignore_errors=True)
    return {"alpha": "absent"}


def something_else_in_the_cache(stage: Stage) -> Expected:
    stage.lock("alpha", "beta")
    stage.hashed(DELTA)
    return {"alpha": "absent", "beta": "absent"}


def metadata_alone(stage: Stage) -> Expected:
    stage.lock("alpha")
    (stage.project / "uv.lock").unlink()
    stage.uv("lock", "--python", str(PYTHON))
    return {"alpha": "absent"}


def synced_before(stage: Stage) -> Expected:
    stage.lock("alpha", "beta", "gamma")
    stage.uv("sync", "--python", str(PYTHON))
    return {"alpha": "cached", "beta": "cached", "gamma": "cached"}


def hashed_install(stage: Stage) -> Expected:
    stage.lock("alpha==1.0", "delta")
    stage.hashed(ALPHA)
    return {"alpha": "cached", "delta": "absent"}


def plain_install(stage: Stage) -> Expected:
    stage.lock("alpha", "beta")
    stage.pip("alpha", "beta")
    return {"alpha": stage.no_hash, "beta": stage.no_hash}


def run_with(stage: Stage) -> Expected:
    stage.lock("delta")
    stage.uv("run", "-q", "--no-project", "--python", str(PYTHON), "--with", "delta", "true")
    return {"delta": stage.no_hash}


def plain_install_of_an_sdist(stage: Stage) -> Expected:
    stage.lock("gamma")
    stage.pip("gamma")
    return {"gamma": stage.no_hash}


def hashed_install_of_an_sdist(stage: Stage) -> Expected:
    stage.lock("gamma")
    stage.hashed(GAMMA)
    return {"gamma": "cached"}


def replaced_wheel(stage: Stage) -> Expected:
    stage.lock("delta", "alpha")
    lock = stage.project / "uv.lock"
    stage.hashed(DELTA)
    digests = [hashlib.sha256(data).hexdigest() for _, data in (DELTA, DELTA_REPLACED)]
    lock.write_text(lock.read_text().replace(digests[0], digests[1]).replace(f"size = {len(DELTA[1])}", f"size = {len(DELTA_REPLACED[1])}"))
    # From now on that is what the index has.
    stage.index.files["main"][DELTA[0]].data = DELTA_REPLACED[1]
    return {"delta": "other-hash"}


def replaced_sdist(stage: Stage) -> Expected:
    stage.lock("gamma")
    lock = stage.project / "uv.lock"
    stage.hashed(GAMMA)
    digests = [hashlib.sha256(data).hexdigest() for _, data in (GAMMA, GAMMA_REPLACED)]
    lock.write_text(lock.read_text().replace(digests[0], digests[1]).replace(f"size = {len(GAMMA[1])}", f"size = {len(GAMMA_REPLACED[1])}"))
    stage.index.files["main"][GAMMA[0]].data = GAMMA_REPLACED[1]
    return {"gamma": "other-hash"}


def another_algorithm(stage: Stage) -> Expected:
    stage.lock("alpha", index="sha512")
    stage.pip("alpha", index="sha512")
    stage.env["UV_INDEX_URL"] = stage.index.simple("sha512")
    # From 0.12.16 on uv checks what it downloads by itself, and keeps that hash too.
    return {"alpha": "cached" if stage.number >= (0, 12, 16) else "other-algorithm" if stage.number >= HASHES_ALWAYS else "no-hash"}


def another_algorithm_of_an_sdist(stage: Stage) -> Expected:
    stage.lock("gamma", index="sha512")
    stage.pip("gamma", index="sha512")
    stage.env["UV_INDEX_URL"] = stage.index.simple("sha512")
    return {"gamma": "cached" if stage.number >= (0, 12, 16) else "other-algorithm" if stage.number >= HASHES_ALWAYS else "no-hash"}


def no_hash_in_the_lock(stage: Stage) -> Expected:
    stage.lock("alpha", index="nohash")
    stage.pip("alpha", index="nohash")
    stage.env["UV_INDEX_URL"] = stage.index.simple("nohash")
    return {"alpha": "cached"}


def older_version(stage: Stage) -> Expected:
    stage.lock("alpha")
    stage.hashed(ALPHA)
    return {"alpha": "other-version"}


def older_version_for_another(stage: Stage) -> Expected:
    stage.lock("beta")
    stage.pip("low")
    return {"alpha": "other-version", "beta": "absent"}


def newer_version(stage: Stage) -> Expected:
    stage.lock("alpha<1.1")
    stage.pip("alpha")
    return {"alpha": "other-version"}


def wheel_of_another_platform(stage: Stage) -> Expected:
    stage.lock("winlin")
    stage.pip("winlin", "--python-platform", "windows", "--target", str(stage.world.root / "target"))
    return {"winlin": "other-file"}


def wheel_of_another_build(stage: Stage) -> Expected:
    stage.lock("builds")
    stage.pip("builds @ " + stage.file(BUILDS[0][0]))
    return {"builds": "other-file"}


def built_where_a_wheel_is_locked(stage: Stage) -> Expected:
    stage.lock("tagged")
    stage.pip("--no-binary", "tagged", "tagged")
    return {"tagged": "other-file"}


def built_with_the_name_of_the_wheel(stage: Stage) -> Expected:
    stage.lock("both")
    stage.hashed(BOTH[1], no_binary="both")
    # Since 0.9.19 uv wants the hash of the very file.
    return {"both": "cached" if stage.number < (0, 9, 19) else "other-file"}


def wheel_where_an_sdist_is_wanted(stage: Stage) -> Expected:
    stage.lock("both")
    stage.hashed(BOTH[0])
    stage.options = ["--no-binary-package", "both"]
    return {"both": "other-file"}


def wheel_where_a_setting_wants_the_sdist(stage: Stage) -> Expected:
    stage.lock("both", "tagged")
    stage.hashed(BOTH[0], TAGGED[0])
    with (stage.project / "pyproject.toml").open("a") as file:
        file.write('[tool.uv]\nno-binary-package = ["both"]\n')
    if stage.number < (0, 5, 30):
        return {"both": "other-file", "tagged": "cached"}
    stage.env["UV_NO_BINARY_PACKAGE"] = "tagged"
    return {"both": "other-file", "tagged": "other-file"}


def spelt_otherwise(stage: Stage) -> Expected:
    stage.lock("pyyaml", "zeros", "ruamel-yaml")
    stage.hashed(*SPELT[:2])
    stage.pip("ruamel.yaml")
    return {"pyyaml": "cached", "zeros": "cached", "ruamel-yaml": stage.no_hash}


def mirror(stage: Stage) -> Expected:
    stage.lock("alpha==1.0", "gamma")
    stage.hashed(ALPHA, GAMMA, index="mirror")
    return {"alpha": "other-index", "gamma": "other-index"}


def plain_install_from_a_mirror(stage: Stage) -> Expected:
    stage.lock("delta")
    stage.pip("delta", index="mirror")
    return {"delta": "other-index"}


def localhost(stage: Stage) -> Expected:
    stage.lock("delta")
    stage.hashed(DELTA, url=stage.index.simple().replace("127.0.0.1", "localhost"))
    return {"delta": "other-index"}


def slash_at_the_end_of_the_install(stage: Stage) -> Expected:
    """To the cache, a slash makes no difference (but for the default index)."""
    stage.lock("delta")
    stage.hashed(DELTA, url=stage.index.simple() + "/")
    return {"delta": "cached"}


def index_of_the_lock_is_not_configured(stage: Stage) -> Expected:
    stage.lock("delta", "alpha")
    stage.hashed(DELTA)
    stage.options = ["--frozen"]
    stage.env["UV_INDEX_URL"] = stage.index.simple("mirror")
    return {"delta": "index-unlisted", "alpha": "absent"}


def slash_in_the_configuration_alone(stage: Stage) -> Expected:
    stage.lock("delta")
    stage.hashed(DELTA)
    stage.options = ["--frozen"]
    stage.env["UV_INDEX_URL"] = stage.index.simple() + "/"
    return {"delta": "index-unlisted"}


def direct_url(stage: Stage) -> Expected:
    stage.lock("alpha==1.0")
    stage.pip("alpha @ " + stage.file(ALPHA[0]))
    return {"alpha": "direct-url"}


def direct_url_of_an_sdist(stage: Stage) -> Expected:
    stage.lock("gamma")
    stage.pip("gamma @ " + stage.file(GAMMA[0]))
    return {"gamma": "direct-url"}


def locked_by_url_and_had_by_it(stage: Stage) -> Expected:
    stage.lock("alpha @ " + stage.file(ALPHA[0]), "gamma @ " + stage.file(GAMMA[0]))
    stage.uv("sync", "--frozen", "--python", str(PYTHON))
    return {"alpha": "cached", "gamma": "cached"}


def locked_by_url_and_had_without_a_hash(stage: Stage) -> Expected:
    stage.lock("alpha @ " + stage.file(ALPHA[0]))
    stage.pip("alpha @ " + stage.file(ALPHA[0]))
    return {"alpha": stage.no_hash}


def locked_by_url_and_absent(stage: Stage) -> Expected:
    stage.lock("delta @ " + stage.file(DELTA[0]))
    stage.hashed(ALPHA)
    return {"delta": "absent"}


def locked_by_url_and_had_from_an_index(stage: Stage) -> Expected:
    stage.lock("alpha @ " + stage.file(ALPHA[0]), "gamma @ " + stage.file(GAMMA[0]))
    stage.hashed(ALPHA, GAMMA)
    return {"alpha": "index-entry", "gamma": "index-entry"}


def locked_by_url_and_had_by_another(stage: Stage) -> Expected:
    stage.lock("alpha @ " + stage.file(ALPHA[0]))
    stage.pip("alpha @ " + stage.file(ALPHA[0], "mirror"))
    return {"alpha": "other-url"}


def sdist_locked_by_url_and_had_by_another(stage: Stage) -> Expected:
    stage.lock("gamma @ " + stage.file(GAMMA[0]))
    stage.pip("gamma @ " + stage.file(GAMMA[0], "mirror"))
    return {"gamma": "other-url"}


def folder_of_an_archive(stage: Stage) -> Expected:
    name, data = wheels.sdist("inside", "1.0")
    deeper = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive, tarfile.open(fileobj=deeper, mode="w:gz") as other:
        for member in archive:
            content = archive.extractfile(member)
            member.name = member.name.replace("/", "/deep/")
            other.addfile(member, content)
    stage.index.add((name, deeper.getvalue()))
    stage.lock(f"inside @ {stage.file(name)}#subdirectory=deep")
    stage.uv("sync", "--frozen", "--python", str(PYTHON))
    return {"inside": "cached"}


def locked_by_url_and_had_with_a_fragment(stage: Stage) -> Expected:
    stage.lock("delta @ " + stage.file(DELTA[0]))
    stage.pip(f"delta @ {stage.file(DELTA[0])}#sha256={hashlib.sha256(DELTA[1]).hexdigest()}")
    # uv itself leaves a hash in the fragment out of account from some release on.
    return {}


def archive_gone(stage: Stage) -> Expected:
    stage.lock("alpha", "delta")
    stage.uv("sync", "--python", str(PYTHON))
    for archive in (stage.cache / "archive-v0").iterdir():
        if (archive / "alpha.py").exists():
            shutil.rmtree(archive)
    return {"alpha": "archive-gone", "delta": "cached"}


def archive_gone_of_a_plain_install(stage: Stage) -> Expected:
    stage.lock("delta")
    stage.pip("delta")
    for archive in (stage.cache / "archive-v0").iterdir():
        if (archive / "delta.py").exists():
            shutil.rmtree(archive)
    return {"delta": "archive-gone"}


def archive_gone_of_a_direct_url(stage: Stage) -> Expected:
    stage.lock("alpha @ " + stage.file(ALPHA[0]), "delta")
    stage.uv("sync", "--frozen", "--python", str(PYTHON))
    for archive in (stage.cache / "archive-v0").iterdir():
        if (archive / "alpha.py").exists():
            shutil.rmtree(archive)
    stage.options = ["--frozen"]
    # Where uv has a dry run, that is where its plan is wrong.
    return {"alpha": "archive-gone" if stage.number < (0, 5, 30) else ("unknown", "archive-gone"), "delta": "cached"}


def source_gone(stage: Stage) -> Expected:
    stage.lock("gamma")
    stage.hashed(GAMMA)
    shutil.rmtree(stage.cache / "archive-v0")
    shutil.rmtree(next(stage.cache.glob("sdists-v*/index/*/gamma/1.0/*/src")))
    for wheel in stage.cache.glob("sdists-v*/index/*/gamma/1.0/*/*.whl"):
        wheel.unlink()
    return {"gamma": "archive-gone"}


def built_wheel_gone(stage: Stage) -> Expected:
    stage.lock("gamma")
    stage.hashed(GAMMA)
    shutil.rmtree(stage.cache / "archive-v0")
    return {"gamma": "built-again"}


def built_wheel_gone_and_the_index_wants_to_be_asked(stage: Stage) -> Expected:
    """Here the sdist is downloaded again, in the situation before it is not; the cache looks the same."""
    stage.index.configure("main", file_cache_control="no-cache")
    return built_wheel_gone(stage)


def pruned_as_for_ci(stage: Stage) -> Expected:
    """Of what uv has built, it leaves the file."""
    stage.lock("alpha", "gamma")
    stage.uv("sync", "--python", str(PYTHON))
    stage.uv("cache", "prune", "--ci")
    return {"alpha": "absent", "gamma": "built-again"}


def pruned_as_for_ci_and_the_index_wants_to_be_asked(stage: Stage) -> Expected:
    """And then the sdist is downloaded."""
    stage.index.configure("main", file_cache_control="no-cache")
    return pruned_as_for_ci(stage)


def build_never_finished(stage: Stage) -> Expected:
    stage.lock("gamma")
    stage.hashed(GAMMA)
    for built in stage.cache.glob("sdists-v*/index/*/gamma/1.0/*/gamma-1.0*"):
        built.unlink()
    return {"gamma": "built-again"}


def cache_of_another_uv(stage: Stage) -> Expected:
    stage.lock("alpha==1.0", "delta")
    stage.hashed(ALPHA, version=OTHER[stage.world.version])
    return {"alpha": "other-bucket", "delta": "absent"}


def cache_of_another_uv_for_an_sdist(stage: Stage) -> Expected:
    stage.lock("gamma")
    other = "0.13.9" if stage.number < (0, 13) else "0.9.8"
    stage.hashed(GAMMA, version=other)
    return {"gamma": "other-bucket"}


def cache_of_an_old_uv(stage: Stage) -> Expected:
    stage.lock("delta")
    stage.pip("delta", version="0.4.6")
    return {"delta": "other-bucket"}


def cache_of_the_same_user(stage: Stage) -> Expected:
    stage.lock("alpha==1.0", "delta")
    stage.hashed(ALPHA, UV_CACHE_DIR=str(stage.world.home / ".cache" / "uv"))
    stage.hashed(DELTA)
    return {"alpha": "other-cache", "delta": "cached"}


def cache_of_another_user(stage: Stage) -> Expected:
    stage.lock("delta")
    stage.hashed(DELTA, UV_CACHE_DIR=str(stage.world.home.parent / "somebody" / ".cache" / "uv"))
    return {"delta": "other-cache"}


def cut_off(stage: Stage) -> Expected:
    stage.lock("alpha", "delta")
    stage.uv("sync", "--python", str(PYTHON))
    path = stage.pointer("alpha")
    path.write_bytes(path.read_bytes()[:-40])
    return {"alpha": "unreadable", "delta": "cached"}


def garbage(stage: Stage) -> Expected:
    stage.lock("alpha", "delta")
    stage.uv("sync", "--python", str(PYTHON))
    stage.pointer("delta").write_bytes(os.urandom(300))
    return {"alpha": "cached", "delta": "unreadable"}


def nothing_in_it(stage: Stage) -> Expected:
    stage.lock("gamma")
    stage.hashed(GAMMA)
    stage.pointer("gamma").write_bytes(b"")
    return {"gamma": "unreadable"}


def installed(stage: Stage) -> Expected:
    stage.lock("alpha", "delta")
    stage.uv("sync", "--python", str(PYTHON))
    stage.uv("pip", "uninstall", "--python", str(stage.project / ".venv"), "delta")
    stage.audit_options = []
    # Without a dry run, there is no telling what is installed.
    return {"alpha": "installed" if stage.number >= (0, 5, 30) else "cached", "delta": "cached"}


def installed_and_the_cache_is_gone(stage: Stage) -> Expected:
    stage.lock("alpha")
    stage.uv("sync", "--python", str(PYTHON))
    shutil.rmtree(stage.cache)
    stage.audit_options = ["--fresh"] if stage.number < (0, 5, 30) else []
    return {"alpha": "absent"} if stage.number < (0, 5, 30) else {"alpha": "installed"}


def member(stage: Stage) -> Expected:
    add_folder(stage.project / "member", "member")
    stage.lock("alpha", "member", extra='[tool.uv.sources]\nmember = {workspace = true}\n[tool.uv.workspace]\nmembers = ["member"]\n')
    stage.hashed(ALPHA_NEW)
    return {"alpha": "cached", **({"member": "local"} if stage.number >= (0, 5, 30) else {})}


def path_to_a_wheel(stage: Stage) -> Expected:
    stage.project.mkdir(parents=True)
    (stage.project / DELTA[0]).write_bytes(DELTA[1])
    stage.lock("delta", "alpha", extra=f'[tool.uv.sources]\ndelta = {{path = "{DELTA[0]}"}}\n')
    return {"alpha": "absent", **({"delta": "local"} if stage.number >= (0, 5, 30) else {})}


def path_to_a_folder(stage: Stage) -> Expected:
    add_folder(stage.project / "folder", "folder")
    stage.lock("alpha", "folder", extra='[tool.uv.sources]\nfolder = {path = "folder"}\n')
    stage.uv("sync", "--python", str(PYTHON))
    return {"alpha": "cached", **({"folder": "local"} if stage.number >= (0, 5, 30) else {})}


def git_absent(stage: Stage) -> Expected:
    add_repository(stage)
    stage.lock("alpha", f"repo @ git+file://{stage.world.root}/repo")
    stage.hashed(ALPHA_NEW)
    return {"alpha": "cached", "repo": "git"}


def git_cached(stage: Stage) -> Expected:
    add_repository(stage)
    stage.lock("alpha", f"repo @ git+file://{stage.world.root}/repo")
    stage.uv("sync", "--python", str(PYTHON))
    (stage.world.root / "repo").rename(stage.world.root / "moved")
    return {"alpha": "cached", "repo": "cached" if stage.number >= (0, 5, 30) else "checked-out"}


def git_cached_under_a_longer_name(stage: Stage) -> Expected:
    add_repository(stage)
    stage.lock(f"repo @ git+file://{stage.world.root}/repo")
    # As git itself does it in a large repository.
    stage.uv("sync", "--python", str(PYTHON), GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="core.abbrev", GIT_CONFIG_VALUE_0="12")
    assert all(len(path.name) >= 12 for path in stage.cache.glob("git-v*/checkouts/*/*")), list(stage.cache.glob("git-v*/checkouts/*/*"))
    (stage.world.root / "repo").rename(stage.world.root / "moved")
    return {"repo": "cached" if stage.number >= (0, 5, 30) else "checked-out"}


def git_without_its_build(stage: Stage) -> Expected:
    add_repository(stage)
    stage.lock(f"repo @ git+file://{stage.world.root}/repo")
    stage.uv("sync", "--python", str(PYTHON))
    for built in stage.cache.glob("sdists-v*/git/*/*/repo-0*"):
        built.unlink()
    # Nobody can fetch anything from there now.
    (stage.world.root / "repo").rename(stage.world.root / "moved")
    return {"repo": "checked-out"}


def no_cache(stage: Stage) -> Expected:
    stage.lock("alpha", "delta")
    stage.uv("sync", "--python", str(PYTHON))
    stage.options = ["--no-cache"]
    return {"alpha": "no-cache", "delta": "no-cache"}


def no_cache_variable(stage: Stage) -> Expected:
    stage.lock("gamma")
    stage.hashed(GAMMA)
    stage.env["UV_NO_CACHE"] = "1"
    return {"gamma": "no-cache"}


def refresh(stage: Stage) -> Expected:
    stage.lock("alpha", "delta")
    stage.uv("sync", "--python", str(PYTHON))
    stage.options = ["--refresh-package", "alpha", "--frozen"]
    return {"alpha": "refresh" if stage.number >= (0, 5, 30) else "cached", "delta": "cached"}


def refresh_everything(stage: Stage) -> Expected:
    stage.lock("alpha", "gamma")
    stage.hashed(ALPHA_NEW)
    stage.options = ["--refresh", "--frozen"]
    return {"alpha": "refresh" if stage.number >= (0, 5, 30) else "cached", "gamma": "absent"}


def extras_and_groups(stage: Stage) -> Expected:
    stage.lock("alpha", extra='[project.optional-dependencies]\nx = ["delta"]\ny = ["both"]\n[dependency-groups]\ndev = ["gamma"]\nlint = ["winlin"]\n')
    stage.hashed(ALPHA_NEW, DELTA)
    stage.options = ["--extra", "x", "--group", "lint", "--no-dev"]
    return {"alpha": "cached", "delta": "cached", "winlin": "absent"}


def only_group(stage: Stage) -> Expected:
    stage.lock("alpha", extra='[dependency-groups]\ndev = ["gamma"]\nlint = ["delta"]\n')
    stage.hashed(ALPHA_NEW)
    stage.options = ["--only-group", "lint"]
    return {"delta": "absent"}


def markers(stage: Stage) -> Expected:
    stage.lock("alpha ; python_version >= '3.8'", "delta ; sys_platform == 'win32'", "both ; python_version < '3.9'")
    stage.pip("delta")
    return {"alpha": "absent"}


def forked_by_markers(stage: Stage) -> Expected:
    stage.lock("alpha==1.0 ; sys_platform == 'win32'", "alpha==1.1 ; sys_platform != 'win32'")
    stage.hashed(ALPHA_NEW)
    return {"alpha": "cached"}


def forked_and_refreshed(stage: Stage) -> Expected:
    """uv does not log which version it asks for."""
    forked_by_markers(stage)
    stage.options = ["--refresh", "--frozen"]
    return {"alpha": "refresh" if stage.number >= (0, 5, 30) else "cached"}


def forked_by_indexes(stage: Stage) -> Expected:
    """One version, from another index on another system."""
    two = "".join(f'[[tool.uv.index]]\nname = "{name}"\nurl = "{stage.index.simple(name)}"\nexplicit = true\n' for name in ("main", "mirror"))
    stage.lock("alpha==1.0", "delta", extra=two + "[tool.uv.sources]\n" + "".join(
        f"""{name} = [{{index = "mirror", marker = "sys_platform == 'linux'"}}, {{index = "main", marker = "sys_platform != 'linux'"}}]\n"""
        for name in ("alpha", "delta")))
    stage.hashed(ALPHA, index="mirror")
    return {"alpha": "cached", "delta": "absent"}


def dynamic_dependencies(stage: Stage) -> Expected:
    """uv would build the project to compare uv.lock with it, and what its build requires is in the cache."""
    lock_to_build(stage, 'dependencies = ["alpha"]', 'dynamic = ["dependencies"]')
    forget_builds(stage)
    return {"alpha": "absent"}


def lock_to_build(stage: Stage, static: str, dynamic: str) -> Path:
    """The pyproject.toml of a locked project that needs alpha, and whose build, which says the rest, needs builder."""
    stage.index.add(wheels.wheel("builder", "1.0"))
    add_folder(stage.project, "project", "alpha")
    toml = stage.project / "pyproject.toml"
    toml.write_text(toml.read_text().replace(static, dynamic).replace("requires = []", 'requires = ["builder"]'))
    stage.uv("lock", "--python", str(PYTHON))
    return toml


def forget_builds(stage: Stage) -> None:
    """What uv has kept of the projects that it has built."""
    for built in stage.cache.glob("sdists-v*/editable"):
        shutil.rmtree(built)


def package_of_the_workspace(stage: Stage) -> Expected:
    add_folder(stage.project / "member", "member", "delta")
    stage.lock("alpha", extra='[tool.uv.workspace]\nmembers = ["member"]\n')
    stage.hashed(DELTA)
    stage.options = ["--", "--package", "member"]
    return {"delta": "cached"}


def named_index(stage: Stage) -> Expected:
    stage.lock("alpha==1.0", "delta", extra=f'[[tool.uv.index]]\nname = "other"\nurl = "{stage.index.simple("mirror")}"\nexplicit = true\n'
               '[tool.uv.sources]\nalpha = {index = "other"}\n')
    stage.hashed(ALPHA, DELTA, index="mirror")
    return {"alpha": "cached", "delta": "other-index"}


def find_links(stage: Stage) -> Expected:
    links = f"{stage.index.url}/mirror/links"
    stage.lock("delta", "both", extra=f'[tool.uv]\nno-index = true\nfind-links = ["{links}"]\n')
    stage.pip("--no-index", "--find-links", links, "delta")
    # Such pages have no hashes in these tests' lock files, so that any entry will do.
    return {}


def mended_by_a_sync(stage: Stage) -> Expected:
    """`uv sync` itself cures what a plain install left."""
    stage.lock("alpha", "gamma")
    stage.pip("alpha", "gamma")
    stage.uv("sync", "--python", str(PYTHON))
    return {"alpha": "cached", "gamma": "cached"}


def nothing_to_install(stage: Stage) -> Expected:
    stage.lock()
    return {}


def add_folder(folder: Path, name: str, *dependencies: str) -> None:
    """A project whose build backend needs nothing."""
    folder.mkdir(parents=True, exist_ok=True)
    info = wheels.metadata(name, "0", dependencies)
    (folder / "backend.py").write_text(wheels._BACKEND.format(name=name, version="0", metadata=info))  # noqa: SLF001  # the demo's own
    required = ", ".join(f'"{dependency}"' for dependency in dependencies)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "0"\nrequires-python = ">=3.8"\ndependencies = [{required}]\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n')


def add_repository(stage: Stage) -> None:
    """A Git repository with a package."""
    folder = stage.world.root / "repo"
    add_folder(folder, "repo")
    identity = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org", "-c", "init.defaultBranch=main"]
    for call in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *identity, *call], cwd=folder, check=True, env={"PATH": os.defpath, "HOME": str(stage.world.home)})


SITUATIONS: tuple[Callable[[Stage], Expected], ...] = (
    empty_cache, something_else_in_the_cache, metadata_alone, synced_before, hashed_install, plain_install, run_with, plain_install_of_an_sdist,
    hashed_install_of_an_sdist, replaced_wheel, replaced_sdist, another_algorithm, another_algorithm_of_an_sdist, no_hash_in_the_lock, older_version, older_version_for_another,
    newer_version, wheel_of_another_platform, wheel_of_another_build, built_where_a_wheel_is_locked, built_with_the_name_of_the_wheel,
    wheel_where_an_sdist_is_wanted, wheel_where_a_setting_wants_the_sdist, spelt_otherwise, mirror, plain_install_from_a_mirror, localhost, slash_at_the_end_of_the_install,
    index_of_the_lock_is_not_configured, slash_in_the_configuration_alone, direct_url, direct_url_of_an_sdist, locked_by_url_and_had_by_it,
    locked_by_url_and_had_without_a_hash, locked_by_url_and_absent, locked_by_url_and_had_from_an_index, locked_by_url_and_had_by_another,
    sdist_locked_by_url_and_had_by_another, folder_of_an_archive, locked_by_url_and_had_with_a_fragment, archive_gone, archive_gone_of_a_plain_install, archive_gone_of_a_direct_url, source_gone, built_wheel_gone,
    built_wheel_gone_and_the_index_wants_to_be_asked, pruned_as_for_ci, pruned_as_for_ci_and_the_index_wants_to_be_asked, build_never_finished,
    cache_of_another_uv, cache_of_another_uv_for_an_sdist, cache_of_an_old_uv, cache_of_the_same_user, cache_of_another_user, cut_off, garbage,
    nothing_in_it, installed, installed_and_the_cache_is_gone, member, path_to_a_wheel, path_to_a_folder, git_absent, git_cached, git_cached_under_a_longer_name, git_without_its_build, no_cache,
    no_cache_variable, refresh, refresh_everything, extras_and_groups, only_group, markers, forked_by_markers, forked_and_refreshed, forked_by_indexes, dynamic_dependencies, package_of_the_workspace, named_index, find_links,
    mended_by_a_sync, nothing_to_install,
)
