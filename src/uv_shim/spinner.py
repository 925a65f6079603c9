"""The spinner: what does a person see while uv resolves for the shim? The same as ever."""

from __future__ import annotations

import time

from uv_shim import realuv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from uv_shim.arguments import CommandLine

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"

#: Seconds between two frames, as in uv.
_PACE = 0.2

_ERASE = "\r\033[2K"


class Spinner:
    """One line of a terminal, drawn by ``write`` where something takes longer than a blink."""

    def __init__(self, write: Callable[[str], None], *, coloured: bool) -> None:
        self._write = write
        self._text = "\033[37m{}\033[0m \033[2mResolving dependencies...\033[0m" if coloured else "{} Resolving dependencies..."
        self._next = time.monotonic() + _PACE
        self._frames = 0

    @classmethod
    def wanted(cls, line: CommandLine, environ: dict[str, str], write: Callable[[str], None]) -> Spinner | None:
        """One, where uv itself would show it on a terminal."""
        silent = line.has("--quiet", "--verbose", "--no-progress") or realuv.is_true(environ.get("UV_NO_PROGRESS", ""))
        if silent or "RUST_LOG" in environ or environ.get("TERM", "dumb") == "dumb":
            return None
        return cls(write, coloured=realuv.shows_colours(environ))

    def turn(self) -> int:
        """Draw the next frame if its time has come; milliseconds until the one after."""
        now = time.monotonic()
        if now >= self._next:
            self._write(_ERASE + self._text.format(_FRAMES[self._frames % len(_FRAMES)]))
            self._frames += 1
            self._next = now + _PACE
        return int((self._next - now) * 1000) + 1

    def erase(self) -> None:
        """Leave the line as it was."""
        if self._frames:
            self._write(_ERASE)
            self._frames = 0
