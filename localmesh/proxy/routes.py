"""Routes, the virtual hosts that hold them, and the route configurations that hold those."""

from msgspec import Struct

from localmesh.proxy.actions import Action
from localmesh.proxy.matches import EVERYTHING, RouteMatch
from localmesh.proxy.route_policies import NO_MUTATIONS, CorsPolicy, Fault, HeaderMutations


class Route(Struct, frozen=True):
    """Which requests it takes, and what becomes of them.

    What is done to a request on its way, whatever its end (headers, faults, CORS), is a field here; what is done on the
    way to a cluster (rewrites, mirrors, hashes) one of `Forward`.
    """

    action: Action
    match: RouteMatch = EVERYTHING
    name: str = ""
    operation: str = ""
    """What a request is called in traces."""

    config: str = ""
    """Path of the object that the route was made from."""

    stat_prefix: str = ""
    """Under which name the proxy counts its requests; "" for no count of its own."""

    request_headers: HeaderMutations = NO_MUTATIONS
    response_headers: HeaderMutations = NO_MUTATIONS
    fault: Fault | None = None
    """None for none; a Fault with nothing in it switches off one that holds elsewhere."""

    cors: CorsPolicy | None = None


class VirtualHost(Struct, frozen=True):
    """Routes for some host names."""

    name: str
    domains: tuple[str, ...]
    routes: tuple[Route, ...]
    counts_attempts: bool = True
    """Whether the upstream is told which try it sees (`x-envoy-attempt-count`)."""


class RouteConfiguration(Struct, frozen=True):
    """The virtual hosts of a listener, found by the request's host without its port."""

    name: str
    virtual_hosts: tuple[VirtualHost, ...]
