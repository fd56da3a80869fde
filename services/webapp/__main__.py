"""``python -m services.webapp``: read the settings, build, serve."""

from services.chassis.settings import load
from services.webapp.settings import Settings


def main() -> None:
    """Runs webapp until it is told to end."""
    settings = load(Settings, "webapp")
    # Only now: a bad setting ends the process before the web framework is loaded, or trips over it.
    from services.chassis.runner import run  # noqa: PLC0415
    from services.webapp.app import create_app  # noqa: PLC0415

    run("webapp", settings, create_app)


if __name__ == "__main__":
    main()
