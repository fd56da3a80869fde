"""What schemathesis sends, sound and unsound, is answered as the app's own OpenAPI document says (test_openapi.py)."""

import httpx
import schemathesis
from hypothesis import HealthCheck, Phase, settings

from services.catalog import app as catalog
from services.catalog.settings import Settings as CatalogSettings
from services.webapp import app as webapp
from services.webapp.settings import Settings as WebappSettings

USERS = [{"id": 1, "name": "Ada", "username": "ada", "email": "ada@example.org"}]
bounded = settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Backends(httpx.AsyncBaseTransport):
    """A catalog in process, new for each call, and a forum with one user."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "forum":
            return httpx.Response(200, json=USERS)
        app = catalog.create_app(CatalogSettings())
        async with app.router.lifespan_context(app) as state:
            served = httpx.ASGITransport(lambda scope, *ways: app({**scope, "state": dict(state)}, *ways))
            return await served.handle_async_request(request)


CATALOG = schemathesis.openapi.from_asgi("/openapi.json", catalog.create_app(CatalogSettings()))
WEBAPP = schemathesis.openapi.from_asgi(
    "/openapi.json",
    webapp.create_app(WebappSettings(catalog_service_host="catalog", forum_service_host="forum"), transport=Backends()),
)


@CATALOG.parametrize()
@bounded
def test_catalog_answers_as_its_openapi_document_says(case: schemathesis.Case) -> None:
    case.call_and_validate()


@WEBAPP.parametrize()
@bounded
def test_webapp_answers_as_its_openapi_document_says(case: schemathesis.Case) -> None:
    case.call_and_validate()
