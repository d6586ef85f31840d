"""A small installation on disk for tests of the catalogue."""

import json
import shutil
from pathlib import Path
from typing import Any

from geoserver_app.catalogue import CatalogError, read_catalog

DELIVERED = Path(__file__).resolve().parents[2]

LAYER = """\
title = { fr = "Hydrants", en = "Hydrants" }
group = "resources"
geometry = "Point"
crs = 31370
label = "name"

[source]
kind = "arcgis"
url = "https://example.org/arcgis/rest/services/H/MapServer/0"
key = "ID"
crs = 31370

[licence]
name = "CC BY 4.0"
attribution = "Example"

[[field]]
name = "name"
type = "string"
title = { fr = "Nom", en = "Name" }
source = "NAME"

[[field]]
name = "level"
type = "integer"
title = { fr = "Niveau", en = "Level" }
code = [
    { source = "1", value = "1", title = { fr = "Bas", en = "Low" } },
    { source = "2", value = "2", title = { fr = "Haut", en = "High" } },
]
"""

STYLE: dict[str, Any] = {
    "version": 8,
    "name": "Hydrants",
    "sources": {"hydrants": {"type": "vector", "url": "maillage://hydrants"}},
    "layers": [
        {
            "id": "dot",
            "type": "circle",
            "source": "hydrants",
            "source-layer": "hydrants",
            "paint": {"circle-color": "#336699", "circle-radius": 4},
        }
    ],
}


class Folders:
    """Two folders with one right layer, ``hydrants``, and its style."""

    def __init__(self, root: Path) -> None:
        self.layers, self.styles = root / "layers", root / "styles"
        self.layers.mkdir()
        self.styles.mkdir()
        self.layer("hydrants", LAYER)
        self.style("hydrants", STYLE)

    def layer(self, layer_id: str, text: str) -> None:
        (self.layers / f"{layer_id}.toml").write_text(text, encoding="utf-8")

    def change(self, old: str, new: str) -> None:
        """Replace a piece of the right layer file."""
        assert old in LAYER
        self.layer("hydrants", LAYER.replace(old, new, 1))

    def style(self, style_id: str, document: object) -> None:
        (self.styles / f"{style_id}.json").write_text(json.dumps(document), encoding="utf-8")

    def restyle(self, **changes: Any) -> None:
        """Change the one style layer of the right style."""
        self.style("hydrants", {**STYLE, "layers": [{**STYLE["layers"][0], **changes}]})

    def copy_delivered(self) -> None:
        for folder in (self.layers, self.styles):
            shutil.rmtree(folder)
            shutil.copytree(DELIVERED / folder.name, folder)

    def told(self) -> dict[str, str]:
        """Mistakes by "file key"; none when the folders are right."""
        try:
            read_catalog(self.layers, self.styles)
        except CatalogError as error:
            return {f"{m.file} {m.key}".strip(): m.text for m in error.mistakes}
        return {}
