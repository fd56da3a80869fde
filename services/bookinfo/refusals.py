"""Errors as Bookinfo's services tell them: one JSON object with the key ``error``."""

import re

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")


class RefusalError(Exception):
    """The request is to be answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status of the answer."""


def install(app: FastAPI) -> None:
    """Makes `app` answer a `RefusalError` as such."""
    app.exception_handler(RefusalError)(_answer)


def numeric(product_id: str, complaint: str) -> int:
    """A product's id, which the path gives as text.

    Raises:
        RefusalError: it is no whole number; `complaint` says so to the caller.
    """
    if not _WHOLE_NUMBER.fullmatch(product_id):
        raise RefusalError(400, complaint)
    return int(product_id)


async def _answer(_request: Request, error: RefusalError) -> JSONResponse:
    return JSONResponse({"error": str(error)}, error.status)
