"""The loader's commands as plain functions; each returns the exit status of its process."""

import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.table import Table

from geoserver_app.catalogue.load import Reading, read_leniently
from geoserver_app.core.errors import BadParameter, GeoError
from geoserver_app.core.layer import Layer
from geoserver_app.interrupts import silence_driver
from geoserver_app.settings import Settings
from geoserver_app.store.loading import DatabaseError, connect_owner
from ingest.add import Wish, add_file
from ingest.descriptions import REPLACED, kept_folder
from ingest.exercise import LAYERS as EXERCISE_LAYERS
from ingest.exercise_load import clear_exercise, load_exercise
from ingest.gates import ordered_reasons
from ingest.http import HostUnreachable, host_of
from ingest.load import Summary, ingest_layer
from ingest.progress import waits_told, watch
from ingest.rollback import repair, rollback_layer
from ingest.sql import statement

DONE, FAILED, INTERRUPTED = 0, 1, 130


def add(
    settings: Settings,
    owner_url: str,
    file: Path,
    *,
    id_: str | None = None,
    title: str | None = None,
    layers: tuple[str, ...] = (),
    where: str | None = None,
    crs: int | None = None,
    encoding: str | None = None,
    replace: bool = False,
) -> int:
    """Publish a file."""
    wish = Wish(id_, title, layers, where, crs, encoding, replace)

    def run() -> int:
        for summary in add_file(settings, owner_url, file, wish, watch):
            report(summary)
        return DONE

    return _guarded(settings, owner_url, run)


def ingest(
    settings: Settings,
    owner_url: str,
    ids: tuple[str, ...],
    *,
    every: bool = False,
    source: str | None = None,
    dry_run: bool = False,
    force: bool = False,
) -> int:
    """Load layers from their sources, going on after one that fails."""

    def run() -> int:
        reading = _read(settings)
        chosen = _chosen(reading, ids, every, source)
        status = _status(reading, None if every else ids)
        silent: set[str | None] = set()
        for layer in chosen:
            host = host_of(source or (layer.source.url if layer.source else None))
            if host in silent:
                _complain(f"{layer.id}: {host} could not be reached a moment ago; try again when it answers")
                continue
            try:
                with watch(layer.id) as progress, waits_told(progress):
                    summary = ingest_layer(
                        settings, owner_url, layer, source, dry_run=dry_run, force=force, progress=progress
                    )
                report(summary)
            except (GeoError, DatabaseError, OSError) as error:
                if isinstance(error, HostUnreachable):
                    silent.add(error.host)
                _complain(f"{layer.id}: {_sentence(error)}")
                status = FAILED
        return status

    return _guarded(settings, owner_url, run)


def _read(settings: Settings) -> Reading:
    """The layers that are right, after a word on the files that are not."""
    reading = read_leniently(settings.layers, settings.styles)
    files = sorted({mistake.file for mistake in reading.mistakes})
    if files:
        _complain(f"mistakes in {', '.join(files)}; `maillage check` tells them")
    return reading


def _status(reading: Reading, ids: Iterable[str] | None) -> int:
    """FAILED, and a sentence, where a mistake leaves out a layer that was asked for (None: all)."""
    asked = reading.left_out if ids is None else reading.left_out & set(ids)
    if asked:
        _complain(f"left out until their files are mended: {', '.join(sorted(asked))}")
    unreadable = ids is None and bool(reading.mistakes) and not reading.catalog.layers
    return FAILED if asked or unreadable else DONE


def _chosen(reading: Reading, ids: tuple[str, ...], every: bool, source: str | None) -> list[Layer]:
    """The layers a person means that are right; BadParameter where one cannot be loaded."""
    catalog = reading.catalog
    if every == bool(ids):
        raise BadParameter("name the layers to load, or say --all")
    if source and len(ids) != 1:
        raise BadParameter("--from is for one layer; name it")
    if every:
        return [layer for layer in catalog.layers.values() if _has_source(layer)]
    right = [name for name in dict.fromkeys(ids) if name not in reading.left_out]
    for name in right:
        layer = catalog.layers.get(name)
        if layer is None:
            raise BadParameter(f"there is no layer {name!r}; the layers are {', '.join(sorted(catalog.layers))}")
        if source:
            continue
        if layer.source is None or not layer.source.url:
            raise BadParameter(f"{name!r} has no source to load from; give a file or address with --from")
        if not layer.source.confirmed:
            raise BadParameter(f"the source of {name!r} is not confirmed ({_why(layer)}); give one with --from")
    return [catalog.layers[name] for name in right]


def _has_source(layer: Layer) -> bool:
    if layer.source is None or not layer.source.url or layer.exercise_only:
        _tell(f"{layer.id}: skipped, it has no source to load from")
        return False
    if not layer.source.confirmed:
        _tell(f"{layer.id}: skipped, its source is not confirmed ({_why(layer)})")
        return False
    return True


def _why(layer: Layer) -> str:
    return (layer.source.note if layer.source else "") or "see its layer file"


def rollback(settings: Settings, owner_url: str, layer_id: str) -> int:
    """Go back to the previous revision of a layer."""

    def run() -> int:
        rolled = rollback_layer(settings, owner_url, layer_id)
        _tell(f"{layer_id}: back at the previous rows, as revision {rolled.revision}")
        if rolled.restored:
            aside = kept_folder(settings, layer_id) / f"{REPLACED}.*"
            _tell(
                f"{layer_id}: its layer and style files are those of these rows again; the replaced ones are in {aside}"
            )
        return DONE

    return _guarded(settings, owner_url, run)


def exercise_load(settings: Settings, owner_url: str, *, scale: float = 1.0, force: bool = False) -> int:
    """Add the exercise's rows."""

    def run() -> int:
        reading = _read(settings)
        loaded = load_exercise(settings, owner_url, reading.catalog, watch, scale=scale, force=force)
        summaries = list(_reported(loaded))
        status = _status(reading, EXERCISE_LAYERS)
        if not summaries and status == DONE:
            _tell("The exercise is loaded already; --force loads it again.")
        return status

    return _guarded(settings, owner_url, run)


def exercise_clear(settings: Settings, owner_url: str) -> int:
    """Remove the exercise's rows."""

    def run() -> int:
        removed = 0
        for cleared in clear_exercise(settings, owner_url, _read(settings).catalog, watch):
            left = f"{cleared.remaining:,} real rows stay" if cleared.remaining else "nothing is left to publish"
            _tell(f"{cleared.layer_id}: {cleared.removed:,} exercise rows removed, {left}")
            removed += cleared.removed
        if not removed:
            _tell("There are no exercise rows.")
        return DONE

    return _guarded(settings, owner_url, run)


def layers(settings: Settings, owner_url: str) -> int:
    """What is published, how fresh, how large."""

    def run() -> int:
        reading = _read(settings)
        catalog = reading.catalog
        with connect_owner(owner_url) as connection:
            rows = connection.execute(statement("layers")).fetchall()
        table = Table("layer", "rows", "exercise", "revision", "loaded", "data of", "size", box=None, pad_edge=False)
        published = set()
        for name, count, exercise, revision, loaded, date, size in rows:
            published.add(name)
            left = "mistakes in its files" if name in reading.left_out else "no layer file"
            shown = str(name) if name in catalog.layers else f"{name} ({left})"
            table.add_row(shown, f"{count:,}", f"{exercise:,}", str(revision), str(loaded), str(date or ""), str(size))
        for name in catalog.layers:
            if name not in published:
                table.add_row(name, "–", "", "", "not loaded", "", "")
        Console(width=None if sys.stdout.isatty() else 160).print(table)
        return DONE

    return _guarded(settings, owner_url, run)


def _reported(summaries: Iterator[Summary]) -> Iterator[Summary]:
    for summary in summaries:
        report(summary)
        yield summary


def report(summary: Summary) -> None:
    """What a load did, for people: counts, repairs, rejects by reason."""
    done = f"published as revision {summary.revision}" if summary.revision else "checked, nothing published"
    counts = [f"{summary.kept:,} of {summary.read:,} rows kept"]
    if summary.repaired:
        counts.append(f"{summary.repaired:,} repaired")
    rejected = sum(summary.rejected.values())
    if rejected:
        counts.append(f"{rejected:,} rejected")
    _tell(f"{summary.layer_id}: {done}: {', '.join(counts)}, in {summary.seconds:.1f} s")
    for reason, count in ordered_reasons(summary.rejected):
        _tell(f"    {count:,} × {reason}")
    for note in summary.notes:
        _tell(f"    {note}")


def mend(settings: Settings, owner_url: str) -> None:
    """Put right the layer and style files that a killed command left half-way."""
    for layer_id in repair(settings, owner_url):
        _tell(f"{layer_id}: an interrupted command's layer and style files were put right")


def _guarded(settings: Settings, owner_url: str, run: Callable[[], int]) -> int:
    """Run a command; what a person can mend becomes one sentence, an interruption the status 130."""
    try:
        with _interruptible():
            mend(settings, owner_url)
            return run()
    except (GeoError, DatabaseError, OSError) as error:
        _complain(_sentence(error))
        return FAILED
    except KeyboardInterrupt:
        _complain("interrupted; what is published stays as it was")
        return INTERRUPTED


@contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C and SIGTERM end a load alike: tidily."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        silence_driver()
        raise KeyboardInterrupt

    heard = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _sentence(error: Exception) -> str:
    if isinstance(error, GeoError):
        return error.detail
    if isinstance(error, DatabaseError):
        return f"the database refused: {error.diag.message_primary or error}"
    return str(error)


def _tell(line: str) -> None:
    Console().print(line, highlight=False, markup=False, soft_wrap=True)


def _complain(line: str) -> None:
    Console(file=sys.stderr).print(f"maillage: {line}", highlight=False, markup=False, soft_wrap=True)
