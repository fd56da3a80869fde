"""Signing in and out: a name in a signed cookie, and no password."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse

MAX_NAME = 64
"""Characters of a user's name; the rest is cut off."""
PAGES = frozenset({"/", "/index.html", "/productpage"})
"""Where signing in and out may lead back to."""

router = APIRouter(include_in_schema=False)


@router.post("/login")
async def login(request: Request, username: Annotated[str, Form()] = "") -> RedirectResponse:
    """Signs in, or out with a name that is blank."""
    if name := clean(username):
        request.session["user"] = name
    else:
        request.session.clear()
    return _back(request)


@router.get("/logout")
async def logout(request: Request) -> RedirectResponse:
    """Signs out."""
    request.session.clear()
    return _back(request)


def clean(name: str) -> str:
    """A name that fits in a header: printable, with single blanks."""
    printable = "".join(character if character.isprintable() else " " for character in name)
    return " ".join(printable.split())[:MAX_NAME].rstrip()


def _back(request: Request) -> RedirectResponse:
    """Leads back to the page that asked; to no other site, whatever the header says."""
    try:
        path = urlsplit(request.headers.get("referer", "")).path
    except ValueError:  # such as http://[
        path = ""
    return RedirectResponse(path if path in PAGES else "/productpage", HTTPStatus.SEE_OTHER)
