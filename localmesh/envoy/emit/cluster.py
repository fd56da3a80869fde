"""envoy.config.cluster.v3.Cluster."""

from localmesh.envoy.emit.cluster_load_assignment import cluster_load_assignment
from localmesh.envoy.emit.cluster_policies import (
    circuit_breakers,
    lb_config,
    outlier_detection,
    upstream_connection_options,
)
from localmesh.envoy.emit.http_protocol_options import http_protocol_options
from localmesh.envoy.emit.messages import Message, duration, given, istio_metadata
from localmesh.envoy.emit.tls import client_sockets
from localmesh.envoy.resources import ADS
from localmesh.proxy.clusters import Cluster, ClusterMetadata, ClusterType


def cluster(described: Cluster) -> Message:
    """Return a Cluster."""
    balancer, outliers, keepalive = described.load_balancer, described.outlier_detection, described.tcp_keepalive
    return given(
        name=described.name,
        alt_stat_name=f"{described.name};",
        type=described.type.value,
        **_endpoints(described),
        lb_policy=balancer.policy.value if balancer else None,
        **(lb_config(balancer) if balancer else {}),
        common_lb_config=_common_lb_config(described),
        connect_timeout=duration(described.connect_timeout),
        circuit_breakers=circuit_breakers(described.circuit_breakers) if described.circuit_breakers else None,
        outlier_detection=outlier_detection(outliers) if outliers else None,
        upstream_connection_options=upstream_connection_options(keepalive) if keepalive else None,
        **(client_sockets(described.tls) if described.tls else {}),
        typed_extension_protocol_options=http_protocol_options(described),
        metadata=_metadata(described.metadata),
    )


def _endpoints(described: Cluster) -> Message:
    """Return the endpoints, or from where they come."""
    if described.type is ClusterType.EDS:
        return {"eds_cluster_config": {"eds_config": ADS, "service_name": described.name}}
    return {"load_assignment": cluster_load_assignment(described)} if described.endpoints else {}


def _common_lb_config(described: Cluster) -> Message | None:
    panic_threshold = described.panic_threshold
    if panic_threshold is None:
        return None
    threshold: Message = {"healthy_panic_threshold": {"value": panic_threshold} if panic_threshold else {}}
    return threshold | ({"locality_weighted_lb_config": {}} if described.locality_weighted else {})


def _metadata(described: ClusterMetadata | None) -> Message | None:
    if described is None:
        return None
    services = [
        {"host": service.host, "name": service.name, "namespace": service.namespace} for service in described.services
    ]
    return istio_metadata(config=described.config, services=services, subset=described.subset)
