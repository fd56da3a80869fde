"""Which Kubernetes and which Istio take the manifests to the last field: from the minimum on, and with `older`."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.k8s.manifests import (
    BOOKINFO,
    CHECKOUT,
    KUSTOMIZATIONS,
    OVERLAYS,
    Manifest,
    built,
    combined,
    load,
    of_kind,
    parsed,
)
from tests.k8s.schemas import ISTIO, KUBERNETES, istio_refuses, kubernetes_refuses, of_istio

# Kubernetes 1.29 knows the field preStop.sleep and yet refuses it, unless its feature gate is opened.
LEAST_KUBERNETES, LEAST_ISTIO = 30, 22
LESSONS = [*CHECKOUT.glob("k8s/experiments/*.yaml"), *CHECKOUT.glob(f"{BOOKINFO}/networking/*.yaml")]
EXPERIMENTS = sorted(str(path.relative_to(CHECKOUT)) for path in LESSONS)
PLAIN = [BOOKINFO, *(name for name in KUSTOMIZATIONS if not name.endswith("/older"))]
# What can be combined with `older`; the routes exclude each other, and one stands for all.
TOGETHER = ["v2", "subsets", "dark-launch", "retries", "strict-mtls", "replicas", "tracing", "older"]


def manifests(builds: Iterable[str] = PLAIN) -> list[Manifest]:
    everything = [m for name in builds for m in built(name)] + [m for file in EXPERIMENTS for m in load(file)]
    return list({json.dumps(manifest, sort_keys=True): manifest for manifest in everything}.values())


@pytest.mark.long
def test_every_kubernetes_from_the_minimum_on_takes_every_manifest() -> None:
    minors = [minor for minor in KUBERNETES if minor >= LEAST_KUBERNETES]
    assert {kubernetes_refuses(minor, manifest) for minor in minors for manifest in manifests()} == {""}


def test_the_nodes_image_is_pinned_by_version_and_digest_and_is_a_kubernetes_that_takes_them() -> None:
    (kind,) = load("k8s/kind.yaml")
    found = re.fullmatch(r"kindest/node:v1\.(\d+)\.\d+@sha256:[0-9a-f]{64}", kind["nodes"][0]["image"])
    assert found
    assert LEAST_KUBERNETES <= int(found[1]) in KUBERNETES


def test_a_misspelt_field_of_kubernetes_would_not_pass() -> None:
    service = next(of_kind("Service", manifests()))
    wrong = {**service, "spec": {**service["spec"], "sellector": {}}}
    assert "sellector" in kubernetes_refuses(36, wrong)


def test_an_older_kubernetes_refuses_one_field_only() -> None:
    complaints = {kubernetes_refuses(25, manifest) for manifest in manifests()} - {""}
    assert complaints == {"Additional properties are not allowed ('sleep' was unexpected)"}


@pytest.mark.parametrize("release", ["1.22", "1.25", "1.31"])
def test_every_istio_from_the_minimum_on_takes_every_manifest(release: str) -> None:
    assert of_istio(manifests())
    assert {istio_refuses(release, manifest) for manifest in of_istio(manifests())} == {""}


@pytest.mark.parametrize("release", ["1.17", "1.21"])
def test_an_istio_before_the_minimum_refuses_the_api_version_and_nothing_else(release: str) -> None:
    complaints = [istio_refuses(release, manifest) for manifest in of_istio(manifests())]
    assert all(re.match(r"no matches for kind \w+ in version \w+\.istio\.io/v1$", said) for said in complaints if said)
    assert any(complaints)


def test_with_older_every_kubernetes_from_1_25_and_every_istio_from_1_17_on_takes_every_component(
    tmp_path: Path,
) -> None:
    mine = parsed(combined(tmp_path, *TOGETHER))
    assert {kubernetes_refuses(minor, manifest) for minor in KUBERNETES for manifest in mine} == {""}
    assert len(of_istio(mine)) > 5
    assert {istio_refuses(release, manifest) for release in ISTIO for manifest in of_istio(mine)} == {""}


def test_older_changes_how_things_are_said_and_nothing_else(tmp_path: Path) -> None:
    older, newer = (
        {(m["kind"], m["metadata"]["name"]): m for m in parsed(combined(tmp_path, *names))}
        for names in (TOGETHER, TOGETHER[:-1])
    )
    assert older.keys() == newer.keys()
    for identity, manifest in newer.items():
        said = older[identity]
        if manifest["kind"] == "Deployment":
            annotations = said["spec"]["template"]["metadata"].pop("annotations")
            assert json.loads(annotations["proxy.istio.io/config"]) == {"holdApplicationUntilProxyStarts": True}
            command = lifecycle(said).pop("preStop")["exec"]["command"]
            assert command == ["sleep", str(lifecycle(manifest).pop("preStop")["sleep"]["seconds"])]
        assert {**said, "apiVersion": manifest["apiVersion"]} == manifest


def lifecycle(deployment: Manifest) -> dict[str, Manifest]:
    return dict(deployment["spec"]["template"]["spec"]["containers"][0])["lifecycle"]


def test_a_misspelt_field_of_istio_would_not_pass() -> None:
    (route,) = of_kind("VirtualService", load("k8s/experiments/catalog-retries.yaml"))
    wrong = {**route, "spec": {**route["spec"], "hostz": ["catalog"]}}
    assert "hostz" in istio_refuses("1.31", wrong)


def test_only_older_says_anything_in_older_words() -> None:
    for overlay in set(OVERLAYS) - {"older"}:
        versions = {m["apiVersion"].rpartition("/")[2] for m in built(f"k8s/overlays/{overlay}")}
        assert versions == {"v1"}, overlay
    versions = {m["apiVersion"] for m in of_istio(built("k8s/overlays/older"))}
    assert versions == {"networking.istio.io/v1beta1"}


def test_the_script_and_the_chapter_name_the_same_minimum() -> None:
    script = (CHECKOUT / "bin" / "cluster.sh").read_text(encoding="utf-8")
    least = dict(re.findall(r"(?m)^least_(\w+)=(\d+)$", script))
    assert least == {"kubernetes": str(LEAST_KUBERNETES), "istio": str(LEAST_ISTIO)}
    chapter = (CHECKOUT / "docs" / "versions.md").read_text(encoding="utf-8")
    assert f"Kubernetes 1.{LEAST_KUBERNETES} and Istio 1.{LEAST_ISTIO}" in chapter
