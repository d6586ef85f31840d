"""One source file of the exercise: geometries with their attributes, written as a GeoPackage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import pandas

from ingest.exercise.shapes import Geometries

FIRST = 900_000_001
"""The first of the numbers the exercise gives its rows: no row of the real layers is that high."""

NOTE = "Exercice : donnée fictive"

DTYPES = {"text": "string", "int": "Int64", "real": "Float64"}


@dataclass(frozen=True)
class Sheet:
    """``fields`` maps each column to (text, int or real, values); None is "no value"."""

    geometries: Geometries
    fields: Mapping[str, tuple[str, Sequence[Any]]]

    def write(self, path: Path, layer: str) -> None:
        columns = {
            name: pandas.array(list(values), dtype=DTYPES[kind])  # type: ignore[call-overload]
            for name, (kind, values) in self.fields.items()
        }
        frame = geopandas.GeoDataFrame(columns, geometry=self.geometries, crs="EPSG:31370")
        path.unlink(missing_ok=True)
        frame.to_file(path, layer=layer, driver="GPKG", engine="pyogrio", SPATIAL_INDEX="NO")


def numbers(count: int, start: int = 0) -> list[int]:
    """Keys of rows: high numbers no real row has."""
    return list(range(FIRST + start, FIRST + start + count))


def same(value: Any, count: int) -> list[Any]:
    return [value] * count
