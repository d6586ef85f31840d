"""One layer from its source to everybody's eyes: read, map, repair, gates, tables, bands, swap."""

import dataclasses
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geoserver_app.core.layer import Layer, Source
from geoserver_app.core.publication import Publication, Published
from geoserver_app.settings import Settings
from geoserver_app.store.loading import Connection, DatabaseError, Reference, compose, connect_owner, copy_binary
from ingest import runs
from ingest.bands import Builder, finish_band, plan
from ingest.copy import encode
from ingest.descriptions import Files, files_of, keep, note, put_right, restore_files, set_aside, sweep
from ingest.gates import Counts, GatesFailed, check_codes, check_counts
from ingest.geometry import shape
from ingest.http import masked
from ingest.identity import Identity
from ingest.licence import keep_licence
from ingest.mapping import Mapper, Rejections
from ingest.pack import bake_pack, sweep_packs
from ingest.progress import Silent
from ingest.publish import (
    create_table,
    current,
    draft,
    drop_tables,
    facts,
    finish_table,
    key_table,
    leftovers,
    prune,
    raise_revision,
    reserve,
    swap,
)
from ingest.read import open_source
from ingest.source import GEOMETRY, KEY, Batch, Description, Reader
from ingest.sql import statement
from ingest.work import work_folder

_SLICE_BYTES = 32_000_000
"""Geometry handled at once; rows with millions of vertices must not multiply the memory."""


@dataclass(frozen=True)
class Summary:
    """What a load did."""

    layer_id: str
    state: str
    """published or dry_run; a load that fails raises."""
    source: str
    read: int
    kept: int
    repaired: int
    rejected: dict[str, int]
    seconds: float
    revision: int | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Tally:
    """Counts while they grow."""

    read: int = 0
    kept: int = 0
    repaired: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def counts(self) -> Counts:
        return Counts(self.read, self.kept, self.repaired, dict(self.rejected))


class _DryRun(Exception):
    """Undoes the transaction of a load that only checks."""


class Finisher:
    """Builds indexes on a second connection while the first goes on."""

    def __init__(self, owner_url: str) -> None:
        self._connection = connect_owner(owner_url, autocommit=True)
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="indexes")
        self._running: list[Future[None]] = []

    def submit(self, work: Any, *arguments: object) -> None:
        self._running.append(self._pool.submit(work, self._connection, *arguments))

    def wait(self) -> None:
        """Until all is built; raises what went wrong."""
        for future in self._running:
            future.result()
        self._running.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for future in self._running:
                future.cancel()
            with suppress(DatabaseError):
                self._connection.cancel_safe()
        self._pool.shutdown(wait=True)
        self._connection.close()


def ingest_layer(
    settings: Settings,
    owner_url: str,
    layer: Layer,
    source_override: str | None = None,
    *,
    dry_run: bool = False,
    force: bool = False,
    progress: Silent | None = None,
    exercise: bool = False,
) -> Summary:
    """Load one layer and publish it.

    ``exercise`` marks the rows and adds them to the real ones that are published; without it the
    rows replace all. Raises GatesFailed, BadSource and Conflict; then, and when interrupted,
    what is published stays as it was.
    """
    source = layer.source or Source("file")
    if exercise:
        source = dataclasses.replace(source, kind="file", layer=None, where=None, encoding=None, crs=None)
    with (
        work_folder(settings) as work,
        open_source(source, settings, override=source_override, work=work) as reader,
    ):
        told = masked(source_override or source.url or "")
        return run_load(settings, owner_url, layer, reader, told, dry_run=dry_run, force=force, progress=progress,
                        exercise=exercise)  # fmt: skip


def run_load(
    settings: Settings,
    owner_url: str,
    layer: Layer,
    reader: Reader | None,
    source: str,
    *,
    dry_run: bool = False,
    force: bool = False,
    progress: Silent | None = None,
    exercise: bool = False,
    files: Files | None = None,
) -> Summary:
    """Load what a reader gives; without a reader, publish again the real rows alone.

    ``files`` become the layer's in the catalogue when the rows are published; where they cannot be
    written, the rows are taken back.
    """
    with connect_owner(owner_url, autocommit=True) as control, runs.alone(control, layer.id):
        runs.clean(control, layer.id)
        sweep_packs(settings, control, layer.id)
        number = runs.begin(control, layer, source)
        load = Load(settings, owner_url, layer, reader, source, control, number, progress or Silent(),
                    dry_run=dry_run, force=force, exercise=exercise, files=files)  # fmt: skip
        try:
            return load.run()
        except BaseException as error:
            state = "failed" if isinstance(error, Exception) else "interrupted"
            with suppress(DatabaseError):
                runs.end(control, number, state, load.tally.counts(), str(error) or type(error).__name__)
                drop_tables(control, leftovers(control, layer.id))
            raise


@dataclass
class Load:
    """One run. ``control`` holds the layer's lock and keeps what must outlive a failure."""

    settings: Settings
    owner_url: str
    layer: Layer
    reader: Reader | None
    source: str
    control: Connection
    number: int
    progress: Silent
    dry_run: bool
    force: bool
    exercise: bool
    files: Files | None = None
    replaced: Files | None = None
    tally: Tally = field(default_factory=Tally)
    notes: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def run(self) -> Summary:
        before = current(self.control, self.layer.id)
        publication = reserve(self.control)
        drafted = draft(self.layer, publication, plan(self.layer, publication))
        description = self.reader.describe() if self.reader else None
        if description and description.note and not self.exercise:
            self.notes.append(description.note)
        with connect_owner(self.owner_url, autocommit=True) as work, Finisher(self.owner_url) as finisher:
            try:
                with work.transaction():
                    create_table(work, drafted)
                    if before and (self.exercise or self.reader is None):
                        self._keep_real(work, drafted, before)
                    if self.reader and description:
                        self._fill(work, drafted, self.reader, description)
                        self._check(before)
                    if self.dry_run:
                        raise _DryRun
            except _DryRun:
                runs.end(self.control, self.number, "dry_run", self.tally.counts())
                return self._summary("dry_run", None)
            revision = self._publish(work, finisher, drafted, before, description)
        prune(self.control, self.settings, self.layer.id)
        sweep(self.settings, self.control, self.layer.id)
        runs.forget_rejects(self.control, self.layer.id)
        failed = bake_pack(self.settings, self.control, self.owner_url, self.layer, self.progress)
        self.notes += [failed] if failed else []
        if description and description.licence_page:
            self.notes += keep_licence(self.settings, self.layer.id, description.licence_page)
        return self._summary("published", revision)

    def _keep_real(self, work: Connection, drafted: Published, before: Publication) -> None:
        """Copy the real rows that are published now."""
        fields = tuple(f.name for f in self.layer.fields if f.name in before.columns)
        placed = (
            "ST_Multi(ST_Transform(geom, {srid}))"
            if self.layer.geometry.startswith("Multi")
            else "ST_Transform(geom, {srid})"
        )
        work.execute(
            compose(
                "INSERT INTO {table} ({columns}, geom) SELECT {columns}, {placed} FROM {before} WHERE NOT exercise",
                table=Reference(drafted.publication.table),
                before=Reference(before.table),
                columns=("fid", "source_key", "exercise", *fields),
                placed=compose(placed, srid=self.layer.crs),
            )
        )

    def _fill(self, work: Connection, drafted: Published, reader: Reader, description: Description) -> None:
        """Read everything into the new table."""
        srid = description.srid or (self.layer.source.crs if self.layer.source else None)
        if srid is None:
            raise GatesFailed(
                f"{self.layer.id}: the source does not say its CRS; say it with --crs or `crs` in [source]"
            )
        mapper = Mapper.of(self.layer, description)
        if mapper.missing:
            self.notes.append(f"not in the source, left empty: {', '.join(mapper.missing)}")
        identity = Identity(work, self.layer.id, exercise=self.exercise)
        self.progress.stage("reading", description.count)
        for batch in slices(reader.batches(self.settings.batch_rows)):
            self._take(work, drafted, mapper, identity, srid, batch)
            self.progress.advance(batch.num_rows)
        check_codes(self.layer, mapper.unknown)

    def _take(
        self, work: Connection, drafted: Published, mapper: Mapper, identity: Identity, srid: int, batch: Batch
    ) -> None:
        """Bring one batch into the table, and what cannot be kept into the rejects."""
        self.tally.read += batch.num_rows
        rejections = Rejections(batch.num_rows)
        shaped = shape(batch.column(GEOMETRY), self.layer, srid, rejections)
        rejections.add(np.asarray(pc.is_null(batch.column(KEY))), "no key")
        columns = mapper.map(batch, rejections)
        kept = np.flatnonzero(rejections.kept)
        if len(kept) and not mapper.unknown:
            fids, repeated = identity.number(batch.column(KEY).take(pa.array(kept)))
            if repeated.any():
                again = np.zeros(batch.num_rows, dtype=bool)
                again[kept[repeated]] = True
                rejections.add(again, "duplicate key")
                kept, fids = kept[~repeated], fids[~repeated]
            everything = len(kept) == batch.num_rows
            chosen = pa.array(kept)
            rows = [c if everything else c.take(chosen) for c in (batch.column(KEY), *columns, shaped.wkb)]
            marks = pa.array(np.full(len(kept), self.exercise))
            names = ("fid", "source_key", "exercise", *(f.name for f in self.layer.fields), "geom")
            copy_binary(
                work, Reference(drafted.publication.table), names, encode([pa.array(fids), rows[0], marks, *rows[1:]])
            )
        self.tally.kept += len(kept)
        self.tally.repaired += int(shaped.repaired[kept].sum())
        self._reject(batch, rejections)

    def _reject(self, batch: Batch, rejections: Rejections) -> None:
        lost = np.flatnonzero(~rejections.kept)
        if not len(lost):
            return
        reasons = [rejections.reason(int(index)) for index in lost]
        rows = batch.take(pa.array(lost)).to_pylist()
        rejects = [(row.pop(KEY), reason, row, row.pop(GEOMETRY)) for row, reason in zip(rows, reasons, strict=True)]
        runs.keep_rejects(self.control, self.number, rejects)
        self.tally.rejected.update(reasons)

    def _check(self, before: Publication | None) -> None:
        real = before.count - before.exercise_count if before else 0
        layer = self.layer
        if self.exercise:
            layer = dataclasses.replace(
                layer, gates=dataclasses.replace(layer.gates, min_count=1, max_count_change=None)
            )
        check_counts(layer, self.settings, self.tally.counts(), real or None, force=self.force)

    def _publish(
        self,
        work: Connection,
        finisher: Finisher,
        drafted: Published,
        before: Publication | None,
        description: Description | None,
    ) -> int:
        """Index, generalise, bake, swap."""
        self.progress.stage("indexing")
        finisher.submit(finish_table, drafted)
        found = facts(work, drafted)
        builder = Builder(work, drafted, self.settings, found.count)
        builder.build(self.progress, lambda table: finisher.submit(finish_band, table))
        finisher.wait()
        key_table(work, drafted)
        self.progress.stage("publishing")
        self._keep_files(drafted, before)
        revision = swap(
            work,
            drafted,
            found,
            self.tally.counts(),
            load=self.number,
            source=self.source,
            source_date=self._source_date(before, description),
            previous=self._previous(before),
        )
        if self.files is not None:
            self._write_files(work, before)
        return revision

    def _keep_files(self, drafted: Published, before: Publication | None) -> None:
        """Keep what describes the new rows before anybody sees them, so that a kill after that loses nothing."""
        if self.files is not None:
            self.replaced = set_aside(self.settings, self.control, self.layer.id, before.id if before else None)
            note(self.settings, self.layer.id)
        keep(self.settings, self.layer.id, drafted.publication.id, self.files or files_of(self.settings, self.layer))

    def _write_files(self, work: Connection, before: Publication | None) -> None:
        """Put the files in the catalogue; where that fails, take the rows back."""
        try:
            put_right(self.settings, work, self.layer.id)
        except BaseException:
            raise_revision(work, self.layer.id, before.id if before else None)
            with suppress(OSError):
                restore_files(self.settings, self.layer.id, self.replaced)
            raise

    def _source_date(self, before: Publication | None, description: Description | None) -> str | None:
        """The date of the real rows."""
        if self.exercise or description is None:
            return before.source_date if before else None
        return description.date or self.layer.licence.date

    def _previous(self, before: Publication | None) -> int | None:
        """Where `rollback` goes; a layer cleared of its exercise never goes back to it."""
        if before is None or self.reader is not None:
            return before.id if before else None
        row = self.control.execute(statement("before_exercise"), (before.id,)).fetchone()
        return int(str(row[0])) if row else None

    def _summary(self, state: str, revision: int | None) -> Summary:
        tally = self.tally
        return Summary(
            self.layer.id,
            state,
            self.source,
            tally.read,
            tally.kept,
            tally.repaired,
            dict(tally.rejected),
            time.monotonic() - self.started,
            revision,
            tuple(self.notes),
        )


def slices(batches: Iterator[Batch]) -> Iterator[Batch]:
    """The batches, cut where their geometry is large."""
    for batch in batches:
        parts = max(1, -(-batch.column(GEOMETRY).nbytes // _SLICE_BYTES))
        rows = max(1, -(-batch.num_rows // parts))
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows)
