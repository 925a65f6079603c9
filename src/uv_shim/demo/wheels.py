"""Real wheels and sdists, built in memory: small, deterministic, installable by any uv."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zipfile

_EPOCH = (2024, 1, 1, 0, 0, 0)

#: A build backend without dependencies, so that an sdist builds with no network at all.
_BACKEND = """\
import base64, hashlib, os, zipfile

NAME, VERSION, METADATA = {name!r}, {version!r}, {metadata!r}


def _write(directory):
    stem = f"{{NAME}}-{{VERSION}}"
    files = {{f"{{NAME}}.py": f"version = {{VERSION!r}}\\n", f"{{stem}}.dist-info/METADATA": METADATA,
             f"{{stem}}.dist-info/WHEEL": "Wheel-Version: 1.0\\nGenerator: demo\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"}}
    record = ""
    wheel = f"{{stem}}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(directory, wheel), "w") as archive:
        for path, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{{path}},sha256={{digest}},{{len(text.encode())}}\\n"
            archive.writestr(path, text)
        archive.writestr(f"{{stem}}.dist-info/RECORD", record + f"{{stem}}.dist-info/RECORD,,\\n")
    return wheel


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    return _write(wheel_directory)


build_editable = build_wheel


def build_sdist(sdist_directory, config_settings=None):
    raise NotImplementedError


def get_requires_for_build_wheel(config_settings=None):
    return []


get_requires_for_build_editable = get_requires_for_build_wheel
"""


def metadata(name: str, version: str, requires: tuple[str, ...] = (), extras: tuple[str, ...] = (),
             requires_python: str = ">=3.8") -> str:
    """Core metadata (METADATA, PKG-INFO) of a distribution."""
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", f"Requires-Python: {requires_python}"]
    lines += [f"Provides-Extra: {extra}" for extra in extras]
    lines += [f"Requires-Dist: {requirement}" for requirement in requires]
    return "\n".join(lines) + "\n"


def wheel(name: str, version: str, *, requires: tuple[str, ...] = (), extras: tuple[str, ...] = (),
          tag: str = "py3-none-any", payload: int = 0, note: str = "",
          requires_python: str = ">=3.8") -> tuple[str, bytes]:
    """File name and bytes of a wheel; ``payload`` pads it by that many incompressible bytes."""
    stem = f"{name.replace('-', '_')}-{version}"
    module = name.replace("-", "_")
    files = {
        f"{module}.py": f"version = {version!r}\nnote = {note!r}\n".encode(),
        f"{stem}.dist-info/METADATA": metadata(name, version, requires, extras, requires_python).encode(),
        f"{stem}.dist-info/WHEEL": f"Wheel-Version: 1.0\nGenerator: demo\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    if payload:
        files[f"{module}_data.bin"] = noise(f"{name}{version}{note}", payload)
    record = "".join(f"{path},sha256={_record_digest(data)},{len(data)}\n" for path, data in files.items())
    files[f"{stem}.dist-info/RECORD"] = (record + f"{stem}.dist-info/RECORD,,\n").encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path, _EPOCH), data)
    return f"{stem}-{tag}.whl", buffer.getvalue()


def sdist(name: str, version: str, *, requires: tuple[str, ...] = (), payload: int = 0,
          note: str = "") -> tuple[str, bytes]:
    """File name and bytes of an sdist whose build backend is inside it (no build requirements)."""
    stem = f"{name.replace('-', '_')}-{version}"
    module = name.replace("-", "_")
    info = metadata(name, version, requires)
    files = {
        "pyproject.toml": b'[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": _BACKEND.format(name=module, version=version, metadata=info).encode() + f"# {note}\n".encode(),
        "PKG-INFO": info.encode(),
    }
    if payload:
        files["data.bin"] = noise(f"{name}{version}{note}", payload)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(f"{stem}/{path}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return f"{stem}.tar.gz", buffer.getvalue()


def noise(seed: str, size: int) -> bytes:
    """``size`` bytes that do not compress, the same for the same seed."""
    return hashlib.shake_128(seed.encode()).digest(size)


def _record_digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
