"""`proxy-config route`: istioctl's table of an Envoy's routes (writer/envoy/configdump/route.go, release 1.31)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

HEADER = ("NAME", "VHOST NAME", "DOMAINS", "MATCH", "VIRTUAL SERVICE")
SHOWN_DOMAINS = 2


def in_order(routes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return route configurations by port, then those whose name is no port."""

    def key(route: Mapping[str, Any]) -> tuple[bool, int, str]:
        name = route.get("name", "")
        return not name.isdecimal(), int(name) if name.isdecimal() else 0, name

    return sorted(routes, key=key)


def rows(routes: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return a line for each route, without those that pass unknown destinations through."""
    return [HEADER, *(row for route in in_order(routes) for row in _of_configuration(route))]


def _of_configuration(configuration: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for host in configuration.get("virtual_hosts", []):
        start = configuration.get("name", ""), host["name"], describe_domains(host["domains"])
        for route in host.get("routes", []):
            if route.get("route", {}).get("cluster") != "PassthroughCluster":
                yield *start, describe_match(route["match"]), describe_management(route)
        if not host.get("routes"):
            yield *start, "/*", "404"


def describe_domains(domains: Sequence[str]) -> str:
    """Return the first two domains without a port, leaving out the longer forms of a name that is there itself."""
    if len(domains) == 1:
        return domains[0]
    bare = [domain for domain in domains if ":" not in domain]
    shown = [domain for domain in bare if not _has_shorter(domain, bare)]
    more = len(shown) - SHOWN_DOMAINS
    return ", ".join(shown[:SHOWN_DOMAINS]) + (f" + {more} more..." if more > 0 else "")


def _has_shorter(domain: str, domains: Sequence[str]) -> bool:
    return any(
        domain.endswith(suffix) and domain.removesuffix(suffix) in domains for suffix in (".svc.cluster.local", ".svc")
    )


def describe_match(match: Mapping[str, Any]) -> str:
    """Return the path condition; headers are not shown, as in istioctl."""
    if "prefix" in match:
        return f"{match['prefix']}*"
    if "path_separated_prefix" in match:
        return f"PathPrefix:{match['path_separated_prefix']}"
    if "safe_regex" in match:
        return f"regex {match['safe_regex']['regex']}"
    return str(match.get("path", ""))


def describe_management(resource: Mapping[str, Any]) -> str:
    """Return NAME.NAMESPACE of the Istio object behind a route or cluster, "" when it is istiod's own doing."""
    path = resource.get("metadata", {}).get("filter_metadata", {}).get("istio", {}).get("config")
    if path is None:
        return ""
    if not path.startswith("/apis/networking.istio.io/"):
        return "<unknown>"
    # "", apis, group, version, namespaces, NAMESPACE, kind, NAME
    _, _, _, _, _, namespace, _, name = path.split("/")
    return f"{name}.{namespace}"
