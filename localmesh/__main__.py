"""The command `mesh`: what kubectl has no verb for."""

import argparse
import os
import sys
from collections.abc import Sequence

from localmesh.cli import down, explain, lesson, proxy_config, proxy_status, serve, status, trace, up, validate, xds
from localmesh.core.errors import MeshError

COMMANDS = (up, down, status, lesson, explain, trace, proxy_status, proxy_config, validate, xds, serve)


def parser() -> argparse.ArgumentParser:
    """Return the command line's grammar."""
    top = argparse.ArgumentParser(
        prog="mesh",
        description="A Kubernetes and an Istio on loopback, small enough to read; all else is done with kubectl.",
        epilog="MESH_DIR names another folder than .mesh in the checkout, for a second mesh beside the first.",
    )
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; what the user can put right is one line on stderr."""
    arguments = parser().parse_args(argv)
    try:
        return int(arguments.run(arguments))
    except MeshError as error:
        print(f"mesh: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read the output has gone, like `head`; what Python would still flush goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
