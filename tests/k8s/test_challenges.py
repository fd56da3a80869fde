"""The files of docs/challenges.md: the gateway that Sail leaves to others, routes of the Gateway API, a Job twice."""

import pytest

from tests.k8s.manifests import CHECKOUT, Manifest, built, load, of_kind, selects

SAIL = load("k8s/istio/sail/gateway.yaml")
INSTALLED = load("k8s/istio/istio.yaml")[0]["spec"]["components"]["ingressGateways"][0]
ROUTES = ["header", "retries", "split"]


def only(kind: str, manifests: list[Manifest]) -> Manifest:
    (found,) = of_kind(kind, manifests)
    return found


def route(name: str) -> Manifest:
    return only("HTTPRoute", load(f"k8s/experiments/gateway-api/{name}.yaml"))


def test_the_injected_gateway_stands_where_istioctl_puts_it() -> None:
    service, deployment = only("Service", SAIL), only("Deployment", SAIL)
    assert service["metadata"]["name"] == deployment["metadata"]["name"] == INSTALLED["name"]
    for field in ("type", "externalTrafficPolicy", "ports"):
        assert service["spec"][field] == INSTALLED["k8s"]["service"][field]
    assert {manifest["metadata"]["namespace"] for manifest in SAIL} == {"istio-system"}


def test_istio_gateways_and_strict_mtls_find_the_injected_gateway() -> None:
    template = only("Deployment", SAIL)["spec"]["template"]
    gateway = only("Gateway", built("k8s/base"))
    assert selects(gateway["spec"]["selector"], template["metadata"]["labels"])
    account = template["spec"]["serviceAccountName"]
    assert account == only("ServiceAccount", SAIL)["metadata"]["name"]
    policies = str(list(of_kind("AuthorizationPolicy", built("k8s/overlays/strict-mtls"))))
    assert f"cluster.local/ns/istio-system/sa/{account}" in policies


def test_the_injected_gateway_asks_to_be_injected_and_brings_nothing_else() -> None:
    template = only("Deployment", SAIL)["spec"]["template"]
    assert template["metadata"]["labels"]["sidecar.istio.io/inject"] == "true"
    assert template["metadata"]["annotations"] == {"inject.istio.io/templates": "gateway"}
    (proxy,) = template["spec"]["containers"]
    assert (proxy["name"], proxy["image"]) == ("istio-proxy", "auto")


def test_the_operator_installs_the_tutorials_profile_where_the_gateway_looks_for_it() -> None:
    (istio,) = load("k8s/istio/sail/istio.yaml")
    assert istio["spec"]["profile"] == load("k8s/istio/istio.yaml")[0]["spec"]["profile"] == "demo"
    assert istio["spec"]["namespace"] == "istio-system"


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_hangs_on_the_service_catalog_and_leads_to_services_that_exist(name: str) -> None:
    services = [*load("k8s/experiments/gateway-api/versions.yaml"), *of_kind("Service", built("k8s/base"))]
    ports = {service["metadata"]["name"]: service["spec"]["ports"][0]["port"] for service in services}
    (parent,) = route(name)["spec"]["parentRefs"]
    assert (parent["group"], parent["kind"], parent["name"], parent["port"]) == (
        "",
        "Service",
        "catalog",
        ports["catalog"],
    )
    for rule in route(name)["spec"]["rules"]:
        assert {(backend["name"], backend["port"]) for backend in rule["backendRefs"]} <= set(ports.items())


def test_each_versions_service_selects_that_version_alone() -> None:
    pods = {
        d["metadata"]["labels"]["version"]: d["spec"]["template"]["metadata"]["labels"]
        for d in of_kind("Deployment", built("k8s/overlays/v2"))
        if d["metadata"]["labels"]["app"] == "catalog"
    }
    for service in load("k8s/experiments/gateway-api/versions.yaml"):
        found = [v for v, labels in pods.items() if selects(service["spec"]["selector"], labels)]
        assert service["metadata"]["name"] == f"catalog-{found[0]}"
        assert len(found) == 1


def test_the_routes_say_what_the_virtual_services_of_the_same_experiments_say() -> None:
    canary = only("VirtualService", load("k8s/experiments/canary-90-10.yaml"))
    weights = [destination["weight"] for destination in canary["spec"]["http"][0]["route"]]
    assert [backend["weight"] for backend in route("split")["spec"]["rules"][0]["backendRefs"]] == weights
    launch = only("VirtualService", load("k8s/experiments/dark-launch.yaml"))["spec"]["http"][0]["match"][0]["headers"]
    (header,) = route("header")["spec"]["rules"][0]["matches"][0]["headers"]
    assert launch == {header["name"]: {"exact": header["value"]}}
    retries = only("VirtualService", load("k8s/experiments/catalog-retries.yaml"))["spec"]["http"][0]["retries"]
    (rule,) = route("retries")["spec"]["rules"]
    assert rule["retry"]["attempts"] == retries["attempts"]
    assert rule["timeouts"]["backendRequest"] == retries["perTryTimeout"]


def test_the_two_jobs_differ_in_name_and_annotation_alone() -> None:
    ordinary, native = load("k8s/experiments/sidecars/jobs.yaml")
    switch = "sidecar.istio.io/nativeSidecar"
    assert [job["spec"]["template"]["metadata"].pop("annotations") for job in (ordinary, native)] == [
        {switch: "false"},
        {switch: "true"},
    ]
    assert ordinary["metadata"].pop("name") != native["metadata"].pop("name")
    assert ordinary == native


def test_every_file_of_the_chapter_is_named_in_it() -> None:
    chapter = (CHECKOUT / "docs" / "challenges.md").read_text(encoding="utf-8")
    folders = ("k8s/experiments/gateway-api", "k8s/experiments/sidecars", "k8s/istio/sail")
    files = [path.relative_to(CHECKOUT) for folder in folders for path in (CHECKOUT / folder).iterdir()]
    assert files
    assert [file for file in files if str(file) not in chapter and file.name not in chapter] == []
