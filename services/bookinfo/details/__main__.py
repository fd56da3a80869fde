"""``python -m services.bookinfo.details``: read the settings, build, serve."""

# ruff: noqa: PLC0415 - what is imported when is the point: each step comes before whatever it does not need.
from services.chassis.early import prepare


def main() -> None:
    """Runs details until it is told to end."""
    prepare()
    from services.bookinfo.details.settings import Settings
    from services.chassis.settings import load

    settings = load(Settings, "details")
    # A bad setting has ended the process by now, before the web framework is loaded or trips over it.
    from services.bookinfo.details.app import create_app
    from services.chassis.runner import run

    run("details", settings, create_app)


if __name__ == "__main__":
    main()
