"""envoy.config.route.v3.RouteConfiguration, and the virtual hosts in it."""

from localmesh.envoy.emit.messages import Message, given
from localmesh.envoy.emit.route import route
from localmesh.proxy.routes import RouteConfiguration, VirtualHost

MAX_DIRECT_RESPONSE_BYTES = 1024 * 1024


def route_configuration(described: RouteConfiguration) -> Message:
    """Return a RouteConfiguration that is served by name.

    A route may name a cluster that is not there: such requests get 503, not the whole configuration refused.
    """
    return {
        "name": described.name,
        "virtual_hosts": [_virtual_host(host) for host in described.virtual_hosts],
        "validate_clusters": False,
        "max_direct_response_body_size_bytes": MAX_DIRECT_RESPONSE_BYTES,
        "ignore_port_in_host_matching": True,
    }


def inline_route_configuration(described: RouteConfiguration) -> Message:
    """Return a RouteConfiguration that is part of its listener."""
    hosts = [_virtual_host(host) for host in described.virtual_hosts]
    return {"name": described.name, "virtual_hosts": hosts, "validate_clusters": False}


def _virtual_host(described: VirtualHost) -> Message:
    return given(
        name=described.name,
        domains=list(described.domains),
        routes=[route(described_route) for described_route in described.routes],
        include_request_attempt_count=described.counts_attempts or None,
    )
