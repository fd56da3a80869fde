import asyncio
import socket

import pytest
from msgspec.structs import replace

from localmesh.envoy.resources import Resources, ResourceType
from localmesh.envoy.wire import encode_all
from tests.localmesh.envoy.world import World, free_port, get, route, stream, until

BAD_REGEX = {"match": {"safe_regex": {"regex": "(("}}, "route": {"cluster": "one"}}


def states(envoy: World, ports: dict[str, int]) -> list[Resources]:
    """Configurations that differ from one to the next, and from the last to the first, in all that can differ."""
    more = envoy.resources({"c": ports["two"]}, to="c")
    return [
        envoy.resources({"outbound|80||a": ports["one"]}, to="outbound|80||a"),
        # a cluster under another name: added, switched to and the old one removed in one push
        envoy.resources({"outbound|80||b": ports["one"]}, to="outbound|80||b"),
        # its endpoint moved
        envoy.resources({"outbound|80||b": ports["two"]}, to="outbound|80||b"),
        # a subset beside it, with a route of its own
        envoy.resources(
            {"outbound|80||b": ports["two"], "outbound|80|v1|b": ports["one"]},
            routes=[route("outbound|80|v1|b", prefix="/items"), route("outbound|80||b")],
        ),
        # a second listener
        replace(more, lds=[*more.lds, envoy.listener(free_port(), name="another")]),
    ]


async def test_no_request_is_lost_while_everything_changes(envoy: World, ports: dict[str, int]) -> None:
    cycle = states(envoy, ports)
    envoy.serve(cycle[-1])
    await envoy.start()
    delivery = envoy.delivery(linger_s=0)
    async with stream(envoy.port) as requests:
        while requests.total < 2000:
            for state in cycle:
                delivery.submit(state)
                assert str(await delivery.settled()) == "accepted"
                await requests.more(20)
    await delivery.close()
    assert requests.failures == {}
    assert set(requests.answers) == {"one", "two"}


async def test_refused_routes_leave_traffic_as_it_was_and_are_reported_in_envoys_words(
    envoy: World, ports: dict[str, int]
) -> None:
    good = envoy.resources({"one": ports["one"]}, to="one")
    bad = envoy.resources({"one": ports["one"]}, routes=[BAD_REGEX])
    envoy.serve(good)
    await envoy.start()
    delivery = envoy.delivery()
    delivery.submit(bad)
    assert str(await delivery.settled()) == "refused; RDS 80: missing ): (("
    assert await get(envoy.port) == (200, "one")

    delivery.submit(good)
    assert str(await delivery.settled()) == "accepted"
    await delivery.close()
    assert [report.outcome for report in envoy.reports] == ["refused", "accepted"]


async def test_refused_clusters_hold_back_the_routes_that_may_need_them(envoy: World, ports: dict[str, int]) -> None:
    good = envoy.resources({"one": ports["one"]}, to="one")
    bad = envoy.resources({"one": ports["one"], "two": ports["two"]}, to="two")
    bad.cds[1]["connect_timeout"] = "-1s"
    envoy.serve(good)
    await envoy.start()
    delivery = envoy.delivery()
    delivery.submit(bad)
    result = await delivery.settled()
    await delivery.close()
    assert result.outcome == "refused"
    assert [(refusal.type, refusal.name) for refusal in result.refusals] == [(ResourceType.CLUSTER, "two")]
    assert "Expected positive duration" in result.refusals[0].reason
    assert await get(envoy.port) == (200, "one")


async def test_a_listener_that_cannot_move_to_a_port_stays_where_it_is(envoy: World, ports: dict[str, int]) -> None:
    good = envoy.resources({"one": ports["one"]}, to="one")
    envoy.serve(good)
    await envoy.start()
    delivery = envoy.delivery()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        delivery.submit(replace(good, lds=[envoy.listener(port)]))
        result = await delivery.settled()
    await delivery.close()
    assert [refusal.type for refusal in result.refusals] == [ResourceType.LISTENER]
    assert f"cannot bind '127.0.0.1:{port}': Address already in use" in result.refusals[0].reason
    assert await get(envoy.port) == (200, "one")


@pytest.mark.parametrize("from_the_start", [False, True])
async def test_a_listener_opens_its_port_once_it_is_free(
    envoy: World, ports: dict[str, int], *, from_the_start: bool
) -> None:
    elsewhere = envoy.resources({"one": ports["one"]}, to="one")
    delivery = envoy.delivery(retry_s=0.02)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        wanted = replace(elsewhere, lds=[envoy.listener(port)])
        # From the start there is nothing else to go back to.
        envoy.serve(wanted if from_the_start else elsewhere)
        await envoy.start()
        delivery.submit(wanted)
        assert (await delivery.settled()).outcome == "refused"
        await until(_complains(envoy, 4))  # some retries later

    async def answers() -> bool:
        return [report.outcome for report in envoy.reports] == ["refused", "accepted"]

    await until(answers)
    await delivery.close()
    assert await get(port) == (200, "one")


async def test_an_envoy_killed_after_a_refusal_comes_up_with_what_worked(envoy: World, ports: dict[str, int]) -> None:
    envoy.serve(envoy.resources({"one": ports["one"]}, to="one"))
    await envoy.start()
    delivery = envoy.delivery()
    delivery.submit(envoy.resources({"two": ports["two"]}, routes=[BAD_REGEX]))
    assert (await delivery.settled()).outcome == "refused"
    await envoy.kill()
    await envoy.start()
    assert await get(envoy.port) == (200, "one")

    delivery.submit(envoy.resources({"two": ports["two"]}, to="two"))
    assert str(await delivery.settled()) == "accepted"
    assert await get(envoy.port) == (200, "two")
    await delivery.close()


async def test_what_is_submitted_before_envoy_runs_is_what_it_starts_with(envoy: World, ports: dict[str, int]) -> None:
    wanted = envoy.resources({"one": ports["one"]}, to="one")
    delivery = envoy.delivery(retry_s=0.02)
    delivery.submit(wanted)
    assert (await delivery.settled()).outcome == "not running"
    await envoy.start()
    assert await get(envoy.port) == (200, "one")
    await envoy.accepted(delivery)
    await delivery.close()


async def test_the_newest_configuration_overtakes_those_that_wait(envoy: World, ports: dict[str, int]) -> None:
    cycle = states(envoy, ports)
    envoy.serve(cycle[0])
    await envoy.start()
    delivery = envoy.delivery()
    for state in cycle:
        delivery.submit(state)
    delivery.submit(cycle[2])
    await delivery.settled()
    await delivery.close()
    assert await get(envoy.port) == (200, "two")
    assert [report.outcome for report in envoy.reports] == ["accepted"]


async def test_a_push_does_not_wait_for_endpoints_that_have_moved_on(envoy: World, ports: dict[str, int]) -> None:
    envoy.serve(envoy.resources({"a": ports["one"]}, to="a"))
    await envoy.start()
    delivery = envoy.delivery()
    async with asyncio.timeout(5):
        for port in (ports["two"], ports["one"]) * 5:
            delivery.submit(envoy.resources({"a": port, f"b{port}": port}, to=f"b{port}"))
            # Long enough for the push to begin, too short for it to end.
            await asyncio.sleep(0.003)
        assert str(await delivery.settled()) == "accepted"
    await delivery.close()
    assert await get(envoy.port) == (200, "one")


async def test_endpoints_are_served_before_submit_returns(envoy: World) -> None:
    envoy.serve(envoy.resources({"one": 1}, to="one"))
    delivery = envoy.delivery()
    moved = envoy.resources({"one": 2}, to="one")
    delivery.submit(moved)
    assert envoy.channel.served[ResourceType.ENDPOINT] == encode_all(moved)[ResourceType.ENDPOINT]
    await delivery.close()


async def test_what_is_not_wanted_any_more_is_gone_after_a_while(envoy: World, ports: dict[str, int]) -> None:
    envoy.serve(envoy.resources({"one": ports["one"], "two": ports["two"]}, to="one"))
    await envoy.start()
    delivery = envoy.delivery()
    delivery.submit(envoy.resources({"two": ports["two"]}, to="two"))
    assert (await delivery.settled()).outcome == "accepted"

    async def gone() -> bool:
        return {cluster["name"] for cluster in await envoy.admin.clusters()} == {"two", "xds-grpc"}

    await until(gone)
    await until(_serves_endpoints_of(envoy, "two"))
    await delivery.close()


def _complains(envoy: World, count: int):  # noqa: ANN202
    async def does() -> bool:
        return envoy.log.read_text().count("Address already in use") >= count

    return does


def _serves_endpoints_of(envoy: World, cluster: str):  # noqa: ANN202
    async def holds() -> bool:
        return envoy.served(ResourceType.ENDPOINT) == {cluster}

    return holds


async def test_a_configuration_that_is_there_already_is_not_pushed_again(envoy: World, ports: dict[str, int]) -> None:
    wanted = envoy.resources({"one": ports["one"]}, to="one")
    envoy.serve(wanted)
    await envoy.start()
    delivery = envoy.delivery()
    delivery.submit(wanted)
    await delivery.settled()
    delivery.submit(envoy.resources({"one": ports["one"]}, to="one"))
    await delivery.settled()
    await delivery.close()
    assert len(envoy.reports) == 1
