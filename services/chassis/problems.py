"""Errors as JSON, in one shape: problem details (RFC 9457)."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"

# RFC 9110's names, which Python has from 3.13 on: an answer is not to differ with the interpreter.
_PHRASES = {413: "Content Too Large", 422: "Unprocessable Content"}


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
    title = title or _PHRASES.get(status) or HTTPStatus(status).phrase
    content: dict[str, Any] = {"title": title, "status": status, "detail": detail}
    if errors:
        content["errors"] = list(errors)
    return JSONResponse(content, status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Makes `app` answer its own errors (unknown path, refused body, crash) as problems."""
    app.exception_handler(HTTPException)(_http_problem)
    app.exception_handler(RequestValidationError)(_validation_problem)
    app.exception_handler(Exception)(_crash_problem)


async def _http_problem(_request: Request, error: HTTPException) -> JSONResponse:
    return problem(error.status_code, error.detail, headers=dict(error.headers or {}))


async def _validation_problem(request: Request, error: RequestValidationError) -> JSONResponse:
    # The refused input stays out of the answer: it may be huge, or a NaN that JSON has no word for.
    errors = [{"field": _field(entry["loc"]), "message": str(entry["msg"])} for entry in error.errors()]
    detail = "; ".join(f"{entry['field']}: {entry['message']}" for entry in errors)
    if "body" in (entry["loc"][0] for entry in error.errors()) and not _says_json(request):
        detail += " (send the header Content-Type: application/json)"
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors)


async def _crash_problem(_request: Request, _error: Exception) -> JSONResponse:
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the service failed; its log has the details")


def _field(location: Sequence[int | str]) -> str:
    return ".".join(str(part) for part in location)


def _says_json(request: Request) -> bool:
    return "json" in request.headers.get("content-type", "")
