"""What a cluster is like if no DestinationRule says otherwise, and the clusters that are always there.

Source: pkg/networking/core/cluster_builder.go of Istio 1.31.
"""

from datetime import timedelta

from localmesh.kinds.kubernetes.ports import Protocol
from localmesh.pilot.http.routes import PASSTHROUGH
from localmesh.proxy.addresses import Address
from localmesh.proxy.cluster_policies import CircuitBreakers, Connections, LoadBalancer, LoadBalancing
from localmesh.proxy.clusters import Cluster, ClusterType, Endpoint, UpstreamProtocol

CONNECT_TIMEOUT = timedelta(seconds=10)
LOAD_BALANCER = LoadBalancer(LoadBalancing.LEAST_REQUEST)
PANIC_THRESHOLD = 0
"""Without healthy endpoints requests fail, rather than go to ill ones."""

UNLIMITED = 2**32 - 1
NO_BREAKERS = CircuitBreakers(UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED)
PASSTHROUGH_IDLE = timedelta(seconds=300)

BLACK_HOLE = Cluster("BlackHoleCluster", ClusterType.STATIC, CONNECT_TIMEOUT)
"""For what is to go nowhere."""

_PROTOCOLS = {
    Protocol.HTTP2: UpstreamProtocol.HTTP2,
    Protocol.GRPC: UpstreamProtocol.HTTP2,
    Protocol.GRPC_WEB: UpstreamProtocol.HTTP2,
    Protocol.SNIFFED: UpstreamProtocol.AS_DOWNSTREAM,
}


def passthrough(network: Address | None) -> Cluster:
    """Return the cluster for what is no Service's: here, the pod's own way into the cluster's network."""
    return Cluster(
        PASSTHROUGH,
        ClusterType.STATIC,
        CONNECT_TIMEOUT,
        endpoints=(Endpoint(network),) if network else (),
        protocol=UpstreamProtocol.AS_DOWNSTREAM,
        circuit_breakers=NO_BREAKERS,
        connections=Connections(idle_timeout=PASSTHROUGH_IDLE),
    )


def upstream_protocol(protocol: Protocol) -> UpstreamProtocol:
    """Return what a sidecar speaks to a port: of one that says nothing, what it hears itself."""
    return _PROTOCOLS.get(protocol, UpstreamProtocol.HTTP1)
