"""CSV and its kin: separator, encoding, types and coordinates are found by looking at the whole file.

Coordinates are, in this order: a column of WKT (``wkt``, ``wkt_geom``, ``geometry``, ``geom``, ``the_geom``,
``shape``, ``geometrie``), degrees (``lon``/``longitude``/``lng``/``long`` with ``lat``/``latitude``), metres
(``x``/``y``, ``easting``/``northing``, ``coord_x``/``coord_y``, ``x_lambert``/``y_lambert`` and the like). Where
the layer states a projected CRS, metres come before degrees. Case and punctuation of names do not matter.
"""

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import shapely

from geoserver_app.core.crs import crs_of
from geoserver_app.core.layer import FieldType
from ingest import columns
from ingest.readers.base import FileReader, Outline
from ingest.source import GEOMETRY, BadSource, Batch

SEPARATORS = (";", ",", "\t", "|")
BLOCK_BYTES = 16 << 20
"""A row must be shorter than this; also what is in memory at once."""
STUDY_ROWS = 65_536

WKT_NAMES = ("wkt", "wktgeom", "wktgeometry", "geometry", "geom", "thegeom", "shape", "geometrie", "geowkt")
DEGREES = (("longitude", "lon", "lng", "long"), ("latitude", "lat"))
METRES = (
    ("x", "easting", "eastings", "eastingm", "coordx", "xcoord", "xlambert", "lambertx", "xl72", "eastingrounded"),
    ("y", "northing", "northings", "northingm", "coordy", "ycoord", "ylambert", "lamberty", "yl72", "northingrounded"),
)

_NUMBER = r"-?(?:(?:0|[1-9]\d{0,14})(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?"
PATTERNS: tuple[tuple[FieldType, str], ...] = (
    ("integer", r"^-?(?:0|[1-9]\d{0,17})$"),
    ("number", rf"^{_NUMBER}$"),
    ("boolean", r"^(?i:true|false)$"),
    ("date", r"^\d{4}-\d{2}-\d{2}$"),
    ("datetime", r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?$"),
)
"""What every value of a column must look like. Leading zeros and plus signs make it text: codes, telephones."""
_COMMA = r"^-?(?:0|[1-9]\d{0,14})(?:,\d+)?$"
_ANY_NUMBER = r"^\s*[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,3})?\s*$"
_WKT = r"(?i)^\s*(?:SRID=\d+;)?\s*(?:(?:MULTI)?(?:POINT|LINESTRING|POLYGON)|GEOMETRYCOLLECTION)\b"


@dataclass(frozen=True)
class Study:
    """What one look at the whole file found."""

    encoding: str
    separator: str
    names: tuple[str, ...]
    """One name a column; columns without name and content have an empty one and are left out."""
    types: dict[str, FieldType]
    commas: frozenset[str]
    """Columns of numbers written with a decimal comma."""
    count: int
    wkt: str | None
    pair: tuple[str, str] | None
    srid: int | None


class CsvFile(FileReader):
    """Delimited text with coordinates or WKT; see the module's text for the names it knows."""

    formats: ClassVar[frozenset[str]] = frozenset({"csv"})
    _found: Study | None = None

    @classmethod
    def layers(cls, path: Path, format_: str) -> tuple[str, ...]:
        return (path.stem,)

    def outline(self) -> Outline:
        study = self._studied()
        geometry = None if study.wkt else "Point"
        return Outline(study.types, geometry, study.srid, study.count, name=self.path.stem, exact=True)  # type: ignore[arg-type]

    def read(self, size: int, only: tuple[str, ...] | None) -> Iterator[Batch]:
        study = self._studied()
        wanted = [name for name in study.types if only is None or name in only]
        for raw in self._texts(study.encoding, study.separator, study.names, size):
            arrays = [_typed(raw.column(n), study.types[n], n in study.commas) for n in wanted]
            yield pa.RecordBatch.from_arrays([*arrays, _shapes(raw, study)], names=[*wanted, GEOMETRY])

    def _studied(self) -> Study:
        if self._found is None:
            encoding = self.source.encoding or _encoding(self.path)
            separator, header = _header(self.path, encoding)
            self._found = self._study(encoding, separator, _names(header))
        return self._found

    def _study(self, encoding: str, separator: str, names: tuple[str, ...]) -> Study:
        looks = {name: _Look(name) for name in names}
        count = 0
        for batch in self._texts(encoding, separator, names, STUDY_ROWS):
            count += batch.num_rows
            for name in names:
                looks[name].at(batch.column(name))
        told = tuple("" if looks[n].empty and n.startswith("field_") else n for n in names)
        types = {n: looks[n].type for n in told if n}
        wkt, pair = self._coordinates(looks)
        srid = looks[wkt].srid if wkt else None
        if pair and _plain(pair[0]) in DEGREES[0]:
            srid = 4326
        commas = frozenset(n for n in types if looks[n].comma)
        return Study(encoding, separator, names, types, commas, count, wkt, pair, srid)

    def _coordinates(self, looks: dict[str, "_Look"]) -> tuple[str | None, tuple[str, str] | None]:
        by_name = {_plain(name): name for name in reversed(looks)}
        for plain in WKT_NAMES:
            if plain in by_name and looks[by_name[plain]].wkt:
                return by_name[plain], None
        metres_first = self.source.crs is not None and crs_of(self.source.crs).metres
        for xs, ys in (METRES, DEGREES) if metres_first else (DEGREES, METRES):
            x, y = (_fullest([looks[by_name[n]] for n in names if n in by_name]) for names in (xs, ys))
            if x is not None and y is not None:
                return None, (x, y)
        raise BadSource(
            f"{self.path.name} has no coordinates: name its columns lon and lat, x and y, or one of WKT wkt; "
            f"it has {', '.join(looks)}"
        )

    def _texts(self, encoding: str, separator: str, names: tuple[str, ...], size: int) -> Iterator[Batch]:
        """The rows with every column as text, empty ones null."""
        options: dict[str, Any] = {
            "read_options": pyarrow.csv.ReadOptions(
                use_threads=False, block_size=BLOCK_BYTES, column_names=list(names), skip_rows=1, encoding=encoding
            ),
            "parse_options": pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            "convert_options": pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
            ),
        }
        try:
            with pyarrow.csv.open_csv(self.path, **options) as stream:
                for block in stream:
                    for start in range(0, block.num_rows, size):
                        yield block.slice(start, size)
        except (pa.ArrowException, UnicodeDecodeError, OSError) as error:
            if "Empty CSV" in str(error):
                return
            raise BadSource(f"{self.path.name} cannot be read: {str(error).splitlines()[0]}") from None


class _Look:
    """What the values of one column have looked like so far."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.fits: list[tuple[FieldType, str]] = list(PATTERNS)
        self.comma_fits = True
        self.commas_seen = False
        self.seen = 0
        self.numbers = 0
        self.wkt = False
        self.srid: int | None = None

    def at(self, column: Any) -> None:
        values = pc.drop_null(column)
        if len(values) == 0:
            return
        if self.seen == 0:
            self._first(str(values[0]))
        self.seen += len(values)
        if self.wkt:
            self.fits, self.comma_fits = [], False
            return
        self.fits = [(kind, pattern) for kind, pattern in self.fits if _fits(values, kind, pattern)]
        self.comma_fits = self.comma_fits and _all(values, _COMMA)
        self.commas_seen = self.commas_seen or bool(pc.any(pc.match_substring(values, ",")).as_py())
        self.numbers += int(pc.sum(pc.match_substring_regex(values, _ANY_NUMBER)).as_py() or 0)

    def _first(self, value: str) -> None:
        self.wkt = _plain(self.name) in WKT_NAMES and re.match(_WKT, value) is not None
        if self.wkt and (found := re.match(r"(?i)\s*SRID=(\d+);", value)):
            self.srid = int(found.group(1))

    @property
    def empty(self) -> bool:
        return self.seen == 0

    @property
    def comma(self) -> bool:
        return self.seen > 0 and not self.fits and self.comma_fits and self.commas_seen

    @property
    def type(self) -> FieldType:
        if self.comma:
            return "number"
        return self.fits[0][0] if self.fits and self.seen else "string"


def _fullest(looks: list[_Look]) -> str | None:
    """The column with the most numbers; text such as NULL among them does no harm to coordinates."""
    best = max(looks, key=lambda look: look.numbers, default=None)
    return best.name if best is not None and best.numbers else None


def _all(values: Any, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern)).as_py())


def _fits(values: Any, kind: FieldType, pattern: str) -> bool:
    if not _all(values, pattern):
        return False
    if kind in ("date", "datetime"):
        try:
            _typed(values, kind, False)
        except pa.ArrowInvalid:
            return False
    return True


def _typed(column: Any, kind: FieldType, comma: bool) -> Any:
    if kind == "string":
        return column
    if kind == "datetime":
        zoned = pc.replace_substring_regex(column, r"(:\d{2}(?:\.\d+)?)$", r"\1Z")
        # Only a time, not an offset such as +02:00, may get the Z.
        offset = pc.match_substring_regex(column, r"[+-]\d{2}:?\d{2}$")
        offset = pc.and_(offset, pc.match_substring_regex(column, r"[T ].*[+-]"))
        return pc.cast(pc.if_else(offset, column, zoned), columns.ARROW_TYPES[kind])
    if comma:
        column = pc.replace_substring(column, ",", ".")
    if kind == "boolean":
        column = pc.utf8_lower(column)
    return pc.cast(column, columns.ARROW_TYPES[kind])


def _shapes(raw: Batch, study: Study) -> Any:
    if study.wkt:
        texts = pc.replace_substring_regex(raw.column(study.wkt), r"(?i)^\s*SRID=\d+;", "")
        shapes = shapely.from_wkt(np.asarray(texts.to_pylist(), dtype=object), on_invalid="ignore")
        return pa.array(shapely.to_wkb(shapes, output_dimension=2), type=pa.binary(), from_pandas=True)
    if study.pair is None:
        return pa.nulls(raw.num_rows, pa.binary())
    x, y = (_number(raw.column(name)) for name in study.pair)
    whole = np.isfinite(x) & np.isfinite(y)
    shapes = np.full(raw.num_rows, None, dtype=object)
    shapes[whole] = shapely.points(x[whole], y[whole])
    return pa.array(shapely.to_wkb(shapes), type=pa.binary(), from_pandas=True)


def _number(column: Any) -> Any:
    """Numbers of a column of text as numpy floats; what is none becomes NaN."""
    good = pc.match_substring_regex(column, _ANY_NUMBER)
    texts = pc.if_else(pc.fill_null(good, False), pc.utf8_trim_whitespace(column), pa.scalar(None, pa.string()))
    texts = pc.replace_substring_regex(pc.replace_substring(texts, ",", "."), r"^\+", "")
    return pc.fill_null(pc.cast(texts, pa.float64()), float("nan")).to_numpy(zero_copy_only=False)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _encoding(path: Path) -> str:
    """utf8 where the whole file is, else cp1252, which is what a Belgian spreadsheet writes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as stream:
        head = stream.read(2)
        if head in (b"\xff\xfe", b"\xfe\xff"):
            return "utf-16"
        stream.seek(0)
        try:
            while chunk := stream.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf8"


def _header(path: Path, encoding: str) -> tuple[str, list[str]]:
    """Separator and column names: the separator that cuts the first lines into most, and equal, parts."""
    try:
        with path.open(encoding="utf-8-sig" if encoding == "utf8" else encoding, newline="") as stream:
            lines = [line for _, line in zip(range(20), iter(lambda: stream.readline(1 << 20), ""), strict=False)]
    except (UnicodeDecodeError, LookupError) as error:
        raise BadSource(f"{path.name} is not in the encoding {encoding!r} ({error})") from None
    best: tuple[float, str, list[str]] = (0.0, ",", [])
    for separator in SEPARATORS:
        cut = list(csv.reader(lines, delimiter=separator))
        if not cut or len(cut[0]) < 2:
            continue
        same = sum(len(row) == len(cut[0]) for row in cut) / len(cut)
        best = max(best, (same * len(cut[0]), separator, cut[0]), key=lambda found: found[0])
    if not best[2]:
        return ",", next(csv.reader(lines))
    return best[1], best[2]


def _names(header: list[str]) -> tuple[str, ...]:
    """Column names, each once: empty ones are numbered, repeated ones too."""
    names: list[str] = []
    for number, raw in enumerate(header, start=1):
        name = raw.strip() or f"field_{number}"
        base, again = name, 2
        while name in names:
            name, again = f"{base}_{again}", again + 1
        names.append(name)
    return tuple(names)
