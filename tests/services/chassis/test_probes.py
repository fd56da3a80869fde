import httpx
import pytest

from services.catalog.app import create_app as create_catalog
from services.catalog.settings import Settings as CatalogSettings
from services.chassis.probes import Readiness
from services.webapp.app import create_app as create_webapp
from services.webapp.settings import Settings as WebappSettings
from tests.services.asgi import client_of
from tests.services.processes import refusing_port, running


@pytest.mark.parametrize("service", ["catalog", "webapp"])
async def test_readiness_ends_when_draining_begins_and_liveness_does_not(service: str) -> None:
    readiness = Readiness()
    if service == "catalog":
        app = create_catalog(CatalogSettings(), readiness=readiness)
    else:
        app = create_webapp(WebappSettings(), readiness=readiness)
    async with client_of(app) as client:
        assert [(await client.get(path)).status_code for path in ("/livez", "/readyz")] == [200, 200]
        readiness.drain()
        assert [(await client.get(path)).status_code for path in ("/livez", "/readyz")] == [200, 503]


def test_webapp_is_ready_without_catalog() -> None:
    with refusing_port() as nobody, running("webapp", CATALOG_SERVICE_PORT=str(nobody)) as webapp:
        assert httpx.get(f"{webapp.url}/api/catalog", trust_env=False).status_code == 500
        assert httpx.get(f"{webapp.url}/readyz", trust_env=False).status_code == 200
