"""What a load must satisfy before anybody sees it."""

from collections.abc import Mapping
from dataclasses import dataclass

from geoserver_app.core.errors import GeoError
from geoserver_app.core.layer import Layer
from geoserver_app.settings import Settings

_LISTED = 20
"""Unknown codes named in a sentence; the number of the others is given."""


OUTSIDE_DEGREES = "outside the area of EPSG:4326"
METRES = "; coordinates in metres need their CRS told: --crs 31370 for Belgian Lambert 72"


class GatesFailed(GeoError):
    """The rows were read but must not be published; what is published stays as it was."""

    status = 422
    title = "Load refused"


@dataclass(frozen=True)
class Counts:
    """What one load found: rows read, kept, repaired and rejected (by reason)."""

    read: int
    kept: int
    repaired: int
    rejected: Mapping[str, int]


def check_codes(layer: Layer, unknown: Mapping[str, Mapping[str, int]]) -> None:
    """Raise GatesFailed where the source wrote values that a code list lacks."""
    sentences = []
    for name, counts in unknown.items():
        ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        listed = ", ".join(f"{value!r} ({count} rows)" for value, count in ordered[:_LISTED])
        others = f" and {len(ordered) - _LISTED} others" if len(ordered) > _LISTED else ""
        sentences.append(f"{name}: {listed}{others}")
    if sentences:
        raise GatesFailed(
            f"{layer.id}: values that the code lists lack: {'; '.join(sentences)}; "
            f"add [[field.code]] entries to {layer.id}.toml"
        )


def check_counts(layer: Layer, settings: Settings, counts: Counts, before: int | None, *, force: bool) -> None:
    """Raise GatesFailed for too few rows, too many rejects, or a count too far from the current one.

    ``before`` is the number of real rows published now, None where there are none; ``force``
    accepts any change of it.
    """
    gates = layer.gates
    rejected = sum(counts.rejected.values())
    limit = gates.max_rejected if gates.max_rejected is not None else settings.rejects_max_share
    if counts.read and rejected / counts.read > limit:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in ordered_reasons(counts.rejected)[:5])
        raise GatesFailed(
            f"{layer.id}: {rejected} of {counts.read} rows were rejected, more than {limit:.0%}: {reasons}"
            + (METRES if any(reason == OUTSIDE_DEGREES for reason in counts.rejected) else "")
        )
    if counts.kept < gates.min_count:
        raise GatesFailed(f"{layer.id}: {counts.kept} rows, but at least {gates.min_count} are expected")
    if before and gates.max_count_change is not None and not force:
        change = abs(counts.kept - before) / before
        if change > gates.max_count_change:
            raise GatesFailed(
                f"{layer.id}: {counts.kept} rows against {before} published now, a change of {change:.0%} "
                f"where {gates.max_count_change:.0%} is allowed; --force publishes it all the same"
            )


def ordered_reasons(rejected: Mapping[str, int]) -> list[tuple[str, int]]:
    """Reasons, the most frequent first."""
    return sorted(rejected.items(), key=lambda pair: (-pair[1], pair[0]))
