from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest

Webapp = Callable[[Callable[[httpx.Request], httpx.Response]], AbstractAsyncContextManager[httpx.AsyncClient]]
USERS = [
    {"id": n, "name": f"User {n}", "username": f"u{n}", "email": f"u{n}@example.org", "phone": "1"} for n in (1, 2)
]
ENVOY = {"server": "envoy"}


def unresolved(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("[Errno -2] Name or service not known")


async def test_the_forums_users_are_passed_on_with_all_their_fields(webapp: Webapp) -> None:
    async with webapp(lambda _: httpx.Response(200, json=USERS)) as client:
        assert (await client.get("/api/users")).json() == USERS


@pytest.mark.parametrize(
    "absent",
    [
        unresolved,
        lambda _: httpx.Response(502, headers=ENVOY),
        lambda _: httpx.Response(502, headers={"proxy-status": "mesh; error=dns_error"}, text="no such Service"),
    ],
)
async def test_a_forum_that_is_not_deployed_is_the_same_500_wherever_that_shows(
    webapp: Webapp, absent: Callable[[httpx.Request], httpx.Response]
) -> None:
    async with webapp(absent) as client:
        answer = await client.get("/api/users")
        page = (await client.get("/")).text
    assert answer.status_code == 500
    assert answer.json() == {
        "title": "error calling Forum service",
        "status": 500,
        "detail": "Forum cannot be reached at http://forum:8081; is it deployed?",
    }
    users = page[page.index('id="users"') :]
    assert "Forum is not deployed" in users
    assert "alarm" not in users


@pytest.mark.parametrize(
    "failing",
    [
        lambda _: httpx.Response(500),
        lambda _: httpx.Response(503),
        lambda _: httpx.Response(503, headers=ENVOY, text="no healthy upstream"),
        lambda _: httpx.Response(502, headers=ENVOY, text="upstream connect error or disconnect/reset before headers"),
        lambda _: httpx.Response(502, headers={**ENVOY, "x-envoy-upstream-service-time": "1"}),
        lambda _: httpx.Response(502, headers={"proxy-status": "mesh; error=connection_refused"}),
        lambda _: httpx.Response(200, text="rubbish"),
    ],
)
async def test_a_forum_that_is_there_and_fails_is_an_alarm(
    webapp: Webapp, failing: Callable[[httpx.Request], httpx.Response]
) -> None:
    async with webapp(failing) as client:
        assert "is it deployed" not in (await client.get("/api/users")).text
        assert "Forum is down" in (await client.get("/")).text
