"""A rule of an AuthorizationPolicy → a policy of Envoy's role-based access control.

Source: pilot/pkg/security/authz/model of Istio 1.31.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from msgspec import Struct

from localmesh.core.numbers import integer
from localmesh.kinds.istio.rules.policy_values import is_template, of_envoy
from localmesh.kinds.istio.types.authorization_policy import Condition as When
from localmesh.kinds.istio.types.authorization_policy import Operation, Rule, Source
from localmesh.pilot.listeners.peer_conditions import (
    namespace,
    principal,
    server_name,
    service_account,
    trust_domain,
)
from localmesh.pilot.listeners.texts import ANY_TEXT, PRESENT, text_like
from localmesh.pilot.listeners.token_conditions import CLAIMS, LISTS, PRINCIPAL, claim, claim_path, request_principal
from localmesh.proxy.addresses import Address
from localmesh.proxy.authorization import (
    AddressRange,
    AllOf,
    Always,
    AnyOf,
    Condition,
    DestinationPort,
    Not,
    PathMatch,
    PathTemplate,
    Policy,
)
from localmesh.proxy.matches import HeaderMatch

UNREACHABLE_PORT = 0
IPV4_BITS, IPV6_BITS = 32, 128
_HEADERS = "request.headers["


class OpenPort(Struct, frozen=True):
    """What a listener opens: where, and for what."""

    address: Address
    port: int
    """The container port behind it, by which rules name it."""

    http: bool = True
    """Whether requests are looked at, or connections only."""

    def listener_port(self, written: int) -> int:
        """Return the port in Envoy's eyes: a container port has another number on loopback."""
        if written == self.port:
            return self.address.port
        return UNREACHABLE_PORT if written == self.address.port else written


class Clause(Struct, frozen=True):
    """One attribute, and how it has to be and not to be."""

    translate: Callable[[Sequence[str]], Condition]
    """Says that the attribute is like one of some texts."""

    values: Sequence[str]
    not_values: Sequence[str]
    of_connections: bool = False
    """Whether a connection has the attribute too, and not a request alone."""

    def conditions(self) -> Iterator[Condition]:
        """Yield what has to hold."""
        if self.values:
            yield self.translate(self.values)
        if self.not_values:
            yield Not(self.translate(self.not_values))


def policy(name: str, rule: Rule, own: str, open_port: OpenPort, *, leaves_out: bool) -> Policy | None:
    """Translate a rule for what a listener takes.

    Where connections alone are looked at, nothing can be said of requests. Then a clause about them is left out, which
    makes the rule hold for more, or the whole rule, None, which makes it hold for nothing.

    Args:
        name: Of the policy, in Envoy.
        rule: What was applied.
        own: The namespace in which it was.
        open_port: The listener.
        leaves_out: Whether a clause is left out, as for DENY and AUDIT, or the rule, as for ALLOW.
    """
    asked = [[*_operation(to.operation or Operation(), open_port), *_when_asked(rule, open_port)] for to in rule.to]
    asking = [[*_source(from_.source or Source(), own), *_when_asking(rule, own)] for from_ in rule.from_]
    permissions = asked or [[*_when_asked(rule, open_port)]]
    principals = asking or [[*_when_asking(rule, own)]]
    if not open_port.http:
        of_requests = [
            clause for clauses in (*permissions, *principals) for clause in clauses if not clause.of_connections
        ]
        if of_requests and not leaves_out:
            return None
        permissions, principals = _of_connections(permissions), _of_connections(principals)
    return Policy(name, tuple(map(_all_of, permissions)), tuple(map(_all_of, principals)))


def _of_connections(groups: Sequence[Sequence[Clause]]) -> list[list[Clause]]:
    return [[clause for clause in clauses if clause.of_connections] for clauses in groups]


def _all_of(clauses: Sequence[Clause]) -> Condition:
    return AllOf(tuple(condition for clause in clauses for condition in clause.conditions()) or (Always(),))


def _operation(operation: Operation, open_port: OpenPort) -> Iterator[Clause]:
    yield _given(_any_of(_host), operation.hosts, operation.not_hosts)
    yield _given(_any_of(_method), operation.methods, operation.not_methods)
    yield _given(_any_of(_path), operation.paths, operation.not_paths)
    yield Clause(_any_of(_port(open_port)), operation.ports, operation.not_ports, of_connections=True)


def _source(source: Source, own: str) -> Iterator[Clause]:
    account = partial(service_account, own_namespace=own)
    yield _of_peer(principal, source.principals, source.not_principals)
    yield _given(request_principal, source.request_principals, source.not_request_principals)
    yield _of_peer(account, source.service_accounts, source.not_service_accounts)
    yield _of_trust_domains(source.trust_domains, source.not_trust_domains)
    yield _of_peer(namespace, source.namespaces, source.not_namespaces)
    yield Clause(_any_of(_remote_address), source.remote_ip_blocks, source.not_remote_ip_blocks, of_connections=True)
    yield Clause(_any_of(_direct_address), source.ip_blocks, source.not_ip_blocks, of_connections=True)


def _of_peer(translate: Callable[[str], Condition], values: Sequence[str], not_values: Sequence[str]) -> Clause:
    return Clause(_any_of(translate), values, not_values, of_connections=True)


def _of_trust_domains(values: Sequence[str], not_values: Sequence[str]) -> Clause:
    """Source: ExpandTrustDomainAliases in pilot/pkg/security/trustdomain/bundle.go, which drops what is said twice."""
    return _of_peer(trust_domain, *(tuple(dict.fromkeys(domains)) for domains in (values, not_values)))


def _given(translate: Callable[[Sequence[str]], Condition], values: Sequence[str], not_values: Sequence[str]) -> Clause:
    """Return a clause about requests; one that says nothing is about anything."""
    return Clause(translate, values, not_values, of_connections=not values and not not_values)


def _when_asked(rule: Rule, open_port: OpenPort) -> Iterator[Clause]:
    for when in rule.when:
        if when.key == "destination.port":
            yield Clause(_any_of(_port(open_port)), when.values, when.not_values, of_connections=True)
        elif when.key == "connection.sni":
            yield _of_peer(server_name, when.values, when.not_values)


def _when_asking(rule: Rule, own: str) -> Iterator[Clause]:
    of_peer: dict[str, Callable[[str], Condition]] = {
        "source.principal": principal,
        "source.namespace": namespace,
        "source.serviceAccount": partial(service_account, own_namespace=own),
    }
    for when in rule.when:
        if when.key in of_peer:
            yield _of_peer(of_peer[when.key], when.values, when.not_values)
        elif when.key == "source.trustDomain":
            yield _of_trust_domains(when.values, when.not_values)
        elif when.key == "source.ip":
            yield Clause(_any_of(_direct_address), when.values, when.not_values, of_connections=True)
        elif when.key == "remote.ip":
            yield Clause(_any_of(_remote_address), when.values, when.not_values, of_connections=True)
        elif when.key.startswith(_HEADERS):
            yield Clause(_any_of(_header(when)), when.values, when.not_values)
        elif when.key == PRINCIPAL:
            yield Clause(request_principal, when.values, when.not_values)
        elif when.key in LISTS:
            yield Clause(claim(LISTS[when.key]), when.values, when.not_values)
        elif when.key.startswith(CLAIMS):
            yield Clause(claim(*claim_path(when.key)), when.values, when.not_values)


def _any_of(translate: Callable[[str], Condition]) -> Callable[[Sequence[str]], Condition]:
    return lambda values: AnyOf(tuple(map(translate, values)))


def _header(when: When) -> Callable[[str], Condition]:
    name = when.key.removeprefix(_HEADERS).removesuffix("]")
    return lambda value: HeaderMatch(name, text_like(value, PRESENT))


def _host(value: str) -> Condition:
    return HeaderMatch(":authority", text_like(value, PRESENT, ignore_case=True))


def _method(value: str) -> Condition:
    return HeaderMatch(":method", text_like(value, PRESENT))


def _path(value: str) -> Condition:
    if is_template(value):
        return PathTemplate(of_envoy(value))
    return PathMatch(text_like(value, ANY_TEXT))


def _port(open_port: OpenPort) -> Callable[[str], Condition]:
    return lambda value: DestinationPort(open_port.listener_port(integer(value)))


def _direct_address(value: str) -> Condition:
    return _address_range(value, direct=True)


def _remote_address(value: str) -> Condition:
    return _address_range(value, direct=False)


def _address_range(value: str, *, direct: bool) -> AddressRange:
    address, _, length = value.partition("/")
    prefix = address.partition("%")[0]  # of a zone, which is a network interface of some machine, nothing is left
    return AddressRange(prefix, int(length or (IPV6_BITS if ":" in prefix else IPV4_BITS)), direct)
