"""What a route of productpage asks for by type."""

from typing import Annotated, TypedDict, cast

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from services.bookinfo.calls import END_USER, HeadersDep
from services.bookinfo.productpage.backends import Backends
from services.bookinfo.productpage.settings import Settings
from services.chassis.forwarding import ForwardedHeaders


class State(TypedDict):
    """What the lifespan yields, and a request finds in ``request.state``."""

    settings: Settings
    backends: Backends
    registry: CollectorRegistry


async def _settings(request: Request) -> Settings:
    return cast("Settings", request.state.settings)


async def _backends(request: Request) -> Backends:
    return cast("Backends", request.state.backends)


async def _user(request: Request) -> str:
    return str(request.session.get("user", ""))


UserDep = Annotated[str, Depends(_user)]
"""Who signed in, or an empty text."""


async def _headers(headers: HeadersDep, user: UserDep) -> ForwardedHeaders:
    """The caller's headers that go on, and who signed in: not what a caller says of that."""
    return [*headers, (END_USER, user.encode())] if user else headers


SettingsDep = Annotated[Settings, Depends(_settings)]
BackendsDep = Annotated[Backends, Depends(_backends)]
ForwardedDep = Annotated[ForwardedHeaders, Depends(_headers)]
