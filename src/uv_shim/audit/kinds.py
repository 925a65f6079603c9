"""Kinds of files: of which packages may uv take no wheel, and of which build no sdist?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from uv_shim.audit import indexes, options
from uv_shim.audit.cache import normalised
from uv_shim.realuv import is_true


class Refused(NamedTuple):
    """One kind of files that uv is told to leave out."""

    everything: bool
    names: frozenset[str]

    def concerns(self, name: str) -> bool:
        """Whether files of that package are meant."""
        return self.everything or name in self.names


#: Nothing is left out.
NOTHING = Refused(everything=False, names=frozenset())


def refused(kind: str, root: Path, sync: Sequence[str], environ: Mapping[str, str]) -> Refused:
    """What the command line, the variables and the files that uv reads say of ``no-binary`` or ``no-build``."""
    variable = f"UV_{kind.replace('-', '_').upper()}"
    tables = indexes.tables(root, sync, environ)
    names = [*options.values(sync, f"--{kind}-package"), *environ.get(f"{variable}_PACKAGE", "").split()]
    names += [name for table in tables for name in indexes.listed(table.get(f"{kind}-package")) if isinstance(name, str)]
    everything = f"--{kind}" in sync or is_true(environ.get(variable, "")) or any(table.get(kind) is True for table in tables)
    return Refused(everything, frozenset(map(normalised, names)))
