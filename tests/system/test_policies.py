"""What policies do to requests, over real Envoys: one catalog of three pods, a rule, requests, what comes of them."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.system.cluster import Cluster
from tests.system.waiting import eventually
from tests.tokens import ISSUER, Issuer

pytestmark = [pytest.mark.mesh, pytest.mark.long]

NAMESPACE = "istioinaction"
HOST = "policies.example"
ENOUGH = 60
"""Requests among three pods: one of them is left out by chance once in 10 to the 10th times."""


@dataclass(frozen=True)
class Mesh:
    """A cluster, and a client of its gateway."""

    cluster: Cluster
    client: httpx.Client

    def apply(self, kind: str, spec: Any, group: str = "networking") -> None:
        """Apply an object."""
        metadata = {"name": "policies", "namespace": NAMESPACE, "labels": {"part": "policies"}}
        made = {"apiVersion": f"{group}.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec}
        self.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(made))

    def policy(self, **policy: Any) -> None:
        """Apply a traffic policy, and wait until the gateway has it: a header says so."""
        generation = str(time.monotonic_ns())
        self.apply("DestinationRule", {"host": "catalog", "trafficPolicy": policy})
        told = {"response": {"set": {"x-generation": generation, "x-seen-flags": "%RESPONSE_FLAGS%"}}}
        route = [{"destination": {"host": "catalog"}}]
        http = [{"route": route, "headers": told, "retries": {"attempts": 0}}]
        self.apply("VirtualService", {"hosts": [HOST], "gateways": ["policies"], "http": http})
        eventually(lambda: self._generation() == generation, "the gateway has the policy")

    def _generation(self) -> str:
        try:
            return self.get().headers.get("x-generation", "")
        except httpx.TransportError:
            return ""

    def get(self, path: str = "/items", **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.get(path, headers={"host": HOST, **named})

    def served_by(self, times: int, **headers: str) -> set[str]:
        """Return the pods that answered."""
        return {self.get(**headers).headers["x-served-by"].rpartition("@")[2] for _ in range(times)}


@pytest.fixture(scope="module")
def mesh(cluster: Cluster) -> Iterator[Mesh]:
    """A catalog of three pods behind the gateway."""
    cluster.kubectl("apply", "-f", "k8s/base/namespace.yaml", "-f", "k8s/base/catalog.yaml")
    cluster.kubectl("scale", "deployment/catalog", "--replicas=3", "-n", NAMESPACE)
    cluster.ready("catalog")
    with httpx.Client(base_url=cluster.gateway, timeout=30, trust_env=False) as client:
        made = Mesh(cluster, client)
        server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": [HOST]}
        made.apply("Gateway", {"selector": {"istio": "ingressgateway"}, "servers": [server]})
        yield made
    kinds = "gateway,virtualservice,destinationrule,requestauthentication,authorizationpolicy"
    cluster.kubectl("delete", kinds, "-l", "part=policies", "-n", NAMESPACE)
    cluster.kubectl("scale", "deployment/catalog", "--replicas=1", "-n", NAMESPACE)
    cluster.ready("catalog")


@pytest.fixture
def _no_faults(mesh: Mesh) -> Iterator[None]:
    yield
    mesh.cluster.sh(f"bin/chaos.sh -n {NAMESPACE} off")


@pytest.mark.parametrize("simple", ["ROUND_ROBIN", "RANDOM", "LEAST_REQUEST"])
def test_every_pod_has_its_turn(mesh: Mesh, simple: str) -> None:
    mesh.policy(loadBalancer={"simple": simple})
    assert len(mesh.served_by(ENOUGH)) == 3


@pytest.mark.parametrize(
    ("key", "header"),
    [
        ({"httpHeaderName": "x-user"}, "x_user"),
        ({"httpHeaderName": "x-user", "maglev": {"tableSize": 101}}, "x_user"),
        ({"httpCookie": {"name": "user", "ttl": "0s"}}, "cookie"),
    ],
    ids=["ring", "maglev", "cookie"],
)
def test_one_user_stays_with_one_pod(mesh: Mesh, key: dict[str, Any], header: str) -> None:
    mesh.policy(loadBalancer={"consistentHash": key})
    value = "user={}" if header == "cookie" else "{}"
    homes = [mesh.served_by(10, **{header: value.format(f"user-{number}")}) for number in range(ENOUGH)]
    assert {len(home) for home in homes} == {1}
    assert len(set[str]().union(*homes)) > 1


@pytest.mark.usefixtures("_no_faults")
def test_what_waits_beyond_the_pool_is_turned_away(mesh: Mesh) -> None:
    mesh.policy(connectionPool={"tcp": {"maxConnections": 1}, "http": {"http1MaxPendingRequests": 1}})
    mesh.cluster.sh(f"bin/chaos.sh -n {NAMESPACE} latency 1000")
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: mesh.get(), range(24)))
    assert {answer.status_code for answer in answers} == {200, 503}
    turned_away = [answer for answer in answers if answer.status_code == 503]
    assert {answer.headers["x-seen-flags"] for answer in turned_away} == {"UO"}
    assert {answer.headers["x-envoy-overloaded"] for answer in turned_away} == {"true"}


@pytest.mark.usefixtures("_no_faults")
def test_a_pod_that_fails_is_left_out(mesh: Mesh) -> None:
    mesh.policy(loadBalancer={"simple": "RANDOM"})
    pods = mesh.served_by(ENOUGH)
    ill = min(pods)
    mesh.cluster.sh(f"bin/chaos.sh -n {NAMESPACE} {ill} 500")
    assert 500 in {mesh.get().status_code for _ in range(ENOUGH)}
    detection = {"consecutive5xxErrors": 1, "interval": "1s", "baseEjectionTime": "600s", "maxEjectionPercent": 100}
    mesh.policy(loadBalancer={"simple": "RANDOM"}, outlierDetection=detection)
    eventually(lambda: all(mesh.get().status_code == 200 for _ in range(ENOUGH)), "the ill pod is left out")
    assert mesh.served_by(ENOUGH) == pods - {ill}


@pytest.fixture(scope="module")
def tokens(mesh: Mesh) -> Issuer:
    """Those of an issuer that catalog trusts; who has no claim to the group of buyers is turned away."""
    mesh.policy(loadBalancer={"simple": "ROUND_ROBIN"})
    issuer = Issuer()
    selector = {"matchLabels": {"app": "catalog"}}
    rule = {"issuer": ISSUER, "audiences": ["shop"], "jwks": issuer.keys()}
    mesh.apply("RequestAuthentication", {"selector": selector, "jwtRules": [rule]}, "security")
    when = [{"key": "request.auth.claims[group]", "values": ["buy*"]}]
    mesh.apply("AuthorizationPolicy", {"selector": selector, "rules": [{"when": when}]}, "security")
    # Each pod hears of it by itself, and is asked in turn.
    eventually(lambda: {mesh.get().status_code for _ in range(ENOUGH)} == {403}, "all pods have the policies")
    return issuer


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"sub": "jason", "aud": "shop", "group": "buyers"}, 200),
        ({"sub": "jason", "aud": ["other", "shop"], "group": ["staff", "buyers"]}, 200),
        ({"sub": "jason", "aud": "shop", "group": "sellers"}, 403),
        ({"sub": "jason", "aud": "shop"}, 403),
        ({"sub": "jason", "aud": "elsewhere", "group": "buyers"}, 403),
        ({"sub": "jason", "aud": "shop", "group": "buyers", "exp": 1}, 401),
        ({"sub": "jason", "iss": "a stranger", "aud": "shop", "group": "buyers"}, 401),
    ],
    ids=["buyer", "buyer among others", "seller", "no group", "another shop's", "expired", "a stranger's"],
)
def test_a_token_s_claims_decide(mesh: Mesh, tokens: Issuer, claims: dict[str, Any], status: int) -> None:
    assert {mesh.get(authorization=f"Bearer {tokens.token(**claims)}").status_code for _ in range(6)} == {status}


def test_a_token_of_another_key_is_refused(mesh: Mesh, tokens: Issuer) -> None:
    forged = Issuer().token(sub="jason", aud="shop", group="buyers")
    assert {mesh.get(authorization=f"Bearer {forged}").status_code for _ in range(6)} == {401}
    assert {mesh.get().status_code for _ in range(6)} == {403}
    assert mesh.get(authorization=f"Bearer {tokens.token(aud='shop', group='buyers')}").status_code == 200
