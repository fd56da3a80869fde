import asyncio
from contextlib import suppress

import pytest

from localmesh.telemetry import forwarding
from localmesh.telemetry.forwarding import WAITING, Forwarder, to_otlp
from localmesh.telemetry.spans import from_otlp, from_zipkin
from tests.localmesh.telemetry.making import RETRIED, body


def test_proxies_spans_are_the_same_once_translated() -> None:
    spans = list(from_zipkin(body(RETRIED)))
    translated = list(from_otlp(to_otlp(spans)))
    assert sorted(translated, key=lambda span: span.id) == sorted(spans, key=lambda span: span.id)


class Collector:
    """Answers with the statuses that it is told, and closes without an answer for 0."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.bodies: list[bytes] = []
        self.full = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        self.bodies.append(await reader.readexactly(length))
        if status := self.statuses.pop(0):
            writer.write(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        writer.close()
        if not self.statuses:
            self.full.set()


async def test_what_did_not_arrive_is_sent_again_and_what_is_refused_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "PAUSE_S", 0.0)
    collector = Collector(0, 200, 400, 200)
    async with await asyncio.start_server(collector.serve, "127.0.0.1", 0) as server:
        forwarder = Forwarder(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/traces")
        for each in (b"one", b"refused", b"three"):
            forwarder.take(each)
        task = asyncio.create_task(forwarder.run())
        async with asyncio.timeout(10):
            await collector.full.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    assert collector.bodies == [b"one", b"one", b"refused", b"three"]
    assert forwarder.sent >= 1
    assert forwarder.dropped == 1


def test_a_collector_that_is_dead_holds_no_more_than_so_much() -> None:
    forwarder = Forwarder("http://127.0.0.1:1/v1/traces")
    for number in range(WAITING + 3):
        forwarder.take(str(number).encode())
    assert forwarder.dropped == 3
    assert forwarder._waiting[0] == b"3"


def test_nor_more_than_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forwarding, "MAX_BYTES", 10)
    forwarder = Forwarder("http://127.0.0.1:1/v1/traces")
    for _ in range(3):
        forwarder.take(b"four")
    assert (forwarder.dropped, len(forwarder._waiting)) == (1, 2)


@pytest.mark.parametrize("url", ["4318", "http://a..b/v1/traces", "http://a b/"])
async def test_what_is_no_url_is_said_and_the_next_body_is_tried_all_the_same(url: str) -> None:
    forwarder = Forwarder(url)
    assert not await forwarder._sent(b"body")
    assert "does not answer" in forwarder.trouble
