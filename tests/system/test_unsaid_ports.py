"""A Service's port of which neither its name nor `appProtocol` says what it takes: HTTP gets there, by the rules."""

import os
import socket
from collections.abc import Iterator

import pytest

from tests.system.cluster import Cluster
from tests.system.local import free_port
from tests.system.waiting import eventually

pytestmark = [pytest.mark.mesh, pytest.mark.long]

NAMESPACE = "istioinaction"
UNSAID = """
apiVersion: v1
kind: Service
metadata: {name: unsaid, namespace: istioinaction}
spec: {type: NodePort, selector: {app: unsaid}, ports: [{port: 80, targetPort: 3000, nodePort: NODE_PORT}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: unsaid, namespace: istioinaction}
spec:
  selector: {matchLabels: {app: unsaid}}
  template:
    metadata: {labels: {app: unsaid}}
    spec:
      containers: [{name: unsaid, image: "istioinaction/catalog:1.0.0", ports: [{containerPort: 3000}]}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: unsaid, namespace: istioinaction}
spec:
  hosts: [unsaid]
  http:
  - match: [{uri: {prefix: /no}}]
    directResponse: {status: 418}
  - route: [{destination: {host: unsaid}}]
"""
IN_A_CLUSTER = bool(os.environ.get("TEST_CLUSTER"))
WARNING = (
    "spec.ports[0].name: not honoured by the local mesh: nothing says what the port takes, so only HTTP gets there"
)


@pytest.fixture(scope="module")
def node_port(cluster: Cluster) -> Iterator[int]:
    """Have such a Service there; the local mesh warns of it as it is applied."""
    number = 30999 if IN_A_CLUSTER else free_port()
    cluster.kubectl("apply", "-k", "k8s/base")
    done = cluster.run(["kubectl", "apply", "-f", "-"], stdin=UNSAID.replace("NODE_PORT", str(number)))
    assert done.returncode == 0, done.stderr
    assert IN_A_CLUSTER or f"Warning: {WARNING}" in done.stderr
    cluster.ready("catalog", "unsaid")
    yield number
    cluster.kubectl("delete", "svc/unsaid", "deploy/unsaid", "vs/unsaid", "-n", NAMESPACE)


def status(cluster: Cluster, path: str) -> str:
    curl = ("curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", f"http://unsaid{path}")
    return cluster.run(["kubectl", "exec", "-n", NAMESPACE, "deploy/catalog", "-c", "catalog", "--", *curl]).stdout


@pytest.mark.usefixtures("node_port")
def test_requests_get_there_by_the_rules(cluster: Cluster) -> None:
    eventually(lambda: status(cluster, "/items/1") == "200", "the Service answers")
    eventually(lambda: status(cluster, "/no") == "418", "a rule for its host has its say")


@pytest.mark.skipif(IN_A_CLUSTER, reason="a cluster's proxies look at the first bytes")
def test_what_is_no_http_gets_an_answer_of_the_sidecars_instead(node_port: int) -> None:
    with socket.create_connection(("127.0.0.1", node_port), timeout=30) as client:
        client.sendall(b"hello\r\n\r\n")
        answer = client.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"server: istio-envoy\r\n" in answer
