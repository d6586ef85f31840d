"""`python -m geoserver_app`: the command line, listening to Ctrl-C before the rest is loaded."""

from geoserver_app import interrupts


def main() -> None:
    interrupts.leave()
    from geoserver_app.cli import main as run

    run()


if __name__ == "__main__":
    main()
