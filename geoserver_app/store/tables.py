"""Our own tables (schema ``system``) as models, and `Table`s made from a layer's publication."""

from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import REAL, TypeEngine

from geoserver_app.core.publication import LABEL_POINT, Band, Publication, Published

REFERENCE = "reference"
SYSTEM = "system"
CHANNEL = "maillage"
"""NOTIFY channel; the payload is {"layer": id, "revision": n}."""


class Base(DeclarativeBase):
    metadata = MetaData(schema=SYSTEM)
    type_annotation_map = {datetime: DateTime(timezone=True), str: Text, int: BigInteger}  # noqa: RUF012


class PublicationRow(Base):
    """One set of rows of one layer, published or kept for rollback."""

    __tablename__ = "publication"
    __table_args__ = (Index("publication_layer", "layer_id", "id"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    layer_id: Mapped[str]
    table_name: Mapped[str] = mapped_column(unique=True)
    bands: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    columns: Mapped[list[str]] = mapped_column(ARRAY(Text))
    tile_columns: Mapped[list[str]] = mapped_column(ARRAY(Text))
    srid: Mapped[int]
    feature_count: Mapped[int]
    vertex_count: Mapped[int]
    extent: Mapped[Any | None] = mapped_column(Geometry("POLYGON", 4326, spatial_index=False))
    time_start: Mapped[datetime | None]
    time_end: Mapped[datetime | None]
    source: Mapped[str]
    source_date: Mapped[str | None]
    exercise_count: Mapped[int]
    repaired: Mapped[int]
    rejected: Mapped[int]
    pack: Mapped[str | None]
    previous_id: Mapped[int | None] = mapped_column(ForeignKey("system.publication.id", ondelete="SET NULL"))
    """What was current when this was published: where `rollback` goes."""
    loaded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RevisionRow(Base):
    """The current publication of each layer. Its write is the last statement of a transaction."""

    __tablename__ = "revision"

    layer_id: Mapped[str] = mapped_column(primary_key=True)
    revision: Mapped[int]
    publication_id: Mapped[int | None] = mapped_column(ForeignKey("system.publication.id"))
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())


class LoadRow(Base):
    """One run of the loader for one layer. ``state``: running, published, failed, dry_run, interrupted."""

    __tablename__ = "load"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    layer_id: Mapped[str]
    state: Mapped[str]
    source: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
    rows_read: Mapped[int] = mapped_column(server_default=text("0"))
    rows_repaired: Mapped[int] = mapped_column(server_default=text("0"))
    rows_rejected: Mapped[int] = mapped_column(server_default=text("0"))
    error: Mapped[str | None]
    publication_id: Mapped[int | None] = mapped_column(ForeignKey("system.publication.id", ondelete="SET NULL"))


class RejectRow(Base):
    """A row of a source that could not be published, whole, with the reason."""

    __tablename__ = "reject"
    __table_args__ = (Index("reject_load", "load_id"),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    load_id: Mapped[int] = mapped_column(ForeignKey("system.load.id", ondelete="CASCADE"))
    source_key: Mapped[str | None]
    reason: Mapped[str]
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB)
    geometry: Mapped[bytes | None] = mapped_column(LargeBinary)


class ApiKeyRow(Base):
    """An API key: only its digest is kept."""

    __tablename__ = "api_key"

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    role: Mapped[str]
    communes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    label: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


COLUMN_TYPES: dict[str, type[TypeEngine[Any]] | TypeEngine[Any]] = {
    "string": Text,
    "integer": BigInteger,
    "number": Double,
    "boolean": Boolean,
    "date": Date,
    "datetime": DateTime(timezone=True),
}
"""Column type of each field type of a layer."""


def feature_columns(published: Published) -> tuple[Column[Any], ...]:
    """fid, source_key, exercise, the fields, geom."""
    publication, layer = published.publication, published.layer
    return (
        Column("fid", BigInteger, primary_key=True),
        Column("source_key", Text),
        Column("exercise", Boolean, nullable=False),
        *(Column(f.name, COLUMN_TYPES[f.type]) for f in layer.fields),
        Column("geom", Geometry(layer.geometry.upper(), publication.srid, spatial_index=False), nullable=False),
    )


@lru_cache(maxsize=4096)
def feature_table(published: Published) -> Table:
    """The table behind a publication, with the columns this caller's layer has."""
    return Table(published.publication.table, MetaData(), *feature_columns(published), schema=REFERENCE)


@lru_cache(maxsize=16384)
def band_table(published: Published, band: Band) -> Table:
    """A band's table: fid, rank, minzoom, the tile fields, perhaps the label's point, geom in EPSG:3857."""
    labelled = LABEL_POINT in published.publication.tile_columns
    types = {f.name: COLUMN_TYPES[f.type] for f in published.layer.fields}
    return Table(
        band.table,
        MetaData(),
        Column("fid", BigInteger),
        Column("rank", REAL),
        Column("minzoom", SmallInteger),
        *(Column(name, types[name]) for name in published.tile_fields),
        *([Column(LABEL_POINT, Geometry("POINT", 3857, spatial_index=False))] if labelled else []),
        Column("geom", Geometry("GEOMETRY", 3857, spatial_index=False)),
        schema=REFERENCE,
    )


PUBLICATIONS = """
SELECT r.layer_id, r.revision, p.id, p.table_name, p.bands, p.columns, p.tile_columns, p.srid, p.feature_count,
       ST_XMin(p.extent) AS west, ST_YMin(p.extent) AS south, ST_XMax(p.extent) AS east, ST_YMax(p.extent) AS north,
       p.time_start, p.time_end, p.loaded_at, p.source_date, p.exercise_count, p.pack
FROM system.revision r JOIN system.publication p ON p.id = r.publication_id
"""
"""Current publications; append a WHERE on r.layer_id for one."""


def read_publication(row: Any) -> Publication:
    """A row of PUBLICATIONS (a mapping) as a value. ``bands`` may be JSON text or decoded."""
    bands = orjson.loads(row["bands"]) if isinstance(row["bands"], str) else row["bands"]
    box = None if row["west"] is None else (row["west"], row["south"], row["east"], row["north"])
    times = (row["time_start"], row["time_end"])
    return Publication(
        layer_id=row["layer_id"],
        revision=row["revision"],
        id=row["id"],
        table=row["table_name"],
        bands=tuple(Band(b["table"], b["min"], b["max"]) for b in bands),
        columns=frozenset(row["columns"]),
        tile_columns=frozenset(row["tile_columns"]),
        srid=row["srid"],
        count=row["feature_count"],
        bbox=box,
        loaded_at=row["loaded_at"],
        source_date=row["source_date"],
        exercise_count=row["exercise_count"],
        time_extent=times if times != (None, None) else None,
        pack=row["pack"],
    )
