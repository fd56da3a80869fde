"""Liveness and readiness, as Kubernetes asks for them, and who answers."""

from http import HTTPStatus

from fastapi import FastAPI, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel
from starlette.types import Scope

from services.chassis.identity import Identity
from services.chassis.problems import described, problem
from services.chassis.release import RELEASE

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


class Version(BaseModel):
    """Who answers; what is not known is left out."""

    service: str
    version: str | None = None
    """The pod's label ``version``."""
    pod: str
    namespace: str | None = None
    release: str
    """Of this project."""


def install(app: FastAPI, readiness: Readiness, identity: Identity) -> None:
    """Adds ``/livez``, ``/readyz`` and ``/version``."""
    version = Version(
        release=RELEASE, **{name: getattr(identity, name) for name in ("service", "version", "pod", "namespace")}
    )

    async def get_version() -> Version:
        return version

    async def livez() -> Response:
        return PlainTextResponse("ok\n")

    async def readyz() -> Response:
        if readiness.draining:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, "draining: the process was told to end", title="not ready")
        return PlainTextResponse("ok\n")

    app.add_api_route("/livez", livez, response_class=PlainTextResponse)
    app.add_api_route("/readyz", readyz, response_class=PlainTextResponse, responses=described(503))
    app.add_api_route("/version", get_version, response_model_exclude_none=True)
