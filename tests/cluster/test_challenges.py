"""docs/challenges.md on a real cluster: routes on a Service of the mesh, and a Job with either kind of sidecar."""

from collections.abc import Callable, Iterator

import pytest

from tests.cluster.test_overlays import Deploy
from tests.system.cluster import Cluster
from tests.system.load import bound
from tests.system.overlays import answers
from tests.system.waiting import eventually

pytestmark = pytest.mark.cluster

ROUTES = "k8s/experiments/gateway-api"
JOBS = "k8s/experiments/sidecars/jobs.yaml"


@pytest.fixture
def applied(cluster: Cluster) -> Iterator[Callable[[str], None]]:
    """A function that applies a file, which is taken away in the end."""
    files: list[str] = []

    def apply(file: str) -> None:
        files.append(file)
        cluster.kubectl("apply", "-f", file)

    yield apply
    for file in reversed(files):
        cluster.kubectl("delete", "-f", file, "--ignore-not-found", "--wait=false")


def test_a_route_on_a_service_splits_the_meshs_own_traffic(
    cluster: Cluster, deploy: Deploy, applied: Callable[[str], None]
) -> None:
    deploy("v2")
    applied(f"{ROUTES}/versions.yaml")
    applied(f"{ROUTES}/split.yaml")
    route = ["get", "httproutes.gateway.networking.k8s.io", "catalog", "-n", "istioinaction"]
    eventually(lambda: bool(cluster.json(*route).get("status", {}).get("parents")), "istiod takes the route")
    (parent,) = cluster.json(*route)["status"]["parents"]
    assert {c["type"]: c["status"] for c in parent["conditions"]} == {"Accepted": "True", "ResolvedRefs": "True"}
    eventually(lambda: sum(answers(cluster, 40)) < 13, "most go to v1")
    drawn = answers(cluster, 500)
    assert abs(sum(drawn) / len(drawn) - 0.1) < bound(0.1, len(drawn))


def test_a_route_on_a_service_shows_v2_to_those_who_ask_for_it(
    cluster: Cluster, deploy: Deploy, applied: Callable[[str], None]
) -> None:
    deploy("v2")
    applied(f"{ROUTES}/versions.yaml")
    applied(f"{ROUTES}/header.yaml")
    eventually(lambda: all(answers(cluster, 10, x_dark_launch="v2")), "v2 answers those who ask for it")
    eventually(lambda: not any(answers(cluster, 10)), "v1 answers the others")
    assert all(answers(cluster, 50, x_dark_launch="v2"))
    assert not any(answers(cluster, 50))


def test_a_job_ends_with_a_native_sidecar_and_not_with_an_ordinary_one(
    cluster: Cluster, deploy: Deploy, applied: Callable[[str], None]
) -> None:
    deploy("storefront")
    applied(JOBS)
    in_namespace = ["-n", "istioinaction"]
    cluster.kubectl("wait", "job/ask-native", *in_namespace, "--for=condition=Complete", "--timeout=60s")

    def ended(job: str) -> list[str]:
        (pod,) = cluster.json("get", "pods", *in_namespace, "-l", f"job-name={job}")["items"]
        return [s["name"] for s in pod["status"].get("containerStatuses", []) if "terminated" in s["state"]]

    eventually(lambda: ended("ask-ordinary") == ["ask"], "the ordinary Job has its answer and its proxy goes on")
    for job in ("ask-native", "ask-ordinary"):
        assert "Elinor Glasses" in cluster.kubectl("logs", f"job/{job}", "-c", "ask", *in_namespace)
    status = cluster.json("get", "job", "ask-ordinary", *in_namespace)["status"]
    assert status.get("succeeded", 0) == 0
