"""A pretend WFS with one feature type of numbered points, with the faults of real ones switched on by name."""

import json
from dataclasses import dataclass, field

from tests.ingest_readers.server import Answer, Asked

CAPABILITIES = """<?xml version="1.0" encoding="UTF-8"?>
<wfs:WFS_Capabilities version="{version}" xmlns:wfs="{wfs}" xmlns:ows="{ows}"
  xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:eau="http://eau.example">
 <ows:ServiceIdentification><ows:Title>Eau</ows:Title><ows:ServiceType>WFS</ows:ServiceType>
  <ows:ServiceTypeVersion>{version}</ows:ServiceTypeVersion></ows:ServiceIdentification>
 <ows:OperationsMetadata>
  <ows:Operation name="GetFeature">
   <ows:DCP><ows:HTTP><ows:Get xlink:href="{get}"/></ows:HTTP></ows:DCP>
   <ows:Parameter name="outputFormat"><ows:AllowedValues>{formats}</ows:AllowedValues></ows:Parameter>
   <ows:Constraint name="CountDefault"><ows:NoValues/><ows:DefaultValue>{page}</ows:DefaultValue></ows:Constraint>
  </ows:Operation>
  <ows:Constraint name="ImplementsResultPaging"><ows:NoValues/><ows:DefaultValue>{paging}</ows:DefaultValue>
  </ows:Constraint>
 </ows:OperationsMetadata>
 <wfs:FeatureTypeList><wfs:FeatureType><wfs:Name>eau:stations</wfs:Name><wfs:Title>Stations</wfs:Title>
  <wfs:{crs}>urn:ogc:def:crs:EPSG::{srid}</wfs:{crs}>
  <ows:WGS84BoundingBox><ows:LowerCorner>2 49</ows:LowerCorner><ows:UpperCorner>7 51</ows:UpperCorner>
  </ows:WGS84BoundingBox></wfs:FeatureType></wfs:FeatureTypeList>
</wfs:WFS_Capabilities>"""

SCHEMA = b"""<?xml version="1.0"?>
<xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:gml="http://www.opengis.net/gml/3.2"
  xmlns:eau="http://eau.example" targetNamespace="http://eau.example">
 <xsd:complexType name="stationsType"><xsd:complexContent><xsd:extension base="gml:AbstractFeatureType">
  <xsd:sequence>
   <xsd:element name="code" type="xsd:string"/>
   <xsd:element name="rang" nillable="true" type="xsd:int"/>
   <xsd:element name="hauteur" type="xsd:double"/>
   <xsd:element name="active" type="xsd:boolean"/>
   <xsd:element name="pose" type="xsd:date"/>
   <xsd:element name="releve" type="xsd:dateTime"/>
   <xsd:element name="commune"><xsd:simpleType><xsd:restriction base="xsd:string"><xsd:maxLength value="40"/>
   </xsd:restriction></xsd:simpleType></xsd:element>
   <xsd:element name="geom" type="gml:PointPropertyType"/>
  </xsd:sequence></xsd:extension></xsd:complexContent></xsd:complexType>
 <xsd:element name="stations" type="eau:stationsType" substitutionGroup="gml:AbstractFeature"/>
</xsd:schema>"""

MEMBER = """<wfs:member><eau:stations gml:id="stations.{n}"><eau:code>0{n}</eau:code><eau:rang>{n}</eau:rang>
<eau:hauteur>{half}</eau:hauteur><eau:active>true</eau:active><eau:pose>2020-01-0{day}Z</eau:pose>
<eau:releve>2021-07-15T06:00:00Z</eau:releve><eau:commune>Hélécine</eau:commune>
<eau:geom><gml:Point gml:id="p{n}" srsName="urn:ogc:def:crs:EPSG::{srid}"><gml:pos>{pos}</gml:pos></gml:Point>
</eau:geom>
</eau:stations></wfs:member>"""


def report(code: str, text: str) -> Answer:
    """An exception report as GeoServer sends it, with status 200."""
    body = f"""<?xml version="1.0"?><ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1" version="2.0.0">
    <ows:Exception exceptionCode="{code}"><ows:ExceptionText>{text}</ows:ExceptionText></ows:Exception>
    </ows:ExceptionReport>"""
    return Answer(body.encode())


@dataclass
class Wfs:
    count: int = 23
    page: int = 10
    versions: tuple[str, ...] = ("2.0.0", "1.1.0")
    json: bool = True
    crs_member: bool = True
    """Whether GeoJSON says its CRS, and obeys srsName."""
    paging: bool = True
    srid: int = 31370
    faults: list[Answer] = field(default_factory=list)
    hits: list[str] = field(default_factory=list)
    get: str = "http://internal.invalid:8080/geoserver/wfs"

    def __call__(self, asked: Asked) -> Answer:
        query = {name.lower(): value for name, value in asked.query.items()}
        version = query.get("version", "2.0.0")
        if query["request"] == "GetCapabilities":
            if version not in self.versions:
                return report("VersionNegotiationFailed", f"no {version}")
            return Answer(self.capabilities(version).encode())
        if query["request"] == "DescribeFeatureType":
            return Answer(SCHEMA)
        if query.get("resulttype") == "hits":
            told = self.hits.pop(0) if len(self.hits) > 1 else (self.hits or [str(self.count)])[0]
            name = "numberMatched" if version == "2.0.0" else "numberOfFeatures"
            return Answer(f'<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs" {name}="{told}"/>'.encode())
        if self.faults:
            return self.faults.pop(0)
        return self.rows(query)

    def capabilities(self, version: str) -> str:
        two = version == "2.0.0"
        formats = ["application/gml+xml; version=3.2", *(["application/json"] if self.json else [])]
        return CAPABILITIES.format(
            version=version,
            wfs="http://www.opengis.net/wfs/2.0" if two else "http://www.opengis.net/wfs",
            ows="http://www.opengis.net/ows/1.1" if two else "http://www.opengis.net/ows",
            get=self.get,
            formats="".join(f"<ows:Value>{f}</ows:Value>" for f in formats),
            page=self.page,
            paging=str(self.paging).upper(),
            crs="DefaultCRS" if two else "DefaultSRS",
            srid=self.srid,
        )

    def rows(self, query: dict[str, str]) -> Answer:
        start = int(query.get("startindex", 0)) if self.paging else 0
        asked = int(query.get("count", query.get("maxfeatures", self.page)))
        numbers = range(1 + start, 1 + min(self.count, start + min(asked, self.page)))
        srid = int(query.get("srsname", f"::{self.srid}").rpartition(":")[2])
        if "json" in query.get("outputformat", ""):
            return self.as_json(list(numbers), srid)
        return self.as_gml(list(numbers), srid)

    def as_json(self, numbers: list[int], srid: int) -> Answer:
        features = []
        for n in numbers:
            place = [5.0 + n / 100, 50.5] if srid == 4326 or not self.crs_member else [180_000 + n, 130_000]
            values = {"code": f"0{n}", "rang": n, "hauteur": n / 2, "active": True, "pose": f"2020-01-0{1 + n % 9}Z"}
            values |= {"releve": "2021-07-15T06:00:00Z", "commune": "Hélécine"}
            geometry = {"type": "Point", "coordinates": place}
            features.append({"type": "Feature", "id": f"stations.{n}", "geometry": geometry, "properties": values})
        collection: dict[str, object] = {"type": "FeatureCollection", "features": features}
        if self.crs_member:
            collection["crs"] = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{srid}"}}
        return Answer(json.dumps(collection).encode())

    def as_gml(self, numbers: list[int], srid: int) -> Answer:
        members = []
        for n in numbers:
            pos = f"50.5 {5.0 + n / 100}" if srid == 4326 else f"{180_000 + n} 130000"
            members.append(MEMBER.format(n=n, half=n / 2, day=1 + n % 9, srid=srid, pos=pos))
        body = f"""<?xml version="1.0" encoding="UTF-8"?>
        <wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2"
          xmlns:eau="http://eau.example" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
          xsi:schemaLocation="http://eau.example {self.get}?request=DescribeFeatureType"
          numberMatched="{self.count}" numberReturned="{len(numbers)}">{"".join(members)}</wfs:FeatureCollection>"""
        return Answer(body.encode())
