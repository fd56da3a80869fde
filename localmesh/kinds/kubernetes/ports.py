"""What a Service's port speaks, as Istio tells it from `appProtocol` or from the port's name."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Protocol(StrEnum):
    """What the proxies have to know of a protocol."""

    HTTP = "HTTP"
    """HTTP/1.1, and whatever an HTTP proxy upgrades from it."""

    HTTP2 = "HTTP2"
    """HTTP/2 without negotiation."""

    GRPC = "GRPC"
    """HTTP/2 whose calls nobody repeats on the server's side."""

    GRPC_WEB = "GRPC_WEB"
    """gRPC, or what browsers make of it, which the server's side turns into gRPC."""

    SNIFFED = "SNIFFED"
    """Not said: the proxy looks at the first bytes."""

    TCP = "TCP"
    """Bytes: no routes, no retries, no access log by request."""

    UDP = "UDP"
    """Never sees a proxy."""

    @property
    def is_http(self) -> bool:
        """Whether requests on such a port are routed one by one."""
        return self in (Protocol.HTTP, Protocol.SNIFFED) or self.is_http2

    @property
    def is_spoken_http(self) -> bool:
        """Whether it is said that requests are routed one by one."""
        return self.is_http and self is not Protocol.SNIFFED

    @property
    def is_http2(self) -> bool:
        """Whether it is HTTP/2 from the first byte."""
        return self in (Protocol.HTTP2, Protocol.GRPC, Protocol.GRPC_WEB)


_BY_NAME = {
    "http": Protocol.HTTP,
    "http_proxy": Protocol.HTTP,
    "http2": Protocol.HTTP2,
    "grpc": Protocol.GRPC,
    "https": Protocol.TCP,
    "tls": Protocol.TCP,
    "tcp": Protocol.TCP,
    "mongo": Protocol.TCP,
    "mysql": Protocol.TCP,
    "redis": Protocol.TCP,
    "udp": Protocol.UDP,
}
_KUBERNETES = {
    "kubernetes.io/h2c": Protocol.HTTP2,
    "kubernetes.io/ws": Protocol.HTTP,
    "kubernetes.io/wss": Protocol.TCP,
}
_WELL_KNOWN = (25, 53, 3306, 27017)
"""SMTP, DNS, MySQL, MongoDB: there the server speaks first, or no HTTP at all, so nobody looks at first bytes."""


def protocol_of(port: Mapping[str, Any]) -> Protocol:
    """Return what one entry of a Service's `spec.ports` speaks.

    `appProtocol` has the last word, then the port's name up to the first hyphen (`http-admin`); `grpc-web` is the one
    name that has a hyphen of its own. Source: ConvertProtocol in pkg/config/kube/conversion.go of Istio 1.31.
    """
    if port.get("protocol", "TCP") == "UDP":
        return Protocol.UDP
    app_protocol = port.get("appProtocol")
    if app_protocol in _KUBERNETES:
        return _KUBERNETES[app_protocol]
    name = (port.get("name", "") if app_protocol is None else app_protocol).lower()
    if name.startswith("grpc-web"):
        return Protocol.GRPC_WEB
    unsaid = Protocol.TCP if port["port"] in _WELL_KNOWN else Protocol.SNIFFED
    return _BY_NAME.get(name.partition("-")[0], unsaid)
