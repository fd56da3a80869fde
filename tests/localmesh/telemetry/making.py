"""Spans made by hand: one request that webapp's proxy tried twice; and what a service counts."""

import json
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

TRACE = "1f".zfill(32)


def zipkin(number: int, parent: int | None, service: str, kind: str, *when: int, **tags: str) -> Any:
    start, length = when
    return {
        "traceId": TRACE,
        "id": f"{number:016x}",
        **({"parentId": f"{parent:016x}"} if parent is not None else {}),
        "kind": kind,
        "name": f"{service}:80/*",
        "timestamp": 1_000_000 + start,
        "duration": length,
        "localEndpoint": {"serviceName": f"{service}.shop"},
        "tags": tags,
    }


CLUSTER = "outbound|80|v2|catalog.shop.svc.cluster.local"
RETRIED = [
    zipkin(1, None, "gateway", "SERVER", 0, 900, **{"http.url": "http://127.0.0.1:30000/api", "http.status_code": "200",
                                                    "http.method": "GET", "component": "proxy"}),
    zipkin(2, 1, "webapp", "CLIENT", 100, 700, **{"http.status_code": "200"}),
    zipkin(3, 2, "webapp", "CLIENT", 110, 200, upstream_cluster=CLUSTER, upstream_address="127.0.0.1:2001",
           error="true", response_flags="-", **{"http.status_code": "503"}),
    zipkin(4, 3, "catalog", "SERVER", 120, 100, node_id="sidecar~127.0.0.1~catalog-1-abc.shop~shop.svc.cluster.local"),
    zipkin(5, 2, "webapp", "CLIENT", 400, 300, upstream_cluster=CLUSTER, upstream_address="127.0.0.1:2002",
           **{"retry.count": "1", "http.status_code": "200"}),
]  # fmt: skip


def body(spans: Any) -> bytes:
    return json.dumps(spans).encode()


def counted(pod: str = "catalog-1", *, value: int = 3, **sums: Any) -> bytes:
    """An OTLP body in which a pod of catalog says how many requests it has answered."""
    request = ExportMetricsServiceRequest()
    group = request.resource_metrics.add()
    own = {"service.name": "catalog", "service.namespace": "shop", "k8s.namespace.name": "shop", "k8s.pod.name": pod}
    for name, text in own.items():
        group.resource.attributes.add(key=name).value.string_value = text
    metric = group.scope_metrics.add().metrics.add(name="requests", description="How many.\nAll of them.")
    point = metric.sum.data_points.add(as_int=value)
    point.attributes.add(key="code").value.int_value = 200
    for name, given in ({"is_monotonic": True, "aggregation_temporality": 2} | sums).items():
        setattr(metric.sum, name, given)
    return bytes(request.SerializeToString())
