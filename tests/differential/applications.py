"""Services and what is behind them by chance: protocols, ports, visibility, Services that share pods."""

from random import Random
from typing import Any

from tests.differential.rules import maybe

Object = dict[str, Any]

PORTS: tuple[Object, ...] = (
    {"name": "http", "port": 80, "targetPort": 8080},
    {"name": "http", "port": 80, "targetPort": 8080},
    {"name": "http-web", "port": 80},
    {"name": "http2", "port": 8000, "targetPort": "named"},
    {"name": "grpc", "port": 7070},
    {"name": "grpc-web", "port": 7071, "targetPort": 8080},
    {"name": "admin", "port": 8080, "appProtocol": "http"},
    {"name": "secure", "port": 8443, "appProtocol": "kubernetes.io/wss"},
    {"name": "chat", "port": 8444, "appProtocol": "kubernetes.io/ws"},
    {"name": "clear", "port": 8445, "appProtocol": "kubernetes.io/h2c", "targetPort": 8080},
    {"name": "other", "port": 8446, "appProtocol": "example.com/own"},
    {"name": "tcp", "port": 9000},
    {"name": "tls-x", "port": 9001, "targetPort": 8080},
    {"name": "udp", "port": 9002, "targetPort": 8080},
    {"name": "dns", "port": 9003, "protocol": "UDP"},
    {"name": "mail", "port": 25, "targetPort": 8025},
    {"name": "sql", "port": 3306},
    {"name": "own", "port": 15001, "appProtocol": "http", "targetPort": 8080},
    {"name": "gone", "port": 8090, "targetPort": "absent"},
    {"port": 8088},
)
EXPORTS = (".", "*", "a", "b, istio-system", ".,b")
"""Not `~`: whether what leads to such a Service finds its pods depends on which of istiod's threads is first."""

EDGE_PORTS: tuple[Object, ...] = (
    {"name": "http2", "port": 80, "targetPort": 8080},
    {"name": "http", "port": 8080, "targetPort": 80},
    {"name": "http-more", "port": 81, "targetPort": 8080},
    {"name": "grpc", "port": 8081, "targetPort": 8080},
    {"name": "http-high", "port": 9443},
)
NEAR = ("PreferClose", "PreferSameZone", "PreferSameNode")
ACCOUNTS = (
    {"alpha.istio.io/kubernetes-serviceaccounts": "old,older"},
    {"alpha.istio.io/canonical-serviceaccounts": "spiffe://elsewhere/sa,old@b"},
)


def application(random: Random, namespace: str, name: str) -> list[Object]:
    """Return a Service, one or two Deployments behind it, and now and then another Service before the same pods."""
    services = [_service(random, namespace, name, name)]
    if random.random() < 0.2:
        services.append(_service(random, namespace, f"{name}-{random.choice('az')}", name))
    versions = random.choice((("v1",), ("v1", "v2")))
    others = [_disruption_budget(namespace, name)] if random.random() < 0.1 else []
    return [*services, *(_deployment(random, services, name, version) for version in versions), *others]


def _service(random: Random, namespace: str, name: str, app: str) -> Object:
    chosen = random.sample(PORTS, random.choice((1, 1, 1, 2, 3)))
    apart = list({port["port"]: port for port in chosen}.values())
    ports = list(
        {port["name"]: port for index, each in enumerate(apart) for port in [{"name": f"p{index}"} | each]}.values()
    )
    if len(ports) == 1 and random.random() < 0.2:
        ports = [{key: value for key, value in ports[0].items() if key != "name"}]
    spec: Object = {"selector": {"app": app}, "ports": ports}
    maybe(random, spec, "clusterIP", lambda: "None", 0.12)
    maybe(random, spec, "trafficDistribution", lambda: random.choice(NEAR), 0.08)
    maybe(random, spec, "publishNotReadyAddresses", lambda: True, 0.05)
    metadata: Object = {"name": name, "namespace": namespace}
    exports = {"networking.istio.io/exportTo": random.choice(EXPORTS)}
    maybe(random, metadata, "annotations", lambda: exports, 0.12)
    if random.random() < 0.05:
        metadata["annotations"] = metadata.get("annotations", {}) | random.choice(ACCOUNTS)
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _deployment(random: Random, services: list[Object], name: str, version: str) -> Object:
    """Return a Deployment: of its ports, the pods declare those that have to have a name, and some for nobody."""
    labels = {"app": name, "version": version}
    leaving = {"istio.io/draining": "true"} if random.random() < 0.03 else {}
    targets = {port.get("targetPort") for service in services for port in service["spec"]["ports"]}
    declared = [{"name": "named", "containerPort": 8000}] if "named" in targets else []
    declared += [{"containerPort": 7000}] if random.random() < 0.15 else []
    container: Object = {"name": "main", "image": "example/app:1"} | ({"ports": declared} if declared else {})
    # Of two pods behind a headless port of which nothing is said, the oracle asks for the routes twice.
    replicas = random.choice((0, 1, 1)) if any("clusterIP" in each["spec"] for each in services) else None
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"{name}-{version}", "namespace": services[0]["metadata"]["namespace"]},
        "spec": {
            "replicas": random.choice((0, 1, 1, 2)) if replicas is None else replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels | leaving}, "spec": {"containers": [container]}},
        },
    }


def edge(random: Random, namespace: str) -> list[Object]:
    """Return a gateway of one's own, most often with a Service before it."""
    labels = {"istio": "edge"}
    metadata: Object = {"name": "edge", "namespace": namespace}
    template = {
        "metadata": {"labels": labels, "annotations": {"inject.istio.io/templates": "gateway"}},
        "spec": {"containers": [{"name": "istio-proxy", "image": "istio/proxyv2:1.31.1"}]},
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    ports = random.sample(EDGE_PORTS, random.choice((1, 2, 3)))
    spec = {"selector": labels, "ports": ports}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    return [deployment, service] if random.random() < 0.8 else [deployment]


def other_name(random: Random, namespace: str) -> Object:
    """Return a Service that is another name: for a Service, for itself over another one, or for what is outside."""
    hosts = ("s.a.svc.cluster.local", "t.b.svc.cluster.local", "u.a.svc.cluster.local", "out.example")
    spec: Object = {"type": "ExternalName", "externalName": random.choice((*hosts, "alias.a.svc.cluster.local"))}
    ports = {port["port"]: port for port in random.sample(PORTS[:7], random.choice((1, 1, 2)))}
    maybe(random, spec, "ports", lambda: [port | {"targetPort": port["port"]} for port in ports.values()], 0.8)
    metadata: Object = {"name": "alias", "namespace": namespace}
    exports = {"networking.istio.io/exportTo": random.choice(EXPORTS)}
    maybe(random, metadata, "annotations", lambda: exports, 0.1)
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _disruption_budget(namespace: str, name: str) -> Object:
    metadata = {"name": name, "namespace": namespace}
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": name}}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": spec}
