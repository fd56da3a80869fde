"""The names that istiod gives to clusters and virtual hosts, and their parts: told to people, never decided by."""

from msgspec import Struct

_PARTS = 4


class ClusterName(Struct, frozen=True, order=True):
    """The parts of a cluster's name, in the order by which istioctl sorts."""

    host: str
    """A Service's full name; of a cluster with another kind of name, the whole of it."""

    subset: str = ""
    port: int = 0
    direction: str = ""
    """`outbound`, `inbound`, or "" for another kind of name."""

    def __str__(self) -> str:
        return f"{self.direction}|{self.port}|{self.subset}|{self.host}" if self.direction else self.host

    @classmethod
    def of(cls, name: str) -> "ClusterName":
        """Read `outbound|80|v1|catalog.istioinaction.svc.cluster.local`; any other name is a host alone."""
        parts = name.split("|")
        if len(parts) < _PARTS:
            return cls(name)
        direction, port, subset, host = parts[:_PARTS]
        return cls(host, subset, int(port), direction)


def outbound_cluster(host: str, port: int, subset: str = "") -> str:
    """Return the name of the cluster for a Service's port, or for one of its subsets."""
    return str(ClusterName(host, subset, port, "outbound"))


def inbound_cluster(port: int) -> str:
    """Return the name of the cluster for the application behind a container port."""
    return str(ClusterName("", "", port, "inbound"))


def virtual_host_name(host: str, port: int) -> str:
    """Return the name of the virtual host for a port of a host."""
    return f"{host}:{port}"
