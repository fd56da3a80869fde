"""The board of this project's lesson: a fault in catalog, seen by its callers and by itself."""

from tools.boards.layout import Board, Panel, Query, Row, headline, quantiles
from tools.boards.promql import cpu, memory, requests, retries, success

FRONT = {"reporter": "source", "destination_service_name": "webapp"}
CALLS = {"reporter": "source", "destination_service_name": "catalog"}
ATTEMPTS = {"reporter": "destination", "destination_service_name": "catalog"}
OURS = {"namespace": "istioinaction", "container": "!="}

STOREFRONT = Board(
    "storefront",
    "Storefront",
    [
        Row(
            "What the user gets: gateway to webapp",
            [
                headline("Requests", requests(**FRONT)),
                headline("Success rate (not 5xx)", success(**FRONT), "percentunit"),
                headline(
                    "Retries of webapp's calls to catalog",
                    retries(destination_service_name="catalog"),
                    about="Tries beyond the first: those that arrived at catalog, less the calls that webapp made.",
                ),
                headline(
                    "catalog's success rate without retries",
                    success(**ATTEMPTS),
                    "percentunit",
                    about="Of all tries, however often a call was tried.",
                ),
                Panel("Requests by status", [Query(requests("response_code", **FRONT), "{{response_code}}")]),
                quantiles("Duration", **FRONT),
            ],
        ),
        Row(
            "webapp to catalog: calls, and the attempts that they took",
            [
                Panel(
                    "Calls by status",
                    [Query(requests("response_code, response_flags", **CALLS), "{{response_code}} {{response_flags}}")],
                    about="What webapp got, after retries. URX: all retries were used up.",
                ),
                Panel(
                    "Attempts by version and status",
                    [
                        Query(
                            requests("destination_version, response_code", **ATTEMPTS),
                            "{{destination_version}} {{response_code}}",
                        )
                    ],
                    about="What catalog answered, each try counted.",
                ),
                Panel(
                    "Success rate with and without retries",
                    [Query(success(**CALLS), "calls"), Query(success(**ATTEMPTS), "attempts")],
                    "percentunit",
                ),
                Panel(
                    "Attempts per call",
                    [Query(f"{requests(**ATTEMPTS)} / ({requests(**CALLS)} > 0)", "attempts per call")],
                    "short",
                ),
            ],
        ),
        Row(
            "catalog's versions",
            [
                Panel(
                    "Share of attempts by version",
                    [
                        Query(
                            f"{requests('destination_version', **ATTEMPTS)} / ignoring (destination_version)"
                            f" group_left () ({requests(**ATTEMPTS)} > 0)",
                            "{{destination_version}}",
                        )
                    ],
                    "percentunit",
                ),
                quantiles("Duration by version", "destination_version", "{{destination_version}}", **ATTEMPTS),
            ],
        ),
        Row(
            "The pods",
            [
                Panel("CPU", [Query(cpu("pod, container", **OURS), "{{pod}} {{container}}")], "cores"),
                Panel("Memory", [Query(memory("pod, container", **OURS), "{{pod}} {{container}}")], "bytes"),
            ],
        ),
    ],
)
