"""The JSON Schema of layer files, for editors: ``python -m geoserver_app.catalogue.schema > layers/schema.json``."""

import json
import sys

from geoserver_app.catalogue.files import LayerFile


def schema_text() -> str:
    schema = LayerFile.model_json_schema()
    document = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
    return json.dumps(document, ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
