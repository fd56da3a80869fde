"""What the other side makes of a request, for `mesh explain`: TLS or plain text, and who may ask."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from localmesh.envoy.access import AccessVerdict, Downstream, verdict
from localmesh.envoy.dump import Dump
from localmesh.envoy.matching import Request

Message = Mapping[str, Any]
TLS, PLAIN = "tls", "raw_buffer"
MANAGER = "envoy.filters.network.http_connection_manager"
_POLICY = re.compile(r"ns\[(?P<namespace>.+)\]-policy\[(?P<name>.+)\]-rule\[(?P<rule>\d+)\]")


class OtherSide(Struct, frozen=True):
    """The proxy beside an endpoint."""

    dump: Dump
    port: int
    """Where it takes the request."""

    def chains(self) -> Mapping[str, Message]:
        """Return its filter chains by what they take: `tls`, `raw_buffer`, or "" for a chain that does not ask."""
        for listener in self.dump.listeners:
            if listener.get("address", {}).get("socket_address", {}).get("port_value") == self.port:
                chains = listener.get("filter_chains", ())
                return {chain.get("filter_chain_match", {}).get("transport_protocol", ""): chain for chain in chains}
        return {}


def access_lines(cluster: Message, side: OtherSide, principal: str, request: Request) -> Iterator[str]:
    """Yield how the client speaks to a destination, and whether it is let in.

    Args:
        cluster: as the client's Envoy has it.
        side: the destination.
        principal: whose certificate the client has.
        request: what it sends.
    """
    chains = side.chains()
    encrypts = "transport_socket" in cluster or ("transport_socket_matches" in cluster and TLS in chains)
    chain = chains.get(TLS if encrypts else PLAIN, chains.get("") if not encrypts else None)
    yield f"over mutual TLS, as {principal}" if encrypts else "in plain text"
    if chain is None:
        taken = "plain text" if encrypts else "mutual TLS"
        flag = "UF" if encrypts else "UC"
        yield f"it takes {taken} alone (PeerAuthentication): the connection is closed, 503 ({flag})"
        return
    caller = Downstream(request, principal if encrypts else None, _server_name(cluster) if encrypts else "", side.port)
    if decided := verdict(_http_filters(chain), caller):
        yield in_words(decided)


def _server_name(cluster: Message) -> str:
    sockets = [cluster.get("transport_socket", {})]
    sockets += [match.get("transport_socket", {}) for match in cluster.get("transport_socket_matches", ())]
    names = (socket.get("typed_config", {}).get("sni", "") for socket in sockets)
    return next(filter(None, names), "")


def _http_filters(chain: Message) -> Sequence[Message]:
    managers = (
        network_filter["typed_config"]
        for network_filter in chain.get("filters", ())
        if network_filter["name"] == MANAGER
    )
    return [http_filter for manager in managers for http_filter in manager.get("http_filters", ())]


def in_words(decided: AccessVerdict) -> str:
    """Say what the policies make of a request."""
    named = _POLICY.fullmatch(decided.policy)
    policy = "AuthorizationPolicy {name}.{namespace}, rule {rule}".format(**named.groupdict()) if named else "a policy"
    if decided.lets_in is None:
        return f"{policy}: depends on the request's token"
    if decided.lets_in:
        return f"let in by {policy}" if decided.policy else "let in: no policy denies it"
    if decided.policy:
        return f"denied by {policy}: 403 (RBAC: access denied)"
    return f"denied: none of {decided.asked} rules that allow something allows this: 403 (RBAC: access denied)"


def as_it_arrives(request: Request, route: Message) -> Request:
    """Return a request as it arrives: with the path and the host that the route has put in place of its own."""
    action, match = route.get("route", {}), route.get("match", {})
    target = request.target
    if "prefix_rewrite" in action:
        matched = match.get("prefix", match.get("path", match.get("path_separated_prefix", "")))
        target = action["prefix_rewrite"] + target[len(matched) :]
    return replace(request, authority=action.get("host_rewrite_literal", request.authority), target=target)
