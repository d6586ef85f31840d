"""Find a place by its name."""

from typing import Any

from sqlalchemy import Float, case, cast, func, literal, select

from geoserver_app.core.errors import NotFound
from geoserver_app.core.layer import Layer
from geoserver_app.core.publication import Published
from geoserver_app.store.engine import Reader
from geoserver_app.store.tables import feature_table


async def find_communes(reader: Reader, published: Published, text: str, limit: int) -> dict[str, Any]:
    """A FeatureCollection of communes by name, best match first; geometry is a point inside each.

    Coordinates and each feature's bbox are CRS84. Names match without regard to case and accents.
    NotFound where the caller's layer has no text to search.
    """
    layer = published.layer
    table = feature_table(published)
    label = _searched(layer)
    name = func.unaccent(func.lower(table.c[label]))
    wanted = func.unaccent(func.lower(literal(text.strip())))
    place = func.ST_Transform(func.ST_PointOnSurface(table.c.geom), 4326)
    box = func.ST_Transform(func.ST_Envelope(table.c.geom), 4326)
    found = func.strpos(name, wanted)
    columns = [
        table.c.fid,
        table.c[label].label("name"),
        func.ST_X(place).label("x"),
        func.ST_Y(place).label("y"),
        *(cast(f(box), Float).label(n) for n, f in _EDGES.items()),
        *(table.c[f.name].label(f"p_{f.name}") for f in layer.fields),
    ]
    best = case((found == 1, 0), else_=1)
    statement = select(*columns).where(found > 0).order_by(best, func.length(table.c[label]), name).limit(limit)
    rows = await reader.fetch(statement)
    features = [
        {
            "type": "Feature",
            "id": row["fid"],
            "bbox": [row["west"], row["south"], row["east"], row["north"]],
            "geometry": {"type": "Point", "coordinates": [round(row["x"], 7), round(row["y"], 7)]},
            "properties": {"name": row["name"], **{f.name: row[f"p_{f.name}"] for f in layer.fields}},
        }
        for row in rows
    ]
    return {"type": "FeatureCollection", "features": features, "numberReturned": len(features)}


def _searched(layer: Layer) -> str:
    """The label, else the first text."""
    texts = [field.name for field in layer.fields if field.type == "string"]
    if not texts:
        raise NotFound(f"{layer.id!r} has no names to search in")
    return layer.label if layer.label in texts else texts[0]


_EDGES = {"west": func.ST_XMin, "south": func.ST_YMin, "east": func.ST_XMax, "north": func.ST_YMax}
