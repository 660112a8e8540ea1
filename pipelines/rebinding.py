"""Profiles that came since the last derivation: which identifiers lead to somebody else by them, and whose events have these.

A contact who gets an address, or a user whose profile is told for the first time, concerns few events of a long history. They
are found by reading it once, which costs a small part of deriving everything again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pyarrow as pa

from transforms.directory import Directory
from transforms.event import decode_event, hash_id, named
from transforms.normal import email_base
from warehouse.store import Store

ROWS = 10_000
"""Events that are read at once."""
REMEMBERED = 100_000
"""Parties."""


def mark_rebound(store: Store, before: Directory, now: Directory) -> frozenset[str]:
    """Mark dirty the events of whoever may be somebody else ``now``. Returns the identifiers (hashes) that lead elsewhere, of which the
    directory tells its links again."""
    changed = now.differing(before)
    if not changed:
        return changed
    chosen = choosing(changed)
    keys: set[int] = set()
    reader = store.connection.sql("SELECT fold_hash, detail FROM vault.event_detail").to_arrow_reader(ROWS)
    for batch in reader:
        for key, blob in zip(batch["fold_hash"].to_pylist(), batch["detail"].to_pylist(), strict=True):
            if any(map(chosen, named(decode_event(blob)))):
                keys.add(key)
    store.connection.register("named", pa.table({"fold_hash": pa.array(keys, pa.uint64())}))
    store.connection.execute("INSERT INTO vault.dirty FROM named")
    store.connection.unregister("named")
    return changed


def choosing(wanted: frozenset[str]) -> Callable[[tuple[str, ...]], bool]:
    """Tells whether one of a party's identifiers, or the base address of one, is wanted."""

    @lru_cache(REMEMBERED)
    def choose(ids: tuple[str, ...]) -> bool:
        bases = {hash_id(f"email:{email_base(one[6:])}") for one in ids if one.startswith("email:")}
        return not wanted.isdisjoint({*map(hash_id, ids), *bases})

    return choose
