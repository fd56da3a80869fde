"""Everything that was applied → what each proxy shall do."""

from collections.abc import Iterable, Mapping

from localmesh.core.objects import Object
from localmesh.kinds.injection import is_gateway, is_injected
from localmesh.pilot.clusters.outbound import BLACK_HOLE, gateway_clusters, outbound_clusters
from localmesh.pilot.http.routes import PASSTHROUGH
from localmesh.pilot.listeners.gateways import gateway_listeners, gateway_routes, servers_of
from localmesh.pilot.listeners.inbound import inbound_clusters, inbound_listeners
from localmesh.pilot.listeners.outbound import outbound_listeners, outbound_routes
from localmesh.pilot.registry.addresses import Addresses
from localmesh.pilot.registry.index import Registry
from localmesh.pilot.snapshot import Snapshot
from localmesh.proxy.addresses import Address
from localmesh.proxy.clusters import Cluster, Endpoint, Upstream, Use
from localmesh.proxy.listeners import Listener
from localmesh.proxy.proxies import Kind, Proxy, ProxyId
from localmesh.proxy.routes import RouteConfiguration


def compute(snapshot: Snapshot, addresses: Addresses) -> Mapping[ProxyId, Proxy]:
    """Return the whole configuration of each proxy: of every pod with a sidecar, and of every gateway pod."""
    mesh = _Mesh(snapshot, addresses)
    proxies = [mesh.gateway(pod) for pod in snapshot.pods if is_gateway(pod)]
    proxies += [mesh.sidecar(pod) for pod in snapshot.pods if is_injected(pod)]
    return {proxy.id: proxy for proxy in sorted(proxies, key=lambda proxy: proxy.id)}


class _Mesh:
    """What all proxies have in common; what is the same for all of a namespace is computed once."""

    def __init__(self, snapshot: Snapshot, addresses: Addresses) -> None:
        self._snapshot = snapshot
        self._addresses = addresses
        self._registry = Registry(snapshot.services, snapshot.pods, addresses)
        self._clusters: dict[str, tuple[Cluster, ...]] = {}
        self._routes: dict[str, tuple[RouteConfiguration, ...]] = {}

    def gateway(self, pod: Object) -> Proxy:
        """Return what a gateway pod does."""
        servers = list(servers_of(pod, self._snapshot, self._registry))
        return _proxy(
            pod,
            Kind.ROUTER,
            gateway_listeners(servers, self._addresses),
            gateway_routes(servers, self._snapshot, self._registry),
            (BLACK_HOLE, *gateway_clusters(self._snapshot, self._registry, pod["metadata"]["namespace"])),
        )

    def sidecar(self, pod: Object) -> Proxy:
        """Return what the proxy beside an application does."""
        http_proxy, network = self._addresses.http_proxy(pod), self._addresses.network(pod)
        inbound = inbound_clusters(pod, self._registry, self._addresses)
        return _proxy(
            pod,
            Kind.SIDECAR,
            (
                *inbound_listeners(pod, self._registry, self._addresses),
                *outbound_listeners(self._registry, http_proxy),
            ),
            self._outbound_routes(pod),
            (BLACK_HOLE, _passthrough(network), *inbound, *self._outbound_clusters(pod)),
        )

    def _outbound_clusters(self, pod: Object) -> tuple[Cluster, ...]:
        namespace = pod["metadata"]["namespace"]
        if namespace not in self._clusters:
            self._clusters[namespace] = tuple(outbound_clusters(self._snapshot, self._registry, namespace))
        return self._clusters[namespace]

    def _outbound_routes(self, pod: Object) -> tuple[RouteConfiguration, ...]:
        namespace = pod["metadata"]["namespace"]
        if namespace not in self._routes:
            rules = [rule for rule in self._snapshot.virtual_services if rule.spec.for_sidecars]
            self._routes[namespace] = outbound_routes(self._registry, rules, namespace)
        return self._routes[namespace]


def _passthrough(network: Address | None) -> Cluster:
    """Return the cluster for what is no Service's: here, the pod's own way into the cluster's network."""
    endpoints = (Endpoint(network),) if network else ()
    return Cluster(PASSTHROUGH, Use.PASSTHROUGH, endpoints, Upstream.AS_DOWNSTREAM)


def _proxy(
    pod: Object,
    kind: Kind,
    listeners: Iterable[Listener],
    routes: Iterable[RouteConfiguration],
    clusters: Iterable[Cluster],
) -> Proxy:
    metadata = pod["metadata"]
    return Proxy(
        ProxyId(metadata["namespace"], metadata["name"]),
        kind,
        listeners=tuple(sorted(listeners, key=lambda each: each.name)),
        routes=tuple(sorted(routes, key=lambda each: each.name)),
        clusters=tuple(sorted(clusters, key=lambda each: each.name)),
    )
