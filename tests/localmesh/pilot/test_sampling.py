"""Telemetries: of how many requests each proxy begins a trace."""

from typing import Any

from localmesh.core.objects import Object
from localmesh.kinds.addresses import PodAddresses
from tests.localmesh.pilot.objects import NAMESPACE, gateway_pod, metadata, pod, proxies, service

ADDRESSES = PodAddresses(app={3000: 21000}, inbound={3000: 21001}, http_proxy=21002, network=21003, admin="/run/c")
ROOT = "istio-system"


def telemetry(name: str, *percentages: float | None, namespace: str = NAMESPACE, age: int = 0, **labels: str) -> Object:
    tracing = [{} if each is None else {"randomSamplingPercentage": each} for each in percentages]
    spec: dict[str, Any] = {"tracing": tracing} | ({"selector": {"matchLabels": labels}} if labels else {})
    return {
        "apiVersion": "telemetry.istio.io/v1",
        "kind": "Telemetry",
        "metadata": metadata(name, namespace, age),
        "spec": spec,
    }


def sampling(*telemetries: Object) -> dict[str, float | None]:
    """Return what the gateway, catalog, and web in another namespace sample."""
    pods = [pod("catalog", ADDRESSES), pod("web", ADDRESSES, namespace="shop"), gateway_pod()]
    found = proxies(service("catalog"), *pods, *telemetries)
    return {name.partition("-")[0]: proxy.sampling for name, proxy in found.items()}


def test_nothing_is_said_without_a_telemetry() -> None:
    assert set(sampling().values()) == {None}
    assert set(sampling(telemetry("none", None)).values()) == {None}


def test_the_narrower_telemetry_wins() -> None:
    mesh = telemetry("mesh", 1, namespace=ROOT)
    namespace, workload = telemetry("namespace", 2), telemetry("workload", 3, app="catalog")
    assert sampling(mesh) == {"gateway": 1, "catalog": 1, "web": 1}
    assert sampling(mesh, namespace) == {"gateway": 1, "catalog": 2, "web": 1}
    assert sampling(workload, mesh, namespace) == {"gateway": 1, "catalog": 3, "web": 1}
    assert sampling(telemetry("other", 3, app="nobody"), mesh) == {"gateway": 1, "catalog": 1, "web": 1}


def test_what_says_nothing_of_sampling_takes_nothing_back() -> None:
    assert sampling(telemetry("mesh", 1, namespace=ROOT), telemetry("namespace", None))["catalog"] == 1
    assert sampling(telemetry("zero", 0), telemetry("mesh", 1, namespace=ROOT))["catalog"] == 0


def test_of_two_for_a_whole_namespace_the_older_counts_and_of_two_for_a_workload_the_newer() -> None:
    assert sampling(telemetry("new", 1, age=2), telemetry("old", 2, age=1))["catalog"] == 2
    older, newer = telemetry("old", 2, age=1, app="catalog"), telemetry("new", 1, age=2, app="catalog")
    assert sampling(older, newer)["catalog"] == 1


def test_one_for_workloads_of_the_root_namespace_is_about_no_other_namespaces_pods() -> None:
    assert sampling(telemetry("root", 5, namespace=ROOT, app="catalog"))["catalog"] is None
