"""The WebSocket of `exec` where kubectl would have to misbehave."""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import pytest
from starlette.types import Message
from starlette.websockets import WebSocket

from localmesh.apiserver.http import execution
from localmesh.apiserver.http.execution import PROTOCOLS, ExecChannel

from .conftest import FakeRuntime


class Terminal:
    """A command that says nothing and goes when its user does."""

    def __init__(self) -> None:
        self.typed = b""
        self.sizes: list[tuple[int, int]] = []
        self._gone = asyncio.Event()

    async def write(self, data: bytes) -> None:
        self.typed += data

    async def close_stdin(self) -> None:
        raise AssertionError

    def resize(self, width: int, height: int) -> None:
        self.sizes.append((width, height))

    async def output(self) -> AsyncIterator[tuple[Literal["stdout", "stderr"], bytes]]:
        await self._gone.wait()
        yield "stdout", b"gone"

    async def wait(self) -> int:
        return 0

    def hang_up(self) -> None:
        self._gone.set()


class Busy(Terminal):
    """A command that takes no input."""

    async def write(self, data: bytes) -> None:
        del data
        await asyncio.Event().wait()


async def test_a_user_who_has_gone_is_noticed_by_a_command_that_takes_no_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "LOOK_S", 0)
    messages, busy = [{"type": "websocket.connect"}, {"type": "websocket.receive", "bytes": b"\0much"}], Busy()

    async def receive() -> Message:
        return messages.pop(0)  # uvicorn reads no further than what is taken

    async def send(message: Message) -> None:
        if message["type"] == "websocket.send" and not messages:
            raise OSError("nobody is there")

    async def start(_: object) -> Terminal:
        return busy

    websocket = WebSocket({"type": "websocket", "subprotocols": PROTOCOLS[:1], "headers": []}, receive, send)
    async with asyncio.timeout(5):
        await execution.serve(websocket, FakeRuntime(), start, asyncio.Event())
    assert [said async for said in busy.output()] == [("stdout", b"gone")]


async def after(*received: Message) -> Terminal:
    """Return the command to which a user has said this, and gone."""
    messages = [{"type": "websocket.connect"}, *received, {"type": "websocket.disconnect"}]
    terminal = Terminal()

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        del message

    async def start(_: object) -> Terminal:
        return terminal

    websocket = WebSocket({"type": "websocket", "subprotocols": PROTOCOLS[:1], "headers": []}, receive, send)
    await execution.serve(websocket, FakeRuntime(), start, asyncio.Event())
    return terminal


async def test_a_size_that_makes_no_sense_changes_none_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    texts = ["", "[]", "x", "{}", '{"Width": -1, "Height": 1}', '{"Width": 65536, "Height": 1}', '{"Width": "1"}',
             '{"Width": 1e400, "Height": 1}', '{"Width": 80, "Height": 24}']  # fmt: skip
    sizes = [bytes([ExecChannel.RESIZE]) + text.encode() for text in texts]
    terminal = await after(*({"type": "websocket.receive", "bytes": size} for size in sizes))
    assert terminal.sizes == [(80, 24)]
    assert caplog.records == []


async def test_what_is_typed_may_come_as_text() -> None:
    terminal = await after(
        {"type": "websocket.receive", "text": "\0hällo"}, {"type": "websocket.receive", "bytes": b"\0 you"}
    )
    assert terminal.typed == "hällo you".encode()
