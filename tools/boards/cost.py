"""Boards of what a mesh itself does and costs."""

from tools.boards.layout import Board, Panel, Query, Row, headline
from tools.boards.promql import cpu, memory, rate

CONTROL_PLANE = Board(
    "istio-control-plane",
    "Istio Control Plane Dashboard",
    [
        Row(
            "istiod",
            [
                headline("Proxies connected", "sum(pilot_xds)", "short"),
                headline("Services", "sum(pilot_services)", "short"),
                headline(
                    "Configurations refused by proxies",
                    "sum(pilot_total_xds_rejects) or vector(0)",
                    "short",
                    "Since istiod started. Any at all deserve a look at istiod's log.",
                ),
                headline("Refused at admission", f"{rate('galley_validation_failed')} or vector(0)", "cps"),
                Panel("Pushes by type", [Query(rate("pilot_xds_pushes", "type"), "{{type}}")], "cps"),
                Panel("What set them off", [Query(rate("pilot_push_triggers", "type"), "{{type}}")], "cps"),
                Panel(
                    "From a change until the last proxy has it",
                    [
                        Query(
                            f"histogram_quantile({q / 100}, {rate('pilot_proxy_convergence_time_bucket', 'le')})",
                            f"p{q}",
                        )
                        for q in (50, 99)
                    ],
                    "s",
                ),
                Panel(
                    "Sidecars injected",
                    [
                        Query(rate("sidecar_injection_success_total"), "injected"),
                        Query(f"{rate('sidecar_injection_failure_total')} or vector(0)", "failed"),
                    ],
                    "cps",
                ),
            ],
        ),
        Row(
            "What it costs",
            [
                Panel("CPU", [Query(cpu("pod", container="discovery"), "{{pod}}")], "cores"),
                Panel("Memory", [Query(memory("pod", container="discovery"), "{{pod}}")], "bytes"),
            ],
        ),
    ],
)

PROXY = {"container": "istio-proxy"}
PERFORMANCE = Board(
    "istio-performance",
    "Istio Performance Dashboard",
    [
        Row(
            "What the proxies cost",
            [
                Panel("CPU by proxy", [Query(cpu("namespace, pod", **PROXY), "{{namespace}}/{{pod}}")], "cores"),
                Panel("Memory by proxy", [Query(memory("namespace, pod", **PROXY), "{{namespace}}/{{pod}}")], "bytes"),
                Panel(
                    "CPU of all proxies per 1,000 requests a second",
                    [
                        Query(
                            f"1000 * sum({cpu('pod', **PROXY)})"
                            f" / (sum(rate(istio_requests_total[$__rate_interval])) > 0)",
                            "cores",
                        )
                    ],
                    "cores",
                    about="Each proxy that a request passes counts it once.",
                ),
                Panel(
                    "Proxies by version", [Query('count by (tag) (istio_build{component="proxy"})', "{{tag}}")], "short"
                ),
            ],
        ),
    ],
)
