"""The server with clients that are no Envoy of its own."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import grpc.aio
import pytest
from envoy.service.discovery.v3 import discovery_pb2

from localmesh.envoy.ads import METHOD, SERVICE, AdsServer
from localmesh.envoy.bootstrap import PROOF_HEADER
from localmesh.envoy.resources import Encoded, ResourceType

PROOF = "8d1c"


@pytest.fixture
async def path() -> AsyncIterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder) / "xds"


def call(
    channel: grpc.aio.Channel, node: str, proof: str = PROOF
) -> tuple[grpc.aio.StreamStreamCall, discovery_pb2.DiscoveryRequest]:
    stream = channel.stream_stream(
        f"/{SERVICE}/{METHOD}",
        request_serializer=discovery_pb2.DiscoveryRequest.SerializeToString,
        response_deserializer=discovery_pb2.DiscoveryResponse.FromString,
    )
    request = discovery_pb2.DiscoveryRequest(node={"id": node}, type_url=ResourceType.LISTENER.url)
    return stream(metadata=((PROOF_HEADER, proof),)), request


async def test_a_node_that_no_pod_has_is_told_so(path: Path) -> None:
    async with AdsServer(path), grpc.aio.insecure_channel(f"unix:{path}") as client:
        stranger, request = call(client, "sidecar~127.0.0.1~nobody")
        await stranger.write(request)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stranger.read()
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("proof", ["", "8d1", "8d1cc", "another pod's", "8D1C"])
async def test_a_stranger_gets_nothing_of_a_pods_and_disturbs_no_stream_of_its_own(path: Path, proof: str) -> None:
    async with AdsServer(path) as server, grpc.aio.insecure_channel(f"unix:{path}") as client:
        server.open("one", PROOF).serve(ResourceType.LISTENER, {})
        server.open("two", "another pod's")
        (own, request), (stranger, _) = call(client, "one"), call(client, "one", proof)
        await own.write(request)
        first = await own.read()
        await stranger.write(request)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stranger.read()
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
        server.open("one", PROOF).serve(ResourceType.LISTENER, {"l": Encoded("l", "1", b"")})
        request.response_nonce = first.nonce
        await own.write(request)
        assert len((await own.read()).resources) == 1
        own.cancel()


async def test_the_newest_stream_of_a_node_ends_the_one_before(path: Path) -> None:
    async with AdsServer(path) as server, grpc.aio.insecure_channel(f"unix:{path}") as client:
        server.open("one", PROOF).serve(ResourceType.LISTENER, {})
        (old, request), (new, _) = call(client, "one"), call(client, "one")
        await old.write(request)
        assert (await old.read()).type_url == request.type_url
        await new.write(request)
        assert (await new.read()).type_url == request.type_url
        assert await old.read() is grpc.aio.EOF
        new.cancel()


async def test_rubbish_on_the_socket_disturbs_nobody(path: Path) -> None:
    async with AdsServer(path) as server:
        _, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b"GET / HTTP/1.1\r\n\r\n" * 100)
        server.open("one", PROOF).serve(ResourceType.LISTENER, {})
        async with grpc.aio.insecure_channel(f"unix:{path}") as client:
            good, request = call(client, "one")
            await good.write(request)
            assert (await good.read()).type_url == request.type_url
            good.cancel()
        writer.close()


class Gone:
    """A context of gRPC's whose client has gone; only such moments are faked."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def invocation_metadata(self) -> list[tuple[str, str]]:
        return [(PROOF_HEADER, PROOF)]

    async def write(self, _: object) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "logged"),
    [(grpc.aio.InternalError("Failed ExecuteBatch"), []), (ZeroDivisionError("ours"), ["the stream of one broke"])],
)
async def test_an_envoy_that_goes_while_it_is_written_to_is_no_error(
    path: Path, caplog: pytest.LogCaptureFixture, error: Exception, logged: list[str]
) -> None:
    server = AdsServer(path)
    channel = server.open("one", PROOF)
    channel.serve(ResourceType.LISTENER, {})
    going = asyncio.Event()

    async def requests() -> AsyncIterator[discovery_pb2.DiscoveryRequest]:
        yield discovery_pb2.DiscoveryRequest(node={"id": "one"}, type_url=ResourceType.LISTENER.url)
        await going.wait()

    await server.serve(requests(), Gone(error))
    assert [record.message for record in caplog.records] == logged
    assert channel.stream is None
