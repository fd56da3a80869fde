"""Whatever may be written: random VirtualServices, Gateways and DestinationRules within what is supported."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from localmesh.core.objects import Object
from localmesh.envoy.emit import emit
from localmesh.kinds.istio import review
from localmesh.kinds.istio.rules.retries import RETRY_CONDITIONS
from localmesh.kinds.resources import resource_of
from tests.localmesh.pilot.objects import (
    NAMESPACE,
    destination_rule,
    gateway,
    gateway_pod,
    gateway_service,
    pod,
    proxies,
    service,
    virtual_service,
)
from tests.localmesh.pilot.static import bootstrap, envoy_complaints

HOSTS = ("catalog", "webapp", "search", "catalog.istioinaction", "shop.io", "*.shop.io", "Eu.Shop.io", "*.local")
DESTINATIONS = ("catalog", "search", "nowhere", f"catalog.{NAMESPACE}.svc.cluster.local")
STANDING = (
    gateway_pod(),
    gateway_service(),
    pod("webapp-1"),
    pod("catalog-1", labels={"version": "v1"}),
    service("catalog"),
    service("webapp", {"name": "http", "port": 80}, {"port": 9000}),
    service("search", {"name": "http", "port": 8088}, {"name": "grpc", "port": 9000}),
)


def text_match(random: Random) -> Object:
    return random.choice([{}, {"exact": "/items"}, {"prefix": "/it"}, {"exact": "v2"}, {"prefix": "/"}])


def match(random: Random) -> Object:
    made: Object = {"name": random.choice(["", "one"])}
    if random.random() < 0.6:
        made["uri"] = text_match(random)
    if random.random() < 0.6:
        made["headers"] = {name: text_match(random) for name in random.sample([":method", "X-B", "x-a"], 2)}
    return made


def destinations(random: Random) -> list[Object]:
    count = random.choice([1, 1, 2, 3])
    made = [
        {"destination": {"host": random.choice(DESTINATIONS)}, "weight": random.randint(0, 3)} for _ in range(count)
    ]
    made[0]["weight"] = 1
    made[0]["destination"] |= random.choice([{}, {"subset": "v1"}, {"port": {"number": 80}}])
    return made


def retries(random: Random) -> Object:
    said = random.sample([*RETRY_CONDITIONS, "503", "429"], random.randint(1, 3))
    return random.choice([{}, {"attempts": 2}, {"attempts": 3, "retryOn": ",".join(said), "perTryTimeout": "1.5s"}])


def rule(random: Random) -> Object:
    made: Object = {"route": destinations(random), "match": [match(random) for _ in range(random.randint(0, 2))]}
    optional = {"timeout": "2s", "retries": retries(random), "name": "named"}
    return made | {key: value for key, value in optional.items() if random.random() < 0.4}


def rules(random: Random) -> list[Object]:
    """Return what some users might have applied; each has passed admission."""
    made = [
        virtual_service(
            f"v{index}",
            *(rule(random) for _ in range(random.randint(1, 3))),
            age=random.randint(0, 2),
            hosts=random.sample(HOSTS, random.randint(1, 2)),
            gateways=random.choice([[], ["front"], ["mesh", "front"], ["other/front"]]),
        )
        for index in range(random.randint(0, 5))
    ]
    made += [gateway(random.choice(["front", "back"]), *random.sample(["*", "*.shop.io", "./eu.shop.io"], 2))]
    made += [destination_rule("rule", *random.sample(["v1", "v2"], 1), host=random.choice(["catalog", "*.local"]))]
    return [obj for obj in made if not review(resource_of(obj["apiVersion"], obj["kind"]), obj).problems]


def resources(objects: Sequence[Object]) -> dict[str, Any]:
    return {name: emit(proxy) for name, proxy in proxies(*objects).items()}


@pytest.mark.parametrize("seed", range(4))
def test_envoy_takes_whatever_admission_takes(seed: int, tmp_path: Path) -> None:
    random = Random(seed)
    worlds = {f"{turn}": resources([*STANDING, *rules(random)]) for turn in range(6)}
    together = {f"{turn}.{name}": each for turn, made in worlds.items() for name, each in made.items()}
    assert envoy_complaints(bootstrap(together), tmp_path) == ""


@pytest.mark.parametrize("seed", range(40))
def test_only_age_and_names_decide_never_the_order_of_arrival(seed: int) -> None:
    random = Random(seed)
    objects = [*STANDING, *rules(random)]
    expected = resources(objects)
    random.shuffle(objects)
    assert resources(objects) == expected


@pytest.mark.parametrize("seed", range(40))
def test_each_part_is_sorted_and_each_domain_is_found_once(seed: int) -> None:
    for made in resources([*STANDING, *rules(Random(seed))]).values():
        for part, key in ((made.lds, "name"), (made.rds, "name"), (made.cds, "name"), (made.eds, "cluster_name")):
            names = [each[key] for each in part]
            assert names == sorted(set(names))
        for routes in made.rds:
            domains = [domain for host in routes["virtual_hosts"] for domain in host["domains"]]
            assert len(domains) == len(set(domains))


@pytest.mark.parametrize("seed", range(40))
def test_each_reference_is_to_something_that_is_there(seed: int) -> None:
    for made in resources([*STANDING, *rules(Random(seed))]).values():
        assert {each["name"] for each in made.cds if each["type"] == "EDS"} == {
            each["cluster_name"] for each in made.eds
        }
        managers = [each["filter_chains"][0]["filters"][0]["typed_config"] for each in made.lds]
        followed = {manager["rds"]["route_config_name"] for manager in managers if "rds" in manager}
        assert followed <= {each["name"] for each in made.rds}
