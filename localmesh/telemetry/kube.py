"""What the mesh page has to know from the API server, kept up to date by watches as any client of Kubernetes does."""

import asyncio
import base64
import http.client
import json
import logging
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from msgspec import Struct, field

logger = logging.getLogger(__name__)

PODS = "/api/v1/pods"
RETRY_S = 0.5
HELD_S = 300
"""How long one watch may last; the next begins with a new list."""

Object = dict[str, Any]


class Server(Struct, frozen=True):
    """An API server and this client's certificate."""

    host: str
    port: int
    context: ssl.SSLContext

    @classmethod
    def of(cls, kubeconfig: Path) -> "Server":
        """Read a kubeconfig's current context, whose certificates stand in it. Raises OSError, KeyError."""
        config = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority)
        with _file(user["client-certificate-data"]) as certificate, _file(user["client-key-data"]) as key:
            context.load_cert_chain(certificate, key)
        address = urlsplit(cluster["server"])
        return cls(address.hostname or "", address.port or 443, context)

    def open(self, path: str, timeout_s: float) -> http.client.HTTPResponse:
        """Return the answer to a GET, not read yet. Raises OSError, HTTPException."""
        connection = http.client.HTTPSConnection(self.host, self.port, timeout=timeout_s, context=self.context)
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise http.client.HTTPException(f"{path} answers {answer.status}")
        return answer


@contextmanager
def _file(encoded: str) -> Iterator[str]:
    """Yield the name of a file that holds what a kubeconfig has in base64: ssl reads keys from files only."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(base64.b64decode(encoded))
        file.flush()
        yield file.name


class Watched(Struct):
    """All objects of one resource, as of now."""

    kubeconfig: Path
    """Read anew for each list: the mesh may be another one since."""

    path: str
    objects: dict[str, Object] = field(default_factory=dict)
    """By uid."""

    failed: str = ""
    """Why nothing is known at the moment; "" while all is well."""

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Keep up to date as long as the context is open."""
        task = asyncio.create_task(self.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def run(self) -> None:
        """Keep up to date for ever."""
        while True:
            try:
                await asyncio.to_thread(self._follow)
            except (OSError, http.client.HTTPException, ValueError, LookupError, TypeError, yaml.YAMLError) as error:
                self.failed = f"{self.path}: {error}"
                logger.info("watch of %s", self.failed)
                await asyncio.sleep(RETRY_S)

    def _follow(self) -> None:
        server = Server.of(self.kubeconfig)
        with server.open(self.path, HELD_S) as answer:
            listing = json.load(answer)
        self.objects = {obj["metadata"]["uid"]: obj for obj in listing["items"]}
        self.failed = ""
        version = listing["metadata"]["resourceVersion"]
        query = f"?watch=true&resourceVersion={version}&timeoutSeconds={HELD_S - 10}"
        with server.open(self.path + query, HELD_S) as answer:
            for line in answer:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return  # too old: list anew
                self._take(event["type"], event["object"])

    def _take(self, kind: str, changed: Object) -> None:
        """Take one event; the dict is replaced, since another thread reads it."""
        if kind == "BOOKMARK":
            return
        uid = changed["metadata"]["uid"]
        rest = {key: value for key, value in self.objects.items() if key != uid}
        self.objects = rest if kind == "DELETED" else {**rest, uid: changed}
