"""What a route of webapp works with."""

from typing import TypedDict, cast

from fastapi import Request

from services.chassis.forwarding import forwarded
from services.webapp.catalog import CatalogClient
from services.webapp.forum import ForumClient
from services.webapp.propagation import goes_on
from services.webapp.upstream import Upstream


class State(TypedDict):
    """What the lifespan yields, and a request finds in ``request.state``."""

    catalog: Upstream
    forum: Upstream


# These are called by the routes: as dependencies of FastAPI's, they would make a request an eighth dearer.
def catalog_of(request: Request) -> CatalogClient:
    """Catalog, for this request."""
    return CatalogClient(cast("Upstream", request.state.catalog), forwarded(request.headers.raw, goes_on))


def forum_of(request: Request) -> ForumClient:
    """The forum, for this request."""
    return ForumClient(cast("Upstream", request.state.forum), forwarded(request.headers.raw, goes_on))
