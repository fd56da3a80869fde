"""envoy.config.cluster.v3.Cluster."""

from dataclasses import asdict

from localmesh.envoy.emit.cluster_load_assignment import cluster_load_assignment
from localmesh.envoy.emit.messages import Message, any_of, duration, given, istio_metadata
from localmesh.envoy.resources import ADS
from localmesh.proxy.clusters import CircuitBreakers, Cluster, ClusterMetadata, ClusterType, UpstreamProtocol

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_PROTOCOLS: dict[UpstreamProtocol, Message] = {
    UpstreamProtocol.HTTP1: {"explicit_http_config": {"http_protocol_options": {}}},
    UpstreamProtocol.HTTP2: {"explicit_http_config": {"http2_protocol_options": {}}},
    UpstreamProtocol.AS_DOWNSTREAM: {
        "use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}},
    },
}


def cluster(described: Cluster) -> Message:
    """Return a Cluster."""
    return given(
        name=described.name,
        alt_stat_name=f"{described.name};",
        type=described.type.value,
        **_endpoints(described),
        lb_policy=described.load_balancing.value if described.load_balancing else None,
        common_lb_config=_common_lb_config(described.panic_threshold),
        connect_timeout=duration(described.connect_timeout),
        circuit_breakers=_circuit_breakers(described.circuit_breakers),
        typed_extension_protocol_options=_http_protocol_options(described),
        metadata=_metadata(described.metadata),
    )


def _endpoints(described: Cluster) -> Message:
    """Return the endpoints, or from where they come."""
    if described.type is ClusterType.EDS:
        return {"eds_cluster_config": {"eds_config": ADS, "service_name": described.name}}
    return {"load_assignment": cluster_load_assignment(described)} if described.endpoints else {}


def _common_lb_config(panic_threshold: int | None) -> Message | None:
    if panic_threshold is None:
        return None
    return {"healthy_panic_threshold": {"value": panic_threshold} if panic_threshold else {}}


def _circuit_breakers(described: CircuitBreakers | None) -> Message | None:
    return {"thresholds": [asdict(described)]} if described else None


def _http_protocol_options(described: Cluster) -> Message | None:
    """Return what is said of HTTP: nothing if it is Envoy's own HTTP/1; else the protocol has to be named."""
    common = given(idle_timeout=duration(described.idle_timeout) if described.idle_timeout else None)
    if described.protocol is UpstreamProtocol.HTTP1 and not common:
        return None
    options = _PROTOCOLS[described.protocol] | given(common_http_protocol_options=common or None)
    return {HTTP_OPTIONS: any_of(HTTP_OPTIONS, **options)}


def _metadata(described: ClusterMetadata | None) -> Message | None:
    if described is None:
        return None
    service = {"host": described.host, "name": described.name, "namespace": described.namespace}
    return istio_metadata(config=described.config, services=[service], subset=described.subset)
