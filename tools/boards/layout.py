"""From what a board shows to the JSON that Grafana reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tools.boards.promql import latency

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """One expression and what its lines are called."""

    expr: str
    legend: str = ""
    """Grafana's own template: {{label}} becomes the label's value."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle of a board."""

    title: str
    queries: Sequence[Query]
    unit: str = "reqps"
    """Grafana's name for it: reqps, percentunit, ms, bytes, short …"""
    kind: str = "timeseries"
    """Or stat, one large number."""
    width: int = 12
    """Of a board's 24 columns."""
    about: str = ""
    """What the letter i in the panel's corner says."""

    @property
    def height(self) -> int:
        """In Grafana's rows of some 30 pixels."""
        return 4 if self.kind == "stat" else 8


@dataclass(frozen=True, slots=True)
class Row:
    """A headline above panels."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Board:
    """One page of Grafana."""

    uid: str
    """Its address in Grafana, and its file's name."""
    title: str
    rows: Sequence[Row]
    variables: Sequence[tuple[str, str]] = ()
    """Name, and the query that yields its values; a later one may use an earlier one."""


def headline(title: str, expr: str, unit: str = "reqps", about: str = "", width: int = 6) -> Panel:
    """Return one large number."""
    return Panel(title, [Query(expr)], unit, "stat", width, about)


def quantiles(title: str, by: str = "", legend: str = "", **labels: str) -> Panel:
    """Return a panel of the durations' p50, p95 and p99."""
    return Panel(title, [Query(latency(q / 100, by, **labels), f"{legend} p{q}".strip()) for q in (50, 95, 99)], "ms")


def document(board: Board) -> Json:
    """Return a board as Grafana reads it."""
    return {
        "uid": board.uid,
        "title": board.title,
        "tags": ["storefront-mesh"],
        "schemaVersion": 39,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-15m", "to": "now"},
        "templating": {"list": [_datasource(), *(_variable(name, query) for name, query in board.variables)]},
        "panels": _laid_out(board.rows),
    }


def _laid_out(rows: Sequence[Row]) -> list[Json]:
    panels: list[Json] = []
    top = 0
    for row in rows:
        headline = {"type": "row", "title": row.title, "collapsed": False, "panels": []}
        panels.append({"id": len(panels) + 1, **headline, "gridPos": _grid(0, top, COLUMNS, 1)})
        left, top, height = 0, top + 1, 0
        for panel in row.panels:
            if left + panel.width > COLUMNS:
                left, top, height = 0, top + height, 0
            place = _grid(left, top, panel.width, panel.height)
            panels.append({"id": len(panels) + 1, **_panel(panel), "gridPos": place})
            left, height = left + panel.width, max(height, panel.height)
        top += height
    return panels


def _grid(left: int, top: int, width: int, height: int) -> Json:
    return {"x": left, "y": top, "w": width, "h": height}


def _panel(panel: Panel) -> Json:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _options(panel.kind),
        "targets": [_target(chr(ord("A") + index), query) for index, query in enumerate(panel.queries)],
    }


def _field(panel: Panel) -> Json:
    field: Json = {"unit": panel.unit, "min": 0}
    if panel.unit == "percentunit":
        steps = [("red", None), ("orange", 0.9), ("green", 0.99)]
        field["max"] = 1
        field["thresholds"] = {"mode": "absolute", "steps": [{"color": name, "value": at} for name, at in steps]}
    if panel.kind == "timeseries":
        field["custom"] = {"fillOpacity": 10, "lineWidth": 2, "showPoints": "never"}
    return field


def _options(kind: str) -> Json:
    if kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "graphMode": "area", "colorMode": "value"}
    return {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "mean"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def _target(ref: str, query: Query) -> Json:
    return {"refId": ref, "datasource": DATASOURCE, "expr": query.expr, "legendFormat": query.legend or "all"}


def _datasource() -> Json:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _variable(name: str, query: str) -> Json:
    # refresh 2: asked again whenever the board's time changes, so that a new workload shows.
    return {"name": name, "type": "query", "datasource": DATASOURCE, "query": query, "refresh": 2, "sort": 1}
