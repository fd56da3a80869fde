"""The destinations that each proxy knows: every port of every Service, and every subset of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from localmesh.kinds.istio.types.destination_rule import Subset, TrafficPolicy
from localmesh.kinds.resources import SERVICES
from localmesh.pilot.clusters.defaults import (
    CONNECT_TIMEOUT,
    LOAD_BALANCER,
    NO_BREAKERS,
    PANIC_THRESHOLD,
    upstream_protocol,
)
from localmesh.pilot.clusters.policies import with_policy
from localmesh.pilot.config.traffic_policies import port_policy, subset_policy
from localmesh.pilot.destination_rules import MergedRule
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.registry.services import Service, ServicePort
from localmesh.pilot.view import View
from localmesh.proxy.cluster_policies import LoadBalancer, LoadBalancing
from localmesh.proxy.clusters import Cluster, ClusterMetadata, ClusterType, Endpoint, UpstreamProtocol
from localmesh.proxy.names import outbound_cluster
from localmesh.proxy.proxies import NodeType


def outbound_clusters(context: PushContext, view: View) -> Iterator[Cluster]:
    """Yield the clusters for the calls of some clients."""
    for service in context.services.services:
        clusters: list[Cluster] = []
        with context.findings.about(SERVICES, service.key):
            called = _CalledService(service, context.destination_rules.for_clients(service, view), context, view)
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
        whole = self.rule.traffic_policy
        yield self._cluster(port, None, port_policy(whole, port.number))
        for subset in self.rule.subsets:
            yield self._cluster(port, subset, subset_policy(whole, subset.traffic_policy, port.number))

    def _cluster(self, port: ServicePort, subset: Subset | None, policy: TrafficPolicy | None) -> Cluster:
        """Return the cluster of a port, or of a subset: the pods with its labels."""
        service, name = self.service, subset.name if subset else ""
        cluster = Cluster(
            outbound_cluster(service.host, port.number, name),
            ClusterType.EDS,
            CONNECT_TIMEOUT,
            endpoints=tuple(self._endpoints(port, subset, policy)),
            protocol=_protocol(port, self.view),
            load_balancer=LOAD_BALANCER,
            panic_threshold=PANIC_THRESHOLD,
            circuit_breakers=NO_BREAKERS,
            metadata=ClusterMetadata(service.host, service.name, service.namespace, self.rule.config, name),
        )
        return self._passed_through(with_policy(cluster, policy))

    def _endpoints(self, port: ServicePort, subset: Subset | None, policy: TrafficPolicy | None) -> Iterator[Endpoint]:
        """Yield the endpoints; where ill ones may get requests (`minHealthPercent`), none that is not ready."""
        outliers = policy.outlier_detection if policy else None
        only_ready = outliers is not None and outliers.min_health_percent > 0
        for endpoint in self.context.services.endpoints(self.service, port, subset.labels if subset else {}):
            if endpoint.healthy or not only_ready:
                yield endpoint

    def _passed_through(self, cluster: Cluster) -> Cluster:
        """Return the cluster, or one for the address that was dialled, if PASSTHROUGH is asked for.

        Where nothing is intercepted no such address is known. Behind a cluster IP there is an endpoint taken at random.
        """
        if cluster.load_balancer is None or cluster.load_balancer.policy is not LoadBalancing.CLUSTER_PROVIDED:
            return cluster
        if self.context.addresses.intercepts:
            return replace(cluster, type=ClusterType.ORIGINAL_DST, endpoints=())
        return replace(cluster, load_balancer=LoadBalancer(LoadBalancing.RANDOM))


def _protocol(port: ServicePort, view: View) -> UpstreamProtocol:
    """Return what is spoken to a port; a gateway does not look at first bytes."""
    protocol = upstream_protocol(port.protocol)
    sniffs = protocol is UpstreamProtocol.AS_DOWNSTREAM
    return UpstreamProtocol.HTTP1 if sniffs and view.type is NodeType.ROUTER else protocol
