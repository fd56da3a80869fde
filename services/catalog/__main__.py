"""``python -m services.catalog``: read the settings, build, serve."""

from services.catalog.settings import Settings
from services.chassis.settings import load


def main() -> None:
    """Runs catalog until it is told to end."""
    settings = load(Settings, "catalog")
    # Only now: a bad setting ends the process before the web framework is loaded, or trips over it.
    from services.catalog.app import create_app  # noqa: PLC0415
    from services.chassis.runner import run  # noqa: PLC0415

    run("catalog", settings, create_app)


if __name__ == "__main__":
    main()
