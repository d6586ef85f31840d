"""What `maillage check` and `maillage layers` tell."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from geoserver_app.catalogue.load import Catalog, read_catalog
from geoserver_app.catalogue.mistakes import CatalogError, Mistake
from geoserver_app.core.layer import Layer
from geoserver_app.core.publication import Publication
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


@dataclass(frozen=True)
class LayerRow:
    """One line of `maillage layers`. Without a publication, what comes of one is None or 0."""

    id: str
    title: str
    group: str
    read: tuple[str, ...]
    revision: int | None
    count: int
    exercise_count: int
    loaded_at: datetime | None
    source_date: str | None
    zooms: tuple[int, int] | None
    remark: str | None


def layer_rows(catalog: Catalog, publications: Mapping[str, Publication]) -> tuple[LayerRow, ...]:
    """Every layer of the catalogue with what stands behind it, then what is published without a file."""
    rows = [_row(layer, publications.get(layer.id)) for layer in catalog.layers.values()]
    orphans = [p for i, p in sorted(publications.items()) if i not in catalog.layers]
    return (*rows, *(_orphan(publication) for publication in orphans))


def _row(layer: Layer, publication: Publication | None) -> LayerRow:
    if publication is None:
        note = remark(layer) or "is not loaded yet."
        return LayerRow(
            layer.id, layer.title.en, layer.group, tuple(sorted(layer.read)), None, 0, 0, None, None, None, note
        )
    bands = publication.bands
    return LayerRow(
        id=layer.id,
        title=layer.title.en,
        group=layer.group,
        read=tuple(sorted(layer.read)),
        revision=publication.revision,
        count=publication.count,
        exercise_count=publication.exercise_count,
        loaded_at=publication.loaded_at,
        source_date=publication.source_date or layer.licence.date,
        zooms=(bands[0].min, bands[-1].max) if bands else None,
        remark=None,
    )


def _orphan(publication: Publication) -> LayerRow:
    return LayerRow(
        id=publication.layer_id,
        title="",
        group="",
        read=(),
        revision=publication.revision,
        count=publication.count,
        exercise_count=publication.exercise_count,
        loaded_at=publication.loaded_at,
        source_date=publication.source_date,
        zooms=None,
        remark="is loaded but has no layer file, so nobody sees it.",
    )
