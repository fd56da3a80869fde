"""Names, labels, ports and users that one file says and another relies on."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.k8s.manifests import (
    BOOKINFO,
    CHECKOUT,
    KUSTOMIZATIONS,
    Manifest,
    built,
    container,
    identity,
    load,
    of_kind,
    pod_labels,
    selects,
)

every_build = pytest.mark.parametrize("build", [*KUSTOMIZATIONS, BOOKINFO])
SERVICES = ["catalog", "webapp"]
ISTIO = load("k8s/istio/istio.yaml")[0]["spec"]["components"]["ingressGateways"][0]


def routes(virtual_service: Manifest) -> Iterator[dict[str, Any]]:
    for http in virtual_service["spec"]["http"]:
        yield from (route["destination"] for route in http["route"])


def service_named(host: str, manifests: list[Manifest]) -> Manifest:
    (service,) = (service for service in of_kind("Service", manifests) if service["metadata"]["name"] == host)
    return service


def pods_of(service: Manifest, manifests: list[Manifest]) -> list[Manifest]:
    selector = service["spec"]["selector"]
    return [d for d in of_kind("Deployment", manifests) if selects(selector, pod_labels(d))]


def dockerfile(name: str) -> str:
    return (CHECKOUT / f"Dockerfile.{name}").read_text(encoding="utf-8")


@every_build
def test_a_deployment_selects_its_own_pods_and_no_others(build: str) -> None:
    deployments = list(of_kind("Deployment", built(build)))
    for deployment in deployments:
        selector = deployment["spec"]["selector"]["matchLabels"]
        assert [d for d in deployments if selects(selector, pod_labels(d))] == [deployment]


@every_build
def test_a_service_has_pods_and_its_target_port_is_theirs(build: str) -> None:
    for service in of_kind("Service", built(build)):
        deployments = pods_of(service, built(build))
        assert deployments
        for deployment in deployments:
            ports = {(port["name"], port["containerPort"]) for port in container(deployment)["ports"]}
            assert {(port["name"], port.get("targetPort", port["port"])) for port in service["spec"]["ports"]} <= ports


@every_build
def test_a_probe_asks_a_port_that_the_container_names(build: str) -> None:
    for deployment in of_kind("Deployment", built(build)):
        names = {port["name"] for port in container(deployment)["ports"]}
        probes = [value for key, value in container(deployment).items() if key.endswith("Probe")]
        assert {probe["httpGet"]["port"] for probe in probes} <= names


@every_build
def test_a_pods_service_account_exists(build: str) -> None:
    accounts = {identity(account)[2] for account in of_kind("ServiceAccount", built(build))}
    assert {
        d["spec"]["template"]["spec"]["serviceAccountName"] for d in of_kind("Deployment", built(build))
    } <= accounts


@every_build
def test_a_route_leads_to_a_service_and_port_that_exist(build: str) -> None:
    for virtual_service in of_kind("VirtualService", built(build)):
        for destination in routes(virtual_service):
            service = service_named(destination["host"], built(build))
            if "port" in destination:
                assert destination["port"]["number"] in {port["port"] for port in service["spec"]["ports"]}


@every_build
def test_a_subset_that_is_routed_to_is_defined_and_has_pods(build: str) -> None:
    rules = {rule["spec"]["host"]: rule["spec"]["subsets"] for rule in of_kind("DestinationRule", built(build))}
    for virtual_service in of_kind("VirtualService", built(build)):
        for destination in routes(virtual_service):
            if "subset" not in destination:
                continue
            subsets = {subset["name"]: subset["labels"] for subset in rules[destination["host"]]}
            pods = pods_of(service_named(destination["host"], built(build)), built(build))
            assert any(selects(subsets[destination["subset"]], pod_labels(pod)) for pod in pods)


@every_build
def test_a_virtual_service_is_bound_to_gateways_that_exist(build: str) -> None:
    gateways = {identity(gateway)[2] for gateway in of_kind("Gateway", built(build))}
    for virtual_service in of_kind("VirtualService", built(build)):
        assert set(virtual_service["spec"].get("gateways", [])) <= gateways


@every_build
def test_an_http_route_hangs_on_a_gateway_that_lets_it_and_leads_to_a_service_that_exists(build: str) -> None:
    gateways = {identity(gateway)[1:]: gateway for gateway in of_kind("Gateway", built(build))}
    for route in of_kind("HTTPRoute", built(build)):
        for parent in route["spec"]["parentRefs"]:
            (listener,) = gateways[parent["namespace"], parent["name"]]["spec"]["listeners"]
            labels = listener["allowedRoutes"]["namespaces"]["selector"]["matchLabels"]
            assert labels == {"kubernetes.io/metadata.name": identity(route)[1]}
        for backend in (backend for rule in route["spec"]["rules"] for backend in rule["backendRefs"]):
            ports = service_named(backend["name"], built(build))["spec"]["ports"]
            assert backend["port"] in {port["port"] for port in ports}


@every_build
def test_a_policy_names_service_accounts_that_exist(build: str) -> None:
    accounts = {
        f"cluster.local/ns/{identity(account)[1]}/sa/{identity(account)[2]}"
        for account in of_kind("ServiceAccount", built(build))
    }
    accounts.add(f"cluster.local/ns/istio-system/sa/{ISTIO['name']}-service-account")
    for policy in of_kind("AuthorizationPolicy", built(build)):
        for rule in policy["spec"].get("rules", []):
            assert {name for source in rule["from"] for name in source["source"]["principals"]} <= accounts


@every_build
def test_a_policy_and_a_disruption_budget_select_pods(build: str) -> None:
    deployments = list(of_kind("Deployment", built(build)))
    for kind in ("AuthorizationPolicy", "PodDisruptionBudget"):
        for manifest in of_kind(kind, built(build)):
            selector = manifest["spec"].get("selector", {}).get("matchLabels", {})
            assert any(selects(selector, pod_labels(deployment)) for deployment in deployments)


@pytest.mark.parametrize("build", KUSTOMIZATIONS)
def test_webapp_looks_for_catalog_where_its_service_listens(build: str) -> None:
    (webapp,) = (d for d in of_kind("Deployment", built(build)) if identity(d)[2] == "webapp")
    env = {variable["name"]: variable.get("value") for variable in container(webapp)["env"]}
    catalog = service_named("catalog", built(build))
    assert env["CATALOG_SERVICE_HOST"] == f"catalog.{identity(catalog)[1]}"
    assert env["CATALOG_SERVICE_PORT"] == str(catalog["spec"]["ports"][0]["port"])


def test_the_gateway_resource_selects_the_gateway_that_is_installed() -> None:
    (gateway,) = of_kind("Gateway", built("k8s/base"))
    assert gateway["spec"]["selector"] == {"istio": ISTIO["name"].removeprefix("istio-")}


def test_the_gateway_api_uses_the_gateway_that_is_installed_and_a_port_of_its_service() -> None:
    (gateway,) = of_kind("Gateway", built("k8s/overlays/gateway-api"))
    assert [address["value"] for address in gateway["spec"]["addresses"]] == [
        f"{ISTIO['name']}.istio-system.svc.cluster.local"
    ]
    ports = {port["port"] for port in ISTIO["k8s"]["service"]["ports"]}
    assert {listener["port"] for listener in gateway["spec"]["listeners"]} <= ports


def test_kind_maps_the_gateways_node_port_and_opens_nothing_beyond_loopback() -> None:
    (kind,) = load("k8s/kind.yaml")
    mappings = kind["nodes"][0]["extraPortMappings"]
    assert {m["listenAddress"] for m in mappings} == {"127.0.0.1"}
    assert {m["hostPort"]: m["containerPort"] for m in mappings} == {port: port for port in range(30000, 30006)}
    node_ports = [port["nodePort"] for port in ISTIO["k8s"]["service"]["ports"] if "nodePort" in port]
    assert node_ports == [30000]


@pytest.mark.parametrize("name", SERVICES)
def test_manifest_and_dockerfile_agree_on_port_and_user(name: str) -> None:
    (deployment,) = (d for d in of_kind("Deployment", built("k8s/base")) if identity(d)[2] == name)
    assert {int(port) for port in re.findall(r"(?m)^EXPOSE (\d+)", dockerfile(name))} == {
        port["containerPort"] for port in container(deployment)["ports"]
    }
    users = set(re.findall(r"(?m)^USER (\d+)", dockerfile(name)))
    assert users == {str(deployment["spec"]["template"]["spec"]["securityContext"]["runAsUser"])}


@every_build
def test_no_image_is_latest_because_a_node_would_go_and_pull_it(build: str) -> None:
    for deployment in of_kind("Deployment", built(build)):
        assert re.fullmatch(r"istioinaction/[a-z]+(-[a-z\d]+)*:\d+\.\d+\.\d+", container(deployment)["image"])


@every_build
def test_a_pod_has_all_that_the_restricted_pod_security_standard_asks_for(build: str) -> None:
    for deployment in of_kind("Deployment", built(build)):
        pod, only = deployment["spec"]["template"]["spec"], container(deployment)
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False


@every_build
def test_a_pod_has_time_to_leave_the_endpoints_and_to_drain(build: str) -> None:
    for deployment in of_kind("Deployment", built(build)):
        hook = container(deployment)["lifecycle"]["preStop"]
        pause = hook["sleep"]["seconds"] if "sleep" in hook else int(hook["exec"]["command"][1])
        assert 2 <= pause <= 5
        assert deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] >= pause + 20
