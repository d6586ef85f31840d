"""Features keep their number from load to load, through the source's key."""

from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from geoserver_app.store.loading import Connection, Reference, compose, copy_binary
from ingest.copy import encode
from ingest.sql import statement

Array = Any

EXERCISE = "exercise:"
"""Before the keys of exercise rows, so that they never take a real feature's number."""


class Identity:
    """Numbers of one layer's features, asked a batch at a time inside the load's transaction."""

    def __init__(self, connection: Connection, layer_id: str, *, exercise: bool) -> None:
        self._connection = connection
        self._table = Reference(f"{layer_id}_identity")
        self._prefix = EXERCISE if exercise else ""
        self._seen = np.zeros(1 << 16, dtype=bool)
        connection.execute(
            compose(
                "CREATE TABLE IF NOT EXISTS {table} (source_key text PRIMARY KEY, fid bigint NOT NULL)",
                table=self._table,
            )
        )
        connection.execute("CREATE TEMP TABLE incoming (n bigint, source_key text) ON COMMIT DROP")
        row = connection.execute(compose("SELECT coalesce(max(fid), 0) FROM {table}", table=self._table)).fetchone()
        self._last = int(str(row[0])) if row else 0

    def number(self, keys: Array) -> tuple[Any, Any]:
        """The numbers (numpy) of these keys, new keys in their order, and a mask of keys already seen."""
        run = self._connection.execute
        stored = pc.binary_join_element_wise(self._prefix, keys, "") if self._prefix else keys
        places = pa.array(np.arange(len(keys)), pa.int64())
        copy_binary(self._connection, "incoming", ("n", "source_key"), encode([places, stored]))
        added = run(compose(statement("identity"), table=self._table, last=self._last))
        self._last += added.rowcount
        numbers = self._asked()
        run("TRUNCATE pg_temp.incoming")
        return numbers, self._repeated(numbers)

    def _asked(self) -> Any:
        """The numbers of the incoming keys in their order: one value, not a row for each."""
        asked = (
            "SELECT string_agg(int8send(fid), ''::bytea ORDER BY n) FROM pg_temp.incoming "
            "JOIN {table} USING (source_key)"
        )
        with self._connection.cursor(binary=True) as cursor:
            row = cursor.execute(compose(asked, table=self._table)).fetchone()
        return np.frombuffer(cast(bytes, row[0]), dtype=">i8").astype(np.int64) if row else np.zeros(0, np.int64)

    def _repeated(self, numbers: Any) -> Any:
        """Which numbers came before, in this batch or an earlier one."""
        repeated = np.ones(len(numbers), dtype=bool)
        repeated[np.unique(numbers, return_index=True)[1]] = False
        top = int(numbers.max(initial=0))
        if top >= len(self._seen):
            self._seen = np.concatenate([self._seen, np.zeros(top + 1, dtype=bool)])
        repeated |= self._seen[numbers]
        self._seen[numbers] = True
        return repeated
