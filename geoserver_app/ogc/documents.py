"""The landing page and the collections as JSON documents."""

from datetime import UTC, datetime
from typing import Any

from geoserver_app.core.publication import Published
from geoserver_app.ogc.links import HTML, JSON, OGC_REL, OPENAPI, SCHEMA, Link, link
from geoserver_app.ogc.offered import ITEMS_FORMATS

TITLE = {"fr": "Maillage", "en": "Maillage"}
ABSTRACT = {
    "fr": "Données de référence pour la gestion de crise en Huy-Waremme : entités, tuiles et styles.",
    "en": "Reference data for crisis management in Huy-Waremme: features, tiles and styles.",
}


def landing(base: str, links: list[Link], language: str) -> dict[str, Any]:
    home = f"{base}/ogc"
    return {
        "title": TITLE[language],
        "description": ABSTRACT[language],
        "links": [
            *links,
            link("service-desc", f"{home}/api", OPENAPI, "OpenAPI 3.0"),
            link("service-doc", f"{home}/api.html", HTML),
            link("conformance", f"{home}/conformance", JSON),
            link(f"{OGC_REL}conformance", f"{home}/conformance", JSON),
            link("data", f"{home}/collections", JSON),
            link(f"{OGC_REL}data", f"{home}/collections", JSON),
            link(f"{OGC_REL}tilesets-vector", f"{home}/tiles", JSON),
            link(f"{OGC_REL}tiling-schemes", f"{home}/tileMatrixSets", JSON),
        ],
    }


def collection(published: Published, base: str, links: list[Link], language: str) -> dict[str, Any]:
    """One collection (Part 1 clause 7.14, Part 2 clause 6). ``links`` come first."""
    layer, publication = published.layer, published.publication
    home = f"{base}/ogc/collections/{layer.id}"
    title = layer.title.to(language)
    document: dict[str, Any] = {"id": layer.id, "title": title}
    if abstract := layer.abstract.to(language):
        document["description"] = abstract
    if layer.keywords:
        document["keywords"] = list(layer.keywords)
    document |= {
        "attribution": published.licence.attribution,
        "itemType": "feature",
        "extent": extent(published),
        "crs": [crs.uri for crs in layer.crs_list],
        "storageCrs": layer.storage_crs.uri,
        "links": [
            *links,
            *(link("items", f"{home}/items?f={name}", media, title) for name, media in ITEMS_FORMATS.items()),
            link(f"{OGC_REL}queryables", f"{home}/queryables", SCHEMA),
            link(f"{OGC_REL}schema", f"{home}/schema", SCHEMA),
            link(f"{OGC_REL}sortables", f"{home}/sortables", SCHEMA),
            link(f"{OGC_REL}tilesets-vector", f"{home}/tiles", JSON),
            link("describedby", f"{base}/tiles/{layer.id}.json", JSON, "TileJSON"),
            link("stylesheet", f"{base}/styles/{layer.style_id}", "application/vnd.mapbox.style+json"),
        ],
    }
    if publication.pack:
        archive = link("enclosure", f"{base}/packs/{layer.id}.pmtiles", "application/vnd.pmtiles", "PMTiles")
        document["links"].append(archive)
    document["links"].append(license_link(published))
    document["updated"] = _moment(publication.loaded_at)
    return document


def license_link(published: Published) -> Link:
    licence = published.licence
    return link("license", licence.url or "about:blank", HTML, licence.name)


def extent(published: Published) -> dict[str, Any]:
    """Where and when the features are; a layer without times says so with open ends."""
    publication = published.publication
    box = publication.bbox or (-180.0, -90.0, 180.0, 90.0)
    found: dict[str, Any] = {"spatial": {"bbox": [list(box)], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}}
    if publication.time_extent:
        ends = [None if end is None else _moment(end) for end in publication.time_extent]
        found["temporal"] = {"interval": [ends], "trs": "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"}
    return found


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
