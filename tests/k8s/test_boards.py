"""Grafana's boards: every query parses, asks for metrics that exist, and stands in the tree as tools/boards has it."""

import json
import re
from typing import Any

import promql_parser
import pytest
import yaml

from tests.k8s.manifests import CHECKOUT, built, of_kind
from tools.boards.__main__ import BOARDS, TARGET, written
from tools.boards.promql import requests, success

DOCUMENTS = {board.uid: json.loads(written(board)) for board in BOARDS}
every_board = pytest.mark.parametrize("uid", DOCUMENTS)
# Istio's standard metrics, istiod's, the agents', and what prometheus.yml keeps of the kubelet's.
METRICS = {
    "istio_requests_total",
    "istio_request_duration_milliseconds_bucket",
    "istio_request_bytes_sum",
    "istio_response_bytes_sum",
    "istio_build",
    "pilot_xds",
    "pilot_services",
    "pilot_total_xds_rejects",
    "pilot_xds_pushes",
    "pilot_push_triggers",
    "pilot_proxy_convergence_time_bucket",
    "galley_validation_failed",
    "sidecar_injection_success_total",
    "sidecar_injection_failure_total",
    "container_cpu_usage_seconds_total",
    "container_memory_working_set_bytes",
}


def panels(uid: str) -> list[dict[str, Any]]:
    return [panel for panel in DOCUMENTS[uid]["panels"] if panel["type"] != "row"]


def expressions(uid: str) -> list[str]:
    """Return a board's queries with Grafana's variables filled in."""
    written_down = [target["expr"] for panel in panels(uid) for target in panel["targets"]]
    return [filled(expression) for expression in written_down]


def filled(expression: str) -> str:
    return re.sub(r"\$\w+", "any", expression.replace("$__rate_interval", "1m"))


def metrics(expression: str) -> list[str]:
    """Return the names that are neither a label's nor a function's."""
    bare = re.sub(r"\{[^}]*\}|\b(by|ignoring|group_left) \([^)]*\)", "", expression)
    return re.findall(r"\b[a-z]+(?:_[a-z]+)+\b(?! ?\()", bare)


@every_board
def test_a_board_in_the_tree_is_the_one_that_make_boards_writes(uid: str) -> None:
    (board,) = (board for board in BOARDS if board.uid == uid)
    assert (TARGET / f"{uid}.json").read_text(encoding="utf-8") == written(board)


def test_every_board_is_in_a_config_map_that_kubectl_can_apply() -> None:
    maps = [config["data"] for config in of_kind("ConfigMap", built("k8s/addons/grafana"))]
    assert {name for data in maps for name in data if name.endswith(".json")} == {f"{uid}.json" for uid in DOCUMENTS}
    # kubectl keeps what it applied in an annotation, and Kubernetes takes no more than 256 KiB of these.
    assert all(sum(map(len, data.values())) < 200_000 for data in maps)


@every_board
def test_every_query_parses(uid: str) -> None:
    assert expressions(uid)
    for expression in expressions(uid):
        promql_parser.parse(expression)


def test_a_broken_query_would_not_parse() -> None:
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        promql_parser.parse("sum by (a (rate(istio_requests_total[1m]))")


@every_board
def test_every_metric_exists(uid: str) -> None:
    used = {name for expression in expressions(uid) for name in metrics(expression)}
    assert used
    assert used <= METRICS


@every_board
def test_every_variable_of_a_query_is_one_of_the_board(uid: str) -> None:
    text = json.dumps(DOCUMENTS[uid])
    used = set(re.findall(r"\$\{?(\w+)", text)) - {"__rate_interval"}
    assert used == {variable["name"] for variable in DOCUMENTS[uid]["templating"]["list"]}


@every_board
def test_no_two_panels_overlap_and_none_stands_outside(uid: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DOCUMENTS[uid]["panels"]:
        grid = panel["gridPos"]
        cells = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not cells & taken
        assert max(x for x, _ in cells) < 24
        taken |= cells


@every_board
def test_a_lines_name_uses_labels_that_its_query_keeps(uid: str) -> None:
    for panel in panels(uid):
        for target in panel["targets"]:
            kept = {label for group in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in group.split(", ")}
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept, target["expr"]


def test_success_is_zero_and_not_nothing_when_every_request_fails() -> None:
    assert success(reporter="source") == (
        '1 - (sum(rate(istio_requests_total{reporter="source", response_code=~"5.."}[$__rate_interval]))'
        ' or 0 * sum(rate(istio_requests_total{reporter="source"}[$__rate_interval])))'
        ' / (sum(rate(istio_requests_total{reporter="source"}[$__rate_interval])) > 0)'
    )


def test_labels_bring_their_operators() -> None:
    assert requests(a="x", b="!=", c="!~y", d="=~z") == (
        'sum(rate(istio_requests_total{a="x", b!="", c!~"y", d=~"z"}[$__rate_interval]))'
    )


def test_the_boards_that_the_tutorial_and_kiali_name_are_there() -> None:
    config = next(m for m in built("k8s/addons/kiali") if m["kind"] == "ConfigMap")["data"]["config.yaml"]
    linked = set(re.findall(r"- name: (Istio [\w ]+ Dashboard)", config))
    assert len(linked) == 3
    assert linked | {"Istio Service Dashboard", "Istio Mesh Dashboard"} <= {d["title"] for d in DOCUMENTS.values()}


@every_board
def test_a_variable_that_kiali_fills_in_is_one_of_the_boards(uid: str) -> None:
    config = next(m for m in built("k8s/addons/kiali") if m["kind"] == "ConfigMap")["data"]["config.yaml"]
    for linked in yaml.safe_load(config)["external_services"]["grafana"]["dashboards"]:
        if linked["name"] == DOCUMENTS[uid]["title"]:
            names = {variable.removeprefix("var-") for variable in linked["variables"].values()}
            assert names == {variable["name"] for variable in DOCUMENTS[uid]["templating"]["list"]}


def test_the_checkout_has_no_board_beyond_these() -> None:
    assert {path.stem for path in (CHECKOUT / "k8s/addons/grafana/boards").glob("*.json")} == set(DOCUMENTS)
