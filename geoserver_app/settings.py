"""Every setting of a deployment, and the only reader of the environment.

A value is named here once with its unit and its reason. ``MAILLAGE_<NAME>`` in the
environment overrides the default of the field ``<name>``.
"""

import os
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_type_hints

PACKAGE = Path(__file__).resolve().parent


class BadSettings(ValueError):
    """One or more environment variables cannot be read; the text names each of them."""


def _delivered(name: str) -> Path:
    """Folder of delivered data files: inside the wheel, or beside the package in a checkout."""
    inside = PACKAGE / name
    return inside if inside.is_dir() else PACKAGE.parent / name


@dataclass(frozen=True)
class Settings:
    """What an installation may decide. Immutable; build it with :func:`read_settings`."""

    # Where things are
    home: Path = Path(".maillage")
    database_url: str | None = None
    """An existing PostGIS >= 3.3 on PostgreSQL >= 15 (its owner role); None: the private cluster."""
    app_database_url: str | None = None
    """The server's own, less powerful role on the same database; None: derived by `migrate`."""
    layers: Path = field(default_factory=lambda: _delivered("layers"))
    styles: Path = field(default_factory=lambda: _delivered("styles"))
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str | None = None
    """Address clients use, when a proxy stands before the server. No trailing slash."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    log_level: str = "info"

    # Database
    pool_size: int = 8
    """Connections of one worker."""
    statement_timeout_ms: int = 30_000
    """Longest read of one statement."""
    tile_timeout_ms: int = 10_000
    download_timeout_ms: int = 600_000
    """Longest streamed download."""
    exports_max: int = 2
    """FlatGeobuf and GeoPackage files one worker makes at a time; 503 beyond."""
    pool_wait_ms: int = 5_000
    """Longest wait for a connection before 503."""

    # OGC API
    items_default: int = 1_000
    items_max: int = 10_000
    """QGIS reads both from the OpenAPI document and pages accordingly."""
    count_max: int = 10_000
    """`numberMatched` is exact up to here and left out beyond, unless the whole layer is asked."""
    filter_length_max: int = 100_000
    filter_depth_max: int = 50
    filter_nodes_max: int = 2_000
    literal_vertices_max: int = 10_000
    """Vertices of a geometry written inside a filter."""
    request_bytes_max: int = 2_000_000

    # Tiles
    tile_features_max: int = 20_000
    """Most features of one layer in one tile; the highest ranks stay."""
    tile_layers_max: int = 32
    """Most layers named in one tile address."""
    tile_buffer: int = 64
    """Buffer around a tile, in units of its 4096 extent."""
    tile_queue_max: int = 256
    """Tiles that may wait for the database in one worker; one more is answered 503."""
    tile_cache_mb: int = 128
    """Memory for compressed tiles in one worker."""
    bake_zoom_max: int = 14
    """Deepest zoom baked into a pack, with every row of the layer; readers overzoom beyond."""
    bake_tiles_max: int = 20_000
    """Baking stops adding zoom levels before it would exceed this."""

    # Loading
    batch_rows: int = 20_000
    """Rows of one Arrow batch; bounds the loader's memory."""
    revisions_kept: int = 2
    """Earlier publications of a layer kept for `rollback`."""
    rejects_max_share: float = 0.2
    """A load with a larger share of rejected rows is refused, unless the layer says otherwise."""
    coverage_rows_max: int = 200_000
    """Largest layer simplified as one coverage (all rows in memory)."""
    source_requests_per_second: float = 5.0
    source_timeout_s: float = 60.0
    source_retries: int = 5
    source_backoff_s: float = 1.0
    """Wait before the first repetition of a failed request; it doubles each time."""
    source_page_bytes_max: int = 256_000_000
    """Largest single answer of a service that gives its rows page by page."""
    source_download_bytes_max: int = 4_000_000_000
    source_unpacked_bytes_max: int = 20_000_000_000
    """Largest content of a zip or gzip; what would grow beyond is refused before it fills the disk."""
    source_other_hosts: bool = False
    """Whether a source may redirect to a host other than the one its layer file names."""

    # Watching
    catalogue_poll_s: float = 1.0
    """Longest delay before a changed layer file is noticed where the system gives no events."""


def _convert(name: str, kind: Any, text: str) -> Any:
    options = [k for k in (get_args(kind) if isinstance(kind, UnionType) else (kind,)) if k is not type(None)]
    if options[0] is bool:
        if text.lower() not in {"0", "1", "true", "false", "yes", "no"}:
            raise ValueError(f"MAILLAGE_{name.upper()}={text!r} is neither true nor false")
        return text.lower() in {"1", "true", "yes"}
    try:
        return options[0](text)
    except ValueError:
        wanted = getattr(options[0], "__name__", str(options[0]))
        raise ValueError(f"MAILLAGE_{name.upper()}={text!r} is not of type {wanted}") from None


def read_settings(environ: dict[str, str] | None = None, **overrides: Any) -> Settings:
    """Read the environment (``os.environ`` by default); keyword arguments win over it.

    Raises BadSettings with every variable that cannot be read. Unset and empty mean the default.
    """
    found = dict(os.environ) if environ is None else environ
    hints = get_type_hints(Settings)
    values: dict[str, Any] = {}
    mistakes: list[str] = []
    for item in fields(Settings):
        text = found.get(f"MAILLAGE_{item.name.upper()}", "")
        if text:
            try:
                values[item.name] = _convert(item.name, hints[item.name], text)
            except ValueError as error:
                mistakes.append(str(error))
    if mistakes:
        raise BadSettings("; ".join(mistakes))
    values.update({name: value for name, value in overrides.items() if value is not None})
    settings = Settings(**values)
    url = settings.public_url.rstrip("/") if settings.public_url else None
    absolute = {"home": Path(settings.home).absolute(), "public_url": url}
    return Settings(**{**{f.name: getattr(settings, f.name) for f in fields(Settings)}, **absolute})
