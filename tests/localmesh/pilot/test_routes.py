from typing import Any

from localmesh.core.objects import Object
from localmesh.proxy.matches import ANY_PATH, HeaderMatch, TextKind, TextMatch
from localmesh.proxy.route_policies import ALL, NO_MUTATIONS, Abort, Denominator, Fault, Fraction
from localmesh.proxy.routes import Route
from tests.localmesh.pilot.objects import hosts, outbound, pod, proxies, route, service, virtual_service


def routes(*rules: Object) -> tuple[Route, ...]:
    found = proxies(pod("webapp-1"), service("catalog"), virtual_service("catalog", *rules))["webapp-1"]
    return hosts(found)["catalog"].routes


def test_each_match_is_a_route_of_its_own() -> None:
    found = routes(route("a", match=[{"uri": {"exact": "/a"}}, {"uri": {"prefix": "/b"}}]), route("c"))
    assert [each.match.path for each in found] == [
        TextMatch(TextKind.EXACT, "/a"),
        TextMatch(TextKind.PREFIX, "/b"),
        ANY_PATH,
    ]


def test_nothing_comes_behind_a_route_that_takes_everything() -> None:
    everything = route("a", match=[{"uri": {"prefix": "/"}}, {"uri": {"exact": "/late"}}])
    assert len(routes(everything, route("later"))) == 1
    assert len(routes(route("a", match=[{"uri": {}}]), route("later"))) == 1
    assert len(routes(route("a", match=[{"uri": {"prefix": ""}}]), route("later"))) == 2


def test_headers_are_compared_in_the_order_of_their_names() -> None:
    (found, _) = routes(
        route("a", match=[{"headers": {"x-b": {}, "x-a": {"exact": "1"}, "X-C": {"prefix": "2"}}}]), route("b")
    )
    assert found.match.headers == (
        HeaderMatch("X-C", TextMatch(TextKind.PREFIX, "2")),
        HeaderMatch("x-a", TextMatch(TextKind.EXACT, "1")),
        HeaderMatch("x-b", TextMatch(TextKind.PRESENT)),
    )


def test_a_route_is_called_by_its_rule_and_its_match() -> None:
    named = [{"uri": {"prefix": "/a"}, "name": "one"}, {"uri": {"prefix": "/b"}}]
    assert [each.name for each in routes(route("a", match=named, name="rule"), route("b", match=named[:1]))] == [
        "rule.one",
        "rule",
        ".one",
    ]


def test_a_single_destination_gets_everything_whatever_its_weight() -> None:
    (found,) = routes({"route": [{"destination": {"host": "catalog"}, "weight": 0}]})
    assert [(share.cluster, share.weight) for share in found.action.clusters] == [(outbound("catalog"), None)]


def test_of_several_destinations_those_without_weight_are_left_out() -> None:
    shares = [
        {"destination": {"host": "catalog", "subset": each}, "weight": weight} for each, weight in (("a", 0), ("b", 9))
    ]
    (found,) = routes({"route": shares})
    assert [(share.cluster, share.weight) for share in found.action.clusters] == [(outbound("catalog", subset="b"), 9)]
    assert found.operation == "catalog:80/*"


def test_a_destinations_port_is_the_clusters() -> None:
    (found,) = routes(
        {"route": [{"destination": {"host": "search.other.svc.cluster.local", "port": {"number": 8088}}}]}
    )
    assert found.action.clusters[0].cluster == outbound("search", 8088, namespace="other")
    assert found.operation == "search.other.svc.cluster.local:8088/*"
    assert found.config == "/apis/networking.istio.io/v1/namespaces/istioinaction/virtual-service/catalog"


def test_a_match_for_others_is_no_route_and_without_any_left_the_service_has_its_own() -> None:
    elsewhere = [{"port": 8080}, {"gateways": ["front"]}, {"sourceLabels": {"app": "other"}}, {"sourceNamespace": "x"}]
    for match in elsewhere:
        (found,) = routes(route("a", match=[match | {"uri": {"exact": "/a"}}]))
        assert found.name == "default", match
    (found,) = routes(route("a", match=[{"gateways": ["mesh"], "sourceLabels": {"app": "other"}}], name="mine"))
    assert found.name == "mine"


def test_a_rule_without_matches_ends_the_list_even_behind_one_that_is_for_others() -> None:
    found = routes(route("a", match=[{"port": 8080}]), route("b", name="b"), route("c", name="c"))
    assert [each.name for each in found] == ["b"]


def test_a_regex_that_takes_everything_is_the_last_route_whatever_the_case() -> None:
    for condition in ({"uri": {"regex": ".*"}}, {"uri": {"regex": ".*"}, "ignoreUriCase": True}):
        assert len(routes(route("a", match=[condition]), route("later"))) == 1


def test_the_host_is_the_rewrites_before_the_headers_before_the_only_destinations() -> None:
    def named(host: str) -> dict[str, Any]:
        return {"request": {"set": {"Host": host}}}

    only = [{"destination": {"host": "catalog"}, "headers": named("third")}]
    (last,) = routes({"route": only})
    (middle,) = routes({"route": only, "headers": named("second")})
    (first,) = routes({"route": only, "rewrite": {"authority": "first"}})
    assert [each.action.host for each in (first, middle, last)] == ["first", "second", "third"]
    assert last.request_headers == NO_MUTATIONS


def test_a_share_is_cut_to_millionths_and_one_of_nothing_has_no_mirror() -> None:
    (found,) = routes(route("catalog", fault={"abort": {"httpStatus": 500, "percentage": {"value": 0.00019}}}))
    assert found.fault == Fault(abort=Abort(Fraction(1, Denominator.MILLION), http_status=500))
    for nothing in ({"mirrorPercent": 0}, {"mirrorPercentage": {"value": 0}}):
        (found,) = routes(route("catalog", mirror={"host": "catalog"}, **nothing))
        assert found.action.mirrors == ()
    (found,) = routes(route("catalog", mirror={"host": "catalog"}))
    assert [each.share for each in found.action.mirrors] == [ALL]


def test_a_delay_without_a_time_and_an_abort_without_a_status_do_nothing() -> None:
    (found,) = routes(route("catalog", fault={"delay": {"percentage": {"value": 50}}, "abort": {}}))
    assert found.fault == Fault()


def test_a_redirect_names_no_port_that_its_scheme_implies() -> None:
    def port(**redirect: Any) -> int | None:
        (found,) = routes({"redirect": redirect})
        return found.action.port

    assert port(derivePort="FROM_REQUEST_PORT") is None
    assert port(derivePort="FROM_REQUEST_PORT", scheme="https") == 80
    assert port(derivePort="FROM_PROTOCOL_DEFAULT", authority="a") is None
    assert port(port=443, scheme="https") is None
    assert port(port=443) == 443
