"""envoy.extensions.upstreams.http.v3.HttpProtocolOptions: how HTTP is spoken to a cluster's endpoints."""

from localmesh.envoy.emit.messages import Message, any_of, duration, given
from localmesh.proxy.cluster_policies import ENVOYS_OWN, Connections, Http2Keepalive
from localmesh.proxy.clusters import Cluster, UpstreamProtocol

HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def http_protocol_options(described: Cluster) -> Message | None:
    """Return what is said of HTTP: nothing if it is Envoy's own HTTP/1; else the protocol has to be named."""
    if described.protocol is UpstreamProtocol.HTTP1 and described.connections == ENVOYS_OWN:
        return None
    common = _common(described.connections)
    options = _protocol(described.protocol, described.connections)
    return {HTTP_OPTIONS: any_of(HTTP_OPTIONS, **options, **given(common_http_protocol_options=common or None))}


def _common(connections: Connections) -> Message:
    return given(
        idle_timeout=None if connections.idle_timeout is None else duration(connections.idle_timeout),
        max_connection_duration=duration(connections.max_duration) if connections.max_duration else None,
        max_requests_per_connection=connections.max_requests,
    )


def _protocol(protocol: UpstreamProtocol, connections: Connections) -> Message:
    match protocol:
        case UpstreamProtocol.HTTP1:
            return {"explicit_http_config": {"http_protocol_options": {}}}
        case UpstreamProtocol.HTTP2:
            return {"explicit_http_config": {"http2_protocol_options": _http2(connections)}}
        case UpstreamProtocol.AS_DOWNSTREAM:
            return {"use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}}}


def _http2(connections: Connections) -> Message:
    return given(
        max_concurrent_streams=connections.max_streams,
        connection_keepalive=_keepalive(connections.keepalive) if connections.keepalive else None,
    )


def _keepalive(described: Http2Keepalive) -> Message:
    return {"interval": duration(described.interval), "timeout": duration(described.timeout)}
