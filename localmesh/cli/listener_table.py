"""`proxy-config listener`: istioctl's table of an Envoy's listeners (writer/envoy/configdump/listener.go, 1.31)."""

from collections.abc import Mapping, Sequence
from typing import Any

from localmesh.cli.route_table import describe_match

HEADER = ("ADDRESSES", "PORT", "MATCH", "DESTINATION")
MANAGER = "envoy.filters.network.http_connection_manager"
TCP_PROXY = "envoy.filters.network.tcp_proxy"
BLACK_HOLE = "BlackHoleCluster"
PLAIN_ALPN = ("http/1.0", "http/1.1", "h2c")


def address_of(listener: Mapping[str, Any]) -> tuple[str, int]:
    """Return where a listener answers."""
    address = listener["address"]["socket_address"]
    return address["address"], address["port_value"]


def in_order(listeners: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return listeners by port, address and type."""
    return sorted(listeners, key=lambda listener: (*reversed(address_of(listener)), type_of(listener)))


def rows(listeners: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return a line for each filter chain."""
    lines: list[tuple[str, ...]] = [HEADER]
    for listener in in_order(listeners):
        address, port = address_of(listener)
        chains = [(_describe_chain_match(chain), _destination(chain)) for chain in _chains(listener)]
        chains.sort(key=lambda chain: chain[1], reverse=True)
        lines += [(address, str(port), *chain) for chain in chains]
    return lines


def type_of(listener: Mapping[str, Any]) -> str:
    """Return HTTP, TCP, HTTP+TCP or UNKNOWN, by what the filter chains do."""
    filters = [item for chain in _chains(listener) for item in chain.get("filters", [])]
    names = {item["name"] for item in filters if item.get("typed_config", {}).get("cluster") != BLACK_HOLE}
    types = [label for label, name in (("HTTP", MANAGER), ("TCP", TCP_PROXY)) if name in names]
    return "+".join(types) or "UNKNOWN"


def _chains(listener: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    default = listener.get("default_filter_chain")
    return [*listener.get("filter_chains", []), *([default] if default else [])]


def _describe_chain_match(chain: Mapping[str, Any]) -> str:
    match = chain.get("filter_chain_match", {})
    described = []
    if match.get("server_names"):
        described.append(f"SNI: {','.join(match['server_names'])}")
    if match.get("transport_protocol"):
        described.append(f"Trans: {match['transport_protocol']}")
    if match.get("application_protocols"):
        protocols = tuple(match["application_protocols"])
        described.append("App: HTTP" if protocols == PLAIN_ALPN else f"App: {','.join(protocols)}")
    ranges = ",".join(
        f"{item['address_prefix']}/{item.get('prefix_len', 0)}" for item in match.get("prefix_ranges", [])
    )
    port = f":{match['destination_port']}" if "destination_port" in match else ""
    if ranges or port:
        described.append(f"Addr: {ranges or '*'}{port}")
    return "; ".join(described) or "ALL"


def _destination(chain: Mapping[str, Any]) -> str:
    for item in chain.get("filters", []):
        config = item.get("typed_config", {})
        if item["name"] == MANAGER:
            return _of_manager(config)
        if item["name"] == TCP_PROXY and config.get("cluster") != BLACK_HOLE:
            return _describe_cluster(config.get("cluster", ""))
    return "Non-HTTP/Non-TCP"


def _of_manager(config: Mapping[str, Any]) -> str:
    if "route_config" in config:
        return _describe_inline(config["route_config"])
    name = config.get("rds", {}).get("route_config_name")
    return f"Route: {name}" if name else "HTTP"


def _describe_inline(configuration: Mapping[str, Any]) -> str:
    """Return the one cluster that a route configuration leads to, else its hosts and paths."""
    hosts = configuration.get("virtual_hosts", [])
    routes = hosts[0].get("routes", []) if len(hosts) == 1 and hosts[0]["domains"] == ["*"] else []
    if len(routes) == 1 and routes[0]["match"].get("prefix") == "/" and "cluster" in routes[0].get("route", {}):
        return _describe_cluster(routes[0]["route"]["cluster"])
    return f"Inline Route: {'; '.join(map(_describe_host, hosts))}"


def _describe_host(host: Mapping[str, Any]) -> str:
    domains = "" if host["domains"] == ["*"] else "/".join(host["domains"]) + " "
    return domains + ", ".join(describe_match(route["match"]) for route in host.get("routes", []))


def _describe_cluster(name: str) -> str:
    return name if "Cluster" in name else f"Cluster: {name}"
