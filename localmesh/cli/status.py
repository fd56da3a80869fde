"""`mesh status`: what runs."""

import argparse

from localmesh.cli.kubectl import Kubectl
from localmesh.home import Home


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `mesh status`."""
    parser = commands.add_parser("status", help="say what runs; exit code 1 when nothing does")
    parser.set_defaults(run=run)


def run(_: argparse.Namespace) -> int:
    """Print where the mesh answers, and its pods."""
    home = Home.default()
    running = home.running()
    if running is None:
        print("no mesh runs in this checkout: `make up` starts one")
        return 1
    print(f"running since {running.started}, pid {running.pid}")
    print(f"  gateway    http://127.0.0.1:{running.gateway_port} (until its Service's nodePort is patched)")
    print(f"  kubectl    https://127.0.0.1:{running.api_port}, KUBECONFIG={home.kubeconfig}")
    print(f"  log        {home.log}\n", flush=True)
    return Kubectl(home).call("get", "deployments,pods", "-A")
