"""What `proxy-status` says of an Envoy, with one that is played by hand: it answers when it is told to, or never."""

from collections import Counter
from collections.abc import AsyncIterator

import pytest

from localmesh.envoy.channel import Channel, Connection
from localmesh.envoy.delivery import Delivery
from localmesh.envoy.push import Pusher, PushResult
from localmesh.envoy.resources import Configuration, Encoded, ResourceType
from localmesh.envoy.stream import DiscoveryRequest

CDS, EDS, LDS, RDS = ResourceType.CLUSTER, ResourceType.ENDPOINT, ResourceType.LISTENER, ResourceType.ROUTE
PATIENT_S = 60
HASTY_S = 0.01


def configuration(version: str) -> Configuration:
    one = {"one": Encoded("one", version, version.encode())}
    return {type_: (one if type_ is not ResourceType.SECRET else {}) for type_ in ResourceType}


def ask(channel: Channel, connection: Connection, type_: ResourceType) -> None:
    channel.receive(connection, DiscoveryRequest(type_, frozenset({"one"})))
    connection.stream.responses()


def acknowledge(channel: Channel, connection: Connection, *, refusal: str | None = None) -> None:
    """Answer to all that is under way."""
    for type_, watch in connection.stream.watches.items():
        if watch.under_way is not None:
            channel.receive(connection, DiscoveryRequest(type_, watch.names, watch.under_way.nonce, refusal))


@pytest.fixture
async def channel() -> Channel:
    return Channel()


async def delivering(channel: Channel, timeout_s: float) -> AsyncIterator[Delivery]:
    delivery = Delivery(channel, retry_s=HASTY_S, timeout_s=timeout_s)
    yield delivery
    await delivery.close()


@pytest.fixture
async def delivery(channel: Channel) -> AsyncIterator[Delivery]:
    async for each in delivering(channel, PATIENT_S):
        yield each


@pytest.fixture
async def hasty(channel: Channel) -> AsyncIterator[Delivery]:
    async for each in delivering(channel, HASTY_S):
        yield each


async def test_an_envoy_that_asks_for_nothing_was_sent_nothing(channel: Channel, delivery: Delivery) -> None:
    delivery.submit(configuration("1"))
    assert delivery.sync() == {}
    channel.connect()
    assert set(delivery.sync().values()) == {"NOT SENT"}


async def test_what_was_not_answered_is_stale_and_what_was_not_asked_for_not_sent(
    channel: Channel, delivery: Delivery
) -> None:
    delivery.submit(configuration("1"))
    await delivery.settled()
    connection = channel.connect()
    ask(channel, connection, CDS)
    assert delivery.sync() == {"CDS": "STALE"} | dict.fromkeys(("LDS", "EDS", "RDS", "SDS"), "NOT SENT")
    acknowledge(channel, connection)
    assert delivery.sync()["CDS"] == "SYNCED"


async def test_an_envoy_that_was_killed_is_sent_each_type_once_and_is_in_sync_when_it_has_answered(
    channel: Channel, delivery: Delivery
) -> None:
    delivery.submit(configuration("1"))
    await delivery.settled()
    for _ in range(3):
        connection = channel.connect()
        for type_ in (CDS, EDS, LDS, RDS):
            channel.receive(connection, DiscoveryRequest(type_, frozenset({"one"})))
        sent = Counter[ResourceType]()
        while responses := list(connection.stream.responses()):
            sent.update(each.type for each in responses)
            acknowledge(channel, connection)
        assert sent == Counter((CDS, EDS, LDS, RDS))
        assert [delivery.sync()[type_.discovery] for type_ in (CDS, EDS, LDS, RDS)] == 4 * ["SYNCED"]


async def test_what_is_wanted_but_not_sent_yet_is_stale(channel: Channel, delivery: Delivery) -> None:
    delivery.submit(configuration("1"))
    await delivery.settled()
    connection = channel.connect()
    for type_ in (CDS, EDS, LDS, RDS):
        ask(channel, connection, type_)
    acknowledge(channel, connection)
    assert {name for name, sync in delivery.sync().items() if sync == "SYNCED"} == {"CDS", "EDS", "LDS", "RDS"}
    delivery.submit(configuration("2"))
    assert {name for name, sync in delivery.sync().items() if sync == "STALE"} == {"CDS", "EDS", "LDS", "RDS"}


async def test_an_envoy_that_never_answers_times_out_and_gets_the_newest_when_it_does(
    channel: Channel, hasty: Delivery
) -> None:
    connection = channel.connect()
    ask(channel, connection, CDS)
    for version in ("1", "2"):
        hasty.submit(configuration(version))
        connection.stream.responses()
        assert (await hasty.settled()).outcome == "timed out"
    assert hasty.sync()["CDS"] == "STALE"
    acknowledge(channel, connection)
    (response,) = connection.stream.responses()
    assert [each.version for each in response.resources] == ["2"]
    acknowledge(channel, connection)
    assert hasty.sync()["CDS"] == "SYNCED"


async def test_an_error_of_the_system_ends_one_attempt_and_no_delivery(
    channel: Channel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    push, failures = Pusher.push, iter([OSError(28, "No space left on device")])

    async def failing_once(pusher: Pusher, wanted: Configuration) -> PushResult:
        if error := next(failures, None):
            raise error
        return await push(pusher, wanted)

    monkeypatch.setattr(Pusher, "push", failing_once)
    delivery = Delivery(channel, retry_s=HASTY_S)
    delivery.submit(configuration("1"))
    assert (await delivery.settled()).outcome == "not running"
    await delivery.close()
    assert [record.message for record in caplog.records] == ["a delivery failed"]
    assert "No space left on device" in caplog.text
