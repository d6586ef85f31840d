"""The command line: `maillage`. Only here is the loader imported, inside its commands."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from geoserver_app import interrupts
from geoserver_app.core.errors import BadParameter, GeoError
from geoserver_app.settings import BadSettings, Settings, read_settings

if TYPE_CHECKING:  # the store takes a second to load, which `--help` need not wait for
    from geoserver_app.store.addresses import Access

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=__doc__.splitlines()[0],
)
exercise_app = typer.Typer(no_args_is_help=True, help="The fictional exercise a new installation shows.")
key_app = typer.Typer(no_args_is_help=True, help="API keys.")
app.add_typer(exercise_app, name="exercise")
app.add_typer(key_app, name="key")


def tell(sentence: str) -> None:
    print(sentence, file=sys.stderr)


@contextmanager
def _running(settings: Settings) -> "Iterator[Access]":
    """The database, for the length of a block: while there is something to tidy up."""
    from geoserver_app.store.cluster import running

    interrupts.unwind()
    try:
        with running(settings, tell=tell) as access:
            yield access
    except KeyboardInterrupt:
        raise interrupts.Interrupted from None
    finally:
        interrupts.leave()


class Store:
    """The database of a command: started if need be, migrated, left as it was found."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._running = _running(settings)

    def __enter__(self) -> str:
        from geoserver_app.store.migrate import migrate

        access = self._running.__enter__()
        try:
            migrate(access.owner_url, access.app_password)
        except BaseException:
            self._running.__exit__(*sys.exc_info())
            raise
        return access.owner_url

    def __exit__(self, *problem: object) -> None:
        self._running.__exit__(*problem)  # type: ignore[arg-type]


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes; one per core by default.")] = None,
    with_exercise: Annotated[
        bool, typer.Option("--exercise", help="Load the exercise first where no layer is published.")
    ] = False,
) -> None:
    """Serve until interrupted."""
    from geoserver_app.serve import serve as run
    from ingest.descriptions import pending

    settings = read_settings(host=host, port=port, workers=workers)
    if pending(settings):
        from ingest.cli import mend

        with Store(settings) as owner_url:
            mend(settings, owner_url)
    raise typer.Exit(run(settings, exercise=with_exercise))


@app.command(name="migrate")
def migrate_schema() -> None:
    """Bring the database's schema to this version."""
    from geoserver_app.store.migrate import migrate

    with _running(read_settings()) as access:
        print(f"The schema is at version {migrate(access.owner_url, access.app_password)}.")


@app.command()
def add(
    file: Annotated[Path, typer.Argument(help="Any vector file.")],
    id_: Annotated[str | None, typer.Option("--id", help="Layer id; default: the file's stem.")] = None,
    title: Annotated[str | None, typer.Option(help="Title people see.")] = None,
    layer: Annotated[list[str] | None, typer.Option(help="Layer inside the file; may be repeated.")] = None,
    where: Annotated[str | None, typer.Option(help="CQL2 text: only these rows.")] = None,
    crs: Annotated[int | None, typer.Option(help="EPSG number, where the file does not say.")] = None,
    encoding: Annotated[str | None, typer.Option(help="Character encoding, where the file does not say.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the layer that has this id.")] = False,
) -> None:
    """Publish a file: writes the layer and a style, loads it, and it is on every protocol."""
    if file.is_dir() and file.suffix.lower() != ".gdb":
        raise BadParameter(f"{str(file)!r} is a folder; give a file", locator="file")
    from ingest.cli import add as run

    settings = read_settings()
    with Store(settings) as owner_url:
        code = run(
            settings, owner_url, file, id_=id_, title=title, layers=tuple(layer or ()), where=where, crs=crs,
            encoding=encoding, replace=replace,
        )  # fmt: skip
    raise typer.Exit(code)


@app.command()
def ingest(
    ids: Annotated[list[str] | None, typer.Argument(help="Layer ids.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every layer whose source is confirmed.")] = False,
    from_: Annotated[str | None, typer.Option("--from", help="Read this file or address instead.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, publish nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Publish even if the counts changed a lot.")] = False,
) -> None:
    """Load layers from their sources."""
    from ingest.cli import ingest as run

    settings = read_settings()
    with Store(settings) as owner_url:
        code = run(settings, owner_url, tuple(ids or ()), every=all_, source=from_, dry_run=dry_run, force=force)
    raise typer.Exit(code)


@app.command()
def rollback(layer_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Go back to the previous revision of a layer, at once."""
    from ingest.cli import rollback as run

    settings = read_settings()
    with Store(settings) as owner_url:
        code = run(settings, owner_url, layer_id)
    raise typer.Exit(code)


@exercise_app.command("load")
def exercise_load(
    scale: Annotated[float, typer.Option(help="Share of the full size.")] = 1.0,
    force: Annotated[bool, typer.Option("--force", help="Load again even if it is loaded.")] = False,
) -> None:
    """Add the exercise's rows to every layer."""
    from ingest.cli import exercise_load as run

    settings = read_settings()
    with Store(settings) as owner_url:
        code = run(settings, owner_url, scale=scale, force=force)
    raise typer.Exit(code)


@exercise_app.command("clear")
def exercise_clear() -> None:
    """Remove exactly the exercise's rows."""
    from ingest.cli import exercise_clear as run

    settings = read_settings()
    with Store(settings) as owner_url:
        code = run(settings, owner_url)
    raise typer.Exit(code)


@app.command()
def layers() -> None:
    """What is published, how fresh, how large."""
    from ingest.cli import layers as run

    settings = read_settings()
    with Store(settings) as owner_url:
        code = run(settings, owner_url)
    raise typer.Exit(code)


@app.command()
def check() -> None:
    """Tell every mistake in layer and style files at once."""
    from geoserver_app.catalogue.check import check as run

    lines, code = run(read_settings())
    print("\n".join(lines))
    raise typer.Exit(code)


@key_app.command("create")
def key_create(
    role: Annotated[str, typer.Option(help="citizen, field, municipality, coordinator, data_manager, administrator")],
    commune: Annotated[list[str] | None, typer.Option(help="INS code it is bound to; may be repeated.")] = None,
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
) -> None:
    """Make an API key and print it, once."""
    from geoserver_app.auth.accounts import create_key

    with Store(read_settings()) as owner_url:
        print(create_key(owner_url, role, tuple(commune or ()), label))


def main() -> None:
    """Run the command line; what a person can mend is told in one sentence, without a traceback."""
    interrupts.leave()
    try:
        app(prog_name="maillage")
    except (interrupts.Interrupted, KeyboardInterrupt):
        interrupts.ignore()
        tell("maillage: interrupted")
        sys.exit(interrupts.STATUS)
    except (BadSettings, GeoError) as error:
        tell(f"maillage: {error}")
        sys.exit(1)
    except Exception as error:
        _explain(error)
        sys.exit(1)


def _explain(error: Exception) -> None:
    from geoserver_app.store.migrate import CannotMigrate
    from geoserver_app.store.postgres import ClusterError

    if isinstance(error, CannotMigrate | ClusterError):
        tell(f"maillage: {error}")
        return
    report = "".join(traceback.format_exception(error))
    tell(f"maillage: {type(error).__name__}: {error}")
    tell(f"This was not foreseen; the details are in {_kept(report)}.")


def _kept(report: str) -> Path:
    """Keep the report of an unforeseen error for whoever mends it; the newest replaces the one before."""
    path = read_settings().home / "last-error.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(report)
    return path


if __name__ == "__main__":
    main()
