"""What of a request is hashed, for load balancers that send the same hash to the same endpoint."""

from datetime import timedelta

from msgspec import Struct


class HashHeader(Struct, frozen=True):
    """A header's value."""

    name: str


class HashCookie(Struct, frozen=True):
    """A cookie's value."""

    name: str
    ttl: timedelta | None = None
    """A client without the cookie is given one for so long, for its session if this is 0; None to give none."""

    path: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    """Of the cookie that is given: `(("SameSite", "Strict"),)`."""


class HashQueryParameter(Struct, frozen=True):
    """A query parameter's value."""

    name: str


class HashSourceIp(Struct, frozen=True):
    """The client's address."""

    used: bool = True


HashPolicy = HashHeader | HashCookie | HashQueryParameter | HashSourceIp
