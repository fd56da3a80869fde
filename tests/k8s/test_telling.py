"""Pods know who they are, and the component `tracing` has them tell a collector."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.k8s.manifests import KUSTOMIZATIONS, Manifest, built, combined, container, identity, of_kind, pod_labels

IDENTITY = {
    "POD_NAME": "metadata.name",
    "POD_NAMESPACE": "metadata.namespace",
    "SERVICE_VERSION": "metadata.labels['version']",
}
TRACING = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://jaeger-collector.istio-system:4318",
    "OTEL_SERVICE_NAME": "$(APP).$(POD_NAMESPACE)",
    "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=lab",
    "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
    "OTEL_TRACES_SAMPLER_ARG": "1",
    "OTEL_METRICS_EXPORTER": "none",
}


def variables(deployment: Manifest) -> list[dict[str, Any]]:
    return list(container(deployment)["env"])


def fields(deployment: Manifest) -> dict[str, str]:
    found = ((variable["name"], variable.get("valueFrom")) for variable in variables(deployment))
    return {name: source["fieldRef"]["fieldPath"] for name, source in found if source}


def values(deployment: Manifest) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in variables(deployment) if "value" in variable}


def with_tracing(folder: Path) -> dict[str, Manifest]:
    done = combined(folder, "v2", "tracing")
    assert done.returncode == 0, done.stderr
    return {
        identity(deployment)[2]: deployment for deployment in of_kind("Deployment", yaml.safe_load_all(done.stdout))
    }


@pytest.mark.parametrize("build", KUSTOMIZATIONS)
def test_every_pod_is_told_its_name_its_namespace_and_its_version(build: str) -> None:
    for deployment in of_kind("Deployment", built(build)):
        assert fields(deployment).items() >= IDENTITY.items()


def test_the_versions_of_catalog_have_a_label_to_tell_and_webapp_which_the_book_gave_none_has_none() -> None:
    versions = {identity(d)[2]: pod_labels(d).get("version") for d in of_kind("Deployment", built("k8s/overlays/v2"))}
    assert versions == {"catalog": "v1", "catalog-v2": "v2", "webapp": None}


def test_tracing_reaches_both_services_and_every_version_alike(tmp_path: Path) -> None:
    deployments = with_tracing(tmp_path)
    assert set(deployments) == {"catalog", "catalog-v2", "webapp"}
    for deployment in deployments.values():
        assert values(deployment).items() >= TRACING.items()
        assert fields(deployment)["APP"] == "metadata.labels['app']"


def test_tracing_takes_no_variable_away(tmp_path: Path) -> None:
    before = {identity(d)[2]: variables(d) for d in of_kind("Deployment", built("k8s/overlays/v2"))}
    for name, deployment in with_tracing(tmp_path).items():
        assert variables(deployment)[: len(before[name])] == before[name]


def test_a_variable_names_only_those_before_it_as_kubernetes_expands_them(tmp_path: Path) -> None:
    for deployment in with_tracing(tmp_path).values():
        known: set[str] = set()
        for variable in variables(deployment):
            assert set(re.findall(r"\$\((\w+)\)", variable.get("value", ""))) <= known
            known.add(variable["name"])


def test_the_profile_tracing_deploys_it() -> None:
    for deployment in of_kind("Deployment", built("k8s/overlays/tracing")):
        assert values(deployment).items() >= TRACING.items()
