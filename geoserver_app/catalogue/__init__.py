"""Layer and style files: read, checked, watched, written."""

from geoserver_app.catalogue.defaults import default_style
from geoserver_app.catalogue.groups import GROUPS, Group
from geoserver_app.catalogue.load import Catalog, read_catalog
from geoserver_app.catalogue.mistakes import CatalogError, Mistake
from geoserver_app.catalogue.watch import Watcher
from geoserver_app.catalogue.write import write_layer, write_style

__all__ = [
    "GROUPS",
    "Catalog",
    "CatalogError",
    "Group",
    "Mistake",
    "Watcher",
    "default_style",
    "read_catalog",
    "write_layer",
    "write_style",
]
