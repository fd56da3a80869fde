"""Listeners in envoy.config.listener.v3, and what they do with what they take."""

from localmesh.envoy.access_log import access_log
from localmesh.envoy.clusters import socket_address
from localmesh.envoy.protobuf import Message, any_of, given
from localmesh.envoy.resources import Source
from localmesh.envoy.routes import inline_route_configuration
from localmesh.proxy.listeners import Forward, Listener, Side
from localmesh.proxy.routes import RouteConfiguration

_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_TCP_PROXY = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
_HTTP_FILTERS = [
    {
        "name": "envoy.filters.http.grpc_stats",
        "typed_config": any_of(
            "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig",
            emit_filter_state=True,
            stats_for_all_methods=False,
        ),
    },
    {"name": "envoy.filters.http.fault", "typed_config": any_of("envoy.extensions.filters.http.fault.v3.HTTPFault")},
    {"name": "envoy.filters.http.cors", "typed_config": any_of("envoy.extensions.filters.http.cors.v3.Cors")},
    {"name": "envoy.filters.http.router", "typed_config": any_of("envoy.extensions.filters.http.router.v3.Router")},
]
_REQUEST_ID = {
    "typed_config": any_of(
        "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig", use_request_id_for_trace_sampling=True
    ),
}
_BY_SIDE: dict[Side, Message] = {
    Side.GATEWAY: {
        "http_protocol_options": {},
        "server_name": "istio-envoy",
        "use_remote_address": True,
        "forward_client_cert_details": "SANITIZE_SET",
        "set_current_client_cert_details": dict.fromkeys(("subject", "cert", "dns", "uri"), True),
    },
    Side.OUTBOUND: {"use_remote_address": False},
    Side.INBOUND: {
        "server_name": "istio-envoy",
        "use_remote_address": False,
        "forward_client_cert_details": "APPEND_FORWARD",
        "set_current_client_cert_details": dict.fromkeys(("subject", "dns", "uri"), True),
    },
}
"""What differs by whom a listener works for (istiod's buildGatewayConnectionManager and its siblings)."""


def listener(described: Listener, source: Source) -> Message:
    """Return a Listener with one filter, an HTTP connection manager unless it only forwards bytes."""
    routes = described.routes
    filter_ = _forwarding(routes) if isinstance(routes, Forward) else _managing(described, routes, source)
    return given(
        name=described.name,
        address=socket_address(described.address),
        filter_chains=[{"filters": [filter_], "transport_socket_connect_timeout": "15s"}],
        traffic_direction="INBOUND" if described.side is Side.INBOUND else "OUTBOUND",
        bind_to_port=None if described.bound else False,
        enable_reuse_port=described.shared,
        max_connections_to_accept_per_socket_event=1,
    )


def _forwarding(target: Forward) -> Message:
    proxy = any_of(_TCP_PROXY, stat_prefix=target.cluster, cluster=target.cluster, access_log=access_log())
    return {"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}


def _managing(described: Listener, routes: str | RouteConfiguration, source: Source) -> Message:
    proxy = {"http_protocol_options": {"allow_absolute_url": True}} if described.http_proxy else {}
    manager = any_of(
        _MANAGER,
        stat_prefix=f"{_stat_prefix(described)};",
        **_routes(routes, source),
        http_filters=_HTTP_FILTERS,
        stream_idle_timeout="0s",
        access_log=access_log(),
        **_BY_SIDE[described.side],
        **proxy,
        proxy_100_continue=True,
        upgrade_configs=[{"upgrade_type": "websocket"}],
        normalize_path=True,
        path_with_escaped_slashes_action="KEEP_UNCHANGED",
        request_id_extension=_REQUEST_ID,
    )
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}


def _stat_prefix(described: Listener) -> str:
    direction = "inbound" if described.side is Side.INBOUND else "outbound"
    return f"{direction}_{described.name.removeprefix('inbound_')}"


def _routes(routes: str | RouteConfiguration, source: Source) -> Message:
    if isinstance(routes, RouteConfiguration):
        return {"route_config": inline_route_configuration(routes)}
    return {"rds": {"config_source": source("rds", routes), "route_config_name": routes}}
