# mypy: ignore-errors
"""Run by QGIS's own Python: draw a vector tile layer and print where its pixels lie."""

import json
import sys

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsMapRendererSequentialJob,
    QgsMapSettings,
    QgsProject,
    QgsRectangle,
    QgsVectorTileLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

SIZE = 200
WHITE = QColor("white")


def drawn(url: str, x: float, y: float, half: float) -> list[tuple[int, int]]:
    """Pixels that are not background in a square map around a point in EPSG:3857."""
    layer = QgsVectorTileLayer(f"type=xyz&url={url}&zmin=0&zmax=16", "tiles")
    assert layer.isValid()
    QgsProject.instance().addMapLayer(layer)
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    settings.setExtent(QgsRectangle(x - half, y - half, x + half, y + half))
    settings.setOutputSize(QSize(SIZE, SIZE))
    settings.setBackgroundColor(WHITE)
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    return [(a, b) for a in range(SIZE) for b in range(SIZE) if image.pixelColor(a, b) != WHITE]


application = QgsApplication([], False)
application.initQgis()
print(json.dumps(drawn(sys.argv[1], *map(float, sys.argv[2:]))))
application.exitQgis()
