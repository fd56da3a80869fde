"""A proxy's model → its xDS resources, in protobuf's JSON form. Pure and total: nothing is decided here.

The bytes are istiod's where they matter; the tests hold them against what a real istiod wrote.
"""

from localmesh.envoy.clusters import assignment, cluster
from localmesh.envoy.listeners import listener
from localmesh.envoy.resources import Resources, Source
from localmesh.envoy.routes import route_configuration
from localmesh.proxy.clusters import Use
from localmesh.proxy.proxies import Proxy


def emit(proxy: Proxy, source: Source) -> Resources:
    """Return everything that one Envoy is told; `source` says where it finds what it is referred to."""
    return Resources(
        lds=[listener(each, source) for each in proxy.listeners],
        rds=[route_configuration(each) for each in proxy.routes],
        cds=[cluster(each, source) for each in proxy.clusters],
        eds=[assignment(each) for each in proxy.clusters if each.use is Use.SERVICE],
    )
