import asyncio
import json
import random

import pytest
from pydantic import ValidationError

from services.bookinfo.ratings.app import create_app
from services.bookinfo.ratings.faults import Faults
from services.bookinfo.ratings.settings import Settings, Version
from services.bookinfo.refusals import RefusalError
from tests.services.asgi import client_of
from tests.services.processes import run_to_end

FIRST = {"id": 0, "ratings": {"Reviewer1": 5, "Reviewer2": 4}}


async def strikes(faults: Faults, count: int) -> int:
    """How many of so many requests fail."""
    failed = 0
    for _ in range(count):
        try:
            await faults.strike()
        except RefusalError:
            failed += 1
    return failed


async def test_ratings_are_as_the_original_tells_them() -> None:
    async with client_of(create_app(Settings())) as client:
        answer = await client.get("/ratings/0")
        assert answer.text == '{"id":0,"ratings":{"Reviewer1":5,"Reviewer2":4}}'
        assert (await client.get("/health")).json() == {"status": "Ratings is healthy"}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_id_that_is_no_number_is_refused(method: str) -> None:
    async with client_of(create_app(Settings())) as client:
        answer = await client.request(method, "/ratings/abc", json={"Reviewer1": 1})
    assert (answer.status_code, answer.json()) == (400, {"error": "please provide numeric product ID"})


async def test_posted_ratings_replace_those_of_that_product_alone() -> None:
    async with client_of(create_app(Settings())) as client:
        # As curl -d sends it, whose content type is another.
        posted = await client.post("/ratings/0", content='{"Reviewer1":1}', headers={"content-type": "text/plain"})
        assert (posted.status_code, posted.json()) == (200, {"id": 0, "ratings": {"Reviewer1": 1}})
        assert (await client.get("/ratings/0")).json() == posted.json()
        assert (await client.get("/ratings/1")).json() == {**FIRST, "id": 1}


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "[]",
        "null",
        '{"Reviewer1":6}',
        '{"Reviewer1":-1}',
        '{"Reviewer1":4.5}',
        '{"Reviewer1":"5"}',
        '{"Reviewer1":true}',
        '{"Reviewer1":NaN}',
        '{"":1}',
        json.dumps({"x" * 101: 1}),
        json.dumps({str(n): 1 for n in range(101)}),
    ],
)
async def test_ratings_that_are_none_are_refused_and_change_nothing(body: str) -> None:
    async with client_of(create_app(Settings())) as client:
        answer = await client.post("/ratings/0", content=body)
        assert answer.status_code == 400
        assert answer.json()["error"].startswith("please provide valid ratings JSON")
        assert (await client.get("/ratings/0")).json() == FIRST


async def test_ratings_are_kept_of_so_many_products_and_no_more() -> None:
    async with client_of(create_app(Settings(max_products=2))) as client:
        statuses = [(await client.post(f"/ratings/{n}", json={"Reviewer1": 1})).status_code for n in (1, 2, 3, 2)]
        full = await client.post("/ratings/4", json={"Reviewer1": 1})
    assert statuses == [200, 200, 409, 200]
    assert full.json() == {"error": "ratings are kept of 2 products at most (MAX_PRODUCTS)"}


async def test_v_faulty_fails_half_the_time() -> None:
    failed = await strikes(Faults("v-faulty", seed=1), 400)
    assert abs(failed - 200) < 5 * 10  # five standard deviations


async def test_a_seed_makes_the_draws_again() -> None:
    first, second = Faults("v-faulty", seed=1), Faults("v-faulty", seed=1)
    assert [await strikes(first, 1) for _ in range(40)] == [await strikes(second, 1) for _ in range(40)]


async def test_v_delayed_is_7_s_late_half_the_time_and_never_fails() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    assert await strikes(Faults("v-delayed", seed=1, sleep=sleep), 400) == 0
    assert set(slept) == {7.0}
    assert abs(len(slept) - 200) < 5 * 10


@pytest.mark.parametrize(("version", "minutes"), [("v-unavailable", 1), ("v-unhealthy", 15)])
async def test_two_versions_fail_for_a_while_and_are_well_for_as_long(version: Version, minutes: int) -> None:
    now = random.Random(1).uniform(0, 1e6)
    faults = Faults(version, clock=lambda: now)
    seen, healthy = [], []
    for _ in range(4):
        seen.append(await strikes(faults, 5))
        healthy.append(faults.healthy)
        now += 60 * minutes
    assert seen == [0, 5, 0, 5]
    assert healthy == ([True, False] * 2 if version == "v-unhealthy" else [True] * 4)


async def test_a_fault_is_a_503_on_the_wire_and_posts_are_spared() -> None:
    faults = Faults("v-unhealthy", clock=iter([0.0, *[900.0] * 9]).__next__)
    async with client_of(create_app(Settings(), faults=faults)) as client:
        failed = await client.get("/ratings/0")
        assert (failed.status_code, failed.json()) == (503, {"error": "Service unavailable"})
        health = await client.get("/health")
        assert (health.status_code, health.json()) == (500, {"status": "Ratings is not healthy"})
        assert (await client.post("/ratings/0", json={"Reviewer1": 1})).status_code == 200
        # Kubernetes restarts the pod for what it asks itself only if a manifest says so.
        assert (await client.get("/livez")).status_code == 200


async def test_the_delay_holds_up_no_other_request() -> None:
    released = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        await released.wait()

    faults = Faults("v-delayed", seed=1, sleep=sleep)
    async with client_of(create_app(Settings(), faults=faults)) as client:
        late = [asyncio.create_task(client.get("/ratings/0")) for _ in range(20)]
        assert (await client.get("/health")).status_code == 200
        released.set()
        answers = await asyncio.gather(*late)
    assert [answer.status_code for answer in answers] == [200] * 20


@pytest.mark.process
def test_a_version_with_a_database_does_not_start_and_says_why() -> None:
    done = run_to_end("bookinfo.ratings", SERVICE_VERSION="v2")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "SERVICE_VERSION='v2'" in line
    assert "MongoDB or MySQL, which is left out here; deploy v1" in line


@pytest.mark.parametrize(
    ("version", "complaint"),
    [
        ("v2-mysql", "which is left out here"),
        ("v2-mysql-vm", "which is left out here"),
        ("v9", "'v-faulty', 'v-delayed', 'v-unavailable' or 'v-unhealthy'"),
    ],
)
def test_a_version_that_there_is_not_is_refused(version: str, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Settings.model_validate({"service_version": version})
