"""Run by Debian's Python: opens layers in QGIS as a user would and prints what it sees as JSON."""

import json
import os
import sys

from qgis.core import QgsApplication, QgsFeatureRequest, QgsRectangle, QgsVectorLayer

base, names = sys.argv[1], sys.argv[2:]
application = QgsApplication([], False)
application.initQgis()
found = {}
for name in names:
    layer = QgsVectorLayer(f" url='{base}' typename='{name}'", name, "OAPIF")
    if not layer.isValid():
        found[name] = {"error": layer.error().message() or layer.dataProvider().error().message()}
        continue
    features = list(layer.getFeatures())
    extent = layer.extent()
    west = QgsRectangle(extent.xMinimum(), extent.yMinimum(), extent.center().x(), extent.yMaximum())
    found[name] = {
        "count": len(features),
        "told": layer.featureCount(),
        "distinct": len(
            {feature.attribute("id") if "id" in layer.fields().names() else feature.id() for feature in features}
        ),
        "fields": layer.fields().names(),
        "crs": layer.crs().authid(),
        "west": sum(1 for _ in layer.getFeatures(QgsFeatureRequest().setFilterRect(west))),
        "valid": all(feature.hasGeometry() for feature in features),
    }
    if "n" in layer.fields().names():
        layer.setSubsetString('"n" < 500')
        found[name]["subset"] = sum(1 for _ in layer.getFeatures())
print(json.dumps(found), flush=True)
# QGIS 3.22 may crash while it takes itself down.
os._exit(0)
