"""A client for Envoy's admin page."""

import asyncio
import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from msgspec import Struct

from localmesh.core.errors import MeshError


class AdminError(MeshError):
    """Envoy did not do what it was asked for on its admin page."""


class AdminUnreachableError(AdminError):
    """Nothing answers there: Envoy does not run, not yet or not any more."""


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Open the socket. Raises OSError."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Admin(Struct, frozen=True):
    """The admin page of one Envoy, on a Unix socket.

    Every method raises AdminUnreachableError when nothing listens there or the connection breaks, and AdminError when
    Envoy answers with anything but 200, or not within the timeout.
    """

    path: Path
    """The socket's."""

    timeout_s: float = 2.0

    async def ready(self) -> bool:
        """Tell whether Envoy runs and serves; False, not an error, when it does not answer."""
        try:
            return (await self.get("/ready")).strip() == "LIVE"
        except AdminError:
            return False

    async def stats(self, pattern: str) -> dict[str, str]:
        """Return the stats whose whole name matches a regular expression (RE2), text readouts without their quotes."""
        lines = (await self.get(f"/stats?filter={quote(f'^({pattern})$', safe='')}")).splitlines()
        pairs = (line.partition(": ") for line in lines)
        return {name: value.strip('"') for name, colon, value in pairs if colon}

    async def config_dump(self) -> list[dict[str, Any]]:
        """Return what Envoy runs, endpoints included: one document for each kind, told apart by `@type`."""
        dump: list[dict[str, Any]] = json.loads(await self.get("/config_dump?include_eds"))["configs"]
        return dump

    async def clusters(self) -> list[dict[str, Any]]:
        """Return each cluster's hosts with their health and outlier state."""
        statuses: list[dict[str, Any]] = json.loads(await self.get("/clusters?format=json")).get("cluster_statuses", [])
        return statuses

    async def logging(self, levels: Mapping[str, str] | None = None) -> str:
        """Set the level of loggers by name, "level" being all of them; return Envoy's list of all levels."""
        text = await self.post("/logging")
        for name, level in (levels or {}).items():
            text = await self.post(f"/logging?{urlencode({name: level})}")
        return text

    async def get(self, path: str) -> str:
        """Return the text of a page."""
        return await asyncio.to_thread(self._request, "GET", path)

    async def post(self, path: str) -> str:
        """Ask for a change and return what Envoy says to it."""
        return await asyncio.to_thread(self._request, "POST", path)

    def _request(self, method: str, path: str) -> str:
        connection = _Connection(self.path, self.timeout_s)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            text = response.read().decode()
        except TimeoutError as error:
            raise AdminError(f"Envoy on {self.path} did not answer within {self.timeout_s} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise AdminUnreachableError(f"no Envoy answers on {self.path}: {error}") from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise AdminError(f"Envoy on {self.path} refuses {method} {path}: {text.strip().partition(chr(10))[0]}")
        return text
