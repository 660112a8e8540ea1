"""Profiles and CRM exports that came since the last derivation: what leads to somebody else by them, and whose events name it.

A contact who gets an address, a user whose profile is told for the first time, or a deal that another seller owns concerns few events
of a long history. They are found by reading it once, and by what was derived of them before, which costs a small part of deriving
everything again.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

import pyarrow as pa

from transforms.crm.directory import Elsewhere
from transforms.event import decode_event, named
from warehouse.store import Store

ROWS = 10_000
"""Events that are read at once."""
REMEMBERED = 100_000
"""Parties."""


def mark_named(store: Store, elsewhere: Elsewhere, accounts: Collection[str]) -> None:
    """Mark dirty the events of whoever may be somebody else, or elsewhere, and those of which the payload names one of the ``accounts``."""
    if not elsewhere and not accounts:
        return
    chosen = lru_cache(REMEMBERED)(elsewhere.concerns)
    keys: set[int] = set()
    reader = store.connection.sql("SELECT fold_hash, detail FROM vault.event_detail").to_arrow_reader(ROWS)
    for batch in reader:
        for key, blob in zip(batch["fold_hash"].to_pylist(), batch["detail"].to_pylist(), strict=True):
            event = decode_event(blob)
            if event.account_hint in accounts or any(map(chosen, named(event))):
                keys.add(key)
    store.connection.register("named", pa.table({"fold_hash": pa.array(keys, pa.uint64())}))
    store.connection.execute("INSERT INTO vault.dirty FROM named")
    store.connection.unregister("named")
