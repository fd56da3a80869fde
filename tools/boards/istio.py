"""Boards of a mesh's traffic, under the titles of Istio's own, which Kiali links to."""

from tools.boards.layout import Board, Panel, Query, Row, headline, quantiles
from tools.boards.promql import body_bytes, latency, requests, retries, success

CALLER, PEER = "{{source_workload}}.{{source_workload_namespace}}", "{{destination_workload}} {{destination_version}}"
BY_CALLER, BY_PEER = "source_workload, source_workload_namespace", "destination_workload, destination_version"


MESH = Board(
    "istio-mesh",
    "Istio Mesh Dashboard",
    [
        Row(
            "The whole mesh, as callers saw it",
            [
                headline("Requests", requests(reporter="source")),
                headline("Success rate (not 5xx)", success(reporter="source"), "percentunit"),
                headline("4xx", f"{requests(reporter='source', response_code='=~4..')} or vector(0)"),
                headline("5xx", f"{requests(reporter='source', response_code='=~5..')} or vector(0)"),
            ],
        ),
        Row(
            "Services",
            [
                Panel(
                    "Requests by service and status",
                    [
                        Query(
                            requests("destination_service, response_code", reporter="source"),
                            "{{destination_service}} {{response_code}}",
                        )
                    ],
                ),
                Panel(
                    "Success rate by service",
                    [Query(success("destination_service", reporter="source"), "{{destination_service}}")],
                    "percentunit",
                ),
                quantiles("Duration by service", "destination_service", "{{destination_service}}", reporter="source"),
                Panel(
                    "Calls, and the attempts that they took",
                    [
                        Query(requests("destination_service", reporter="source"), "{{destination_service}} calls"),
                        Query(
                            requests("destination_service", reporter="destination"), "{{destination_service}} attempts"
                        ),
                    ],
                    about="A call is counted by the caller's proxy, an attempt by that of the one called. "
                    "Retries lie between the two.",
                ),
            ],
        ),
    ],
)

SERVICE = Board(
    "istio-service",
    "Istio Service Dashboard",
    [
        Row(
            "$service, as its callers saw it",
            [
                headline("Requests", requests(reporter="source", destination_service="$service")),
                headline(
                    "Success rate (not 5xx)", success(reporter="source", destination_service="$service"), "percentunit"
                ),
                headline("Duration p95", latency(0.95, reporter="source", destination_service="$service"), "ms"),
                headline(
                    "Retries",
                    retries(destination_service="$service"),
                    about="Tries beyond the first: those that arrived, less the calls that were made.",
                ),
                Panel(
                    "Requests by caller and status",
                    [
                        Query(
                            requests(
                                f"{BY_CALLER}, response_code, response_flags",
                                reporter="source",
                                destination_service="$service",
                            ),
                            f"{CALLER} {{{{response_code}}}} {{{{response_flags}}}}",
                        )
                    ],
                ),
                Panel(
                    "Success rate by caller",
                    [Query(success(BY_CALLER, reporter="source", destination_service="$service"), CALLER)],
                    "percentunit",
                ),
                quantiles("Duration by caller", BY_CALLER, CALLER, reporter="source", destination_service="$service"),
                Panel(
                    "Bytes by caller",
                    [
                        Query(
                            body_bytes(body, BY_CALLER, reporter="source", destination_service="$service"),
                            f"{CALLER} {body}s",
                        )
                        for body in ("request", "response")
                    ],
                    "Bps",
                ),
            ],
        ),
        Row(
            "Its workloads, each try counted",
            [
                Panel(
                    "Attempts by workload, version and status",
                    [
                        Query(
                            requests(
                                f"{BY_PEER}, response_code", reporter="destination", destination_service="$service"
                            ),
                            f"{PEER} {{{{response_code}}}}",
                        )
                    ],
                ),
                Panel(
                    "Success rate of attempts",
                    [Query(success(BY_PEER, reporter="destination", destination_service="$service"), PEER)],
                    "percentunit",
                ),
                quantiles(
                    "Duration by workload", BY_PEER, PEER, reporter="destination", destination_service="$service"
                ),
                Panel(
                    "Mutual TLS",
                    [
                        Query(
                            requests(
                                "connection_security_policy", reporter="destination", destination_service="$service"
                            ),
                            "{{connection_security_policy}}",
                        )
                    ],
                ),
            ],
        ),
    ],
    [("service", "label_values(istio_requests_total, destination_service)")],
)

INBOUND = {
    "reporter": "destination",
    "destination_workload_namespace": "$namespace",
    "destination_workload": "$workload",
}
OUTBOUND = {"reporter": "source", "source_workload_namespace": "$namespace", "source_workload": "$workload"}
WORKLOAD = Board(
    "istio-workload",
    "Istio Workload Dashboard",
    [
        Row(
            "What comes in to $workload",
            [
                headline("Requests", requests(**INBOUND), width=8),
                headline("Success rate (not 5xx)", success(**INBOUND), "percentunit", width=8),
                headline("Duration p95", latency(0.95, **INBOUND), "ms", width=8),
                Panel(
                    "Requests by caller and status",
                    [Query(requests(f"{BY_CALLER}, response_code", **INBOUND), f"{CALLER} {{{{response_code}}}}")],
                ),
                quantiles("Duration by caller", BY_CALLER, CALLER, **INBOUND),
            ],
        ),
        Row(
            "What it calls",
            [
                Panel(
                    "Requests by service and status",
                    [
                        Query(
                            requests("destination_service, response_code, response_flags", **OUTBOUND),
                            "{{destination_service}} {{response_code}} {{response_flags}}",
                        )
                    ],
                ),
                quantiles("Duration by service", "destination_service", "{{destination_service}}", **OUTBOUND),
            ],
        ),
    ],
    [
        ("namespace", "label_values(istio_requests_total, destination_workload_namespace)"),
        (
            "workload",
            'label_values(istio_requests_total{destination_workload_namespace="$namespace"}, destination_workload)',
        ),
    ],
)
