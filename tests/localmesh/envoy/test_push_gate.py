"""What the mesh promises of pushes, counted: no request is lost, whatever comes and goes. bench/push.py times it."""

import random

import pytest

from tests.localmesh.envoy.world import World, random_resources, route, stream

pytestmark = pytest.mark.long

PUSHES = 200
REQUESTS = 50_000
CONNECTIONS = 16


async def test_no_request_fails_while_clusters_subsets_and_routes_come_and_go(
    envoy: World, ports: dict[str, int]
) -> None:
    seeded = random.Random(2)
    delivery = envoy.delivery(linger_s=0)
    delivery.submit(random_resources(envoy, seeded, ports))
    await envoy.start()
    await envoy.accepted(delivery)
    outcomes = []
    async with stream(envoy.port, CONNECTIONS) as requests:
        while len(outcomes) < PUSHES or requests.total < REQUESTS:
            delivery.submit(random_resources(envoy, seeded, ports))
            outcomes.append((await delivery.settled()).outcome)
            await requests.more(50)
    await delivery.close()
    assert set(outcomes) == {"accepted"}
    assert requests.failures == {}
    assert set(requests.answers) == set(ports)


async def test_refused_configurations_among_good_ones_cost_no_request(envoy: World, ports: dict[str, int]) -> None:
    seeded = random.Random(3)
    bad = route("a", safe_regex={"regex": "(("})
    delivery = envoy.delivery(linger_s=0)
    delivery.submit(random_resources(envoy, seeded, ports))
    await envoy.start()
    await envoy.accepted(delivery)
    outcomes = []
    async with stream(envoy.port, CONNECTIONS) as requests:
        for number in range(PUSHES // 2):
            wanted = random_resources(envoy, seeded, ports)
            if number % 2:
                wanted.rds[0]["virtual_hosts"][0]["routes"].append(bad)
            delivery.submit(wanted)
            outcomes.append((await delivery.settled()).outcome)
            await requests.more(50)
    await delivery.close()
    assert outcomes == ["accepted", "refused"] * (PUSHES // 4)
    assert requests.failures == {}
