"""What is published: a layer's description together with the rows that stand behind it now."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from geoserver_app.core.layer import Box, Layer, Licence

LABEL_POINT = "Label"
"""Column of the bands where a layer's names stand, in the publication's tile columns like a field; no field
has a capital in its name."""
LABELLED_MAX = 20_000
"""Surfaces of a layer up to which each has a point for its name; more names than that nobody reads."""


FICTION = Licence(name="Exercice", attribution="Exercice — données fictives")
"""What is said of the exercise's rows, instead of the real source's licence."""


@dataclass(frozen=True)
class Band:
    """A generalised copy of a layer for the zooms ``min`` to ``max`` (both included)."""

    table: str
    min: int
    max: int


@dataclass(frozen=True)
class Publication:
    """The current rows of one layer. ``bbox`` is CRS84 (west, south, east, north)."""

    layer_id: str
    revision: int
    id: int
    table: str
    bands: tuple[Band, ...]
    columns: frozenset[str]
    """Fields the table holds; a field of a newer layer file may be missing until the next load."""
    tile_columns: frozenset[str]
    """Fields the band tables hold."""
    srid: int
    count: int
    bbox: Box | None
    loaded_at: datetime
    source_date: str | None = None
    exercise_count: int = 0
    time_extent: tuple[datetime | None, datetime | None] | None = None
    """First and last value of the layer's datetime field; None without such a field."""
    pack: str | None = None
    """File name of the baked archive."""

    def band(self, zoom: int) -> Band | None:
        """The band that serves a zoom; the deepest one serves all beyond."""
        for band in self.bands:
            if band.min <= zoom <= band.max:
                return band
        return self.bands[-1] if self.bands and zoom > self.bands[-1].max else None


@dataclass(frozen=True, eq=False)
class Published:
    """A layer that can be asked: its fields are those that file and table share.

    Compared and hashed by identity: a new catalogue, revision or caller makes a new value, and
    what is derived from it (tables, statements) can be kept by it.
    """

    layer: Layer
    publication: Publication

    @property
    def id(self) -> str:
        return self.layer.id

    @property
    def revision(self) -> int:
        return self.publication.revision

    @cached_property
    def licence(self) -> Licence:
        """Licence and attribution of the rows that are there: fictional ones are nobody's data."""
        real, fictional = self.layer.licence, self.publication.exercise_count
        if not fictional:
            return real
        if fictional == self.publication.count:
            return replace(FICTION, republish=real.republish)
        return replace(real, attribution=f"{real.attribution} · {FICTION.attribution}")

    @property
    def date(self) -> str | None:
        """Date of the data as its owner states it; None for fictional rows."""
        return self.publication.source_date or self.licence.date

    @cached_property
    def tile_fields(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.layer.tile_fields if f.name in self.publication.tile_columns)

    @cached_property
    def label(self) -> str | None:
        """The field whose texts stand at points of their own; None where the layer's names have none."""
        publication = self.publication
        if LABEL_POINT not in publication.tile_columns or publication.count > LABELLED_MAX:
            return None
        return self.layer.label if self.layer.names_areas and self.layer.label in self.tile_fields else None


def publish(layer: Layer, publication: Publication) -> Published:
    """Join a description and its rows, leaving out fields the table does not have yet.

    Fields the caller may not know are gone from ``layer`` already; here its label, time and rules go with them.
    """
    return Published(layer.with_fields(tuple(f for f in layer.fields if f.name in publication.columns)), publication)
