import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from localmesh.telemetry import faults
from localmesh.telemetry.faults import BadOrderError, Order


def pod(name: str = "catalog-1", port: object = 4000, **changed: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "uid": name, "namespace": "shop", "name": name, "labels": {"version": "v1"},
            "annotations": {"localmesh/addresses": json.dumps({"app": {"3000": port}})}, **changed.pop("metadata", {}),
        },
        "spec": {"containers": [{"image": "docker.io/istioinaction/catalog:1"}]},
        "status": {"phase": "Running"},
        **changed,
    }  # fmt: skip


class _Catalog(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(200, self.server.faults)  # type: ignore[attr-defined]

    def do_POST(self) -> None:
        order = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.orders.append(order)  # type: ignore[attr-defined]
        self._answer(400 if order["type"] == "599" else 200, "blowups={}")

    def _answer(self, status: int, body: object) -> None:
        self.send_response(status)
        self.end_headers()
        self.wfile.write((body if isinstance(body, str) else json.dumps(body)).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def catalog() -> Iterator[Any]:
    with HTTPServer(("127.0.0.1", 0), _Catalog) as server:
        server.faults = {"500": {"active": True, "type": "500", "percentage": 50, "seen": 10, "hit": 4}}  # type: ignore[attr-defined]
        server.orders = []  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_only_catalogs_pods_that_run_take_orders_however_odd_their_annotations() -> None:
    odd = [
        pod("gone", metadata={"deletionTimestamp": "now"}),
        pod("waiting", status={}),
        pod("webapp", spec={"containers": [{"image": "istioinaction/webapp"}]}),
        *(pod("x", metadata={"annotations": {"localmesh/addresses": text}}) for text in ("", "{}", "[]", '{"app":{}}')),
        pod("none", metadata={"annotations": None}),
    ]
    assert [each.name for each in faults.pods([pod("b"), *odd, pod("a", metadata={"labels": None})])] == ["a", "b"]


async def test_active_faults_are_those_that_the_pods_report(catalog: Any) -> None:
    found = await faults.active(faults.pods([pod(port=catalog.server_port), pod("dead", port=1)]))
    assert [(each.pod, each.type, each.percentage, each.seen, each.hit) for each in found] == [
        ("catalog-1", "500", 50, 10, 4)
    ]
    catalog.faults = ["odd"]
    assert await faults.active(faults.pods([pod(port=catalog.server_port)])) == []


async def test_an_order_goes_to_each_pod_that_it_is_for_and_refusals_are_told(catalog: Any) -> None:
    pods = faults.pods([pod(port=catalog.server_port)])
    assert await faults.place(Order("500", active=True, percentage=20), pods) == []
    assert await faults.place(Order("latency", active=True, latency_ms=5), pods) == []
    assert await faults.place(Order("drop", active=False, version="v1"), pods) == []
    assert catalog.orders == [
        {"active": True, "type": "500", "percentage": 20},
        {"active": True, "type": "latency", "latencyMs": 5, "percentage": 100},
        {"active": False, "type": "drop"},
    ]
    (complaint,) = await faults.place(Order("599", active=True), pods)
    assert "answers 400" in complaint
    (complaint,) = await faults.place(Order("500", active=True, version="v9"), pods)
    assert "v9" in complaint


def test_an_order_is_read_or_refused() -> None:
    assert Order.read({"type": "503", "active": True, "percentage": 0}) == Order("503", active=True, percentage=0)
    assert not Order.read({"type": "drop", "active": "yes"}).active
    types = [{"type": type_} for type_ in ("200", "600", "5\u0660\u0660", "5" * 5000, 500, None)]
    numbers = [{"percentage": 101}, {"percentage": True}, {"latency_ms": -1}, {"version": 1}]
    wrong: list[Any] = [[], {}, *types, *({"type": "drop", **odd} for odd in numbers)]
    for fields in wrong:
        with pytest.raises(BadOrderError):
            Order.read(fields)
