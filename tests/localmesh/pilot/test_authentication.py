"""RequestAuthentications: whose tokens are looked at, and what a real Envoy does with them."""

from pathlib import Path
from typing import Any

import httpx

from localmesh.core.objects import Object
from localmesh.envoy.emit import emit
from localmesh.kinds.addresses import PodAddresses
from localmesh.proxy.authentication import TokenAuthentication
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
from tests.tokens import ISSUER, Issuer

ADDRESSES = PodAddresses(app={3000: 21000}, inbound={3000: 21001}, http_proxy=21002, network=21003, admin="/run/c")


def authentication(name: str, *rules: Object, namespace: str = NAMESPACE, **spec: Any) -> Object:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "RequestAuthentication",
        "metadata": metadata(name, namespace),
        "spec": {"jwtRules": list(rules), **spec},
    }


def rule(issuer: str = ISSUER, keys: str = '{"keys": []}', **fields: Any) -> Object:
    return {"issuer": issuer, "jwks": keys} | fields


def looked_at(proxy: Proxy, direction: TrafficDirection) -> list[TokenAuthentication]:
    """Return what looks at tokens in a proxy's one listener for others."""
    listener = next(each for each in proxy.listeners if each.direction is direction and each.bound)
    manager = listener.chains[0].filter
    assert isinstance(manager, HttpConnectionManager)
    return [each for each in manager.filters if isinstance(each, TokenAuthentication)]


def of_catalog(*objects: Object) -> list[TokenAuthentication]:
    found = proxies(service("catalog"), pod("catalog-1", ADDRESSES), *objects)["catalog-1"]
    return looked_at(found, TrafficDirection.INBOUND)


def test_the_root_namespaces_rules_and_ones_own_are_one_filter_by_issuer() -> None:
    own = authentication("own", rule("b"), rule("a"), selector={"matchLabels": {"app": "catalog"}})
    root = authentication("root", rule("c"), rule("a", audiences=["first"]), namespace="istio-system")
    other = authentication("other", rule("d"), selector={"matchLabels": {"app": "webapp"}})
    (found,) = of_catalog(own, root, other)
    assert [(each.issuer, each.audiences) for each in found.providers] == [
        ("a", ("first",)),
        ("a", ()),
        ("b", ()),
        ("c", ()),
    ]


def test_without_rules_nobody_looks_at_tokens() -> None:
    assert of_catalog(authentication("none")) == []


def test_a_gateway_chooses_the_route_anew_once_claims_are_known() -> None:
    front = authentication("front", rule(), namespace="istio-system")
    found = proxies(gateway_pod(), gateway_service(), gateway(), front)["gateway-1"]
    (filter_,) = looked_at(found, TrafficDirection.OUTBOUND)
    assert [each.clears_route for each in filter_.providers] == [True]
    assert [each.clears_route for each in of_catalog(front)[0].providers] == [False]


def allow(*rules: Object) -> Object:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": metadata("tokens"),
        "spec": {"rules": list(rules)},
    }


def who(principal: str, path: str, **claims: str) -> Object:
    conditions = [{"key": f"request.auth.claims[{name}]", "values": [value]} for name, value in claims.items()]
    source = {"source": {"requestPrincipals": [principal]}}
    return {"from": [source], "to": [{"operation": {"paths": [path]}}], "when": conditions}


async def test_a_real_envoy_knows_who_asks_by_the_token(tmp_path: Path) -> None:
    issuer, stranger = Issuer(), Issuer()
    policies = (
        authentication("users", rule(keys=issuer.keys(), fromParams=["token"])),
        allow(
            {"to": [{"operation": {"paths": ["/open"]}}]},
            who("*", "/any"),
            who(f"{ISSUER}/me", "/me"),
            who("*", "/admins", group="admin"),
        ),
    )
    me, admin = issuer.token(sub="me"), issuer.token(sub="you", group=["admin", "other"])
    table = [
        ("/open", "", 200),
        ("/open", me, 200),
        ("/open", stranger.token(sub="me"), 401),
        ("/open", issuer.token(sub="me", exp=1), 401),
        ("/open", "no.to.ken", 401),
        ("/any", "", 403),
        ("/any", me, 200),
        ("/me", me, 200),
        ("/me", admin, 403),
        ("/admins", me, 403),
        ("/admins", admin, 200),
        ("/admins", issuer.token(sub="you", group="admin"), 200),
    ]
    async with world(tmp_path) as made, backends("catalog") as ports:
        addresses = PodAddresses(app={3000: ports["catalog"]}, inbound={3000: made.port}, network=ports["catalog"])
        made.serve(emit(proxies(service("catalog"), pod("catalog-1", addresses), *policies)["catalog-1"]))
        await made.start()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{made.port}") as client:
            found = [
                (path, token, (await client.get(path, params={"token": token} if token else None)).status_code)
                for path, token, _ in table
            ]
            elsewhere = await client.get("/any", headers={"authorization": f"Bearer {me}"})
    assert found == table
    assert elsewhere.status_code == 403
