"""What the mesh page asks Prometheus, and nothing else: the stand-in of `metrics` answers exactly these."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

REQUESTS = "istio_requests_total"
DURATIONS = "istio_request_duration_milliseconds_bucket"
ATTEMPTS = "mesh_attempts_total"
RULES = "mesh_rule_requests_total"
DENIALS = "mesh_denied_requests_total"

SOURCE = ("source_workload", "source_workload_namespace")
DESTINATION = ("destination_workload", "destination_workload_namespace", "destination_version")
SERVICE = ("destination_service_name", "destination_service_namespace")
EDGE = (*SOURCE, *DESTINATION, *SERVICE)
"""Who asked whom for what."""

OUTCOME = ("response_code", "response_flags")
SECURITY = "connection_security_policy"
"""`mutual_tls` or `none`; only the called knows."""
MIRRORED = "mirrored"
"""`true` of a copy, which is no try of a call."""

KEPT: Mapping[str, tuple[str, ...]] = {
    REQUESTS: ("reporter", *EDGE, *OUTCOME, SECURITY),
    DURATIONS: ("reporter", *EDGE, "le"),
    ATTEMPTS: (*EDGE, *OUTCOME, MIRRORED),
    RULES: ("rule",),
    DENIALS: (*EDGE, "reason"),
}
"""The labels that are asked for, by metric; a sum over all others is all that is kept of them."""

WINDOWS_S = (15, 60, 300)
"""Over how long the page takes rates; the user chooses."""

SERIES_WINDOW_S = WINDOWS_S[0]
"""The same for each point of a time series."""


class Expression(Struct, frozen=True):
    """A rate, a quantile or a total of one metric, summed by some labels."""

    metric: str
    by: tuple[str, ...]
    window_s: int = 0
    """Seconds over which the rate is taken; 0 for the total so far."""

    reporter: str = ""
    """`source` or `destination`, where one of both views is meant."""

    quantile: float | None = None

    def promql(self) -> str:
        """Return the expression as Prometheus writes it."""
        chosen = f'{self.metric}{{reporter="{self.reporter}"}}' if self.reporter else self.metric
        counted = f"rate({chosen}[{self.window_s}s])" if self.window_s else chosen
        if self.quantile is None:
            return f"sum by ({', '.join(self.by)}) ({counted})"
        return f"histogram_quantile({self.quantile}, sum by ({', '.join((*self.by, 'le'))}) ({counted}))"


class Questions(Struct, frozen=True):
    """Everything the page asks for one window."""

    calls: Expression
    """What callers saw, once for each call however often it was tried."""

    taken: Expression
    """What the called saw: the only view of a call that no proxy sent, and of how a connection was secured."""

    attempts: Expression
    median: Expression
    slowest: Expression
    """The 99th percentile."""

    denied: Expression
    """By what proxies and applications say of it."""

    rules: Expression

    def all(self) -> Iterator[Expression]:
        """Yield each of them."""
        yield from (self.calls, self.taken, self.attempts, self.median, self.slowest, self.denied, self.rules)


def questions(window_s: int) -> Questions:
    """Return what is asked for rates over one of WINDOWS_S."""
    return Questions(
        calls=Expression(REQUESTS, (*EDGE, *OUTCOME), window_s, "source"),
        taken=Expression(REQUESTS, (*EDGE, *OUTCOME, SECURITY), window_s, "destination"),
        attempts=Expression(ATTEMPTS, (*EDGE, *OUTCOME, MIRRORED), window_s),
        median=Expression(DURATIONS, EDGE, window_s, "source", 0.5),
        slowest=Expression(DURATIONS, EDGE, window_s, "source", 0.99),
        denied=Expression(DENIALS, (*EDGE, "reason"), window_s),
        rules=Expression(RULES, ("rule",), window_s),
    )


_PARTIES = (*SOURCE, *SERVICE, "destination_workload", "destination_version", "response_code")
SERIES = {
    "calls": Expression(REQUESTS, _PARTIES, SERIES_WINDOW_S, "source"),
    "attempts": Expression(ATTEMPTS, (*_PARTIES, MIRRORED), SERIES_WINDOW_S),
}
"""Asked for as time series."""

RULE_TOTALS = Expression(RULES, ("rule",))

BY_PROMQL: Mapping[str, Expression] = {
    expression.promql(): expression
    for expression in (
        *SERIES.values(),
        RULE_TOTALS,
        *(question for window in WINDOWS_S for question in questions(window).all()),
    )
}
"""All of them, by their text."""
