"""What `maillage check` tells."""

from itertools import groupby

from geoserver_app.catalogue.load import read_catalog
from geoserver_app.catalogue.mistakes import CatalogError, Mistake
from geoserver_app.core.layer import Layer
from geoserver_app.settings import Settings


def check(settings: Settings) -> tuple[list[str], int]:
    """The report on the installation's layer and style files, and an exit code (1 with mistakes)."""
    try:
        catalog = read_catalog(settings.layers, settings.styles)
    except CatalogError as error:
        return mistake_lines(error.mistakes), 1
    lines = [f"{len(catalog.layers)} layers and {len(catalog.styles)} styles are right."]
    unused = sorted(catalog.styles.keys() - {layer.style_id for layer in catalog.layers.values()})
    lines += [f"No layer uses styles/{style}.json." for style in unused]
    lines += [f"{layer.id}: {note}" for layer in catalog.layers.values() if (note := remark(layer))]
    return lines, 0


def mistake_lines(mistakes: tuple[Mistake, ...]) -> list[str]:
    """Mistakes file by file, and how many there are."""
    lines = []
    for file, found in groupby(sorted(mistakes), key=lambda mistake: mistake.file):
        lines.append(file)
        lines += [f"  {m.key}: {m.text}" if m.key else f"  {m.text}" for m in found]
    files = len({mistake.file for mistake in mistakes})
    lines.append(f"{_count(len(mistakes), 'mistake')} in {_count(files, 'file')}.")
    return lines


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def remark(layer: Layer) -> str | None:
    """What a right file leaves open: a source nobody has confirmed, or none at all."""
    if layer.exercise_only:
        return None
    if layer.source is None:
        return "has no source; only `maillage add` and the exercise can fill it."
    if not layer.source.confirmed:
        return f"its source is not confirmed. {layer.source.note}".strip()
    return None
