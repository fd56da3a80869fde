"""`mesh validate`: admission's verdict on files, with nothing running."""

import argparse

from localmesh.cli.advice import advice_on
from localmesh.cli.documents import documents
from localmesh.cli.fields import explained
from localmesh.cli.verdicts import judge, known_images
from localmesh.core.errors import MeshError


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `mesh validate`."""
    parser = commands.add_parser("validate", help="say what `kubectl apply` would say to files, with nothing running")
    parser.add_argument("files", nargs="*", metavar="FILE", help="the same as -f FILE")
    add_files(parser, required=False)
    parser.add_argument(
        "--explain", action="store_true", help="say of each field whether it is honoured, approximated or refused"
    )
    parser.set_defaults(run=run)


def add_files(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add kubectl's options for naming manifests."""
    parser.add_argument(
        "-f",
        "--filename",
        action="append",
        default=[],
        required=required,
        help="a file, a folder, or - for the standard input",
    )
    parser.add_argument("-n", "--namespace", default="default", help="where objects live that do not say so themselves")


def run(arguments: argparse.Namespace) -> int:
    """Print refusals and warnings with file and line, or what becomes of each field.

    Returns 1 when something is refused. Raises MeshError where no file is named.
    """
    paths = [*arguments.filename, *arguments.files]
    if not paths:
        raise MeshError("no file is named: mesh validate [--explain] FILE…")
    images = known_images()
    verdicts = [judge(document, arguments.namespace, images) for document in documents(paths)]
    advice = advice_on(verdicts)
    for number, verdict in enumerate(verdicts):
        lines = [explained(verdict)] if arguments.explain else [*verdict.lines()]
        for line in (*lines, *advice.get(number, ())):
            print(line)
    refused = sum(verdict.admitted is None for verdict in verdicts)
    print(f"{len(verdicts)} object{'s' if len(verdicts) != 1 else ''}, {refused or 'none'} refused")
    return 1 if refused else 0
