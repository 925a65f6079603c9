"""A package index on loopback that counts what is fetched from it.

One server carries several indexes, each below its own path: ``<url>/<index>/simple/`` (PEP 503 pages, or PEP 691 JSON),
``<url>/<index>/links/`` (one page for ``--find-links``) and the files at ``<url>/<index>/files/<file>``.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import html
import json
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Callable


@dataclass
class File:
    """One file of an index: what is served, and what the pages say of it."""

    name: str
    data: bytes
    #: Hash algorithms that the pages advertise for it.
    advertised: tuple[str, ...] = ("sha256",)
    #: The bytes that the advertised hashes are of; other than ``data`` where the file was tampered with.
    original: bytes | None = None
    #: Why it was yanked, if it was.
    yanked: str = ""
    #: What the pages say of it; what its metadata says is its own.
    requires_python: str = ""

    def digests(self) -> dict[str, str]:
        """Advertised digests by algorithm."""
        data = self.data if self.original is None else self.original
        return {name: _digest(name, data) for name in self.advertised}


@functools.lru_cache(maxsize=4096)
def _digest(algorithm: str, data: bytes) -> str:
    """Computed once: an index that works while uv waits would be part of what is measured."""
    return hashlib.new(algorithm, data).hexdigest()


@dataclass
class Settings:
    """How one index behaves."""

    json: bool = True
    #: PEP 658: serve ``<wheel>.metadata``.
    metadata: bool = True
    #: Answer range requests.
    ranges: bool = True
    #: ``user:password`` that every request must carry.
    auth: str | None = None
    #: Answer every request with this status instead.
    status: int | None = None
    cache_control: str | None = "max-age=600"
    file_cache_control: str | None = "max-age=365000000, immutable"


@dataclass
class Fetched:
    """Requests that an index answered: full or partial bodies of files, and everything else."""

    files: Counter[str] = field(default_factory=Counter)
    ranges: Counter[str] = field(default_factory=Counter)
    pages: Counter[str] = field(default_factory=Counter)
    bytes: int = 0


class Index:
    """The server. A context manager; ``url`` is known once it is entered."""

    def __init__(self, *, bytes_per_second: float | None = None, latency: float = 0.0) -> None:
        self.files: dict[str, dict[str, File]] = {}
        self.settings: dict[str, Settings] = {}
        self.fetched = Fetched()
        self.bytes_per_second = bytes_per_second
        self.latency = latency
        #: Called with each request first: where it returns true, it has answered.
        self.interfere: Callable[[BaseHTTPRequestHandler], bool] = lambda _: False
        self._lock = threading.Lock()
        self._line_free_at = 0.0
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.index = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Index:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def configure(self, index: str = "main", **settings: object) -> None:
        """Set how ``index`` behaves; the names are those of `Settings`."""
        self.settings[index] = Settings(**settings)  # type: ignore[arg-type]

    def add(self, file: tuple[str, bytes], index: str = "main", **options: object) -> File:
        """Publish ``(name, bytes)`` on ``index``; the options are those of `File`."""
        entry = File(*file, **options)  # type: ignore[arg-type]
        self.files.setdefault(index, {})[entry.name] = entry
        return entry

    def simple(self, index: str = "main") -> str:
        """URL of an index's root, without a slash at its end."""
        return f"{self.url}/{index}/simple"

    def take(self) -> Fetched:
        """What was fetched since the last call; starts the count anew."""
        with self._lock:
            fetched, self.fetched = self.fetched, Fetched()
        return fetched

    def count(self, kind: str, name: str, size: int) -> None:
        """Add one answered request to the count."""
        with self._lock:
            getattr(self.fetched, kind)[name] += 1
            self.fetched.bytes += size

    def pace(self, size: int) -> None:
        """Wait as a line of that bandwidth, shared by all connections, would make one wait for ``size`` bytes."""
        if not self.bytes_per_second:
            return
        with self._lock:
            self._line_free_at = max(self._line_free_at, time.monotonic()) + size / self.bytes_per_second
            wait = self._line_free_at - time.monotonic()
        if wait > 0:
            time.sleep(wait)


class _Server(ThreadingHTTPServer):
    index: Index
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


def normalize(name: str) -> str:
    """PEP 503 name."""
    return re.sub(r"[-_.]+", "-", name).lower()


@functools.lru_cache(maxsize=4096)
def project_of(filename: str) -> str:
    """PEP 503 name of the project that a wheel or sdist belongs to."""
    return normalize(filename.split("-", 1)[0] if filename.endswith(".whl") else filename.rsplit("-", 1)[0])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Counted, not logged."""

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        index = self.server.index
        if index.latency:
            time.sleep(index.latency)
        if index.interfere(self):
            return
        where, _, rest = self.path.split("?")[0].strip("/").partition("/")
        settings = index.settings.get(where, Settings())
        files = index.files.get(where)
        if files is None:
            self._send(404, b"no such index", body=body)
        elif settings.status:
            self._send(settings.status, b"as configured", body=body)
        elif settings.auth and not self._authorised(settings.auth):
            self._send(401, b"who are you?", {"WWW-Authenticate": 'Basic realm="index"'}, body=body)
        elif rest.startswith("simple/"):
            self._page(normalize(rest[len("simple/"):].strip("/")), files, where, settings, body=body)
        elif rest == "links":
            self._html(list(files.values()), where, settings, body=body)
        elif rest.startswith("files/"):
            self._file(rest[len("files/"):], files, settings, body=body)
        else:
            self._send(404, b"not found", body=body)

    def _authorised(self, auth: str) -> bool:
        return self.headers.get("Authorization", "") == "Basic " + base64.b64encode(auth.encode()).decode()

    def _page(self, project: str, files: dict[str, File], where: str, settings: Settings, *, body: bool) -> None:
        entries = [file for file in files.values() if project_of(file.name) == project]
        if not entries:
            self._send(404, b"no such project", body=body)
        elif settings.json and "json" in self.headers.get("Accept", ""):
            self._json(project, entries, where, settings, body=body)
        else:
            self._html(entries, where, settings, body=body)

    def _json(self, project: str, entries: list[File], where: str, settings: Settings, *, body: bool) -> None:
        rows = []
        for file in entries:
            row: dict[str, object] = {"filename": file.name, "url": f"{self.server.index.url}/{where}/files/{file.name}",
                                      "hashes": file.digests(), "size": len(file.data)}
            if file.yanked:
                row["yanked"] = file.yanked
            if file.requires_python:
                row["requires-python"] = file.requires_python
            if settings.metadata and file.name.endswith(".whl"):
                row["core-metadata"] = True
            rows.append(row)
        text = json.dumps({"meta": {"api-version": "1.1"}, "name": project, "files": rows})
        self._send(200, text.encode(), {"Content-Type": "application/vnd.pypi.simple.v1+json",
                                        "Cache-Control": settings.cache_control}, body=body, kind="pages", name=project)

    def _html(self, entries: list[File], where: str, settings: Settings, *, body: bool) -> None:
        rows = ["<!DOCTYPE html><html><body>"]
        for file in entries:
            digests = file.digests()
            # A fragment carries one hash only.
            fragment = "".join(f"#{name}={digest}" for name, digest in list(digests.items())[-1:])
            extra = f" data-yanked='{html.escape(file.yanked)}'" if file.yanked else ""
            if file.requires_python:
                extra += f' data-requires-python="{html.escape(file.requires_python)}"'
            if settings.metadata and file.name.endswith(".whl"):
                extra += ' data-core-metadata="true"'
            rows.append(f'<a href="/{where}/files/{file.name}{fragment}"{extra}>{file.name}</a>')
        self._send(200, "\n".join(rows).encode(), {"Content-Type": "text/html", "Cache-Control": settings.cache_control},
                   body=body, kind="pages", name="page")

    def _file(self, name: str, files: dict[str, File], settings: Settings, *, body: bool) -> None:
        if settings.metadata and name.endswith(".whl.metadata") and name[: -len(".metadata")] in files:
            self._send(200, _wheel_metadata(files[name[: -len(".metadata")]].data),
                       {"Cache-Control": settings.file_cache_control}, body=body, kind="pages", name=name)
            return
        file = files.get(name)
        if file is None:
            self._send(404, b"no such file", body=body)
            return
        headers = {"Cache-Control": settings.file_cache_control, "ETag": f'"{_digest("md5", file.data)}"',
                   "Content-Type": "application/octet-stream"}
        wanted = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        if settings.ranges:
            headers["Accept-Ranges"] = "bytes"
        if settings.ranges and wanted and body:
            size = len(file.data)
            start, end = wanted.groups()
            low = int(start) if start else max(0, size - int(end))
            high = min(int(end) if start and end else size - 1, size - 1)
            headers["Content-Range"] = f"bytes {low}-{high}/{size}"
            self._send(206, file.data[low : high + 1], headers, body=True, kind="ranges", name=name)
        else:
            self._send(200, file.data, headers, body=body, kind="files", name=name)

    def _send(self, status: int, data: bytes, headers: dict[str, str | None] | None = None, *, body: bool,
              kind: str | None = None, name: str = "") -> None:
        # Counted before it is sent: a client that stops reading has still asked for it.
        if kind and body:
            self.server.index.count(kind, name, len(data))
        self.send_response(status)
        for key, value in (headers or {}).items():
            if value is not None:
                self.send_header(key, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            for start in range(0, len(data), 16384):
                chunk = data[start : start + 16384]
                self.server.index.pace(len(chunk))
                self.wfile.write(chunk)


@functools.lru_cache(maxsize=4096)
def _wheel_metadata(data: bytes) -> bytes:
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return archive.read(name)
