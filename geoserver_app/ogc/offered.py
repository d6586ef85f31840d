"""Media types of each kind of answer by the short name that `f=` takes; the first is the default."""

from geoserver_app.features.formats import FORMATS
from geoserver_app.ogc.links import GEOJSON, HTML, JSON, OPENAPI, SCHEMA

PAGE_FORMATS = {"json": JSON, "html": HTML}
API_FORMATS = {"json": OPENAPI, "html": HTML}
SCHEMA_FORMATS = {"json": SCHEMA, "html": HTML}
ITEM_FORMATS = {"json": GEOJSON, "html": HTML}
DOWNLOADS = {made.name: made for made in FORMATS}
ITEMS_FORMATS = {**ITEM_FORMATS, **{name: made.media_type for name, made in DOWNLOADS.items()}}
