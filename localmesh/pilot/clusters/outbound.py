"""The destinations that each proxy knows: every port of every Service, and every subset of it."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from localmesh.kinds.kubernetes.ports import Protocol
from localmesh.pilot.config.policies import subsets_of
from localmesh.pilot.http.routes import outbound_cluster
from localmesh.pilot.registry.index import Registry, Service, ServicePort
from localmesh.pilot.snapshot import Snapshot
from localmesh.proxy.clusters import Cluster, Origin, Upstream, Use

BLACK_HOLE = Cluster("BlackHoleCluster", Use.BLACK_HOLE)

_UPSTREAM = {Protocol.HTTP2: Upstream.HTTP2, Protocol.SNIFFED: Upstream.AS_DOWNSTREAM}


def upstream_of(protocol: Protocol) -> Upstream:
    """Return what a sidecar speaks to a port: of one that says nothing, what it hears itself."""
    return _UPSTREAM.get(protocol, Upstream.HTTP1)


def gateway_clusters(snapshot: Snapshot, registry: Registry, namespace: str) -> Iterator[Cluster]:
    """Yield the clusters of a gateway in a namespace: a sidecar's, but a gateway does not look at first bytes."""
    for each in outbound_clusters(snapshot, registry, namespace):
        yield replace(each, upstream=Upstream.HTTP1) if each.upstream is Upstream.AS_DOWNSTREAM else each


def outbound_clusters(snapshot: Snapshot, registry: Registry, namespace: str) -> Iterator[Cluster]:
    """Yield the clusters for calls from pods in a namespace."""
    for service in registry.services:
        found = subsets_of(service, snapshot.destination_rules, namespace)
        origin = Origin(service.host, service.name, service.namespace, found.config)
        for port in service.ports:
            yield _cluster(registry, service, port, origin, {})
            for subset in found.subsets:
                named = Origin(service.host, service.name, service.namespace, found.config, subset.name)
                yield _cluster(registry, service, port, named, subset.labels)


def _cluster(
    registry: Registry, service: Service, port: ServicePort, origin: Origin, labels: Mapping[str, str]
) -> Cluster:
    return Cluster(
        name=outbound_cluster(service.host, port.number, origin.subset),
        use=Use.SERVICE,
        endpoints=tuple(registry.endpoints(service, port, labels)),
        upstream=upstream_of(port.protocol),
        origin=origin,
    )
