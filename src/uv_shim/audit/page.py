"""stub"""
from pathlib import Path
from uv_shim.audit.answer import Audit
def write(path: Path, audit: Audit) -> None:
    pass
