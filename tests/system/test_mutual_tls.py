"""Who may speak to whom, by certificate: the whole way over real Envoys, here as in a cluster."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.system.cluster import Cluster
from tests.system.load import Load
from tests.system.waiting import eventually

pytestmark = [pytest.mark.mesh, pytest.mark.long]

NAMESPACE, ROOT = "istioinaction", "istio-system"
URL = "http://catalog.istioinaction/items"
CATALOG = {"matchLabels": {"app": "catalog"}}
RESET = "000"
REQUESTS = 50_000
CLIENT = "cluster.local/ns/istioinaction/sa/client"


def _object(group: str, kind: str, spec: Any, namespace: str = NAMESPACE, name: str = "row") -> Any:
    metadata = {"name": name, "namespace": namespace, "labels": {"part": "identity"}}
    return {"apiVersion": f"{group}.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def peers(mode: str, namespace: str = NAMESPACE, name: str = "row", **spec: Any) -> Any:
    return _object("security", "PeerAuthentication", {"mtls": {"mode": mode}, **spec}, namespace, name)


def of_port(mode: str, port: str, of_others: str) -> Any:
    return peers(of_others, selector=CATALOG, portLevelMtls={port: {"mode": mode}})


def policy(action: str, **source: Any) -> Any:
    rules = [{"from": [{"source": source}]}]
    return _object("security", "AuthorizationPolicy", {"selector": CATALOG, "action": action, "rules": rules})


def client_tls(mode: str) -> Any:
    return _object("networking", "DestinationRule", {"host": "catalog", "trafficPolicy": {"tls": {"mode": mode}}})


@dataclass(frozen=True, slots=True)
class Row:
    """What is applied, and what two clients of catalog get: one outside of the mesh, one in it."""

    title: str
    objects: Sequence[Any]
    outside: str
    inside: str


ROWS = (
    Row("without a word both are taken", [], "200", "200"),
    Row("STRICT of a namespace takes certificates alone", [peers("STRICT")], RESET, "200"),
    Row("STRICT of the mesh does", [peers("STRICT", ROOT)], RESET, "200"),
    Row("STRICT of a workload does", [peers("STRICT", selector=CATALOG)], RESET, "200"),
    Row("a namespace says more than the mesh", [peers("STRICT", ROOT), peers("PERMISSIVE")], "200", "200"),
    Row("a workload says more than its namespace", [peers("STRICT"), peers("PERMISSIVE", name="own", selector=CATALOG)],
        "200", "200"),
    Row("UNSET says nothing", [peers("STRICT", ROOT), peers("UNSET")], RESET, "200"),
    Row("a port says more than its workload", [of_port("PERMISSIVE", "3000", "STRICT")], "200", "200"),
    Row("a port may be stricter", [of_port("STRICT", "3000", "PERMISSIVE")], RESET, "200"),
    Row("another port's mode is nothing to this one", [of_port("STRICT", "9999", "PERMISSIVE")], "200", "200"),
    Row("DISABLE is plain text for all", [peers("DISABLE")], "200", "200"),
    Row("a client that is told to speak plain text to STRICT", [peers("STRICT"), client_tls("DISABLE")], RESET, "503"),
    Row("a client that is told to speak TLS to DISABLE", [peers("DISABLE", selector=CATALOG),
        client_tls("ISTIO_MUTUAL")], "200", "503"),
    Row("a principal is let in, and nobody else", [policy("ALLOW", principals=[CLIENT])], "403", "200"),
    Row("a principal is kept out", [policy("DENY", principals=[CLIENT])], "200", "403"),
    Row("anybody with a certificate", [policy("ALLOW", principals=["*"])], "403", "200"),
    Row("all principals but one", [policy("ALLOW", principals=["*"], notPrincipals=[CLIENT])], "403", "403"),
    Row("who has none is denied", [policy("DENY", notPrincipals=["*"])], "403", "200"),
    Row("a namespace", [policy("ALLOW", namespaces=["istio*"])], "403", "200"),
    Row("another namespace", [policy("ALLOW", namespaces=["default"])], "403", "403"),
    Row("not a namespace: who has no certificate is of none", [policy("DENY", notNamespaces=["istioinaction"])],
        "403", "200"),
    Row("a service account", [policy("ALLOW", serviceAccounts=["client"])], "403", "200"),
    Row("another service account", [policy("ALLOW", serviceAccounts=["default/client"])], "403", "403"),
)  # fmt: skip

CLIENTS = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: client, namespace: istioinaction}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: inside, namespace: istioinaction}
spec:
  selector: {matchLabels: {app: client}}
  template:
    metadata: {labels: {app: client}}
    spec:
      serviceAccountName: client
      terminationGracePeriodSeconds: 1
      containers: [{name: client, image: curlimages/curl, command: [sleep, "100000"]}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: outside, namespace: istioinaction}
spec:
  selector: {matchLabels: {app: outside}}
  template:
    metadata: {labels: {app: outside, sidecar.istio.io/inject: "false"}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: client, image: curlimages/curl, command: [sleep, "100000"]}]
"""


@pytest.fixture(scope="module", autouse=True)
def _clients(cluster: Cluster) -> Iterator[None]:
    """Have the storefront there, and two clients."""
    cluster.kubectl("apply", "-k", "k8s/base")
    cluster.kubectl("apply", "-f", "-", stdin=CLIENTS)
    cluster.ready("catalog", "webapp", "inside", "outside")
    yield
    cluster.kubectl("delete", "deploy/inside", "deploy/outside", "sa/client", "-n", NAMESPACE)


def status(cluster: Cluster, client: str) -> str:
    """Return the status that a client gets, 000 when its connection is closed instead."""
    curl = ("curl", "-s", "-o", "/dev/null", "-m", "5", "-w", "%{http_code}", URL)
    said = cluster.run(["kubectl", "exec", "-n", NAMESPACE, f"deploy/{client}", "-c", "client", "--", *curl])
    return said.stdout


def remove(cluster: Cluster) -> None:
    kinds = "peerauthentication,authorizationpolicy,destinationrule"
    for namespace in (NAMESPACE, ROOT):
        cluster.kubectl("delete", kinds, "-l", "part=identity", "-n", namespace)


@pytest.mark.parametrize("row", ROWS, ids=[row.title for row in ROWS])
def test_who_is_let_in(cluster: Cluster, row: Row) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": list(row.objects)}
    try:
        if row.objects:
            cluster.kubectl("apply", "-f", "-", stdin=json.dumps(items))
        eventually(lambda: status(cluster, "outside") == row.outside, f"from outside of the mesh {row.outside}")
        eventually(lambda: status(cluster, "inside") == row.inside, f"from inside of it {row.inside}")
    finally:
        remove(cluster)


ENDS = (
    ("UC", [peers("STRICT"), client_tls("DISABLE")], "no proxy that takes certificates alone reads plain text"),
    ("URX,UF", [peers("DISABLE", selector=CATALOG), client_tls("ISTIO_MUTUAL")], "a handshake in plain text fails"),
)


@pytest.mark.parametrize(("flag", "objects", "why"), ENDS, ids=[flag for flag, *_ in ENDS])
def test_the_clients_proxy_says_how_a_connection_ended(
    cluster: Cluster, flag: str, objects: Sequence[Any], why: str
) -> None:
    def said() -> bool:
        seen = status(cluster, "inside")
        log = cluster.kubectl("logs", "-n", NAMESPACE, "deploy/inside", "-c", "istio-proxy", "--tail=3")
        return seen == "503" and f" 503 {flag} " in log

    try:
        cluster.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
        eventually(said, why)
    finally:
        remove(cluster)


def test_the_servers_proxy_says_that_it_takes_no_plain_text(cluster: Cluster) -> None:
    def said() -> bool:
        seen = status(cluster, "outside")
        log = cluster.kubectl("logs", "-n", NAMESPACE, "deploy/catalog", "-c", "istio-proxy", "--tail=5")
        return seen == RESET and '"- - -" 0 NR filter_chain_not_found ' in log

    try:
        cluster.kubectl("apply", "-f", "-", stdin=json.dumps(peers("STRICT")))
        eventually(said, "a connection that no filter chain takes has a line of its own")
    finally:
        remove(cluster)


def test_what_fails_while_tls_comes_and_goes_is_a_connection_and_nothing_fails_afterwards(cluster: Cluster) -> None:
    """Proxies hear of DISABLE one after the other, so a client may speak what its server has just given up."""
    modes = ("DISABLE", "STRICT", "PERMISSIVE", "DISABLE", "PERMISSIVE", "STRICT")
    with Load(cluster.gateway + "/api/catalog?while=tls-comes-and-goes") as load:
        for mode in modes * 2:
            cluster.kubectl("apply", "-f", "-", stdin=json.dumps(peers(mode)))
            load.wait_for(100)
    assert load.failed.keys() <= {500, 503}  # 500 is webapp's word for a catalog that it cannot reach
    log = cluster.kubectl("logs", "-n", ROOT, "deploy/istio-ingressgateway", f"--tail={load.total}")
    # The last of them may not be written yet, and as many of an earlier test stand before: the path tells them apart.
    lines = [line for line in log.splitlines() if "while=tls-comes-and-goes" in line]
    assert len(lines) > load.total / 2
    flags = {found[1] for line in lines if (found := re.search(r'" 503 (\S+) ', line))}
    assert flags <= {"UC", "UF", "URX,UF", "URX,UC"}
    try:
        eventually(lambda: all(cluster.get("/api/catalog").status_code == 200 for _ in range(50)), "all have heard")
        with Load(cluster.gateway + "/api/catalog") as settled:
            settled.wait_for(500)
        assert settled.failed == {}
    finally:
        remove(cluster)


def test_no_request_fails_while_modes_and_policies_change(cluster: Cluster) -> None:
    webapp = policy("ALLOW", principals=["cluster.local/ns/istioinaction/sa/webapp"])
    steps = ([peers("STRICT")], [webapp], [peers("PERMISSIVE")], [peers("STRICT", ROOT), webapp], [peers("UNSET")])
    with Load(cluster.gateway + "/api/catalog") as load:
        load.wait_for(20)
        while load.total < REQUESTS:
            for objects in steps:
                items = {"apiVersion": "v1", "kind": "List", "items": objects}
                cluster.kubectl("apply", "-f", "-", stdin=json.dumps(items))
                load.wait_for(REQUESTS // 50, patience_s=300)
            remove(cluster)
            load.wait_for(REQUESTS // 50, patience_s=300)
    assert load.failed == {}
    assert load.total >= REQUESTS


def test_the_overlay_lets_webapp_reach_catalog_and_nobody_else(cluster: Cluster) -> None:
    cluster.kubectl("apply", "-k", "k8s/overlays/strict-mtls")
    try:
        eventually(lambda: status(cluster, "outside") == RESET, "plain text is cut off")
        eventually(lambda: status(cluster, "inside") == "403", "a certificate that no policy names is not enough")
        eventually(lambda: cluster.get("/api/catalog").status_code == 200, "gateway to webapp to catalog")
        cluster.kubectl("rollout", "restart", "deploy/catalog", "-n", NAMESPACE)
        cluster.ready("catalog")
        eventually(lambda: cluster.get("/api/catalog").status_code == 200, "probes of a new pod pass, and it serves")
    finally:
        cluster.kubectl("delete", "peerauthentication,authorizationpolicy", "--all", "-n", NAMESPACE)
