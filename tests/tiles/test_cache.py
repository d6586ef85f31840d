"""Bounded memory, one computation for all who wait, content codings."""

import asyncio

import pytest

from geoserver_app.features.cache import ENTRY_BYTES, Cache, SingleFlight
from geoserver_app.tiles.coding import CODINGS, choose, decode, encode


def test_the_least_recently_used_entry_goes_first() -> None:
    cache: Cache[str, bytes] = Cache(5 * (100 + ENTRY_BYTES))
    for name in "abcde":
        cache.put(name, name.encode(), 100)
    assert cache.get("a") == b"a"
    cache.put("f", b"f", 100)
    assert cache.get("b") is None
    assert cache.get("a") == b"a" and cache.get("f") == b"f"
    assert cache.size <= cache.limit and len(cache) == 5


def test_one_large_value_does_not_empty_the_cache() -> None:
    cache: Cache[str, bytes] = Cache(10_000)
    cache.put("small", b"s", 10)
    cache.put("large", b"l", 9_000)
    assert cache.get("large") is None
    assert cache.get("small") == b"s"


def test_dropping_a_layer_removes_exactly_what_was_made_from_it() -> None:
    cache: Cache[str, bytes] = Cache(100_000)
    cache.put("one", b"1", 10, ["roads"])
    cache.put("both", b"2", 10, ["roads", "rivers"])
    cache.put("other", b"3", 10, ["rivers"])
    cache.drop("roads")
    assert [cache.get(name) for name in ("one", "both", "other")] == [None, None, b"3"]
    cache.drop("rivers")
    assert cache.size == 0


def test_replacing_a_value_does_not_count_it_twice() -> None:
    cache: Cache[str, bytes] = Cache(100_000)
    cache.put("a", b"1", 10, ["x"])
    cache.put("a", b"2", 20, ["y"])
    assert cache.size == 20 + ENTRY_BYTES
    cache.drop("x")
    assert cache.get("a") == b"2"


class Work:
    """Something slow that counts how often it ran and whether it was stopped."""

    def __init__(self) -> None:
        self.started = 0
        self.cancelled = 0
        self.go = asyncio.Event()

    async def __call__(self) -> int:
        self.started += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return 42


async def test_all_who_ask_at_once_get_the_one_outcome() -> None:
    flight: SingleFlight[str, int] = SingleFlight()
    work = Work()
    asked = [asyncio.create_task(flight.run("k", work)) for _ in range(20)]
    await asyncio.sleep(0)
    work.go.set()
    assert await asyncio.gather(*asked) == [42] * 20
    assert work.started == 1 and len(flight) == 0


async def test_one_who_leaves_does_not_take_the_answer_from_the_others() -> None:
    flight: SingleFlight[str, int] = SingleFlight()
    work = Work()
    first, second = (asyncio.create_task(flight.run("k", work)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    work.go.set()
    assert await second == 42
    assert work.cancelled == 0


async def test_the_computation_is_cancelled_when_the_last_one_leaves() -> None:
    flight: SingleFlight[str, int] = SingleFlight()
    work = Work()
    asked = [asyncio.create_task(flight.run("k", work)) for _ in range(3)]
    await asyncio.sleep(0)
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    await asyncio.sleep(0)
    assert work.cancelled == 1
    work.go.set()
    assert await flight.run("k", work) == 42
    assert work.started == 2


async def test_an_error_reaches_everybody_and_is_not_kept() -> None:
    flight: SingleFlight[str, int] = SingleFlight()
    calls = 0

    async def fail() -> int:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0)
        raise ValueError("no")

    outcomes = await asyncio.gather(*(flight.run("k", fail) for _ in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ValueError] * 3
    assert calls == 1
    with pytest.raises(ValueError):
        await flight.run("k", fail)
    assert calls == 2


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip", "gzip"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, zstd", "zstd"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("br;q=0, *", "zstd"),
        ("*;q=0", "identity"),
        ("identity, gzip;q=0.5", "identity"),
        ("GZIP;Q=1.0", "gzip"),
        ("gzip;q=nonsense", "identity"),
        ("deflate", "identity"),
    ],
)
def test_the_coding_is_the_one_the_client_prefers(header: str | None, coding: str) -> None:
    assert choose(header).best == coding


@pytest.mark.parametrize(
    ("header", "welcome"),
    [
        ("gzip, deflate, br, zstd", True),
        ("gzip", True),
        ("br, *", True),
        ("br", False),
        ("br, gzip;q=0.9", False),
        ("*;q=0", False),
        ("identity, gzip;q=0.5", False),
        (None, False),
    ],
)
def test_gzip_as_archives_have_it_is_sent_only_where_as_welcome(header: str | None, welcome: bool) -> None:
    assert choose(header).gzip is welcome


async def test_every_coding_gives_the_tile_back() -> None:
    for data in (b"", b"small", b"a tile that is worth it " * 50, bytes(range(256)) * 1000):
        for name in ("identity", *(coding.name for coding in CODINGS)):
            assert decode(await encode(data, name)) == data
