"""xDS resources in one canonical form, and where two of them differ.

istiod writes for a cluster: packets are intercepted, pods have addresses, resources come over one stream. The local
mesh has loopback ports, files, and HTTP proxies. Whatever may differ for that reason, or because protobuf allows two
spellings, is taken out here; whatever is left has to be equal.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAMES_ONLY = {"metadata", "decorator", "alt_stat_name", "stat_prefix", "traffic_direction", "@type"}
"""They show up in statistics, traces and istioctl, not in traffic."""

PLUMBING = {
    "config_source",
    "sds_config",
    "eds_cluster_config",
    "access_log",
    "upstream_bind_config",
    "cleanup_interval",
}
"""Where resources come from, where lines go to, and what tells intercepted traffic apart."""

DEFAULTS = {
    "append_action": "APPEND_IF_EXISTS_OR_ADD",
    "case_sensitive": True,
    "common_http_protocol_options": {},
    "denominator": "HUNDRED",
    "health_status": "HEALTHY",
    "lb_policy": "ROUND_ROBIN",
    "load_balancing_weight": 1,
    "locality": {},
    "merge_slashes": False,
    "numerator": 0,
    "path_redirect": "",
    "priority": 0,
    "response_code": "MOVED_PERMANENTLY",
}
"""Envoy assumes them where the field is absent."""

EMPTY_IS_ABSENT = {"common_lb_config", "healthy_panic_threshold", "percentage"}
INT64 = {"host_selection_retry_max_attempts", "minimum_ring_size", "maximum_ring_size", "table_size"}
DURATION = re.compile(r"-?\d+(\.\d+)?s")

INTERCEPTING = {"PassthroughCluster", "InboundPassthroughCluster", "BlackHoleCluster"}
"""Clusters that are what they are because a cluster intercepts packets."""

GATEWAY = "istio-ingressgateway.istio-system.svc.cluster.local"
"""A Service that the cases do not name; its many ports are looked at elsewhere."""

Json = Any


@dataclass(frozen=True)
class World:
    """What stands behind the made-up addresses of a case."""

    pods: Mapping[str, str]
    cluster_ips: Mapping[str, str]

    @classmethod
    def read(cls, case: Path) -> "World":
        return cls.of(json.loads((case / "index.json").read_text()))

    @classmethod
    def of(cls, index: Mapping[str, Json]) -> "World":
        pods = {pod["ip"]: f"{pod['namespace']}/{pod.get('deployment')}/{pod['name']}" for pod in index["pods"]}
        return cls(pods, {each["cluster_ip"]: each["host"] for each in index["services"] if each.get("cluster_ip")})


def tidy(node: Json) -> Json:
    """Drop names, plumbing and defaults; spell durations and numbers in one way; sort what is ANDed."""
    if isinstance(node, list):
        return [tidy(each) for each in node]
    if not isinstance(node, dict):
        return _scalar(node)
    tidied = {
        key: int(value) if key in INT64 else tidy(value)
        for key, value in node.items()
        if key not in NAMES_ONLY | PLUMBING
    }
    kept = {key: value for key, value in tidied.items() if not _is_default(key, value)}
    if "headers" in kept:
        kept["headers"] = sorted(kept["headers"], key=lambda each: json.dumps(each, sort_keys=True))
    return kept


def _is_default(key: str, value: Json) -> bool:
    if key in DEFAULTS and value == DEFAULTS[key]:
        return True
    if key == "value" and value in (0, ""):
        return True
    return value == [] or (value == {} and key in EMPTY_IS_ABSENT)


def _scalar(value: Json) -> Json:
    if isinstance(value, str) and DURATION.fullmatch(value):
        return f"{float(value[:-1]):.9f}".rstrip("0").rstrip(".") + "s"
    return value


def lds(resources: Sequence[Json], world: World) -> Json:
    """Return the connection managers by the routes they serve; sockets and filter chains are the mesh's own affair."""
    found = {}
    for manager in _connection_managers(list(resources)):
        routes = manager.get("rds", {}).get("route_config_name") or manager["route_config"]["name"]
        if routes != "InboundPassthroughCluster" and not routes.startswith(GATEWAY):
            body = tidy({key: value for key, value in manager.items() if key not in ("rds", "route_config")})
            inline = manager.get("route_config", {}).get("virtual_hosts", [])
            found[routes] = body | {"domains": _domains(inline, world)}
    return found


def _connection_managers(node: Json) -> Iterator[Json]:
    if isinstance(node, dict):
        if str(node.get("@type", "")).endswith("HttpConnectionManager"):
            yield node
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from _connection_managers(each)


def inbound(resources: Sequence[Json]) -> Json:
    """Return what the listeners of container ports make of connections, by port: matches, TLS and kinds of filters."""
    chains = {
        (chain.get("name") or each["name"].removeprefix("inbound_")): []
        for each in resources
        if each.get("traffic_direction") == "INBOUND"
        for chain in each["filter_chains"]
    }
    for each in resources:
        for chain in each.get("filter_chains", ()) if each.get("traffic_direction") == "INBOUND" else ():
            chains[chain.get("name") or each["name"].removeprefix("inbound_")].append(_chain(chain))
    return {name: sorted(found, key=str) for name, found in chains.items() if not name.startswith("virtualInbound")}


def _chain(chain: Json) -> Json:
    match = {key: value for key, value in chain.get("filter_chain_match", {}).items() if key != "destination_port"}
    return tidy({
        "match": match,
        "tls": chain.get("transport_socket", {}),
        "filters": [each["name"] for each in chain["filters"]],
    })  # fmt: skip


def rds(resources: Sequence[Json], world: World) -> Json:
    """Return route configurations as maps of domains: names, grouping and order of virtual hosts mean nothing.

    One that several listeners follow may be there again without its virtual hosts: no proxy asks for it twice.
    """
    return {
        each["name"]: {
            "flags": tidy({key: value for key, value in each.items() if key not in ("name", "virtual_hosts")}),
            "domains": _domains(each.get("virtual_hosts", []), world),
        }
        for each in sorted(resources, key=lambda each: bool(each.get("virtual_hosts")))
        if not each["name"].startswith(GATEWAY)
    }


def _domains(hosts: Sequence[Json], world: World) -> Json:
    return {
        _domain(domain, world): tidy({key: value for key, value in host.items() if key not in ("name", "domains")})
        for host in hosts
        if not host["name"].startswith(GATEWAY)
        for domain in host["domains"]
    }


def _domain(domain: str, world: World) -> str:
    name, colon, port = domain.partition(":")
    return f"cluster IP of {world.cluster_ips[name]}{colon}{port}" if name in world.cluster_ips else domain


def cds(resources: Sequence[Json], _: World) -> Json:
    """Return clusters by name. How inbound ones find the application is the mesh's own affair; the rest counts."""
    found = {}
    for cluster in resources:
        name = cluster["name"]
        if name not in INTERCEPTING and not name.endswith(GATEWAY):
            own = ("type", "lb_policy") if name.startswith("inbound|") else ()
            left_out = ("name", "load_assignment", *own)
            found[name] = tidy({key: value for key, value in cluster.items() if key not in left_out})
    return found


def eds(resources: Sequence[Json], world: World) -> Json:
    """Return endpoints by cluster as pod, port, weight and health."""
    return {
        each["cluster_name"]: sorted(_endpoints(each, world))
        for each in resources
        if not each["cluster_name"].endswith(GATEWAY)
    }


def _endpoints(assignment: Json, world: World) -> Iterator[tuple[str, int, int, str, Json]]:
    for group in assignment.get("endpoints", []):
        for each in group["lb_endpoints"]:
            address = each["endpoint"]["address"]["socket_address"]
            pod = world.pods.get(address["address"], address["address"])
            metadata = each.get("metadata", {}).get("filter_metadata", {})
            mode = metadata.get("envoy.transport_socket_match", {}).get("tlsMode", "")
            health = each.get("health_status", "HEALTHY")
            yield pod, address["port_value"], each.get("load_balancing_weight", 1), health, mode


KINDS = {"lds": lds, "rds": rds, "cds": cds, "eds": eds}


def differences(theirs: Json, ours: Json, path: str = "") -> Iterator[str]:
    """Yield a line for each leaf in which two canonical forms differ."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted(theirs.keys() | ours.keys()):
            if key not in ours:
                yield f"{path}/{key}: missing, istiod has {json.dumps(theirs[key])[:300]}"
            elif key not in theirs:
                yield f"{path}/{key}: only here: {json.dumps(ours[key])[:300]}"
            else:
                yield from differences(theirs[key], ours[key], f"{path}/{key}")
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (one, other) in enumerate(zip(theirs, ours, strict=True)):
            yield from differences(one, other, f"{path}[{index}]")
    elif theirs != ours:
        yield f"{path}: {json.dumps(ours)[:300]}, istiod has {json.dumps(theirs)[:300]}"
