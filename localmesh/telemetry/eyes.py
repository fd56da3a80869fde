"""Everything the mesh page shows, put together from Prometheus, the proxies, the API server and catalog's pods."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from msgspec import Struct, field, to_builtins
from msgspec.structs import replace

from localmesh.telemetry import faults, findings, rules
from localmesh.telemetry.client import ClientError, get_json
from localmesh.telemetry.expressions import RULE_TOTALS, SERIES, Expression, questions
from localmesh.telemetry.history import Value
from localmesh.telemetry.kube import Watched
from localmesh.telemetry.picture import Answers, Graph
from localmesh.telemetry.scraping import envoys_of
from localmesh.telemetry.series import Line, lines_of

SPAN_S = 300.0
STEP_S = 5.0
"""Length and grain of the time series."""

RULES_EVERY_S = 4.0
"""How long what proxies run is taken to be the same."""


class Eyes(Struct):
    """Looks when somebody wants to see, and not otherwise."""

    prometheus: str
    """Base URL."""

    pods: Watched
    _reading: rules.Reading = field(default_factory=rules.Reading)
    _untold: list[str] = field(default_factory=list)
    _read_at: float = -math.inf

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Watch the API server as long as the context is open."""
        async with self.pods.watching():
            yield

    def fault_pods(self) -> list[faults.Pod]:
        """Return the pods that take orders for faults."""
        return faults.pods(self.pods.objects.values())

    async def picture(self, window_s: int) -> dict[str, Any]:
        """Return everything for JSON, with rates over one of WINDOWS_S; what could not be had is said in `missing`."""
        missing: list[str] = []
        graph, lines, totals, active, reading = await asyncio.gather(
            self._graph(window_s, missing),
            self._lines(missing),
            self._rule_counts(window_s, missing),
            faults.active(self.fault_pods()),
            self._rules(missing),
        )
        return {
            "at": time.time(),
            "window_s": window_s,
            **graph,
            **lines,
            "rules": [to_builtins(rule) | totals.get(rule.name, {"total": 0.0, "rps": 0.0}) for rule in reading.rules],
            "faults": faults.documents(active),
            "fault_pods": [to_builtins(pod) for pod in self.fault_pods()],
            "troubles": [to_builtins(trouble) for trouble in reading.troubles],
            "missing": sorted(filter(None, {*missing, self.pods.failed})),
        }

    async def _graph(self, window_s: int, missing: list[str]) -> dict[str, Any]:
        asked = questions(window_s)
        expressions = (asked.calls, asked.taken, asked.attempts, asked.median, asked.slowest, asked.denied)
        return Graph(
            Answers(*await asyncio.gather(*(self._ask(expression, missing) for expression in expressions))),
            () if self.pods.failed else self._running(),
        ).document()

    def _running(self) -> set[str]:
        """Return the ids of the workloads that have pods, as the graph has them."""
        names = [pod["metadata"] for pod in self.pods.objects.values()]
        return {f"{name['namespace']}/{rules.workload_of(name['name'])}" for name in names}

    async def _lines(self, missing: list[str]) -> dict[str, Any]:
        end = time.time() // STEP_S * STEP_S
        times = [end - SPAN_S + STEP_S * index for index in range(int(SPAN_S / STEP_S) + 1)]
        answers = await asyncio.gather(*(self._ask_range(expression, times, missing) for expression in SERIES.values()))
        return {"times": times, "series": lines_of(dict(zip(SERIES, answers, strict=True)), times)}

    async def _rule_counts(self, window_s: int, missing: list[str]) -> Mapping[str, dict[str, float]]:
        totals, rates = await asyncio.gather(
            self._ask(RULE_TOTALS, missing), self._ask(questions(window_s).rules, missing)
        )
        counts: dict[str, dict[str, float]] = {
            value.labels["rule"]: {"total": value.value, "rps": 0.0} for value in totals if value.labels.get("rule")
        }
        for value in rates:
            if value.labels.get("rule") in counts:
                counts[value.labels["rule"]]["rps"] = value.value
        return counts

    async def _rules(self, missing: list[str]) -> rules.Reading:
        """Return what proxies run, with what they and the control plane say is wrong."""
        if time.monotonic() - self._read_at > RULES_EVERY_S:
            self._read_at, self._untold = time.monotonic(), []
            reading, troubles = await asyncio.gather(
                rules.read(envoys_of(self.pods.objects.values())), self._findings(self._untold)
            )
            self._reading = replace(reading, troubles=(*reading.troubles, *troubles))
        missing += self._untold
        return self._reading

    async def _findings(self, missing: list[str]) -> list[rules.Trouble]:
        try:
            return await findings.ask(self.pods.kubeconfig)
        except findings.FindingsError as error:
            missing.append(f"the control plane: {error}")
            return []

    async def _ask(self, expression: Expression, missing: list[str]) -> list[Value]:
        samples = await self._data("query", {"query": expression.promql()}, missing)
        return [Value(_complete(sample["metric"], expression), float(sample["value"][1])) for sample in samples]

    async def _ask_range(self, expression: Expression, times: list[float], missing: list[str]) -> list[Line]:
        parameters = {"query": expression.promql(), "start": str(times[0]), "end": str(times[-1]), "step": str(STEP_S)}
        matrix = await self._data("query_range", parameters, missing)
        return [
            Line(_complete(series["metric"], expression), [(float(at), float(value)) for at, value in series["values"]])
            for series in matrix
        ]

    async def _data(self, call: str, parameters: Mapping[str, str], missing: list[str]) -> list[dict[str, Any]]:
        try:
            answer = await get_json(f"{self.prometheus}/api/v1/{call}", parameters)
            result: list[dict[str, Any]] = answer["data"]["result"]
        except (ClientError, KeyError, TypeError) as error:
            missing.append(f"metrics: {error}")
            return []
        return result


def _complete(labels: Mapping[str, str], expression: Expression) -> Mapping[str, str]:
    """Return labels with those that are empty: Prometheus leaves them out."""
    return {name: labels.get(name, "") for name in expression.by}
