"""Connected components of keys."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from warehouse.groups import component_names

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
