"""The protocol without a network: who is sent what and when, and what an answer means."""

from localmesh.envoy.resources import Configuration, Encoded, ResourceType
from localmesh.envoy.stream import DiscoveryRequest, DiscoveryResponse, Stream

CDS, EDS, LDS, RDS, SDS = (
    ResourceType.CLUSTER,
    ResourceType.ENDPOINT,
    ResourceType.LISTENER,
    ResourceType.ROUTE,
    ResourceType.SECRET,
)


def encoded(**versions: str) -> dict[str, Encoded]:
    return {name: Encoded(name, version, version.encode()) for name, version in versions.items()}


def serving(served: Configuration) -> Stream:
    return Stream(dict(served))


def ask(stream: Stream, type_: ResourceType, *names: str) -> list[DiscoveryResponse]:
    stream.receive(DiscoveryRequest(type_, frozenset(names)))
    return stream.responses()


def answer(
    stream: Stream, response: DiscoveryResponse, *names: str, refusal: str | None = None
) -> list[DiscoveryResponse]:
    stream.receive(DiscoveryRequest(response.type, frozenset(names), response.nonce, refusal))
    return stream.responses()


def names(responses: list[DiscoveryResponse]) -> list[list[str]]:
    return [[each.name for each in response.resources] for response in responses]


def test_an_empty_list_of_listeners_is_an_answer_too() -> None:
    (response,) = ask(serving({LDS: {}}), LDS)
    assert response.resources == ()


def test_of_types_asked_for_by_name_nothing_is_sent_until_it_is_there() -> None:
    stream = serving({SDS: {}})
    assert ask(stream, SDS, "ca") == []
    stream.served[SDS] = encoded(ca="1", other="1")
    assert names(stream.responses()) == [["ca"]]


def test_only_what_has_changed_is_sent_and_not_before_the_last_was_answered() -> None:
    stream = serving({EDS: encoded(a="1", b="1")})
    (first,) = ask(stream, EDS, "a", "b")
    stream.served[EDS] = encoded(a="2", b="1")
    assert stream.responses() == []
    assert names(answer(stream, first, "a", "b")) == [["a"]]


def test_a_refusal_is_not_sent_again_until_something_else_is_served() -> None:
    stream = serving({RDS: encoded(**{"80": "bad"})})
    (response,) = ask(stream, RDS, "80")
    assert answer(stream, response, "80", refusal="no such thing") == []
    assert (stream.refusal(RDS), stream.is_settled(RDS), stream.taken(RDS)) == ("no such thing", True, {})
    stream.served[RDS] = encoded(**{"80": "good"})
    (response,) = stream.responses()
    answer(stream, response, "80")
    assert stream.refusal(RDS) is None
    assert stream.taken(RDS) == encoded(**{"80": "good"})


def test_an_answer_to_an_earlier_response_is_none() -> None:
    stream = serving({CDS: encoded(a="1")})
    (first,) = ask(stream, CDS)
    answer(stream, first)
    stream.served[CDS] = encoded(a="2")
    stream.responses()
    assert answer(stream, first) == []
    assert not stream.is_settled(CDS)


def test_names_that_are_added_are_sent_alone() -> None:
    stream = serving({EDS: encoded(a="1", b="1")})
    (response,) = ask(stream, EDS, "a")
    answer(stream, response, "a")
    assert names(answer(stream, response, "a", "b")) == [["b"]]


def test_the_same_question_once_more_is_answered_once_more() -> None:
    stream = serving({EDS: encoded(a="1")})
    (response,) = ask(stream, EDS, "a")
    answer(stream, response, "a")
    assert names(answer(stream, response, "a")) == [["a"]]


def test_a_changed_cluster_gets_its_endpoints_again_and_another_does_not() -> None:
    stream = serving({CDS: encoded(a="1", b="1"), EDS: encoded(a="1", b="1")})
    (clusters,) = ask(stream, CDS)
    answer(stream, clusters)
    (endpoints,) = ask(stream, EDS, "a", "b")
    answer(stream, endpoints, "a", "b")
    stream.served[CDS] = encoded(a="2", b="1")
    assert names(stream.responses()) == [["a", "b"]]
    assert names(stream.responses()) == [["a"]]
