"""What istiod's webhook says of a Gateway, in its words.

Source: pkg/config/validation/validation.go of Istio 1.31.
"""

from collections.abc import Iterator

from localmesh.core.objects import Key
from localmesh.kinds.addresses import GATEWAY_HTTP_PORT, HTTP_PORT
from localmesh.kinds.istio.hosts import domain_complaint, is_address, is_label, is_partial_wildcard
from localmesh.kinds.istio.types.gateway import Gateway, Server
from localmesh.kinds.review import Problem, Review
from localmesh.kinds.syntax import HIGHEST_PORT


def review_gateway(key: Key, gateway: Gateway) -> Review:
    """Judge a Gateway."""
    return Review((*_name_problems(key.name), *_problems(gateway)), tuple(_warnings(gateway)))


def _problems(gateway: Gateway) -> Iterator[Problem]:
    if not gateway.servers:
        yield Problem("spec.servers", "gateway must have at least one server")
    names: set[str] = set()
    for index, server in enumerate(gateway.servers):
        path = f"spec.servers[{index}]"
        yield from _server_problems(path, server)
        if server.port.name in names:
            yield Problem(
                f"{path}.port.name", f"port names in servers must be unique: duplicate name {server.port.name}"
            )
        names.add(server.port.name)


def _name_problems(name: str) -> Iterator[Problem]:
    """Yield the webhook's complaint about a name that VirtualServices could not say."""
    if not is_label(name):
        yield Problem("metadata.name", f'invalid gateway name: "{name}"')


def _warnings(gateway: Gateway) -> Iterator[str]:
    """Yield what is taken as it is in a cluster, and surprises there as here."""
    for index, server in enumerate(gateway.servers):
        if server.port.number not in (HTTP_PORT, GATEWAY_HTTP_PORT):
            yield (
                f"spec.servers[{index}].port.number: {server.port.number} can be reached only if the gateway's Service"
                f" has this port; istio-ingressgateway has {HTTP_PORT} for plain HTTP"
            )


def _server_problems(path: str, server: Server) -> Iterator[Problem]:
    if not server.hosts:
        yield Problem(f"{path}.hosts", "server config must contain at least one host")
    for index, host in enumerate(server.hosts):
        for complaint in _host_complaints(host):
            yield Problem(f"{path}.hosts[{index}]", complaint)
    if not 1 <= server.port.number <= HIGHEST_PORT:
        yield Problem(f"{path}.port.number", f"port number {server.port.number} must be in the range 1..{HIGHEST_PORT}")
    if not server.port.name:
        yield Problem(f"{path}.port.name", "port name must be set")


def _host_complaints(entry: str) -> Iterator[str]:
    namespace, slash, host = entry.partition("/")
    if not slash:
        yield from _dns_name_complaints(entry)
        return
    if not (namespace and host):
        yield "config namespace and dnsName in host entry cannot be empty"
    if namespace not in ("*", ".") and not is_label(namespace):
        yield f'invalid namespace value "{namespace}" in gateway'
    yield from _dns_name_complaints(host)


def _dns_name_complaints(host: str) -> Iterator[str]:
    if host != "*" and "." not in host:
        yield f"short names (non FQDN) are not allowed: {host!r}"
    if (complaint := domain_complaint(host)) and not is_address(host):
        yield complaint
    if is_partial_wildcard(host):
        yield f'partial wildcard "{host}" not allowed'
