import pytest

from localmesh.telemetry.history import Value
from localmesh.telemetry.picture import Answers, Graph, succeeded
from localmesh.telemetry.series import Line, lines_of


def labels(**changed: str) -> dict[str, str]:
    return {
        "source_workload": "webapp", "source_workload_namespace": "shop", "destination_workload": "catalog",
        "destination_workload_namespace": "shop", "destination_version": "v1", "destination_service_name": "catalog",
        "destination_service_namespace": "shop", "response_code": "200", "response_flags": "-",
        "connection_security_policy": "none", "mirrored": "-", **changed,
    }  # fmt: skip


def rate(value: float, **changed: str) -> Value:
    return Value(labels(**changed), value)


V2 = {"destination_workload": "catalog-v2", "destination_version": "v2"}


def test_both_success_rates_retries_and_bad_ends_stand_on_the_edge() -> None:
    graph = Graph(Answers(
        calls=[rate(9.4), rate(0.6, response_code="500", response_flags="URX")],
        attempts=[rate(9.4), rate(9.4, response_code="500")],
        median=[rate(5.0)], slowest=[rate(float("nan"))],
    )).document()  # fmt: skip
    (edge,) = graph["edges"]
    assert (edge["source"], edge["destination"], edge["service"]) == ("shop/webapp", "shop/catalog", "catalog.shop")
    assert edge["success"] == pytest.approx(0.94)
    assert edge["attempt_success"] == pytest.approx(0.5)
    assert edge["retries_ps"] == pytest.approx(8.8)
    assert edge["ends"] == {"500, URX: all retries were used up": 0.6}
    assert (edge["p50"], edge["p99"]) == (5.0, None)


def test_shares_are_of_the_calls_and_retries_add_up_over_versions() -> None:
    graph = Graph(Answers(
        calls=[rate(9.0), rate(1.0, **V2)],
        attempts=[rate(9.0), rate(3.0, response_code="503"), rate(1.0, **V2)],
    )).document()  # fmt: skip
    assert [edge["share"] for edge in graph["edges"]] == [0.9, 0.1]
    (call,) = graph["calls"]
    assert (call["rps"], call["retries_ps"]) == (10.0, 3.0)
    assert [node["version"] for node in graph["nodes"]] == ["v1", "v2", ""]


def test_a_service_that_nobody_serves_is_a_node_as_long_as_it_is_called() -> None:
    nobody = {"destination_workload": "unknown", "destination_version": "unknown", "response_code": "503",
              "response_flags": "UH"}  # fmt: skip
    graph = Graph(Answers(calls=[rate(2.0, **nobody)])).document()
    assert [node["kind"] for node in graph["nodes"]] == ["service", "workload"]
    assert graph["edges"][0]["ends"] == {"503, UH: no healthy endpoint": 2.0}
    assert graph["edges"][0]["attempt_success"] is None
    silent = Graph(Answers(calls=[rate(0.0, **nobody), rate(0.0)])).document()
    assert [node["id"] for node in silent["nodes"]] == ["shop/catalog", "shop/webapp"]


def test_a_workload_without_pods_goes_once_its_calls_are_over() -> None:
    calls = Answers(calls=[rate(0.0), rate(0.0, destination_workload="reviews")])
    assert [edge["destination"] for edge in Graph(calls, {"shop/catalog", "shop/webapp"}).document()["edges"]] == [
        "shop/catalog"
    ]
    assert len(Graph(calls).document()["edges"]) == 2
    busy = Answers(calls=[rate(1.0, destination_workload="reviews")])
    assert len(Graph(busy, {"shop/webapp"}).document()["edges"]) == 1


def test_a_caller_without_a_proxy_is_outside_and_known_from_the_called_alone() -> None:
    taken = [rate(3.0, source_workload="unknown"), rate(8.0)]
    graph = Graph(Answers(calls=[rate(8.0)], attempts=[rate(8.0)], taken=taken)).document()
    edge, _ = graph["edges"]
    assert (edge["source"], edge["rps"], edge["seen_by_callee"]) == ("outside", 3.0, True)


def test_nobody_is_in_an_empty_mesh() -> None:
    assert Graph(Answers()).document() == {"nodes": [], "edges": [], "calls": []}


@pytest.mark.parametrize(("code", "good"), [("200", True), ("404", True), ("500", False), ("599", False), ("0", False),
                                            ("", False), ("-", False)])  # fmt: skip
def test_an_answer_below_500_is_a_success(code: str, good: bool) -> None:
    assert succeeded(code) is good


def test_time_series_have_both_rates_and_shares_with_gaps_where_nothing_was_called() -> None:
    times = [10.0, 20.0, 30.0]
    calls = [Line(labels(), [(10.0, 9.0), (20.0, 0.0)]), Line(labels(**V2), [(10.0, 1.0), (20.0, 0.0)])]
    attempts = [Line(labels(), [(10.0, 10.0)]), Line(labels(response_code="500"), [(10.0, 30.0)])]
    (found,) = lines_of({"calls": calls, "attempts": attempts}, times)
    assert found["success"] == [1.0, None, None]
    assert found["attempt_success"] == [0.25, None, None]
    assert found["shares"] == {"v1": [0.9, None, None], "v2": [0.1, None, None]}
    assert found["rps"] == [10.0, 0.0, 0.0]


def test_a_pod_without_a_version_is_told_from_nobody() -> None:
    calls = [
        Line(labels(destination_version="unknown"), [(10.0, 3.0)]),
        Line(labels(destination_version="unknown", destination_workload="unknown"), [(10.0, 1.0)]),
    ]
    (found,) = lines_of({"calls": calls}, [10.0])
    assert found["shares"] == {"no version": [0.75], "nobody": [0.25]}


def test_what_was_silent_all_the_time_has_no_line() -> None:
    assert lines_of({"calls": [Line(labels(), [(10.0, 0.0)])]}, [10.0]) == []


def test_an_edge_is_secured_by_so_much_as_the_called_says_came_by_mutual_tls() -> None:
    calls = [rate(4.0), rate(4.0, destination_service_name="shop"), rate(1.0, **V2)]
    taken = [rate(6.0, connection_security_policy="mutual_tls"), rate(2.0)]
    graph = Graph(Answers(calls=calls, taken=taken)).document()
    found = {(edge["destination"], edge["service"]): edge["secured"] for edge in graph["edges"]}
    assert found == {
        ("shop/catalog", "catalog.shop"): 0.75,
        ("shop/catalog", "shop.shop"): 0.75,
        ("shop/catalog-v2", "catalog.shop"): None,
    }


def test_what_was_mirrored_is_no_try_of_a_call() -> None:
    copies = {**V2, "mirrored": "true"}
    graph = Graph(Answers(calls=[rate(8.0)], attempts=[rate(8.0), rate(4.0, **copies, response_code="503")])).document()
    edges = {edge["destination"]: (edge["rps"], edge["attempts_ps"], edge["mirrored_ps"]) for edge in graph["edges"]}
    assert edges == {"shop/catalog": (8.0, 8.0, 0.0), "shop/catalog-v2": (0.0, 0.0, 4.0)}
    (call,) = graph["calls"]
    assert (call["retries_ps"], call["attempt_success"]) == (0.0, 1.0)
    attempts = [Line(labels(), [(1.0, 8.0)]), Line(labels(**copies, response_code="503"), [(1.0, 4.0)])]
    (lines,) = lines_of({"attempts": attempts}, [1.0])
    assert lines["attempt_success"] == [1.0]


def test_what_a_policy_denied_stands_on_the_edge_with_the_policys_name_and_an_applications_403_does_not() -> None:
    by = "rbac_access_denied_matched_policy[ns[shop]-policy[no-one]-rule[0]]"
    forbidden = rate(4.0, response_code="403")
    graph = Graph(
        Answers(
            calls=[forbidden], denied=[rate(3.0, reason=by), rate(1.0, reason="via_upstream"), rate(0.0, reason=by)]
        )
    )
    (edge,) = graph.document()["edges"]
    assert edge["denied"] == {"denied by AuthorizationPolicy no-one.shop, spec.rules[0]": 3.0}
    (call,) = graph.document()["calls"]
    assert (call["denied"], call["success"]) == (edge["denied"], 1.0)


def test_a_denial_is_no_edge_of_its_own_when_the_called_knows_another_service_of_its_port() -> None:
    reason = "rbac_access_denied_matched_policy[none]"
    graph = Graph(
        Answers(calls=[rate(2.0)], denied=[rate(2.0, reason=reason, destination_service_name="alias")])
    ).document()
    (edge,) = graph["edges"]
    assert edge["denied"] == {"denied: no rule of an ALLOW AuthorizationPolicy matches": 2.0}
    alone = Graph(Answers(denied=[rate(2.0, reason=reason)])).document()
    assert [edge["rps"] for edge in alone["edges"]] == [0]
