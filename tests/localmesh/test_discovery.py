"""One proxy that cannot be delivered to keeps nothing from the others."""

import asyncio
import copy
import json
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import grpc.aio
import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.service.discovery.v3 import discovery_pb2

from localmesh.core.errors import MeshError
from localmesh.core.loops import Loops
from localmesh.core.objects import Object, key_of
from localmesh.discovery import Discovery
from localmesh.envoy.ads import METHOD, SERVICE
from localmesh.envoy.bootstrap import PROOF_HEADER, EnvoyNode
from localmesh.envoy.emit import Emitter
from localmesh.envoy.resources import Resources, ResourceType
from localmesh.identity.authority import Authority
from localmesh.identity.certificates import Certificates
from localmesh.kinds.addresses import PodAddresses
from localmesh.kinds.resources import EVENTS, NAMESPACES, PODS, SERVICES
from localmesh.proxy.proxies import Proxy
from localmesh.store.objects import Store
from tests.localmesh.pilot.objects import NAMESPACE, outbound, pod, service

NAMES = ("catalog", "webapp")
PATIENCE_S = 20


@pytest.fixture
async def folder() -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        yield Path(name)


def addresses(number: int, folder: Path) -> PodAddresses:
    first, admin = 21000 + 10 * number, str(folder / str(number))
    return PodAddresses(
        app={3000: first}, inbound={3000: first + 1}, http_proxy=first + 2, network=first + 3, admin=admin
    )


def proof(bootstrap: Path) -> str:
    """Return what the Envoy of a bootstrap says to be known."""
    ads = json.loads(bootstrap.read_text())["dynamic_resources"]["ads_config"]
    value: str = ads["grpc_services"][0]["initial_metadata"][0]["value"]
    return value


def store_of(pods: list[Object]) -> Store:
    store = Store()
    store.create(NAMESPACES, {"metadata": {"name": NAMESPACE}})
    for each in pods:
        store.create(PODS, copy.deepcopy(each))
    return store


async def clusters(socket: Path, node: EnvoyNode, proof: str) -> AsyncIterator[set[str]]:
    """Yield the names of the clusters each time that they are sent; take them all."""
    async with grpc.aio.insecure_channel(f"unix:{socket}") as channel:
        stream = channel.stream_stream(
            f"/{SERVICE}/{METHOD}",
            request_serializer=discovery_pb2.DiscoveryRequest.SerializeToString,
            response_deserializer=discovery_pb2.DiscoveryResponse.FromString,
        )(metadata=((PROOF_HEADER, proof),))
        request = discovery_pb2.DiscoveryRequest(node={"id": node.id}, type_url=ResourceType.CLUSTER.url)
        await stream.write(request)
        async for response in stream:
            request.response_nonce = response.nonce
            await stream.write(request)
            yield {cluster_pb2.Cluster.FromString(each.value).name for each in response.resources}


async def test_a_pod_that_is_gone_by_the_time_its_envoy_is_prepared_is_no_error_of_the_mesh(folder: Path) -> None:
    late = pod("catalog-1", addresses(0, folder), uid="1")
    discovery = Discovery(store_of([]), folder / "s", Loops(), Certificates(Authority.make()))
    async with discovery.delivering():
        with pytest.raises(MeshError, match="the pod is gone"):
            await discovery.prepare(late, addresses(0, folder))


async def test_a_pod_that_takes_another_s_name_gets_an_envoy_of_its_own(folder: Path) -> None:
    first = pod("catalog-1", addresses(0, folder))
    store = store_of([first])
    discovery = Discovery(store, folder / "s", Loops(), Certificates(Authority.make()))
    async with discovery.delivering():
        old = store.get(PODS, key_of(first))
        await discovery.prepare(old, addresses(0, folder))
        store.remove(PODS, key_of(first))
        new = store.create(PODS, pod("catalog-1", addresses(1, folder)))  # before any loop has seen that it was gone
        await discovery.prepare(new, addresses(1, folder))
        with pytest.raises(MeshError, match="the pod is gone"):
            await discovery.prepare(old, addresses(0, folder))
        sent = clusters(
            folder / "s" / "xds.sock", EnvoyNode("sidecar", "catalog-1", NAMESPACE, "catalog"), proof(folder / "1.json")
        )
        async with asyncio.timeout(PATIENCE_S):
            assert await anext(sent)
        await sent.aclose()
    assert not (folder / "0.json").exists()


@pytest.mark.long
async def test_a_proxy_that_cannot_be_written_down_keeps_nothing_from_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pods = [pod(f"{name}-1", addresses(number, folder)) for number, name in enumerate(NAMES)]
    store, emit = store_of(pods), Emitter.emit

    def failing(emitter: Emitter, proxy: Proxy) -> Resources:
        if proxy.id.name == "catalog-1":
            raise OSError("of all things")
        return emit(emitter, proxy)

    discovery = Discovery(store, folder / "s", Loops(), Certificates(Authority.make()))
    async with asyncio.timeout(PATIENCE_S), discovery.delivering():
        for number, each in enumerate(pods):
            await discovery.prepare(store.get(PODS, key_of(each)), addresses(number, folder))
        monkeypatch.setattr(Emitter, "emit", failing)
        sent = clusters(
            folder / "s" / "xds.sock", EnvoyNode("sidecar", "webapp-1", NAMESPACE, "webapp"), proof(folder / "1.json")
        )
        assert outbound("catalog") not in await anext(sent)
        store.create(SERVICES, service("catalog"))
        assert outbound("catalog") in await anext(sent)
        await sent.aclose()
    (event,) = store.objects(EVENTS)
    assert (event["involvedObject"]["kind"], event["involvedObject"]["name"]) == ("Pod", "catalog-1")
    assert event["message"] == "the local mesh cannot translate this: OSError: of all things"
    assert event["count"] == 1
    assert [found["name"] for found in discovery.findings()] == ["catalog-1"]
