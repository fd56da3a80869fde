from localmesh.core.objects import Object
from localmesh.proxy.matches import ANY_PATH, HeaderMatch, TextKind, TextMatch
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
