from datetime import timedelta
from typing import Any

import pytest

from localmesh.kinds.istio import SPECS
from localmesh.kinds.istio.types.authorization_policy import AuthorizationPolicy
from localmesh.kinds.istio.types.destination_rule import DestinationRule
from localmesh.kinds.istio.types.virtual_service import Destination, HTTPRoute, StringMatch, VirtualService
from localmesh.kinds.messages import InvalidSpecError, read

TO_A = {"destination": {"host": "a"}}


def spec(type_: type[Any], **fields: Any) -> Any:
    return read(type_, {"spec": fields})


def test_messages_have_their_fields_or_what_istio_takes_for_absent_ones() -> None:
    rule = {
        "timeout": "1.5s",
        "match": [{"headers": {"x-a": {"exact": ""}}}],
        "route": [{"destination": {"host": "a"}}],
    }
    (found,) = spec(VirtualService, hosts=["a"], http=[rule]).http
    assert isinstance(found, HTTPRoute)
    assert (found.timeout, found.name, found.retries) == (timedelta(seconds=1.5), "", None)
    assert found.match[0].headers == {"x-a": StringMatch(exact="")}
    assert found.route[0].destination == Destination(host="a")


def test_names_come_back_as_they_are_in_documents() -> None:
    pool = {"http": {"http2MaxRequests": 7, "h2UpgradePolicy": "UPGRADE"}, "tcp": {"tcpKeepalive": {"probes": 3}}}
    policy = spec(DestinationRule, host="a", trafficPolicy={"connectionPool": pool}).traffic_policy
    assert policy.connection_pool.http.http2_max_requests == 7
    assert policy.connection_pool.http.h2_upgrade_policy == "UPGRADE"
    assert policy.connection_pool.tcp.tcp_keepalive.probes == 3
    policy = spec(AuthorizationPolicy, rules=[{"from": [{"source": {"notIpBlocks": ["10.0.0.1"]}}]}])
    assert policy.rules[0].from_[0].source.not_ip_blocks == ("10.0.0.1",)


def test_null_is_absent_and_what_a_message_does_not_have_is_left_out() -> None:
    detection = {"consecutive5xxErrors": None, "interval": "1s", "novelty": 1}
    policy = spec(DestinationRule, host="a", trafficPolicy={"outlierDetection": detection}).traffic_policy
    assert policy.outlier_detection.consecutive5xx_errors is None
    assert policy.outlier_detection.interval == timedelta(seconds=1)


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"http": [{"timeout": "1.0001s"}]}, "spec.http[0].timeout: only durations to ms precision are supported"),
        (
            {"http": [{"route": [{"destination": {}}]}]},
            "spec.http[0].route[0].destination: a required field is not there",
        ),
        ({"http": ["x"]}, "spec.http[0]: must be an object"),
    ],
)
def test_a_spec_that_is_not_of_its_kind_says_where(fields: Any, problem: str) -> None:
    with pytest.raises(InvalidSpecError) as refused:
        spec(VirtualService, **fields)
    assert problem in list(map(str, refused.value.problems))


@pytest.mark.parametrize("type_", SPECS.values())
def test_a_spec_may_be_missing_altogether(type_: type[Any]) -> None:
    if type_ is DestinationRule:
        with pytest.raises(InvalidSpecError):
            read(type_, {})
    else:
        assert read(type_, {}) == type_()
