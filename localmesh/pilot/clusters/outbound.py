"""The destinations that each proxy knows: every port of every Service, and every subset of it."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from localmesh.kinds.istio.types.destination_rule import LoadBalancerSettings, Subset, TrafficPolicy
from localmesh.kinds.resources import SERVICES
from localmesh.pilot.clusters.defaults import (
    CONNECT_TIMEOUT,
    LOAD_BALANCER,
    NO_BREAKERS,
    PANIC_THRESHOLD,
    upstream_protocol,
)
from localmesh.pilot.clusters.load_balancers import PASSTHROUGH
from localmesh.pilot.clusters.policies import with_policy
from localmesh.pilot.clusters.tls import asked_of_endpoints, with_tls
from localmesh.pilot.config.imports import imported_by
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
    for service in _known(context, view):
        clusters: list[Cluster] = []
        with context.findings.about(SERVICES, service.key):
            called = _CalledService(service, context.destination_rules.for_clients(service, view), context, view)
            clusters = [cluster for port in service.called_ports for cluster in called.clusters(port)]
        yield from clusters


def _known(context: PushContext, view: View) -> Iterator[Service]:
    """Yield the Services that some clients know of."""
    yield from context.services.visible_in(view.namespace)
    yield from imported_by(view, context).values()


class _CalledService(Struct, frozen=True):
    """One Service, as some clients call it."""

    service: Service
    rule: MergedRule
    context: PushContext
    view: View

    def clusters(self, port: ServicePort) -> Iterator[Cluster]:
        """Yield the cluster of a port, and those of its subsets."""
        whole = self.rule.traffic_policy
        policy = port_policy(whole, port.number)
        yield self._cluster(port, None, policy, whole)
        for subset in self.rule.subsets:
            own = subset.traffic_policy
            together = subset_policy(whole, own, port.number)
            if together and (_passes(policy) or _passes(own)):
                together = replace(together, load_balancer=_PASSED)
            yield self._cluster(port, subset, together, own)

    def _cluster(
        self, port: ServicePort, subset: Subset | None, policy: TrafficPolicy | None, own: TrafficPolicy | None
    ) -> Cluster:
        """Return the cluster of a port, or of a subset: the pods with its labels."""
        service, name = self.service, subset.name if subset else ""
        if service.prefers_close and policy and policy.outlier_detection:
            # To know when to go farther, clients are told of all its pods, and ill ones never get requests.
            policy = replace(policy, outlier_detection=replace(policy.outlier_detection, min_health_percent=0))
        cluster = Cluster(
            outbound_cluster(service.host, port.number, name),
            ClusterType.EDS,
            CONNECT_TIMEOUT,
            endpoints=tuple(self._endpoints(port, subset, policy)),
            protocol=_protocol(port, self.view),
            load_balancer=LOAD_BALANCER,
            locality_weighted=service.prefers_close,
            panic_threshold=PANIC_THRESHOLD,
            circuit_breakers=NO_BREAKERS,
            metadata=ClusterMetadata((service.called,), self.rule.config, name),
        )
        reached = self._passed_through(with_policy(cluster, policy))
        return with_tls(reached, service, policy, own, self.context)

    def _endpoints(self, port: ServicePort, subset: Subset | None, policy: TrafficPolicy | None) -> Iterator[Endpoint]:
        """Yield the endpoints; where ill ones may get requests (`minHealthPercent`), none that is not ready."""
        outliers = policy.outlier_detection if policy else None
        only_ready = outliers is not None and outliers.min_health_percent > 0
        own = subset.traffic_policy if subset else None
        tls = asked_of_endpoints((own, self.rule.traffic_policy), port.number)
        for endpoint in self.context.services.endpoints(self.service, port, subset.labels if subset else {}, tls=tls):
            if endpoint.healthy or not only_ready:
                yield endpoint

    def _passed_through(self, cluster: Cluster) -> Cluster:
        """Return the cluster, or one for the address that was dialled: of a headless Service, or if it is asked for.

        Where nothing is intercepted no such address is known. Behind a cluster IP, and behind a name that stands for
        several pods, there is an endpoint taken at random.
        """
        headless = self.service.is_headless and self.view.type is NodeType.SIDECAR
        asked = cluster.load_balancer is not None and cluster.load_balancer.policy is LoadBalancing.CLUSTER_PROVIDED
        if not headless and not asked:
            return cluster
        if self.context.addresses.intercepts:
            passed = LoadBalancer(LoadBalancing.CLUSTER_PROVIDED)
            return replace(cluster, type=ClusterType.ORIGINAL_DST, endpoints=(), load_balancer=passed)
        return replace(cluster, load_balancer=LoadBalancer(LoadBalancing.RANDOM))


_PASSED = LoadBalancerSettings(simple=PASSTHROUGH)


def _passes(policy: TrafficPolicy | None) -> bool:
    """Tell whether requests go to the address that was dialled: then subsets and ports that say otherwise do, too."""
    return bool(policy and policy.load_balancer and policy.load_balancer.simple == PASSTHROUGH)


def _protocol(port: ServicePort, view: View) -> UpstreamProtocol:
    """Return what is spoken to a port; a gateway does not look at first bytes."""
    protocol = upstream_protocol(port.protocol)
    sniffs = protocol is UpstreamProtocol.AS_DOWNSTREAM
    return UpstreamProtocol.HTTP1 if sniffs and view.type is NodeType.ROUTER else protocol
