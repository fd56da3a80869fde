"""Objects as YAML that istiod's reader takes for what they are."""

from collections.abc import Sequence
from typing import Any

import yaml

Object = dict[str, Any]


class _Dumper(yaml.SafeDumper):
    """Writes no anchors, for people read what it writes, and quotes what Go's reader takes for booleans or numbers."""

    def represent_text(self, data: str) -> yaml.ScalarNode:
        """Quote what would be read as something else."""
        style = "'" if data.lower() in ("y", "n") or data[:1] in "0123456789+-." else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


_Dumper.add_representer(str, _Dumper.represent_text)


def text_of(objects: Sequence[Object]) -> str:
    """Return objects as YAML documents."""
    return yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
