"""What a route of webapp asks for by type."""

from typing import Annotated, TypedDict, cast

from fastapi import Depends, Request

from services.chassis.forwarding import ForwardedHeaders, forwarded
from services.webapp.catalog import CatalogClient
from services.webapp.forum import ForumClient
from services.webapp.propagation import goes_on


class State(TypedDict):
    """What the lifespan yields, and a request finds in ``request.state``."""

    catalog: CatalogClient
    forum: ForumClient


def _catalog(request: Request) -> CatalogClient:
    return cast("CatalogClient", request.state.catalog)


def _forum(request: Request) -> ForumClient:
    return cast("ForumClient", request.state.forum)


def _forwarded(request: Request) -> ForwardedHeaders:
    return forwarded(request.headers.raw, goes_on)


CatalogDep = Annotated[CatalogClient, Depends(_catalog)]
ForumDep = Annotated[ForumClient, Depends(_forum)]
ForwardedDep = Annotated[ForwardedHeaders, Depends(_forwarded)]
