"""What a VirtualService's route does, told from what our own emission writes down for Envoy."""

from typing import Any

import pytest

from localmesh.telemetry.route_words import action_in_words, deeds_in_words

V2 = "outbound|80|v2|catalog.shop.svc.cluster.local"
FAULT = "envoy.filters.http.fault"
THIRTY = {"numerator": 300_000, "denominator": "MILLION"}
HEADER = {"header": {"key": "x-a", "value": "b"}}


@pytest.mark.parametrize(
    ("route", "deeds"),
    [
        ({"route": {"cluster": V2}}, []),
        ({"typed_per_filter_config": {FAULT: {"abort": {"http_status": 503, "percentage": THIRTY}}}},
         ["aborts 30 % with 503"]),
        ({"typed_per_filter_config": {FAULT: {"abort": {"grpc_status": 14}}}}, ["aborts 0 % with gRPC status 14"]),
        ({"typed_per_filter_config": {FAULT: {"delay": {"fixed_delay": "0.200s", "percentage": {"numerator": 1}}}}},
         ["delays 1 % by 0.200s"]),
        ({"route": {"request_mirror_policies": [{"cluster": V2, "runtime_fraction": {"default_value": THIRTY}}]}},
         ["mirrors 30 % to catalog v2"]),
        ({"route": {"request_mirror_policies": [{"cluster": V2}]}}, ["mirrors 100 % to catalog v2"]),
        ({"route": {"prefix_rewrite": "/b", "host_rewrite_literal": "other"}},
         ["rewrites the path to /b", "rewrites the host to other"]),
        ({"route": {"regex_rewrite": {"pattern": {"regex": "/v./"}, "substitution": "/"}}},
         ["rewrites the path by /v./"]),
        ({"request_headers_to_add": [HEADER], "request_headers_to_remove": ["x-b"], "response_headers_to_add": [HEADER],
          "response_headers_to_remove": ["x-c"]},
         ["sets x-a", "removes x-b", "sets x-a in answers", "removes x-c in answers"]),
        ({"typed_per_filter_config": {"envoy.filters.http.cors": {}}}, ["answers CORS preflights"]),
    ],
)  # fmt: skip
def test_what_a_route_does_besides_sending_requests_on_is_said(route: dict[str, Any], deeds: list[str]) -> None:
    assert list(deeds_in_words(route)) == deeds


@pytest.mark.parametrize(
    ("redirect", "words"),
    [
        ({"response_code": "FOUND"}, "redirects (302)"),
        ({"host_redirect": "shop.example", "path_redirect": "/a"}, "redirects to shop.example /a (301)"),
    ],
)
def test_a_redirect_says_where_to(redirect: dict[str, Any], words: str) -> None:
    assert action_in_words({"redirect": redirect}) == words
