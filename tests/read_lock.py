"""Makes the shapes of `tests/data/locks` from lock files: python tests/read_lock.py uv.lock > tests/data/locks/<name>.jsonl

A line a package: name, version, what it requires, and its files as (tag or ``sdist``, size). No URLs, no hashes: the tests make files of those names
and sizes themselves. To make the lock file, `uv lock` a project that depends on a public one.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

#: Wheels of other platforms are left out: each package has dozens.
_KEPT = re.compile(r"(py2\.py3|py3|cp3\d+)-(none|abi3|cp3(10|11|12|13))-(any|manylinux\S*x86_64|win_amd64|macosx\S*arm64)$")


def shapes(lock: dict[str, Any]) -> list[dict[str, Any]]:
    """The packages of a lock file that come from an index."""
    versions = {package["name"]: package["version"] for package in lock["package"] if "version" in package}

    def required(dependency: dict[str, Any], extra: str = "") -> str:
        extras = f"[{','.join(dependency['extra'])}]" if dependency.get("extra") else ""
        markers = [f"({dependency['marker']})"] if dependency.get("marker") else []
        markers += [f"extra == '{extra}'"] if extra else []
        marker = f" ; {' and '.join(markers)}" if markers else ""
        return f"{dependency['name']}{extras}=={dependency.get('version') or versions[dependency['name']]}{marker}"

    found = []
    for package in lock["package"]:
        if "registry" not in package["source"]:
            continue
        files = []
        for wheel in package.get("wheels", []):
            tag = "-".join(wheel["url"].rsplit("/", 1)[1][: -len(".whl")].split("-")[-3:])
            if _KEPT.match(tag):
                files.append([tag, wheel.get("size", 0)])
        if package.get("sdist") or not files:
            files.append(["sdist", package.get("sdist", {}).get("size", 0)])
        extras = package.get("optional-dependencies", {})
        found.append({"name": package["name"], "version": package["version"], "files": files, "extras": sorted(extras),
                      "requires": [*map(required, package.get("dependencies", [])),
                                   *(required(dependency, extra) for extra, those in extras.items() for dependency in those)]})
    return found


if __name__ == "__main__":
    import tomllib

    for shape in shapes(tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))):
        print(json.dumps(shape, separators=(",", ":")))
