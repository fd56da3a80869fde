"""Resources become protobufs at one edge, which takes all that a real istiod writes and passes nothing over."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf.json_format import ParseError

from localmesh.envoy.resources import Resource, Resources, ResourceType
from localmesh.envoy.wire import UnknownTypeError, encode, encode_all, message

GOLDEN = Path(__file__).parent.parent / "pilot" / "golden"
ROUTER = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"


def golden() -> Iterator[tuple[ResourceType, Resource]]:
    """Yield each resource once: most proxies of a case have the same clusters and endpoints."""
    for type_ in ResourceType:
        files = [json.loads(file.read_text()) for file in GOLDEN.glob(f"*/*/{type_.discovery.lower()}.json")]
        yield from ((type_, each) for each in {json.dumps(each): each for file in files for each in file}.values())


def test_every_resource_that_istiod_wrote_for_the_cases_is_taken() -> None:
    encoded = [encode(type_, each) for type_, each in golden()]
    assert len(encoded) > 400
    assert all(each.value for each in encoded)


@pytest.mark.parametrize(("interval", "sent"), [("0s", b"\x1a\x00"), ("3s", b"\x1a\x02\x08\x03")])
def test_a_retry_budgets_interval_is_sent_though_its_class_has_no_name_for_it(interval: str, sent: bytes) -> None:
    budget = {"budget_percent": {"value": 30}, "min_retry_concurrency": 1}

    def encoded(**more: str) -> bytes:
        thresholds = [{"max_retries": 1}, {"retry_budget": budget | more}]
        return encode(ResourceType.CLUSTER, {"name": "a", "circuit_breakers": {"thresholds": thresholds}}).value

    assert encoded(budget_interval=interval).endswith(sent)
    assert sent not in encoded()


def test_equal_content_has_an_equal_version_whatever_the_order_of_fields() -> None:
    one = {"name": "80", "virtual_hosts": [{"name": "all", "domains": ["*"]}]}
    other = dict(reversed(one.items()))
    assert encode(ResourceType.ROUTE, one) == encode(ResourceType.ROUTE, other)
    assert encode(ResourceType.ROUTE, one).version != encode(ResourceType.ROUTE, one | {"name": "81"}).version


@pytest.mark.parametrize(
    ("resource", "complaint"),
    [
        ({"name": "a", "conect_timeout": "1s"}, 'no field named "conect_timeout"'),
        ({"name": "a", "connect_timeout": "soon"}, "connect_timeout"),
        ({"name": "a", "lb_policy": "BEST"}, "BEST"),
        ({"name": "a", "load_assignment": {"endpoints": [{"lb_endpoint": []}]}}, "endpoints.*lb_endpoint"),
        ({"name": "a", "typed_extension_protocol_options": {"x": {"@type": ROUTER, "strict": 1}}}, "strict"),
    ],
)
def test_a_slip_is_named_with_its_field(resource: Resource, complaint: str) -> None:
    with pytest.raises(ParseError, match=complaint):
        encode(ResourceType.CLUSTER, resource)


@pytest.mark.parametrize("name", ["envoy.config.cluster.v3.Clutter", "envoy.config.clutter.v3.Cluster", "Cluster"])
def test_a_type_that_there_is_not_is_named(name: str) -> None:
    with pytest.raises(UnknownTypeError, match=f"no protobuf is called {name}"):
        message(name, {})


def test_a_configuration_is_told_by_type_and_name() -> None:
    resources = Resources(cds=[{"name": "a"}], eds=[{"cluster_name": "a"}], rds=[{"name": "80"}], sds=[{"name": "ca"}])
    encoded = encode_all(resources)
    assert {type_.discovery: list(named) for type_, named in encoded.items()} == {
        "CDS": ["a"],
        "LDS": [],
        "EDS": ["a"],
        "RDS": ["80"],
        "SDS": ["ca"],
    }
