"""Which events fold together: connected components of the keys that they share."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from warehouse.store import Store


def mark_everything_dirty(store: Store) -> None:
    """The directory, a rule or a setting changed: every group is folded again."""
    store.connection.execute("INSERT INTO vault.dirty SELECT DISTINCT fold_hash FROM vault.event_detail")


def close_over_edges(store: Store, *, everything: bool) -> int:
    """Make the temporary table ``affected(fold_hash)``: the dirty keys and all that they are connected with.

    Returns how many keys that are. Each round reaches one edge further; where ``everything`` is dirty there is nothing to reach, and
    keys that no event has of its own are left out.
    Beside the events' own edges stand those of ``vault.kin``, which the directory tells; ``near_kin`` are those that may be of use.
    """
    con = store.connection
    con.execute("CREATE OR REPLACE TEMP VIEW near_kin AS FROM vault.kin")
    con.execute("CREATE OR REPLACE TEMP TABLE affected AS SELECT DISTINCT fold_hash FROM vault.dirty")
    con.execute("CREATE OR REPLACE TEMP TABLE frontier AS FROM affected")
    if not everything:
        while store.count("SELECT count(*) FROM frontier"):
            con.execute(
                """CREATE OR REPLACE TEMP TABLE frontier AS
                   SELECT DISTINCT other AS fold_hash FROM (
                     SELECT b AS other FROM vault.edge SEMI JOIN frontier ON a = fold_hash
                     UNION ALL SELECT a FROM vault.edge SEMI JOIN frontier ON b = fold_hash
                     UNION ALL SELECT b FROM vault.kin SEMI JOIN frontier ON a = fold_hash
                     UNION ALL SELECT a FROM vault.kin SEMI JOIN frontier ON b = fold_hash)
                   WHERE other NOT IN (SELECT fold_hash FROM affected)"""
            )
            con.execute("INSERT INTO affected FROM frontier")
        con.execute("CREATE OR REPLACE TEMP VIEW near_kin AS FROM vault.kin SEMI JOIN affected ON a = fold_hash")
    con.execute("DROP TABLE frontier")
    return store.count("SELECT count(*) FROM affected")


def label_groups(store: Store) -> None:
    """Make the temporary table ``key_group(fold_hash, group_hash)`` for the affected keys that have edges.

    A group is named by its smallest key, so the name is a function of the set. Keys without edges are groups of their own and
    are not listed.
    """
    con = store.connection
    edges = con.execute(
        "SELECT a, b FROM vault.edge SEMI JOIN affected ON a = fold_hash UNION ALL SELECT a, b FROM near_kin"
    ).fetchnumpy()
    groups = component_names(np.asarray(edges["a"], dtype=np.uint64), np.asarray(edges["b"], dtype=np.uint64))
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
