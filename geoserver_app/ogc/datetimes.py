"""The `datetime` parameter: an instant, an interval, an open end, a length of time."""

import re
from datetime import date, datetime, timedelta

from geoserver_app.core.errors import BadFilter, BadParameter
from geoserver_app.features.moments import first_moment, last_moment, read_moment

Times = tuple[datetime | None, datetime | None]
OPEN = frozenset({"", ".."})
DURATION = re.compile(
    r"^P(?=.)(?:(\d{1,4})Y)?(?:(\d{1,5})M)?(?:(\d{1,6})W)?(?:(\d{1,6})D)?"
    r"(?:T(?=.)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,8}(?:\.\d{1,6})?)S)?)?$"
)


def read_times(text: str) -> Times:
    """Read a time or an interval (OGC API Features Part 1, 7.15.4), both ends included.

    A day means the whole of it. One end may be an ISO 8601 length of time (`2021-07-14/P2D`).
    Raises BadParameter.
    """
    try:
        return _read(text)
    except (BadFilter, ValueError, OverflowError):
        raise BadParameter(f"{text!r} is neither a time nor an interval of RFC 3339", locator="datetime") from None


def _read(text: str) -> Times:
    first, slash, second = text.partition("/")
    if not slash:
        moment = read_moment(first)
        return first_moment(moment), last_moment(moment)
    if second.startswith("P"):
        moment = read_moment(first)
        start = first_moment(moment)
        end = _moved(start, second, 1)
        return start, end if isinstance(moment, datetime) else end - timedelta(microseconds=1)
    if first.startswith("P"):
        moment = read_moment(second)
        start = _moved(first_moment(moment), first, -1)
        return start if isinstance(moment, datetime) else start + timedelta(days=1), last_moment(moment)
    left = None if first in OPEN else first_moment(read_moment(first))
    right = None if second in OPEN else last_moment(read_moment(second))
    if left and right and left > right:
        raise ValueError(text)
    return left, right


def _moved(moment: datetime, text: str, sign: int) -> datetime:
    found = DURATION.match(text)
    if not found:
        raise ValueError(text)
    years, months, weeks, days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    total = moment.year * 12 + moment.month - 1 + sign * int(years * 12 + months)
    year, month = divmod(total, 12)
    last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    shifted = moment.replace(year=year, month=month + 1, day=min(moment.day, last))
    return shifted + sign * timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
