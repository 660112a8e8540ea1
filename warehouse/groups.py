"""Which events fold together: connected components of the keys that they share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from warehouse.store import Store

WHEN_BITS = 18
"""Lower bits of a key that says who and when; the others say who."""
WHEN = 2**WHEN_BITS - 1


def mark_everything_dirty(store: Store) -> None:
    """The directory, a rule or a setting changed: every group is folded again."""
    store.connection.execute("INSERT INTO vault.dirty SELECT DISTINCT fold_hash FROM vault.event_detail")


def put_kin(store: Store, kin: Any) -> None:
    """Make ``vault.kin(a, b)`` these ties of keys. Where the lower bits of both are 0 they are of two names on whatever day."""
    con = store.connection
    con.register("told", kin)
    con.execute("BEGIN")
    con.execute("DELETE FROM vault.kin")
    con.execute("INSERT INTO vault.kin FROM told")
    con.execute("COMMIT")
    con.unregister("told")


def change_kin(store: Store, *, gone: Any, new: Any) -> None:
    """Hold ties that are to leave ``vault.kin`` and to come into it until ``keep_kin``: a crash before then leaves it as it was."""
    for name, kin in (("gone_kin", gone), ("new_kin", new)):
        store.connection.register("told", kin)
        store.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM told")
        store.connection.unregister("told")


def keep_kin(store: Store) -> None:
    """After ``change_kin``, once the warehouse has committed what follows from it."""
    con = store.connection
    con.execute("BEGIN")
    con.execute("DELETE FROM vault.kin k WHERE EXISTS (SELECT 1 FROM gone_kin g WHERE g.a = k.a AND g.b = k.b)")
    con.execute("INSERT INTO vault.kin FROM new_kin ANTI JOIN vault.kin USING (a, b)")
    con.execute("COMMIT")
    forget_change(store)


def forget_change(store: Store) -> None:
    """No tie is to come or to go."""
    for name in ("gone_kin", "new_kin"):
        store.connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} (a UBIGINT, b UBIGINT)")


def close_over_edges(store: Store, *, everything: bool) -> int:
    """Make the temporary table ``affected(fold_hash)``: the dirty keys and all that they are connected with.

    Returns how many keys that are. Each round reaches one edge further; where ``everything`` is dirty there is nothing to reach, and
    keys that no event has of its own are left out.
    Beside the events' own edges stand those that the directory tells, or told before: ``any_kin``.
    """
    con = store.connection
    con.execute("CREATE OR REPLACE TEMP VIEW any_kin AS FROM vault.kin UNION ALL FROM new_kin")
    con.execute("CREATE OR REPLACE TEMP TABLE affected AS SELECT DISTINCT fold_hash FROM vault.dirty")
    con.execute("CREATE OR REPLACE TEMP TABLE frontier AS FROM affected")
    if not everything:
        while store.count("SELECT count(*) FROM frontier"):
            con.execute(
                f"""CREATE OR REPLACE TEMP TABLE frontier AS
                   WITH on_days AS (SELECT fold_hash & ~{WHEN}::UBIGINT AS who, fold_hash & {WHEN} AS of_day FROM frontier)
                   SELECT DISTINCT other AS fold_hash FROM (
                     SELECT b AS other FROM vault.edge SEMI JOIN frontier ON a = fold_hash
                     UNION ALL SELECT a FROM vault.edge SEMI JOIN frontier ON b = fold_hash
                     UNION ALL SELECT b FROM any_kin SEMI JOIN frontier ON a = fold_hash
                     UNION ALL SELECT a FROM any_kin SEMI JOIN frontier ON b = fold_hash
                     UNION ALL SELECT b | of_day FROM any_kin JOIN on_days ON a = who
                     UNION ALL SELECT a | of_day FROM any_kin JOIN on_days ON b = who)
                   WHERE other NOT IN (SELECT fold_hash FROM affected)"""
            )
            con.execute("INSERT INTO affected FROM frontier")
    con.execute("DROP TABLE frontier")
    return store.count("SELECT count(*) FROM affected")


def label_groups(store: Store) -> None:
    """Make the temporary table ``key_group(fold_hash, group_hash)`` for the affected keys that have edges.

    A group is named by its smallest key, so the name is a function of the set. Keys without edges are groups of their own and
    are not listed.
    """
    con = store.connection
    # taken whole: DuckDB waits for ever where the branches of a union have filled what a result that is read bit by bit holds (its issue 22215)
    edges = con.sql(
        f"""WITH near AS (SELECT a, b FROM vault.edge SEMI JOIN affected ON a = fold_hash),
                 kin AS (FROM any_kin ANTI JOIN gone_kin USING (a, b)),
                 keys AS (SELECT fold_hash AS key FROM affected UNION ALL SELECT b FROM near),
                 on_days AS (SELECT b AS key, b & ~{WHEN}::UBIGINT AS who, b & {WHEN} AS of_day FROM near)
            FROM near UNION ALL FROM kin SEMI JOIN keys ON a = key
            UNION ALL SELECT DISTINCT key, b | of_day FROM on_days JOIN kin ON who = a"""
    ).to_arrow_table()
    groups = component_names(edges.column("a").to_numpy(), edges.column("b").to_numpy())
    con.register("labels", groups)
    con.execute("CREATE OR REPLACE TEMP TABLE key_group AS FROM labels")
    con.unregister("labels")


def component_names(a: Any, b: Any) -> Any:
    """Edges (two arrays of keys) to an Arrow table (fold_hash, group_hash): each key with the smallest key it is connected to."""
    keys, index = np.unique(np.concatenate([a, b]), return_inverse=True)
    if not len(keys):
        return pa.table({"fold_hash": pa.array([], pa.uint64()), "group_hash": pa.array([], pa.uint64())})
    left, right = index[: len(a)], index[len(a) :]
    graph = coo_array((np.ones(len(a), dtype=np.bool_), (left, right)), shape=(len(keys), len(keys)))
    _, component = connected_components(graph, directed=False)
    # keys are sorted, so the first of a component is its smallest
    _, first = np.unique(component, return_index=True)
    return pa.table({"fold_hash": keys, "group_hash": keys[first][component]})
