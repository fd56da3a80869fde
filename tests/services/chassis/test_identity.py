import pytest

from services.catalog.app import create_app
from services.catalog.settings import Settings
from services.chassis.identity import MAX_HOPS_LENGTH, RELEASE, Identity, collect_hops, hops_so_far, note_hops
from services.chassis.telemetry import from_settings
from tests.services.asgi import client_of


async def test_every_answer_says_who_gave_it() -> None:
    settings = Settings(pod_name="catalog-v2-1", pod_namespace="shop", service_version="v2")
    async with client_of(create_app(settings, telemetry=from_settings(settings, "catalog"))) as client:
        answers = [await client.get(path) for path in ("/items", "/items/9", "/nowhere")]
        version = (await client.get("/version")).json()
    assert {answer.headers["x-served-by"] for answer in answers} == {"catalog/v2@catalog-v2-1"}
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}
    expected = {"service": "catalog", "version": "v2", "pod": "catalog-v2-1", "namespace": "shop", "release": RELEASE}
    assert version == expected


async def test_what_nothing_says_is_left_out() -> None:
    settings = Settings(hostname="host-1")
    async with client_of(create_app(settings, telemetry=from_settings(settings, "catalog"))) as client:
        answer = await client.get("/version")
    assert answer.json() == {"service": "catalog", "pod": "host-1", "release": RELEASE}
    assert answer.headers["x-served-by"] == "catalog@host-1"


def test_an_empty_version_is_an_unknown_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_VERSION", "")
    assert Identity.of("webapp", Settings(pod_name="p")).hop == "webapp@p"


@pytest.mark.parametrize("said", ["", "x" * (MAX_HOPS_LENGTH + 1), "a\x1bb", "\xe9"])
def test_hops_that_are_no_sound_header_are_not_passed_on(said: str) -> None:
    collect_hops()
    note_hops({"x-served-by": said})
    note_hops({"x-served-by": "catalog@p"})
    assert hops_so_far() == ["catalog@p"]


def test_hops_as_long_as_they_may_be_are_passed_on() -> None:
    collect_hops()
    note_hops({"x-served-by": "x" * MAX_HOPS_LENGTH})
    assert hops_so_far() == ["x" * MAX_HOPS_LENGTH]
