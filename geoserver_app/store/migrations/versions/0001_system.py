"""Schemas, the system tables, and what the server's role may do."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NOTIFY = """
CREATE FUNCTION system.tell_revision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('maillage', json_build_object('layer', COALESCE(NEW.layer_id, OLD.layer_id),
                                                    'revision', NEW.revision)::text);
    RETURN NULL;
END $$;
CREATE TRIGGER tell_revision AFTER INSERT OR UPDATE OR DELETE ON system.revision
    FOR EACH ROW EXECUTE FUNCTION system.tell_revision();
"""

GRANTS = """
GRANT USAGE ON SCHEMA system, reference TO maillage_app;
GRANT SELECT ON system.publication, system.revision, system.load, system.api_key TO maillage_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA reference GRANT SELECT ON TABLES TO maillage_app;
"""


def key(name: str = "id") -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, sa.Identity(always=True), primary_key=True)


def moment(name: str, **options: object) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), **options)  # type: ignore[arg-type]


def count(name: str, **options: object) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, **options)  # type: ignore[arg-type]


def text(name: str, *, nullable: bool = False, **options: object) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable, **options)  # type: ignore[arg-type]


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS reference")
    now, zero = sa.func.now(), sa.text("0")
    op.create_table(
        "publication",
        key(),
        text("layer_id"),
        text("table_name", unique=True),
        sa.Column("bands", JSONB, nullable=False),
        sa.Column("columns", ARRAY(sa.Text), nullable=False),
        sa.Column("tile_columns", ARRAY(sa.Text), nullable=False),
        count("srid"),
        count("feature_count"),
        count("vertex_count"),
        sa.Column("extent", Geometry("POLYGON", 4326, spatial_index=False)),
        moment("time_start"),
        moment("time_end"),
        text("source"),
        text("source_date", nullable=True),
        count("exercise_count"),
        count("repaired"),
        count("rejected"),
        text("pack", nullable=True),
        sa.Column("previous_id", sa.BigInteger, sa.ForeignKey("system.publication.id", ondelete="SET NULL")),
        moment("loaded_at", nullable=False, server_default=now),
        schema="system",
    )
    op.create_index("publication_layer", "publication", ["layer_id", "id"], schema="system")
    op.create_table(
        "revision",
        text("layer_id", primary_key=True),
        count("revision"),
        sa.Column("publication_id", sa.BigInteger, sa.ForeignKey("system.publication.id")),
        moment("changed_at", nullable=False, server_default=now),
        schema="system",
    )
    op.create_table(
        "load",
        key(),
        text("layer_id"),
        text("state"),
        text("source"),
        moment("started_at", nullable=False, server_default=now),
        moment("finished_at"),
        count("rows_read", server_default=zero),
        count("rows_repaired", server_default=zero),
        count("rows_rejected", server_default=zero),
        text("error", nullable=True),
        sa.Column("publication_id", sa.BigInteger, sa.ForeignKey("system.publication.id", ondelete="SET NULL")),
        schema="system",
    )
    op.create_table(
        "reject",
        key(),
        sa.Column(
            "load_id", sa.BigInteger, sa.ForeignKey("system.load.id", ondelete="CASCADE"), nullable=False, index=False
        ),
        text("source_key", nullable=True),
        text("reason"),
        sa.Column("attributes", JSONB, nullable=False),
        sa.Column("geometry", sa.LargeBinary),
        schema="system",
    )
    op.create_index("reject_load", "reject", ["load_id"], schema="system")
    op.create_table(
        "api_key",
        key(),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        text("role"),
        sa.Column("communes", ARRAY(sa.Text), nullable=False),
        text("label"),
        moment("created_at", nullable=False, server_default=now),
        moment("expires_at"),
        moment("revoked_at"),
        schema="system",
    )
    op.execute(NOTIFY)
    op.execute(GRANTS)
