"""Every object of a built-in kind is what the pinned Kubernetes takes, to the last field."""

import json
import re

import kubernetes_validate
import pytest

from tests.k8s.manifests import CHECKOUT, KUSTOMIZATIONS, Manifest, built, load

# Kinds that no Kubernetes knows by itself; their own webhook judges them, in the tests of the cluster.
EXTENSIONS = ("networking.istio.io/", "security.istio.io/", "gateway.networking.k8s.io/")


def distinct() -> dict[str, Manifest]:
    files = [str(path.relative_to(CHECKOUT)) for path in sorted(CHECKOUT.glob("k8s/experiments/*.yaml"))]
    everything = [m for build in KUSTOMIZATIONS for m in built(build)] + [m for file in files for m in load(file)]
    mine = [m for m in everything if not m["apiVersion"].startswith(EXTENSIONS)]
    return {json.dumps(manifest, sort_keys=True): manifest for manifest in mine}


def kubernetes_version() -> str:
    (kind,) = load("k8s/kind.yaml")
    found = re.fullmatch(r"kindest/node:v([0-9.]+)@sha256:[0-9a-f]{64}", kind["nodes"][0]["image"])
    assert found, "the node's image is pinned by version and digest"
    return found[1]


def test_every_object_passes_the_schema_of_the_pinned_kubernetes() -> None:
    version = kubernetes_version()
    for manifest in distinct().values():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_misspelt_field_would_not_pass() -> None:
    service = next(manifest for manifest in distinct().values() if manifest["kind"] == "Service")
    wrong = {**service, "spec": {**service["spec"], "sellector": {}}}
    with pytest.raises(kubernetes_validate.ValidationError, match="sellector"):
        kubernetes_validate.validate(wrong, kubernetes_version(), strict=True)
