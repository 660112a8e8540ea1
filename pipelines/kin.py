"""Users of an app who are one person by the directory: what they did is folded together, whichever of their identifiers an event has.

An event's own keys tie the identifiers that it holds. That ``u-17`` and ``u-17-mobile`` are Bob only ``people.csv`` knows, so these
keys are told beside the events' and again whenever the directory is another.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pyarrow as pa

from pipelines.normalize import key_hash
from transforms.directory import Directory
from transforms.linking import person_key, system_of, user_key
from warehouse.store import Store

MARK = "kin"
"""Of the sources that ``vault.kin`` speaks of."""


def tell_kin(store: Store, directory: Callable[[], Directory], *, anew: bool) -> None:
    """Bring ``vault.kin(a, b)`` up to date: keys of identifiers, and of the person that they are. ``anew``: the directory may be another.

    All events of a source that is new here were landed just now, so nothing has to be folded again for its sake.
    """
    con = store.connection
    told = con.execute("SELECT DISTINCT source FROM fact_event WHERE family = 'app' ORDER BY source").fetchall()
    sources = json.dumps([source for (source,) in told])
    if not anew and sources == store.mark(MARK):
        return
    a, b = [], []
    for person_id, identifiers in directory().several_names():
        for (source,) in told:
            person = key_hash(person_key(source, person_id))
            a += [key_hash(user_key(source, in_system(one, source))) for one in identifiers]
            b += [person] * len(identifiers)
    con.register("told_kin", pa.table({"a": pa.array(a, pa.uint64()), "b": pa.array(b, pa.uint64())}))
    store.set_mark(MARK, None)
    con.execute("BEGIN")
    con.execute("DELETE FROM vault.kin")
    con.execute("INSERT INTO vault.kin FROM told_kin")
    con.execute("COMMIT")
    con.unregister("told_kin")
    store.set_mark(MARK, sources)


def in_system(identifier: str, source: str) -> str:
    """An identifier as events of this source spell it: an anonymous id of any system as one of theirs."""
    return identifier.replace("anonymous_id:*:", f"anonymous_id:{system_of(source)[1:]}:", 1)
