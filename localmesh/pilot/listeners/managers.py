"""How HTTP is spoken, by whom a listener works for.

Source: buildGatewayConnectionManager and its siblings in pkg/networking/core of Istio 1.31.
"""

from datetime import timedelta

from localmesh.kinds.kubernetes.ports import Protocol
from localmesh.proxy.authorization import Authorization
from localmesh.proxy.listeners import (
    ClientCertificates,
    FilterChain,
    HttpConnectionManager,
    HttpFilter,
    NetworkFilter,
    PlainFilter,
)
from localmesh.proxy.routes import RouteConfiguration

ISTIO = "istio-envoy"
"""How proxies call themselves to strangers and to other proxies."""

HANDSHAKE_TIMEOUT = timedelta(seconds=15)
FILTERS: tuple[HttpFilter, ...] = (
    PlainFilter.GRPC_STATS,
    PlainFilter.FAULT,
    PlainFilter.CORS,
    PlainFilter.ROUTER,
)
"""The filters of every manager, in Istio's order: who may ask stands before them, the router last."""


def gateway_manager(stat_prefix: str, routes: str, guards: tuple[HttpFilter, ...] = ()) -> HttpConnectionManager:
    """Return the manager for strangers."""
    return HttpConnectionManager(
        routes,
        f"outbound_{stat_prefix}",
        (*guards, *FILTERS),
        use_remote_address=True,
        server_name=ISTIO,
        client_certificates=ClientCertificates("SANITIZE_SET", ("subject", "cert", "dns", "uri")),
        http1_options=True,
    )


def outbound_manager(
    stat_prefix: str, routes: str, *, protocol: Protocol = Protocol.HTTP, absolute_urls: bool = False
) -> HttpConnectionManager:
    """Return the manager for the application beside the proxy, and for what the port's first Service speaks."""
    return HttpConnectionManager(
        routes,
        f"outbound_{stat_prefix}",
        (*_before(protocol), *FILTERS),
        use_remote_address=False,
        absolute_urls=absolute_urls,
    )


def _before(protocol: Protocol) -> tuple[HttpFilter, ...]:
    return (PlainFilter.GRPC_WEB,) if protocol is Protocol.GRPC_WEB else ()


def inbound_manager(
    stat_prefix: str, routes: RouteConfiguration, guards: tuple[HttpFilter, ...] = (), *, protocol: Protocol
) -> HttpConnectionManager:
    """Return the manager for the mesh, in front of an application that speaks a protocol."""
    return HttpConnectionManager(
        routes,
        f"inbound_{stat_prefix}",
        (*guards, *_before(protocol), *FILTERS),
        use_remote_address=False,
        server_name=ISTIO,
        client_certificates=ClientCertificates("APPEND_FORWARD", ("subject", "dns", "uri")),
        http2_options=protocol.is_http2,
    )


def chain(filter_: NetworkFilter, decisions: tuple[Authorization, ...] = ()) -> FilterChain:
    """Return the chain for all connections: what decides on them, and what takes them."""
    return FilterChain(filter_, HANDSHAKE_TIMEOUT, decisions)
