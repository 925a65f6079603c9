"""Why a call ends here, and with which exit code."""

from __future__ import annotations

#: Bad input, and what `enforce` refuses. uv uses it for its own usage errors.
EXIT_REFUSED = 2


class ShimError(Exception):
    """The call ends with `lines` on standard error and exit code `code`; nothing was run."""

    def __init__(self, *lines: str, code: int = EXIT_REFUSED, words: str = "") -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.code = code
        #: What uv has said of it, as it stands; it goes before the lines.
        self.words = words
