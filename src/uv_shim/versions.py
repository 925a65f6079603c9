"""uv's regimes: what does a uv of some version do about hashes by itself?

Measured over all releases (docs/compatibility.md); in words: docs/regimes.md.
"""

from __future__ import annotations


class Regime:
    """What uv does by itself, and so what is left for the shim to do."""

    def __init__(self, version: tuple[int, int, int]) -> None:
        #: ``--verify-hashes`` exists.
        self.flag = version >= (0, 2, 27)
        #: Hashes of constraints are respected, so that the shim can seal.
        self.constrains = version >= (0, 4, 6)
        #: ``pip compile`` can tell the hash of each file (pylock.toml), not of the version only.
        self.format = version >= (0, 6, 15)
        #: Asked for hashes, uv downloads sdists, and whatever has no hash on the index, and tells what it computed.
        self.computes = version < (0, 4, 7)
        #: With nothing to do, ``pip install`` says so and does nothing else (later, ``strict`` may add to it).
        self.audits_only = version < (0, 12, 0)
        #: uv keeps a SHA-256 of whatever it downloads.
        self.hashes = version >= (0, 11, 19)
        #: ``UV_FIND_LINKS`` is read.
        self.links_variable = version >= (0, 4, 19)
        #: A relative `--find-links` in a file is seen from the file's folder.
        self.links_beside = version >= (0, 12, 1)
        #: `pip compile` may compute what the index does not advertise (seen with 0.12.15, not with 0.12.5).
        self.fills = version >= (0, 12, 6)
        #: uv checks what it downloads against the index by itself.
        self.checks = version >= (0, 12, 16)



def parse(text: str) -> tuple[int, int, int] | None:
    """Version in the first line of ``uv --version`` (``uv 0.9.8 (…)``); None where it is something else."""
    words = text.split("\n", 1)[0].split()
    if len(words) < 2 or words[0] != "uv":
        return None
    parts = []
    for part in words[1].split(".")[:3]:
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            return None
        parts.append(int(digits))
    return (parts[0], parts[1], parts[2]) if len(parts) == 3 else None
