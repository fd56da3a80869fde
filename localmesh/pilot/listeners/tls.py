"""What a port takes (TLS, plain text, both) → the chains of its listener.

Source: getFilterChainMatchOptions in pilot/pkg/networking/core/listener_inbound.go, pilot/pkg/networking/core/tls.go
of Istio 1.31.
"""

from msgspec.structs import replace

from localmesh.pilot.peer_authentications import Mode
from localmesh.proxy.listeners import FilterChain, FilterChainMatch, HttpConnectionManager
from localmesh.proxy.tls import TRUST_DOMAIN, ServerTls

PROXIES = ("istio", "istio-peer-exchange", "istio-http/1.0", "istio-http/1.1", "istio-h2")
"""What a proxy of the mesh offers to speak, and no application."""

TLS, PLAIN = "tls", "raw_buffer"
SERVER = ServerTls(("h2", "http/1.1"), f"spiffe://{TRUST_DOMAIN}/")


def by_mode(taken: FilterChain, mode: Mode) -> tuple[FilterChain, ...]:
    """Return the chains for what a port takes, each as the one that is given.

    An application may speak TLS itself where it is no HTTP: such bytes go on as they are, unless only the mesh's own is
    taken.
    """
    secured = replace(taken, tls=SERVER)
    plain = _matching(taken, transport_protocol=PLAIN)
    if mode is Mode.DISABLE:
        return (plain,)
    if mode is Mode.STRICT:
        return (_matching(secured, transport_protocol=TLS),)
    both = _matching(secured, transport_protocol=TLS, application_protocols=PROXIES), plain
    if isinstance(taken.filter, HttpConnectionManager):
        return both
    return (*both, _matching(taken, transport_protocol=TLS))


def _matching(chain: FilterChain, transport_protocol: str, application_protocols: tuple[str, ...] = ()) -> FilterChain:
    match = FilterChainMatch(transport_protocol=transport_protocol, application_protocols=application_protocols)
    return replace(chain, match=match)
