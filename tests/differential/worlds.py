"""Whole worlds by chance: Services, Deployments, Gateways, DestinationRules, and VirtualServices with every field.

Names are few, so that things meet: hosts overlap, rules shadow each other, subsets are missing.
"""

from random import Random
from typing import Any

from tests.differential.rules import http_rule, maybe

Object = dict[str, Any]

NAMESPACES = ("a", "b")
SERVICES = ("s", "t", "u")
PORTS = (
    {"name": "http", "port": 80, "targetPort": 8080},
    {"name": "http-web", "port": 80},
    {"name": "http2", "port": 8000, "targetPort": "named"},
    {"name": "grpc", "port": 7070},
    {"name": "admin", "port": 8080, "appProtocol": "http"},
    {"name": "tcp", "port": 9000},
    {"port": 8088},
)
GATEWAY_HOSTS = (
    "*",
    "shop.example",
    "*.example",
    "a.eu.example",
    "*.eu.example",
    "a/*",
    "./shop.example",
    "b/*.example",
    "*/shop.example",
    "Shop.Example",
    "s.a.svc.cluster.local",
)
GATEWAY_PORTS = (80, 80, 80, 8080, 8081, 9443, 81)
MESH_HOSTS = ("s", "t", "u", "s.a", "s.a.svc.cluster.local", "t.b.svc.cluster.local", "*.b.svc.cluster.local", "out.io")
OUTER_HOSTS = ("shop.example", "*.example", "a.eu.example", "shop.example", "x.example")


def world(random: Random) -> list[Object]:
    """Return the objects of one world."""
    objects = [_namespace(name) for name in NAMESPACES]
    for namespace in NAMESPACES:
        for name in random.sample(SERVICES, random.randint(1, 2)):
            objects += _application(random, namespace, name)
    gateways = [_gateway(random, name) for name in ("gw", "second")[: random.choice((0, 1, 1, 2))]]
    objects += gateways
    objects += [virtual_service(random, f"vs{number}") for number in range(random.choice((1, 1, 2, 3)))]
    objects += [destination_rule(random, f"dr{number}") for number in range(random.choice((0, 1, 2)))]
    return objects


def _metadata(random: Random, name: str, namespace: str = "") -> Object:
    metadata = {"name": name, "namespace": namespace or random.choice(NAMESPACES)}
    if random.random() < 0.3:
        metadata["creationTimestamp"] = f"2026-01-0{random.randint(1, 3)}T00:00:00Z"
    return metadata


def _namespace(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _application(random: Random, namespace: str, name: str) -> list[Object]:
    ports = random.sample(PORTS, random.choice((1, 1, 1, 2, 3)))
    ports = [port | {"name": port.get("name", f"p{index}")} for index, port in enumerate(_apart(ports))]
    if len(ports) == 1 and random.random() < 0.2:
        ports = [{key: value for key, value in ports[0].items() if key != "name"}]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": ports},
    }
    versions = random.choice((("v1",), ("v1", "v2")))
    return [service, *(_deployment(random, service, version) for version in versions)]


def _apart(ports: list[Object]) -> list[Object]:
    """Return the ports without those whose number another has."""
    return list({port["port"]: port for port in ports}.values())


def _deployment(random: Random, service: Object, version: str) -> Object:
    """Return a Deployment behind a Service: of its ports, the pods declare those that have to have a name."""
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    labels = {"app": name, "version": version}
    named = any(port.get("targetPort") == "named" for port in service["spec"]["ports"])
    container: Object = {"name": "main", "image": "example/app:1"}
    if named:
        container["ports"] = [{"name": "named", "containerPort": 8000}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"{name}-{version}", "namespace": namespace},
        "spec": {
            "replicas": random.choice((0, 1, 1, 2)),
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def gateway(random: Random) -> Object:
    """Return one Gateway."""
    return _gateway(random, random.choice(("gw", "second")))


def _gateway(random: Random, name: str) -> Object:
    servers = []
    for number in range(random.choice((1, 1, 2))):
        port = {"number": random.choice(GATEWAY_PORTS), "name": f"p{number}", "protocol": "HTTP"}
        servers.append({"port": port, "hosts": random.sample(GATEWAY_HOSTS, random.randint(1, 3))})
    spec: Object = {"servers": servers}
    maybe(random, spec, "selector", lambda: {"istio": "ingressgateway"}, 0.9)
    return _configuration("Gateway", _metadata(random, name), spec)


def _configuration(kind: str, metadata: Object, spec: Object) -> Object:
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def virtual_service(random: Random, name: str = "vs") -> Object:
    """Return one VirtualService."""
    gateways = random.choice(([], ["mesh"], ["gw"], ["gw", "mesh"], ["a/gw"], ["a/gw", "b/second", "mesh"], ["b/gw"]))
    hosts = MESH_HOSTS if not gateways or "mesh" in gateways else (*OUTER_HOSTS, "*")
    spec: Object = {"hosts": random.sample(sorted(set(hosts)), random.choice((1, 1, 2)))}
    if gateways:
        spec["gateways"] = gateways
    if "mesh" in gateways and len(gateways) > 1 and random.random() < 0.5:
        spec["hosts"].append("shop.example")
    spec["http"] = [http_rule(random) for _ in range(random.choice((1, 2, 2, 3)))]
    return _configuration("VirtualService", _metadata(random, name), spec)


def destination_rule(random: Random, name: str = "dr") -> Object:
    """Return one DestinationRule: subsets alone."""
    hosts = ("s", "t", "u", "s.a.svc.cluster.local", "t.b.svc.cluster.local", "*.a.svc.cluster.local", "out.io")
    subsets = [_subset(random, version) for version in random.sample(("v1", "v2", "v3"), random.randint(1, 2))]
    return _configuration(
        "DestinationRule", _metadata(random, name), {"host": random.choice(hosts), "subsets": subsets}
    )


def _subset(random: Random, version: str) -> Object:
    subset: Object = {"name": version}
    maybe(random, subset, "labels", lambda: {"version": version}, 0.9)
    return subset
