"""Routes, the virtual hosts that hold them, and the route configurations that hold those."""

from dataclasses import dataclass

from localmesh.proxy.actions import Action
from localmesh.proxy.matches import EVERYTHING, RouteMatch


@dataclass(frozen=True, slots=True)
class Route:
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


@dataclass(frozen=True, slots=True)
class VirtualHost:
    """Routes for some host names."""

    name: str
    domains: tuple[str, ...]
    routes: tuple[Route, ...]
    counts_attempts: bool = True
    """Whether the upstream is told which try it sees (`x-envoy-attempt-count`)."""


@dataclass(frozen=True, slots=True)
class RouteConfiguration:
    """The virtual hosts of a listener, found by the request's host without its port."""

    name: str
    virtual_hosts: tuple[VirtualHost, ...]
