"""Sections 2.3 and 2.4 of the tutorial, typed as they stand there, in their order.

Each test is one step and takes over what the steps before it left, as a reader does.
"""

import json
import re
import time

import pytest

from tests.system import heredocs
from tests.system.cluster import Cluster
from tests.system.load import bound, statuses
from tests.system.waiting import eventually

pytestmark = pytest.mark.mesh

ITEMS = [
    {"id": 1, "color": "amber", "department": "Eyewear", "name": "Elinor Glasses", "price": "282.00"},
    {"id": 2, "color": "cyan", "department": "Clothing", "name": "Atlas Shirt", "price": "127.00"},
    {"id": 3, "color": "teal", "department": "Clothing", "name": "Small Metal Shoes", "price": "232.00"},
    {"id": 4, "color": "red", "department": "Watches", "name": "Red Dragon Watch", "price": "232.00"},
]
CATALOG = "/api/catalog"


def answers(cluster: Cluster, count: int, **headers: str) -> list[bool]:
    """Ask for the catalog and tell for each answer whether v2 gave it."""
    return ["imageUrl" in cluster.get(CATALOG, **headers).text for _ in range(count)]


def columns(table: str) -> list[list[str]]:
    """Split what `kubectl get` prints, the header first."""
    return [re.split(r"\s{2,}", line.strip()) for line in table.strip().splitlines()]


def status(cluster: Cluster) -> int:
    """Return the gateway's status for the catalog, 0 while nobody listens."""
    done = cluster.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", cluster.gateway + CATALOG])
    return int(done.stdout or 0)


@pytest.fixture(scope="module", autouse=True)
def _tidy(cluster: Cluster) -> None:
    """Start where the tutorial starts: no namespace, no netshoot, the context's namespace as it comes."""
    cluster.kubectl("config", "set-context", "--current", "--namespace=default")
    cluster.kubectl("delete", "namespace", "istioinaction", "--ignore-not-found")
    cluster.kubectl("delete", "pod", "netshoot", "-n", "default", "--ignore-not-found")


def test_the_namespace_is_created_and_labelled(cluster: Cluster) -> None:
    assert cluster.sh("kubectl create ns istioinaction") == "namespace/istioinaction created\n"
    labelled = cluster.sh("kubectl label namespace istioinaction istio-injection=enabled")
    assert labelled == "namespace/istioinaction labeled\n"
    line = next(line for line in columns(cluster.sh("kubectl get ns --show-labels")) if line[0] == "istioinaction")
    assert line[1] == "Active"
    assert line[3] == "istio-injection=enabled,kubernetes.io/metadata.name=istioinaction"


@pytest.mark.parametrize("name", ["catalog", "webapp"])
def test_a_service_is_deployed(cluster: Cluster, name: str) -> None:
    applied = cluster.sh(f"kubectl apply -f services/{name}/kubernetes/{name}.yaml -n istioinaction")
    assert applied == f"serviceaccount/{name} created\nservice/{name} created\ndeployment.apps/{name} created\n"


def test_both_pods_become_ready_with_a_sidecar(cluster: Cluster) -> None:
    cluster.ready("catalog", "webapp")
    pods = columns(cluster.sh("kubectl get pod -n istioinaction"))
    assert pods[0] == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert [pod[1:4] for pod in pods[1:]] == [["2/2", "Running", "0"]] * 2


def test_netshoot_reaches_both_services(cluster: Cluster) -> None:
    cluster.sh(heredocs.NETSHOOT)
    cluster.kubectl("wait", "pod/netshoot", "--for=condition=Ready", "--timeout=60s")
    for url in ("http://catalog.istioinaction/items/1", "http://webapp.istioinaction/api/catalog/items/1"):
        # A Service's address works once the node's proxy has heard of its pods, which nobody waits for.
        ask = ["kubectl", "exec", "netshoot", "--", "curl", "-s", "-o", "/dev/null", url]
        eventually(lambda ask=ask: cluster.run(ask).returncode == 0, f"{url} answers")
        assert json.loads(cluster.sh(f"kubectl exec netshoot -- curl -s {url}")) == ITEMS[0]


def test_the_gateway_serves_once_it_is_configured(cluster: Cluster) -> None:
    assert cluster.sh(heredocs.GATEWAY).splitlines() == [
        "gateway.networking.istio.io/outfitters-gateway created",
        "virtualservice.networking.istio.io/webapp-virtualservice created",
    ]
    table = cluster.sh("kubectl get gw,vs -n istioinaction")
    assert re.search(r"gateway.networking.istio.io/outfitters-gateway +\d+s", table)
    assert re.search(r'virtualservice.*/webapp-virtualservice +\["outfitters-gateway"\] +\["\*"\] +\d+s', table)
    eventually(lambda: status(cluster) == 200, "the gateway serves webapp")


def test_the_storefront_answers_through_the_gateway(cluster: Cluster) -> None:
    assert json.loads(cluster.sh(f"curl -s {cluster.gateway}/api/catalog")) == ITEMS
    assert json.loads(cluster.sh(f"curl -s {cluster.gateway}/api/catalog/items/1")) == ITEMS[0]
    assert cluster.sh(f"curl -s {cluster.gateway}/api/catalog -I | head -n 1") == "HTTP/1.1 200 OK\n"


def test_the_page_answers_through_the_gateway(cluster: Cluster) -> None:
    page = cluster.get("/")
    assert page.status_code == 200
    assert "Elinor Glasses" in page.text


def test_chaos_100_breaks_every_request(cluster: Cluster) -> None:
    said = cluster.sh("""
kubectl config set-context $(kubectl config current-context) --namespace=istioinaction
bin/chaos.sh 500 100
""")
    assert re.search(r"catalog-\w+-\w+", said)
    assert set(statuses(cluster.gateway + CATALOG, 100)) == {500}


def test_chaos_50_breaks_half_of_the_requests(cluster: Cluster) -> None:
    cluster.sh("bin/chaos.sh 500 50")
    seen = statuses(cluster.gateway + CATALOG, 400)
    assert set(seen) == {200, 500}
    assert abs(seen[200] / seen.total() - 0.5) < bound(0.5, seen.total())


def test_three_retries_heal_it_to_94_percent(cluster: Cluster) -> None:
    assert cluster.sh(heredocs.RETRIES) == "virtualservice.networking.istio.io/catalog created\n"
    table = columns(cluster.sh("kubectl get vs -n istioinaction"))
    assert table[0] == ["NAME", "GATEWAYS", "HOSTS", "AGE"]
    assert table[1][:2] == ["catalog", '["catalog"]']
    time.sleep(1)  # a cluster tells nobody when its proxies have it
    seen = statuses(cluster.gateway + CATALOG, 1000)
    healed = 1 - 0.5**4
    assert set(seen) <= {200, 500}
    assert abs(seen[200] / seen.total() - healed) < bound(healed, seen.total())


def test_the_tutorials_own_chaos_script_works_too(cluster: Cluster) -> None:
    cluster.sh(heredocs.CHAOS + "chaos 500 100")
    assert set(statuses(cluster.gateway + CATALOG, 20)) == {500}
    assert "Deleting 500 rule from catalog-" in cluster.sh(heredocs.CHAOS + "chaos 500 delete")
    assert set(statuses(cluster.gateway + CATALOG, 20)) == {200}


def test_catalog_v2_is_deployed_beside_v1(cluster: Cluster) -> None:
    assert cluster.sh(heredocs.CATALOG_V2) == "deployment.apps/catalog-v2 created\n"
    cluster.ready("catalog-v2")
    # The tutorial's Deployment has no probe, so "ready" says nothing of the program in it.
    curl = (
        "exec",
        "deploy/catalog-v2",
        "-n",
        "istioinaction",
        "-c",
        "catalog",
        "--",
        "curl",
        "-sf",
        "localhost:3000/items",
    )
    eventually(lambda: cluster.run(["kubectl", *curl]).returncode == 0, "catalog v2 answers")
    said = cluster.sh("bin/chaos.sh 500 delete")
    assert len(set(re.findall(r"catalog-(?:v2-)?[a-z0-9]+-[a-z0-9]{5}", said))) == 2
    table = cluster.sh("kubectl get deploy,pod,svc,ep -n istioinaction 2>/dev/null")
    assert re.search(r"deployment.apps/catalog-v2 +1/1 +1 +1 ", table)
    assert re.search(r"pod/catalog-v2-\S+ +2/2 +Running +0 ", table)
    assert re.search(r"service/catalog +ClusterIP +[\d.]+ +<none> +80/TCP ", table)
    assert re.search(r"endpoints/catalog +[\d.]+:\d+,[\d.]+:\d+ ", table)


def test_without_a_rule_both_versions_answer(cluster: Cluster) -> None:
    cluster.sh(heredocs.SUBSETS)
    table = cluster.sh("kubectl get gw,vs,dr -n istioinaction")
    assert re.search(r"destinationrule.networking.istio.io/catalog +catalog +\d+s", table)
    assert set(answers(cluster, 60)) == {True, False}


def test_a_subset_sends_everything_to_v1(cluster: Cluster) -> None:
    assert cluster.sh(heredocs.V1_ONLY) == "virtualservice.networking.istio.io/catalog configured\n"
    eventually(lambda: not any(answers(cluster, 20)), "v1 alone answers")
    assert not any(answers(cluster, 100))


def test_a_header_launches_v2_in_the_dark_without_a_leak(cluster: Cluster) -> None:
    cluster.sh(heredocs.DARK_LAUNCH)
    eventually(lambda: all(answers(cluster, 10, x_dark_launch="v2")), "v2 answers those who ask for it")
    assert all(answers(cluster, 50, x_dark_launch="v2"))
    assert not any(answers(cluster, 50))
    assert cluster.get(CATALOG, x_dark_launch="v2").json()[0].keys() == {*ITEMS[0], "imageUrl"}


def test_a_weight_sends_a_tenth_to_v2(cluster: Cluster) -> None:
    cluster.sh("kubectl apply -n istioinaction -f k8s/experiments/canary-90-10.yaml")
    eventually(lambda: any(answers(cluster, 20)), "v2 gets its share")
    drawn = answers(cluster, 400)
    assert abs(sum(drawn) / len(drawn) - 0.1) < bound(0.1, len(drawn))


def test_the_clean_up_leaves_no_storefront_and_the_base_restores_it(cluster: Cluster) -> None:
    cluster.sh("kubectl delete deploy,svc,gw,vs,dr --all -n istioinaction")
    assert cluster.kubectl("get", "deploy,svc,gw,vs,dr", "-n", "istioinaction", check=False).startswith("No resources")
    cluster.sh("kubectl apply -k k8s/base")
    cluster.ready("catalog", "webapp")
    eventually(lambda: status(cluster) == 200, "the restored storefront answers")
