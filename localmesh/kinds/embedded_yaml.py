"""YAML that stands as a text in an object: users write it, so it may be anything."""

from typing import Any

import yaml


def settings_in(text: str) -> Any:
    """Return what a text says, {} for an empty one. Raises ValueError, in words."""
    try:
        return yaml.safe_load(text) or {}
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none, a number of 5,000 digits
        raise ValueError(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
