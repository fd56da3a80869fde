"""The names under which telemetry's pages may be asked for."""

MESH_ID_HEADER = "x-mesh-id"
"""Says on each answer which mesh a page belongs to: by the uid of its namespace istio-system."""

LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")
CLUSTER_ENDS = (".istio-system", ".istio-system.svc", ".istio-system.svc.cluster.local")
"""Ends of the names by which pods find each other here; no name of the internet ends so."""


def is_ours(host: str) -> bool:
    """Tell whether a `Host` names this machine, or a Service of the mesh."""
    name, colon, port = host.lower().rpartition(":")
    if not colon or not port.isdecimal():
        name = host.lower()
    return name in LOCAL_HOSTS or (name.endswith(CLUSTER_ENDS) and not name.startswith("."))
