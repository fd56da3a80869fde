"""The command `mesh`: what kubectl has no verb for."""

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence

from localmesh.core.errors import MeshError

COMMANDS = {
    "up": "up",
    "down": "down",
    "status": "status",
    "lesson": "lesson",
    "explain": "explain",
    "trace": "trace",
    "proxy-status": "proxy_status",
    "ps": "proxy_status",
    "proxy-config": "proxy_config",
    "pc": "proxy_config",
    "validate": "validate",
    "xds": "xds",
    "serve": "serve",
}
"""Each command's module in `localmesh.cli`; short names, too."""


def parser(command: str = "") -> argparse.ArgumentParser:
    """Return the grammar of one command, or of all when there is none of that name: each costs its imports."""
    modules = [COMMANDS[command]] if command in COMMANDS else dict.fromkeys(COMMANDS.values())
    top = argparse.ArgumentParser(
        prog="mesh",
        description="A Kubernetes and an Istio on loopback, small enough to read; all else is done with kubectl.",
        epilog="MESH_DIR names another folder than .mesh in the checkout, for a second mesh beside the first.",
    )
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in modules:
        importlib.import_module(f"localmesh.cli.{module}").add_parser(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; what the user can put right is one line on stderr."""
    words = sys.argv[1:] if argv is None else argv
    try:
        return _run(words)
    except MeshError as error:
        print(f"mesh: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        # Whoever read the output has gone, like `head`; what Python would still flush goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if isinstance(error, BrokenPipeError):
            return 0
        print(f"mesh: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run(words: Sequence[str]) -> int:
    """Run one command, and have all that it prints written: what that brings is better known here than at the end."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names that no encoding has, or that a terminal's has not
    try:
        arguments = parser(words[0] if words else "").parse_args(words)
        return int(arguments.run(arguments))
    finally:
        if sys.stdout:
            sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
