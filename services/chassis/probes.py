"""Liveness and readiness, as Kubernetes asks for them, and who answers."""

from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI, Response
from fastapi.responses import PlainTextResponse

from services.chassis.identity import Identity
from services.chassis.problems import described, problem

PATHS = frozenset({"/livez", "/readyz"})
"""What asks after health is neither traced nor logged nor harmed."""


@dataclass(slots=True)
class Readiness:
    """Whether new requests are welcome."""

    draining: bool = False
    """True once the process was told to end: then none are."""


def install(app: FastAPI, readiness: Readiness, identity: Identity) -> None:
    """Adds ``/livez``, ``/readyz`` and ``/version``."""

    async def version() -> Identity:
        return identity

    async def livez() -> Response:
        return PlainTextResponse("ok\n")

    async def readyz() -> Response:
        if readiness.draining:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "draining: the process was told to end", title="not ready")
        return PlainTextResponse("ok\n")

    app.add_api_route("/livez", livez, response_class=PlainTextResponse)
    app.add_api_route("/readyz", readyz, response_class=PlainTextResponse, responses=described(503))
    app.add_api_route("/version", version, response_model_exclude_none=True)
