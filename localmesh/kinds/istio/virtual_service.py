"""VirtualService: what becomes of the requests for some hosts."""

from collections.abc import Mapping
from typing import Any

from pydantic import model_validator

from localmesh.kinds.istio.base import Duration, Integer, Spec
from localmesh.kinds.istio.hosts import MESH


class StringMatch(Spec):
    """How a text has to be. With neither field, it only has to be there."""

    exact: str | None = None
    prefix: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_at_most(cls, fields: Any) -> Any:
        """Keep the CRD's rule that these exclude each other."""
        if isinstance(fields, Mapping) and {"exact", "prefix"} <= fields.keys():
            raise ValueError("only one of exact and prefix can be set")
        return fields


class HTTPMatch(Spec):
    """Conditions on a request; all of them have to hold."""

    name: str = ""
    uri: StringMatch | None = None
    """The path, without the query."""

    headers: Mapping[str, StringMatch] = {}


class PortSelector(Spec):
    """A port of a Service."""

    number: Integer = 0
    """Port number; 0, as an absent one, is refused by the webhook."""


class Destination(Spec):
    """Where requests go."""

    host: str
    subset: str = ""
    port: PortSelector | None = None
    """Needed only where the Service has several ports."""


class RouteDestination(Spec):
    """One of a route's destinations."""

    destination: Destination
    weight: Integer = 0
    """Share of the requests, in relation to the other weights; a single destination gets all of them."""


class HTTPRetry(Spec):
    """When a request is tried again."""

    attempts: Integer = 0
    """Tries beyond the first; 0 for none at all."""

    per_try_timeout: Duration | None = None
    retry_on: str = ""
    """Envoy's conditions and HTTP statuses, separated by commas without spaces."""


class HTTPRoute(Spec):
    """One rule: conditions, and what becomes of the requests that fulfil them."""

    name: str = ""
    match: tuple[HTTPMatch, ...] = ()
    """One of them has to hold; empty for every request."""

    route: tuple[RouteDestination, ...] = ()
    timeout: Duration | None = None
    """For all tries together; None for no limit."""

    retries: HTTPRetry | None = None
    """None for the mesh's default."""


class VirtualService(Spec):
    """The spec of a VirtualService."""

    hosts: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    """Gateways that it binds to; `mesh`, or none at all, for the sidecars."""

    http: tuple[HTTPRoute, ...] = ()
    """The rules, tried in this order."""

    @property
    def for_sidecars(self) -> bool:
        """Whether the sidecars follow it."""
        return not self.gateways or MESH in self.gateways
