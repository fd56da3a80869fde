import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from localmesh.telemetry.route_words import DEFAULT_CONDITIONS
from localmesh.telemetry.rules import CLUSTERS, LISTENERS, ROUTES, read
from tests.localmesh.telemetry.servers import envoy, targets

PATH = "/apis/networking.istio.io/v1/namespaces/shop/virtual-service/catalog"
V1, V2, V3 = (f"outbound|80|v{number}|catalog.shop.svc.cluster.local" for number in (1, 2, 3))


def rule(name: str, match: dict[str, Any], action: dict[str, Any]) -> dict[str, Any]:
    metadata = {"filter_metadata": {"istio": {"config": PATH}, "mesh": {"rule": f"shop/catalog/{name}"}}}
    return {"match": match, "route": {"timeout": "0s", **action}, "metadata": metadata}


DARK = rule(
    "dark",
    {"prefix": "/", "headers": [{"name": "x-dark-launch", "string_match": {"exact": "v2"}}]},
    {"cluster": V2, "retry_policy": {"num_retries": 3, "retry_on": "5xx", "per_try_timeout": "2s"}, "timeout": "6s"},
)
SPLIT = rule(
    "split",
    {"prefix": "/"},
    {
        "weighted_clusters": {"clusters": [{"name": V1, "weight": 90}, {"name": V3, "weight": 10}]},
        "retry_policy": {"num_retries": 2, "retry_on": DEFAULT_CONDITIONS},
    },
)
POSTED = [{"name": ":method", "string_match": {"prefix": "P"}}]
LATE = rule("late", {"path": "/late", "headers": POSTED}, {"cluster": V1})
HOST = {"domains": ["catalog", "catalog.shop", "catalog.shop.svc"], "routes": [DARK, SPLIT, LATE, {"match": {}}]}
HEALTHY = {"eds_health_status": "HEALTHY"}


def dump(path: str) -> dict[str, Any] | None:
    if path == ROUTES:
        return {"configs": [{"route_config": {"virtual_hosts": [HOST]}}, {"version_info": "no route_config yet"}]}
    if path == LISTENERS:
        return {"listener_statuses": [{"name": "0.0.0.0_8080"}]}
    assert path == CLUSTERS
    ill = {**HEALTHY, "failed_outlier_check": True}
    hosts = {V1: [HEALTHY, ill], V2: [ill, {"eds_health_status": "UNHEALTHY"}]}
    return {
        "cluster_statuses": [
            {"name": name, "host_statuses": [{"health_status": status} for status in statuses]}
            for name, statuses in hosts.items()
        ]
    }


async def test_rules_are_read_from_what_proxies_run_in_words_and_in_order(tmp_path: Path) -> None:
    with ExitStack() as stack:
        for pod in ("webapp-1a2b3c4d5e-abcde", "webapp-1a2b3c4d5e-fghij", "forum"):
            stack.enter_context(envoy(tmp_path, "shop", pod, dump))
        stack.enter_context(envoy(tmp_path, "shop", "broken", lambda _: "{"))
        found = await read(targets(tmp_path).envoys())
    assert [each.match for each in found.rules] == [
        "x-dark-launch v2", "every request", "path /late and method prefix P",
    ]  # fmt: skip
    dark, split, late = found.rules
    assert dark.object == "VirtualService catalog.shop"
    assert dark.where == "forum.shop, webapp.shop"
    assert (dark.action, dark.retries, dark.timeout) == ("catalog v2", "3, on 5xx, 2s each", "6s at most")
    assert split.action == "catalog v1 90 %, catalog v3 10 %"
    assert split.retries == "2, on failed connections (Istio's default)"
    assert (late.retries, late.shadowed_by != "", split.shadowed_by) == ("none", True, "")


async def test_what_cannot_work_is_said_with_its_fix(tmp_path: Path) -> None:
    with envoy(tmp_path, "shop", "webapp", dump):
        found = await read(targets(tmp_path).envoys())
    texts = {trouble.text: trouble for trouble in found.troubles}
    never = "the rule for path /late and method prefix P never matches, since one for every request comes before it"
    assert list(texts) == [
        "VirtualService catalog.shop: catalog v2 has no healthy endpoint: requests for it get 503 (UH)",
        "VirtualService catalog.shop: catalog v3 does not exist: requests for it get 503 (NC)",
        "catalog v1: 1 of 2 endpoints ejected by outlier detection, as webapp.shop sees it",
        "catalog v2: 1 of 2 endpoints ejected by outlier detection, as webapp.shop sees it",
        f"VirtualService catalog.shop: {never}",
    ]
    assert [trouble.level for trouble in found.troubles] == ["error", "error", "warning", "warning", "warning"]


async def test_a_mesh_without_rules_has_none(tmp_path: Path) -> None:
    with envoy(tmp_path, "shop", "webapp", lambda _: json.dumps({})):
        found = await read(targets(tmp_path).envoys())
    assert (found.rules, found.troubles) == ((), ())


async def test_routes_of_a_listener_that_is_gone_are_no_rules_any_more(tmp_path: Path) -> None:
    def draining(name: str) -> Any:
        return lambda path: (
            {"configs": [{"route_config": {"name": name, "virtual_hosts": [HOST]}}]} if path == ROUTES else dump(path)
        )

    for name, count in (("http.8080", 3), ("http.80", 0), ("80", 3)):
        with envoy(tmp_path, "shop", "gateway", draining(name)):
            assert len((await read(targets(tmp_path).envoys())).rules) == count
