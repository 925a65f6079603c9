"""The places of one call: is there a network, and which files lie in a folder, so that nothing is downloaded?"""

from __future__ import annotations

from uv_shim.arguments import WORKING_DIRECTORY, CommandLine
from uv_shim.inputs import Inputs
from uv_shim.realuv import RealUv, Run, is_true
from uv_shim.versions import Regime


class Places:
    """Where uv looks for files, as far as command line, files and settings say it."""

    def __init__(self, uv: RealUv, line: CommandLine, inputs: Inputs, regime: Regime) -> None:
        self._uv = uv
        self._line = line
        self._inputs = inputs
        self._regime = regime
        #: Whether uv may not use the network, as far as it is known by now.
        self.offline = line.turns_on("--offline") or is_true(uv.environ.get("UV_OFFLINE", ""))
        self._settings: str | None = None
        self._asked: Run | None = None

    def ask_ahead(self) -> None:
        """Have uv asked for its settings, beside what else is asked."""
        if self._settings is None and self._asked is None:
            try:
                self._asked = self._ask()
            except OSError:
                pass  # it is asked when it is needed

    def _ask(self) -> Run:
        return self._uv.start(self._line.rehearsal("--show-settings", refresh=False))

    def settings(self) -> str:
        """uv's own account of the settings of this call (Rust's notation), asked for once."""
        if self._settings is None:
            self._settings = (self._asked or self._ask()).finish().stdout
        return self._settings

    def is_offline(self) -> bool:
        """Whether uv may not use the network, by an option, a variable or a setting."""
        self.offline = self.offline or "connectivity: Offline" in self.settings()
        return self.offline

    def configured_folders(self) -> list[str]:
        """Local folders that a setting names as ``find-links``."""
        from urllib.parse import unquote

        links = self.settings().partition("flat_index: [")[2].partition(" no_index: ")[0]
        return [unquote(url.partition('path: "')[2].partition('"')[0]) for url in links.split('scheme: "file"')[1:]]

    def find_links(self) -> list[str]:
        """Places in which uv looks for files, as the caller names them."""
        variable = self._uv.environ.get("UV_FIND_LINKS", "") if self._regime.links_variable else ""
        given = self._line.values("--find-links") or variable.split(",")
        given += [text.split(None, 1)[-1] for text in self._inputs.index_lines if text.startswith(("-f", "--find-links"))]
        return given + (self.configured_folders() if self._regime.computes else [])  # there, asking is preparing

    def is_here(self, filename: str) -> bool:
        """Whether the file lies in one of those places that are folders."""
        links = self.find_links()
        if not self._line.has("--directory") and any(map(self._uv.environ.get, WORKING_DIRECTORY)):
            links = [place for place in links if place.startswith(("/", "file:"))]  # it depends on uv where others are
        return is_local(links, self._line.folder, filename)


def is_local(find_links: list[str], folder: str, filename: str) -> bool:
    """Whether the file lies in one of those places, as seen from ``folder``."""
    import os

    for place in filter(None, find_links) if filename else []:
        directory = os.path.expandvars(place[len("file://") :] if place.startswith("file://") else place)
        if "://" not in directory and os.path.isfile(os.path.join(folder, directory, filename)):
            return True
    return False
