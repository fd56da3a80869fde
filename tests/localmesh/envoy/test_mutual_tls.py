"""Two ends of TLS in one real Envoy: certificates that change, and those that are no good."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from localmesh.core.loopback import free_port
from localmesh.envoy.emit.tls import client_sockets, looking_for_tls, server_socket
from localmesh.envoy.resources import Resource, Resources
from localmesh.envoy.secrets import authority, own_certificate
from localmesh.identity.authority import Authority, Certificate
from localmesh.proxy.tls import ClientTls, ServerTls
from tests.localmesh.envoy.world import Submitting, World, endpoints, route

pytestmark = pytest.mark.long

WEBAPP, OTHER = (f"spiffe://cluster.local/ns/istioinaction/sa/{name}" for name in ("webapp", "other"))
HOUR = timedelta(hours=1)
SERVER = ServerTls(("h2", "http/1.1"), "spiffe://cluster.local/")


class Ends:
    """A listener that speaks TLS to another one, which leads to a backend."""

    def __init__(self, envoy: World, backend: int, identity: str = WEBAPP) -> None:
        self.envoy, self.backend, self.inner = envoy, backend, free_port()
        self.tls = ClientTls("outbound_.80_._.webapp", ("istio",), (identity,))

    def resources(self, *secrets: Resource) -> Resources:
        """Return the whole configuration, with an inner cluster of one connection a request, so that each is new."""
        inner = self.envoy.listener(self.inner, "inner", "inner")
        (chain,) = inner["filter_chains"]
        chain |= {"transport_socket": server_socket(SERVER), "filter_chain_match": {"transport_protocol": "tls"}}
        options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
        once = {
            "@type": f"type.googleapis.com/{options}",
            "explicit_http_config": {"http_protocol_options": {}},
            "common_http_protocol_options": {"max_requests_per_connection": 1},
        }
        secured = {**client_sockets(self.tls), "typed_extension_protocol_options": {options: once}}
        return Resources(
            lds=[self.envoy.listener(self.envoy.port), {**inner, **looking_for_tls()}],
            rds=[_leading_to("80", "tls"), _leading_to("inner", "backend")],
            cds=[self.envoy.cluster("backend"), {**self.envoy.cluster("tls"), **secured}],
            eds=[endpoints("backend", self.backend), endpoints("tls", self.inner)],
            sds=list(secrets),
        )

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.envoy.port}", trust_env=False) as client:
            yield client


def _leading_to(name: str, cluster: str) -> Resource:
    return {"name": name, "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route(cluster)]}]}


def _secrets(trusted: Authority, own: Certificate) -> tuple[Resource, Resource]:
    return authority(trusted.pem), own_certificate(own.chain, own.key)


async def _started(envoy: World, resources: Resources) -> Submitting:
    delivery = envoy.delivery()
    delivery.submit(resources)
    await envoy.start()
    await envoy.accepted(delivery)
    return delivery


async def test_no_request_fails_while_certificates_are_renewed(envoy: World, ports: dict[str, int]) -> None:
    trusted, ends = Authority.make(), Ends(envoy, ports["one"])
    delivery = await _started(envoy, ends.resources(*_secrets(trusted, trusted.issue(WEBAPP, HOUR))))
    answers = []
    async with ends.client() as client:
        for _ in range(40):
            delivery.submit(ends.resources(*_secrets(trusted, trusted.issue(WEBAPP, HOUR))))
            answers += [(await client.get("/")).status_code for _ in range(25)]
        await envoy.accepted(delivery)
    assert answers == [200] * 1000
    stats = await envoy.admin.stats(r"cluster\.tls;\.ssl\.handshake|.*ssl\.connection_error")
    assert int(stats["cluster.tls;.ssl.handshake"]) >= 1000
    assert {value for name, value in stats.items() if name.endswith("connection_error")} == {"0"}


@pytest.mark.parametrize("case", ["another's", "a stranger's", "ended"])
async def test_a_certificate_that_is_no_good_is_not_taken(envoy: World, ports: dict[str, int], case: str) -> None:
    trusted, ends = Authority.make(), Ends(envoy, ports["one"])
    own = {
        "another's": trusted.issue(OTHER, HOUR),
        "a stranger's": Authority.make().issue(WEBAPP, HOUR),
        "ended": trusted.issue(WEBAPP, -timedelta(seconds=1)),
    }[case]
    delivery = await _started(envoy, ends.resources(*_secrets(trusted, own)))
    async with ends.client() as client:
        refused = await client.get("/")
        assert refused.status_code == 503
        stats = await envoy.admin.stats(r"cluster\.tls;\.ssl\.(handshake|connection_error|fail_verify_.*)")
        assert stats["cluster.tls;.ssl.handshake"] == "0"
        assert any(int(count) for count in stats.values()), refused.text
        delivery.submit(ends.resources(*_secrets(trusted, trusted.issue(WEBAPP, HOUR))))
        await envoy.accepted(delivery)
        assert (await client.get("/")).status_code == 200


async def test_a_key_that_is_none_is_refused_and_the_one_before_goes_on(envoy: World, ports: dict[str, int]) -> None:
    trusted, ends = Authority.make(), Ends(envoy, ports["one"])
    own = trusted.issue(WEBAPP, HOUR)
    delivery = await _started(envoy, ends.resources(*_secrets(trusted, own)))
    delivery.submit(ends.resources(authority(trusted.pem), own_certificate(own.chain, "no key")))
    (refusal,) = (await delivery.settled()).refusals
    assert (refusal.type.discovery, refusal.name) == ("SDS", "default")
    assert "no key" not in repr(refusal)
    async with ends.client() as client:
        assert (await client.get("/")).status_code == 200
    await envoy.kill()
    await envoy.start()
    async with ends.client() as client:
        assert (await client.get("/")).status_code == 200
