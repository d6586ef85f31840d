"""A tile's content, decoded and compared with rows worked out by hand."""

from tests.conftest import TestDatabase, application
from tests.tiles.hand import decode, layer, publish

# (184781.2, 128873.1) in Lambert 72 is 4.858691 E, 50.469649 N.
CONTROL = (184781.2, 128873.1)
Z16 = "16/33652/22092"


async def test_the_control_point_stands_within_one_tile_unit(empty: TestDatabase) -> None:
    publish(empty, layer("points"), [(7, "POINT(184781.2 128873.1)", {})])
    async with application(empty.settings) as client:
        answer = await client.get(f"/tiles/points/{Z16}.mvt")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    print(decode(answer.content))
