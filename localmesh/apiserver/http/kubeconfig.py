"""The kubeconfig that leads kubectl to the door."""

import base64
import os
from pathlib import Path
from typing import Any

import yaml

from localmesh.apiserver.http.certificates import Credentials

NAME = "localmesh"
"""Of the cluster, the user and the context."""


def write(path: Path, server: str, credentials: Credentials) -> None:
    """Write the file for its owner alone; a namespace that the user chose in it stays chosen."""
    document = _document(server, credentials, _namespace(path))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        yaml.safe_dump(document, file, sort_keys=False)
    draft.replace(path)


def _document(server: str, credentials: Credentials, namespace: str | None) -> dict[str, Any]:
    context = {"cluster": NAME, "user": NAME} | ({"namespace": namespace} if namespace else {})
    user = {
        "client-certificate-data": _text(credentials.certificate),
        "client-key-data": _text(credentials.key),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": NAME, "cluster": {"server": server, "certificate-authority-data": _text(credentials.authority)}}
        ],
        "users": [{"name": NAME, "user": user}],
        "contexts": [{"name": NAME, "context": context}],
        "current-context": NAME,
    }


def _namespace(path: Path) -> str | None:
    """Return the namespace that was set in the file by `kubectl config set-context`, if any."""
    try:
        document = yaml.safe_load(path.read_text())
        contexts = {entry["name"]: entry["context"] for entry in document["contexts"]}
        namespace: str | None = contexts[NAME].get("namespace")
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return None  # there is none, or it is not ours: it is written anew
    return namespace


def _text(pem: bytes) -> str:
    return base64.b64encode(pem).decode()
