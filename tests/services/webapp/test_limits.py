"""What webapp does about a catalog that takes too long, or has too many calls to answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from services.webapp import transport
from services.webapp.app import create_app
from services.webapp.settings import Settings
from tests.services.asgi import client_of
from tests.services.waiting import until

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n"


class Trickle:
    """A catalog that sends a byte of its answer now and then, for as long as anybody listens."""

    def __init__(self) -> None:
        self.port = 0
        self.asked = 0
        self.left = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            self.asked += 1
            writer.write(HEAD)
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.005)
        except (ConnectionError, asyncio.IncompleteReadError):
            self.left += 1
        finally:
            writer.close()


@asynccontextmanager
async def trickling() -> AsyncIterator[Trickle]:
    catalog = Trickle()
    server = await asyncio.start_server(catalog.serve, "127.0.0.1", 0)
    catalog.port = server.sockets[0].getsockname()[1]
    yield catalog
    server.close()


def settings_for(catalog: Trickle, **more: float) -> Settings:
    where = {"catalog_service_host": "127.0.0.1", "catalog_service_port": catalog.port}
    return Settings.model_validate({**where, **more})


async def test_a_call_ends_when_its_time_is_up_however_diligently_catalog_trickles() -> None:
    async with trickling() as catalog:
        app = create_app(settings_for(catalog, call_timeout_seconds=0.2, read_timeout_seconds=600))
        async with client_of(app) as client:
            answer = await client.get("/api/catalog")

            async def is_left() -> bool:
                return catalog.left == 1

            await until(is_left)
    assert answer.status_code == 500
    assert answer.json()["title"] == "error calling Catalog service"
    assert "gave no whole answer in time" in answer.json()["detail"]


async def test_when_all_calls_that_may_be_in_flight_are_webapp_says_that_it_is_busy_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "MAX_CONNECTIONS", 1)
    async with trickling() as catalog:
        app = create_app(settings_for(catalog, connect_timeout_seconds=0.1, call_timeout_seconds=600))
        async with client_of(app) as client:
            first = asyncio.create_task(client.get("/api/catalog"))

            async def is_asked() -> bool:
                return catalog.asked == 1

            await until(is_asked)
            second = await client.get("/api/catalog")
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
    assert second.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert second.json()["detail"] == "webapp can't call Catalog now: 1 calls are in flight"
    assert catalog.asked == 1
