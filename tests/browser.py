"""A real browser: Chromium without a screen, told what to do by its own driver (W3C WebDriver), and offline as far as it is up to us."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
          "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars")
#: The name under which WebDriver hands out elements.
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"

KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Space": " "}


def missing() -> list[str]:
    """Programs that are needed and not there."""
    return [program for program in ("chromium", "chromedriver") if not shutil.which(program)]


class Browser:
    """A context manager; a browser with one window and an empty profile."""

    def __init__(self, width: int = 1200, height: int = 900) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True)
        # Ports and messages in a file of their own: nobody has to read a pipe while the browser runs.
        self._log = Path(self._profile.name) / "driver.log"
        with self._log.open("w", encoding="utf-8") as log:
            self._driver = subprocess.Popen(["chromedriver", "--port=0"], stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                                            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": self._profile.name})
        try:
            self._url = f"http://127.0.0.1:{self._port()}"
            options = {"args": [*_FLAGS, f"--user-data-dir={self._profile.name}/profile", f"--window-size={width},{height}"],
                       "binary": shutil.which("chromium")}
            wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}}
            self._session = ""
            self._session = f"/session/{self._call('POST', '', wanted, base='/session')['sessionId']}"
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Browser:  # noqa: PYI034  # typing.Self is younger than Python 3.8
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the browser and its driver, which are a process group of their own."""
        try:
            os.killpg(self._driver.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._driver.wait()
        self._profile.cleanup()

    def open(self, path: Path) -> None:
        """Open a file."""
        self._call("POST", "/url", {"url": path.as_uri()})

    def prefer(self, scheme: str) -> None:
        """Light or dark, as the user's system says."""
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def devtools(self, command: str, **parameters: Any) -> Any:
        """A command of Chromium's own protocol."""
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def run(self, script: str) -> Any:
        """What a function with that body returns in the page."""
        return self._call("POST", "/execute/sync", {"script": script, "args": []})

    def keys(self, *keys: str) -> None:
        """Press keys, one after the other, as on a keyboard."""
        actions = [{"type": kind, "value": KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def click(self, selector: str) -> None:
        """Click on the first element of that selector."""
        element = self._call("POST", "/element", {"using": "css selector", "value": selector})[_ELEMENT]
        self._call("POST", f"/element/{element}/click", {})

    def screenshot(self, path: Path) -> None:
        """The window as a PNG."""
        path.write_bytes(base64.b64decode(self._call("GET", "/screenshot")))

    def complaints(self) -> list[str]:
        """What the page wrote to the console: errors of the script, refused requests."""
        return [entry["message"] for entry in self._call("POST", "/se/log", {"type": "browser"})]

    def _port(self) -> str:
        for _ in range(300):
            words = self._log.read_text(encoding="utf-8").split("was started successfully on port ")
            if len(words) > 1 and "." in words[1]:
                return words[1].split(".")[0]
            time.sleep(0.1)
        raise AssertionError(self._log.read_text(encoding="utf-8"))

    def _call(self, method: str, path: str, data: Any = None, *, base: str | None = None) -> Any:
        url = f"{self._url}{self._session if base is None else base}{path}"
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"}, method=method)  # noqa: S310  # to loopback
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  # likewise
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(error.read().decode()) from None
