"""bin/cluster.sh and bin/skaffold-hook.sh, with tools that write down what they were asked."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.k8s.manifests import BOOKINFO, CHECKOUT, built, container, load, of_kind

TOOLS = ("docker", "istioctl", "kind", "kubectl", "skaffold")
# What the scripts need of the system besides; nothing else is on their PATH.
SYSTEM = ("bash", "cat", "dirname", "grep", "head", "sed")
# Clusters are files $DESK/clusters/NAME. With $DESK/no-istio there, nothing that is waited for becomes available.
# What kind reads by --config is kept in $DESK/config.
TOOL = """#!/bin/bash
printf '%s\\n' "${0##*/} $*" >>"$DESK/asked"
case "${0##*/} $*" in
  'kind get clusters') for file in "$DESK"/clusters/*; do echo "${file##*/}"; done ;;
  'kind create cluster --name '*) : >"$DESK/clusters/$4"; cat "${!#}" >"$DESK/config" ;;
  'istioctl version '*) printf '{"clientVersion": {"version": "%s"}}' "${HAS_ISTIOCTL-1.31.1}" ;;
  'kubectl '*' version '*) printf '{"clientVersion": {"gitVersion": "v1.37.1"},\\n"serverVersion": {\\n"gitVersion":'
    printf '"v1.36.4"}}' ;;
  'kubectl '*' api-versions') printf '%s\n' apps/v1 ${SERVED-networking.istio.io/v1 telemetry.istio.io/v1} ;;
  'kubectl config current-context') echo kind-myk8s ;;
  'kubectl '*' -n default get deployment '*) echo "registry.example/istioinaction/examples-bookinfo-$7:digest" ;;
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
    waiting = "kubectl --context kind-myk8s -n istio-system wait deployment"
    assert desk.asked() == [
        "istioctl version --remote=false --output json",
        "kind get clusters",
        "kind create cluster --name myk8s --config k8s/kind.yaml",
        "istioctl install --context kind-myk8s --skip-confirmation --filename k8s/istio/istio.yaml",
        f"{waiting} istiod istio-ingressgateway --for=condition=Available --timeout=180s",
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


def test_another_pair_of_kubernetes_and_istio_is_taken_by_name(desk: Desk) -> None:
    done = desk.run(
        "cluster.sh", "up", NODE_IMAGE="kindest/node:v1.32.2", ISTIO_VERSION="1.25.1", HAS_ISTIOCTL="1.25.1"
    )
    assert done.returncode == 0, done.stderr
    created = "kind create cluster --name myk8s --image kindest/node:v1.32.2 --config k8s/kind.yaml"
    assert created in desk.asked()
    assert "-p older" not in done.stdout


def test_the_tutorials_first_pair_is_told_to_deploy_older(desk: Desk) -> None:
    done = desk.run("cluster.sh", "up", NODE_IMAGE="kindest/node:v1.23.17", HAS_ISTIOCTL="1.17.8")
    assert done.returncode == 0, done.stderr
    assert "skaffold run -p older" in done.stdout
    assert "skaffold dev " not in done.stdout


MISMATCHES = {
    "Istio 1.25.1 was released for Kubernetes 1.29 to 1.32": {"HAS_ISTIOCTL": "1.25.1"},
    "Istio 1.31.1 was released for Kubernetes 1.32 to 1.36": {"NODE_IMAGE": "kindest/node:v1.23.17"},
    "Istio 1.17.8 was released for Kubernetes 1.23 to 1.26": {
        "NODE_IMAGE": "localhost:5000/kindest/node:v1.27.3@sha256:0",
        "HAS_ISTIOCTL": "1.17.8",
    },
    "which Kubernetes Istio 1.99.0 wants is not known here": {"HAS_ISTIOCTL": "1.99.0"},
    "ISTIO_VERSION is 1.25.1, but istioctl is 1.31.1": {"ISTIO_VERSION": "1.25.1"},
    "names no version": {"NODE_IMAGE": "localhost:5000/my-node"},
    "MOUNT is /nowhere, which is no folder": {"MOUNT": "/nowhere"},
}


@pytest.mark.parametrize("complaint", MISMATCHES)
def test_a_mismatch_is_said_before_anything_is_created(desk: Desk, complaint: str) -> None:
    done = desk.run("cluster.sh", "up", **MISMATCHES[complaint])
    assert done.returncode == 1
    assert complaint in done.stderr
    assert not [line for line in desk.asked() if line.startswith(("kind create", "istioctl install"))]


def test_a_pair_that_was_never_tested_can_be_insisted_on(desk: Desk) -> None:
    done = desk.run("cluster.sh", "up", ANYWAY="1", HAS_ISTIOCTL="1.25.1")
    assert done.returncode == 0, done.stderr
    assert "going on anyway" in done.stderr


def test_another_node_than_the_cluster_has_is_refused(desk: Desk) -> None:
    (desk.folder / "clusters" / "myk8s").touch()
    done = desk.run("cluster.sh", "up", NODE_IMAGE="kindest/node:v1.34.0")
    assert done.returncode == 1
    assert "is there already, with Kubernetes v1.36.4" in done.stderr
    assert desk.run("cluster.sh", "up", NODE_IMAGE="kindest/node:v1.36.1").returncode == 0


def test_a_folder_is_mounted_where_the_tutorial_has_the_books_sources(desk: Desk, tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    assert desk.run("cluster.sh", "up", MOUNT=str(folder)).returncode == 0
    config = yaml.safe_load((desk.folder / "config").read_text())
    (plain,) = load("k8s/kind.yaml")
    (node,) = config["nodes"]
    assert node.pop("extraMounts") == [{"hostPath": str(folder), "containerPath": "/istiobook"}]
    assert config == plain


def test_add_ons_are_applied_and_waited_for(desk: Desk) -> None:
    done = desk.run("cluster.sh", "addons")
    assert done.returncode == 0, done.stderr
    asked = desk.asked()
    applied = [line.rpartition(" ")[2] for line in asked if " apply " in line]
    assert applied == [
        f"{path.parent.relative_to(CHECKOUT)}/" for path in sorted(CHECKOUT.glob("k8s/addons/*/kustomization.yaml"))
    ]
    waited = " ".join(line for line in asked if " wait " in line)
    deployments = {d["metadata"]["name"] for d in of_kind("Deployment", built("k8s/addons"))}
    assert deployments <= set(waited.split())
    assert all(f"http://127.0.0.1:3000{port}" in done.stdout for port in range(1, 6))


def test_before_istio_1_22_everything_is_traced_already(desk: Desk) -> None:
    done = desk.run("cluster.sh", "addons", SERVED="networking.istio.io/v1beta1 telemetry.istio.io/v1alpha1")
    assert done.returncode == 0, done.stderr
    assert not [line for line in desk.asked() if "tracing" in line]


def test_add_ons_without_istio_are_refused(desk: Desk) -> None:
    done = desk.run("cluster.sh", "addons", SERVED="batch/v1")
    assert done.returncode == 1
    assert "there is no Istio in kind-myk8s: make cluster" in done.stderr
    assert not [line for line in desk.asked() if " apply " in line]


def test_add_ons_come_with_the_cluster_when_asked_for(desk: Desk) -> None:
    assert [line for line in asked_by(desk, ADDONS="1") if "k8s/addons/kiali" in line]
    assert not [line for line in asked_by(desk) if "k8s/addons" in line]


def asked_by(desk: Desk, **environment: str) -> list[str]:
    assert desk.run("cluster.sh", "up", **environment).returncode == 0
    return desk.asked()


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


def test_bookinfos_images_get_the_names_that_its_manifests_say(desk: Desk) -> None:
    assert desk.run("skaffold-hook.sh", "after-deploy", "bookinfo").returncode == 0
    asked = desk.asked()
    loaded = next(line for line in asked if line.startswith("kind load docker-image --name myk8s ")).split()[5:]
    deployments = of_kind("Deployment", built(BOOKINFO))
    assert sorted(container(deployment)["image"] for deployment in deployments) == sorted(loaded)
    for deployment in deployments:
        name, image = deployment["metadata"]["name"], container(deployment)["image"]
        assert any(f" -n default get deployment {name} " in line for line in asked)
        assert f"docker tag registry.example/{image.rpartition(':')[0]}:digest {image}" in asked


def test_skaffold_waits_for_istiod_and_gives_bookinfos_namespace_its_label(desk: Desk) -> None:
    assert desk.run("skaffold-hook.sh", "before-deploy", "bookinfo", SKAFFOLD_KUBE_CONTEXT="prod").returncode == 0
    assert desk.asked() == [
        "kubectl --context prod -n istio-system wait deployment/istiod --for=condition=Available --timeout=120s",
        "kubectl --context prod label namespace default istio-injection=enabled --overwrite",
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
