"""Nothing is lost while every pod is replaced."""

from collections.abc import Callable

import pytest

from tests.system.cluster import Cluster
from tests.system.load import Load

pytestmark = pytest.mark.cluster

NAMESPACE = "istioinaction"


def pods(cluster: Cluster) -> set[str]:
    return set(cluster.kubectl("get", "pods", "-n", NAMESPACE, "-o", "name").split())


@pytest.mark.parametrize("overlay", ["storefront", "replicas"])
def test_a_restart_of_both_under_load_loses_none_of_2000_requests(
    cluster: Cluster, deploy: Callable[[str], None], overlay: str
) -> None:
    deploy(overlay)
    before = pods(cluster)
    with Load(cluster.gateway + "/api/catalog") as load:
        load.wait_for(500)
        cluster.kubectl("rollout", "restart", "deployment/catalog", "deployment/webapp", "-n", NAMESPACE)
        cluster.ready("catalog", "webapp")
        for pod in before:
            cluster.kubectl("wait", pod, "-n", NAMESPACE, "--for=delete", "--timeout=90s")
        load.wait_for(max(500, 2000 - load.total))
    assert load.failed == {}
    assert load.total >= 2000
    assert not before & pods(cluster)
