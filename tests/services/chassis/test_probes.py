import httpx
import pytest

from services.catalog.app import create_app as create_catalog
from services.catalog.settings import Settings as CatalogSettings
from services.chassis.probes import Readiness
from services.webapp.app import create_app as create_webapp
from services.webapp.settings import Settings as WebappSettings
from tests.services.asgi import client_of


@pytest.mark.parametrize("service", ["catalog", "webapp"])
async def test_readiness_ends_when_draining_begins_and_liveness_does_not(service: str) -> None:
    readiness = Readiness()
    if service == "catalog":
        app = create_catalog(CatalogSettings(), readiness=readiness)
    else:
        app = create_webapp(WebappSettings(), readiness=readiness)
    async with client_of(app) as client:
        assert [(await client.get(path)).status_code for path in ("/livez", "/readyz")] == [200, 200]
        readiness.draining = True
        assert [(await client.get(path)).status_code for path in ("/livez", "/readyz")] == [200, 503]


async def test_webapp_is_ready_without_catalog() -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    async with client_of(create_webapp(WebappSettings(), transport=httpx.MockTransport(refuse))) as client:
        assert (await client.get("/api/catalog")).status_code == 500
        assert (await client.get("/readyz")).status_code == 200
