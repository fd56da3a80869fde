"""Tests that need Kubernetes and Istio themselves: TEST_CLUSTER=1, KUBECONFIG, the images on the node (skaffold run).

The gateway is where GATEWAY_URL says, http://127.0.0.1:30000 unless set. kubectl and istioctl are taken from PATH.
"""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.system.cluster import Cluster, environment_for
from tests.system.overlays import deploy_exactly

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave these tests out unless they were asked for."""
    here = [item for item in items if HERE in item.path.parents]
    if here and not os.environ.get("TEST_CLUSTER"):
        config.hook.pytest_deselected(items=here)
        items[:] = [item for item in items if item not in here]


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster that KUBECONFIG names."""
    kubeconfig = os.environ.get("KUBECONFIG", str(Path.home() / ".kube" / "config"))
    return Cluster(os.environ.get("GATEWAY_URL", "http://127.0.0.1:30000"), environment_for(kubeconfig))


@pytest.fixture
def deploy(cluster: Cluster) -> Iterator[Callable[[str], None]]:
    """A function that brings the namespace to exactly what an overlay says; afterwards it is the storefront again."""

    yield partial(deploy_exactly, cluster)
    deploy_exactly(cluster, "storefront")
