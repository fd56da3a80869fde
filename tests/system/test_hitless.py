"""Nothing is lost while the mesh changes under load."""

from collections.abc import Iterator

import pytest

from tests.system.cluster import Cluster
from tests.system.load import Load

pytestmark = [pytest.mark.mesh, pytest.mark.long]

EXPERIMENTS = "k8s/experiments"


@pytest.fixture(autouse=True)
def _storefront(cluster: Cluster) -> Iterator[None]:
    """The base, v2 and the subsets; afterwards the base alone."""
    cluster.kubectl("apply", "-k", "k8s/base")
    cluster.kubectl("apply", "-f", f"{EXPERIMENTS}/catalog-v2.yaml", "-f", f"{EXPERIMENTS}/destination-rule.yaml")
    cluster.ready("catalog", "webapp", "catalog-v2")
    with Load(cluster.gateway + "/api/catalog") as load:
        load.wait_for(20)
    yield
    leftovers = ("deploy/catalog-v2", "vs/catalog", "dr/catalog")
    cluster.kubectl("delete", *leftovers, "-n", "istioinaction", "--ignore-not-found")
    cluster.kubectl("scale", "deploy/catalog", "--replicas=1", "-n", "istioinaction")


def test_no_request_fails_while_routes_change(cluster: Cluster) -> None:
    with Load(cluster.gateway + "/api/catalog") as load:
        for _ in range(2):
            for name in ("v1-only", "dark-launch", "canary-90-10", "catalog-retries"):
                cluster.kubectl("apply", "-f", f"{EXPERIMENTS}/{name}.yaml")
                load.wait_for(30)
            cluster.kubectl("delete", "vs/catalog", "-n", "istioinaction")
            load.wait_for(30)
    assert load.failed == {}


def test_no_request_fails_while_two_replicas_restart(cluster: Cluster) -> None:
    cluster.kubectl("scale", "deploy/catalog", "--replicas=2", "-n", "istioinaction")
    cluster.ready("catalog")
    with Load(cluster.gateway + "/api/catalog") as load:
        cluster.kubectl("rollout", "restart", "deploy/catalog", "-n", "istioinaction")
        cluster.ready("catalog")
        load.wait_for(200)
    assert load.failed == {}
