"""The last minutes as lines: success by caller and by attempt, and the shares of versions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from localmesh.telemetry.expressions import MIRRORED
from localmesh.telemetry.picture import known, succeeded


class Line(Struct, frozen=True):
    """One combination of labels over time."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


def lines_of(series: Mapping[str, Iterable[Line]], times: Sequence[float]) -> list[dict[str, Any]]:
    """Return, for each caller and Service that it called, success by call and attempt and the shares by version."""
    groups: dict[tuple[str, str], dict[str, dict[float, float]]] = defaultdict(lambda: defaultdict(dict))
    for name, lines in series.items():
        for line in lines:
            labels = line.labels
            if labels.get(MIRRORED) == "true":
                continue
            key = (
                f"{labels['source_workload_namespace']}/{labels['source_workload']}",
                f"{labels['destination_service_name']}.{labels['destination_service_namespace']}",
            )
            sums = [name] + ([f"{name} good"] if succeeded(labels["response_code"]) else [])
            sums += [f"version {_version(labels)}"] if name == "calls" else []
            for kept in sums:
                for at, value in line.points:
                    groups[key][kept][at] = groups[key][kept].get(at, 0.0) + value
    heard = {key: sums for key, sums in groups.items() if any(any(points.values()) for points in sums.values())}
    return [_line_document(*key, sums, times) for key, sums in sorted(heard.items())]


def _version(labels: Mapping[str, str]) -> str:
    """Return who took a call: a version, one without, or nobody."""
    if not known(labels["destination_workload"]):
        return "nobody"
    return known(labels["destination_version"]) or "no version"


def _line_document(
    source: str, service: str, sums: Mapping[str, Mapping[float, float]], times: Sequence[float]
) -> dict[str, Any]:
    def ratio(part: str, whole: str) -> list[float | None]:
        wholes = [sums.get(whole, {}).get(at, 0.0) for at in times]
        parts = [sums.get(part, {}).get(at, 0.0) for at in times]
        return [share / total if total > 0 else None for share, total in zip(parts, wholes, strict=True)]

    versions = sorted(name for name in sums if name.startswith("version "))
    return {
        "source": source,
        "service": service,
        "rps": [sums.get("calls", {}).get(at, 0.0) for at in times],
        "success": ratio("calls good", "calls"),
        "attempt_success": ratio("attempts good", "attempts"),
        "shares": {name.removeprefix("version "): ratio(name, "calls") for name in versions},
    }
