"""``python -m services.webapp``: read the settings, build, serve."""

# ruff: noqa: PLC0415 - what is imported when is the point: each step comes before whatever it does not need.
from services.chassis.early import prepare


def main() -> None:
    """Runs webapp until it is told to end."""
    prepare()
    from services.chassis.settings import load
    from services.webapp.settings import Settings

    settings = load(Settings, "webapp")
    # A bad setting has ended the process by now, before the web framework is loaded or trips over it.
    from services.chassis.runner import run
    from services.webapp.app import create_app

    run("webapp", settings, create_app)


if __name__ == "__main__":
    main()
