"""The cluster that the system tests talk to.

By default a local mesh on free ports in a folder of its own. With TEST_CLUSTER=1, whatever KUBECONFIG names, with the
gateway where GATEWAY_URL says (http://127.0.0.1:30000 unless set). The tests themselves can't tell which.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.system.cluster import CHECKOUT, Cluster, environment_for

MESH = str(CHECKOUT / ".venv" / "bin" / "mesh")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("system"))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if os.environ.get("TEST_CLUSTER"):
        kubeconfig = os.environ.get("KUBECONFIG", str(Path.home() / ".kube" / "config"))
        yield Cluster(os.environ.get("GATEWAY_URL", "http://127.0.0.1:30000"), environment_for(kubeconfig))
        return
    with local_mesh(tmp_path_factory.mktemp("mesh")) as cluster:
        yield cluster


@contextmanager
def local_mesh(folder: Path) -> Iterator[Cluster]:
    """Run an empty local mesh in a folder of its own, as a user would, for the length of a block."""
    port = free_port()
    environment = {**environment_for(str(folder / "kubeconfig"), folder / "bin"), "MESH_DIR": str(folder)}
    cluster = Cluster(f"http://127.0.0.1:{port}", environment)
    done = cluster.run([MESH, "up", "--empty", "--gateway-port", str(port), "--api-port", str(free_port())])
    assert done.returncode == 0, done.stdout + done.stderr
    try:
        yield cluster
    finally:
        done = cluster.run([MESH, "down"])
        assert done.returncode == 0, done.stdout + done.stderr


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
