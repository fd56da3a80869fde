"""Whom to ask for metrics, and how."""

import asyncio
import http.client
import logging
import socket
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from localmesh.telemetry.exposition import SCOPE

logger = logging.getLogger(__name__)

TIMEOUT_S = 3.0
ALL = "/stats/prometheus"
COUNTED = f"/stats/prometheus?usedonly&filter={quote(f'^{SCOPE}[.]')}"
"""What the stats loggers counted: some hundred lines out of thousands."""

SOCKET = "admin.sock"
"""The name of an Envoy's admin page in its folder."""


class ScrapeError(Exception):
    """Somebody did not say what they count."""


class Target(Protocol):
    """Somebody who counts."""

    @property
    def labels(self) -> dict[str, str]:
        """What tells its samples from others'."""

    async def everything(self) -> str:
        """Return the whole page, in Prometheus' text format. Raises ScrapeError."""

    async def counted(self) -> str:
        """Return the part that the page's expressions are about. Raises ScrapeError."""


class _LocalConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(connection: http.client.HTTPConnection, path: str) -> str:
    """Return the text of a page, which blocks. Raises ScrapeError."""
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        text = response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise ScrapeError(str(error) or repr(error)) from error
    finally:
        connection.close()
    if response.status != http.client.OK:
        raise ScrapeError(f"{response.status} {response.reason}: {text[:200].strip()}")
    return text


@dataclass(frozen=True, slots=True)
class Envoy:
    """A proxy's admin page, on a Unix socket."""

    namespace: str
    pod: str
    path: Path

    @property
    def labels(self) -> dict[str, str]:
        """As Istio's scrape configuration labels them."""
        return {"namespace": self.namespace, "pod": self.pod}

    async def everything(self) -> str:
        """Return all stats."""
        return await self.get(ALL)

    async def counted(self) -> str:
        """Return Istio's metrics."""
        return await self.get(COUNTED)

    async def get(self, page: str) -> str:
        """Return a page's text. Raises ScrapeError."""
        return await asyncio.to_thread(ask, _LocalConnection(self.path), page)


@dataclass(frozen=True, slots=True)
class Page:
    """A page in Prometheus' format at some URL; nothing there is asked for by the mesh page."""

    url: str
    labels: dict[str, str] = field(default_factory=dict)

    async def everything(self) -> str:
        """Return the page."""
        return await asyncio.to_thread(self._get)

    async def counted(self) -> str:
        """Return nothing: it has none of the proxies' counters."""
        return ""

    def _get(self) -> str:
        try:
            with urllib.request.urlopen(self.url, timeout=TIMEOUT_S) as answer:  # noqa: S310 -- the mesh's own URL
                return str(answer.read().decode(errors="replace"))
        except (OSError, urllib.error.URLError) as error:
            raise ScrapeError(str(error)) from error


@dataclass(frozen=True, slots=True)
class Targets:
    """Everybody who counts now."""

    proxies: Path
    """Holds NAMESPACE/POD/admin.sock for each Envoy."""

    pages: tuple[Page, ...] = ()

    def envoys(self) -> list[Envoy]:
        """Return the Envoys that have an admin page, by namespace and pod."""
        found = sorted(self.proxies.glob(f"*/*/{SOCKET}"))
        return [Envoy(path.parent.parent.name, path.parent.name, path) for path in found]

    def all(self) -> list[Target]:
        """Return everybody."""
        return [*self.envoys(), *self.pages]


async def everything(targets: Sequence[Target]) -> list[tuple[str, dict[str, str]]]:
    """Return everybody's whole page with its labels; whoever does not answer is left out, with a line in the log."""

    async def one(target: Target) -> tuple[str, dict[str, str]] | None:
        try:
            return await target.everything(), target.labels
        except ScrapeError as error:
            logger.info("%s: %s", target, error)
            return None

    return [page for page in await asyncio.gather(*map(one, targets)) if page]
