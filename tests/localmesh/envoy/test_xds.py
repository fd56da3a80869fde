"""The protocol without an Envoy: who is answered when, and with what."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from localmesh.envoy import xds
from localmesh.envoy.folder import Document, Folder

NODE = "sidecar~127.0.0.1~webapp-1.istioinaction~istioinaction.svc.cluster.local"


@dataclass
class Envoy:
    """Asks as an Envoy does."""

    server: xds.XdsServer
    folder: Folder

    async def ask(self, kind: str, name: str = "", version: str = "", node: str = NODE) -> tuple[int, str]:
        """Return the status and the version in the answer."""
        body = {"node": {"id": node}, "resource_names": [name] if name else [], "version_info": version}
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        text = json.dumps(body).encode()
        writer.write(f"POST /v3/discovery:{kind} HTTP/1.1\r\ncontent-length: {len(text)}\r\n\r\n".encode())
        # In two pieces, as a network may deliver it.
        await writer.drain()
        writer.write(text)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            content = await reader.readexactly(int(head.partition("content-length: ")[2].split()[0]))
        finally:
            writer.close()
        return int(head.split()[1]), json.loads(content)["version_info"] if content else ""


@pytest.fixture
async def envoy(tmp_path: Path) -> AsyncIterator[Envoy]:
    async with xds.XdsServer() as server:
        yield Envoy(server, server.open(NODE, tmp_path))


def routes(name: str, **fields: str) -> Document:
    return Document.of("rds", [{"name": name, **fields}], name)


async def test_a_file_that_is_there_is_sent_at_once(envoy: Envoy) -> None:
    document = routes("80")
    envoy.folder.write([document])
    assert await envoy.ask("routes", "80") == (200, document.version)


async def test_a_request_waits_until_its_file_changes(envoy: Envoy) -> None:
    old, new = routes("80"), routes("80", changed="yes")
    envoy.folder.write([old])
    asked = asyncio.create_task(envoy.ask("routes", "80", old.version))
    for _ in range(3):
        envoy.folder.write([routes("81", other=str(_))])
        await asyncio.sleep(0)
    assert not asked.done()
    envoy.folder.write([new])
    assert await asked == (200, new.version)


async def test_a_request_for_a_file_that_is_not_there_yet_waits_for_it(envoy: Envoy) -> None:
    asked = asyncio.create_task(envoy.ask("listeners"))
    await asyncio.sleep(0.01)
    document = Document.of("lds", [])
    envoy.folder.write([document])
    assert await asked == (200, document.version)


async def test_what_was_refused_is_not_sent_again_until_it_was_put_aside(envoy: Envoy) -> None:
    good, bad = routes("80"), routes("80", bad="yes")
    elsewhere = asyncio.create_task(envoy.ask("clusters"))
    await asyncio.sleep(0.01)
    envoy.folder.write([bad])
    assert await envoy.ask("routes", "80", good.version) == (200, bad.version)
    again = asyncio.create_task(envoy.ask("routes", "80", good.version))
    await asyncio.sleep(0.01)
    assert not again.done()
    envoy.folder.put_aside(bad, good.content)
    await asyncio.sleep(0.01)
    assert not again.done()
    envoy.folder.write([bad])
    assert await again == (200, bad.version)
    elsewhere.cancel()


async def test_a_cluster_that_is_made_anew_gets_its_endpoints_at_once(envoy: Envoy) -> None:
    document = Document.of("eds", [{"cluster_name": "a"}], "a")
    envoy.folder.write([document])
    await envoy.ask("endpoints", "a")
    waiting = asyncio.create_task(envoy.ask("endpoints", "a", document.version))
    await asyncio.sleep(0.01)
    async with asyncio.timeout(xds.RESEND_S / 2):
        assert await envoy.ask("endpoints", "a") == (200, document.version)
    waiting.cancel()


async def test_without_news_for_long_the_answer_is_that_there_are_none(
    envoy: Envoy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xds, "HOLD_S", 0.01)
    assert await envoy.ask("clusters") == (304, "")


async def test_strangers_and_unknown_kinds_are_not_served(envoy: Envoy) -> None:
    assert await envoy.ask("clusters", node="another") == (404, "")
    assert await envoy.ask("secrets") == (404, "")
    envoy.server.close(envoy.folder.root)
    assert await envoy.ask("clusters") == (404, "")
