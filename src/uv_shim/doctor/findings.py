"""What a probe found: fine or not, and what to do about it?"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class State(enum.Enum):
    """How it stands."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


OK, WARNING, PROBLEM, UNKNOWN = State


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: State
    #: What was found; of an unknown one, why it could not be told.
    text: str
    #: What to do about it; empty where nothing is to be done.
    fix: str = ""
