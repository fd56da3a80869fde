"""envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy."""

from localmesh.envoy.emit.access_log import access_log
from localmesh.envoy.emit.messages import Message, any_of
from localmesh.proxy.listeners import TcpProxy

_TYPE = "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"


def tcp_proxy(described: TcpProxy) -> Message:
    """Return a network filter that passes bytes on."""
    cluster = described.cluster
    proxy = any_of(_TYPE, stat_prefix=cluster, cluster=cluster, access_log=access_log())
    return {"name": "envoy.filters.network.tcp_proxy", "typed_config": proxy}
