"""What goes wrong, as its user is told."""

from msgspec import Struct


class MeshError(Exception):
    """Something the user can put right; its text is the whole message."""


class LoopTrouble(Struct, frozen=True):
    """What befell one loop of a mesh so far."""

    restarts: int
    cause: str
    """Why it died last: the exception's type and text."""
