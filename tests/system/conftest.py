"""The cluster that the system tests talk to.

By default a local mesh on free ports in a folder of its own. With TEST_CLUSTER=1, whatever KUBECONFIG names, with the
gateway where GATEWAY_URL says (http://127.0.0.1:30000 unless set). The tests themselves can't tell which.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.cluster import Cluster, environment_for
from tests.system.local import local_mesh


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if os.environ.get("TEST_CLUSTER"):
        kubeconfig = os.environ.get("KUBECONFIG", str(Path.home() / ".kube" / "config"))
        yield Cluster(os.environ.get("GATEWAY_URL", "http://127.0.0.1:30000"), environment_for(kubeconfig))
        return
    with local_mesh(tmp_path_factory.mktemp("mesh")) as cluster:
        yield cluster
