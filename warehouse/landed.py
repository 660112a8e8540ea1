"""The registered landing: what one commit lands, as a table ``landed`` that DuckDB reads where the workers have written it.

Its columns are those of the files and

* ``row``, ``unit``  numbers of the row and of its unit
* ``received_at``    when its unit was first seen, in microseconds
* ``is_first``       of several copies of an event in this landing this one counts (after ``stage_candidates``, as the next)
* ``is_fresh``       and the warehouse does not have the event

Nothing is copied: the files are mapped, and a statement reads the columns that it names. What is decided of a row becomes a
column, for a join of rows with rows would hold the wide ones in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.arrow_files import batches
from warehouse.rows import first
from warehouse.store import Store

ADDED = {"row": pa.int64(), "unit": pa.int32(), "received_at": pa.int64()}


def register_landed(store: Store, files: Sequence[Path], schema: Any, received: Mapping[str, int]) -> None:
    """The landed records of these units as the table ``landed``; the files must stay until ``forget_landed``.

    ``received`` says of each unit_id when we first saw it, in microseconds. Records of other units are left out.
    """
    units, moments = pa.array(received, pa.string()), pa.array(received.values(), pa.int64())
    wide = pa.schema([*schema, *(pa.field(name, kind) for name, kind in ADDED.items())])
    found, rows = [], 0
    for batch in batches(files):
        unit = pc.index_in(batch.column("unit_id"), value_set=units)
        if unit.null_count:
            batch, unit = batch.filter(unit.is_valid()), unit.drop_null()
        number = pa.array(np.arange(rows, rows + batch.num_rows))
        found.append(pa.record_batch([*batch.columns, number, unit, moments.take(unit)], schema=wide))
        rows += batch.num_rows
    _register(store, pa.Table.from_batches(found, wide))


def leave_out(store: Store, unit_id: str) -> None:
    """Take a unit out of the registered landing."""
    kept = store.landed.filter(pc.not_equal(store.landed.column("unit_id"), unit_id))
    _register(store, kept.set_column(kept.schema.get_field_index("row"), "row", pa.array(np.arange(len(kept)))))


def forget_landed(store: Store) -> None:
    """End what ``register_landed`` began."""
    store.connection.unregister("landed")
    store.landed = None


def newest(store: Store, until: int) -> int | None:
    """The latest ``occurred_at`` of the registered landing that is not after ``until``; None if there is none."""
    moments = store.landed.column("occurred_at")
    found: int | None = pc.max(moments.filter(pc.less_equal(moments, until))).as_py()
    return found


def reject_shares(store: Store, understood: Sequence[str]) -> list[tuple[str, int, int]]:
    """(unit_id, records, rejected) of the registered landing, for the guard against broken adapters and misplaced files.

    Rejects for a reason in ``understood`` are not counted: the payload was read, and a setting of the user's mends it.
    """
    return store.connection.execute(
        """SELECT unit_id, count(*), count(*) FILTER (outcome = 'rejected' AND NOT list_contains(?, reason))
           FROM (SELECT any_value(unit_id) AS unit_id, any_value(outcome) AS outcome, any_value(reason) AS reason
                 FROM landed GROUP BY unit, position)
           GROUP BY unit_id""",
        [list(understood)],
    ).fetchall()


def commonest_reject(store: Store, unit_id: str, understood: Sequence[str]) -> tuple[str, str, int]:
    """(reason, an example, how often) of a unit's most frequent reject that is not ``understood``."""
    row = first(
        store.connection,
        """SELECT reason, any_value(explanation), count(*) FROM landed
           WHERE unit_id = ? AND outcome = 'rejected' AND NOT list_contains(?, reason)
           GROUP BY reason ORDER BY count(*) DESC, reason LIMIT 1""",
        [unit_id, list(understood)],
    )
    assert row is not None
    return row[0], row[1], row[2]


def stage_candidates(store: Store) -> None:
    """Decide which copies are an event's first in this landing, and which of those the warehouse does not have.

    Gives the views ``candidate`` and ``fresh`` of these rows, and the temporary table ``better``: new content of a known event.
    """
    con = store.connection
    is_first = np.asarray(pc.equal(store.landed.column("outcome"), "event"))
    is_first[_repeats(store)] = False
    _mark(store, "is_first", is_first)
    con.execute(f"CREATE OR REPLACE TEMP VIEW candidate AS SELECT {KEYS} FROM landed WHERE is_first")
    con.execute(
        """CREATE OR REPLACE TEMP TABLE known_copy AS
           SELECT c.row, c.payload_hash < f.payload_hash AS is_better FROM fact_event f JOIN candidate c USING (event_id)"""
    )
    is_fresh = is_first.copy()
    is_fresh[_rows(con, "SELECT row FROM known_copy")] = False
    _mark(store, "is_fresh", is_fresh)
    con.execute(f"CREATE OR REPLACE TEMP VIEW fresh AS SELECT {KEYS} FROM landed WHERE is_fresh")
    con.execute(
        "CREATE OR REPLACE TEMP TABLE better AS FROM landed WHERE row IN (SELECT row FROM known_copy WHERE is_better)"
    )
    con.execute("DROP TABLE temp.known_copy")


KEYS = "row, event_id, unit_id, position, payload_hash"


def _repeats(store: Store) -> Any:
    """Rows of copies that do not count. Few rows are looked at closely, for few events come twice."""
    counts = pc.value_counts(store.landed.column("event_id"))
    told_again = counts.field("values").filter(pc.greater(counts.field("counts"), 1)).drop_null()
    keys = store.landed.select(KEYS.split(", "))
    store.connection.register("copies", keys.filter(pc.is_in(keys.column("event_id"), value_set=told_again)))
    rows = _rows(
        store.connection,
        """SELECT row FROM copies
           QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY payload_hash, unit_id, position) > 1""",
    )
    store.connection.unregister("copies")
    return rows


def _rows(connection: Any, query: str) -> Any:
    return connection.execute(query).fetchnumpy()["row"]


def _mark(store: Store, name: str, values: Any) -> None:
    _register(store, store.landed.append_column(name, pa.array(values)))


def _register(store: Store, table: Any) -> None:
    store.landed = table
    store.connection.register("landed", table)
