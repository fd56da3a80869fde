"""What is done to the requests of a route on their way, whatever their end."""

from datetime import timedelta
from enum import StrEnum

from msgspec import Struct

from localmesh.proxy.matches import TextMatch


class Denominator(StrEnum):
    """Of how many a fraction is."""

    HUNDRED = "HUNDRED"
    MILLION = "MILLION"


class Fraction(Struct, frozen=True):
    """A share of the requests, drawn at random."""

    numerator: int
    denominator: Denominator = Denominator.HUNDRED


ALL = Fraction(100)


class HeaderValue(Struct, frozen=True):
    """A header that is added."""

    name: str
    value: str
    """May have Envoy's variables: `%DOWNSTREAM_REMOTE_ADDRESS%`."""

    overwrites: bool
    """Whether it takes the place of those that are there; otherwise it comes beside them."""


class HeaderMutations(Struct, frozen=True):
    """What becomes of the headers of a request or of an answer: first what is added, in this order."""

    add: tuple[HeaderValue, ...] = ()
    remove: tuple[str, ...] = ()

    def __add__(self, other: "HeaderMutations") -> "HeaderMutations":
        return HeaderMutations(self.add + other.add, self.remove + other.remove)


NO_MUTATIONS = HeaderMutations()


class Delay(Struct, frozen=True):
    """Requests that wait before they go on."""

    duration: timedelta
    share: Fraction


class Abort(Struct, frozen=True):
    """Requests that do not go on; one of the two statuses is set."""

    share: Fraction | None
    """None for none of the requests."""

    http_status: int | None = None
    grpc_status: int | None = None


class Fault(Struct, frozen=True):
    """Faults to order: the delay comes first."""

    delay: Delay | None = None
    abort: Abort | None = None


class CorsPolicy(Struct, frozen=True):
    """Which pages of other origins may call (CORS)."""

    origins: tuple[TextMatch, ...] = ()
    methods: str = ""
    """With commas between them, as in `access-control-allow-methods`; so are the next two."""

    headers: str = ""
    exposed_headers: str = ""
    max_age_s: int | None = None
    """How many seconds a browser may keep the answer to a preflight; None says nothing of it."""

    credentials: bool | None = None
    """Whether cookies may come along; None says nothing of it."""

    forwards_unmatched_preflights: bool = True
    """Whether a preflight of an origin that is not listed goes on to the application."""
