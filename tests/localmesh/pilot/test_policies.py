from datetime import timedelta
from typing import Any

import pytest

from localmesh.kinds.istio.types.virtual_service import HTTPRetry
from localmesh.kinds.messages import read
from localmesh.pilot.http.retries import DEFAULT_CONDITIONS, DEFAULT_RETRY, retry_policy
from tests.localmesh.pilot.objects import destination_rule, outbound, pod, proxies, service

CLIENT = pod("webapp-1", namespace="client")
CATALOG = service("catalog")


def policy(**fields: Any) -> Any:
    return retry_policy(read(HTTPRetry, {"spec": fields}))


def test_nothing_said_is_tried_twice_again_but_not_after_503() -> None:
    found = retry_policy(None)
    assert found == DEFAULT_RETRY
    assert (found.retries, found.conditions, found.statuses) == (2, DEFAULT_CONDITIONS, ())


def test_no_attempts_is_no_retry() -> None:
    assert policy() is None
    assert policy(attempts=0) is None


def test_the_tutorials_retries_are_taken_as_they_are() -> None:
    found = policy(attempts=3, retryOn="5xx", perTryTimeout="2s")
    assert (found.retries, found.conditions, found.per_try_timeout) == (3, "5xx", timedelta(seconds=2))


@pytest.mark.parametrize(
    ("said", "conditions", "statuses"),
    [
        ("", DEFAULT_CONDITIONS, ()),
        ("+503,reset", "reset,retriable-status-codes", (503,)),
        ("503", ",retriable-status-codes", (503,)),
        ("retriable-status-codes,429,503", "retriable-status-codes", (429, 503)),
    ],
)
def test_statuses_are_told_from_conditions(said: str, conditions: str, statuses: tuple[int, ...]) -> None:
    found = policy(attempts=1, retryOn=said)
    assert (found.conditions, found.statuses) == (conditions, statuses)


def subsets(*rules: Any, client: Any = CLIENT) -> list[str]:
    proxy = proxies(client, CATALOG, *rules)["webapp-1"]
    return [each.metadata.subset for each in proxy.clusters if each.metadata and each.metadata.subset]


def test_a_services_subsets_are_clusters_of_their_own() -> None:
    proxy = proxies(CLIENT, CATALOG, destination_rule("rule", "v1", "v2"))["webapp-1"]
    names = [each.name for each in proxy.clusters if each.name.startswith("outbound")]
    assert names == [outbound("catalog", subset="v1"), outbound("catalog", subset="v2"), outbound("catalog")]


def test_rules_for_one_host_in_one_namespace_are_united_and_the_older_wins() -> None:
    old, young = destination_rule("old", "v1", age=1), destination_rule("young", "v1", "v2", age=2)
    assert subsets(young, old) == ["v1", "v2"]


def test_the_clients_own_namespace_decides_before_the_services_and_that_before_the_root() -> None:
    host = "catalog.istioinaction.svc.cluster.local"
    own = destination_rule("own", "mine", namespace="client", host=host)
    theirs = destination_rule("theirs", "theirs")
    root = destination_rule("root", "root", namespace="istio-system", host="*.svc.cluster.local")
    other = destination_rule("other", "other", namespace="elsewhere", host=host)
    assert subsets(own, theirs, root, other) == ["mine"]
    assert subsets(theirs, root, other) == ["theirs"]
    assert subsets(root, other) == ["root"]
    assert subsets(other) == []


def test_the_host_itself_decides_before_a_wildcard_and_the_longer_wildcard_before_the_shorter() -> None:
    short = destination_rule("short", "short", host="*.local", age=1)
    long = destination_rule("long", "long", host="*.istioinaction.svc.cluster.local", age=2)
    assert subsets(short, long) == ["long"]
    assert subsets(short, long, destination_rule("exact", "exact", age=3)) == ["exact"]
