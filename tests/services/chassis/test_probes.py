import httpx
import pytest

from services.catalog.app import create_app as create_catalog
from services.catalog.settings import Settings as CatalogSettings
from services.chassis.identity import RELEASE
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
        before = [await client.get(path) for path in ("/livez", "/readyz")]
        readiness.draining = True
        after = [await client.get(path) for path in ("/livez", "/readyz")]
    assert [(answer.status_code, answer.text) for answer in before] == [(200, "ok\n")] * 2
    assert [answer.status_code for answer in after] == [200, 503]
    detail = "draining: the process was told to end"
    assert after[1].json() == {"title": "not ready", "status": 503, "detail": detail}


async def test_openapi_knows_whose_it_is_and_what_a_probe_answers() -> None:
    async with client_of(create_catalog(CatalogSettings())) as client:
        document = (await client.get("/openapi.json")).json()
    assert document["info"] == {"title": "catalog", "version": RELEASE}
    answers = {path: document["paths"][path]["get"]["responses"] for path in ("/livez", "/readyz")}
    assert {path: sorted(said) for path, said in answers.items()} == {"/livez": ["200"], "/readyz": ["200", "503"]}
    assert {next(iter(said["200"]["content"])) for said in answers.values()} == {"text/plain"}
    assert answers["/readyz"]["503"]["description"] == "Service Unavailable"


async def test_webapp_is_ready_without_catalog() -> None:
    def refuse(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    async with client_of(create_webapp(WebappSettings(), transport=httpx.MockTransport(refuse))) as client:
        assert (await client.get("/api/catalog")).status_code == 500
        assert (await client.get("/readyz")).status_code == 200
