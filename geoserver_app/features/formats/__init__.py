"""The formats features can be downloaded in."""

from geoserver_app.features.format import Format
from geoserver_app.features.formats.csv import Csv
from geoserver_app.features.formats.files import FlatGeobuf, GeoPackage

FORMATS: tuple[Format, ...] = (Csv(), FlatGeobuf(), GeoPackage())
