"""What of a request is hashed, for load balancers that send the same hash to the same endpoint."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class HashHeader:
    """A header's value."""

    name: str


@dataclass(frozen=True, slots=True)
class HashCookie:
    """A cookie's value."""

    name: str
    ttl: timedelta | None = None
    """A client without the cookie is given one for so long, for its session if this is 0; None to give none."""

    path: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    """Of the cookie that is given: `(("SameSite", "Strict"),)`."""


@dataclass(frozen=True, slots=True)
class HashQueryParameter:
    """A query parameter's value."""

    name: str


@dataclass(frozen=True, slots=True)
class HashSourceIp:
    """The client's address."""

    used: bool = True


HashPolicy = HashHeader | HashCookie | HashQueryParameter | HashSourceIp
