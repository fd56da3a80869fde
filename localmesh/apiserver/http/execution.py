"""`kubectl exec` and `attach` over a WebSocket: binary messages whose first byte names a channel.

The protocols are `v5.channel.k8s.io`, which kubectl speaks, and `v4.channel.k8s.io` of Kubernetes' Python client, which
cannot say that stdin has ended.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from enum import IntEnum
from typing import Annotated

import msgspec
from starlette.datastructures import QueryParams
from starlette.websockets import WebSocket, WebSocketDisconnect

from localmesh.apiserver.errors import bad_request, failure
from localmesh.apiserver.http.queries import is_on
from localmesh.apiserver.http.rendering import encode
from localmesh.apiserver.http.streaming import messages
from localmesh.apiserver.runtime import Process, Runtime, RuntimeRefusedError
from localmesh.core.loops import ended
from localmesh.core.objects import Key, Object

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_LAST_WORDS_S = 1
"""How long a command may still speak when the door stops."""

LOOK_S = 5
"""How often it is looked whether there still is a user: of one who has gone nothing is read while a command takes no
input."""


Start = Callable[[Runtime], Awaitable[Process]]
"""Starts, or finds, the process that a request is about. Raises RuntimeRefusedError."""


class ExecChannel(IntEnum):
    """The first byte of a message."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    STATUS = 3
    RESIZE = 4
    CLOSE = 255


def execution(pod: Key, container: str, query: QueryParams) -> Start:
    """Return how to start the command that a request names. Raises ApiError."""
    command = query.getlist("command")
    if not command:
        raise bad_request("you must specify at least one command for the container")
    stdin, tty = is_on(query, "stdin"), is_on(query, "tty")
    return lambda runtime: runtime.exec(pod, container, command, stdin=stdin, tty=tty)


def attachment(pod: Key, container: str, query: QueryParams) -> Start:
    """Return how to attach to a container's own process, as a request asks for."""
    stdin = is_on(query, "stdin")
    return lambda runtime: runtime.attach(pod, container, stdin=stdin)


async def serve(websocket: WebSocket, runtime: Runtime, start: Start, stopping: asyncio.Event) -> None:
    """Carry a process' input and output over the WebSocket. Raises ApiError before accepting."""
    await websocket.accept(_protocol(websocket))
    try:
        process = await start(runtime)
    except RuntimeRefusedError as error:
        # Only here can it be said why: after a refused upgrade kubectl tries another protocol.
        await _end(websocket, failure(500, "InternalError", str(error)))
        return
    await _converse(websocket, process, stopping)


async def _converse(websocket: WebSocket, process: Process, stopping: asyncio.Event) -> None:
    """Carry input and output until the command ends, the user goes or the door stops."""
    tasks = speaking, *others = (
        asyncio.create_task(_write(websocket, process)),
        asyncio.create_task(_read(websocket, process)),
        asyncio.create_task(_gone(websocket)),
        asyncio.create_task(stopping.wait()),
    )
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not speaking.done():
            process.hang_up()
        if stopping.is_set():
            await asyncio.wait([speaking], timeout=_LAST_WORDS_S)
    finally:
        process.hang_up()
        speaking.cancel()
        await asyncio.wait([speaking])
        for task in others:
            await ended(task)
    if not speaking.cancelled():
        speaking.result()


def _protocol(websocket: WebSocket) -> str:
    offered = websocket.scope["subprotocols"]
    protocol = next((known for known in PROTOCOLS if known in offered), None)
    if protocol is None:
        offer = ", ".join(offered) or "nothing"
        raise bad_request(f"exec and attach speak {' and '.join(PROTOCOLS)}, and were offered {offer}")
    return protocol


async def _write(websocket: WebSocket, process: Process) -> None:
    """Hand the command's output and then its exit code to the user, as long as there is one."""
    with contextlib.suppress(WebSocketDisconnect):
        async for stream, data in process.output():
            channel = ExecChannel.STDOUT if stream == "stdout" else ExecChannel.STDERR
            await websocket.send_bytes(bytes([channel]) + data)
        await _end(websocket, _exit_status(await process.wait()))


async def _gone(websocket: WebSocket) -> None:
    """Wait until nobody takes what is sent, not even nothing."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # RuntimeError: the command ended, and all is said
        while True:
            await asyncio.sleep(LOOK_S)
            await websocket.send_bytes(bytes([ExecChannel.STDOUT]))


async def _read(websocket: WebSocket, process: Process) -> None:
    """Hand the user's messages to the process until the user goes."""
    async for message in messages(websocket):
        channel, data = message[0], message[1:]
        if channel == ExecChannel.STDIN:
            await process.write(data)
        elif channel == ExecChannel.CLOSE and data[:1] == bytes([ExecChannel.STDIN]):
            await process.close_stdin()
        elif channel == ExecChannel.RESIZE:
            _resize(process, data)


_Characters = Annotated[int, msgspec.Meta(ge=0, le=2**16 - 1)]


class _Size(msgspec.Struct, rename="pascal"):
    """Of a terminal."""

    width: _Characters
    height: _Characters


def _resize(process: Process, data: bytes) -> None:
    with contextlib.suppress(msgspec.DecodeError):  # a size that makes no sense changes none
        size = msgspec.json.decode(data, type=_Size)
        process.resize(size.width, size.height)


def _exit_status(code: int) -> Object:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    details = {"causes": [{"reason": "ExitCode", "message": str(code)}]}
    message = f"command terminated with non-zero exit code: exit status {code}"
    return {"metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": message, "details": details}


async def _end(websocket: WebSocket, status: Object) -> None:
    await websocket.send_bytes(bytes([ExecChannel.STATUS]) + encode(status))
    await websocket.close()
