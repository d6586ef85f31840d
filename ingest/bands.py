"""A layer's copies for bands of zooms: EPSG:3857, simplified to a fraction of a pixel, small features left out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from geoserver_app.core.crs import crs_of
from geoserver_app.core.layer import Layer
from geoserver_app.core.publication import LABEL_POINT, LABELLED_MAX, Band, Published
from geoserver_app.settings import Settings
from geoserver_app.store.loading import Connection, Reference, compose, copy_binary, define
from geoserver_app.store.tables import band_table
from ingest.copy import encode
from ingest.progress import Silent
from ingest.publish import table_name
from ingest.sql import statement

WORLD = 40_075_016.68557849
"""Width of the world in EPSG:3857, metres."""
TILE = 512
"""Pixels of a tile's side."""
_LAST = (5, 7, 9, 11, 13)
"""Deepest zoom of each band but the last."""
_CELL = 16.0
"""Where points are thinned, one is shown in a square of so many pixels."""
_CROWD = 2_000
"""Points of a layer up to which every one is shown at every zoom."""
_BY_AREA = 1.5
"""A coverage is simplified by the area of corners, not by distance: this much more gives as many vertices."""
EXTENT = 4096
"""Units of a tile's side: the grid its shapes are drawn on."""
_WIDENED = "ST_Multi(ST_Buffer(geom, {unit}, 'quad_segs=1 endcap=square join=mitre'))"
_LEAST_AREA = (
    "CASE WHEN ST_Area(geom) < 8 * {unit} * {unit} OR 2 * ST_Area(geom) < 1.5 * {unit} * ST_Perimeter(geom)"
    f" THEN {_WIDENED} ELSE geom END"
)
_LEAST_LINE = (
    "CASE WHEN greatest(ST_XMax(geom) - ST_XMin(geom), ST_YMax(geom) - ST_YMin(geom)) < 2 * {unit}"
    " THEN ST_Multi(ST_MakeLine(ST_PointN(ST_GeometryN(geom, 1), 1),"
    " ST_Translate(ST_PointN(ST_GeometryN(geom, 1), 1), 2 * {unit}, 0))) ELSE geom END"
)
_LEAST_MIXED = f"CASE ST_Dimension(geom) WHEN 2 THEN {_LEAST_AREA} WHEN 1 THEN {_LEAST_LINE} ELSE geom END"
_LATITUDE = 85.051128
"""Where Web Mercator ends."""


def pixel(zoom: int) -> float:
    """Metres of EPSG:3857 in a pixel."""
    return float(WORLD / (TILE * 2**zoom))


def plan(layer: Layer, publication: int) -> tuple[Band, ...]:
    """The bands of a layer, shallowest first, within the zooms it has."""
    bands, low = [], layer.zoom.min
    for last in (*(z for z in _LAST if layer.zoom.min <= z < layer.zoom.max), layer.zoom.max):
        bands.append(Band(f"{table_name(layer.id, publication)}_z{last}", low, last))
        low = last + 1
    return tuple(bands)


@dataclass(frozen=True)
class Builder:
    """Fills the bands of one drafted publication. ``connection`` is in autocommit."""

    connection: Connection
    drafted: Published
    settings: Settings
    count: int
    """Rows of the publication."""

    @property
    def layer(self) -> Layer:
        return self.drafted.layer

    def build(self, progress: Silent, finished: Callable[[str], None]) -> None:
        """Build all bands, deepest first, each from the one below; tell ``finished`` each table's name."""
        deeper: Band | None = None
        for band in reversed(self.drafted.publication.bands):
            progress.stage(f"zooms {band.min} to {band.max}")
            with self.connection.transaction():
                columns = define(band_table(self.drafted, band).columns)
                table = Reference(band.table)
                self.connection.execute(compose("CREATE TABLE {table} ({columns})", table=table, columns=columns))
                if deeper is None:
                    self._deepest(band)
                elif self._is_coverage:
                    self._coverage(band, deeper)
                else:
                    self._shallower(band, deeper)
            finished(band.table)
            deeper = band

    @property
    def _is_coverage(self) -> bool:
        wanted = self.layer.generalise.coverage and self.layer.dimension == 2
        return wanted and self.count <= self.settings.coverage_rows_max

    @property
    def _fields(self) -> tuple[str, ...]:
        return self.drafted.tile_fields

    @property
    def _columns(self) -> tuple[str, ...]:
        return ("fid", "rank", "minzoom", *self._fields, *self._labels, "geom")

    @property
    def _labels(self) -> tuple[str, ...]:
        return (LABEL_POINT,) if LABEL_POINT in self.drafted.publication.tile_columns else ()

    @property
    def _label(self) -> Any:
        """The point inside a surface where its name stands, at every zoom the same."""
        if not self._labels:
            return compose("")
        point = "ST_PointOnSurface(geom)" if self.count <= LABELLED_MAX else "NULL::geometry"
        return compose(f", {point} AS {{label}}", label=LABEL_POINT)

    def _deepest(self, band: Band) -> None:
        layer = self.layer
        rules = layer.generalise.from_zoom
        own = [layer.generalise.rank or ""] if self._ranked else []
        kept = dict.fromkeys(("fid", *self._fields, *own, *(rule.field for rule in rules)))
        thinned = self._thin(band.max)
        self.connection.execute(
            compose(
                statement("deepest"),
                band=Reference(band.table),
                table=Reference(self.drafted.publication.table),
                columns=self._columns,
                kept=tuple(kept),
                rank=self._rank,
                size=self._size,
                placed=self._placed,
                shown=self._shown,
                label=self._label,
                min=layer.zoom.min,
                max=layer.zoom.max,
                zoom=compose("greatest({parts})", parts=_listed([self._by_size(thinned), *self._by_class()])),
                thinned=compose("LEFT JOIN thinned USING (fid)" if thinned else ""),
            ),
            self._class_values or None,
        )

    @property
    def _ranked(self) -> bool:
        name = self.layer.generalise.rank
        return any(f.name == name and f.type in {"integer", "number"} for f in self.layer.fields)

    @property
    def _rank(self) -> Any:
        if self._ranked:
            return compose("coalesce({field}::float8, -1e37)", field=self.layer.generalise.rank or "")
        return compose('greatest("Size", 1e-30)')

    @property
    def _size(self) -> Any:
        """Side of an area, length of a line, in metres of EPSG:3857; a point counts as large."""
        texts = {0: "1e9::float8", 1: "ST_Length(geom)", 2: "sqrt(ST_Area(geom))", None: _MIXED}
        return compose(texts[self.layer.dimension])

    @property
    def _placed(self) -> Any:
        if crs_of(self.layer.crs).metres:
            return compose("ST_Transform(geom, 3857)")
        return compose(_CLIPPED, limit=_LATITUDE)

    @property
    def _shown(self) -> Any:
        """The shape of the deepest band: the feature's own, or the least that a tile can hold."""
        texts = {1: _LEAST_LINE, 2: _LEAST_AREA, None: _LEAST_MIXED}
        text = texts.get(self.layer.dimension, "geom")
        return compose(text, unit=pixel(self.layer.zoom.max) * TILE / EXTENT)

    def _by_size(self, thinned: bool) -> Any:
        if thinned:
            return compose("coalesce(thinned.minzoom, {max})", max=self.layer.zoom.max)
        smallest = self.layer.generalise.drop_below * pixel(0)
        if smallest <= 0:
            return compose("{min}", min=self.layer.zoom.min)
        return compose(
            'CASE WHEN "Size" > 0 THEN ceil(ln({smallest}::float8 / "Size") / ln(2::float8) - 1e-9) ELSE {max} END',
            smallest=smallest,
            max=self.layer.zoom.max,
        )

    def _by_class(self) -> list[Any]:
        return [
            compose("CASE WHEN {field} = ANY(%s) THEN {zoom} END", field=rule.field, zoom=rule.zoom)
            for rule in self.layer.generalise.from_zoom
        ]

    @property
    def _class_values(self) -> list[object]:
        rules = self.layer.generalise.from_zoom
        return [[self.layer.field(rule.field).parse(value) for value in rule.values] for rule in rules]

    def _thin(self, deepest: int) -> bool:
        """Choose the points of each zoom: in every square of a grid the one of highest rank.

        Squares of a zoom hold four of the next, so a point once shown stays when zooming in.
        """
        layer = self.layer
        cell = _CELL * layer.generalise.drop_below
        if layer.dimension != 0 or self.count <= _CROWD or cell <= 0:
            return False
        run = self.connection.execute
        rank = self._rank if self._ranked else compose("0")
        run("DROP TABLE IF EXISTS pg_temp.survivor, pg_temp.thinned")
        starts = compose("greatest({parts})", parts=_listed([compose("{z}", z=layer.zoom.min), *self._by_class()]))
        run(
            compose(statement("survivors"), table=Reference(self.drafted.publication.table), placed=self._placed,
                    rank=rank, deepest=deepest, starts=starts),
            self._class_values or None,
        )  # fmt: skip
        for zoom in range(deepest - 1, layer.zoom.min - 1, -1):
            run(compose(statement("thin"), zoom=zoom, side=cell * pixel(zoom)))
        run("CREATE TEMP TABLE thinned ON COMMIT DROP AS SELECT fid, min(zoom) AS minzoom FROM survivor GROUP BY fid")
        run("ANALYZE thinned")
        return True

    def _shallower(self, band: Band, deeper: Band) -> None:
        tolerance = self.layer.generalise.tolerance * pixel(band.max)
        simplified = {
            0: "geom",
            1: "ST_Simplify(geom, {tolerance}, true)",
            None: "ST_Simplify(geom, {tolerance}, true)",
        }
        name = "shallower_polygons" if self.layer.dimension == 2 else "shallower"
        self.connection.execute(
            compose(
                statement(name),
                **self._from(band, deeper),
                tolerance=tolerance,
                max=band.max,
                simplified=compose(simplified.get(self.layer.dimension, "geom"), tolerance=tolerance),
            )
        )

    def _from(self, band: Band, deeper: Band) -> dict[str, Any]:
        return {
            "band": Reference(band.table),
            "deeper": Reference(deeper.table),
            "columns": self._columns,
            "kept": ("fid", "rank", "minzoom", *self._fields, *self._labels),
        }

    def _coverage(self, band: Band, deeper: Band) -> None:
        """Simplify all polygons together, so that shared borders stay shared."""
        with self.connection.cursor(binary=True) as cursor:
            asked = "SELECT fid, ST_AsBinary(geom) FROM {deeper} WHERE minzoom <= {max}"
            cursor.execute(compose(asked, deeper=Reference(deeper.table), max=band.max))
            rows = cursor.fetchall()
        shapes = shapely.from_wkb(np.array([row[1] for row in rows], dtype=object))
        tolerance = _BY_AREA * self.layer.generalise.tolerance * pixel(band.max)
        simple = shapely.coverage_simplify(shapes, tolerance)
        for index in np.flatnonzero(~shapely.is_valid(simple)):
            simple[index] = shapely.make_valid(simple[index], method="structure", keep_collapsed=False)
        lost = shapely.is_missing(simple) | shapely.is_empty(simple) | (shapely.get_dimensions(simple) != 2)
        simple[lost] = shapes[lost]
        self.connection.execute('CREATE TEMP TABLE simplified (fid bigint, "Shape" geometry) ON COMMIT DROP')
        fids = pa.array([row[0] for row in rows], pa.int64())
        copy_binary(
            self.connection,
            "simplified",
            ("fid", "Shape"),
            encode([fids, pa.array(shapely.to_wkb(simple), pa.binary())]),
        )
        self.connection.execute(compose(statement("shallower_coverage"), **self._from(band, deeper)))


def finish_band(connection: Connection, table: str) -> None:
    """Index by box and statistics. Needs autocommit (VACUUM)."""
    name = Reference(table)
    connection.execute(compose("CREATE INDEX ON {table} USING gist (geom) WITH (fillfactor = 100)", table=name))
    connection.execute(compose("VACUUM (ANALYZE) {table}", table=name))


def _listed(parts: list[Any]) -> Any:
    first, *rest = parts
    for part in rest:
        first = compose("{first}, {part}", first=first, part=part)
    return first


_MIXED = "CASE ST_Dimension(geom) WHEN 0 THEN 1e9::float8 WHEN 1 THEN ST_Length(geom) ELSE sqrt(ST_Area(geom)) END"
_CLIPPED = (
    "ST_Transform(CASE WHEN ST_YMax(geom) > {limit} OR ST_YMin(geom) < -{limit} "
    "THEN ST_ClipByBox2D(geom, ST_MakeEnvelope(-180, -{limit}, 180, {limit}, 4326)) ELSE geom END, 3857)"
)
