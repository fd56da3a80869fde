"""Errors as JSON, in one shape: problem details (RFC 9457)."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

MEDIA_TYPE = "application/problem+json"

# RFC 9110's names, which Python has from 3.13 on: an answer is not to differ with the interpreter.
_PHRASES = {413: "Content Too Large", 422: "Unprocessable Content"}


class Problem(BaseModel):
    """An error answer, as OpenAPI describes it."""

    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] = []


class _AsciiResponse(JSONResponse):
    """JSON whose every character is harmless in a terminal: what is refused may be quoted in it."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return json.dumps(content, separators=(",", ":")).encode()


def problem(
    status: int,
    detail: str,
    *,
    title: str | None = None,
    errors: Sequence[dict[str, str]] = (),
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    """An error answer.

    Args:
        status: HTTP status.
        detail: What went wrong this time, and how to mend it.
        title: What kind of error it is; the status's own phrase unless given.
        errors: For a body that was refused, each ``field`` with its ``message``.
        headers: Headers that the status asks for, such as Allow.
    """
    title = title or phrase(status)
    content: dict[str, Any] = {"title": title, "status": int(status), "detail": detail}
    if errors:
        content["errors"] = list(errors)
    return _AsciiResponse(content, status, headers, MEDIA_TYPE)


def phrase(status: int) -> str:
    """What the status is called."""
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of these error answers; for a route's ``responses``."""
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    return {int(status): {"description": phrase(status), "content": content} for status in statuses}


def install(app: FastAPI) -> None:
    """Makes `app` answer its own errors (unknown path, refused body, crash) as problems."""
    app.exception_handler(HTTPException)(_http_problem)
    app.exception_handler(RequestValidationError)(_validation_problem)
    app.exception_handler(Exception)(_crash_problem)


async def _http_problem(request: Request, error: HTTPException) -> JSONResponse:
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(sorted(_allowed(request)))
    return problem(error.status_code, error.detail, headers=headers)


def _allowed(request: Request) -> set[str]:
    """Every method that some route takes on this path; FastAPI names those of the first only."""
    routes = iter_route_contexts(request.app.routes)
    found = [route.methods or () for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    methods = set[str]().union(*found) or {"GET"}  # a file's path is its mount's affair, and no route's
    return methods | {"HEAD"} if "GET" in methods else methods


async def _validation_problem(request: Request, error: RequestValidationError) -> JSONResponse:
    # The refused input stays out of the answer: it may be huge, or a NaN that JSON has no word for.
    errors = [{"field": ".".join(map(str, entry["loc"])), "message": str(entry["msg"])} for entry in error.errors()]
    detail = "; ".join(f"{entry['field']}: {entry['message']}" for entry in errors)
    of_body = any(entry["loc"][0] == "body" for entry in error.errors())
    if of_body and "json" not in request.headers.get("content-type", ""):
        detail += " (send the header Content-Type: application/json)"
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors)


async def _crash_problem(_request: Request, _error: Exception) -> JSONResponse:
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the service failed; its log has the details")
