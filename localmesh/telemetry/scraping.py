"""Whom to ask for metrics, and how."""

import asyncio
import http.client
import json
import logging
import socket
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from msgspec import Struct, field

from localmesh.telemetry.exposition import SCOPE
from localmesh.telemetry.kube import Object

logger = logging.getLogger(__name__)

TIMEOUT_S = 3.0
ALL = "/stats/prometheus"
COUNTED = f"/stats/prometheus?usedonly&filter={quote(f'^{SCOPE}[.]')}"
"""What the stats loggers counted: some hundred lines out of thousands."""

ADDRESSES = "localmesh/addresses"
"""The annotation that says where a pod answers on loopback."""


class ScrapeError(Exception):
    """Somebody did not say what they count."""


class ScrapeTarget(Protocol):
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


class Envoy(Struct, frozen=True):
    """A proxy's admin page."""

    namespace: str
    pod: str
    place: Path | int
    """A Unix socket, or a port on loopback."""

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
        return await asyncio.to_thread(ask, self._connection(), page)

    def _connection(self) -> http.client.HTTPConnection:
        if isinstance(self.place, Path):
            return _LocalConnection(self.place)
        return http.client.HTTPConnection("127.0.0.1", self.place, timeout=TIMEOUT_S)


class Page(Struct, frozen=True):
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
        except (OSError, http.client.HTTPException) as error:
            raise ScrapeError(str(error)) from error


class Targets(Struct, frozen=True):
    """Everybody who counts now."""

    envoys: Callable[[], list[Envoy]]
    """Returns the Envoys that have an admin page, by namespace and pod."""

    pages: tuple[Page, ...] = ()

    def all(self) -> list[ScrapeTarget]:
        """Return everybody."""
        return [*self.envoys(), *self.pages]


def envoys_of(pods: Iterable[Object]) -> list[Envoy]:
    """Return the Envoys of pods that run, from what the kubelet wrote on them."""
    envoys = filter(None, map(_envoy, pods))
    return sorted(envoys, key=lambda envoy: (envoy.namespace, envoy.pod))


def _envoy(pod: Object) -> Envoy | None:
    metadata, phase = pod["metadata"], pod.get("status", {}).get("phase")
    try:
        place = json.loads((metadata.get("annotations") or {})[ADDRESSES])["admin"]
    except (KeyError, ValueError, TypeError):
        return None
    if phase != "Running" or isinstance(place, bool) or not isinstance(place, int | str):
        return None
    return Envoy(metadata["namespace"], metadata["name"], place if isinstance(place, int) else Path(place))


async def everything(targets: Sequence[ScrapeTarget]) -> list[tuple[str, dict[str, str]]]:
    """Return everybody's whole page with its labels; whoever does not answer is left out, with a line in the log."""

    async def one(target: ScrapeTarget) -> tuple[str, dict[str, str]] | None:
        try:
            return await target.everything(), target.labels
        except ScrapeError as error:
            logger.info("%s: %s", target, error)
            return None

    return [page for page in await asyncio.gather(*map(one, targets)) if page]
