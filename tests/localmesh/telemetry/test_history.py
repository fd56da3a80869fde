import math

import pytest

from localmesh.telemetry.exposition import samples
from localmesh.telemetry.expressions import BY_PROMQL, EDGE, REQUESTS, Expression, questions
from localmesh.telemetry.history import LENGTH, History, quantile_of
from tests.localmesh.telemetry.servers import series

BY_CODE = Expression(REQUESTS, ("response_code",), 60, "source")


def rates(history: History, at: float, expression: Expression = BY_CODE) -> dict[str, float]:
    return {value.labels["response_code"]: value.value for value in history.value(expression, at)}


def take(history: History, at: float, *lines: str, source: str = "one") -> None:
    history.take(source, samples("".join(lines)))
    history.tick(at)


def test_a_rate_is_what_was_counted_within_the_window_by_second() -> None:
    history = History()
    for second in range(0, 121, 2):
        take(history, second, series("istio_requests_total", 1000 + 5 * second))
    assert rates(history, 120) == {"200": 5.0}
    assert rates(history, 60) == {"200": 5.0}


def test_what_was_counted_before_the_first_look_is_no_rate_but_part_of_the_total() -> None:
    history = History()
    take(history, 0, series("istio_requests_total", 1000))
    take(history, 2, series("istio_requests_total", 1010))
    assert rates(history, 2) == {"200": 5.0}
    assert rates(history, 2, Expression(REQUESTS, ("response_code",))) == {"200": 1010.0}


def test_looks_that_meet_nobody_are_none() -> None:
    history = History()
    history.forget_all_but([])
    history.tick(0)
    take(history, 2, series("istio_requests_total", 1000))
    take(history, 4, series("istio_requests_total", 1010))
    assert history.times == [2, 4]
    assert rates(history, 4) == {"200": 5.0}
    history.forget_all_but([])
    history.tick(64)
    assert rates(history, 64) == {"200": 0.0}


def test_a_proxy_that_was_there_before_the_first_look_and_answered_a_later_one_has_no_rate_of_then() -> None:
    history = History()
    history.forget_all_but(["one", "two"])
    take(history, 0, series("istio_requests_total", 100))
    history.take("two", samples(series("istio_requests_total", 5000)))
    take(history, 2, series("istio_requests_total", 110))
    history.take("two", samples(series("istio_requests_total", 5010)))
    take(history, 4, series("istio_requests_total", 120))
    assert rates(history, 2) == {"200": 5.0}
    assert rates(history, 4) == {"200": 7.5}
    assert rates(history, 4, Expression(REQUESTS, ("response_code",))) == {"200": 5130.0}


def test_a_series_that_is_new_has_counted_since_the_last_look() -> None:
    history = History()
    take(history, 0, series("istio_requests_total", 10))
    take(history, 2, series("istio_requests_total", 10), series("istio_requests_total", 4, code="503"))
    assert rates(history, 2) == {"200": 0.0, "503": 2.0}


def test_a_proxy_that_was_started_anew_counts_from_zero() -> None:
    history = History()
    take(history, 0, series("istio_requests_total", 100))
    take(history, 2, series("istio_requests_total", 6))
    assert rates(history, 2) == {"200": 3.0}


def test_proxies_are_summed_and_what_a_gone_one_counted_stays() -> None:
    history = History()
    history.take("two", samples(series("istio_requests_total", 50)))
    take(history, 0, series("istio_requests_total", 50))
    history.take("two", samples(series("istio_requests_total", 60)))
    take(history, 2, series("istio_requests_total", 60))
    assert rates(history, 2) == {"200": 10.0}
    history.forget_all_but(["one"])
    take(history, 4, series("istio_requests_total", 60))
    assert rates(history, 4, Expression(REQUESTS, ("response_code",))) == {"200": 120.0}


def test_the_called_and_the_callers_are_told_apart_and_other_metrics_are_not_kept() -> None:
    history = History()
    lines = series("istio_requests_total", 0), series("istio_requests_total", 0, reporter="destination")
    take(history, 0, *lines)
    take(history, 2, series("istio_requests_total", 2), series("istio_requests_total", 6, reporter="destination"),
         "envoy_server_live{} 1\n")  # fmt: skip
    assert rates(history, 2) == {"200": 1.0}
    assert rates(history, 2, Expression(REQUESTS, ("response_code",), 60, "destination")) == {"200": 3.0}


def test_the_ring_forgets_the_oldest_and_goes_on() -> None:
    history = History()
    for second in range(2 * LENGTH):
        take(history, second, series("istio_requests_total", 3 * second))
    assert len(history.times) == LENGTH
    assert rates(history, 2 * LENGTH - 1) == {"200": 3.0}
    assert history.value(BY_CODE, 10) == []


def test_quantiles_lie_within_their_bucket_and_nothing_has_none() -> None:
    buckets = [(1.0, 0.0), (5.0, 50.0), (10.0, 100.0), (math.inf, 100.0)]
    assert quantile_of(buckets, 0.5) == 5.0
    assert quantile_of(buckets, 0.75) == 7.5
    assert quantile_of([(1.0, 0.0), (math.inf, 4.0)], 0.5) == 1.0
    assert math.isnan(quantile_of([(1.0, 0.0), (math.inf, 0.0)], 0.5))


def test_a_quantile_is_taken_over_all_proxies_together() -> None:
    history = History()
    for at, first, second in ((0, 0, 0), (2, 10, 0), (4, 10, 30)):
        lines = [
            series("istio_request_duration_milliseconds_bucket", count, le=bound)
            for bound, count in (("1", first), ("10", first + second), ("+Inf", first + second))
        ]
        take(history, at, *lines)
    (value,) = history.value(questions(60).median, 4)
    assert value.labels.keys() == set(EDGE)
    assert value.value == pytest.approx(1 + 9 * 10 / 30)


def test_every_expression_has_a_text_of_its_own() -> None:
    for text, expression in BY_PROMQL.items():
        assert text == expression.promql()
        assert text.count("(") == text.count(")")
    assert questions(60).calls.promql() in BY_PROMQL
    assert questions(61).calls.promql() not in BY_PROMQL
