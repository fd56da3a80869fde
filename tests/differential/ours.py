"""What the local mesh says of the same: in this process, by the code of `mesh validate` and `mesh xds`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from localmesh.cli.documents import Document
from localmesh.cli.verdicts import Verdict, judge
from localmesh.core.errors import MeshError
from localmesh.core.objects import Object
from localmesh.envoy.emit import emit
from localmesh.kubelet.images import Images
from localmesh.pilot.offline import proxies_of

BY_NAME = re.compile(r"the local mesh|istiod lets it pass, but Envoy")
"""How a refusal says that istiod takes what the local mesh does not."""

_NO_NODE = yaml.ScalarNode("", "")


def verdict(obj: Object, images: Images) -> Verdict:
    """Return the verdict on one object."""
    return judge(Document("generated", obj, _NO_NODE), "default", images)


def refused_by_name(judged: Verdict) -> list[str]:
    """Return the fields that were refused by name alone; nothing if the document is taken or is wrong."""
    if all(BY_NAME.search(problem.message) for problem in judged.problems):
        return [re.sub(r"\[[^]]*\]", "[]", problem.field) for problem in judged.problems]
    return []


def generate(verdicts: Sequence[Verdict], *, auto_mtls: bool) -> Mapping[str, Mapping[str, list[Any]]]:
    """Return what each proxy would be told. Raises MeshError."""
    admitted = [each.admitted for each in verdicts]
    if not all(admitted):
        raise MeshError("a document is refused")
    found = {}
    for name, proxy in proxies_of([obj for obj in admitted if obj], auto_mtls=auto_mtls).items():
        resources = emit(proxy)
        found[str(name)] = {kind: list(getattr(resources, kind)) for kind in ("lds", "rds", "cds", "eds")}
    return found
