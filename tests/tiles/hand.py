"""Layers published by hand: the tables a load would leave behind, with rows worked out on paper."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import mapbox_vector_tile
import psycopg
from psycopg import sql

from geoserver_app.catalogue import default_style, write_layer, write_style
from geoserver_app.core.layer import Field, Layer, Licence, Text, Zoom
from geoserver_app.core.publication import Published
from geoserver_app.core.publication import publish as joined
from geoserver_app.settings import Settings
from geoserver_app.store.tables import PUBLICATIONS, read_publication
from tests.conftest import TestDatabase

TYPES = {
    "string": "text",
    "integer": "bigint",
    "number": "double precision",
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamptz",
}
Row = tuple[int, str, Mapping[str, object]]
"""fid, WKT in the layer's CRS, attributes; `rank` and `minzoom` may be among them."""


def field(name: str, kind: str = "string", **more: object) -> Field:
    return Field(name, kind, Text(f"{name} (fr)", f"{name} (en)"), source=name, **more)  # type: ignore[arg-type]


def layer(name: str, *fields: Field, geometry: str = "Point", **more: object) -> Layer:
    told: dict[str, object] = {"crs": 31370, "zoom": Zoom(0, 16)}
    told |= more
    return Layer(
        name,
        Text(f"{name} (fr)", f"{name} (en)"),
        geometry,  # type: ignore[arg-type]
        fields=fields,
        licence=Licence("CC BY 4.0", f"© {name}"),
        **told,  # type: ignore[arg-type]
    )


def with_folders(database: TestDatabase, folder: Path) -> TestDatabase:
    """The same database behind an empty catalogue in a folder of the test's own."""
    settings = dataclasses.replace(database.settings, layers=folder / "layers", styles=folder / "styles")
    settings.layers.mkdir(parents=True, exist_ok=True)
    settings.styles.mkdir(parents=True, exist_ok=True)
    return dataclasses.replace(database, settings=settings)


def describe(settings: Settings, described: Layer) -> None:
    """Write the layer's files."""
    write_style(settings.styles / f"{described.id}.json", default_style(described))
    write_layer(settings.layers / f"{described.id}.toml", described)


def publish(database: TestDatabase, described: Layer, rows: Sequence[Row], pack: str | None = None) -> int:
    """Write the files, make the tables, raise the revision; returns it."""
    describe(database.settings, described)
    with psycopg.connect(database.owner_url) as connection:
        return publish_rows(connection, described, rows, pack)


def publish_rows(
    connection: psycopg.Connection[tuple[object, ...]], described: Layer, rows: Sequence[Row], pack: str | None = None
) -> int:
    name = described.id
    found = connection.execute("SELECT coalesce(max(id), 0) + 1 FROM system.publication").fetchone()
    assert found
    table = f"{name}_p{found[0]}"
    zooms = described.zoom
    middle = min(12, zooms.max)
    bands = [{"table": f"{table}_z{middle}", "min": 0, "max": middle}]
    if zooms.max > middle:
        bands.append({"table": f"{table}_z{zooms.max}", "min": middle + 1, "max": zooms.max})
    for band in bands:
        _band(connection, str(band["table"]), described, rows)
    names = [f.name for f in described.fields]
    extent = f"SELECT ST_Envelope(ST_Transform(ST_Collect(geom), 4326)) FROM reference.{bands[-1]['table']}"
    box = connection.execute(extent).fetchone()
    assert box
    connection.execute(
        "INSERT INTO system.publication (layer_id, table_name, bands, columns, tile_columns, srid, feature_count, "
        "vertex_count, extent, source, exercise_count, repaired, rejected, pack) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, 0, ST_Expand(%s::geometry, 1e-9), 'by hand', 0, 0, 0, %s)",
        (name, table, json.dumps(bands), names, names, described.crs, len(rows), box[0], pack),
    )
    revision = connection.execute(
        "INSERT INTO system.revision (layer_id, revision, publication_id) "
        "VALUES (%s, 1, (SELECT max(id) FROM system.publication)) ON CONFLICT (layer_id) DO UPDATE "
        "SET revision = system.revision.revision + 1, publication_id = excluded.publication_id RETURNING revision",
        (name,),
    ).fetchone()
    assert revision
    return int(str(revision[0]))


def _band(
    connection: psycopg.Connection[tuple[object, ...]], table: str, described: Layer, rows: Sequence[Row]
) -> None:
    name = sql.Identifier("reference", table)
    columns = [sql.SQL("{} {}").format(sql.Identifier(f.name), sql.SQL(TYPES[f.type])) for f in described.fields]
    parts = sql.SQL("").join(sql.SQL(", ") + column for column in columns)
    connection.execute(
        sql.SQL("CREATE TABLE {} (fid bigint, rank real, minzoom smallint{}, geom geometry(Geometry, 3857))").format(
            name, parts
        )
    )
    names = ["fid", "rank", "minzoom", *(f.name for f in described.fields)]
    for fid, wkt, values in rows:
        told = {"fid": fid, "rank": 0.0, "minzoom": 0} | dict(values)
        connection.execute(
            sql.SQL("INSERT INTO {} ({}, geom) VALUES ({}, ST_Transform(ST_GeomFromText(%s, %s), 3857))").format(
                name,
                sql.SQL(", ").join(map(sql.Identifier, names)),
                sql.SQL(", ").join([sql.Placeholder()] * len(names)),
            ),
            (*(told.get(n) for n in names), wkt, described.crs),
        )
    connection.execute(sql.SQL("CREATE INDEX ON {} USING gist (geom)").format(name))


def decode(tile: bytes) -> dict[str, dict[int, dict[str, object]]]:
    """Layers of a tile: their features by id, as {"geometry": …, "properties": …}, rows downwards as in the tile."""
    found = mapbox_vector_tile.decode(tile, default_options={"y_coord_down": True})
    return {name: {f["id"]: f for f in content["features"]} for name, content in found.items()}


def published(database: TestDatabase, described: Layer) -> Published:
    with psycopg.connect(database.owner_url, row_factory=psycopg.rows.dict_row) as connection:
        row = connection.execute(f"{PUBLICATIONS} WHERE r.layer_id = '{described.id}'").fetchone()
    return joined(described, read_publication(row))
