"""Hashes as uv tells them: what does the index advertise for the files of a version?

Two forms of ``uv pip compile``'s output are read: pylock.toml (uv 0.6.15 on), by file, and requirements with ``--hash`` (before), by
version. Both are uv's own writing: its layout is relied on.
"""

from __future__ import annotations


class Pin:
    """One distribution that uv is about to install, and the digests (``algorithm:hex``) one of which its bytes must have.

    Of a direct URL, the hash stands in its fragment.
    """

    def __init__(self, name: str, version: str, digests: list[str], url: str = "") -> None:
        self.name = name
        self.version = version
        self.digests = digests
        self.url = url

    def constraint(self) -> str:
        """Line of a constraints file."""
        what = f"{self.name} @ {self.url}" if self.url else f"{self.name}=={self.version}"
        return " ".join([what, *(f"--hash={digest}" for digest in self.digests)])


class Advertised:
    """Digests by file name and by version, as one index page gave them."""

    def __init__(self) -> None:
        #: (name, version) → file name → digests; a file without any is there with an empty list.
        self.files: dict[tuple[str, str], dict[str, list[str]]] = {}
        #: (name, version) → digests of all its files.
        self.versions: dict[tuple[str, str], list[str]] = {}
        #: File name → URL.
        self.urls: dict[str, str] = {}

    def of(self, name: str, version: str, filename: str) -> list[str]:
        """Digests that the bytes may have: the file's where they are known by file, else the version's."""
        files = self.files.get((name, version))
        if files is None:
            return self.versions.get((name, version), [])
        digests = files.get(filename, [])
        return [digest for digest in digests if not digest.startswith("md5:")] or digests

    def sdist_of(self, name: str, version: str) -> str:
        """File name of that version's sdist; empty where the answer names no files, or only wheels."""
        return next((file for file in self.files.get((name, version), {}) if not file.endswith(".whl")), "")

    def knows(self, name: str, version: str) -> bool:
        """Whether the index was asked for that version, and answered."""
        return (name, version) in self.files or (name, version) in self.versions

    def drop_computed(self, downloaded: set[str]) -> None:
        """Forget the digests of files that uv downloaded to answer: they are of whatever it got."""
        for files in self.files.values():
            for filename in downloaded.intersection(files):
                files[filename] = []
        names = {project_of(filename) for filename in downloaded}
        for key in [key for key in self.versions if key[0] in names and key not in self.files]:
            self.versions[key] = []

    def merge(self, other: Advertised, keys: dict[tuple[str, str], tuple[str, str]]) -> None:
        """Take in what another answer has of some versions, by its spelling of them."""
        for key, spelling in keys.items():
            self.versions[key] = other.versions[spelling]
            if spelling in other.files:
                self.files[key] = other.files[spelling]
        self.urls.update(other.urls)


def normalize(name: str) -> str:
    """Name of a project as PEP 503 has it."""
    parts = name.lower().replace("_", "-").replace(".", "-").split("-")
    return "-".join(part for part in parts if part)


def project_of(filename: str) -> str:
    """Name of the project that a wheel or sdist belongs to."""
    return normalize(filename.partition("-")[0] if filename.endswith(".whl") else filename.rpartition("-")[0])


def from_pylock(text: str) -> Advertised:
    """Read what ``uv pip compile --format pylock.toml`` wrote."""
    found = Advertised()
    for package in text.split("[[packages]]\n")[1:]:
        name = _quoted(package, 'name = "')
        version = _quoted(package, '\nversion = "')
        if not name or not version:
            continue
        files: dict[str, list[str]] = {}
        # Each file is one inline table that ends with its hashes: `{ url = "…", size = 1, hashes = { sha256 = "…" } }`.
        parts = package.split("hashes = {")
        for before, after in zip(parts, parts[1:]):
            entry = before.rsplit("{ ", 1)[-1]
            url = _quoted(entry, 'url = "') or _quoted(entry, 'path = "')
            filename = _quoted(entry, 'name = "') or file_name(url)
            pairs = [pair.split(" = ") for pair in after.split("}", 1)[0].split(", ") if " = " in pair]
            files[filename] = [f"{algorithm.strip()}:{digest.strip().strip(chr(34)).lower()}" for algorithm, digest in pairs]
            found.urls[filename] = url
        key = (normalize(name), version)
        found.files[key] = files
        found.versions[key] = sorted({digest for digests in files.values() for digest in digests})
    return found


def from_requirements(text: str) -> Advertised:
    """Read what ``uv pip compile --generate-hashes`` wrote."""
    found = Advertised()
    key: tuple[str, str] | None = None
    for line in text.splitlines():
        stripped = line.strip().rstrip("\\").strip()
        if stripped.startswith("--hash="):
            if key is not None:
                found.versions[key].append(stripped[len("--hash=") :].lower())
        elif stripped and not stripped.startswith(("#", "-")):
            requirement = stripped.split(";", 1)[0].strip()
            name, pinned, version = requirement.partition("==")
            key = (normalize(name.split("[", 1)[0].strip()), version.strip()) if pinned else None
            if key is not None:
                found.versions[key] = []
    return found


def _quoted(text: str, opening: str) -> str:
    _, there, rest = text.partition(opening)
    return rest.split('"', 1)[0] if there else ""


def file_name(url: str) -> str:
    """Last part of a URL's path, decoded."""
    return _unquote(url.partition("#")[0].partition("?")[0].rstrip("/").rpartition("/")[2])


def _unquote(text: str) -> str:
    """Percent-decode, without the import of urllib."""
    head, *rest = text.split("%")
    out = head.encode()
    for part in rest:
        try:
            out += bytes((int(part[:2], 16),)) + part[2:].encode()
        except ValueError:
            out += b"%" + part.encode()
    return out.decode("utf-8", "replace")
