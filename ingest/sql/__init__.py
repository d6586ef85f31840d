"""The loader's fixed statements, one file each."""

from functools import lru_cache
from pathlib import Path
from typing import LiteralString


@lru_cache(maxsize=64)
def statement(name: str) -> LiteralString:
    """The text of ``<name>.sql`` beside this module."""
    return (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
