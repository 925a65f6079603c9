"""Real index servers in their default setup: devpi, and pypiserver that wants a password."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import services
from uv_shim.demo.wheels import sdist, wheel
from world import PYTHON, Result, World, project

NAMES = ("app", "src")
EVERYTHING = "app==1.0\nlib==1.0\nsrc==1.0\n"
VERSIONS = ("0.5.26", "0.9.8", "0.12.15", "0.13.9")


class Counting(ThreadingHTTPServer):
    """A proxy in front of a server: counts the files that are fetched, and can change them on the way."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Forward)
        self.behind = port
        self.fetched: Counter[str] = Counter()
        self.change: Callable[[str, bytes], bytes] = lambda _, data: data
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def take(self) -> Counter[str]:
        """What was fetched since the last call."""
        fetched, self.fetched = self.fetched, Counter()
        return fetched

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


class _Forward(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Counting

    def log_message(self, *_: object) -> None:
        """Counted, not logged."""

    def do_GET(self) -> None:
        self._forward()

    def do_HEAD(self) -> None:
        self._forward()

    def _forward(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=20)
        with contextlib.closing(connection):
            connection.request(self.command, self.path, headers=dict(self.headers))
            with connection.getresponse() as answer:
                data = answer.read()
        name = self.path.rpartition("/")[2]
        if name.endswith((".whl", ".tar.gz")) and answer.status in (200, 206):
            if answer.status == 200 and self.command == "GET":
                self.server.fetched[name] += 1
            data = self.server.change(name, data)
        self.send_response(answer.status)
        for key, value in answer.getheaders():
            if key.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                self.send_header(key, value)
        self.send_header("Content-Length", (self.command == "HEAD" and answer.getheader("Content-Length")) or str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(argv: list[str | Path], port: int, folder: Path) -> subprocess.Popen[bytes]:
    """Start a server, and wait until it answers."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env={"HOME": str(folder), "PATH": os.defpath, "LC_ALL": "C.UTF-8"})
    for _ in range(600):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).close()
        except urllib.error.HTTPError as error:
            error.close()
            return process
        except OSError:
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.1)
        else:
            return process
    raise AssertionError((folder / "log").read_text())


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel that needs another one, and an sdist."""
    folder = tmp_path_factory.mktemp("packages")
    for name, data in (wheel("app", "1.0", requires=("lib",), payload=50_000), wheel("lib", "1.0"), sdist("src", "1.0")):
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture(scope="module")
def devpi(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Counting, str]]:
    """devpi-server with an index that devpi-client has uploaded to."""
    programs = services.programs("devpi", "devpi-server", "devpi-client")
    folder, port = tmp_path_factory.mktemp("devpi"), free_port()
    env = {"HOME": str(folder), "PATH": os.defpath, "LC_ALL": "C.UTF-8"}

    def run(program: str, *args: str) -> None:
        subprocess.run([programs / program, *args], env=env, cwd=folder, check=True, stdin=subprocess.DEVNULL, capture_output=True)

    run("devpi-init", "--serverdir", "server", "--no-root-pypi", "--root-passwd", "secret")
    process = started([programs / "devpi-server", "--serverdir", "server", "--host", "127.0.0.1", "--port", str(port)], port, folder)
    run("devpi", "use", f"http://127.0.0.1:{port}")
    run("devpi", "login", "root", "--password", "secret")
    run("devpi", "index", "-c", "root/team", "bases=")
    run("devpi", "use", "root/team")
    run("devpi", "upload", *map(str, packages.iterdir()))
    with Counting(port) as proxy:
        yield proxy, f"http://{proxy.url}/root/team/+simple"
        proxy.shutdown()
    process.terminate()
    process.wait(20)


@pytest.fixture(scope="module")
def pypiserver(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Counting, str]]:
    """pypiserver that wants a name and a password for whatever it does."""
    programs = services.programs("pypiserver", "pypiserver[passlib]")
    folder, port = tmp_path_factory.mktemp("pypiserver"), free_port()
    (folder / "passwords").write_text(f"someone:{{SHA}}{base64.b64encode(hashlib.sha1(b'secret').digest()).decode()}\n")
    process = started([programs / "pypi-server", "run", "-i", "127.0.0.1", "-p", str(port), "-P", "passwords", "-a", "update,download,list",
                       packages], port, folder)
    with Counting(port) as proxy:
        yield proxy, f"http://someone:secret@{proxy.url}/simple"
        proxy.shutdown()
    process.terminate()
    process.wait(20)


@pytest.fixture(params=["devpi", "pypiserver"])
def server(request: pytest.FixtureRequest) -> tuple[Counting, str]:
    """A server behind its proxy, and the URL of its index."""
    found: tuple[Counting, str] = request.getfixturevalue(request.param)
    return found


def page(url: str, name: str) -> str:
    """The index's page of a project."""
    scheme, _, rest = url.partition("://")
    credentials, _, place = rest.rpartition("@")
    headers = {"Authorization": "Basic " + base64.b64encode(credentials.encode()).decode()} if credentials else {}
    request = urllib.request.Request(f"{scheme}://{place}/{name}/", headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
        return str(answer.read().decode())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mode", ["seal", "enforce"])
def test_install_then_sync(make_world: Callable[..., World], server: tuple[Counting, str], version: str, mode: str) -> None:
    """What was installed through the shim, `uv sync` does not fetch; nothing is fetched twice, and nothing is said."""
    proxy, url = server
    world = make_world(version, UV_SHIM_MODE=mode)
    if version == "0.5.26" and "@" in url:
        # There, a page's relative links inherit the password of its URL, `uv.lock` has them without, and to uv these are two files
        # ("Cached request doesn't match current request"): no shim can help that. A password from ~/.netrc is in no URL.
        (world.home / ".netrc").write_text("machine 127.0.0.1 login someone password secret\n")
        url = url.replace("someone:secret@", "")
    world.env["UV_INDEX_URL"] = url
    proxy.take()
    result = world.run("pip", "install", *NAMES)
    fetched = proxy.take()
    assert (result.code, result.said, world.freeze()) == (0, (), EVERYTHING), result.stderr
    assert set(fetched) == {"app-1.0-py3-none-any.whl", "lib-1.0-py3-none-any.whl", "src-1.0.tar.gz"}
    folder = project(world.root / "project", *NAMES)
    world.bare("lock", "--python", str(PYTHON), cwd=folder, check=True, env={"UV_CACHE_DIR": str(world.root / "lock-cache")})
    proxy.take()
    world.sync(folder)
    assert proxy.take() == Counter()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["app", "src"])
def test_tampered(make_world: Callable[..., World], server: tuple[Counting, str], version: str, name: str) -> None:
    """Both advertise a SHA-256: a file that does not match it is refused, where the bare uv before 0.12.16 installs it."""
    proxy, url = server
    assert "#sha256=" in page(url, name)
    others = (sdist if name == "src" else wheel)(name, "1.0", note="others")
    proxy.change = lambda filename, data: others[1] if filename == others[0] else data
    try:
        world = make_world(version, UV_INDEX_URL=url)
        result: Result = world.run("pip", "install", "--no-deps", name)
        assert (result.code, world.freeze()) == (1, ""), result.stderr
        assert "ash mismatch" in result.stderr
        assert "secret" not in result.stderr
        assert world.bare("pip", "install", "--no-deps", name, "--cache-dir", str(world.root / "other")).code == (version == "0.13.9")
    finally:
        proxy.change = lambda _, data: data
