"""The bench's load: it ends when time or number is up, or nothing comes, and tells good answers from bad ones."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from bench import wire
from bench.process import BenchError
from bench.wire import Answers, Burst, Tally, catalog_of_bytes, request

ITEMS = request("/items", "catalog", [])


async def asked(seconds: float, limit: int) -> Tally:
    async with catalog_of_bytes() as port:
        return await Burst(port, ITEMS, connections=2).run(seconds, limit)


async def test_a_burst_ends_when_its_number_is_up() -> None:
    tally = await asked(seconds=3600, limit=7)
    assert (tally.good, tally.total) == (7, 7)


async def test_a_burst_ends_when_its_time_is_up_whatever_is_left_of_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = itertools.count()  # each look at the clock takes a second
    monkeypatch.setattr(wire, "time", SimpleNamespace(perf_counter=lambda: next(looks)))
    assert (await asked(seconds=0, limit=1000)).total == 0
    assert 0 < (await asked(seconds=50, limit=1000)).total < 50


class Hangup(Answers):
    """Closes the connection instead of an answer."""

    def data_received(self, _data: bytes) -> None:
        self._transport.close()


@asynccontextmanager
async def serving(connection: Answers) -> AsyncIterator[int]:
    """A server for one connection, and its port."""
    server = await asyncio.get_running_loop().create_server(lambda: connection, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]
        connection._transport.abort()
        await asyncio.sleep(0)


async def test_a_service_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "PATIENCE_SECONDS", 0.02)
    async with serving(Answers(b"")) as port:
        with pytest.raises(BenchError, match=f"nothing has come from port {port}"):
            await Burst(port, ITEMS, connections=1).run(3600, 1)


@pytest.mark.parametrize(
    ("connection", "bad"),
    [
        (Answers(b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 6\r\n\r\nElinor"), {"500": 1}),
        (Answers(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]"), {"200": 1}),
        (Hangup(b""), {"closed without an answer": 1}),
    ],
    ids=["status", "body", "hangup"],
)
async def test_an_answer_without_the_items_is_a_bad_one(connection: Answers, bad: dict[str, int]) -> None:
    async with serving(connection) as port:
        tally = await Burst(port, ITEMS, connections=1).run(3600, 1)
    assert (tally.good, dict(tally.bad)) == (0, bad)
