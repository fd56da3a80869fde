"""Everything that was applied → what each proxy shall do."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from localmesh.core.objects import Object, key_of
from localmesh.kinds.injection import is_gateway, is_injected
from localmesh.kinds.istio import DestinationRule, VirtualService
from localmesh.kinds.resources import PODS
from localmesh.pilot.clusters.defaults import BLACK_HOLE, passthrough
from localmesh.pilot.clusters.inbound import inbound_clusters
from localmesh.pilot.clusters.outbound import outbound_clusters
from localmesh.pilot.config.gateways import servers_of
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


@dataclass(frozen=True, slots=True)
class Computed:
    """The outcome of one computation."""

    proxies: Mapping[ProxyId, Proxy]
    """The whole configuration of each proxy; one that could not be computed is not there, and found."""

    findings: tuple[Finding, ...] = ()


def compute(snapshot: Snapshot, addresses: Addresses) -> Computed:
    """Return the configuration of every pod with a sidecar, and of every gateway pod."""
    context = PushContext.of(snapshot, addresses)
    shared = _Shared(context)
    proxies: dict[ProxyId, Proxy] = {}
    for pod in sorted(snapshot.pods, key=key_of):
        key = key_of(pod)
        with context.findings.about(PODS, key):
            if translate := _translation(pod):
                proxies[ProxyId(key.namespace, key.name)] = translate(pod, context, shared)
    return Computed(proxies, context.findings.all())


class _Shared:
    """What proxies have in common: what is the same for all with one view is computed once."""

    def __init__(self, context: PushContext) -> None:
        self._context = context
        self._label_keys = frozenset(_label_keys(context.snapshot))
        self._clusters: dict[View, tuple[Cluster, ...]] = {}
        self._routes: dict[View, tuple[RouteConfiguration, ...]] = {}
        self.outbound_listeners: tuple[Listener, ...] = tuple(outbound_listeners(context))

    def view(self, pod: Object, type_: NodeType) -> View:
        return View.of(pod, type_, self._label_keys)

    def clusters(self, view: View) -> tuple[Cluster, ...]:
        if view not in self._clusters:
            self._clusters[view] = tuple(outbound_clusters(self._context, view))
        return self._clusters[view]

    def routes(self, view: View) -> tuple[RouteConfiguration, ...]:
        if view not in self._routes:
            self._routes[view] = tuple(outbound_routes(self._context, view))
        return self._routes[view]


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
        gateway_listeners(servers, context),
        gateway_routes(servers, context, view),
        (BLACK_HOLE, *shared.clusters(view)),
    )


def _sidecar(pod: Object, context: PushContext, shared: _Shared) -> Proxy:
    """Return what the proxy beside an application does."""
    view = shared.view(pod, NodeType.SIDECAR)
    inbound = inbound_clusters(pod, context)
    return _proxy(
        pod,
        NodeType.SIDECAR,
        (*inbound_listeners(pod, context), *http_proxy_listener(pod, context), *shared.outbound_listeners),
        shared.routes(view),
        (BLACK_HOLE, passthrough(context.addresses.network(pod)), *inbound, *shared.clusters(view)),
    )


def _proxy(
    pod: Object,
    type_: NodeType,
    listeners: Iterable[Listener],
    routes: Iterable[RouteConfiguration],
    clusters: Iterable[Cluster],
) -> Proxy:
    key = key_of(pod)
    return Proxy(
        ProxyId(key.namespace, key.name),
        type_,
        listeners=tuple(sorted(listeners, key=lambda listener: listener.name)),
        routes=tuple(sorted(routes, key=lambda configuration: configuration.name)),
        clusters=tuple(sorted(clusters, key=lambda cluster: cluster.name)),
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
