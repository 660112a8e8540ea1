"""Profiles that came since the last derivation: which identifiers lead to somebody else by them, and whose events have these.

A contact who gets an address, or a user whose profile is told for the first time, concerns few events of a long history. They
are found by reading it once, which costs a small part of deriving everything again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import pyarrow as pa

from transforms.directory import Directory
from transforms.event import Event, decode_event, hash_id
from transforms.normal import email_base
from warehouse.store import Store

ROWS = 10_000
"""Events that are read at once."""
REMEMBERED = 100_000
"""Parties."""


def mark_rebound(store: Store, before: Directory, now: Directory) -> frozenset[str]:
    """Mark dirty the events of whoever may be somebody else ``now``. Returns the identifiers (hashes) whose identity rows are to be
    told again, which are those that changed and those that a party has beside them: what disagrees is told of a party as a whole.
    """
    changed = now.differing(before)
    if not changed:
        return changed
    beside = _mark(store, changed)
    if beside <= changed:
        return changed
    _mark(store, changed | beside)
    return changed | beside


def _mark(store: Store, wanted: frozenset[str]) -> frozenset[str]:
    """Mark dirty the events that name one of these. Returns all identifiers (hashes) of the parties so named."""
    chosen = choosing(wanted)
    keys: set[int] = set()
    beside: set[str] = set()
    reader = store.connection.execute("SELECT fold_hash, detail FROM vault.event_detail").to_arrow_reader(ROWS)
    for batch in reader:
        for key, blob in zip(batch["fold_hash"].to_pylist(), batch["detail"].to_pylist(), strict=True):
            for ids in named(decode_event(blob)):
                if found := chosen(ids):
                    keys.add(key)
                    beside |= found
    store.connection.register("named", pa.table({"fold_hash": pa.array(keys, pa.uint64())}))
    store.connection.execute("INSERT INTO vault.dirty FROM named")
    store.connection.unregister("named")
    return frozenset(beside)


def named(event: Event) -> Iterator[tuple[str, ...]]:
    """The identifiers by which an event names somebody, party by party."""
    for party in event.parties:
        yield party.ids
    for item in event.plan_items:
        if item.owner is not None:
            yield item.owner.ids
    if event.organizer is not None:
        yield (event.organizer,)


def choosing(wanted: frozenset[str]) -> Callable[[tuple[str, ...]], frozenset[str]]:
    """Gives the hashes of a party's identifiers if one of them, or the base address of one, is wanted, else none."""

    @lru_cache(REMEMBERED)
    def choose(ids: tuple[str, ...]) -> frozenset[str]:
        own = frozenset(map(hash_id, ids))
        bases = {hash_id(f"email:{email_base(one[6:])}") for one in ids if one.startswith("email:")}
        return frozenset() if wanted.isdisjoint(own | bases) else own

    return choose
