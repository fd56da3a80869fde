"""envoy.config.listener.v3.Listener."""

from localmesh.envoy.emit.access_log import unmatched_log
from localmesh.envoy.emit.authorization import network_authorization
from localmesh.envoy.emit.http_connection_manager import http_connection_manager
from localmesh.envoy.emit.messages import Message, address, duration, given
from localmesh.envoy.emit.tcp_proxy import tcp_proxy
from localmesh.envoy.emit.tls import looking_for_tls, server_socket
from localmesh.proxy.listeners import FilterChain, FilterChainMatch, Listener, TcpProxy, TrafficDirection


def listener(described: Listener) -> Message:
    """Return a Listener."""
    return given(
        name=described.name,
        address=address(described.address),
        **(looking_for_tls() if described.looks_for_tls else {}),
        filter_chains=[_filter_chain(chain) for chain in described.chains],
        access_log=unmatched_log() if described.direction is TrafficDirection.INBOUND else None,
        traffic_direction=described.direction.value,
        bind_to_port=None if described.bound else False,
        enable_reuse_port=described.shared,
        max_connections_to_accept_per_socket_event=1,
    )


def _filter_chain(chain: FilterChain) -> Message:
    """Return a FilterChain: what decides on connections, then what takes them."""
    last = chain.filter
    return given(
        name=chain.name or None,
        filter_chain_match=_filter_chain_match(chain.match) if chain.match else None,
        filters=[
            *map(network_authorization, chain.authorizations),
            tcp_proxy(last) if isinstance(last, TcpProxy) else http_connection_manager(last),
        ],
        transport_socket=server_socket(chain.tls) if chain.tls else None,
        transport_socket_connect_timeout=duration(chain.handshake_timeout),
    )


def _filter_chain_match(match: FilterChainMatch) -> Message:
    return given(
        server_names=list(match.server_names) or None,
        transport_protocol=match.transport_protocol or None,
        application_protocols=list(match.application_protocols) or None,
    )
