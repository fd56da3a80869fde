"""``python -m services.bookinfo.productpage``: read the settings, build, serve."""

# ruff: noqa: PLC0415 - what is imported when is the point: each step comes before whatever it does not need.
from services.chassis.early import prepare


def main() -> None:
    """Runs productpage until it is told to end."""
    prepare()
    from services.bookinfo.productpage.settings import Settings
    from services.chassis.settings import load

    settings = load(Settings, "productpage")
    # A bad setting has ended the process by now, before the web framework is loaded or trips over it.
    from services.bookinfo.productpage.app import create_app
    from services.chassis.runner import run

    run("productpage", settings, create_app)


if __name__ == "__main__":
    main()
