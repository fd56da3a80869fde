"""What one Envoy asks for over its stream, what it was sent, and what it said to that: the protocol without a network.

https://www.envoyproxy.io/docs/envoy/latest/api-docs/xds_protocol, the aggregated state-of-the-world variant. For each
type one response at a time is under way: Envoy merges what it says to two into one request.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping

from msgspec import Struct, field

from localmesh.envoy.resources import Configuration, Encoded, ResourceType


class DiscoveryRequest(Struct, frozen=True):
    """What Envoy says of one type (envoy.service.discovery.v3.DiscoveryRequest)."""

    type: ResourceType
    names: frozenset[str] = frozenset()
    """What it subscribes to, of a type that is asked for by name."""

    nonce: str = ""
    """Of the response that it has seen last, "" before the first."""

    refusal: str | None = None
    """Why it did not take that response, in its own words."""


class DiscoveryResponse(Struct, frozen=True):
    """What Envoy is sent of one type (envoy.service.discovery.v3.DiscoveryResponse)."""

    type: ResourceType
    resources: tuple[Encoded, ...]
    version: str
    nonce: str


class WatchedResource(Struct):
    """One type as Envoy follows it (istiod's WatchedResource)."""

    names: frozenset[str] = frozenset()
    under_way: DiscoveryResponse | None = None
    """What Envoy has said nothing to yet."""

    last: DiscoveryResponse | None = None
    """What was sent last."""

    sent: dict[str, str] = field(default_factory=dict)
    """The version of each resource as it was sent last."""

    taken: dict[str, Encoded] = field(default_factory=dict)
    """What Envoy said yes to."""

    refusal: str | None = None
    """Why Envoy did not take what was sent last."""

    def repeat(self, names: Iterable[str]) -> None:
        """Have resources sent again, even if nothing of them changes."""
        for name in names:
            self.sent.pop(name, None)


class Stream(Struct):
    """One stream: a watch for each type that Envoy has asked for."""

    served: Configuration
    """What is to be sent; whoever changes it sees to it that `responses` is asked again."""

    accepted: Callable[[DiscoveryResponse], None] = lambda _: None
    """Called with each response that Envoy has taken."""

    watches: dict[ResourceType, WatchedResource] = field(default_factory=dict)
    _nonces: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def receive(self, request: DiscoveryRequest) -> None:
        """Take in what Envoy says. An answer to anything but the last response is of no interest any more."""
        watch = self.watches.setdefault(request.type, WatchedResource())
        if request.nonce and (watch.last is None or request.nonce != watch.last.nonce):
            return
        if watch.under_way is not None and request.nonce:
            self._answered(watch, watch.under_way, request.refusal)
        elif request.nonce and request.names == watch.names:
            # Something that refers to these names was made anew, and waits for them.
            watch.repeat(request.names)
        watch.repeat(watch.names - request.names)
        watch.names = request.names

    def responses(self) -> list[DiscoveryResponse]:
        """Return what is to be sent now, and take it for sent."""
        idle = [(type_, watch) for type_, watch in self.watches.items() if watch.under_way is None]
        news = [(type_, watch, self._news(type_, watch)) for type_, watch in idle]
        return [self._send(type_, watch, resources) for type_, watch, resources in news if resources is not None]

    def is_settled(self, type_: ResourceType) -> bool:
        """Tell whether Envoy has answered to all that there is of a type, as far as it asked for it."""
        watch = self.watches.get(type_)
        if watch is None:
            return not type_.is_complete
        return watch.under_way is None and self._news(type_, watch) is None

    def refusal(self, type_: ResourceType) -> str | None:
        """Return why Envoy did not take what it was sent last of a type, None if it did."""
        watch = self.watches.get(type_)
        return watch.refusal if watch else None

    def asks_for(self, type_: ResourceType, name: str) -> bool:
        """Tell whether Envoy wants to know of a resource."""
        watch = self.watches.get(type_)
        return watch is not None and (type_.is_complete or name in watch.names)

    def sent(self, type_: ResourceType) -> Mapping[str, str] | None:
        """Return the versions that Envoy was sent of a type, None if it was sent nothing."""
        watch = self.watches.get(type_)
        return watch.sent if watch and watch.last else None

    def taken(self, type_: ResourceType) -> Mapping[str, Encoded]:
        """Return what Envoy has taken of a type."""
        watch = self.watches.get(type_)
        return watch.taken if watch else {}

    def _answered(self, watch: WatchedResource, response: DiscoveryResponse, refusal: str | None) -> None:
        watch.under_way, watch.refusal = None, refusal
        if refusal is None:
            before = {} if response.type.is_complete else watch.taken
            watch.taken = {**before, **{resource.name: resource for resource in response.resources}}
            self.accepted(response)

    def _news(self, type_: ResourceType, watch: WatchedResource) -> list[Encoded] | None:
        """Return what a response has to hold, None if there is nothing to say."""
        served = self.served.get(type_, {})
        if type_.is_complete:
            unchanged = watch.last is not None and watch.sent == {
                resource.name: resource.version for resource in served.values()
            }
            return None if unchanged else list(served.values())
        asked = [resource for resource in served.values() if resource.name in watch.names]
        return [resource for resource in asked if watch.sent.get(resource.name) != resource.version] or None

    def _send(self, type_: ResourceType, watch: WatchedResource, resources: Iterable[Encoded]) -> DiscoveryResponse:
        response = DiscoveryResponse(type_, tuple(resources), _version_of(resources), str(next(self._nonces)))
        versions = {resource.name: resource.version for resource in resources}
        if type_ is ResourceType.CLUSTER and (endpoints := self.watches.get(ResourceType.ENDPOINT)):
            # Envoy makes a changed cluster anew, which waits for its endpoints.
            endpoints.repeat(name for name, version in versions.items() if watch.sent.get(name) != version)
        watch.sent = versions if type_.is_complete else watch.sent | versions
        watch.under_way = watch.last = response
        watch.refusal = None
        return response


def _version_of(resources: Iterable[Encoded]) -> str:
    """Return a version that the same resources have everywhere."""
    return hashlib.sha256(
        "".join(f"{resource.name}={resource.version};" for resource in resources).encode()
    ).hexdigest()[:16]
