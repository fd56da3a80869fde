"""Whether a client speaks TLS to a destination, and to whom.

Source: buildUpstreamTLSSettings and applyUpstreamTLSSettings in pilot/pkg/networking/core/cluster_tls.go,
BestEffortInferServiceMTLSMode in pilot/pkg/model/push_context.go, checkMtlsEnabled in
pilot/pkg/xds/endpoints/mtls_checker.go of Istio 1.31.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from localmesh.kinds.istio.types.destination_rule import ClientTLSSettings, TrafficPolicy
from localmesh.pilot.clusters.load_balancers import PASSTHROUGH
from localmesh.pilot.config.traffic_policies import port_setting
from localmesh.pilot.peer_authentications import Mode
from localmesh.pilot.push_context import PushContext
from localmesh.pilot.registry.services import Service
from localmesh.proxy.clusters import Cluster, ClusterType, UpstreamProtocol
from localmesh.proxy.names import ClusterName
from localmesh.proxy.tls import ClientTls

ISTIO_MUTUAL = "ISTIO_MUTUAL"
MESH = "istio"
"""What a proxy offers to speak to another one, by which that one knows that it is meant and not the application."""

HTTP2 = "h2"


def asked_of_endpoints(policies: Iterable[TrafficPolicy | None], port: int) -> bool | None:
    """Tell whether a DestinationRule asks TLS of all endpoints with a proxy, or of none; None if it does not say.

    Args:
        policies: the subset's own, then the whole destination's.
        port: of the Service.
    """
    for policy in policies:
        tls = [settings.tls for settings in (port_setting(policy, port), policy) if settings and settings.tls]
        if tls:
            return tls[0].mode == ISTIO_MUTUAL
    return None


def with_tls(
    cluster: Cluster, service: Service, policy: TrafficPolicy | None, own: TrafficPolicy | None, context: PushContext
) -> Cluster:
    """Return a cluster with the TLS that its client speaks.

    Args:
        cluster: without TLS.
        service: the destination.
        policy: what is in force for the port.
        own: what is said of the whole destination, or of the subset, by itself.
        context: the mesh.
    """
    return replace(cluster, tls=_tls(cluster, service, policy, own, context))


def _tls(
    cluster: Cluster, service: Service, policy: TrafficPolicy | None, own: TrafficPolicy | None, context: PushContext
) -> ClientTls | None:
    if policy is not None and policy.tls is not None:
        return _as_applied(policy.tls, _mutual(cluster, service, context))
    if not context.auto_mtls or not _is_taken(cluster, service, own, context):
        return None
    return _mutual(cluster, service, context, if_taken=cluster.type is not ClusterType.ORIGINAL_DST)


def _as_applied(settings: ClientTLSSettings, mutual: ClientTls) -> ClientTls | None:
    """Return what a DestinationRule says, beside what would be done without it; other modes than these are refused."""
    if settings.mode != ISTIO_MUTUAL:
        return None
    identities = settings.subject_alt_names or mutual.identities
    return replace(mutual, server_name=settings.sni or mutual.server_name, identities=identities)


def _is_taken(cluster: Cluster, service: Service, own: TrafficPolicy | None, context: PushContext) -> bool:
    """Tell whether TLS is tried at all; where a client itself chooses the address, all who are there must take it."""
    balancer = own.load_balancer if own else None
    if service.is_headless or (balancer is not None and balancer.simple == PASSTHROUGH):
        port = service.port(ClusterName.of(cluster.name).port)
        workloads = context.services.workloads(service, port)
        if not workloads or not all(workload.meshed for workload in workloads):
            return False
    return context.peer_authentications.of_namespace(service.namespace) is not Mode.DISABLE


def _mutual(cluster: Cluster, service: Service, context: PushContext, *, if_taken: bool = False) -> ClientTls:
    protocols = (MESH, HTTP2) if cluster.protocol is UpstreamProtocol.HTTP2 else (MESH,)
    return ClientTls(cluster.name.replace("|", "_."), protocols, context.services.identities(service), if_taken)
