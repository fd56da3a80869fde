"""`mesh validate`: admission's verdict on files, with nothing running."""

import argparse

from localmesh.cli.advice import advice_on
from localmesh.cli.documents import documents
from localmesh.cli.verdicts import judge, known_images


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `mesh validate`."""
    parser = commands.add_parser("validate", help="say what `kubectl apply` would say to files, with nothing running")
    add_files(parser)
    parser.set_defaults(run=run)


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add kubectl's options for naming manifests."""
    parser.add_argument(
        "-f", "--filename", action="append", required=True, help="a file, a folder, or - for the standard input"
    )
    parser.add_argument("-n", "--namespace", default="default", help="where objects live that do not say so themselves")


def run(arguments: argparse.Namespace) -> int:
    """Print refusals and warnings with file and line. Returns 1 when something is refused."""
    images = known_images()
    verdicts = [judge(document, arguments.namespace, images) for document in documents(arguments.filename)]
    advice = advice_on(verdicts)
    for number, verdict in enumerate(verdicts):
        for line in (*verdict.lines(), *advice.get(number, ())):
            print(line)
    refused = sum(verdict.admitted is None for verdict in verdicts)
    print(f"{len(verdicts)} object{'s' if len(verdicts) != 1 else ''}, {refused or 'none'} refused")
    return 1 if refused else 0
