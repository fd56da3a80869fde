import pytest

from localmesh.apiserver.errors import ApiError
from localmesh.apiserver.target import Target
from localmesh.apiserver.write.registry import MERGE, DeleteOptions, Registry, WriteOptions
from localmesh.core.objects import Key
from localmesh.kinds.resources import DEPLOYMENTS, NAMESPACES, PODS, REPLICA_SETS

from .conftest import Cluster

ISTIOD = Target(DEPLOYMENTS, "v1", "istio-system", "istiod")


@pytest.fixture
def cluster() -> Cluster:
    """Where a Deployment stands for the mesh itself, and another does not."""
    cluster = Cluster()
    cluster.create(NAMESPACES, "istio-system")
    spec = cluster.deployment()["spec"]
    cluster.create(DEPLOYMENTS, "istiod", "istio-system", spec=spec)
    cluster.settle()
    return cluster


def test_what_stands_for_the_mesh_itself_is_there_without_a_pod(cluster: Cluster) -> None:
    status = cluster.store.get(DEPLOYMENTS, Key("istio-system", "istiod"))["status"]
    assert (status["availableReplicas"], status["observedGeneration"]) == (1, 1)
    assert cluster.store.objects(REPLICA_SETS, "istio-system") == []
    assert cluster.store.objects(PODS, "istio-system") == []
    assert len(cluster.store.objects(PODS, "shop")) == 1


def test_it_is_read_only(cluster: Cluster) -> None:
    registry = Registry(cluster.store)
    complaint = 'deployments.apps "istiod" is forbidden: it is read only: it stands for the mesh\'s own process'
    with pytest.raises(ApiError, match=complaint):
        registry.patch(ISTIOD, {"metadata": {"labels": {"a": "b"}}}, MERGE, WriteOptions())
    with pytest.raises(ApiError, match=complaint):
        registry.patch(
            Target(DEPLOYMENTS, "v1", "istio-system", "istiod", "scale"),
            {"spec": {"replicas": 2}},
            MERGE,
            WriteOptions(),
        )
    with pytest.raises(ApiError, match=complaint):
        registry.delete(ISTIOD, DeleteOptions())
    registry.delete(Target(DEPLOYMENTS, "v1", "shop", "web"), DeleteOptions())
