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
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import shapely

from geoserver_app.core.crs import crs_of
from geoserver_app.core.layer import FieldType
from ingest.readers.base import FileReader, Outline
from ingest.source import GEOMETRY, BadSource, Batch
from ingest.texts import ANY_NUMBER, Look, plain, typed

SEPARATORS = (";", ",", "\t", "|")
BLOCK_BYTES = 4 << 20
"""What the parser takes at once; larger only where a single row is."""
ROW_BYTES_MAX = 64 << 20
LINE_CHARACTERS = 100_000
"""Lines up to this length are looked at for the separator."""
STUDY_ROWS = 65_536

WKT_NAMES = ("wkt", "wktgeom", "wktgeometry", "geometry", "geom", "thegeom", "shape", "geometrie", "geowkt")
DEGREES = (("longitude", "lon", "lng", "long"), ("latitude", "lat"))
METRES = (
    ("x", "easting", "eastings", "eastingm", "coordx", "xcoord", "xlambert", "lambertx", "xl72", "eastingrounded"),
    ("y", "northing", "northings", "northingm", "coordy", "ycoord", "ylambert", "lamberty", "yl72", "northingrounded"),
)

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
    _longest: int | None = None

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
            arrays = [typed(raw.column(n), study.types[n], comma=n in study.commas) for n in wanted]
            yield pa.RecordBatch.from_arrays([*arrays, _shapes(raw, study)], names=[*wanted, GEOMETRY])

    def _studied(self) -> Study:
        if self._found is None:
            encoding = self.source.encoding or _encoding(self.path)
            separator, header = _header(self.path, encoding)
            self._found = self._study(encoding, separator, _names(header))
        return self._found

    def _study(self, encoding: str, separator: str, names: tuple[str, ...]) -> Study:
        looks = {name: Look(name) for name in names}
        count = 0
        for batch in self._texts(encoding, separator, names, STUDY_ROWS):
            count += batch.num_rows
            for name in names:
                looks[name].at(batch.column(name))
        told = tuple("" if not looks[n].seen and n.startswith("field_") else n for n in names)
        types = {n: looks[n].type for n in told if n}
        wkt, pair = self._coordinates(looks)
        srid = _told_srid(looks[wkt].first) if wkt else None
        if pair and plain(pair[0]) in DEGREES[0]:
            srid = 4326
        commas = frozenset(n for n in types if looks[n].comma)
        return Study(encoding, separator, names, types, commas, count, wkt, pair, srid)

    def _block(self) -> int:
        """Bytes the parser must see at once: it wants whole rows."""
        if self._longest is None:
            self._longest = _longest_line(self.path)
        if self._longest > ROW_BYTES_MAX:
            raise BadSource(f"{self.path.name} holds a row of {self._longest} bytes; {ROW_BYTES_MAX} are read at most")
        return max(BLOCK_BYTES, 3 * self._longest)

    def _coordinates(self, looks: dict[str, Look]) -> tuple[str | None, tuple[str, str] | None]:
        by_name = {plain(given): given for given in reversed(looks)}
        for name in WKT_NAMES:
            if name in by_name and re.match(_WKT, looks[by_name[name]].first):
                return by_name[name], None
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
                use_threads=False, block_size=self._block(), column_names=list(names), skip_rows=1, encoding=encoding
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


def _fullest(looks: list[Look]) -> str | None:
    """The column with the most numbers; text such as NULL among them does no harm to coordinates."""
    best = max(looks, key=lambda look: look.numbers, default=None)
    return best.name if best is not None and best.numbers else None


def _told_srid(wkt: str) -> int | None:
    found = re.match(r"(?i)\s*SRID=(\d+);", wkt)
    return int(found.group(1)) if found else None


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
    good = pc.match_substring_regex(column, ANY_NUMBER)
    texts = pc.if_else(pc.fill_null(good, False), pc.utf8_trim_whitespace(column), pa.scalar(None, pa.string()))
    texts = pc.replace_substring_regex(pc.replace_substring(texts, ",", "."), r"^\+", "")
    return pc.fill_null(pc.cast(texts, pa.float64()), float("nan")).to_numpy(zero_copy_only=False)


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


def _longest_line(path: Path) -> int:
    longest = open_line = 0
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 22):
            ends = np.flatnonzero(np.frombuffer(chunk, dtype=np.uint8) == ord("\n"))
            if len(ends) == 0:
                open_line += len(chunk)
                longest = max(longest, open_line)
                continue
            longest = max(longest, open_line + int(ends[0]), int(np.diff(ends).max(initial=0)))
            open_line = len(chunk) - int(ends[-1])
    return max(longest, open_line)


def _header(path: Path, encoding: str) -> tuple[str, list[str]]:
    """Separator and column names: the separator that cuts the first lines into most, and equal, parts."""
    try:
        with path.open(encoding="utf-8-sig" if encoding == "utf8" else encoding, newline="") as stream:
            pieces = islice(iter(lambda: stream.readline(LINE_CHARACTERS), ""), 20)
            # A long line (a drawn polygon, say) ends the sample: csv refuses cells of its length.
            lines = list(takewhile(lambda piece: len(piece) < LINE_CHARACTERS, pieces))
    except (UnicodeDecodeError, LookupError) as error:
        raise BadSource(f"{path.name} is not in the encoding {encoding!r} ({error})") from None
    if not lines:
        raise BadSource(f"{path.name} does not begin with a line of column names")
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
