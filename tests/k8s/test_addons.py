"""k8s/addons stands where the tutorial looks: names, ports, labels of Istio's samples/addons and of two helm charts."""

import re
from typing import Any

import pytest
import yaml

from tests.k8s.manifests import CHECKOUT, Manifest, built, load, of_kind, selects
from tests.k8s.schemas import KUBERNETES, istio_refuses, kubernetes_refuses, of_istio

ADDONS = sorted(path.parent.name for path in CHECKOUT.glob("k8s/addons/*/kustomization.yaml"))
EVERYTHING = built("k8s/addons")
DEPLOYMENTS = list(of_kind("Deployment", EVERYTHING))
every_deployment = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda d: d["metadata"]["name"])

HELM = "app.kubernetes.io/instance"
# Service: namespace, ports, selector; from samples/addons of Istio 1.31 and the charts kube-ops-view, metrics-server.
SERVICES = {
    "prometheus": ("istio-system", {9090}, {HELM: "prometheus", "app.kubernetes.io/name": "prometheus"}),
    "grafana": ("istio-system", {3000}, {HELM: "grafana", "app.kubernetes.io/name": "grafana"}),
    "kiali": ("istio-system", {20001, 9090}, {HELM: "kiali", "app.kubernetes.io/name": "kiali"}),
    "tracing": ("istio-system", {80, 16685}, {"app": "jaeger"}),
    "jaeger-collector": ("istio-system", {4317, 4318, 9411}, {"app": "jaeger"}),
    "zipkin": ("istio-system", {9411}, {"app": "jaeger"}),
    "kube-ops-view": ("kube-system", {8080}, {HELM: "kube-ops-view"}),
    "metrics-server": ("kube-system", {443}, {HELM: "metrics-server"}),
}
# What the tutorial patches into each Service (2.4.1).
PATCHES = {
    "prometheus": {"port": 9090, "targetPort": 9090, "nodePort": 30001},
    "grafana": {"port": 3000, "targetPort": 3000, "nodePort": 30002},
    "kiali": {"port": 20001, "targetPort": 20001, "nodePort": 30003},
    "tracing": {"port": 80, "targetPort": 16686, "nodePort": 30004},
    "kube-ops-view": {"port": 8080, "targetPort": 8080, "nodePort": 30005},
}


def named(kind: str, name: str) -> Manifest:
    (found,) = (m for m in of_kind(kind, EVERYTHING) if m["metadata"]["name"] == name)
    return found


def configured(config_map: str, file: str) -> Any:
    return yaml.safe_load(named("ConfigMap", config_map)["data"][file])


def containers(deployment: Manifest) -> list[Manifest]:
    return list(deployment["spec"]["template"]["spec"]["containers"])


def test_each_folder_can_be_applied_alone_and_all_of_them_at_once() -> None:
    apart = [manifest for addon in ADDONS for manifest in built(f"k8s/addons/{addon}")]
    assert len(apart) == len(EVERYTHING)
    assert all(manifest in EVERYTHING for manifest in apart)


def test_kubernetes_takes_them_from_1_25_on() -> None:
    assert {kubernetes_refuses(minor, manifest) for minor in KUBERNETES for manifest in EVERYTHING} == {""}


@pytest.mark.parametrize("release", ["1.22", "1.25", "1.31"])
def test_istio_takes_them_from_1_22_on(release: str) -> None:
    assert [istio_refuses(release, manifest) for manifest in of_istio(EVERYTHING)] == [""]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_bears_the_name_ports_and_selector_of_the_original(name: str) -> None:
    namespace, ports, selector = SERVICES[name]
    service = named("Service", name)
    assert service["metadata"]["namespace"] == namespace
    assert {port["port"] for port in service["spec"]["ports"]} == ports
    assert selects(selector, service["spec"]["selector"])


def test_there_is_no_service_beyond_these() -> None:
    assert {service["metadata"]["name"] for service in of_kind("Service", EVERYTHING)} == set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_pods_that_listen_on_its_target_ports(name: str) -> None:
    service = named("Service", name)
    (pods,) = (
        d
        for d in DEPLOYMENTS
        if d["metadata"]["namespace"] == service["metadata"]["namespace"]
        and selects(service["spec"]["selector"], d["spec"]["template"]["metadata"]["labels"])
    )
    open_ports = {key for c in containers(pods) for port in c["ports"] for key in (port["name"], port["containerPort"])}
    assert {port.get("targetPort", port["port"]) for port in service["spec"]["ports"]} <= open_ports


@pytest.mark.parametrize("name", PATCHES)
def test_the_tutorials_patch_changes_nothing(name: str) -> None:
    service = named("Service", name)
    assert service["spec"]["type"] == "NodePort"
    (port,) = (port for port in service["spec"]["ports"] if port["port"] == PATCHES[name]["port"])
    # targetPort is the port unless said otherwise.
    assert {"targetPort": port["port"], **port} == {**port, **PATCHES[name]}


def test_kind_maps_every_node_port_that_is_fixed() -> None:
    fixed = [p["nodePort"] for s in of_kind("Service", EVERYTHING) for p in s["spec"]["ports"] if "nodePort" in p]
    (kind,) = load("k8s/kind.yaml")
    assert sorted([30000, *fixed]) == [mapping["hostPort"] for mapping in kind["nodes"][0]["extraPortMappings"]]


@every_deployment
def test_an_image_is_pinned(deployment: Manifest) -> None:
    for container in containers(deployment):
        assert re.fullmatch(r"[a-z0-9.]+/[\w./-]+:v?\d+\.\d+\.\d+", container["image"])


@every_deployment
def test_a_pod_has_all_that_the_restricted_pod_security_standard_asks_for(deployment: Manifest) -> None:
    pod = deployment["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["enableServiceLinks"] is False
    for container in containers(deployment):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"requests", "limits"} == set(container["resources"])


@every_deployment
def test_a_pod_writes_to_bounded_volumes_alone(deployment: Manifest) -> None:
    for volume in deployment["spec"]["template"]["spec"].get("volumes", []):
        assert "configMap" in volume or "sizeLimit" in volume["emptyDir"], volume


@every_deployment
def test_a_pod_has_a_token_only_where_a_role_is_bound_to_its_account(deployment: Manifest) -> None:
    pod = deployment["spec"]["template"]["spec"]
    bound = {s["name"] for kind in ("ClusterRoleBinding",) for b in of_kind(kind, EVERYTHING) for s in b["subjects"]}
    assert pod.get("automountServiceAccountToken", True) is (pod.get("serviceAccountName") in bound)


@every_deployment
def test_a_pod_in_istio_system_is_not_injected(deployment: Manifest) -> None:
    if deployment["metadata"]["namespace"] == "istio-system":
        assert deployment["spec"]["template"]["metadata"]["labels"]["sidecar.istio.io/inject"] == "false"


@every_deployment
def test_a_pods_volumes_and_probes_name_what_is_there(deployment: Manifest) -> None:
    pod = deployment["spec"]["template"]["spec"]
    maps = {volume["configMap"]["name"] for volume in pod.get("volumes", []) if "configMap" in volume}
    assert maps <= {config["metadata"]["name"] for config in of_kind("ConfigMap", EVERYTHING)}
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    for container in containers(deployment):
        assert {mount["name"] for mount in container.get("volumeMounts", [])} == volumes
        ports = {port["name"] for port in container["ports"]}
        assert {value["httpGet"]["port"] for key, value in container.items() if key.endswith("Probe")} <= ports


def test_nobody_may_change_anything_but_open_a_port_forward_and_have_a_token_judged() -> None:
    reading = {"get", "list", "watch"}
    for role in of_kind("ClusterRole", EVERYTHING):
        for rule in role["rules"]:
            if set(rule["resources"]) in ({"pods/portforward"}, {"tokenreviews"}):
                assert rule["verbs"] == ["create"]
            else:
                assert set(rule["verbs"]) <= reading
                assert "secrets" not in rule["resources"]


def address(url: str) -> tuple[str, int]:
    """Return the Service and the port that a URL inside of istio-system leads to."""
    found = re.fullmatch(r"http://([\w-]+)(?:\.istio-system)?(?::(\d+))?", url)
    assert found, url
    return found[1], int(found[2] or 80)


def is_served(url: str) -> bool:
    name, port = address(url)
    return port in {each["port"] for each in named("Service", name)["spec"]["ports"]}


def test_kiali_and_grafana_find_the_others() -> None:
    external = configured("kiali", "config.yaml")["external_services"]
    inside = [external["prometheus"]["url"], external["grafana"]["internal_url"], external["tracing"]["internal_url"]]
    sources = configured("grafana", "datasources.yaml")["datasources"]
    assert all(is_served(url) for url in [*inside, *(source["url"] for source in sources)])


def test_kialis_links_lead_to_the_node_ports() -> None:
    external = configured("kiali", "config.yaml")["external_services"]
    assert external["grafana"]["external_url"] == f"http://127.0.0.1:{PATCHES['grafana']['nodePort']}"
    assert external["tracing"]["external_url"] == f"http://127.0.0.1:{PATCHES['tracing']['nodePort']}"


def test_kialis_data_source_is_grafanas() -> None:
    (default,) = (s for s in configured("grafana", "datasources.yaml")["datasources"] if s.get("isDefault"))
    assert configured("kiali", "config.yaml")["external_services"]["grafana"]["datasource_uid"] == default["uid"]


def test_grafana_reads_the_folders_that_are_mounted() -> None:
    providers = configured("grafana", "dashboardproviders.yaml")["providers"]
    mounts = {mount["mountPath"] for mount in containers(named("Deployment", "grafana"))[0]["volumeMounts"]}
    assert {provider["options"]["path"] for provider in providers} <= mounts


def test_jaeger_receives_where_its_services_lead_and_keeps_what_it_receives() -> None:
    config = configured("jaeger", "config.yaml")
    receivers = config["receivers"]
    listens = {receivers["otlp"]["protocols"][p]["endpoint"] for p in ("grpc", "http")} | {
        receivers["zipkin"]["endpoint"]
    }
    ports = {port["targetPort"] for port in named("Service", "jaeger-collector")["spec"]["ports"]}
    assert {int(endpoint.rpartition(":")[2]) for endpoint in listens} == ports
    (pipeline,) = config["service"]["pipelines"].values()
    assert set(pipeline["receivers"]) == set(receivers)
    assert set(pipeline["exporters"]) == set(config["exporters"])
    assert set(config["service"]["extensions"]) == set(config["extensions"])
    store = config["exporters"]["jaeger_storage_exporter"]["trace_storage"]
    assert config["extensions"]["jaeger_query"]["storage"]["traces"] == store
    assert set(config["extensions"]["jaeger_storage"]["backends"]) == {store}


def test_every_request_of_the_mesh_is_traced_by_the_provider_of_the_demo_profile() -> None:
    (telemetry,) = of_kind("Telemetry", EVERYTHING)
    assert telemetry["metadata"] == {"name": "mesh-default", "namespace": "istio-system"}
    (tracing,) = telemetry["spec"]["tracing"]
    assert tracing == {"providers": [{"name": "jaeger"}], "randomSamplingPercentage": 100}


def test_prometheus_asks_the_pods_that_istios_injection_marks() -> None:
    jobs = {job["job_name"]: job for job in configured("prometheus", "prometheus.yml")["scrape_configs"]}
    assert set(jobs) == {"prometheus", "kubernetes-pods", "kubernetes-nodes"}
    rules = jobs["kubernetes-pods"]["relabel_configs"]
    found = re.fullmatch(rules[4]["regex"], "15020;10.10.0.7")
    assert found
    assert found.expand(rules[4]["replacement"].replace("$", "\\")) == "10.10.0.7:15020"
    six = re.fullmatch(rules[5]["regex"], "15020;fd00:10:10::7")
    assert six
    assert six.expand(rules[5]["replacement"].replace("$", "\\")) == "[fd00:10:10::7]:15020"
    assert not re.fullmatch(rules[5]["regex"], "15020;10.10.0.7")
