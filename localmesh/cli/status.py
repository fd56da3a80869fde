"""`mesh status`: what runs."""

import argparse

from localmesh.cli.kubectl import Kubectl
from localmesh.home import Home
from localmesh.kinds.addresses import HTTP_PORT


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `mesh status`."""
    parser = commands.add_parser("status", help="say what runs; exit code 1 when nothing does")
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Print where the mesh answers, and its pods."""
    home = Home.default()
    running = home.running()
    if running is None:
        _say_that_none_runs(home)
        return 1
    print(f"running since {running.started}, pid {running.pid}")
    for name, trouble in running.troubles.items():
        times = f"{trouble.restarts} time{'s' if trouble.restarts > 1 else ''}"
        print(f"  trouble    {name} died {times} and was started anew, last of {trouble.cause}")
    kubectl = Kubectl(home)
    print(f"  gateway    {_gateways(kubectl)}")
    print(f"  kubectl    https://127.0.0.1:{running.api_port}, KUBECONFIG={home.kubeconfig}")
    print(f"  log        {home.log}\n", flush=True)
    return kubectl.call("get", "deployments,pods", "-A")


def _say_that_none_runs(home: Home) -> None:
    last = home.last()
    if last is not None:
        why = last.failure or "it was killed"
        print(f"the mesh that was started at {last.started} (pid {last.pid}) ended unasked: {why}; see {home.log}")
    print("no mesh runs in this checkout: `make up` starts one")


def _gateways(kubectl: Kubectl) -> str:
    """Return where the gateway listens for HTTP now: its Service's nodePort may have been patched since the start."""
    services = kubectl.json("get", "services", "-n", "istio-system", "-l", "istio=ingressgateway")["items"]
    ports = [port for service in services for port in service["spec"]["ports"] if port["port"] == HTTP_PORT]
    return ", ".join(f"http://127.0.0.1:{port['nodePort']}" for port in ports) or "no Service leads to it"
