"""Whole worlds by chance: applications, Gateways, routing rules and policies with every field that is honoured.

Names are few, so that things meet: hosts overlap, rules shadow each other, subsets are missing.
"""

from random import Random
from typing import Any

from tests.differential.applications import application, edge, other_name
from tests.differential.policies import traffic_policy
from tests.differential.rules import http_rule, maybe
from tests.differential.security import (
    authorization_policy,
    identity_policy,
    peer_authentication,
    request_authentication,
)

Object = dict[str, Any]

NAMESPACES = ("a", "b")
SERVICES = ("s", "t", "u")
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
GATEWAY_SELECTORS = (*[{"istio": "ingressgateway"}] * 4, {"istio": "edge"})
GATEWAY_PORTS = (80, 80, 80, 8080, 8081, 9443, 81)
MESH_HOSTS = (
    "s",
    "t",
    "u",
    "alias",
    "s.a",
    "s.a.svc.cluster.local",
    "t.b.svc.cluster.local",
    "*.b.svc.cluster.local",
    "*s.a.svc.cluster.local",
    "out.io",
)
EXPORTS = (["."], ["*"], ["a"], ["b"], ["a", "b"], ["istio-system"], [".", "istio-system"])
OUTER_HOSTS = ("shop.example", "*.example", "a.eu.example", "shop.example", "x.example")


def world(random: Random) -> list[Object]:
    """Return the objects of one world."""
    objects = [_namespace(random, name) for name in NAMESPACES]
    for namespace in NAMESPACES:
        for name in random.sample(SERVICES, random.randint(1, 2)):
            objects += application(random, namespace, name)
        objects += [other_name(random, namespace)] if random.random() < 0.1 else []
    objects += edge(random, random.choice(NAMESPACES)) if random.random() < 0.15 else []
    gateways = [_gateway(random, name) for name in ("gw", "second")[: random.choice((0, 1, 1, 2))]]
    objects += gateways
    objects += [virtual_service(random, f"vs{number}") for number in range(random.choice((1, 1, 2, 3)))]
    objects += [destination_rule(random, f"dr{number}") for number in range(random.choice((0, 1, 2, 3)))]
    objects += [authorization_policy(random, f"ap{number}") for number in range(random.choice((0, 0, 0, 1, 2)))]
    objects += [request_authentication(random, f"ra{number}") for number in range(random.choice((0, 0, 0, 1)))]
    objects += [_mesh_config(random)] if random.random() < 0.1 else []
    return objects


def tls_world(random: Random) -> list[Object]:
    """Return the objects of one world whose proxies speak TLS to each other: who may, must, and is asked who they are.

    Some pods have a service account of their own, some no proxy.
    """
    objects = world(random)
    for obj in objects:
        if obj["kind"] == "Deployment" and obj["metadata"]["name"] != "edge":
            template = obj["spec"]["template"]
            maybe(random, template["spec"], "serviceAccountName", lambda: random.choice(SERVICES), 0.5)
            if random.random() < 0.1:
                template["metadata"]["annotations"] = {"sidecar.istio.io/inject": "false"}
        if obj["kind"] == "DestinationRule":
            _ask_for_tls(random, obj["spec"])
    objects += [peer_authentication(random, f"pa{number}") for number in range(random.choice((0, 1, 2, 3)))]
    objects += [identity_policy(random, f"ip{number}") for number in range(random.choice((0, 0, 1, 2)))]
    return objects


def _ask_for_tls(random: Random, rule: Object) -> None:
    """Have some of a DestinationRule's policies say whether there is to be TLS."""
    policies = [owner["trafficPolicy"] for owner in (rule, *rule.get("subsets", ())) if "trafficPolicy" in owner]
    policies += [setting for policy in policies for setting in policy.get("portLevelSettings", ())]
    for policy in policies:
        maybe(random, policy, "tls", lambda: {"mode": random.choice(("ISTIO_MUTUAL", "ISTIO_MUTUAL", "DISABLE"))}, 0.4)


def _mesh_config(random: Random) -> Object:
    """Return Istio's mesh configuration, now and then with what is refused by name."""
    settings = ("outboundTrafficPolicy: {mode: ALLOW_ANY}", "rootNamespace: istio-system", "trustDomain: cluster.local")
    refused = ("outboundTrafficPolicy: {mode: REGISTRY_ONLY}", "defaultHttpRetryPolicy: {attempts: 5}")
    text = random.choice((*settings, *settings, *refused))
    metadata = {"name": "istio", "namespace": "istio-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"mesh": text}}


def _metadata(random: Random, name: str, namespace: str = "") -> Object:
    metadata = {"name": name, "namespace": namespace or random.choice(NAMESPACES)}
    if random.random() < 0.3:
        metadata["creationTimestamp"] = f"2026-01-0{random.randint(1, 3)}T00:00:00Z"
    return metadata


def _namespace(random: Random, name: str) -> Object:
    metadata: Object = {"name": name}
    near = {"networking.istio.io/traffic-distribution": random.choice(("PreferClose", "Any"))}
    maybe(random, metadata, "annotations", lambda: near, 0.05)
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def gateway(random: Random) -> Object:
    """Return one Gateway."""
    return _gateway(random, random.choice(("gw", "second")))


def _gateway(random: Random, name: str) -> Object:
    servers = []
    for number in range(random.choice((1, 1, 2))):
        port = {"number": random.choice(GATEWAY_PORTS), "name": f"p{number}", "protocol": "HTTP"}
        servers.append({"port": port, "hosts": random.sample(GATEWAY_HOSTS, random.randint(1, 3))})
    spec: Object = {"servers": servers}
    maybe(random, spec, "selector", lambda: random.choice(GATEWAY_SELECTORS), 0.9)
    return _configuration("Gateway", _metadata(random, name), spec)


def _configuration(kind: str, metadata: Object, spec: Object) -> Object:
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def virtual_service(random: Random, name: str = "vs") -> Object:
    """Return one VirtualService."""
    gateways = random.choice(([], ["mesh"], ["gw"], ["gw", "mesh"], ["a/gw"], ["a/gw", "b/second", "mesh"], ["b/gw"]))
    hosts = MESH_HOSTS if not gateways or "mesh" in gateways else (*OUTER_HOSTS, "*")
    spec: Object = {"hosts": random.sample(sorted(set(hosts)), random.choice((1, 1, 1, 1, 2)))}
    if gateways:
        spec["gateways"] = gateways
    if "mesh" in gateways and len(gateways) > 1 and random.random() < 0.5:
        spec["hosts"].append("shop.example")
    spec["http"] = [http_rule(random) for _ in range(random.choice((1, 2, 2, 3)))]
    maybe(random, spec, "exportTo", lambda: random.choice(EXPORTS), 0.15)
    return _configuration("VirtualService", _metadata(random, name), spec)


def destination_rule(random: Random, name: str = "dr") -> Object:
    """Return one DestinationRule."""
    hosts = (
        "s",
        "t",
        "u",
        "s.a.svc.cluster.local",
        "t.b.svc.cluster.local",
        "*.a.svc.cluster.local",
        "*s.a.svc.cluster.local",
        "out.io",
    )
    spec: Object = {"host": random.choice(hosts)}
    maybe(random, spec, "subsets", lambda: _subsets(random), 0.8)
    maybe(random, spec, "trafficPolicy", lambda: traffic_policy(random), 0.5)
    if random.random() < 0.1:
        spec["workloadSelector"] = {"matchLabels": {"app": random.choice(SERVICES)}}
    else:
        maybe(random, spec, "exportTo", lambda: random.choice(EXPORTS), 0.15)
    return _configuration("DestinationRule", _metadata(random, name), spec)


def _subsets(random: Random) -> list[Object]:
    return [_subset(random, version) for version in random.sample(("v1", "v2", "v3"), random.randint(1, 2))]


def _place(random: Random) -> Object:
    """Return labels that nobody wrote on a pod: istiod knows where it is."""
    return {"topology.istio.io/cluster": random.choice(("Kubernetes", "x"))} if random.random() < 0.1 else {}


def _subset(random: Random, version: str) -> Object:
    subset: Object = {"name": version}
    maybe(random, subset, "labels", lambda: {"version": version} | _place(random), 0.9)
    maybe(random, subset, "trafficPolicy", lambda: traffic_policy(random), 0.3)
    return subset
