"""envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter, one for each kind of filter."""

from localmesh.envoy.emit.authorization import http_authorization
from localmesh.envoy.emit.messages import Message, any_of
from localmesh.envoy.emit.token_authentication import token_authentication
from localmesh.proxy.authentication import TokenAuthentication
from localmesh.proxy.authorization import Authorization
from localmesh.proxy.listeners import HttpFilter, PlainFilter

_PLAIN: dict[PlainFilter, Message] = {
    PlainFilter.GRPC_STATS: any_of(
        "envoy.extensions.filters.http.grpc_stats.v3.FilterConfig", emit_filter_state=True, stats_for_all_methods=False
    ),
    PlainFilter.GRPC_WEB: any_of("envoy.extensions.filters.http.grpc_web.v3.GrpcWeb"),
    PlainFilter.FAULT: any_of("envoy.extensions.filters.http.fault.v3.HTTPFault"),
    PlainFilter.CORS: any_of("envoy.extensions.filters.http.cors.v3.Cors"),
    PlainFilter.ROUTER: any_of("envoy.extensions.filters.http.router.v3.Router"),
}


def http_filter(described: HttpFilter) -> Message:
    """Return one filter."""
    if isinstance(described, Authorization):
        return http_authorization(described)
    if isinstance(described, TokenAuthentication):
        return token_authentication(described)
    return {"name": described.value, "typed_config": _PLAIN[described]}
