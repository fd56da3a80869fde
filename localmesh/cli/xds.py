"""`mesh xds`: what the proxies of manifests would be told, with nothing running."""

import argparse
import json
import sys
from pathlib import Path

from localmesh.cli.documents import documents
from localmesh.cli.validate import add_files
from localmesh.cli.verdicts import judge, known_images
from localmesh.core.errors import MeshError
from localmesh.core.objects import Key, Object, key_of
from localmesh.envoy.emit import emit
from localmesh.envoy.resources import Resource, Resources
from localmesh.kinds.resources import Resource as KubernetesResource
from localmesh.kinds.resources import resource_of
from localmesh.pilot.offline import proxies_of


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `mesh xds`."""
    parser = commands.add_parser("xds", help="write what each proxy would be told, with nothing running")
    add_files(parser)
    parser.add_argument(
        "-o", "--output", required=True, type=Path, help="folder for NAMESPACE.DEPLOYMENT/{lds,rds,cds,eds}.json"
    )
    parser.add_argument(
        "--auto-mtls",
        action="store_true",
        help="with TLS between proxies, as the mesh that runs has it; without it only where a rule says so",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write four files for each Deployment's proxy. Returns 1, and writes nothing, when something is refused."""
    objects = _admitted(arguments.filename, arguments.namespace)
    if objects is None:
        return 1
    for name, proxy in proxies_of(objects, auto_mtls=arguments.auto_mtls).items():
        _write(arguments.output / str(name), emit(proxy))
        print(arguments.output / str(name))
    return 0


def _admitted(paths: list[str], namespace: str) -> list[Object] | None:
    """Return what the files hold, the last one of each name; None, with the reasons on stderr, if some is refused."""
    admitted: dict[tuple[KubernetesResource | None, Key], Object] = {}
    refused = False
    images = known_images()
    for verdict in (judge(document, namespace, images) for document in documents(paths)):
        for line in verdict.lines():
            print(line, file=sys.stderr)
        if verdict.admitted is None:
            refused = True
        else:
            resource = resource_of(verdict.admitted["apiVersion"], verdict.admitted["kind"])
            admitted[resource, key_of(verdict.admitted)] = verdict.admitted
    return None if refused else list(admitted.values())


def _write(folder: Path, resources: Resources) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for kind in ("lds", "rds", "cds", "eds"):
            content: list[Resource] = list(getattr(resources, kind))
            (folder / f"{kind}.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise MeshError(f"{folder}: cannot be written: {error.strerror}") from error
