"""A proxy's model → its xDS resources, in protobuf's JSON form. Pure and total: nothing is decided here.

One module for each of Envoy's messages. The bytes are istiod's where they matter; the tests hold them against what a
real istiod wrote.
"""

from localmesh.envoy.emit.cluster import cluster
from localmesh.envoy.emit.cluster_load_assignment import cluster_load_assignment
from localmesh.envoy.emit.listener import listener
from localmesh.envoy.emit.route_configuration import route_configuration
from localmesh.envoy.resources import Resources
from localmesh.proxy.clusters import ClusterType
from localmesh.proxy.proxies import Proxy


def emit(proxy: Proxy) -> Resources:
    """Return everything that one Envoy is told."""
    return Resources(
        lds=[listener(described) for described in proxy.listeners],
        rds=[route_configuration(described) for described in proxy.routes],
        cds=[cluster(described) for described in proxy.clusters],
        eds=[cluster_load_assignment(described) for described in proxy.clusters if described.type is ClusterType.EDS],
    )
