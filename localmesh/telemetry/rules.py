"""The rules in force, read from what Envoys themselves say that they run, and what is wrong with them."""

import asyncio
import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from localmesh.telemetry.route_words import (
    action_in_words,
    cluster_in_words,
    deeds_in_words,
    match_in_words,
    retries_in_words,
)
from localmesh.telemetry.scraping import Envoy, ScrapeError

logger = logging.getLogger(__name__)

ROUTES = "/config_dump?resource=dynamic_route_configs"
CLUSTERS = "/clusters?format=json"
LISTENERS = "/listeners?format=json"
"""Without those that are gone and answer only what was begun; their routes are shown as long."""

Message = Mapping[str, Any]


class Rule(Struct, frozen=True):
    """One route that somebody wrote, as a proxy runs it."""

    name: str
    """Unique: namespace, object, digest. The label `rule` of `mesh_rule_requests_total`."""

    object: str
    """`VirtualService catalog.istioinaction`."""

    where: str
    """The proxies that follow it: `webapp.istioinaction`."""

    hosts: str
    match: str
    action: str
    retries: str
    timeout: str
    deeds: tuple[str, ...] = ()
    """What else it does to requests: faults, mirrors, rewrites, headers."""

    shadowed_by: str = ""
    """The match of an earlier rule that takes every request; "" if there is none."""


class Trouble(Struct, frozen=True):
    """Something that is wrong now, and what to do about it."""

    level: str
    """`error` when requests fail of it, else `warning`."""

    text: str
    fix: str


class Reading(Struct, frozen=True):
    """What proxies run."""

    rules: tuple[Rule, ...] = ()
    troubles: tuple[Trouble, ...] = ()


async def read(envoys: Sequence[Envoy]) -> Reading:
    """Ask one proxy of each workload; those that do not answer are left out."""
    answers = await asyncio.gather(*map(_ask, _one_each(envoys)))
    rules: dict[str, Rule] = {}
    troubles: dict[str, Trouble] = {}
    for envoy, routes, clusters in filter(None, answers):
        workload = workload_of(envoy.pod)
        for rule in rules_of(workload, envoy.namespace, routes):
            known = rules.get(rule.name)
            rules[rule.name] = _together(known, rule) if known else rule
        for trouble in (*empty_subsets(routes, clusters), *ejections(workload, envoy.namespace, clusters)):
            troubles.setdefault(trouble.text, trouble)
    for rule in rules.values():
        if rule.shadowed_by:
            text = f"{rule.object}: the rule for {rule.match} never matches, since {rule.shadowed_by} comes before it"
            troubles[text] = Trouble("warning", text, "put the narrower rule first")
    return Reading(tuple(rules.values()), tuple(troubles.values()))


async def _ask(envoy: Envoy) -> tuple[Envoy, list[Message], list[Message]] | None:
    try:
        routes = json.loads(await envoy.get(ROUTES)).get("configs", [])
        clusters = json.loads(await envoy.get(CLUSTERS)).get("cluster_statuses", [])
        listeners = json.loads(await envoy.get(LISTENERS)).get("listener_statuses", [])
    except (ScrapeError, ValueError) as error:
        logger.info("%s/%s does not say what it runs: %s", envoy.namespace, envoy.pod, error)
        return None
    configurations = [config["route_config"] for config in routes if "route_config" in config]
    names = [str(listener["name"]) for listener in listeners]
    return (
        envoy,
        [
            configuration
            for configuration in configurations
            if _is_listened_for(str(configuration.get("name", "")), names)
        ],
        clusters,
    )


def _is_listened_for(routes: str, listeners: Sequence[str]) -> bool:
    """Tell whether a gateway still listens for routes, by istiod's names: `http.8080` and `0.0.0.0_8080`."""
    protocol, _, port = routes.partition(".")
    return protocol != "http" or any(name.endswith(f"_{port}") for name in listeners)


def _one_each(envoys: Iterable[Envoy]) -> list[Envoy]:
    chosen: dict[tuple[str, str], Envoy] = {}
    for envoy in envoys:
        chosen[envoy.namespace, workload_of(envoy.pod)] = envoy
    return list(chosen.values())


def workload_of(pod: str) -> str:
    """Return a Deployment's name from that of its pod, which ends in a hash and a suffix."""
    words = pod.rsplit("-", 2)
    return words[0] if len(words) == 3 and len(words[2]) == 5 else pod  # noqa: PLR2004 -- NAME-HASH-SUFFIX


def _together(known: Rule, rule: Rule) -> Rule:
    where = known.where if rule.where in known.where.split(", ") else f"{known.where}, {rule.where}"
    return replace(known, where=where, shadowed_by=known.shadowed_by and rule.shadowed_by)


def rules_of(workload: str, namespace: str, configurations: Iterable[Message]) -> Iterator[Rule]:
    """Yield the rules in a proxy's route configurations, in the order in which requests meet them."""
    for configuration in configurations:
        for host in configuration.get("virtual_hosts", ()):
            all_taken_by = ""
            for route in host.get("routes", ()):
                rule = _rule(f"{workload}.{namespace}", host, route, all_taken_by)
                if rule:
                    yield rule
                if _takes_all(route.get("match", {})):
                    all_taken_by = all_taken_by or "one for every request"


def _rule(where: str, host: Message, route: Message, shadowed_by: str) -> Rule | None:
    metadata = (route.get("metadata") or {}).get("filter_metadata", {})
    name, path = metadata.get("mesh", {}).get("rule"), str(metadata.get("istio", {}).get("config", ""))
    if not name:
        return None
    action = route.get("route", {})
    return Rule(
        name=name,
        object=_object(path),
        where=where,
        hosts=", ".join(host.get("domains", ())[:2]),
        match=match_in_words(route.get("match", {})),
        action=action_in_words(route),
        retries=retries_in_words(action.get("retry_policy")),
        timeout="" if action.get("timeout", "0s") == "0s" else f"{action['timeout']} at most",
        deeds=tuple(deeds_in_words(route)),
        shadowed_by=shadowed_by,
    )


def object_of(route: Message) -> str:
    """Return whose rule a route is, "" for one that nobody wrote."""
    path = (route.get("metadata") or {}).get("filter_metadata", {}).get("istio", {}).get("config")
    return _object(str(path)) if path else ""


def _object(path: str) -> str:
    """Return `VirtualService catalog.istioinaction` for istiod's path of an object."""
    words = path.split("/")
    kind = "".join(word.capitalize() for word in words[-2].split("-")) if len(words) > 1 else ""
    return f"{kind} {words[-1]}.{words[-3]}" if len(words) > 2 else path  # noqa: PLR2004 -- …/NAMESPACE/KIND/NAME


def _takes_all(match: Message) -> bool:
    return match.get("prefix") == "/" and not match.get("headers") and not match.get("query_parameters")


def empty_subsets(configurations: Iterable[Message], clusters: Iterable[Message]) -> Iterator[Trouble]:
    """Yield a trouble for each cluster that a route leads to and that has no healthy endpoint."""
    healthy = {cluster["name"]: sum(map(is_healthy, cluster.get("host_statuses", ()))) for cluster in clusters}
    for name, rule in _led_to(configurations):
        if not name.startswith("outbound|") or healthy.get(name, 0):
            continue
        words = cluster_in_words(name)
        if name not in healthy:
            yield Trouble("error", f"{rule}: {words} does not exist: requests for it get 503 (NC)",
                          "define the subset in a DestinationRule, or correct its name")  # fmt: skip
        else:
            yield Trouble("error", f"{rule}: {words} has no healthy endpoint: requests for it get 503 (UH)",
                          "start a pod with the subset's labels, or send its share elsewhere")  # fmt: skip


def ejections(workload: str, namespace: str, clusters: Iterable[Message]) -> Iterator[Trouble]:
    """Yield a trouble for each cluster of which a proxy leaves out endpoints that failed too often."""
    for cluster in clusters:
        hosts = cluster.get("host_statuses", ())
        out = sum(host.get("health_status", {}).get("failed_outlier_check") is True for host in hosts)
        if out and cluster["name"].startswith("outbound|"):
            text = (
                f"{cluster_in_words(cluster['name'])}: {out} of {len(hosts)} endpoints ejected by outlier detection, as"
                f" {workload}.{namespace} sees it"
            )
            fix = f"which: mesh proxy-config endpoints deploy/{workload} -n {namespace}; each is tried again in time"
            yield Trouble("warning", text, fix)


def _led_to(configurations: Iterable[Message]) -> Iterator[tuple[str, str]]:
    for configuration in configurations:
        for host in configuration.get("virtual_hosts", ()):
            for route in host.get("routes", ()):
                path = (route.get("metadata") or {}).get("filter_metadata", {}).get("istio", {}).get("config")
                action = route.get("route", {})
                shares = action.get("weighted_clusters", {}).get("clusters", ())
                names = [share["name"] for share in shares if share.get("weight")] or [action.get("cluster", "")]
                if path:
                    yield from ((name, _object(str(path))) for name in names)


def is_healthy(host: Message) -> bool:
    """Tell whether an Envoy sends requests to a host of one of its clusters."""
    status = host.get("health_status", {})
    return status.get("eds_health_status", "HEALTHY") == "HEALTHY" and not any(
        value is True for name, value in status.items() if name.startswith("failed_")
    )
