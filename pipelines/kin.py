"""Users of an app who are one person by the directory: what they did is folded together, whichever of their identifiers an event has.

An event's own keys tie the identifiers that it holds. That ``u-17`` and ``u-17-mobile`` are Bob only ``people.csv`` knows, so these
keys are told beside the events'.
"""

from __future__ import annotations

import pyarrow as pa

from pipelines.normalize import key_hash
from transforms.directory import Directory
from transforms.linking import person_key, user_key
from transforms.normal import of_system
from transforms.sources import all_sources
from warehouse.store import Store


def tell_kin(store: Store, directory: Directory) -> None:
    """Make ``vault.kin(a, b)`` that of this directory: keys of identifiers, and of the person whose they are, in every app."""
    apps = [name for name, spec in all_sources().items() if spec.channel == "app"]
    a, b = [], []
    for person_id, identifiers in directory.several_names():
        for app in apps:
            a += [key_hash(user_key(app, _in_app(one, app))) for one in identifiers]
            b += [key_hash(person_key(app, person_id))] * len(identifiers)
    con = store.connection
    con.register("told", pa.table({"a": pa.array(a, pa.uint64()), "b": pa.array(b, pa.uint64())}))
    con.execute("BEGIN")
    con.execute("DELETE FROM vault.kin")
    con.execute("INSERT INTO vault.kin FROM told")
    con.execute("COMMIT")
    con.unregister("told")


def _in_app(identifier: str, app: str) -> str:
    """An identifier as events of the app spell it: an anonymous id of any system as one of theirs."""
    anywhere = of_system("")
    return of_system(identifier.removeprefix(anywhere), app) if identifier.startswith(anywhere) else identifier
