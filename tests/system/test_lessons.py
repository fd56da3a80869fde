"""Each lesson from end to end, as a user gives it to themselves: on the local mesh, or on the cluster of KUBECONFIG."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from localmesh.core.loopback import is_taken
from localmesh.lessons import Lesson, lessons
from tests.system.cluster import CHECKOUT, Cluster
from tests.system.local import MESH, local_mesh

pytestmark = [pytest.mark.mesh, pytest.mark.long]

PATIENCE_S = 240
STOREFRONT = [each for each in lessons() if each.needs == "storefront"]


def command(cluster: Cluster, lesson: str) -> list[str]:
    where = ["--cluster", "--gateway", cluster.gateway] if os.environ.get("TEST_CLUSTER") else []
    return [MESH, "lesson", lesson, "--yes", *where]


def give(cluster: Cluster, lesson: str) -> str:
    """Give a lesson, and return what it said; that it was not as expected is the failure's text."""
    done = subprocess.run(
        command(cluster, lesson), env=dict(cluster.environment), cwd=CHECKOUT, capture_output=True, text=True,
        check=False, timeout=PATIENCE_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A mesh with its pages, which some lessons show, or the cluster; without the storefront."""
    if os.environ.get("TEST_CLUSTER"):
        cluster: Cluster = request.getfixturevalue("cluster")
        cluster.kubectl("delete", "namespace", "istioinaction", "--ignore-not-found")
        yield cluster
        return
    first = next(port for port in range(31200, 32700, 4) if not any(map(is_taken, range(port, port + 4))))
    with local_mesh(tmp_path_factory.mktemp("mesh"), first) as cluster:
        cluster.ready("kiali", "jaeger", namespace="istio-system")
        yield cluster


@pytest.fixture(scope="module")
def storefront(watched: Cluster) -> Cluster:
    watched.kubectl("apply", "-k", "k8s/base")
    watched.ready("catalog", "webapp")
    return watched


def test_the_lesson_for_an_empty_mesh_leaves_it_empty(watched: Cluster) -> None:
    said = give(watched, "deploy")
    assert said.count('"name":"Elinor Glasses"') == 2
    assert said.count("2/2     Running") == 2
    assert "1/1     Running" in said
    assert watched.kubectl("get", "ns", "istioinaction", "--ignore-not-found") == ""


@pytest.mark.parametrize("lesson", STOREFRONT, ids=lambda lesson: lesson.name)
def test_a_lesson_comes_as_expected_and_leaves_the_storefront_as_it_was(storefront: Cluster, lesson: Lesson) -> None:
    said = give(storefront, lesson.name)
    assert said.count("── Compare\n") == len(lesson.rounds)
    assert "Done, and undone." in said
    left = storefront.kubectl("get", "deploy,svc,gw,vs,dr", "-n", "istioinaction", "-o", "name").split()
    assert sorted(name.rpartition("/")[2] for name in left) == [
        "catalog", "catalog", "outfitters-gateway", "webapp", "webapp", "webapp-virtualservice",
    ]  # fmt: skip


def test_ctrl_c_under_load_undoes_the_lesson(storefront: Cluster) -> None:
    lesson = subprocess.Popen(
        command(storefront, "retries"), env=dict(storefront.environment), cwd=CHECKOUT, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    assert lesson.stdout
    for line in lesson.stdout:
        if line.startswith("$ bin/load"):
            os.killpg(lesson.pid, signal.SIGINT)
            break
    said = lesson.communicate(timeout=PATIENCE_S)[0]
    assert lesson.returncode == 130, said
    assert "── Undo" in said
    assert storefront.kubectl("get", "vs", "catalog", "-n", "istioinaction", "--ignore-not-found") == ""
    assert " hit " not in storefront.sh("bin/chaos.sh -n istioinaction list")


def test_a_lesson_does_not_begin_over_what_it_would_undo(storefront: Cluster) -> None:
    storefront.kubectl("apply", "-f", "k8s/experiments/catalog-retries.yaml")
    done = storefront.run(command(storefront, "retries"))
    assert done.returncode == 1
    assert "virtualservice.networking.istio.io/catalog" in done.stderr
    assert storefront.kubectl("get", "vs", "catalog", "-n", "istioinaction", "-o", "name")
    storefront.kubectl("delete", "-f", "k8s/experiments/catalog-retries.yaml")
    storefront.sh("bin/chaos.sh -n istioinaction 503 10")
    done = storefront.run(command(storefront, "chaos"))
    assert done.returncode == 1
    assert "catalog fails on purpose already" in done.stderr
    storefront.sh("bin/chaos.sh off")
    done = storefront.run(command(storefront, "deploy"))
    assert done.returncode == 1
    assert "starts without the namespace istioinaction" in done.stderr
