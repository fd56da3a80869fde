"""Who may ask for what: Envoy's role-based access control."""

from dataclasses import dataclass
from enum import StrEnum

from localmesh.proxy.matches import HeaderMatch, TextMatch


class Action(StrEnum):
    """What becomes of a request, or of a connection, for which some policy holds."""

    ALLOW = "ALLOW"
    """It goes on, and all others are refused."""

    DENY = "DENY"
    """It is refused, and all others go on."""

    LOG = "LOG"
    """It goes on, as all others; that a policy holds is noted."""


@dataclass(frozen=True, slots=True)
class Always:
    """Holds for everything."""


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds if all of them hold."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds if one of them holds."""

    conditions: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Holds if the other does not."""

    condition: "Condition"


@dataclass(frozen=True, slots=True)
class PathMatch:
    """How a path, without its query, has to be."""

    text: TextMatch


@dataclass(frozen=True, slots=True)
class PathTemplate:
    """How a path has to be, in Envoy's templates: `*` for one segment of it, `**` for the rest."""

    template: str


@dataclass(frozen=True, slots=True)
class DestinationPort:
    """To which port of the proxy the connection was made."""

    number: int


@dataclass(frozen=True, slots=True)
class AddressRange:
    """From where a request comes."""

    prefix: str
    """An address; bits beyond the prefix's length mean nothing."""

    length: int
    direct: bool
    """Whether the connection's address is meant, or else the one that trusted proxies tell (`x-forwarded-for`)."""


@dataclass(frozen=True, slots=True)
class PeerIdentity:
    """Whose the other's certificate is; who shows none is nobody."""

    text: TextMatch


@dataclass(frozen=True, slots=True)
class ServerName:
    """What a TLS client asks for (SNI)."""

    text: TextMatch


@dataclass(frozen=True, slots=True)
class Claim:
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


@dataclass(frozen=True, slots=True)
class Policy:
    """Holds for a request if one condition of each kind does."""

    name: str
    permissions: tuple[Condition, ...]
    """On what is asked for."""

    principals: tuple[Condition, ...]
    """On who asks."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """Decides with policies what may go on."""

    action: Action
    policies: tuple[Policy, ...] | None
    """By name; None where nothing is decided, which is not the same as no policies."""

    dry_run: tuple[Policy, ...] | None = None
    """What would be decided with these is only counted."""
