"""Link keys of events that another version landed: made again from what the vault holds of them, where they are others by now."""

from __future__ import annotations

import pyarrow as pa

from pipelines.reading.normalize import keys_of
from transforms.event import decode_event
from warehouse.store import Store

ROWS = 10_000
"""Events that are read at once."""
FAMILIES = ("schedule", "attendance")
"""Whose link keys have changed since the first version."""


def link_again(store: Store) -> None:
    """Replace the edges of meetings. A second time changes nothing."""
    con = store.connection
    families = ", ".join(f"'{one}'" for one in FAMILIES)
    query = (
        f"""FROM vault.event_detail WHERE event_id IN (SELECT event_id FROM fact_event WHERE family IN ({families}))"""
    )
    edges: dict[tuple[int, int], str] = {}
    for batch in con.sql(f"SELECT unit_id, fold_hash, detail {query}").to_arrow_reader(ROWS):
        for unit_id, key, blob in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            for link in keys_of(decode_event(blob))[1] or ():
                edges.setdefault((key, link), unit_id)
    a, b = ([pair[i] for pair in edges] for i in (0, 1))
    made = {
        "unit_id": pa.array(edges.values(), pa.string()),
        "a": pa.array(a, pa.uint64()),
        "b": pa.array(b, pa.uint64()),
    }
    con.register("linked", pa.table(made))
    con.execute("BEGIN")
    con.execute(f"DELETE FROM vault.edge WHERE a IN (SELECT fold_hash {query})")
    con.execute("INSERT INTO vault.edge FROM linked")
    con.execute("COMMIT")
    con.unregister("linked")
