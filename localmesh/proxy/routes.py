"""Routes, the virtual hosts that hold them, and the route configurations that hold those."""

from dataclasses import dataclass
from datetime import timedelta

from localmesh.proxy.actions import RetryPolicy, Share
from localmesh.proxy.matches import EVERYTHING, RouteMatch


@dataclass(frozen=True, slots=True)
class Route:
    """One rule of a virtual host."""

    destinations: tuple[Share, ...]
    """At least one."""

    match: RouteMatch = EVERYTHING
    name: str = ""
    timeout: timedelta = timedelta(0)
    """For all tries together, 0 for no limit."""

    retry: RetryPolicy | None = None
    operation: str = ""
    """What a request is called in traces."""

    config: str = ""
    """Path of the object that the route was made from."""

    server_side: bool = False
    """Whether the route is the last step, into the application: then a request may last as long as it likes."""


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
