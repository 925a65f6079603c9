"""Command lines that must do the same through the shim as through the bare uv, and the indexes that they run against.

In every text of a case, ``<name>`` and ``<name:argument>`` stand for a value of the world that the case runs in:

``<url>`` ``<host>``      the index server, with and without ``http://``
``<simple:I>`` ``<links:I>`` ``<files:I>``   the simple index, the page for find-links and the files of index I
``<sha256:F>`` ``<sha512:F>``   the digest of a published file
``<work>`` ``<python>`` ``<lib>``   the working directory, an interpreter, the name of its library's folder
"""

from __future__ import annotations

import hashlib
import io
import shlex
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from uv_shim.demo import wheels
from uv_shim.demo.index import Index

#: The credentials of the index `private`; the password must not turn up in any output of the shim.
USER, PASSWORD = "somebody", "s3cr3t"

#: Version of the interpreter, as it is asked for.
MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Case:
    """One command line, and what it is run in."""

    id: str
    #: The arguments of uv, as a shell would split them; with ``shell`` unused.
    line: str = ""
    #: Files of the working directory (``~/…``: of the home directory), written before anything runs.
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    #: Commands of the bare uv that both worlds run first.
    prepare: tuple[str, ...] = ()
    env: Mapping[str, str | None] = field(default_factory=dict)
    stdin: str | None = None
    #: A command for bash, with ``{uv}`` in the place of the program.
    shell: str | None = None
    #: The bare uv's exit code, from the release ``since`` on: it shows that the case is what it says. None: it varies.
    code: int | None = 0
    #: The release that first knows what the case is about. Older ones must do the same through the shim all the same.
    since: str = "0.4.6"
    #: Releases before this one are left out: there the promise of the shim itself makes the difference.
    not_before: str = "0"
    #: sdists that may be fetched once more before 0.11.19.
    fetch_exception: tuple[str, ...] = ()
    #: The cache holds files without hashes: before 0.11.19 they must be fetched once more to be sealed.
    refetch: bool = False
    #: The shim may say that something stays unsealed. Where it is not marked and uv succeeds, the shim must be silent.
    unsealed: bool = False
    #: Log lines on stderr: only uv's lines about packages are compared.
    loose: bool = False
    #: Make ``.venv`` in the working directory.
    venv: bool = True
    #: Make a copy of an interpreter in ``py/`` of the working directory, first on PATH.
    interpreter: bool = False

    @property
    def args(self) -> tuple[str, ...]:
        """The arguments of uv, before substitution."""
        return tuple(shlex.split(self.line))


# The packages. `main` has most of them; other indexes have other files of the same versions.

ALPHA = {version: wheels.wheel("alpha", version) for version in ("1.0", "1.1", "2.0", "2.1b1")}
BETA = {"1.0": wheels.wheel("beta", "1.0", requires=("alpha<2",)),
        "2.0": wheels.wheel("beta", "2.0", requires=("alpha",))}
GAMMA = wheels.sdist("gamma", "1.0")
ALPHA_1 = ALPHA["1.0"][0]
ZEROS = "0" * 64


def _corrupt(file: tuple[str, bytes]) -> tuple[str, bytes]:
    """A wheel with one wrong byte in the middle of its payload."""
    name, data = file
    middle = len(data) // 2
    return name, data[:middle] + bytes([data[middle] ^ 0xFF]) + data[middle + 1 :]


def _tree(file: tuple[str, bytes]) -> dict[str, str]:
    """The files of an sdist, by their path below its top folder."""
    with tarfile.open(fileobj=io.BytesIO(file[1])) as archive:
        return {member.name.split("/", 1)[1]: _read(archive, member) for member in archive.getmembers()}


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    handle = archive.extractfile(member)
    return handle.read().decode() if handle else ""


def _broken_sdist(name: str) -> tuple[str, bytes]:
    """An sdist whose build fails."""
    files = {"pyproject.toml": _tree(GAMMA)["pyproject.toml"], "PKG-INFO": wheels.metadata(name, "1.0"),
             "backend.py": "raise SystemExit('this build fails')\n"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{name}-1.0/{path}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return f"{name}-1.0.tar.gz", buffer.getvalue()


def publish(index: Index) -> None:
    """Fill the indexes that the cases name."""
    _publish_main(index)
    behaviours: dict[str, dict[str, object]] = {
        "html": {"json": False},
        "nometa": {"metadata": False},
        "norange": {"metadata": False, "ranges": False},
        "nostore": {"cache_control": "no-store"},
        "private": {"auth": f"{USER}:{PASSWORD}"},
        "error500": {"status": 500},
        "error403": {"status": 403},
    }
    for name, settings in behaviours.items():
        index.configure(name, **settings)
        for file in (*ALPHA.values(), *BETA.values(), GAMMA):
            index.add(file, name)
    algorithms: dict[str, tuple[str, ...]] = {
        "nohash": (), "sha512": ("sha512",), "both": ("sha256", "sha512"), "md5": ("md5",)}
    for name, advertised in algorithms.items():
        for file in (*ALPHA.values(), *BETA.values(), GAMMA):
            index.add(file, name, advertised=advertised)
    # The wheel that uv selects has no hash, and the sdist beside it has.
    index.add(ALPHA["1.0"], "partial", advertised=())
    index.add(wheels.sdist("alpha", "1.0"), "partial")
    index.add(BETA["1.0"], "partial")
    # Same names and versions, other files.
    for version in ("1.0", "2.0"):
        index.add(wheels.wheel("alpha", version, note="second"), "second")
    index.add(wheels.wheel("sigma", "1.0", requires=("alpha",)), "second")
    index.add(("r.txt", b"beta<2\n"), "texts")
    lock = PYLOCK.replace("<simple:main>", index.simple()).replace("<files:main>", f"{index.url}/main/files")
    index.add(("pylock.toml", (lock % hashlib.sha256(ALPHA["1.0"][1]).hexdigest()).encode()), "texts")
    index.configure("nozip", metadata=False)
    index.add(("nozip-1.0-py3-none-any.whl", b"this is no archive at all" * 40), "nozip")


def _publish_main(index: Index) -> None:
    for file in (
        *ALPHA.values(), *BETA.values(), GAMMA,
        wheels.wheel("delta", "1.0", extras=("x",), requires=("alpha; extra == 'x'",)),
        wheels.wheel("both", "1.0"), wheels.sdist("both", "1.0"),
        wheels.sdist("tops", "1.0", requires=("alpha",)),
        wheels.wheel("pre", "1.0b1"), wheels.wheel("pre", "1.0b2"),
        wheels.wheel("yank", "1.0"),
        wheels.wheel("loc", "1.0"), wheels.wheel("loc", "1.0+local"),
        wheels.wheel("winonly", "1.0", tag="py3-none-win_amd64"),
        wheels.wheel("tags", "1.0"), wheels.wheel("tags", "1.0", tag="py3-none-manylinux_2_17_x86_64"),
        wheels.wheel("tags", "1.0", tag="py3-none-win_amd64"),
        wheels.wheel("future", "1.0", requires_python=">=3.99"),
        wheels.sdist("epsilon", "1.0"), wheels.sdist("epsilon", "2.0"),
        _corrupt(wheels.wheel("crc", "1.0", payload=4000)),
        wheels.wheel("left", "1.0", requires=("alpha==1.0",)), wheels.wheel("right", "1.0", requires=("alpha==2.0",)),
        wheels.wheel("mark", "1.0", requires=("alpha; python_version > '3'", "beta; sys_platform == 'win32'")),
        wheels.wheel("orphan", "1.0", requires=("nosuch",)),
        wheels.wheel("linked", "1.0", requires=(f"alpha @ {index.url}/second/files/{ALPHA_1}",)),
        wheels.wheel("Ze_Ta", "1.0"),
        wheels.wheel("big", "1.0", payload=2_000_000),
        _broken_sdist("broken"),
    ):
        index.add(file)
    index.add(wheels.wheel("patched", "1.0", requires_python=f">={MINOR}.1"), requires_python=f">={MINOR}.1")
    index.add(wheels.wheel("yank", "2.0"), yanked="withdrawn")
    index.add(wheels.wheel("gone", "1.0"), yanked="withdrawn")


# Files that several cases use.

PYPROJECT = """\
[project]
name = "app"
version = "1.0"
requires-python = ">=3.8"
dependencies = ["beta"]

[project.optional-dependencies]
x = ["delta"]
y = ["mark"]

[dependency-groups]
dev = ["delta[x]"]
lint = [{include-group = "dev"}, "mark"]
"""
#: A project that can be built, and its dependencies.
SOURCE = {**_tree(wheels.sdist("app", "1.0", requires=("beta",))),
          "pyproject.toml": PYPROJECT + _tree(GAMMA)["pyproject.toml"]}
LOCAL = {f"lib/{path}": text for path, text in _tree(wheels.sdist("lib", "1.0", requires=("alpha",))).items()}
PYLOCK = """\
lock-version = "1.0"
created-by = "uv"
requires-python = ">=3.8"

[[packages]]
name = "alpha"
version = "1.0"
index = "<simple:main>"
wheels = [{ url = "<files:main>/alpha-1.0-py3-none-any.whl", hashes = { sha256 = "%s" } }]
"""
SCRIPT = """\
# /// script
# requires-python = ">=3.8"
# dependencies = ["beta<2", "delta[x]"]
# ///
print("never run")
"""
SOURCES = """\
[project]
name = "app"
version = "1.0"
requires-python = ">=3.8"
dependencies = ["alpha==1.0", "beta"]

[tool.uv.sources]
alpha = { index = "second" }

[[tool.uv.index]]
name = "second"
url = "<simple:second>"
explicit = true
"""
NAMED_INDEX = """\
[project]
name = "app"
version = "1.0"
requires-python = ">=3.8"
dependencies = ["alpha"]

[[tool.uv.index]]
name = "closed"
url = "<simple:private>"
default = true
"""
PRIVATE = f"http://{USER}:{PASSWORD}@<host>/private/simple"
HASHED = "alpha==1.0 --hash=sha256:<sha256:alpha-1.0-py3-none-any.whl>\n"
WRONG = f"alpha==1.0 --hash=sha256:{ZEROS}\n"
ALPHA_ARCHIVE = {f"wheels/{name}": data for name, data in (ALPHA["1.0"], BETA["1.0"], GAMMA)}


def pip_settings(*lines: str) -> dict[str, str | bytes]:
    """A pyproject.toml with those lines in ``[tool.uv.pip]``."""
    return {"pyproject.toml": "\n".join(("[tool.uv.pip]", *lines, ""))}


PLAIN = (
    Case("name", "pip install alpha"),
    Case("two-names", "pip install alpha beta"),
    Case("dependency", "pip install beta==1.0"),
    Case("pinned", "pip install alpha==1.1"),
    Case("range", "pip install 'alpha>=1,<2'"),
    Case("extra", "pip install 'delta[x]'"),
    Case("unknown-extra", "pip install 'delta[nope]'"),
    Case("marker-true", "pip install \"alpha; python_version > '3'\""),
    Case("marker-false", "pip install \"alpha; sys_platform == 'win32'\""),
    Case("dependency-with-marker", "pip install mark"),
    Case("odd-spelling", "pip install ZE.ta"),
    Case("sdist", "pip install gamma", fetch_exception=(GAMMA[0],)),
    Case("sdist-with-dependency", "pip install tops", fetch_exception=("tops-1.0.tar.gz",)),
    Case("sdist-and-wheel", "pip install both"),
    Case("several-wheels-of-one-version", "pip install tags"),
    Case("large-wheel", "pip install big alpha"),
    Case("url-dependency", "pip install linked 'alpha @ <files:second>/alpha-1.0-py3-none-any.whl'"),
    Case("url-dependency-undeclared", "pip install linked", code=None),
    Case("same-name-twice", "pip install alpha 'alpha<2'"),
    Case("empty-environment-kept", "pip install alpha", env={"VIRTUAL_ENV": "<work>/.venv"}),
    Case("nested-working-directory", shell="mkdir -p a/b && cd a/b && {uv} pip install alpha"),
)

GRAMMAR = (
    Case("cluster-Ur-apart", "pip install -Ur r.txt", {"r.txt": "alpha\n"}, ("pip install alpha==1.0",)),
    Case("cluster-Urf-glued", "pip install -Urr.txt", {"r.txt": "alpha\n"}, ("pip install alpha==1.0",)),
    Case("cluster-nqr-apart", "pip install -nqr r.txt", {"r.txt": "beta\n"}),
    Case("glued-r", "pip install -rr.txt", {"r.txt": "beta\n"}),
    Case("glued-r-equals", "pip install -r=r.txt", {"r.txt": "beta\n"}),
    Case("glued-c-path", "pip install beta -ct/c.txt", {"t/c.txt": "alpha==1.0\n"}),
    Case("long-equals", "pip install --requirement=r.txt --constraint=c.txt", {"r.txt": "beta\n",
         "c.txt": "alpha<2\n"}),
    Case("plural-names", "pip install --requirements r.txt --constraints c.txt", {"r.txt": "beta\n",
         "c.txt": "alpha<2\n"},
         since="0.5.26"),
    Case("glued-i", "pip install -i<simple:second> alpha", env={"UV_INDEX_URL": None}),
    Case("glued-P", "pip install -Palpha beta", prepare=("pip install alpha==1.0 beta",)),
    Case("glued-p", "pip install -p.venv alpha"),
    Case("glued-p-equals", "pip install -p=.venv/bin/python alpha"),
    Case("glued-f", "pip install --no-index -f<links:main> alpha"),
    Case("glued-e", "pip install -e./lib", LOCAL),
    Case("glued-C", "pip install -Ckey=value gamma", fetch_exception=(GAMMA[0],)),
    Case("double-dash", "pip install -- alpha"),
    Case("double-dash-after-options", "pip install --no-deps -- beta"),
    Case("double-dash-then-option", "pip install -- -r r.txt", {"r.txt": "alpha\n"}, code=2),
    Case("options-last", "pip install beta --no-deps"),
    Case("option-value-like-an-option", "pip install alpha --config-setting --no-deps", code=None),
    Case("option-value-named-install", "pip install --python .venv -c install alpha", {"install": "alpha<2\n"}),
    Case("globals-before-pip", "-q --no-progress pip install alpha"),
    Case("globals-between", "--color never pip -q install alpha"),
    Case("globals-with-values-everywhere", "--cache-dir c1 pip --color never install --project . alpha", since="0.4.30"),
    Case("cluster-of-globals", "-nq pip install alpha"),
    Case("glued-cache-dir", "--cache-dir=elsewhere pip install alpha"),
    Case("empty-argument", "pip install ''", code=None),
    Case("argument-with-spaces", "pip install ' alpha '", code=None),
    Case("path-with-spaces", "pip install -r 'a b/r c.txt' -c 'a b/c c.txt'",
         {"a b/r c.txt": "beta\n", "a b/c c.txt": "alpha==1.0\n"}, code=None),
    Case("path-with-unicode", "pip install -r dépôt/r.txt", {"dépôt/r.txt": "alpha\n"}),
    Case("help", "pip install --help"),
    Case("short-help", "pip install -h alpha"),
    Case("help-in-a-cluster", "pip install -qh", code=None),
    Case("version-wins", "--version pip install alpha", code=None),
    Case("no-requirements", "pip install", code=2),
    Case("verify-hashes-given", "pip install --verify-hashes alpha"),
    Case("no-verify-hashes-given", "pip install --no-verify-hashes alpha", since="0.5.3"),
    Case("no-verify-hashes-wrong-hash", "pip install --no-verify-hashes -r r.txt", {"r.txt": WRONG}, since="0.5.3"),
    Case("verify-and-no-verify", "pip install --verify-hashes --no-verify-hashes alpha", since="0.5.3"),
    Case("no-verify-in-environment", "pip install alpha", env={"UV_NO_VERIFY_HASHES": "1"}),
    Case("no-verify-false-in-environment", "pip install alpha", env={"UV_NO_VERIFY_HASHES": "false"}),
    Case("verify-in-environment", "pip install alpha", env={"UV_VERIFY_HASHES": "1"}),
    Case("duplicate-flag", "pip install --no-deps --no-deps alpha", code=2),
    Case("duplicate-verify-hashes", "pip install --verify-hashes --verify-hashes alpha", code=2),
    Case("quiet-and-verbose", "pip install -q -v alpha", code=2),
    Case("unknown-option", "pip install --frobnicate alpha", code=2),
    Case("unknown-short-option", "pip install -Z alpha", code=2),
    Case("unknown-option-value", "pip install --resolution sideways alpha", code=2),
    Case("missing-option-value", "pip install alpha -r", code=2),
    Case("abbreviated-option", "pip install --dry alpha", code=2),
    Case("misspelt-command", "pip instal alpha", code=2),
    Case("unknown-option-before-pip", "--frobnicate pip install alpha", code=2),
)

INPUTS = (
    Case("requirements-file", "pip install -r r.txt", {"r.txt": "# a comment\nbeta<2 # another\n\ndelta[x]\n"}),
    Case("requirements-file-and-name", "pip install -r r.txt delta", {"r.txt": "beta\n"}),
    Case("two-requirements-files", "pip install -r r.txt -r s.txt", {"r.txt": "beta\n", "s.txt": "alpha==1.0\n"}),
    Case("continuation-lines", "pip install -r r.txt", {"r.txt": "beta \\\n  <2\n"}, code=None),
    Case("crlf-and-bom", "pip install -r r.txt", {"r.txt": "\ufeffbeta<2\r\ndelta\r\n"}, code=None),
    Case("nested-requirements", "pip install -r a/r.txt",
         {"a/r.txt": "-r b/s.txt\nbeta\n", "a/b/s.txt": "-c ../c.txt\ndelta[x]\n", "a/c.txt": "alpha==1.0\n"}),
    Case("nested-requirements-glued", "pip install -r a/r.txt", {"a/r.txt": "-rs.txt\n--requirement=t.txt\n",
         "a/s.txt": "beta\n", "a/t.txt": "alpha==1.1\n"}, code=None),
    Case("index-line", "pip install -r r.txt", {"r.txt": "--index-url <simple:second>\nalpha==1.0\n"},
         env={"UV_INDEX_URL": None}),
    Case("extra-index-line", "pip install -r r.txt", {"r.txt": "--extra-index-url <simple:second>\nsigma\n"}),
    Case("find-links-line", "pip install -r r.txt", {"r.txt": "--no-index\n--find-links wheels\nbeta\n",
         **ALPHA_ARCHIVE}),
    Case("no-binary-line", "pip install -r r.txt", {"r.txt": "--no-binary both\nboth\n"},
         fetch_exception=("both-1.0.tar.gz",)),
    Case("variables-in-a-file", "pip install -r r.txt",
         {"r.txt": "--extra-index-url ${INDEX}\nalpha @ ${FILES}/alpha-1.0-py3-none-any.whl\nsigma\n"},
         env={"INDEX": "<simple:second>", "FILES": "<files:main>"}),
    Case("unset-variable-in-a-file", "pip install -r r.txt",
         {"r.txt": "alpha @ ${UNSET}/alpha-1.0-py3-none-any.whl\n"}, code=None),
    Case("unnamed-wheel-line", "pip install -r r.txt", {"r.txt": "./wheels/alpha-1.0-py3-none-any.whl\nbeta\n",
         **ALPHA_ARCHIVE}),
    Case("editable-line", "pip install -r r.txt", {"r.txt": "-e ./lib\n", **LOCAL}),
    Case("requirements-from-http", "pip install -r <files:texts>/r.txt"),
    Case("pyproject", "pip install -r pyproject.toml", {"pyproject.toml": PYPROJECT}),
    Case("pyproject-extra", "pip install -r pyproject.toml --extra x", {"pyproject.toml": PYPROJECT}),
    Case("pyproject-all-extras", "pip install -r pyproject.toml --all-extras", {"pyproject.toml": PYPROJECT}),
    Case("pyproject-unknown-extra", "pip install -r pyproject.toml --extra nope", {"pyproject.toml": PYPROJECT},
         code=None),
    Case("extra-without-file", "pip install alpha --extra x", code=2),
    Case("group", "pip install --group dev", {"pyproject.toml": PYPROJECT}, since="0.7.22"),
    Case("group-of-a-file", "pip install --group sub/pyproject.toml:lint", {"sub/pyproject.toml": PYPROJECT},
         since="0.7.22"),
    Case("group-and-name", "pip install beta==1.0 --group dev", {"pyproject.toml": PYPROJECT}, since="0.7.22"),
    Case("unknown-group", "pip install --group nope", {"pyproject.toml": PYPROJECT}, code=None),
    Case("script", "pip install -r s.py", {"s.py": SCRIPT}, since="0.9.8"),
    Case("setup-cfg", "pip install -r setup.cfg", {"setup.cfg": "[metadata]\nname = app\n"}, code=None),
    Case("pylock", "pip install -r pylock.toml", {"pylock.toml": PYLOCK % "<sha256:alpha-1.0-py3-none-any.whl>"},
         since="0.7.22"),
    Case("pylock-wrong-hash", "pip install -r pylock.toml", {"pylock.toml": PYLOCK % ZEROS}, code=1, since="0.7.22"),
    Case("pylock-and-constraint", "pip install -r pylock.toml -c c.txt", {"c.txt": "alpha<2\n", "pylock.toml":
         PYLOCK % "<sha256:alpha-1.0-py3-none-any.whl>"}, code=None),
    Case("pylock-by-url", "pip install -r <files:texts>/pylock.toml", since="0.9.20"),
    Case("named-pylock", "pip install -r pylock.dev.toml",
         {"pylock.dev.toml": PYLOCK % "<sha256:alpha-1.0-py3-none-any.whl>"}, since="0.7.22"),
    Case("requirement-file-is-a-directory", "pip install -r lib", LOCAL, code=None),
    Case("missing-requirement-file", "pip install -r nowhere.txt", code=2),
    Case("missing-nested-file", "pip install -r r.txt", {"r.txt": "-r nowhere.txt\n"}, code=2),
    Case("missing-constraint-file", "pip install alpha -c nowhere.txt", code=2),
    Case("bad-line-in-a-file", "pip install -r r.txt", {"r.txt": "alpha\nbeta >> 1\n"}, code=2),
    Case("bad-option-in-a-file", "pip install -r r.txt", {"r.txt": "alpha\n--frobnicate\n"}, code=2),
    Case("empty-requirements-file", "pip install -r r.txt", {"r.txt": "\n"}),
    Case("binary-requirements-file", "pip install -r r.txt", {"r.txt": b"\xff\xfe\x00alpha"}, code=2),
    Case("fifo-of-requirements", shell="mkfifo p; (echo 'beta<2' > p &); {uv} pip install -r p; e=$?; rm p; exit $e",
         unsealed=True),
    Case("fifo-that-a-file-names", shell="mkfifo p; (echo 'beta<2' > p &); {uv} pip install -r r.txt; e=$?; rm p; exit $e",
         files={"r.txt": "-r p\n"}, unsealed=True),
    Case("fifo-of-constraints-that-a-file-names", shell="mkfifo p; (echo 'beta<2' > p &); {uv} pip install -r r.txt; e=$?; rm p; exit $e",
         files={"r.txt": "beta\n-c p\n"}, unsealed=True),
)

STANDARD_INPUT = (
    Case("stdin-that-a-file-names", "pip install -r r.txt", {"r.txt": "-r /dev/stdin\n"}, stdin="beta<2\n"),
    Case("descriptor-that-a-file-names", shell="{uv} pip install -r r.txt 7<<<'beta<2'", files={"r.txt": "-r /dev/fd/7\n"}),
    Case("pipe-that-a-file-names", shell="echo 'beta<2' | {uv} pip install -r r.txt", files={"r.txt": "-r /proc/self/fd/0\n"}),
    Case("stdin-dash", "pip install -r -", stdin="beta<2\n"),
    Case("stdin-dash-glued", "pip install -r-", stdin="beta<2\n"),
    Case("stdin-dash-cluster", "pip install -Ur -", stdin="beta\n", prepare=("pip install beta==1.0",)),
    Case("stdin-dash-equals", "pip install --requirement=-", stdin="beta<2\n"),
    Case("stdin-constraints", "pip install beta -c -", stdin="alpha==1.0\n"),
    Case("stdin-overrides", "pip install beta --override -", stdin="alpha==1.0\n"),
    Case("stdin-device-pipe", "pip install -r /dev/stdin", stdin="beta<2\n"),
    Case("stdin-device-file", shell="{uv} pip install -r /dev/stdin < r.txt", files={"r.txt": "beta<2\n"}),
    Case("stdin-descriptor", shell="cat r.txt | {uv} pip install -r /dev/fd/0", files={"r.txt": "beta<2\n"}),
    Case("stdin-proc", shell="cat r.txt | {uv} pip install -r /proc/self/fd/0", files={"r.txt": "beta<2\n"}),
    Case("stdin-file", shell="{uv} pip install -r - < r.txt", files={"r.txt": "beta<2\n"}),
    Case("stdin-here-document", shell="{uv} pip install -r - <<'END'\nbeta<2\nEND"),
    Case("stdin-empty", "pip install -r -", stdin=""),
    Case("stdin-closed", shell="{uv} pip install alpha <&-"),
    Case("stdin-closed-and-read", shell="{uv} pip install -r - <&-", code=None),
    Case("stdin-large", "pip install -r -", stdin="# padding\n" * 20_000 + "beta<2\n"),
    Case("stdin-nested", "pip install -r -", {"c.txt": "alpha==1.0\n"}, stdin="-c c.txt\nbeta\n"),
    Case("stdin-hashes", "pip install -r -", stdin=HASHED + "beta==1.0\n"),
    Case("stdin-not-asked-for", shell="printf 'left over' | { {uv} -q pip install alpha; cat; }"),
    Case("stdin-rest-of-a-script", shell="printf 'echo after\\n' | bash -c '{uv} -q pip install alpha; read -r x; $x'"),
    Case("substitution", shell="{uv} pip install -r <(echo 'beta<2')"),
    Case("two-substitutions", shell="{uv} pip install -r <(echo beta) -c <(echo alpha==1.0)"),
    Case("two-requirement-substitutions", shell="{uv} pip install -r <(echo 'beta<2') -r <(echo 'delta[x]')"),
    Case("substitution-and-stdin", shell="echo beta | {uv} pip install -r - -c <(echo alpha==1.0)"),
    Case("substitution-in-override", shell="{uv} pip install beta --override <(echo alpha==1.0)"),
    Case("high-descriptor", shell="exec 7< <(echo 'beta<2'); {uv} pip install -r /dev/fd/7"),
    Case("sync-stdin", "pip sync -", stdin="alpha==1.0\n"),
    Case("sync-stdin-device", shell="echo alpha==1.0 | {uv} pip sync /dev/stdin"),
    Case("sync-substitution", shell="{uv} pip sync <(echo alpha==1.0)"),
    Case("sync-stdin-empty", "pip sync -", stdin="", prepare=("pip install alpha",), code=None, unsealed=True),
)

CONSTRAINTS = (
    Case("constraint", "pip install beta -c c.txt", {"c.txt": "alpha==1.0\n"}),
    Case("constraint-twice", "pip install beta -c c.txt -c d.txt", {"c.txt": "alpha<2\n", "d.txt": "beta==2.0\n"}),
    Case("constraint-in-variable", "pip install beta", {"c.txt": "alpha==1.0\n"}, env={"UV_CONSTRAINT": "c.txt"}),
    Case("two-constraints-in-variable", "pip install beta", {"c.txt": "alpha<2\n", "d.txt": "beta==2.0\n"},
         env={"UV_CONSTRAINT": "c.txt d.txt"}),
    Case("constraint-flag-replaces-variable", "pip install beta -c d.txt", {"c.txt": "alpha==1.0\n",
         "d.txt": "alpha<2\n"},
         env={"UV_CONSTRAINT": "c.txt"}),
    Case("constraint-variable-missing-file", "pip install beta", env={"UV_CONSTRAINT": "nowhere.txt"}, code=2),
    Case("empty-constraint-variable", "pip install beta", env={"UV_CONSTRAINT": ""}, code=None),
    Case("constraint-setting", "pip install beta",
         {"pyproject.toml": '[tool.uv]\nconstraint-dependencies = ["alpha==1.0"]\n'}),
    Case("constraint-setting-uv-toml", "pip install beta", {"uv.toml": 'constraint-dependencies = ["alpha==1.0"]\n'}),
    Case("constraint-is-url", "pip install beta", {"c.txt": "alpha @ <files:second>/alpha-1.0-py3-none-any.whl\n"},
         env={"UV_CONSTRAINT": "c.txt"}, code=None),
    Case("constraint-unnamed", "pip install beta -c c.txt", {"c.txt": "-e ./lib\n", **LOCAL}, code=None),
    Case("constraint-hashed", "pip install alpha -c c.txt", {"c.txt": HASHED}),
    Case("constraint-hashed-wrong", "pip install alpha -c c.txt", {"c.txt": WRONG}, code=1, since="0.5.26",
         not_before="0.5.3"),
    Case("constraint-hashed-and-unused", "pip install delta -c c.txt", {"c.txt": WRONG}),
    Case("constraint-index-line", "pip install alpha -c c.txt",
         {"c.txt": "--extra-index-url <simple:second>\nalpha==1.0\n"}),
    Case("constraint-conflict", "pip install alpha==2.0 -c c.txt", {"c.txt": "alpha<2\n"}, code=1),
    Case("override", "pip install left right --override o.txt", {"o.txt": "alpha==1.1\n"}),
    Case("overrides-plural", "pip install left right --overrides o.txt", {"o.txt": "alpha==1.1\n"}, since="0.5.26"),
    Case("override-in-variable", "pip install left right", {"o.txt": "alpha==1.1\n"}, env={"UV_OVERRIDE": "o.txt"},
         since="0.5.26"),
    Case("override-setting", "pip install left right",
         {"pyproject.toml": '[tool.uv]\noverride-dependencies = ["alpha==1.1"]\n'}),
    Case("override-range", "pip install beta -c c.txt", {"uv.toml": 'override-dependencies = ["alpha>=1"]\n', "c.txt": "alpha==1.0\n"}),
    Case("override-range-and-sdist", "pip install epsilon -c c.txt", {"uv.toml": 'override-dependencies = ["epsilon>=1"]\n',
                                                                      "c.txt": "epsilon==1.0\n"}, fetch_exception=("epsilon-1.0.tar.gz",)),
    Case("override-setting-uv-toml", "pip install left right", {"uv.toml": 'override-dependencies = ["alpha==1.1"]\n'}),
    Case("override-beats-pin", "pip install alpha==2.0 --override o.txt", {"o.txt": "alpha==1.0\n"}),
    Case("override-and-constraint", "pip install left right --override o.txt -c c.txt", {"o.txt": "alpha>1.0\n",
         "c.txt": "alpha<2\n"}),
    Case("override-hashed", "pip install left right --override o.txt", {"o.txt": HASHED}),
    Case("override-hashed-wrong", "pip install left right --override o.txt", {"o.txt": WRONG}, code=None,
         not_before="0.5.3"),
    Case("override-is-url", "pip install beta --override o.txt",
         {"o.txt": "alpha @ <files:second>/alpha-1.0-py3-none-any.whl\n"}),
    Case("exclude", "pip install beta --excludes x.txt", {"x.txt": "alpha\n"}, since="0.9.8"),
    Case("exclude-in-variable-by-pipe", shell="UV_EXCLUDE=<(echo alpha) {uv} pip install beta", since="0.9.8"),
    Case("exclude-in-variable", "pip install beta", {"x.txt": "alpha\n"}, env={"UV_EXCLUDE": "x.txt"}, since="0.9.8"),
    Case("exclude-setting", "pip install beta", {"pyproject.toml": '[tool.uv]\nexclude-dependencies = ["alpha"]\n'},
         code=None),
    Case("build-constraint", "pip install gamma -b b.txt", {"b.txt": "alpha<2\n"}, fetch_exception=(GAMMA[0],)),
    Case("build-constraint-in-variable", "pip install gamma", {"b.txt": "alpha<2\n"},
         env={"UV_BUILD_CONSTRAINT": "b.txt"},
         fetch_exception=(GAMMA[0],)),
)

INSTALLED = (
    Case("satisfied", "pip install alpha", prepare=("pip install alpha==1.0",)),
    Case("satisfied-sdist", "pip install gamma", prepare=("pip install gamma",)),
    Case("dependency-kept", "pip install beta", prepare=("pip install alpha==1.0",)),
    Case("dependency-changed", "pip install right", prepare=("pip install alpha==1.0",)),
    Case("other-file-kept", "pip install alpha==1.0 beta", prepare=("pip install alpha==1.0 -i <simple:second>",)),
    Case("url-install-kept", "pip install beta", prepare=("pip install <files:second>/alpha-1.0-py3-none-any.whl",)),
    Case("url-install-replaced", "pip install -U alpha",
         prepare=("pip install <files:second>/alpha-1.0-py3-none-any.whl",), code=None),
    Case("upgrade", "pip install -U alpha", prepare=("pip install alpha==1.0",)),
    Case("upgrade-nothing-newer", "pip install -U alpha", prepare=("pip install alpha",)),
    Case("upgrade-with-dependency", "pip install -U beta", prepare=("pip install beta==1.0",)),
    Case("upgrade-package", "pip install -P alpha beta", prepare=("pip install beta alpha==1.0",)),
    Case("upgrade-package-long", "pip install --upgrade-package=alpha beta", prepare=("pip install beta alpha==1.0",)),
    Case("reinstall", "pip install --reinstall beta==1.0", prepare=("pip install beta==1.0",), refetch=True),
    Case("force-reinstall", "pip install --force-reinstall alpha", prepare=("pip install alpha",), refetch=True),
    Case("reinstall-package", "pip install --reinstall-package alpha beta", prepare=("pip install alpha==1.0 beta",),
         refetch=True),
    Case("reinstall-sdist", "pip install --reinstall gamma", prepare=("pip install gamma",), refetch=True),
    Case("reinstall-no-cache", "pip install -n --reinstall alpha==1.0", prepare=("pip install alpha==1.0",)),
    Case("refresh", "pip install --refresh alpha", prepare=("pip install alpha", "pip uninstall alpha"), refetch=True),
    Case("refresh-package", "pip install --refresh-package alpha beta", prepare=("pip install alpha beta",
         "pip uninstall alpha"),
         refetch=True),
    Case("warm-cache", "pip install beta delta", prepare=("pip install alpha beta", "pip uninstall alpha beta"),
         refetch=True),
    Case("warm-cache-sdist", "pip install gamma", prepare=("pip install gamma", "pip uninstall gamma"), refetch=True),
    Case("warm-cache-with-hashes", "pip install alpha==1.0", {"r.txt": HASHED},
         prepare=("pip install -r r.txt", "pip uninstall alpha"), not_before="0.5.3"),
    Case("no-deps", "pip install --no-deps beta"),
    Case("no-deps-orphan", "pip install --no-deps orphan"),
    Case("exact", "pip install --exact beta==1.0", prepare=("pip install delta",), since="0.5.26"),
    Case("exact-nothing-to-add", "pip install --exact alpha", prepare=("pip install alpha delta",), since="0.5.26"),
    Case("strict", "pip install --strict --no-deps beta"),
    Case("dry-run", "pip install --dry-run beta"),
    Case("dry-run-upgrade", "pip install --dry-run -U beta", prepare=("pip install beta==1.0",)),
    Case("dry-run-nothing", "pip install --dry-run alpha", prepare=("pip install alpha",)),
    Case("dry-run-sdist", "pip install --dry-run gamma", fetch_exception=(GAMMA[0],)),
    Case("dry-run-quiet", "pip install --dry-run -q beta"),
    Case("compile-bytecode", "pip install --compile-bytecode alpha"),
    Case("link-mode-copy", "pip install --link-mode copy alpha"),
    Case("output-format", "pip install --output-format json alpha", code=None),
    Case("check", "pip install --check alpha", code=None),
)

OFFLINE = (
    Case("offline-cold", "pip install --offline alpha", code=1),
    Case("offline-warm-without-hashes", "pip install --offline beta==1.0", prepare=("pip install beta==1.0",
         "pip uninstall beta alpha"), unsealed=True),
    Case("offline-warm-with-hashes", "pip install --offline alpha==1.0", {"r.txt": HASHED},
         prepare=("pip install --verify-hashes -r r.txt", "pip uninstall alpha")),
    Case("offline-in-environment", "pip install alpha", env={"UV_OFFLINE": "1"},
         prepare=("pip install --no-offline alpha", "pip uninstall alpha"), code=None, unsealed=True),
    Case("offline-setting", "pip install alpha", {"uv.toml": "offline = true\n"},
         prepare=("--no-config pip install alpha", "pip uninstall alpha"), unsealed=True),
    Case("offline-satisfied", "pip install --offline alpha", prepare=("pip install alpha",)),
    Case("offline-local-wheel", "pip install --offline ./wheels/alpha-1.0-py3-none-any.whl", ALPHA_ARCHIVE),
    Case("no-cache", "pip install --no-cache beta"),
    Case("no-cache-in-environment", "pip install beta", env={"UV_NO_CACHE": "1"}),
    Case("no-cache-setting", "pip install beta", {"uv.toml": "no-cache = true\n"}),
    Case("no-cache-sdist", "pip install --no-cache gamma", fetch_exception=(GAMMA[0],)),
    Case("cache-dir", "pip install --cache-dir c beta"),
    Case("cache-dir-setting", "pip install beta", {"uv.toml": 'cache-dir = "./c"\n'}, env={"UV_CACHE_DIR": None}),
)

VERSIONS = (
    Case("pre-release-flag", "pip install --pre alpha"),
    Case("pre-release-allow", "pip install --prerelease=allow alpha"),
    Case("pre-release-in-request", "pip install 'alpha>=2.1b1'"),
    Case("pre-release-pinned", "pip install alpha==2.1b1"),
    Case("pre-release-only", "pip install pre"),
    Case("pre-release-of-one", "pip install --prerelease disallow --prerelease-package pre=allow pre beta", code=None),
    Case("pre-release-disallowed", "pip install --prerelease disallow pre", code=1),
    Case("pre-release-in-environment", "pip install alpha", env={"UV_PRERELEASE": "allow"}),
    Case("yanked-skipped", "pip install yank"),
    Case("yanked-pinned", "pip install yank==2.0"),
    Case("yanked-only", "pip install gone", code=1),
    Case("yanked-only-pinned", "pip install gone==1.0"),
    Case("local-version", "pip install loc==1.0"),
    Case("local-version-pinned", "pip install loc==1.0+local"),
    Case("local-version-any", "pip install loc"),
    Case("resolution-lowest", "pip install --resolution lowest beta"),
    Case("resolution-in-environment", "pip install 'beta>=1'", env={"UV_RESOLUTION": "lowest-direct"}),
    Case("no-binary", "pip install --no-binary both both", fetch_exception=("both-1.0.tar.gz",)),
    Case("no-binary-all", "pip install --no-binary :all: both", fetch_exception=("both-1.0.tar.gz",)),
    Case("no-binary-in-environment", "pip install both", env={"UV_NO_BINARY": "1"}, code=None,
         fetch_exception=("both-1.0.tar.gz",)),
    Case("only-binary", "pip install --only-binary :all: both"),
    Case("only-binary-sdist", "pip install --only-binary :all: gamma", code=1),
    Case("no-build", "pip install --no-build gamma", code=1),
    Case("no-build-isolation", "pip install --no-build-isolation gamma", fetch_exception=(GAMMA[0],)),
    Case("exclude-newer", "pip install --exclude-newer 2030-01-01 alpha", code=None),
    Case("exclude-newer-in-environment", "pip install alpha", env={"UV_EXCLUDE_NEWER": "2030-01-01T00:00:00Z"},
         code=None),
    Case("python-version", "pip install --python-version 3.9 mark"),
    Case("python-platform", "pip install --python-platform windows --target t mark winonly"),
    Case("fork-strategy", "pip install --fork-strategy fewest alpha", since="0.5.26"),
)

HASHES = (
    Case("hash-right", "pip install -r r.txt", {"r.txt": HASHED}),
    Case("hash-wrong", "pip install -r r.txt", {"r.txt": WRONG}, code=1, since="0.5.26", not_before="0.5.3"),
    Case("hash-wrong-verify-given", "pip install --verify-hashes -r r.txt", {"r.txt": WRONG}, code=None),
    Case("hash-of-one-of-several", "pip install -r r.txt", {"r.txt": HASHED + "beta==1.0\ndelta\n"}),
    Case("hash-wrong-of-one-of-several", "pip install -r r.txt", {"r.txt": WRONG + "beta==1.0\ndelta\n"}, code=1,
         since="0.5.26", not_before="0.5.3"),
    Case("hash-of-dependency-wrong", "pip install beta==1.0 -r r.txt", {"r.txt": WRONG}, code=1, since="0.5.26",
         not_before="0.5.3"),
    Case("hash-sha512", "pip install -r r.txt",
         {"r.txt": "alpha==1.0 --hash=sha512:<sha512:alpha-1.0-py3-none-any.whl>\n"}),
    Case("hash-sha512-wrong", "pip install -r r.txt", {"r.txt": f"alpha==1.0 --hash=sha512:{ZEROS}{ZEROS}\n"}, code=1,
         since="0.5.26", not_before="0.5.3"),
    Case("hashes-wrong-and-right", "pip install -r r.txt", {"r.txt": f"alpha==1.0 --hash=sha256:{ZEROS} \\\n"
         "    --hash=sha256:<sha256:alpha-1.0-py3-none-any.whl>\n"}),
    Case("hash-of-the-sdist-only", "pip install -r r.txt",
         {"r.txt": "both==1.0 --hash=sha256:<sha256:both-1.0.tar.gz>\n"}, code=None,
         not_before="0.5.3", fetch_exception=("both-1.0.tar.gz",)),
    Case("hash-without-pin", "pip install -r r.txt", {"r.txt": HASHED.replace("==1.0", ">=1.0")}, code=None,
         not_before="0.5.3"),
    Case("hash-malformed", "pip install -r r.txt", {"r.txt": "alpha==1.0 --hash=sha256:abc\n"}, code=None,
         not_before="0.5.3"),
    Case("hash-unknown-algorithm", "pip install -r r.txt", {"r.txt": "alpha==1.0 --hash=crc:abc\n"}, code=2,
         not_before="0.5.3"),
    Case("hash-of-another-index", "pip install -r r.txt", {"r.txt": HASHED}, env={"UV_INDEX_URL": "<simple:second>"},
         code=1,
         since="0.5.26", not_before="0.5.3"),
    Case("hash-in-file-and-constraint", "pip install -r r.txt -c c.txt", {"r.txt": HASHED, "c.txt": HASHED}),
    Case("hash-in-file-against-constraint", "pip install -r r.txt -c c.txt", {"r.txt": HASHED, "c.txt": WRONG},
         code=None,
         not_before="0.5.3"),
    Case("hash-wrong-already-installed", "pip install -r r.txt", {"r.txt": WRONG}, prepare=("pip install alpha==1.0",)),
    Case("hash-wrong-marker-false", "pip install -r r.txt", {"r.txt": WRONG.replace(" --",
         " ; sys_platform == 'win32' --") + "delta\n"}),
    Case("hash-sdist", "pip install -r r.txt", {"r.txt": f"gamma==1.0 --hash=sha256:<sha256:{GAMMA[0]}>\n"},
         fetch_exception=(GAMMA[0],)),
    Case("require-hashes-flag", "pip install --require-hashes -r r.txt", {"r.txt": HASHED}),
    Case("require-hashes-variable", "pip install -r r.txt", {"r.txt": HASHED}, env={"UV_REQUIRE_HASHES": "1"}),
    Case("require-hashes-line", "pip install -r r.txt", {"r.txt": "--require-hashes\n" + HASHED}, since="0.5.26"),
    Case("require-hashes-setting", "pip install -r r.txt", {"r.txt": HASHED, **pip_settings("require-hashes = true")}),
    Case("require-hashes-flag-wrong", "pip install --require-hashes -r r.txt", {"r.txt": WRONG}, code=1, since="0.5.3"),
    Case("require-hashes-line-wrong", "pip install -r r.txt", {"r.txt": "--require-hashes\n" + WRONG}, code=1, since="0.5.26"),
    Case("require-hashes-flag-missing", "pip install --require-hashes alpha==1.0", code=2),
    Case("require-hashes-variable-missing", "pip install alpha==1.0", env={"UV_REQUIRE_HASHES": "true"}, code=2),
    Case("require-hashes-variable-false", "pip install alpha==1.0", env={"UV_REQUIRE_HASHES": "false"}, code=None),
    Case("require-hashes-line-missing", "pip install -r r.txt", {"r.txt": "--require-hashes\nalpha==1.0\n"}, code=None),
    Case("require-hashes-dependency-missing", "pip install --require-hashes -r r.txt",
         {"r.txt": "beta==1.0 --hash=sha256:<sha256:beta-1.0-py3-none-any.whl>\n"}, code=None),
    Case("require-hashes-from-constraint", "pip install --require-hashes alpha==1.0 -c c.txt", {"c.txt": HASHED},
         code=None),
    Case("require-and-no-verify", "pip install --require-hashes --no-verify-hashes -r r.txt", {"r.txt": HASHED},
         code=None),
)

LOCAL_AND_DIRECT = (
    Case("editable", "pip install -e .", SOURCE),
    Case("editable-with-extra", "pip install -e '.[x]'", SOURCE),
    Case("editable-and-name", "pip install -e . delta[x]", SOURCE),
    Case("editable-elsewhere", "pip install --editable=lib", LOCAL),
    Case("editable-again", "pip install -e .", SOURCE, prepare=("pip install -e .",)),
    Case("current-directory", "pip install .", SOURCE),
    Case("current-directory-with-extra", "pip install '.[x]'", SOURCE),
    Case("local-directory", "pip install ./lib", LOCAL),
    Case("local-directory-named", "pip install 'lib @ file://<work>/lib'", LOCAL),
    Case("local-wheel", "pip install ./wheels/alpha-1.0-py3-none-any.whl", ALPHA_ARCHIVE),
    Case("local-wheel-with-dependency", "pip install ./wheels/beta-1.0-py3-none-any.whl", ALPHA_ARCHIVE),
    Case("local-wheel-absolute", "pip install <work>/wheels/alpha-1.0-py3-none-any.whl", ALPHA_ARCHIVE),
    Case("local-sdist", "pip install ./wheels/gamma-1.0.tar.gz", ALPHA_ARCHIVE),
    Case("url-wheel", "pip install <files:main>/alpha-1.0-py3-none-any.whl"),
    Case("url-wheel-with-dependency", "pip install <files:main>/beta-1.0-py3-none-any.whl"),
    Case("url-sdist", "pip install <files:main>/gamma-1.0.tar.gz", fetch_exception=(GAMMA[0],)),
    Case("url-named", "pip install 'alpha @ <files:main>/alpha-1.0-py3-none-any.whl'"),
    Case("url-named-sdist", "pip install 'gamma @ <files:main>/gamma-1.0.tar.gz'", fetch_exception=(GAMMA[0],)),
    Case("url-hash",
         "pip install '<files:main>/alpha-1.0-py3-none-any.whl#sha256=<sha256:alpha-1.0-py3-none-any.whl>'"),
    Case("url-hash-named",
         "pip install 'alpha @ <files:main>/alpha-1.0-py3-none-any.whl#sha256=<sha256:alpha-1.0-py3-none-any.whl>'"),
    Case("url-hash-sdist", "pip install 'gamma @ <files:main>/gamma-1.0.tar.gz#sha256=<sha256:gamma-1.0.tar.gz>'",
         fetch_exception=(GAMMA[0],)),
    Case("url-hash-wrong", f"pip install 'alpha @ <files:main>/alpha-1.0-py3-none-any.whl#sha256={ZEROS}'", code=None,
         not_before="0.5.3"),
    Case("url-hash-wrong-sdist", f"pip install 'gamma @ <files:main>/gamma-1.0.tar.gz#sha256={ZEROS}'", code=None,
         not_before="0.5.3",
         fetch_exception=(GAMMA[0],)),
    Case("url-hash-in-file", "pip install -r r.txt", {"r.txt": "alpha @ <files:main>/alpha-1.0-py3-none-any.whl "
         "--hash=sha256:<sha256:alpha-1.0-py3-none-any.whl>\n"}),
    Case("url-with-query", "pip install 'alpha @ <files:main>/alpha-1.0-py3-none-any.whl?token=1'"),
    Case("url-private",
         f"pip install 'alpha @ http://{USER}:{PASSWORD}@<host>/private/files/alpha-1.0-py3-none-any.whl'"),
    Case("url-not-found", "pip install <files:main>/alpha-9.0-py3-none-any.whl", code=1, since="0.5.3"),
    Case("missing-local-wheel", "pip install ./alpha-1.0-py3-none-any.whl", code=None),
    Case("missing-local-directory", "pip install ./nowhere", code=None),
    Case("directory-without-project", "pip install ./empty", {"empty/readme": ""}, code=None),
)

INDEXES = (
    Case("find-links-page", "pip install --no-index --find-links <links:main> beta==1.0"),
    Case("find-links-directory", "pip install --no-index --find-links wheels beta", ALPHA_ARCHIVE),
    Case("find-links-and-index", "pip install --find-links wheels alpha==1.0 delta", ALPHA_ARCHIVE),
    Case("find-links-in-environment", "pip install beta", ALPHA_ARCHIVE, env={"UV_FIND_LINKS": "wheels",
         "UV_NO_INDEX": "1"}, code=None),
    Case("find-links-setting", "pip install beta", {"uv.toml": 'no-index = true\nfind-links = ["./wheels"]\n',
         **ALPHA_ARCHIVE}, code=None),
    Case("find-links-page-sdist", "pip install --no-index --find-links <links:main> gamma",
         fetch_exception=(GAMMA[0],)),
    Case("no-index", "pip install --no-index alpha", code=1),
    Case("index-url", "pip install --index-url <simple:second> sigma"),
    Case("index-url-slash", "pip install --index-url <simple:main>/ beta"),
    Case("extra-index-url", "pip install --extra-index-url <simple:second> alpha==1.0 sigma"),
    Case("extra-index-in-environment", "pip install sigma", env={"UV_EXTRA_INDEX_URL": "<simple:second>"}),
    Case("index", "pip install --index <simple:second> alpha==1.0 delta", since="0.5.26"),
    Case("index-named", "pip install --index second=<simple:second> sigma delta", since="0.5.26"),
    Case("index-twice", "pip install --index <simple:second> --index <simple:html> sigma beta", since="0.5.26"),
    Case("default-index", "pip install --default-index <simple:second> sigma", env={"UV_INDEX_URL": None},
         since="0.5.26"),
    Case("index-in-environment", "pip install sigma delta", env={"UV_INDEX": "<simple:second>"}, since="0.5.26"),
    Case("default-index-in-environment", "pip install sigma", env={"UV_INDEX_URL": None,
         "UV_DEFAULT_INDEX": "<simple:second>"},
         since="0.5.26"),
    Case("index-strategy", "pip install --index-strategy unsafe-best-match --extra-index-url <simple:second> alpha"),
    Case("index-setting", "pip install sigma delta",
         {"pyproject.toml": '[[tool.uv.index]]\nurl = "<simple:second>"\n'}, since="0.5.26"),
    Case("index-setting-of-the-user", "pip install sigma delta",
         {"~/.config/uv/uv.toml": '[[index]]\nurl = "<simple:second>"\n'}, since="0.5.26"),
    Case("explicit-index", "pip install -r pyproject.toml", {"pyproject.toml": SOURCES}, since="0.5.26"),
    Case("explicit-index-editable", "pip install -e .",
         {**SOURCE, "pyproject.toml": SOURCES + _tree(GAMMA)["pyproject.toml"]}, since="0.5.26"),
    Case("explicit-index-not-for-names", "pip install alpha==1.0", {"pyproject.toml": SOURCES}, code=None),
    Case("explicit-index-no-sources", "pip install --no-sources -r pyproject.toml", {"pyproject.toml": SOURCES},
         since="0.5.26"),
    Case("explicit-index-and-name", "pip install -r pyproject.toml delta[x]", {"pyproject.toml": SOURCES},
         since="0.5.26"),
    Case("source-is-url", "pip install -r pyproject.toml",
         {"pyproject.toml": PYPROJECT + "[tool.uv.sources]\nbeta = { url = "
         '"<files:main>/beta-1.0-py3-none-any.whl" }\n'}),
    Case("source-is-path", "pip install -r pyproject.toml", {"pyproject.toml": PYPROJECT.replace('["beta"]', '["lib"]')
         + '[tool.uv.sources]\nlib = { path = "lib", editable = true }\n', **LOCAL}),
    Case("private-url", f"pip install -i {PRIVATE} beta", env={"UV_INDEX_URL": None}),
    Case("private-url-in-environment", "pip install beta", env={"UV_INDEX_URL": PRIVATE}),
    Case("private-url-in-file", "pip install -r r.txt", {"r.txt": f"--index-url {PRIVATE}\nbeta\n"},
         env={"UV_INDEX_URL": None}),
    Case("private-url-in-variable-of-file", "pip install -r r.txt",
         {"r.txt": "--index-url http://${WHO}:${WORD}@<host>/private/simple\nbeta\n"},
         env={"UV_INDEX_URL": None, "WHO": USER, "WORD": PASSWORD}),
    Case("private-sdist", "pip install gamma", env={"UV_INDEX_URL": PRIVATE}, fetch_exception=(GAMMA[0],)),
    Case("private-named", "pip install -r pyproject.toml", {"pyproject.toml": NAMED_INDEX}, since="0.5.26",
         env={"UV_INDEX_URL": None, "UV_INDEX_CLOSED_USERNAME": USER, "UV_INDEX_CLOSED_PASSWORD": PASSWORD}),
    Case("private-netrc", "pip install beta", {"~/.netrc": f"machine 127.0.0.1\nlogin {USER}\npassword {PASSWORD}\n"},
         env={"UV_INDEX_URL": "<simple:private>"}),
    Case("private-netrc-elsewhere", "pip install beta",
         {"n": f"machine 127.0.0.1\nlogin {USER}\npassword {PASSWORD}\n"},
         env={"UV_INDEX_URL": "<simple:private>", "NETRC": "<work>/n"}),
    Case("private-wrong-password", "pip install beta", env={"UV_INDEX_URL": PRIVATE.replace(PASSWORD, PASSWORD + "x")},
         code=1),
    Case("private-no-password", "pip install beta", env={"UV_INDEX_URL": "<simple:private>"}, code=1),
    Case("private-unknown-package", "pip install nosuch", env={"UV_INDEX_URL": PRIVATE}, code=1),
    Case("private-emit-index-url", "pip install beta", pip_settings("emit-index-url = true"),
         env={"UV_INDEX_URL": PRIVATE}),
    Case("private-find-links",
         f"pip install --no-index --find-links http://{USER}:{PASSWORD}@<host>/private/links beta"),
    Case("index-without-hashes", "pip install beta", env={"UV_INDEX_URL": "<simple:nohash>"}, unsealed=True),
    Case("index-without-hashes-sdist", "pip install gamma", env={"UV_INDEX_URL": "<simple:nohash>"},
         fetch_exception=(GAMMA[0],), unsealed=True),
    Case("index-with-some-hashes", "pip install beta alpha", env={"UV_INDEX_URL": "<simple:partial>"}, unsealed=True),
    Case("index-with-sha512", "pip install beta", env={"UV_INDEX_URL": "<simple:sha512>"}),
    Case("index-with-sha512-sdist", "pip install gamma", env={"UV_INDEX_URL": "<simple:sha512>"},
         fetch_exception=(GAMMA[0],)),
    Case("index-with-two-hashes", "pip install beta", env={"UV_INDEX_URL": "<simple:both>"}),
    Case("index-with-md5", "pip install beta", env={"UV_INDEX_URL": "<simple:md5>"}),
    Case("index-of-html", "pip install beta", env={"UV_INDEX_URL": "<simple:html>"}),
    Case("index-of-html-sdist", "pip install gamma", env={"UV_INDEX_URL": "<simple:html>"},
         fetch_exception=(GAMMA[0],)),
    Case("index-without-metadata", "pip install beta", env={"UV_INDEX_URL": "<simple:nometa>"}),
    Case("index-without-ranges", "pip install beta", env={"UV_INDEX_URL": "<simple:norange>"}),
    Case("index-no-store", "pip install beta", env={"UV_INDEX_URL": "<simple:nostore>"}),
    Case("mixed-hashes-of-two-indexes", "pip install sigma delta",
         env={"UV_EXTRA_INDEX_URL": "<simple:second> <simple:nohash>"}),
)

PLACES = (
    Case("python-option", "pip install --python .venv/bin/python alpha"),
    Case("python-in-environment", "pip install alpha", env={"UV_PYTHON": "<work>/.venv"}),
    Case("python-by-version", f"pip install --python {MINOR} patched"),
    Case("python-by-version-in-environment", "pip install patched", env={"UV_PYTHON": MINOR}),
    Case("python-by-path-in-environment", "pip install patched", env={"UV_PYTHON": "<work>/.venv"}),
    Case("python-missing", "pip install --python nowhere/bin/python alpha", code=2),
    Case("other-environment", "pip install alpha", env={"VIRTUAL_ENV": "<work>/other"},
         prepare=("venv -q --python <python> other",)),
    Case("prefix", "pip install --prefix p beta"),
    Case("target", "pip install --target t beta"),
    Case("target-short", "pip install -t t alpha", code=None),
    Case("target-again", "pip install --target t beta", prepare=("pip install --target t alpha==1.0",)),
    Case("target-upgrade", "pip install --target t -U alpha", prepare=("pip install --target t alpha==1.0",)),
    Case("target-setting", "pip install beta", pip_settings('target = "t"')),
    Case("system", "pip install --system alpha", venv=False, interpreter=True),
    Case("system-in-environment", "pip install alpha", venv=False, interpreter=True, env={"UV_SYSTEM_PYTHON": "1"}),
    Case("system-break-packages", "pip install --system --break-system-packages beta", venv=False, interpreter=True),
    Case("system-prefix", "pip install --system --prefix p alpha", interpreter=True),
    Case("copied-interpreter", "pip install --python py/bin/python3 beta", venv=False, interpreter=True),
    Case("externally-managed", "pip install --system alpha",
         {"py/lib/<lib>/EXTERNALLY-MANAGED": "[externally-managed]\nError=Not here.\n"}, venv=False, interpreter=True,
         code=2),
    Case("no-environment", "pip install alpha", venv=False, code=2),
    Case("no-environment-sync", "pip sync r.txt", {"r.txt": "alpha==1.0\n"}, venv=False, code=2),
    Case("no-environment-sdist", "pip install gamma", venv=False, code=2),
    Case("broken-environment", "pip install alpha", {".venv/pyvenv.cfg": "home = /nowhere\n"}, venv=False, code=2),
    Case("directory", "--directory sub pip install -r r.txt -c ../c.txt", {"sub/r.txt": "beta\n",
         "c.txt": "alpha==1.0\n"}),
    Case("directory-after", "pip install --directory sub -r r.txt", {"sub/r.txt": "beta\n"}, since="0.5.26"),
    Case("directory-missing", "--directory nowhere pip install alpha", code=2),
    Case("project", "--project sub pip install beta",
         {"sub/pyproject.toml": '[tool.uv]\nconstraint-dependencies = ["alpha==1.0"]\n'}, since="0.5.26"),
    Case("config-file", "--config-file conf.toml pip install beta",
         {"conf.toml": 'constraint-dependencies = ["alpha==1.0"]\n'}),
    Case("config-file-in-environment", "pip install beta", {"conf.toml": '[pip]\nresolution = "lowest"\n'},
         env={"UV_CONFIG_FILE": "conf.toml"}),
    Case("config-file-missing", "--config-file nowhere.toml pip install beta", code=2),
    Case("no-config", "--no-config pip install beta", {"uv.toml": 'constraint-dependencies = ["alpha==1.0"]\n'},
         code=None),
    Case("bad-config", "pip install alpha", {"uv.toml": "no such [ thing\n"}, code=2),
    Case("unknown-setting", "pip install alpha", {"pyproject.toml": "[tool.uv]\nfrobnicate = true\n"}, code=None),
)

SETTINGS = (
    Case("setting-output-file", "pip install beta", {**pip_settings('output-file = "mine.txt"'),
         "mine.txt": "# precious\n"}),
    Case("setting-output-file-stale", "pip install alpha", {**pip_settings('output-file = "mine.txt"'),
         "mine.txt": WRONG}),
    Case("setting-output-file-absent", "pip install alpha", pip_settings('output-file = "made/by/nobody.txt"')),
    Case("setting-verify-hashes-false", "pip install -r r.txt", {"r.txt": HASHED + "beta\n",
         **pip_settings("verify-hashes = false")}),
    Case("setting-universal", "pip install mark", pip_settings("universal = true")),
    Case("setting-universal-and-a-patch-level", "pip install patched", pip_settings("universal = true")),
    Case("setting-cache-dir-not-heeded", "--no-config pip install tags", {"uv.toml": 'cache-dir = "./c"\n'}),
    Case("setting-extra-and-sync", "pip sync r.txt", {"r.txt": "alpha==1.0\n", "pyproject.toml": PYPROJECT + '[tool.uv.pip]\nextra = ["x"]\n'},
         code=None),
    Case("setting-extra-and-sync-of-the-project", "pip sync pyproject.toml", {"pyproject.toml": PYPROJECT + '[tool.uv.pip]\nextra = ["x"]\n'},
         code=None),
    Case("setting-emit-index-url", "pip install beta", pip_settings("emit-index-url = true", "emit-find-links = true",
         "emit-index-annotation = true", "emit-marker-expression = true", "emit-build-options = true")),
    Case("setting-generate-hashes", "pip install beta", pip_settings("generate-hashes = true")),
    Case("setting-no-emit-package", "pip install beta", pip_settings('no-emit-package = ["alpha"]'), unsealed=True),
    Case("setting-annotations", "pip install beta", pip_settings('annotation-style = "line"', "no-header = true",
         "no-annotate = true",
         "no-strip-extras = true", "no-strip-markers = true"),
         env={"UV_CUSTOM_COMPILE_COMMAND": "make lock\nalpha==0.1"}),
    Case("setting-extra", "pip install -r pyproject.toml",
         {"pyproject.toml": PYPROJECT + '[tool.uv.pip]\nextra = ["x"]\n'}, code=None),
    Case("setting-all-extras", "pip install -r pyproject.toml",
         {"pyproject.toml": PYPROJECT + "[tool.uv.pip]\nall-extras = true\n"}, code=None),
    Case("setting-extra-and-name", "pip install alpha", pip_settings('extra = ["x"]'), code=None),
    Case("setting-no-deps", "pip install beta", pip_settings("no-deps = true")),
    Case("setting-resolution", "pip install beta", pip_settings('resolution = "lowest-direct"',
         'prerelease = "allow"')),
    Case("setting-no-binary", "pip install both", pip_settings('no-binary = ["both"]'),
         fetch_exception=("both-1.0.tar.gz",)),
    Case("setting-strict", "pip install --no-deps beta", pip_settings("strict = true")),
    Case("setting-python-version", "pip install mark", pip_settings('python-version = "3.9"')),
    Case("setting-python", "pip install alpha", pip_settings('python = ".venv/bin/python"')),
    Case("setting-dependency-metadata", "pip install gamma",
         {"pyproject.toml":
          '[[tool.uv.dependency-metadata]]\nname = "gamma"\nversion = "1.0"\nrequires-dist = ["alpha"]\n'},
         fetch_exception=(GAMMA[0],)),
)

OUTPUT = (
    Case("colour-always", "--color always pip install beta"),
    Case("colour-always-after", "pip install --color=always beta"),
    Case("colour-always-failure", "--color always pip install nosuch", code=1),
    Case("force-colour", "pip install beta", env={"FORCE_COLOR": "1"}),
    Case("force-colour-zero", "pip install beta", env={"FORCE_COLOR": "0"}),
    Case("cli-colour-force", "pip install beta", env={"CLICOLOR_FORCE": "1"}),
    Case("no-colour", "pip install beta", env={"NO_COLOR": "1"}),
    Case("quiet", "pip install -q beta"),
    Case("quiet-long", "pip install --quiet beta"),
    Case("quiet-twice", "pip install -qq beta", code=None),
    Case("quiet-failure", "-q pip install nosuch", code=1),
    Case("verbose", "pip install -v beta", loose=True),
    Case("verbose-twice", "-vv pip install beta", loose=True),
    Case("verbose-sdist", "pip install -v gamma", loose=True, fetch_exception=(GAMMA[0],)),
    Case("log-variable", "pip install beta", env={"RUST_LOG": "debug"}, loose=True),
    Case("log-trace-variable", "pip install beta", env={"RUST_LOG": "uv=trace"}, loose=True),
    Case("no-progress", "pip install --no-progress big"),
    Case("no-progress-variable", "pip install big", env={"UV_NO_PROGRESS": "1"}),
    Case("preview", "pip install --preview beta"),
    Case("native-tls", "pip install --native-tls beta", code=None),
    Case("insecure-host", "pip install --allow-insecure-host 127.0.0.1 beta"),
    Case("keyring", "pip install --keyring-provider disabled beta"),
    Case("concurrency", "pip install beta delta[x]", env={"UV_CONCURRENT_DOWNLOADS": "1",
         "UV_CONCURRENT_INSTALLS": "1"}),
    Case("output-to-a-file", shell="{uv} pip install beta > out.txt 2> err.txt"),
    Case("error-output-closed", shell="{uv} pip install beta 2>&-", code=None),
    Case("output-to-a-full-device", shell="{uv} pip install beta > /dev/full", code=None),
)

SYNC = (
    Case("sync", "pip sync r.txt", {"r.txt": "alpha==1.0\nbeta==1.0\n"}),
    Case("sync-adds-no-dependency", "pip sync r.txt", {"r.txt": "beta==1.0\n"}),
    Case("sync-removes", "pip sync r.txt", {"r.txt": "alpha==1.0\n"}, prepare=("pip install alpha==1.1 delta",)),
    Case("sync-nothing-to-do", "pip sync r.txt", {"r.txt": "alpha==1.0\n"}, prepare=("pip install alpha==1.0",)),
    Case("sync-two-files", "pip sync r.txt s.txt", {"r.txt": "alpha==1.0\n", "s.txt": "delta\n"}),
    Case("sync-constraint", "pip sync r.txt -c c.txt", {"r.txt": "alpha\n", "c.txt": "alpha==1.0\n"}),
    Case("sync-sdist", "pip sync r.txt", {"r.txt": "gamma\n"}, fetch_exception=(GAMMA[0],)),
    Case("sync-pyproject", "pip sync pyproject.toml", {"pyproject.toml": PYPROJECT}),
    Case("sync-pylock", "pip sync pylock.toml", {"pylock.toml": PYLOCK % "<sha256:alpha-1.0-py3-none-any.whl>"},
         since="0.7.22"),
    Case("sync-reinstall", "pip sync --reinstall r.txt", {"r.txt": "alpha==1.0\n"},
         prepare=("pip install alpha==1.0",), refetch=True),
    Case("sync-hashed", "pip sync r.txt", {"r.txt": HASHED}),
    Case("sync-hash-wrong", "pip sync r.txt", {"r.txt": WRONG}, code=1, since="0.5.26", not_before="0.5.3"),
    Case("sync-require-hashes", "pip sync --require-hashes r.txt", {"r.txt": HASHED}),
    Case("sync-require-hashes-missing", "pip sync --require-hashes r.txt", {"r.txt": HASHED + "delta==1.0\n"}, code=2),
    Case("sync-dry-run", "pip sync --dry-run r.txt", {"r.txt": "alpha==1.0\n"}, prepare=("pip install delta",)),
    Case("sync-empty", "pip sync r.txt", {"r.txt": ""}, prepare=("pip install alpha",), code=None, unsealed=True),
    Case("sync-empty-allowed", "pip sync --allow-empty-requirements r.txt", {"r.txt": ""},
         prepare=("pip install alpha",)),
    Case("sync-missing-file", "pip sync nowhere.txt", code=2),
    Case("sync-no-file", "pip sync", code=2),
    Case("sync-target", "pip sync --target t r.txt", {"r.txt": "alpha==1.0\n"}),
    Case("sync-url", "pip sync r.txt", {"r.txt": "alpha @ <files:main>/alpha-1.0-py3-none-any.whl\n-e ./lib\n",
         **LOCAL}),
    Case("sync-conflict", "pip sync r.txt s.txt", {"r.txt": "alpha==1.0\n", "s.txt": "alpha==1.1\n"}, code=1),
    Case("sync-strict", "pip sync --strict r.txt", {"r.txt": "beta==1.0\n"}),
    Case("sync-offline-warm", "pip sync --offline r.txt", {"r.txt": "alpha==1.0\n"},
         prepare=("pip install alpha==1.0", "pip uninstall alpha"), unsealed=True),
    Case("sync-install-options", "pip sync alpha==1.0", code=2),
)

FAILURES = (
    Case("unknown-package", "pip install nosuch", code=1),
    Case("unknown-package-beside-known", "pip install alpha nosuch", code=1),
    Case("unknown-package-below", "pip install orphan", code=1),
    Case("unknown-version", "pip install alpha==9", code=1),
    Case("conflict", "pip install left right", code=1),
    Case("conflict-of-two-pins", "pip install alpha==1.0 alpha==2.0", code=1),
    Case("bad-requirement", "pip install 'alpha =>1'", code=2),
    Case("bad-name", "pip install '!!'", code=2),
    Case("bad-url", "pip install 'alpha @ nothing://'", code=None),
    Case("closed-port", "pip install alpha", env={"UV_INDEX_URL": "http://127.0.0.1:1/simple", "UV_HTTP_RETRIES": "0"},
         code=None,
         not_before="0.9.8"),
    Case("index-not-found", "pip install alpha", env={"UV_INDEX_URL": "<url>/nowhere/simple"}, code=1),
    Case("index-forbidden", "pip install alpha", env={"UV_INDEX_URL": "<simple:error403>"}, code=1),
    Case("index-broken", "pip install alpha", env={"UV_INDEX_URL": "<simple:error500>", "UV_HTTP_RETRIES": "0"},
         code=None,
         not_before="0.9.8"),
    Case("wrong-platform", "pip install winonly", code=1),
    Case("wrong-python", "pip install future", code=1, since="0.9.8"),
    Case("wrong-platform-by-url", "pip install <files:main>/winonly-1.0-py3-none-win_amd64.whl", code=2),
    Case("corrupt-zip", "pip install crc", code=None),
    Case("corrupt-zip-beside-good", "pip install alpha crc", code=None),
    Case("no-zip", "pip install nozip", env={"UV_INDEX_URL": "<simple:nozip>"}, code=None),
    Case("broken-build", "pip install broken", code=1, fetch_exception=("broken-1.0.tar.gz",), since="0.4.30"),
    Case("broken-build-beside-good", "pip install alpha broken", code=1, fetch_exception=("broken-1.0.tar.gz",), since="0.4.30"),
)

CASES = (*PLAIN, *GRAMMAR, *INPUTS, *STANDARD_INPUT, *CONSTRAINTS, *INSTALLED, *OFFLINE, *VERSIONS, *HASHES,
         *LOCAL_AND_DIRECT, *INDEXES, *PLACES, *SETTINGS, *OUTPUT, *SYNC, *FAILURES)
