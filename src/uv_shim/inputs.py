"""What the caller says of contents by himself: which versions and URLs have a hash of his own, or a commit?

uv checks and keeps those; the rest is asked of the index.
"""

from __future__ import annotations

from uv_shim.hashes import normalize
from uv_shim.plan import without_credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from uv_shim.arguments import CommandLine
    from uv_shim.realuv import PrivateFile

_HEX = frozenset("0123456789abcdef")


class Inputs:
    """What the caller's command line, files and standard input say."""

    def __init__(self) -> None:
        #: (name, version) with a hash of the user's own.
        self._hashed: set[tuple[str, str]] = set()
        #: (name, version) → digests of the user's own, as given beside a marker: uv heeds them only where that holds.
        self._conditional: dict[tuple[str, str], list[str]] = {}
        #: Direct URLs that the user names, and those with a hash of his own, without credentials.
        self.urls: set[str] = set()
        self._hashed_urls: set[str] = set()
        #: Those named with a hash in the fragment, and without: before 0.11.4, who comes last wins.
        self._fragments: set[str] = set()
        self._bare_urls: set[str] = set()
        #: Full commits that the user named in Git URLs.
        self.git_commits: set[str] = set()
        #: Everything must have a hash: a lock file.
        self.requires_hashes = False
        #: A lock file that has none for some file.
        self.lock_without_hashes = ""
        #: A lock file that is no file of this machine: what it has, only uv sees.
        self.lock_elsewhere = ""
        #: All files were read, and there is no hash in them.
        self.plain = True
        #: Lines that choose indexes and kinds of files.
        self.index_lines: list[str] = []
        #: From where uv sees a relative `--find-links` in a file; None: from that file's folder.
        self.links: str | None = None
        #: Files that were looked through (device, inode), and what counts there.
        self.seen: set[tuple[int, int, str]] = set()
        #: A copy of standard input, where uv reads it.
        self.stdin: PrivateFile | None = None

    def note_words(self, line: CommandLine) -> None:
        """Remember the direct URLs of the command line."""
        for word in line.plain() + line.values("--editable"):
            self.note_url(word)

    def note_hash(self, requirement: str, digests: list[str], *, heeded: bool = True) -> None:
        """Remember a requirement that has a hash; uv heeds it only where one version or a URL is named.

        Args:
            digests: the hashes beside it (``algorithm:hex``).
            heeded: uv heeds them in such a place.
        """
        self.plain = False
        requirement, marker, _ = requirement.partition(";")
        conditional = marker or not heeded
        if "://" in requirement:
            url = _url_of(requirement)
            self.note_address(requirement)
            if not conditional:
                (self._hashed_urls if digests else self._fragments).add(url)
            return
        name, pinned, version = requirement.partition("==")
        if pinned and "," not in version and not version.startswith("="):
            key = normalize(name.partition("[")[0].strip()), _release(version.strip())
            if conditional:
                self._conditional.setdefault(key, []).extend(filter(None, digests))
            else:
                self._hashed.add(key)

    def note_url(self, requirement: str) -> None:
        """Remember a direct URL, and what it says of its content: a hash in its fragment, or a Git commit."""
        url, marker, _ = requirement.partition(" ;")
        url = url.strip()
        self.note_address(url)
        if names_hash(url):
            self.note_hash(f"{url};" if marker else url, [])
        if "git+" in requirement:
            commit = _commit(first_word(requirement.partition("git+")[2]))
            if len(commit) == 40 and _HEX.issuperset(commit):
                self.git_commits.add(commit)

    def note_address(self, requirement: str) -> None:
        """Remember that the user names that URL, if it is one."""
        if "://" in requirement:
            self.urls.add(_address(requirement))
            if not names_hash(requirement):
                self._bare_urls.add(_url_of(requirement))

    def note_quoted(self, text: bytes, *, named: bool) -> None:
        """Remember the URLs that a TOML file has in quotes; ``named``: only those as in `name @ url`."""
        quoted = text.decode("utf-8", "replace").replace("'", '"').split('"')
        for part in quoted:
            if not named or "@" in part.partition("://")[0]:
                self.note_address(part)

    def distrust(self) -> None:
        """Believe no hash: the files that were read may not be those that uv reads."""
        self._hashed.clear()
        self._conditional.clear()
        self._hashed_urls.clear()
        self._fragments.clear()
        self.git_commits.clear()
        self.index_lines.clear()
        self.plain = self.requires_hashes = False

    def has_hash(self, name: str, version: str) -> bool:
        """Whether the user gave a hash for that version."""
        return (name, _release(version)) in self._hashed

    def conditional_digests(self, name: str, version: str) -> list[str]:
        """Digests (``algorithm:hex``) that the user gave for that version beside a marker."""
        return self._conditional.get((name, _release(version)), [])

    def names_url(self, url: str) -> bool:
        """Whether the user named that URL: it is no file of an index."""
        return _address(url) in self.urls

    def has_url_hash(self, url: str) -> bool:
        """Whether the user gave a hash for that direct URL, beside it or in its fragment."""
        return _bare(url) in self._hashed_urls | (self._fragments - self._bare_urls)

    def has_commit(self, url: str) -> bool:
        """Whether that Git URL names a full commit, and the user did."""
        return _commit(url) in self.git_commits


def first_word(text: str) -> str:
    return text.replace("\t", " ").lstrip(" ").partition(" ")[0]


def _commit(url: str) -> str:
    """What a Git URL names behind its path; a commit, if it is one."""
    return url.partition("#")[0].partition("?")[0].rpartition("@")[2].lower()


def names_hash(text: str) -> bool:
    """Whether a URL has a hash in its fragment."""
    algorithm, _, digest = text.partition("#")[2].partition("=")  # of more than that, a uv may see nothing
    return len(digest) == {"sha256": 64, "sha384": 96, "sha512": 128, "md5": 32}.get(algorithm)


def _url_of(requirement: str) -> str:
    """The URL of a requirement, as `name @ url` or `name@url` or alone."""
    before, there, rest = requirement.partition("://")
    scheme = before.replace("@", " ").split()[-1:]
    return _bare(first_word("".join(scheme) + there + rest))


def _address(requirement: str) -> str:
    return _url_of(requirement).partition("#")[0]


def _bare(url: str) -> str:
    """The URL without credentials, and of its fragment only a subdirectory."""
    address, _, fragment = url.partition("#")
    inside = "".join(f"#{part}" for part in fragment.split("&") if part.startswith("subdirectory="))
    return without_credentials(address) + inside


def _release(version: str) -> str:
    """The version as far as it can be compared as text: 1.0 and 1.0.0 are one."""
    text = version.lower().lstrip("v")
    while text.endswith(".0"):
        text = text[:-2]
    return text
