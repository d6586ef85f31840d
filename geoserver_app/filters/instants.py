"""Days and times as RFC 3339 writes them."""

import re
from datetime import UTC, date, datetime

RFC3339 = re.compile(r"^\d{4}-\d\d-\d\d([Tt]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)?)?$", re.ASCII)


def read_instant(text: str) -> date | datetime:
    """Read a day or a time; ValueError otherwise. A time without a zone is UTC."""
    if not RFC3339.match(text):
        raise ValueError(text)
    if len(text) == 10:
        return date.fromisoformat(text)
    found = datetime.fromisoformat(text.upper())
    # Outside these years Python cannot turn the time to UTC.
    if not 1 < found.year < 9999:
        raise ValueError(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
