"""The table of behaviour, over real Envoys: each row against the cluster."""

import json
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import httpx
import pytest

from tests.system.behaviour import HELPERS, ROWS, SEEN, Row, Rule
from tests.system.cluster import Cluster
from tests.system.waiting import eventually

pytestmark = [pytest.mark.mesh, pytest.mark.long]

NAMESPACE = "istioinaction"
READY: Rule = {"match": [{"uri": {"exact": "/.ready"}}], "directResponse": {"status": 204}}


def _host(name: str) -> str:
    return f"{name}.behaviour.example"


def _name(index: int) -> str:
    return f"row-{index:03}"


def _object(kind: str, name: str, spec: Any) -> Any:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": {"part": "behaviour"}}
    return {"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def _virtual_service(name: str, rules: Sequence[Rule]) -> Any:
    http = [READY, *(_looked_at(rule) for rule in rules)]
    return _object("VirtualService", name, {"hosts": [_host(name)], "gateways": ["behaviour"], "http": http})


def _looked_at(rule: Rule) -> Rule:
    """Return a rule whose answers say what the proxy saw."""
    headers = rule.get("headers", {})
    response = headers.get("response", {})
    told = {f"x-seen-{name}": seen for name, seen in SEEN.items()} | response.get("set", {})
    return rule | {"headers": headers | {"response": response | {"set": told}}}


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[httpx.Client]:
    """A client of the gateway, in front of one catalog and every row's rules."""
    cluster.kubectl("apply", "-f", "k8s/base/namespace.yaml", "-f", "k8s/base/catalog.yaml")
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*.behaviour.example"]}
    subsets = [{"name": f"version-{version}", "labels": {"version": version}} for version in ("v1", "none")]
    objects = [
        _object("Gateway", "behaviour", {"selector": {"istio": "ingressgateway"}, "servers": [server]}),
        _object("DestinationRule", "behaviour", {"host": "catalog", "subsets": subsets}),
        *(_virtual_service(_name(index), row.rules) for index, row in enumerate(ROWS)),
        *(_virtual_service(name, rules) for name, rules in HELPERS.items()),
    ]
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    cluster.ready("catalog")
    with httpx.Client(base_url=cluster.gateway, timeout=30, trust_env=False) as client:
        for name in [*map(_name, range(len(ROWS))), *HELPERS]:
            eventually(partial(_is_ready, client, name), f"the rules of {name} are at the gateway")
        yield client
    cluster.kubectl("delete", "gateway,virtualservice,destinationrule", "-l", "part=behaviour", "-n", NAMESPACE)


def _is_ready(client: httpx.Client, name: str) -> bool:
    try:
        return client.get("/.ready", headers={"host": _host(name)}).status_code == 204
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(("index", "row"), list(enumerate(ROWS)), ids=[row.title for row in ROWS])
def test_the_mesh_behaves(client: httpx.Client, index: int, row: Row) -> None:
    host = _host(_name(index))
    answer = client.request(row.method, row.path, headers={"host": host, **row.sent})
    assert answer.status_code == row.status, answer.text
    expected = {name: value.format(host=host) for name, value in row.headers.items()}
    assert {name: answer.headers.get(name, "") for name in expected} == expected
    assert row.body in (None, answer.text)


@pytest.mark.parametrize(("name", "status", "lowest", "highest"), [
    ("half", 555, 140, 260),
    ("tenth", 555, 8, 80),
    ("ninety-ten", 503, 8, 80),
])  # fmt: skip
def test_a_share_of_400_requests_is_about_what_was_asked_for(
    client: httpx.Client, name: str, status: int, lowest: int, highest: int
) -> None:
    """Six standard deviations either way: a right one falls out once in some 500 million runs."""
    answers = [client.get("/items", headers={"host": _host(name)}).status_code for _ in range(400)]
    assert set(answers) == {200, status}
    assert lowest <= answers.count(status) <= highest
