"""`proxy-config cluster` and `endpoint`: istioctl's tables (writer/envoy/{configdump/cluster,clusters}.go, 1.31)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from localmesh.cli.route_table import describe_management
from localmesh.proxy.names import ClusterName

CLUSTERS = ("SERVICE FQDN", "PORT", "SUBSET", "DIRECTION", "TYPE", "DESTINATION RULE")
ENDPOINTS = ("ENDPOINT", "STATUS", "OUTLIER CHECK", "CLUSTER")


def clusters_in_order(clusters: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return clusters by host, subset, port and direction."""
    return sorted(clusters, key=lambda cluster: ClusterName.of(cluster["name"]))


def cluster_rows(clusters: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return a line for each cluster."""
    return [CLUSTERS, *map(_cluster_row, clusters_in_order(clusters))]


def _cluster_row(cluster: Mapping[str, Any]) -> tuple[str, ...]:
    key = ClusterName.of(cluster["name"])
    # A field that has protobuf's default, STATIC here, is not in the dump.
    end = cluster.get("type", "STATIC"), describe_management(cluster)
    if not key.direction:
        return key.host, "-", "-", "-", *end
    return key.host, str(key.port), key.subset or "-", key.direction, *end


def endpoint_rows(clusters: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Return a line for each host of each cluster, by address and port."""
    endpoints = [(*address_of(host), cluster["name"], host) for cluster, host in hosts_of(clusters)]
    endpoints.sort(key=lambda item: item[:3])
    return [ENDPOINTS, *(_endpoint_row(*item) for item in endpoints)]


def hosts_of(clusters: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield each host with its cluster."""
    for cluster in clusters:
        for host in cluster.get("host_statuses", []):
            yield cluster, host


def address_of(host: Mapping[str, Any]) -> tuple[str, int]:
    """Return a host's address; a pipe's path has the port 0."""
    address = host["address"]
    if "socket_address" in address:
        return address["socket_address"]["address"], address["socket_address"]["port_value"]
    return f"unix://{address['pipe']['path']}", 0


def status_of(host: Mapping[str, Any]) -> str:
    """Return the health that a host was given by its endpoint's resource."""
    return str(host.get("health_status", {}).get("eds_health_status", "UNKNOWN"))


def _endpoint_row(address: str, port: int, cluster: str, host: Mapping[str, Any]) -> tuple[str, ...]:
    ejected = host.get("health_status", {}).get("failed_outlier_check")
    return f"{address}:{port}" if port else address, status_of(host), "FAILED" if ejected else "OK", cluster
