"""Serves each Envoy its configuration over one gRPC stream (ADS) on a Unix socket, which only this user can open.

Whoever asks for a pod's configuration, and so for its keys, has to bring the proof that was given to that pod's Envoy.
"""

import asyncio
import hmac
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc
import grpc.aio
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf import any_pb2

from localmesh.envoy.bootstrap import PROOF_HEADER
from localmesh.envoy.channel import Channel, Connection
from localmesh.envoy.resources import ResourceType
from localmesh.envoy.stream import DiscoveryRequest, DiscoveryResponse

logger = logging.getLogger(__name__)

SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
METHOD = "StreamAggregatedResources"


class AdsServer:
    """Answers the Envoys that are known to it; runs inside `async with`."""

    def __init__(self, path: Path) -> None:
        """Take the socket's path, which has to be short: see core.sockets.MAX_PATH."""
        self._path = path
        self._channels: dict[str, tuple[str, Channel]] = {}
        """By node id: the proof, and what is served to who brings it."""

        self._server: Any = None

    async def __aenter__(self) -> Self:
        self._path.unlink(missing_ok=True)
        self._server = grpc.aio.server()
        handler = grpc.stream_stream_rpc_method_handler(
            self.serve,
            request_deserializer=discovery_pb2.DiscoveryRequest.FromString,
            response_serializer=discovery_pb2.DiscoveryResponse.SerializeToString,
        )
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: handler}),))
        self._server.add_insecure_port(f"unix:{self._path}")
        await self._server.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._server.stop(None)
        self._path.unlink(missing_ok=True)

    def open(self, node_id: str, proof: str) -> Channel:
        """Return the channel of a node id's Envoy, which knows the proof; one for all its starts."""
        return self._channels.setdefault(node_id, (proof, Channel()))[1]

    def close(self, node_id: str) -> None:
        """Serve an Envoy no longer."""
        if node_id in self._channels:
            self._channels.pop(node_id)[1].close()

    async def serve(self, requests: AsyncIterator[Any], context: Any) -> None:
        """Serve one stream until its Envoy, or a newer stream of its node id, ends it."""
        first: Any = None
        with suppress(StopAsyncIteration):
            first = await anext(aiter(requests))
        if first is None:
            return
        proof, channel = self._channels.get(first.node.id, ("", None))
        if channel is None:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no pod here has a proxy of that node id")
            return
        if not hmac.compare_digest(_proof(context), proof.encode()):
            logger.warning("somebody who is not %s asked for its configuration, and got nothing", first.node.id)
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "the stream does not prove that it is that pod's")
            return
        connection = channel.connect()
        _receive(channel, connection, first)
        tasks = [
            asyncio.create_task(_read(channel, connection, requests)),
            asyncio.create_task(_write(connection, context)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            channel.disconnect(connection)
            for task in tasks:
                task.cancel()
            for error in await asyncio.gather(*tasks, return_exceptions=True):
                _note_end(first.node.id, error)


def _proof(context: Any) -> bytes:
    """Return what a stream brings to prove whose it is."""
    brought = dict(context.invocation_metadata() or ()).get(PROOF_HEADER, "")
    return brought if isinstance(brought, bytes) else str(brought).encode()


def _note_end(node_id: str, error: BaseException | None) -> None:
    """Log what a stream broke of; an Envoy that is gone, which gRPC tells whoever writes to it, is no trouble."""
    if isinstance(error, grpc.aio.BaseError):
        logger.debug("%s has gone: %s", node_id, error)
    elif isinstance(error, Exception):
        logger.error("the stream of %s broke", node_id, exc_info=error)


async def _read(channel: Channel, connection: Connection, requests: AsyncIterator[Any]) -> None:
    async for request in requests:
        _receive(channel, connection, request)


def _receive(channel: Channel, connection: Connection, request: Any) -> None:
    type_ = ResourceType.of_url(request.type_url)
    if type_ is None:
        logger.warning("%s asks for %s, which is not served", request.node.id, request.type_url)
        return
    refusal = request.error_detail.message if request.HasField("error_detail") else None
    channel.receive(
        connection, DiscoveryRequest(type_, frozenset(request.resource_names), request.response_nonce, refusal)
    )


async def _write(connection: Connection, context: Any) -> None:
    while not connection.is_over:
        connection.wake.clear()
        while responses := connection.stream.responses():
            for response in responses:
                await context.write(_response(response))
        await connection.wake.wait()


def _response(response: DiscoveryResponse) -> Any:
    url = response.type.url
    return discovery_pb2.DiscoveryResponse(
        version_info=response.version,
        nonce=response.nonce,
        type_url=url,
        resources=[any_pb2.Any(type_url=url, value=resource.value) for resource in response.resources],
    )
