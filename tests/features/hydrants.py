"""A small layer made by hand, whose answers can be worked out on paper."""

from datetime import UTC, date, datetime

from geoserver_app.core.layer import Box, Code, Field, Layer, Licence, Text
from geoserver_app.core.publication import Publication, Published
from geoserver_app.store.loading import connect_owner

FIELDS = (
    Field("name", "string", Text("Nom", "Name")),
    Field("kind", "string", Text("Type", "Kind"), codes=(Code("1", "pillar", Text("Borne", "Pillar")),)),
    Field("flow", "integer", Text("Débit", "Flow"), unit="L/min"),
    Field("pressure", "number", Text("Pression", "Pressure"), unit="bar"),
    Field("working", "boolean", Text("En service", "Working")),
    Field("checked", "date", Text("Contrôlée le", "Checked on")),
    Field("seen", "datetime", Text("Vue le", "Seen at")),
)
LICENCE = Licence("CC0 1.0", "Test")


def layer(
    id_: str = "hydrants", crs: int = 31370, geometry: str = "Point", fields: tuple[Field, ...] = FIELDS
) -> Layer:
    return Layer(
        id=id_,
        title=Text("Bornes", "Hydrants"),
        geometry=geometry,  # type: ignore[arg-type]
        crs=crs,
        fields=fields,
        licence=LICENCE,
        label="name",
        datetime_field="seen" if any(f.name == "seen" for f in fields) else None,
    )


ROWS = (
    # name, kind, flow, pressure, working, checked, seen, lon, lat
    ("Éclair", "pillar", 1000, 4.5, True, date(2024, 1, 1), datetime(2024, 1, 1, 12, tzinfo=UTC), 5.20, 50.50),
    ("Brume", "pillar", 500, None, False, date(2024, 6, 1), datetime(2024, 6, 1, tzinfo=UTC), 5.25, 50.52),
    ("brume", "ground", None, 3.0, True, None, None, 5.30, 50.54),
    ("O'Hara 100%", "ground", 500, 3.0, None, date(2023, 1, 1), datetime(2023, 1, 1, tzinfo=UTC), 5.35, 50.56),
    (None, None, 9_007_199_254_740_993, -1.5, False, date(2022, 2, 2), datetime(2022, 2, 2, tzinfo=UTC), 5.40, 50.58),
)

TYPES = {
    "string": "text",
    "integer": "bigint",
    "number": "double precision",
    "boolean": "boolean",
    "date": "date",
    "datetime": "timestamptz",
}


def create_table(owner_url: str, table: str, made: Layer) -> None:
    columns = ", ".join(f'"{f.name}" {TYPES[f.type]}' for f in made.fields)
    with connect_owner(owner_url) as connection:
        connection.execute(
            f"CREATE TABLE reference.{table} (fid bigint PRIMARY KEY, source_key text, exercise boolean NOT NULL"
            f"{', ' + columns if columns else ''}, geom geometry({made.geometry},{made.crs}) NOT NULL)"
        )
        connection.execute(f"CREATE INDEX ON reference.{table} USING gist (geom)")


def publish_table(owner_url: str, table: str, made: Layer, *, revision: int = 1) -> Published:
    """Register a filled table as the layer's current publication."""
    with connect_owner(owner_url) as connection:
        count, exercise = connection.execute(
            f"SELECT count(*), count(*) FILTER (WHERE exercise) FROM reference.{table}"
        ).fetchone() or (0, 0)
        times: tuple[object, object] = (None, None)
        if made.datetime_field:
            times = (
                connection.execute(
                    f"SELECT min({made.datetime_field})::timestamptz, max({made.datetime_field})::timestamptz"
                    f" FROM reference.{table}"
                ).fetchone()
                or times
            )  # type: ignore[assignment]
        row = connection.execute(
            f"""INSERT INTO system.publication (layer_id, table_name, bands, columns, tile_columns, srid, feature_count,
                    vertex_count, extent, time_start, time_end, source, exercise_count, repaired, rejected)
                SELECT %s, %s, '[]', %s, %s, %s, %s, coalesce(sum(ST_NPoints(geom)), 0),
                    ST_Envelope(ST_Buffer(ST_Transform(ST_SetSRID(ST_Extent(geom), {made.crs}), 4326), 1e-9)),
                    %s, %s, 'test', %s, 0, 0 FROM reference.{table}
                RETURNING id, ST_XMin(extent), ST_YMin(extent), ST_XMax(extent), ST_YMax(extent)""",
            (
                made.id,
                table,
                [f.name for f in made.fields],
                [f.name for f in made.fields],
                made.crs,
                count,
                *times,
                exercise,
            ),
        ).fetchone()
        assert row is not None
        connection.execute(
            "INSERT INTO system.revision (layer_id, revision, publication_id) VALUES (%s, %s, %s) "
            "ON CONFLICT (layer_id) DO UPDATE"
            " SET revision = excluded.revision, publication_id = excluded.publication_id",
            (made.id, revision, row[0]),
        )
    box: Box | None = None if row[1] is None else (row[1], row[2], row[3], row[4])  # type: ignore[assignment]
    publication = Publication(
        layer_id=made.id,
        revision=revision,
        id=int(str(row[0])),
        table=table,
        bands=(),
        columns=frozenset(f.name for f in made.fields),
        tile_columns=frozenset(f.name for f in made.fields),
        srid=made.crs,
        count=int(str(count)),
        bbox=box,
        loaded_at=datetime.now(UTC),
        exercise_count=int(str(exercise)),
        time_extent=times if made.datetime_field else None,  # type: ignore[arg-type]
    )
    return Published(made, publication)


def publish_hydrants(owner_url: str, made: Layer | None = None) -> Published:
    """The five hydrants, fids 1 to 5, stored in the layer's CRS."""
    made = made or layer()
    table = f"{made.id}_p1"
    create_table(owner_url, table, made)
    with connect_owner(owner_url) as connection:
        for fid, row in enumerate(ROWS, 1):
            connection.execute(
                f"INSERT INTO reference.{table} VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s,"
                f" ST_Transform(ST_SetSRID(ST_MakePoint(%s, %s), 4326), {made.crs}))",
                (fid, f"k{fid}", fid == 5, *row),
            )
    return publish_table(owner_url, table, made)
