"""skaffold, as a reader types it, from a copy of the checkout."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.k8s.manifests import CHECKOUT, load
from tests.system.cluster import Cluster

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(not shutil.which("skaffold"), reason="skaffold is not on the PATH"),
]

NAMESPACE = "istioinaction"
CATALOG = "/api/catalog"
PROFILES = [profile["name"] for profile in load("skaffold.yaml")[0]["profiles"] if profile["name"] != "dev"]
BUILD_S = 300
PATIENCE_S = 60


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the checkout, without what git ignores: skaffold dev is about to see it edited."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(CHECKOUT / name, tmp_path / name, follow_symlinks=False)
    return tmp_path


@pytest.fixture
def by_hand(cluster: Cluster) -> Iterator[str]:
    """Something that the reader has put into the namespace."""
    cluster.kubectl("apply", "-f", "k8s/base/namespace.yaml")
    cluster.kubectl("create", "configmap", "by-hand", "-n", NAMESPACE)
    yield "configmap/by-hand"
    cluster.kubectl("delete", "configmap", "by-hand", "-n", NAMESPACE)


@pytest.fixture(scope="module", autouse=True)
def _storefront_afterwards(cluster: Cluster) -> Iterator[None]:
    """Start with the context as the tutorial has it; leave the storefront of plain images, as skaffold run makes it."""
    cluster.kubectl("config", "set-context", "--current", f"--namespace={NAMESPACE}")
    yield
    skaffold(cluster, "run")
    cluster.kubectl("config", "set-context", "--current", "--namespace=default")


def skaffold(cluster: Cluster, *arguments: str) -> str:
    environment = {**cluster.environment, "SKAFFOLD_INTERACTIVE": "false", "SKAFFOLD_UPDATE_CHECK": "false"}
    done = subprocess.run(
        ["skaffold", *arguments], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False,
        timeout=BUILD_S,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    return done.stdout + done.stderr


def until(condition: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> float:
    """Wait for a condition and return the seconds that it took."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < patience_s, f"{what}: not within {patience_s} s"
        time.sleep(0.1)
    return time.monotonic() - began


def items(cluster: Cluster) -> list[dict[str, object]]:
    """Return the catalog through the gateway, or nothing while it does not answer."""
    answer = cluster.get(CATALOG)
    return json.loads(answer.text) if answer.status_code == 200 else []


@pytest.mark.parametrize("profile", ["", *PROFILES])
def test_run_and_verify_and_delete_leave_what_was_there_by_hand(cluster: Cluster, by_hand: str, profile: str) -> None:
    chosen = ["--profile", profile] if profile else []
    skaffold(cluster, "run", *chosen)
    assert "Elinor Glasses" in skaffold(cluster, "verify", *chosen)
    skaffold(cluster, "delete", *chosen)
    gone = ["deployments,services,gateways.networking.istio.io,virtualservices,destinationrules", "-n", NAMESPACE]
    until(lambda: not cluster.json("get", *gone)["items"], "all that skaffold had deployed is gone")
    assert cluster.kubectl("get", by_hand, "-n", NAMESPACE, "-o", "name") == f"{by_hand}\n"


@pytest.mark.parametrize("profile", ["", "dark-launch"])
def test_dev_carries_an_edit_into_the_running_pods_and_cleans_up_at_the_end(
    cluster: Cluster, by_hand: str, checkout: Path, profile: str
) -> None:
    log = checkout / "dev.log"
    # The default trigger overlooks an edit that comes in the very moment in which skaffold says that it watches.
    command = ["skaffold", "dev", "--trigger=polling", *(["--profile", profile] if profile else [])]
    with log.open("wb") as out:
        environment = {**os.environ, **cluster.environment, "SKAFFOLD_INTERACTIVE": "false"}
        dev = subprocess.Popen(command, cwd=checkout, env=environment, stdout=out, stderr=out, start_new_session=True)
        try:
            until(lambda: b"Watching for changes" in log.read_bytes() or dev.poll() is not None, "dev watches", BUILD_S)
            assert dev.poll() is None, log.read_text()[-5000:]
            pods = cluster.kubectl("get", "pods", "-n", NAMESPACE, "-o", "name")
            store = checkout / "services" / "catalog" / "store.py"
            store.write_text(store.read_text().replace("Elinor Glasses", "Elinor Spectacles"))
            until(lambda: any(item["name"] == "Elinor Spectacles" for item in items(cluster)), "the edit shows")
            assert cluster.kubectl("get", "pods", "-n", NAMESPACE, "-o", "name") == pods
        finally:
            dev.send_signal(signal.SIGINT)
            dev.wait(timeout=PATIENCE_S)
    until(
        lambda: not cluster.json("get", "deployments", "-n", NAMESPACE)["items"], "Ctrl-C takes the application along"
    )
    assert cluster.kubectl("get", by_hand, "-n", NAMESPACE, "-o", "name") == f"{by_hand}\n"
