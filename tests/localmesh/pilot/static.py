"""Resources of many proxies in one static bootstrap, so that one run of Envoy judges them all."""

import json
import subprocess
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from localmesh.envoy.binary import envoy_binary
from localmesh.envoy.resources import Resources

Json = Any

XDS = {"name": "xds", "type": "STATIC", "load_assignment": {"cluster_name": "xds"}}
CERTIFICATES = {
    "api_config_source": {
        "api_type": "GRPC",
        "transport_api_version": "V3",
        "grpc_services": [{"envoy_grpc": {"cluster_name": "xds"}}],
    },
    "initial_fetch_timeout": "0s",
    "resource_api_version": "V3",
}
"""From where certificates would come: while it only validates, this Envoy has no stream, and crashes without."""


def bootstrap(proxies: Mapping[str, Resources]) -> Json:
    """Return one bootstrap; each proxy's clusters get the proxy's name, each listener a port of its own."""
    ports = count(20000)
    listeners: list[Json] = []
    clusters: list[Json] = []
    for name, resources in proxies.items():
        own_listeners, own_clusters = inlined(resources)
        renamed = {each["name"]: f"{name}/{each['name']}" for each in own_clusters}
        for each in own_listeners:
            each["name"] = f"{name}/{each['name']}"
            each["address"]["socket_address"]["port_value"] = next(ports)
        listeners += _renamed(own_listeners, renamed)
        clusters += _renamed(own_clusters, renamed)
    return {
        "node": {"id": "many", "cluster": "many"},
        "static_resources": {"listeners": listeners, "clusters": [*clusters, XDS]},
    }


def inlined(resources: Resources) -> tuple[list[Json], list[Json]]:
    """Return a proxy's listeners with their routes in them, and its clusters with their endpoints in them."""
    routes = {each["name"]: each for each in resources.rds}
    endpoints = {each["cluster_name"]: each for each in resources.eds}
    return _with_routes(list(resources.lds), routes), [_with_endpoints(each, endpoints) for each in resources.cds]


def _with_routes(node: Json, routes: Mapping[str, Json]) -> Json:
    if isinstance(node, list):
        return [_with_routes(each, routes) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        "route_config" if key == "rds" else key: (
            routes[value["route_config_name"]] if key == "rds" else _with_routes(value, routes)
        )
        for key, value in node.items()
    }


def _with_endpoints(cluster: Json, endpoints: Mapping[str, Json]) -> Json:
    if cluster["type"] != "EDS":
        return cluster
    kept = {key: value for key, value in cluster.items() if key != "eds_cluster_config"}
    return kept | {"type": "STATIC", "load_assignment": endpoints[cluster["name"]]}


def _renamed(node: Json, names: Mapping[str, str]) -> Json:
    """Return resources with clusters under their new names."""
    if isinstance(node, list):
        return [_renamed(each, names) for each in node]
    if isinstance(node, dict):
        return {key: CERTIFICATES if key == "sds_config" else _renamed(value, names) for key, value in node.items()}
    return names.get(node, node) if isinstance(node, str) else node


def envoy_complaints(config: Json, folder: Path) -> str:
    """Return what a real Envoy has against a configuration, nothing if it takes it."""
    path = folder / "bootstrap.json"
    path.write_text(json.dumps(config))
    run = subprocess.run(
        [envoy_binary(), "--mode", "validate", "-c", path, "--log-level", "error"],
        capture_output=True,
        text=True,
        check=False,
    )
    return "" if run.returncode == 0 else run.stdout + run.stderr
