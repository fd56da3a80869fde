"""AuthorizationPolicies: whom they are about, what is left of them on connections, and what a real Envoy does."""

from pathlib import Path
from typing import Any

import httpx

from localmesh.core.objects import Object
from localmesh.envoy.emit import emit
from localmesh.kinds.addresses import PodAddresses
from localmesh.proxy.authorization import NEVER, Action, AllOf, Always, AnyOf, Authorization, DestinationPort, Not
from localmesh.proxy.listeners import HttpConnectionManager, TrafficDirection
from localmesh.proxy.proxies import Proxy
from tests.localmesh.envoy.world import backends, world
from tests.localmesh.pilot.objects import (
    NAMESPACE,
    gateway,
    gateway_pod,
    gateway_service,
    metadata,
    pod,
    proxies,
    service,
)

ADDRESSES = PodAddresses(app={3000: 21000}, inbound={3000: 21001}, http_proxy=21002, network=21003, admin="/run/c")
TCP = {"name": "tcp", "port": 80, "targetPort": 3000}


def policy(name: str, *rules: Object, namespace: str = NAMESPACE, dry_run: str = "", **spec: Any) -> Object:
    annotations = {"istio.io/dry-run": dry_run} if dry_run else {}
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": metadata(name, namespace, annotations=annotations),
        "spec": {"rules": list(rules), **spec},
    }


def to(**operation: Any) -> Object:
    return {"to": [{"operation": operation}]}


def decisions(proxy: Proxy, direction: TrafficDirection = TrafficDirection.INBOUND) -> list[Authorization]:
    """Return what decides in a proxy's one listener for others."""
    listener = next(each for each in proxy.listeners if each.direction is direction and each.bound)
    filters = listener.chains[0].filter
    in_front = filters.filters if isinstance(filters, HttpConnectionManager) else listener.chains[0].authorizations
    return [each for each in in_front if isinstance(each, Authorization)]


def of_catalog(*objects: Object, port: Object | None = None) -> list[Authorization]:
    served = service("catalog", *([port] if port else []))
    return decisions(proxies(served, pod("catalog-1", ADDRESSES), *objects)["catalog-1"])


def names(found: list[Authorization]) -> list[str]:
    return [each.name.removeprefix("ns[").split("]-rule")[0] for one in found for each in one.policies or ()]


def test_a_policy_is_about_its_namespace_the_root_namespaces_about_all() -> None:
    own, root = policy("own", {}), policy("root", {}, namespace="istio-system")
    other = policy("other", {}, namespace="elsewhere")
    assert names(of_catalog(own, root, other)) == ["istio-system]-policy[root", f"{NAMESPACE}]-policy[own"]
    assert of_catalog(other) == []


def test_a_selector_says_which_workloads_of_the_namespace() -> None:
    chosen = policy("chosen", {}, selector={"matchLabels": {"app": "catalog"}})
    not_chosen = policy("not-chosen", {}, selector={"matchLabels": {"app": "webapp"}})
    everybody = policy("everybody", {}, selector={})
    assert names(of_catalog(chosen, not_chosen, everybody)) == [
        f"{NAMESPACE}]-policy[chosen",
        f"{NAMESPACE}]-policy[everybody",
    ]


def test_what_is_audited_comes_before_what_is_denied_and_that_before_what_is_allowed() -> None:
    found = of_catalog(policy("c", {}), policy("b", {}, action="DENY"), policy("a", {}, action="AUDIT"))
    assert [each.action for each in found] == [Action.LOG, Action.DENY, Action.ALLOW]


def test_a_policy_without_rules_allows_nothing() -> None:
    (found,) = of_catalog(policy("nothing"))
    assert [(each.permissions, each.principals) for each in found.policies or ()] == [((NEVER,), (NEVER,))]


def test_a_dry_run_decides_nothing() -> None:
    (found,) = of_catalog(policy("trying", {}, dry_run="true"))
    assert (found.policies, len(found.dry_run or ())) == (None, 1)


def test_a_container_port_is_known_by_its_number_wherever_it_listens() -> None:
    (found,) = of_catalog(policy("ports", to(ports=["3000", "21001", "9"])))
    (permission,) = (found.policies or ())[0].permissions
    here, nowhere, other = DestinationPort(21001), DestinationPort(0), DestinationPort(9)
    assert permission == AllOf((AnyOf((here, nowhere, other)),))


def test_of_a_connection_a_rule_about_requests_allows_nothing_and_denies_all() -> None:
    requests = policy("requests", to(paths=["/"]))
    (allowed,) = of_catalog(requests, port=TCP)
    assert (allowed.action, allowed.policies) == (Action.ALLOW, ())
    (denied,) = of_catalog(requests | {"spec": requests["spec"] | {"action": "DENY"}}, port=TCP)
    assert [each.permissions for each in denied.policies or ()] == [(AllOf((Always(),)),)]


def test_of_a_connection_what_is_known_decides() -> None:
    (found,) = of_catalog(policy("ports", to(ports=["3000"], notPorts=["9"])), port=TCP)
    conditions = AllOf((AnyOf((DestinationPort(21001),)), Not(AnyOf((DestinationPort(9),)))))
    assert [each.permissions for each in found.policies or ()] == [(conditions,)]


def test_a_gateway_has_the_policies_of_its_namespace() -> None:
    front = policy("front", to(ports=["8080"]), namespace="istio-system")
    found = proxies(gateway_pod(), gateway_service(), gateway(), front, policy("other", {}))["gateway-1"]
    (decision,) = decisions(found, TrafficDirection.OUTBOUND)
    assert [each.permissions for each in decision.policies or ()] == [(AllOf((AnyOf((DestinationPort(30000),)),)),)]


GET = {"methods": ["GET"], "paths": ["/items*", "/v/{*}/x"], "hosts": ["*.shop.io"]}
RULES = (
    policy(
        "allowed",
        to(**GET) | {"when": [{"key": "request.headers[x-team]", "values": ["shop", "a*"]}]},
        to(methods=["POST"], ports=["3000"]),
        to(methods=["PUT"], ports=["21001"]),
        {"from": [{"source": {"ipBlocks": ["127.0.0.0/8"]}}]} | to(paths=["/local"]),
        {"from": [{"source": {"ipBlocks": ["10.0.0.0/8"]}}]} | to(paths=["/remote"]),
    ),
    policy("denied", to(paths=["*/secret"]), action="DENY"),
    policy("noted", {}, action="AUDIT"),
    policy("tried", {}, action="DENY", dry_run="true"),
)
TEAM, SHOP = {"x-team": "shop"}, {"host": "the.shop.io"}
TABLE = [
    ("GET", "/items", TEAM | SHOP, 200),
    ("GET", "/items/1?a=b", TEAM | SHOP, 200),
    ("GET", "/items", {"x-team": "abc"} | SHOP, 200),
    ("GET", "/items", {"x-team": "bc"} | SHOP, 403),
    ("GET", "/items", SHOP, 403),
    ("GET", "/items", TEAM | {"host": "THE.SHOP.IO"}, 200),
    ("GET", "/items", TEAM | {"host": "shop.io"}, 403),
    ("GET", "/items/secret", TEAM | SHOP, 403),
    ("GET", "/v/1/x", TEAM | SHOP, 200),
    ("GET", "/v/1/2/x", TEAM | SHOP, 403),
    ("DELETE", "/items", TEAM | SHOP, 403),
    ("POST", "/anything", {}, 200),
    ("PUT", "/anything", {}, 403),
    ("GET", "/local", {}, 200),
    ("GET", "/remote", {}, 403),
]


async def test_a_real_envoy_lets_pass_what_the_policies_say(tmp_path: Path) -> None:
    async with world(tmp_path) as made, backends("catalog") as ports:
        addresses = PodAddresses(app={3000: ports["catalog"]}, inbound={3000: made.port}, network=ports["catalog"])
        made.serve(emit(proxies(service("catalog"), pod("catalog-1", addresses), *RULES)["catalog-1"]))
        await made.start()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{made.port}") as client:
            found = [
                (method, path, headers, (await client.request(method, path, headers=headers)).status_code)
                for method, path, headers, _ in TABLE
            ]
            refused = await client.delete("/items")
    assert found == TABLE
    assert refused.text == "RBAC: access denied"
