"""Where something listens."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where something listens."""

    host: str
    """An IP address."""

    port: int
