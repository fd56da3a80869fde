"""The destinations that each proxy knows: every port of every Service, and every subset of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from localmesh.kinds.istio.types.destination_rule import Subset
from localmesh.kinds.resources import SERVICES
from localmesh.pilot.clusters.defaults import (
    CONNECT_TIMEOUT,
    LOAD_BALANCING,
    NO_BREAKERS,
    PANIC_THRESHOLD,
    upstream_protocol,
)
from localmesh.pilot.config.destination_rules import DestinationRules, MergedRule
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.registry.services import Service, ServicePort
from localmesh.pilot.view import View
from localmesh.proxy.clusters import Cluster, ClusterMetadata, ClusterType, UpstreamProtocol
from localmesh.proxy.names import outbound_cluster
from localmesh.proxy.proxies import NodeType


def outbound_clusters(context: PushContext, view: View) -> Iterator[Cluster]:
    """Yield the clusters for the calls of some clients."""
    rules = DestinationRules.of(context)
    for service in context.services.services:
        clusters: list[Cluster] = []
        with context.findings.about(SERVICES, service.key):
            called = _CalledService(service, rules.merged(service, view), context, view)
            clusters = [cluster for port in service.ports for cluster in called.clusters(port)]
        yield from clusters


@dataclass(frozen=True, slots=True)
class _CalledService:
    """One Service, as some clients call it."""

    service: Service
    rule: MergedRule
    context: PushContext
    view: View

    def clusters(self, port: ServicePort) -> Iterator[Cluster]:
        """Yield the cluster of a port, and those of its subsets."""
        yield self._cluster(port, None)
        for subset in self.rule.subsets:
            yield self._cluster(port, subset)

    def _cluster(self, port: ServicePort, subset: Subset | None) -> Cluster:
        """Return the cluster of a port, or of a subset: the pods with its labels."""
        service, name = self.service, subset.name if subset else ""
        labels = subset.labels if subset else {}
        return Cluster(
            outbound_cluster(service.host, port.number, name),
            ClusterType.EDS,
            CONNECT_TIMEOUT,
            endpoints=tuple(self.context.services.endpoints(service, port, labels)),
            protocol=_protocol(port, self.view),
            load_balancing=LOAD_BALANCING,
            panic_threshold=PANIC_THRESHOLD,
            circuit_breakers=NO_BREAKERS,
            metadata=ClusterMetadata(service.host, service.name, service.namespace, self.rule.config, name),
        )


def _protocol(port: ServicePort, view: View) -> UpstreamProtocol:
    """Return what is spoken to a port; a gateway does not look at first bytes."""
    protocol = upstream_protocol(port.protocol)
    sniffs = protocol is UpstreamProtocol.AS_DOWNSTREAM
    return UpstreamProtocol.HTTP1 if sniffs and view.type is NodeType.ROUTER else protocol
