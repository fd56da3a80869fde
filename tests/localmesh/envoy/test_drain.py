import asyncio
import socket
from contextlib import suppress

from localmesh.envoy.drain import drain
from tests.localmesh.envoy.world import World, until


async def test_an_envoy_that_drains_answers_what_was_asked_and_takes_nothing_new(envoy: World) -> None:
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            asked.set()
            await may_answer.wait()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nslow")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as backend:
        port = backend.sockets[0].getsockname()[1]
        envoy.serve(envoy.resources({"slow": port}, to="slow"))
        await envoy.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", envoy.port)
        writer.write(b"GET / HTTP/1.1\r\nhost: any\r\n\r\n")
        await asked.wait()
        draining = asyncio.create_task(drain(envoy.admin))
        await until(lambda: asyncio.to_thread(refuses, envoy.port))
        assert not draining.done()
        may_answer.set()
        answer = await reader.readuntil(b"slow")
        await draining
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"connection: close" in answer


async def test_a_connection_on_which_nothing_is_asked_does_not_hold_up_the_end(envoy: World) -> None:
    envoy.serve(envoy.resources({}, to=""))
    await envoy.start()
    _, writer = await asyncio.open_connection("127.0.0.1", envoy.port)
    async with asyncio.timeout(10):
        await drain(envoy.admin)
    writer.close()


def refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
