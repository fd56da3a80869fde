"""Clusters and endpoints in envoy.config.cluster.v3 and envoy.config.endpoint.v3."""

from localmesh.envoy.protobuf import Message, any_of, given, istio_metadata
from localmesh.envoy.resources import Source
from localmesh.proxy.addresses import Address
from localmesh.proxy.clusters import Cluster, Endpoint, Origin, Upstream, Use

CONNECT_TIMEOUT = "10s"
UNLIMITED = 2**32 - 1

_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_NO_BREAKERS = {
    "thresholds": [
        dict.fromkeys(("max_connections", "max_pending_requests", "max_requests", "max_retries"), UNLIMITED),
    ],
}
_SPEAK: dict[Upstream, Message] = {
    Upstream.HTTP2: {"explicit_http_config": {"http2_protocol_options": {}}},
    Upstream.AS_DOWNSTREAM: {
        "use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}},
    },
}
_PASSTHROUGH_IDLE: Message = {"common_http_protocol_options": {"idle_timeout": "300s"}}


def cluster(described: Cluster, source: Source) -> Message:
    """Return a Cluster."""
    head = {"name": described.name, "alt_stat_name": f"{described.name};"}
    match described.use:
        case Use.BLACK_HOLE:
            return {**head, "type": "STATIC", "connect_timeout": CONNECT_TIMEOUT}
        case Use.SERVICE:
            return {**head, **_discovered(described, source), **_common(described), **_details(described)}
        case Use.APPLICATION:
            return {**head, **_static(described), **_common(described), "common_lb_config": {}, **_details(described)}
        case Use.PASSTHROUGH:
            return {**head, **_static(described), **_common(described)}


def assignment(described: Cluster) -> Message:
    """Return a ClusterLoadAssignment."""
    endpoints = [_endpoint(each) for each in described.endpoints]
    weight = len(endpoints)
    group = {"locality": {}, "lb_endpoints": endpoints, "load_balancing_weight": weight}
    return {"cluster_name": described.name, **({"endpoints": [group]} if endpoints else {})}


def socket_address(address: Address) -> Message:
    """Return an Address."""
    return {"socket_address": {"address": address.host, "port_value": address.port}}


def _discovered(described: Cluster, source: Source) -> Message:
    """Return what makes the endpoints come and go. Without healthy ones requests fail, rather than go to ill ones."""
    name = described.name
    return {
        "type": "EDS",
        "eds_cluster_config": {"eds_config": source("eds", name), "service_name": name},
        "lb_policy": "LEAST_REQUEST",
        "common_lb_config": {"healthy_panic_threshold": {}},
    }


def _static(described: Cluster) -> Message:
    return {"type": "STATIC", "load_assignment": assignment(described)}


def _common(described: Cluster) -> Message:
    options: Message = dict(_SPEAK.get(described.upstream, {}))
    if described.use is Use.PASSTHROUGH:
        options |= _PASSTHROUGH_IDLE
    return given(
        connect_timeout=CONNECT_TIMEOUT,
        circuit_breakers=_NO_BREAKERS,
        typed_extension_protocol_options={_HTTP_OPTIONS: any_of(_HTTP_OPTIONS, **options)} if options else None,
    )


def _details(described: Cluster) -> Message:
    return given(metadata=_origin(described.origin)) if described.origin else {}


def _origin(origin: Origin) -> Message | None:
    service = {"host": origin.host, "name": origin.name, "namespace": origin.namespace}
    return istio_metadata(config=origin.config, services=[service], subset=origin.subset)


def _endpoint(described: Endpoint) -> Message:
    return given(
        endpoint={"address": socket_address(described.address)},
        health_status="HEALTHY" if described.healthy else "UNHEALTHY",
        metadata=istio_metadata(workload=described.workload),
        load_balancing_weight=1,
    )
