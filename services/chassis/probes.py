"""Liveness and readiness, as Kubernetes asks for them."""

from http import HTTPStatus

from fastapi import FastAPI, Response
from fastapi.responses import PlainTextResponse
from starlette.types import Scope

from services.chassis.problems import problem

PATHS = frozenset({"/livez", "/readyz"})


class Readiness:
    """Whether new requests are welcome: from the start until the process is told to end."""

    __slots__ = ("_draining",)

    def __init__(self) -> None:
        self._draining = False

    @property
    def draining(self) -> bool:
        """True once the process was told to end."""
        return self._draining

    def drain(self) -> None:
        """Says for good that no new requests are welcome."""
        self._draining = True


def is_probe(scope: Scope) -> bool:
    """Whether the request asks after health, and so is neither traced nor logged nor harmed."""
    return scope.get("path") in PATHS


def install(app: FastAPI, readiness: Readiness) -> None:
    """Adds ``/livez`` and ``/readyz``."""

    async def livez() -> Response:
        return PlainTextResponse("ok\n")

    async def readyz() -> Response:
        if readiness.draining:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "draining: the process was told to end", title="not ready")
        return PlainTextResponse("ok\n")

    app.add_api_route("/livez", livez)
    app.add_api_route("/readyz", readyz)
