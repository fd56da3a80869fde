"""The release that this is."""

RELEASE = "1.0.0"
"""The one number that pyproject.toml, the images and their tags, OpenAPI and ``/version`` give."""
