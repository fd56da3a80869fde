"""Base, components and overlays fit together, and the plain files say the same."""

from pathlib import Path

import pytest
import yaml

from tests.k8s.manifests import (
    CHECKOUT,
    KUSTOMIZATIONS,
    OVERLAYS,
    built,
    combined,
    container,
    identity,
    load,
    of_kind,
)

COMPONENTS = sorted(path.parent.name for path in CHECKOUT.glob("k8s/components/*/kustomization.yaml"))
ROUTING = ["route", "v1-only", "dark-launch", "canary"]

# An overlay, and the plain files which bring the base to the same state.
TWINS = {
    "storefront": [],
    "v2": ["catalog-v2"],
    "subsets": ["catalog-v2", "destination-rule"],
    "retries": ["catalog-retries"],
    "v1-only": ["catalog-v2", "destination-rule", "v1-only"],
    "dark-launch": ["catalog-v2", "destination-rule", "dark-launch"],
    "canary": ["catalog-v2", "destination-rule", "canary-90-10"],
}


@pytest.mark.parametrize("kustomization", KUSTOMIZATIONS)
def test_a_kustomization_builds_and_names_a_namespace_for_every_object(kustomization: str) -> None:
    for manifest in built(kustomization):
        expected = "" if manifest["kind"] == "Namespace" else "istioinaction"
        if manifest["kind"] == "Gateway" and manifest["apiVersion"].startswith("gateway.networking.k8s.io/"):
            expected = "istio-system"  # istiod takes it from the proxy's own namespace alone
        assert identity(manifest)[1] == expected


def test_the_base_makes_the_namespace_and_asks_for_sidecars() -> None:
    (namespace,) = of_kind("Namespace", built("k8s/base"))
    assert namespace["metadata"]["labels"]["istio-injection"] == "enabled"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_overlay_owns_the_namespace_so_that_deleting_one_spares_what_else_is_in_it(overlay: str) -> None:
    assert not list(of_kind("Namespace", built(f"k8s/overlays/{overlay}")))


@pytest.mark.parametrize("overlay", TWINS)
def test_an_overlay_is_the_base_with_the_tutorials_plain_files_applied(overlay: str) -> None:
    expected = {identity(manifest): manifest for manifest in built("k8s/base") if manifest["kind"] != "Namespace"}
    for name in TWINS[overlay]:
        expected.update({identity(manifest): manifest for manifest in load(f"k8s/experiments/{name}.yaml")})
    assert {identity(manifest): manifest for manifest in built(f"k8s/overlays/{overlay}")} == expected


def test_every_component_is_in_an_overlay() -> None:
    used = set()
    for overlay in OVERLAYS:
        (kustomization,) = load(f"k8s/overlays/{overlay}/kustomization.yaml")
        used |= {Path(component).name for component in kustomization["components"]}
    assert used == set(COMPONENTS)


@pytest.mark.parametrize("second", ROUTING[1:])
def test_components_that_exclude_each_other_are_refused_with_the_name_they_quarrel_over(
    tmp_path: Path, second: str
) -> None:
    done = combined(tmp_path, "v2", "subsets", "route", second)
    assert done.returncode
    assert "already registered id: VirtualService.v1.networking.istio.io/catalog.istioinaction" in done.stderr


@pytest.mark.parametrize("routing", ROUTING)
def test_retries_act_on_every_route_of_whichever_virtual_service_is_there(tmp_path: Path, routing: str) -> None:
    done = combined(tmp_path, "v2", "subsets", routing, "retries")
    assert done.returncode == 0, done.stderr
    (catalog,) = (m for m in yaml.safe_load_all(done.stdout) if identity(m)[::2] == ("VirtualService", "catalog"))
    retries = {"attempts": 3, "retryOn": "5xx", "perTryTimeout": "2s"}
    assert [route["retries"] for route in catalog["spec"]["http"]] == [retries] * len(catalog["spec"]["http"])


def test_everything_that_does_not_exclude_each_other_goes_together(tmp_path: Path) -> None:
    exclusive = {"route", "v1-only", "canary", "older"}  # what older goes with: test_versions.py
    together = [
        "v2",
        "subsets",
        "dark-launch",
        "retries",
        "strict-mtls",
        "gateway-api",
        "replicas",
        "tracing",
        "dev-reload",
    ]
    assert {*together, *exclusive, "keep-namespace"} == set(COMPONENTS)
    done = combined(tmp_path, *together)
    assert done.returncode == 0, done.stderr
    deployments = list(of_kind("Deployment", yaml.safe_load_all(done.stdout)))
    assert [deployment["spec"]["replicas"] for deployment in deployments] == [2, 2, 2]
    assert not any("livenessProbe" in container(deployment) for deployment in deployments)
