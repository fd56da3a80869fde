"""Objects of a small mesh, and what its proxies shall do."""

from collections.abc import Mapping
from typing import Any

from localmesh.core.objects import Object
from localmesh.kinds.addresses import ANNOTATION, PodAddresses
from localmesh.kinds.injection import inject
from localmesh.pilot.proxies import compute
from localmesh.pilot.registry.addresses import LiveAddresses
from localmesh.pilot.snapshot import Snapshot
from localmesh.proxy.proxies import Proxy
from localmesh.proxy.routes import VirtualHost

NAMESPACE = "istioinaction"
INJECTING = {"metadata": {"labels": {"istio-injection": "enabled"}}}
GATEWAY_LABELS = {"app": "istio-ingressgateway", "istio": "ingressgateway"}


def metadata(name: str, namespace: str = NAMESPACE, age: int = 0, **fields: Any) -> Object:
    """Return metadata; the older, the smaller the age's number of days after the first."""
    return {"name": name, "namespace": namespace, "creationTimestamp": f"2026-01-{age + 1:02}T00:00:00Z"} | fields


def service(name: str, *ports: Object, namespace: str = NAMESPACE, **spec: Any) -> Object:
    served = list(ports or ({"name": "http", "port": 80, "targetPort": 3000},))
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(name, namespace),
        "spec": {"clusterIP": f"10.200.1.{len(name)}", "selector": {"app": name}, "ports": served} | spec,
    }


def pod(
    name: str,
    addresses: PodAddresses | None = None,
    *,
    namespace: str = NAMESPACE,
    ready: bool = True,
    sidecar: bool = True,
    labels: Mapping[str, str] | None = None,
    **meta: Any,
) -> Object:
    """Return a pod of the Service that its name begins with, on container port 3000."""
    app = name.partition("-")[0]
    annotations = {ANNOTATION: addresses.to_annotation()} if addresses else {}
    port = {"name": "http", "containerPort": 3000}
    made = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata(name, namespace, labels={"app": app, **(labels or {})}, annotations=annotations, **meta),
        "spec": {"containers": [{"name": app, "image": app, "ports": [port]}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]},
    }
    return inject(made, INJECTING) if sidecar else made


def gateway_pod() -> Object:
    meta = metadata("gateway-1", "istio-system", labels=GATEWAY_LABELS)
    meta["annotations"] = {
        "inject.istio.io/templates": "gateway",
        ANNOTATION: PodAddresses(admin="/run/admin").to_annotation(),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"containers": [{"name": "istio-proxy"}]},
        "status": {},
    }


def gateway_service(**port: Any) -> Object:
    http = {"name": "http2", "port": 80, "targetPort": 8080, "nodePort": 30000} | port
    return service("istio-ingressgateway", http, namespace="istio-system", selector=GATEWAY_LABELS)


def gateway(name: str = "front", *hosts: str, number: int = 80, age: int = 0, namespace: str = NAMESPACE) -> Object:
    server = {"port": {"number": number, "name": "http", "protocol": "HTTP"}, "hosts": list(hosts or ("*",))}
    spec = {"selector": {"istio": "ingressgateway"}, "servers": [server]}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": metadata(name, namespace, age),
        "spec": spec,
    }


def virtual_service(name: str, *rules: Object, age: int = 0, namespace: str = NAMESPACE, **spec: Any) -> Object:
    """Return a VirtualService for the host `catalog` that leads to the Service of its own name."""
    fields = {"hosts": ["catalog"], "http": list(rules or (route(name),))} | spec
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": metadata(name, namespace, age),
        "spec": fields,
    }


def route(host: str, **fields: Any) -> Object:
    return {"route": [{"destination": {"host": host}}]} | fields


def destination_rule(
    name: str, *subsets: str, age: int = 0, namespace: str = NAMESPACE, host: str = "catalog", **spec: Any
) -> Object:
    """Return a DestinationRule with subsets by the label `version`, and whatever else it is to say."""
    named = [{"name": subset, "labels": {"version": subset}} for subset in subsets]
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": metadata(name, namespace, age),
        "spec": {"host": host, "subsets": named} | spec,
    }


def proxies(*objects: Object) -> Mapping[str, Proxy]:
    """Return the live mesh's proxies by pod name."""
    computed = compute(Snapshot.of_objects(objects), LiveAddresses()).proxies
    return {proxy.name: computed[proxy] for proxy in computed}


def hosts(proxy: Proxy, routes: str = "80") -> Mapping[str, VirtualHost]:
    """Return the virtual hosts of a route configuration by domain."""
    found = next(each for each in proxy.routes if each.name == routes)
    return {domain: host for host in found.virtual_hosts for domain in host.domains}


def clusters(host: VirtualHost) -> list[str]:
    """Return where a virtual host's routes lead, in order."""
    return [share.cluster for each in host.routes for share in each.action.clusters]


def outbound(name: str, port: int = 80, subset: str = "", namespace: str = NAMESPACE) -> str:
    return f"outbound|{port}|{subset}|{name}.{namespace}.svc.cluster.local"
