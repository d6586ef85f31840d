"""What the exercise borrows from reality: names, INS codes, approximate positions (EPSG:31370, metres).

Everything drawn from these positions is fictional: no outline, course or alignment is a measured one.
"""

from dataclasses import dataclass

HUY, WAREMME = "Huy", "Waremme"
HEMECO, HESBAYE, LIEGE = "HEMECO", "Hesbaye", "Liège zone 2 – IILE"

EXTENT = (189_500.0, 113_300.0, 246_300.0, 166_400.0)
"""The working envelope of the territory; nothing of the exercise lies outside."""


@dataclass(frozen=True)
class Commune:
    ins: str
    name: str
    x: float
    y: float
    zone: str
    people: int
    """Rough size of the main town, in hundreds of inhabitants: it sets how many streets are drawn."""

    @property
    def arrondissement(self) -> str:
        return HUY if self.ins.startswith("61") else WAREMME


COMMUNES = (
    Commune("61003", "Amay", 216640, 137900, HEMECO, 90),
    Commune("61010", "Burdinne", 200090, 141830, HESBAYE, 18),
    Commune("61012", "Clavier", 219900, 121590, HEMECO, 20),
    Commune("61019", "Ferrières", 237950, 121970, HEMECO, 22),
    Commune("61024", "Hamoir", 232790, 124550, HEMECO, 25),
    Commune("61028", "Héron", 201610, 137730, HEMECO, 22),
    Commune("61031", "Huy", 211780, 134610, HEMECO, 170),
    Commune("61039", "Marchin", 212060, 129160, HEMECO, 30),
    Commune("61041", "Modave", 216020, 126270, HEMECO, 20),
    Commune("61043", "Nandrin", 224500, 133440, HEMECO, 32),
    Commune("61048", "Ouffet", 228010, 125930, HEMECO, 20),
    Commune("61063", "Verlaine", 217120, 144350, HESBAYE, 25),
    Commune("61068", "Villers-le-Bouillet", 212980, 141080, HEMECO, 38),
    Commune("61072", "Wanze", 209280, 136920, HEMECO, 70),
    Commune("61079", "Anthisnes", 231630, 130880, HEMECO, 22),
    Commune("61080", "Engis", 222970, 141430, LIEGE, 45),
    Commune("61081", "Tinlot", 221640, 129950, HEMECO, 18),
    Commune("64008", "Berloz", 209640, 154500, HESBAYE, 20),
    Commune("64015", "Braives", 205060, 146660, HESBAYE, 32),
    Commune("64021", "Crisnée", 222680, 156670, LIEGE, 24),
    Commune("64023", "Donceel", 217270, 149030, HESBAYE, 20),
    Commune("64025", "Fexhe-le-Haut-Clocher", 222900, 151110, LIEGE, 22),
    Commune("64029", "Geer", 206850, 151460, HESBAYE, 20),
    Commune("64034", "Hannut", 200130, 151510, HESBAYE, 90),
    Commune("64047", "Lincent", 197050, 156040, HESBAYE, 24),
    Commune("64056", "Oreye", 219480, 158400, HESBAYE, 26),
    Commune("64063", "Remicourt", 217790, 152590, HESBAYE, 36),
    Commune("64065", "Saint-Georges-sur-Meuse", 219890, 143830, LIEGE, 42),
    Commune("64074", "Waremme", 212610, 154530, HESBAYE, 110),
    Commune("64075", "Wasseiges", 195090, 145900, HESBAYE, 20),
    Commune("64076", "Faimes", 213010, 150530, HESBAYE, 26),
)


@dataclass(frozen=True)
class River:
    """A named river: a few points it passes near, downstream order; the last lies on ``into``."""

    name: str
    into: str | None
    category: str
    upstream: float
    """Catchment above the first point, km²."""
    points: tuple[tuple[float, float], ...]


# fmt: off
RIVERS = (
    River("Meuse", None, "NA", 15800, (
        (194800, 129880), (197990, 130910), (201100, 132050), (203640, 133080), (205760, 134650),
        (208230, 135010), (210500, 135710), (211780, 134720), (213540, 135970), (215240, 136490),
        (217790, 136690), (220590, 139060), (223040, 140980), (226210, 142480), (228670, 143850),
        (230770, 145210),
    )),
    River("Ourthe", None, "01", 1500, (
        (230830, 118520), (231850, 121090), (232730, 124330), (232980, 126340), (234590, 128140),
        (235760, 129940), (235580, 132270), (236400, 134300), (237900, 135600),
    )),
    River("Mehaigne", "Meuse", "01", 120, (
        (191500, 143980), (195100, 145120), (197780, 146460), (200320, 146500), (202800, 146190),
        (206000, 145220), (206870, 143570), (206030, 141890), (206620, 139950), (207770, 138120),
        (210170, 137150), (210500, 135710),
    )),
    River("Hoyoux", "Meuse", "01", 10, (
        (219410, 120910), (217250, 123440), (215220, 126740), (214340, 128630), (213620, 129630),
        (212850, 131680), (211740, 132800), (211640, 134660),
    )),
    River("Geer", None, "01", 15, (
        (203120, 149640), (205230, 151110), (208060, 150920), (209810, 152500), (212250, 154750),
        (214720, 155780), (216960, 156990), (219420, 158180), (222080, 159550), (225590, 160710),
        (227500, 161600),
    )),
    River("Burdinale", "Mehaigne", "02", 6, (
        (198610, 140370), (201080, 141060), (203200, 141520), (205050, 140770), (206620, 139950),
    )),
    River("Triffoys", "Hoyoux", "02", 4, (
        (219280, 130590), (216810, 130220), (213740, 129950), (213620, 129630),
    )),
    River("Bonne", "Hoyoux", "02", 5, (
        (222520, 127410), (218980, 126800), (216840, 127220), (215220, 126740),
    )),
    River("Yerne", "Geer", "02", 6, (
        (214830, 146770), (216890, 150180), (218060, 153710), (218870, 156950), (219420, 158180),
    )),
    River("Néblon", "Ourthe", "02", 12, (
        (223300, 122860), (226150, 122120), (228630, 122930), (231490, 124090), (232730, 124330),
    )),
    River("Lembrée", "Ourthe", "02", 8, (
        (241080, 122350), (238270, 120410), (235430, 120030), (231850, 121090),
    )),
    River("Ruisseau d'Oxhe", "Meuse", "02", 4, (
        (224590, 131770), (222090, 133180), (219930, 135380), (218490, 137140),
    )),
    River("Ruisseau des Awirs", "Meuse", "02", 5, (
        (221540, 147640), (223340, 145100), (223720, 143220), (223960, 141440),
    )),
    River("Henri-Fontaine", None, "02", 5, (
        (198170, 150150), (197430, 153480), (195640, 156250), (193860, 158460),
    )),
    River("Ruisseau de Solières", "Meuse", "02", 4, (
        (207590, 128890), (209340, 131250), (208610, 133570), (208230, 135010),
    )),
)
# fmt: on

# fmt: off
BRIDGES = (
    (201100, 132050), (205200, 134200), (209300, 135350), (211350, 135000), (211900, 134800), (212700, 135450),
    (215600, 136550), (218000, 136900), (220700, 139150), (223000, 140950), (227300, 143100),
)
# fmt: on
"""Where roads may cross the Meuse."""


@dataclass(frozen=True)
class Route:
    """A motorway or national road: its number and the points it passes near."""

    number: str
    name: str
    points: tuple[tuple[float, float], ...]


# fmt: off
MOTORWAYS = (
    Route("A3", "Crisnée – Lincent", (
        (228500, 153800), (223500, 154000), (219500, 155600), (214800, 157200), (209500, 157900),
        (204500, 157700), (199500, 158200), (195500, 158900), (192000, 159800),
    )),
    Route("A15", "Engis – Héron", (
        (229500, 147800), (224500, 146600), (220300, 145700), (216000, 142300), (211500, 141900),
        (207300, 139100), (203500, 136100), (199500, 135200), (195500, 134600),
    )),
)
# fmt: on

# fmt: off
NATIONALS = (
    Route("N80", "Hannut – Huy", (
        (195900, 157600), (200130, 151510), (203800, 147800), (207600, 143200), (209280, 136920),
        (211780, 134610),
    )),
    Route("N64", "Huy – Waremme – Oreye", (
        (211780, 134610), (212980, 141080), (213010, 150530), (212610, 154530), (219480, 158400),
        (224200, 160700),
    )),
    Route("N90", "Meuse, rive droite", (
        (195000, 128900), (201500, 131300), (207500, 134300), (211780, 134610), (216640, 136000),
        (222970, 139900), (229500, 143300),
    )),
    Route("N617", "Meuse, rive gauche", (
        (195800, 131100), (203300, 133800), (209280, 136920), (216640, 137900), (222970, 141430),
        (229000, 145100),
    )),
    Route("N63", "Nandrin – Clavier", (
        (231500, 138500), (224500, 133440), (221640, 129950), (219900, 121590), (217500, 117600),
    )),
    Route("N66", "Huy – Hamoir – Ferrières", (
        (211780, 134610), (215500, 130500), (221640, 129950), (228010, 125930), (232790, 124550),
        (237950, 121970), (241500, 120700),
    )),
    Route("N641", "Huy – Marchin – Clavier", (
        (211780, 134610), (212060, 129160), (216020, 126270), (219900, 121590),
    )),
    Route("N69", "Waremme – Hannut", (
        (212610, 154530), (206850, 151460), (200130, 151510), (195090, 145900),
    )),
    Route("N637", "Amay – Donceel – Crisnée", (
        (216640, 137900), (217120, 144350), (217270, 149030), (217790, 152590), (222680, 156670),
    )),
    Route("N614", "Waremme – Fexhe-le-Haut-Clocher", (
        (212610, 154530), (217790, 152590), (222900, 151110), (227500, 150700),
    )),
    Route("N652", "Burdinne – Braives – Geer", (
        (201610, 137730), (200090, 141830), (205060, 146660), (206850, 151460), (209640, 154500),
    )),
    Route("N636", "Nandrin – Anthisnes – Hamoir", (
        (224500, 133440), (231630, 130880), (232790, 124550), (231500, 119500),
    )),
    Route("N684", "Villers-le-Bouillet – Engis", (
        (212980, 141080), (217120, 144350), (219890, 143830), (222970, 141430),
    )),
)
# fmt: on
