"""Everything that was applied → what each proxy shall do."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TypeVar

from msgspec import Struct

from localmesh.core.objects import Key, Object, key_of
from localmesh.kinds.injection import is_gateway, is_injected
from localmesh.kinds.istio import DestinationRule, VirtualService
from localmesh.kinds.resources import PODS
from localmesh.pilot.clusters.defaults import BLACK_HOLE, passthrough
from localmesh.pilot.clusters.inbound import inbound_clusters
from localmesh.pilot.clusters.outbound import outbound_clusters
from localmesh.pilot.config.gateways import servers_of
from localmesh.pilot.config.sampling import sampling_of
from localmesh.pilot.findings import Finding
from localmesh.pilot.http.gateway_hosts import gateway_routes
from localmesh.pilot.http.outbound import outbound_routes
from localmesh.pilot.listeners.gateways import gateway_listeners
from localmesh.pilot.listeners.inbound import inbound_listeners
from localmesh.pilot.listeners.outbound import http_proxy_listener, outbound_listeners
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.registry.addresses import Addresses
from localmesh.pilot.snapshot import Snapshot
from localmesh.pilot.view import View
from localmesh.proxy.clusters import Cluster
from localmesh.proxy.listeners import Listener
from localmesh.proxy.proxies import NodeType, Proxy, ProxyId
from localmesh.proxy.routes import RouteConfiguration


class Computed(Struct, frozen=True):
    """The outcome of one computation."""

    proxies: Mapping[ProxyId, Proxy]
    """The whole configuration of each proxy; one that could not be computed is not there, and found."""

    findings: tuple[Finding, ...] = ()


def compute(snapshot: Snapshot, addresses: Addresses, *, auto_mtls: bool = False) -> Computed:
    """Return the configuration of every pod with a sidecar, and of every gateway pod."""
    return Pilot(addresses, auto_mtls=auto_mtls).compute(snapshot)


class Pilot:
    """Computes the proxies of one state of the mesh after the other.

    What has not changed since the computation before is the same object as before, and what proxies have in common is
    the same object for all of them: whoever writes it down needs to do so once.
    """

    def __init__(self, addresses: Addresses, *, auto_mtls: bool) -> None:
        """Take where pods answer, and whether their proxies speak TLS to each other without being told to."""
        self._addresses = addresses
        self._auto_mtls = auto_mtls
        self._kept: _Kept = {}

    def compute(self, snapshot: Snapshot) -> Computed:
        """Return the configuration of every pod with a sidecar, and of every gateway pod."""
        context = PushContext.of(snapshot, self._addresses, auto_mtls=self._auto_mtls)
        shared = _Shared(context, self._kept)
        proxies: dict[ProxyId, Proxy] = {}
        for pod in sorted(snapshot.pods, key=key_of):
            key = key_of(pod)
            with context.findings.about(PODS, key):
                if translate := _translation(pod):
                    proxies[ProxyId(key.namespace, key.name)] = translate(pod, context, shared)
        self._kept = shared.kept
        return Computed(proxies, context.findings.all())


_NAME = attrgetter("name")
_Part = Cluster | RouteConfiguration | Listener
_PartT = TypeVar("_PartT", Cluster, RouteConfiguration, Listener)
_Kept = dict[tuple[View | Key | None, type[_Part], str], _Part]
"""Parts of proxies by whose they are (a view's, a pod's or everybody's), what they are, and their names."""


class _Shared:
    """What proxies have in common: what is the same for all with one view is computed once."""

    def __init__(self, context: PushContext, before: _Kept) -> None:
        self._context = context
        self._before = before
        self.kept: _Kept = {}
        self._label_keys = frozenset(_label_keys(context.snapshot))
        self._clusters: dict[View, Sequence[Cluster]] = {}
        self._routes: dict[View, Sequence[RouteConfiguration]] = {}
        self._listeners: dict[str, Sequence[Listener]] = {}

    def view(self, pod: Object, type_: NodeType) -> View:
        return View.of(pod, type_, self._label_keys)

    def clusters(self, view: View) -> Sequence[Cluster]:
        if view not in self._clusters:
            # In order already: each of the view's proxies sorts them among its own, which costs little then.
            self._clusters[view] = sorted(self.same(view, outbound_clusters(self._context, view)), key=_NAME)
        return self._clusters[view]

    def routes(self, view: View) -> Sequence[RouteConfiguration]:
        if view not in self._routes:
            self._routes[view] = self.same(view, outbound_routes(self._context, view))
        return self._routes[view]

    def outbound_listeners(self, namespace: str) -> Sequence[Listener]:
        if namespace not in self._listeners:
            self._listeners[namespace] = self.same(None, outbound_listeners(self._context, namespace))
        return self._listeners[namespace]

    def same(self, owner: View | Key | None, parts: Iterable[_PartT]) -> Sequence[_PartT]:
        """Return the parts, those that are as before as the very objects that they were."""
        return [self._same(owner, part) for part in parts]

    def _same(self, owner: View | Key | None, part: _PartT) -> _PartT:
        place = owner, type(part), part.name
        before = self._before.get(place)
        same = before if isinstance(before, type(part)) and before == part else part
        self.kept[place] = same
        return same


def _translation(pod: Object) -> Callable[[Object, PushContext, _Shared], Proxy] | None:
    """Return how a pod's proxy is computed, None if it has none."""
    if is_gateway(pod):
        return _gateway
    return _sidecar if is_injected(pod) else None


def _gateway(pod: Object, context: PushContext, shared: _Shared) -> Proxy:
    """Return what a gateway pod does."""
    view = shared.view(pod, NodeType.ROUTER)
    servers = list(servers_of(pod, context))
    return _proxy(
        pod,
        NodeType.ROUTER,
        shared.same(key_of(pod), gateway_listeners(servers, context)),
        shared.same(key_of(pod), gateway_routes(servers, context, view)),
        (BLACK_HOLE, *shared.clusters(view)),
        sampling=sampling_of(pod, context),
    )


def _sidecar(pod: Object, context: PushContext, shared: _Shared) -> Proxy:
    """Return what the proxy beside an application does."""
    view, key = shared.view(pod, NodeType.SIDECAR), key_of(pod)
    own = (passthrough(context.addresses.network(pod)), *inbound_clusters(pod, context))
    own_listeners = (*inbound_listeners(pod, context), *http_proxy_listener(pod, context))
    # What a pod sends to its own address never passes its sidecar.
    address = (pod.get("status") or {}).get("podIP") if context.addresses.intercepts else None
    caught = (listener for listener in shared.outbound_listeners(key.namespace) if listener.address.host != address)
    listeners = (*shared.same(key, own_listeners), *caught)
    followed = {name for listener in listeners for name in listener.route_names}
    return _proxy(
        pod,
        NodeType.SIDECAR,
        listeners,
        (
            route_config
            for route_config in shared.routes(view)
            if route_config.name in followed or not context.addresses.intercepts
        ),
        (BLACK_HOLE, *shared.same(key, own), *shared.clusters(view)),
        sampling=sampling_of(pod, context),
    )


def _proxy(
    pod: Object,
    type_: NodeType,
    listeners: Iterable[Listener],
    routes: Iterable[RouteConfiguration],
    clusters: Iterable[Cluster],
    *,
    sampling: float | None,
) -> Proxy:
    key = key_of(pod)
    return Proxy(
        ProxyId(key.namespace, key.name),
        type_,
        listeners=tuple(sorted(listeners, key=_NAME)),
        routes=tuple(sorted(routes, key=_NAME)),
        clusters=tuple(sorted(clusters, key=_NAME)),
        sampling=sampling,
    )


def _label_keys(snapshot: Snapshot) -> Iterable[str]:
    """Yield the labels of clients that make a difference to what they are told."""
    for virtual_service in snapshot.configs(VirtualService):
        for rule in virtual_service.spec.http:
            for match in rule.match:
                yield from match.source_labels
    for destination_rule in snapshot.configs(DestinationRule):
        if selector := destination_rule.spec.workload_selector:
            yield from selector.match_labels
