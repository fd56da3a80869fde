"""envoy.config.endpoint.v3.ClusterLoadAssignment."""

from localmesh.envoy.emit.messages import Message, address, given, istio_metadata
from localmesh.proxy.clusters import Cluster, Endpoint


def cluster_load_assignment(described: Cluster) -> Message:
    """Return a cluster's endpoints."""
    endpoints = [_lb_endpoint(endpoint) for endpoint in described.endpoints]
    group = {"locality": {}, "lb_endpoints": endpoints, "load_balancing_weight": len(endpoints)}
    return {"cluster_name": described.name, **({"endpoints": [group]} if endpoints else {})}


def _lb_endpoint(described: Endpoint) -> Message:
    return given(
        endpoint={"address": address(described.address)},
        health_status="HEALTHY" if described.healthy else "UNHEALTHY",
        metadata=_metadata(described),
        load_balancing_weight=1,
    )


def _metadata(described: Endpoint) -> Message | None:
    """Return whose the endpoint is, and what the cluster's transport sockets are chosen by."""
    workload = istio_metadata(workload=described.workload)
    if not described.takes_tls:
        return workload
    own = {"envoy.transport_socket_match": {"tlsMode": "istio"}}
    return {"filter_metadata": {**own, **(workload["filter_metadata"] if workload else {})}}
