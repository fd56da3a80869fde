"""bin/cluster.sh and bin/skaffold-hook.sh, with tools that write down what they were asked."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.k8s.manifests import CHECKOUT

TOOLS = ("docker", "istioctl", "kind", "kubectl", "skaffold")
# What the scripts need of the system besides; nothing else is on their PATH.
SYSTEM = ("bash", "cat", "dirname", "grep", "head", "sed")
# Clusters are files $DESK/clusters/NAME. With $DESK/no-istio there, nothing that is waited for becomes available.
TOOL = """#!/bin/bash
printf '%s\\n' "${0##*/} $*" >>"$DESK/asked"
case "${0##*/} $*" in
  'kind get clusters') for file in "$DESK"/clusters/*; do echo "${file##*/}"; done ;;
  'kind create cluster --name '*) : >"$DESK/clusters/$4" ;;
  'istioctl version '*) echo '{"clientVersion": {"version": "1.31.1"}}' ;;
  'kubectl config current-context') echo kind-myk8s ;;
  'kubectl '*' get deployment '*) echo "registry.example/istioinaction/$7:digest" ;;
  'kubectl '*' wait '*) [[ ! -e $DESK/no-istio ]] ;;
esac
"""


@dataclass(frozen=True)
class Desk:
    """A folder whose `bin` is the whole PATH."""

    folder: Path

    def run(self, script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": str(self.folder / "bin"), "DESK": str(self.folder), **environment}
        command = [self.folder / "bin" / "bash", CHECKOUT / "bin" / script, *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=30)

    def asked(self) -> list[str]:
        """Return the commands since this was last asked."""
        lines = (self.folder / "asked").read_text().splitlines() if (self.folder / "asked").exists() else []
        (self.folder / "asked").unlink(missing_ok=True)
        return lines


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    (tmp_path / "bin").mkdir()
    (tmp_path / "clusters").mkdir()
    for name in SYSTEM:
        (tmp_path / "bin" / name).symlink_to(os.fspath(shutil.which(name) or name))
    for name in TOOLS:
        (tmp_path / "bin" / name).write_text(TOOL)
        (tmp_path / "bin" / name).chmod(0o755)
    return Desk(tmp_path)


def test_a_cluster_is_created_and_istio_installed_and_waited_for(desk: Desk) -> None:
    done = desk.run("cluster.sh", "up")
    assert done.returncode == 0, done.stderr
    assert desk.asked() == [
        "istioctl version --remote=false --output json",
        "kind get clusters",
        "kind create cluster --name myk8s --config k8s/kind.yaml",
        "istioctl install --context kind-myk8s --skip-confirmation --filename k8s/istio/istio.yaml",
        "kubectl --context kind-myk8s -n istio-system wait deployment --all --for=condition=Available --timeout=180s",
    ]
    assert "curl http://127.0.0.1:30000/api/catalog" in done.stdout


def test_the_second_time_the_cluster_is_kept(desk: Desk) -> None:
    desk.run("cluster.sh", "up")
    desk.asked()
    assert desk.run("cluster.sh", "up").returncode == 0
    kind = [line for line in desk.asked() if line.startswith("kind ")]
    assert kind == ["kind get clusters", "kind export kubeconfig --name myk8s"]


def test_a_cluster_whose_name_only_begins_alike_is_another(desk: Desk) -> None:
    (desk.folder / "clusters" / "myk8s-old").touch()
    desk.run("cluster.sh", "up")
    assert "kind create cluster --name myk8s --config k8s/kind.yaml" in desk.asked()


def test_all_tools_that_are_missing_are_named_with_how_to_get_them_before_anything_is_done(desk: Desk) -> None:
    for name in ("kind", "skaffold"):
        (desk.folder / "bin" / name).unlink()
    done = desk.run("cluster.sh", "up")
    assert done.returncode == 1
    assert "kind: brew install kind" in done.stderr
    assert "skaffold: brew install skaffold" in done.stderr
    assert "kubectl" not in done.stderr
    assert desk.asked() == []


def test_istio_that_does_not_become_ready_is_a_failure(desk: Desk) -> None:
    (desk.folder / "no-istio").touch()
    done = desk.run("cluster.sh", "up")
    assert done.returncode != 0
    assert "Ready" not in done.stdout


def test_down_deletes_the_cluster_of_that_name_and_no_other(desk: Desk) -> None:
    assert desk.run("cluster.sh", "down", CLUSTER_NAME="spare").returncode == 0
    assert desk.asked() == ["kind delete cluster --name spare"]


def test_skaffold_waits_for_istiod_and_makes_the_namespace(desk: Desk) -> None:
    assert desk.run("skaffold-hook.sh", "before-deploy", SKAFFOLD_KUBE_CONTEXT="prod").returncode == 0
    assert desk.asked() == [
        "kubectl --context prod -n istio-system wait deployment/istiod --for=condition=Available --timeout=120s",
        "kubectl --context prod apply -f k8s/base/namespace.yaml",
    ]


def test_skaffold_deploys_nothing_where_istio_is_not(desk: Desk) -> None:
    (desk.folder / "no-istio").touch()
    done = desk.run("skaffold-hook.sh", "before-deploy", SKAFFOLD_KUBE_CONTEXT="prod")
    assert done.returncode != 0
    assert "Istio is not there or not ready in prod" in done.stderr
    assert not [line for line in desk.asked() if " apply " in line]


def test_in_kind_the_images_that_were_deployed_get_their_plain_names_on_the_node(desk: Desk) -> None:
    assert desk.run("skaffold-hook.sh", "after-deploy").returncode == 0
    asked = [line for line in desk.asked() if not line.startswith("kubectl")]
    tagged = [f"istioinaction/{name}:{tag}" for name in ("catalog", "webapp") for tag in ("1.0.0", "latest")]
    assert asked == [
        *(f"docker tag registry.example/{image.rpartition(':')[0]}:digest {image}" for image in tagged),
        f"kind load docker-image --name myk8s {' '.join(tagged)}",
    ]


def test_other_clusters_get_no_images_by_hand(desk: Desk) -> None:
    assert desk.run("skaffold-hook.sh", "after-deploy", SKAFFOLD_KUBE_CONTEXT="prod").returncode == 0
    assert desk.asked() == []


@pytest.mark.parametrize("script", ["cluster.sh", "skaffold-hook.sh"])
def test_without_a_word_it_says_what_there_is(desk: Desk, script: str) -> None:
    done = desk.run(script)
    assert done.returncode == 2
    assert "set -euo" not in done.stdout
    assert done.stdout.splitlines()[0] in (CHECKOUT / "bin" / script).read_text(encoding="utf-8")
