"""``python -m services.bookinfo.ratings``: read the settings, build, serve."""

# ruff: noqa: PLC0415 - what is imported when is the point: each step comes before whatever it does not need.
from services.chassis.early import prepare


def main() -> None:
    """Runs ratings until it is told to end."""
    prepare()
    from services.bookinfo.ratings.settings import Settings
    from services.chassis.settings import load

    settings = load(Settings, "ratings")
    # A bad setting has ended the process by now, before the web framework is loaded or trips over it.
    from services.bookinfo.ratings.app import create_app
    from services.chassis.runner import run

    run("ratings", settings, create_app)


if __name__ == "__main__":
    main()
