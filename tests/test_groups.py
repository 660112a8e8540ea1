"""Connected components of keys."""

from __future__ import annotations

from multiprocessing import get_context
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from warehouse.groups import WHEN_BITS, close_over_edges, component_names, forget_change, label_groups
from warehouse.store import Store

edges = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60)


def obvious(pairs: list[tuple[int, int]]) -> dict[int, int]:
    """Spread the smallest name along the edges until nothing changes."""
    name = {key: key for pair in pairs for key in pair}
    changed = True
    while changed:
        changed = False
        for a, b in pairs:
            low = min(name[a], name[b])
            changed |= (name[a], name[b]) != (low, low)
            name[a] = name[b] = low
    return name


@given(edges)
def test_components_agree_with_the_obvious_way(pairs: list[tuple[int, int]]) -> None:
    """Every key is named after the smallest key that it is connected with."""
    table = component_names(np.array([a for a, _ in pairs], np.uint64), np.array([b for _, b in pairs], np.uint64))
    assert dict(zip(table["fold_hash"].to_pylist(), table["group_hash"].to_pylist(), strict=True)) == obvious(pairs)


@given(edges, st.randoms())
def test_the_order_of_edges_does_not_matter(pairs: list[tuple[int, int]], random: object) -> None:
    """Shuffled and doubled edges give the same names."""
    shuffled = pairs * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    both = [
        component_names(np.array([a for a, _ in p], np.uint64), np.array([b for _, b in p], np.uint64))
        for p in (pairs, shuffled)
    ]
    assert both[0].equals(both[1])


EVENTS = 2_000_000


def label_many(folder: Path) -> None:
    """In a process of its own: what hangs in DuckDB cannot be interrupted."""
    with Store(folder / "warehouse.duckdb", folder / "vault.duckdb", folder) as store:
        con = store.connection
        who = f"(hash(-n) >> {WHEN_BITS}) << {WHEN_BITS}, (hash(n + {EVENTS}) >> {WHEN_BITS}) << {WHEN_BITS}"
        con.execute(f"INSERT INTO vault.edge SELECT 'u', hash(n // 4), hash(-n - 1) FROM range({EVENTS}) t(n)")
        con.execute(f"INSERT INTO vault.kin SELECT {who} FROM range({EVENTS}) t(n)")
        con.execute(f"INSERT INTO vault.kin SELECT hash(-n - 1), hash(n + {EVENTS}) FROM range({EVENTS}) t(n)")
        con.execute("INSERT INTO vault.dirty SELECT DISTINCT a FROM vault.edge")
        forget_change(store)
        close_over_edges(store, everything=True)
        label_groups(store)
        assert store.count("SELECT count(DISTINCT group_hash) FROM key_group") == EVENTS // 4


def test_more_edges_than_duckdb_streams(tmp_path: Path) -> None:
    """Where everything is grouped again, the edges are more than DuckDB holds of a result that is read bit by bit: it waited for ever."""
    labelling = get_context("spawn").Process(target=label_many, args=(tmp_path,))
    labelling.start()
    labelling.join(180)
    labelling.kill()
    assert labelling.exitcode == 0
