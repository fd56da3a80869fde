"""Where something listens."""

from msgspec import Struct


class Address(Struct, frozen=True, order=True):
    """Where something listens."""

    host: str
    """An IP address."""

    port: int
