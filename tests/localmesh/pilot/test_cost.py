"""What a computation costs, counted and not timed: an object of thousands of parts keeps the mesh from nothing else."""

import sys
from types import FrameType

from localmesh.core.objects import Object
from tests.localmesh.pilot.objects import pod, proxies, service


def calls(*objects: Object) -> int:
    """How many Python functions are called to compute the proxies of these objects."""
    made = 0

    def note(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal made
        made += event == "call"

    proxies(*objects)  # what is computed once and for all
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        proxies(*objects)
    finally:
        sys.setprofile(before)
    return made


def with_ports(number: int) -> tuple[Object, ...]:
    ports = [{"name": f"http-{index}", "port": 10_000 + index, "targetPort": 3000} for index in range(number)]
    return service("catalog", *ports), service("webapp"), pod("catalog"), pod("webapp")


def test_a_service_of_twice_as_many_ports_costs_twice_as_much() -> None:
    assert calls(*with_ports(160)) < 2.2 * calls(*with_ports(80))
