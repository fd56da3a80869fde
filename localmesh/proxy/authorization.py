"""Who may ask for what: Envoy's role-based access control."""

from enum import StrEnum

from msgspec import Struct

from localmesh.proxy.matches import HeaderMatch, TextMatch


class Action(StrEnum):
    """What becomes of a request, or of a connection, for which some policy holds."""

    ALLOW = "ALLOW"
    """It goes on, and all others are refused."""

    DENY = "DENY"
    """It is refused, and all others go on."""

    LOG = "LOG"
    """It goes on, as all others; that a policy holds is noted."""


class Always(Struct, frozen=True):
    """Holds for everything."""


class AllOf(Struct, frozen=True):
    """Holds if all of them hold."""

    conditions: tuple["Condition", ...]


class AnyOf(Struct, frozen=True):
    """Holds if one of them holds."""

    conditions: tuple["Condition", ...]


class Not(Struct, frozen=True):
    """Holds if the other does not."""

    condition: "Condition"


class PathMatch(Struct, frozen=True):
    """How a path, without its query, has to be."""

    text: TextMatch


class PathTemplate(Struct, frozen=True):
    """How a path has to be, in Envoy's templates: `*` for one segment of it, `**` for the rest."""

    template: str


class DestinationPort(Struct, frozen=True):
    """To which port of the proxy the connection was made."""

    number: int


class AddressRange(Struct, frozen=True):
    """From where a request comes."""

    prefix: str
    """An address; bits beyond the prefix's length mean nothing."""

    length: int
    direct: bool
    """Whether the connection's address is meant, or else the one that trusted proxies tell (`x-forwarded-for`)."""


class PeerIdentity(Struct, frozen=True):
    """Whose the other's certificate is; who shows none is nobody."""

    text: TextMatch


class ServerName(Struct, frozen=True):
    """What a TLS client asks for (SNI)."""

    text: TextMatch


class Claim(Struct, frozen=True):
    """How a claim of the request's token has to be; a request without a valid token has none."""

    path: tuple[str, ...]
    """Its name, and the names of those in it that lead to the one that is meant."""

    texts: tuple[TextMatch, ...]
    """It is like one of them."""

    listed: bool = False
    """Whether it may also be a list, of which one is like that."""


OfRequest = HeaderMatch | PathMatch | PathTemplate | Claim
OfConnection = DestinationPort | AddressRange | PeerIdentity | ServerName
Condition = Always | AllOf | AnyOf | Not | OfRequest | OfConnection
NEVER = Not(Always())


class Policy(Struct, frozen=True):
    """Holds for a request if one condition of each kind does."""

    name: str
    permissions: tuple[Condition, ...]
    """On what is asked for."""

    principals: tuple[Condition, ...]
    """On who asks."""


class Authorization(Struct, frozen=True):
    """Decides with policies what may go on."""

    action: Action
    policies: tuple[Policy, ...] | None
    """By name; None where nothing is decided, which is not the same as no policies."""

    dry_run: tuple[Policy, ...] | None = None
    """What would be decided with these is only counted."""
