"""What one change costs the mesh's event loop: from the store to what waits to be sent to each Envoy.

    python -m bench.change [N …]

For N Services, each with a pod behind a sidecar, a VirtualService and a DestinationRule with two subsets, something
changes back and forth: a pod's readiness, or a VirtualService's timeout. Figures are milliseconds of this process's CPU
time, the median of some rounds.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable

from localmesh.core.objects import Key, Object
from localmesh.envoy.channel import Channel
from localmesh.envoy.delivery import Delivery
from localmesh.envoy.emit import Emitter
from localmesh.envoy.wire import Encoder
from localmesh.kinds.addresses import ANNOTATION, PodAddresses
from localmesh.kinds.injection import inject
from localmesh.kinds.resources import DESTINATION_RULES, PODS, SERVICES, VIRTUAL_SERVICES
from localmesh.pilot.proxies import Pilot
from localmesh.pilot.registry.addresses import LiveAddresses
from localmesh.pilot.snapshot import SnapshotReader
from localmesh.store.objects import Store

SIZES = (8, 15, 30, 60)
ROUNDS = 15
NAMESPACE = "bench"
STEPS = ("read", "compute", "emit", "encode", "submit")
INJECTING = {"metadata": {"labels": {"istio-injection": "enabled"}}}


def world(size: int) -> Store:
    """Return a store with that many of everything."""
    store = Store()
    for number in range(size):
        name = f"s{number:03}"
        metadata = {"name": name, "namespace": NAMESPACE}
        port = {"name": "http", "port": 80, "targetPort": 3000, "protocol": "TCP"}
        spec = {"clusterIP": f"10.200.1.{number}", "selector": {"app": name}, "ports": [port]}
        store.create(SERVICES, {"metadata": metadata, "spec": spec})
        store.create(VIRTUAL_SERVICES, {"metadata": metadata, "spec": virtual_service(name, "2s")})
        subsets = [{"name": version, "labels": {"version": version}} for version in ("v1", "v2")]
        store.create(DESTINATION_RULES, {"metadata": metadata, "spec": {"host": name, "subsets": subsets}})
        store.create(PODS, pod(f"{name}-1", name, 20000 + 8 * number))
    return store


def virtual_service(name: str, timeout: str) -> Object:
    route = {"route": [{"destination": {"host": name, "subset": "v1"}}], "timeout": timeout}
    return {"hosts": [name], "http": [route]}


def pod(name: str, app: str, first_port: int) -> Object:
    addresses = PodAddresses(
        app={3000: first_port}, inbound={3000: first_port + 1}, http_proxy=first_port + 2, network=first_port + 3
    )
    metadata = {
        "name": name,
        "namespace": NAMESPACE,
        "labels": {"app": app, "version": "v1"},
        "annotations": {ANNOTATION: addresses.to_annotation()},
    }
    container = {"name": app, "image": app, "ports": [{"containerPort": 3000}]}
    return inject({"metadata": metadata, "spec": {"containers": [container]}, "status": ready("True")}, INJECTING)


def ready(status: str) -> Object:
    return {"phase": "Running", "conditions": [{"type": "Ready", "status": status}]}


def readiness(store: Store, turn: int) -> None:
    status = ready(str(turn % 2 == 0))
    store.modify(PODS, Key(NAMESPACE, "s000-1"), lambda draft: draft.update(status=status))


def timeout(store: Store, turn: int) -> None:
    spec = virtual_service("s000", f"{2 + turn % 2}s")
    store.modify(VIRTUAL_SERVICES, Key(NAMESPACE, "s000"), lambda draft: draft.update(spec=spec))


CHANGES: dict[str, Callable[[Store, int], None]] = {"a pod's readiness": readiness, "a timeout": timeout}


class Clock:
    """CPU time by step."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, list[float]] = {step: [] for step in STEPS}
        self._last = time.process_time()

    def start(self) -> None:
        self._last = time.process_time()

    def note(self, step: str) -> None:
        now = time.process_time()
        self.milliseconds[step].append(1000 * (now - self._last))
        self._last = now


async def measured(size: int, change: Callable[[Store, int], None]) -> dict[str, float]:
    """Return the medians of each step."""
    store, reader, emitter, encoder = world(size), SnapshotReader(), Emitter(), Encoder()
    pilot = Pilot(LiveAddresses(), auto_mtls=True)
    deliveries: dict[object, Delivery] = {}
    clock = Clock()
    for turn in range(ROUNDS + 1):
        change(store, turn)
        clock.start()
        snapshot = reader.of(store)
        clock.note("read")
        proxies = pilot.compute(snapshot).proxies
        clock.note("compute")
        emitter.forget()
        emitted = {name: emitter.emit(proxy) for name, proxy in proxies.items()}
        clock.note("emit")
        encoder.forget()
        encoded = {name: encoder.encode_all(resources) for name, resources in emitted.items()}
        clock.note("encode")
        for name, configuration in encoded.items():
            deliveries.setdefault(name, Delivery(Channel())).submit(configuration)
        await asyncio.sleep(0)
        clock.note("submit")
    for delivery in deliveries.values():
        await delivery.close()
    return {step: statistics.median(times[1:]) for step, times in clock.milliseconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int, default=SIZES, metavar="N", help="numbers of services (8 … 60)")
    sizes = parser.parse_args().sizes
    print(f"{'change':<18} {'N':>3} " + " ".join(f"{step:>8}" for step in (*STEPS, "sum")) + "   ms CPU")
    for name, change in CHANGES.items():
        for size in sizes:
            steps = asyncio.run(measured(size, change))
            figures = (*steps.values(), sum(steps.values()))
            print(f"{name:<18} {size:>3} " + " ".join(f"{figure:8.1f}" for figure in figures))


if __name__ == "__main__":
    main()
