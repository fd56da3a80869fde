"""What each overlay of k8s/overlays does, as its users would look: calls, and what comes of them."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.k8s.manifests import OVERLAYS
from tests.system.cluster import Cluster
from tests.system.load import Load, bound, statuses
from tests.system.overlays import CATALOG, NAMESPACE, answers, deploy_exactly
from tests.system.waiting import eventually

pytestmark = [pytest.mark.mesh, pytest.mark.long]

V1, V2 = {False}, {True}
ENOUGH = 60
"""Answers of two that take turns by chance: one of them is left out once in 10 to the 18th times."""


@pytest.fixture(scope="module", autouse=True)
def _storefront_afterwards(cluster: Cluster) -> Iterator[None]:
    yield
    deploy_exactly(cluster, "storefront")


def only_v1(cluster: Cluster) -> None:
    eventually(lambda: set(answers(cluster, 20)) == V1, "v1 answers")
    assert set(answers(cluster, 200)) == V1


def both_versions(cluster: Cluster) -> None:
    eventually(lambda: set(answers(cluster, ENOUGH)) == V1 | V2, "both versions answer")


def v2_for_who_asks(cluster: Cluster) -> None:
    eventually(lambda: set(answers(cluster, 10, x_dark_launch="v2")) == V2, "v2 answers those who ask for it")
    assert set(answers(cluster, 200, x_dark_launch="v2")) == V2
    assert set(answers(cluster, 200)) == V1


def a_tenth_for_v2(cluster: Cluster) -> None:
    eventually(lambda: set(answers(cluster, ENOUGH)) == V1 | V2, "v2 gets its share")
    drawn = answers(cluster, 1000)
    assert abs(sum(drawn) / len(drawn) - 0.1) < bound(0.1, len(drawn))


def half_of_the_failures_healed_thrice(cluster: Cluster) -> None:
    cluster.sh("bin/chaos.sh -n istioinaction 500 50")
    try:
        seen = statuses(cluster.gateway + CATALOG, 1000)
    finally:
        cluster.sh("bin/chaos.sh -n istioinaction 500 delete")
    healed = 1 - 0.5**4
    assert abs(seen[200] / seen.total() - healed) < bound(healed, seen.total())


def both_replicas(cluster: Cluster) -> None:
    """Each answer names the pods that it came from: webapp's, and of catalog's the one that webapp was given."""
    chains = [cluster.get(CATALOG).headers["x-served-by"].split(", ") for _ in range(ENOUGH)]
    shops, catalogs = ({chain[place] for chain in chains} for place in (0, 1))
    assert (len(shops), len(catalogs)) == (2, 2)


def certificates_and_names(cluster: Cluster) -> None:
    eventually(lambda: status_from_catalog(cluster) == "403", "a certificate that no policy names is not enough")
    assert set(answers(cluster, 20)) == V1


def one_trace_through_both(cluster: Cluster) -> None:
    cluster.get("/api/catalog/items/1").raise_for_status()
    eventually(lambda: bool(traced(cluster, "webapp") & traced(cluster, "catalog")), "both log one trace's id")


def no_restart_for_a_typing_mistake(cluster: Cluster) -> None:
    for pod in cluster.json("get", "pods", "-n", NAMESPACE)["items"]:
        container: Any = next(each for each in pod["spec"]["containers"] if each["name"] in ("catalog", "webapp"))
        assert "livenessProbe" not in container
        assert container["resources"]["limits"]["memory"] == "512Mi"
    only_v1(cluster)


def nothing_lost_while_pods_change(cluster: Cluster) -> None:
    with Load(cluster.gateway + CATALOG) as load:
        load.wait_for(20)
        cluster.kubectl("rollout", "restart", "deploy/catalog", "deploy/webapp", "-n", NAMESPACE)
        cluster.ready("catalog", "webapp")
        load.wait_for(100)
    assert load.failed == {}


OUTCOMES: dict[str, Callable[[Cluster], None]] = {
    "canary": a_tenth_for_v2,
    "dark-launch": v2_for_who_asks,
    "dev-reload": no_restart_for_a_typing_mistake,
    "older": nothing_lost_while_pods_change,
    "replicas": both_replicas,
    "retries": half_of_the_failures_healed_thrice,
    "storefront": only_v1,
    "strict-mtls": certificates_and_names,
    "subsets": both_versions,
    "tracing": one_trace_through_both,
    "v1-only": only_v1,
    "v2": both_versions,
}
ELSEWHERE = "gateway-api"
"""Refused by name on a laptop; in a cluster, tests/cluster/test_overlays.py sees it serve."""


def status_from_catalog(cluster: Cluster) -> str:
    """Return the status with which catalog answers itself, through its proxies; its image carries curl."""
    curl = ("curl", "-s", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", f"http://catalog.{NAMESPACE}/items/1")
    return cluster.kubectl("exec", "-n", NAMESPACE, "deploy/catalog", "-c", "catalog", "--", *curl)


def traced(cluster: Cluster, deployment: str) -> set[str]:
    """Return the ids of the traces of which a deployment's log speaks."""
    log = cluster.kubectl("logs", "-n", NAMESPACE, f"deploy/{deployment}", "-c", deployment)
    lines = (json.loads(line) for line in log.splitlines() if line.startswith("{"))
    return {line["trace_id"] for line in lines if line.get("trace_id")}


@pytest.mark.parametrize("overlay", OUTCOMES)
def test_an_overlay_does_what_it_is_for(cluster: Cluster, overlay: str) -> None:
    deploy_exactly(cluster, overlay)
    eventually(lambda: cluster.get(CATALOG).status_code == 200, "the gateway serves the storefront")
    OUTCOMES[overlay](cluster)


def test_each_overlay_has_its_outcome() -> None:
    assert sorted({*OUTCOMES, ELSEWHERE}) == OVERLAYS


def test_an_overlay_that_needs_the_gateway_api_is_taken_or_refused_by_name(cluster: Cluster) -> None:
    done = cluster.run(["kubectl", "apply", "--dry-run=server", "-k", f"k8s/overlays/{ELSEWHERE}"])
    if "httproutes" in cluster.kubectl("api-resources", "-o", "name"):
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode == 1
        assert 'no matches for kind "HTTPRoute" in version "gateway.networking.k8s.io/v1"' in done.stderr
