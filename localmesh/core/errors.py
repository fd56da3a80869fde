"""What goes wrong, as its user is told."""

from dataclasses import dataclass


class MeshError(Exception):
    """Something the user can put right; its text is the whole message."""


@dataclass(frozen=True, slots=True)
class LoopTrouble:
    """What befell one loop of a mesh so far."""

    restarts: int
    cause: str
    """Why it died last: the exception's type and text."""
