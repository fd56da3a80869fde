"""envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager."""

from localmesh.envoy.emit.access_log import access_log
from localmesh.envoy.emit.http_filters import http_filter
from localmesh.envoy.emit.messages import Message, any_of, given
from localmesh.envoy.emit.route_configuration import inline_route_configuration
from localmesh.envoy.resources import ADS
from localmesh.proxy.listeners import ClientCertificates, HttpConnectionManager
from localmesh.proxy.routes import RouteConfiguration

_TYPE = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ALWAYS: Message = {
    "stream_idle_timeout": "0s",
    "proxy_100_continue": True,
    "upgrade_configs": [{"upgrade_type": "websocket"}],
    "normalize_path": True,
    "path_with_escaped_slashes_action": "KEEP_UNCHANGED",
    "request_id_extension": {
        "typed_config": any_of(
            "envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig", use_request_id_for_trace_sampling=True
        ),
    },
}
"""What istiod writes in each manager, whatever was applied."""


def http_connection_manager(described: HttpConnectionManager) -> Message:
    """Return a network filter that speaks HTTP."""
    manager = any_of(
        _TYPE,
        stat_prefix=f"{described.stat_prefix};",
        **_routes(described.routes),
        http_filters=[http_filter(filter_) for filter_ in described.filters],
        access_log=access_log(),
        use_remote_address=described.use_remote_address,
        **given(server_name=described.server_name, http_protocol_options=_http1_options(described)),
        **given(http2_protocol_options={} if described.http2_options else None),
        **_client_certificates(described.client_certificates),
        **_ALWAYS,
    )
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}


def _routes(routes: str | RouteConfiguration) -> Message:
    if isinstance(routes, RouteConfiguration):
        return {"route_config": inline_route_configuration(routes)}
    return {"rds": {"config_source": ADS, "route_config_name": routes}}


def _http1_options(described: HttpConnectionManager) -> Message | None:
    if described.absolute_urls:
        return {"allow_absolute_url": True}
    return {} if described.http1_options else None


def _client_certificates(described: ClientCertificates | None) -> Message:
    if described is None:
        return {}
    return {
        "forward_client_cert_details": described.forward,
        "set_current_client_cert_details": dict.fromkeys(described.details, True),
    }
