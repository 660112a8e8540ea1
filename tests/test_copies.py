"""Copies of records under the same id with another content: which of them counts does not depend on when they come."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loads import messages
from workspaces import conservation, contents, increment, snapshot

from pipelines.simulate import Plan, generate_workspace

SUFFIX = {"email": "eml", "ics": "ics", "snowplow": "tsv"}
APP = ("segment", "snowplow")


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Of a JSON value: where each plain value stands, and what it is."""
    if isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(below, (*path, key))
    else:
        yield path, value


def crossed(dice: random.Random, one: bytes, other: bytes) -> bytes:
    """A record with one to three of another's values in place of its own: JSON values, columns of a line, or whole lines."""
    try:
        mine, theirs = json.loads(one), dict(leaves(json.loads(other)))
    except ValueError:
        mark = b"\t" if b"\t" in one and b"\n" not in one.strip() else b"\n"
        parts, others = one.split(mark), other.split(mark)
        for _ in range(dice.randint(1, 3)):
            at = dice.randrange(min(len(parts), len(others)))
            parts[at] = others[at]
        return mark.join(parts)
    places = [path for path, _ in leaves(mine) if path in theirs]
    for path in dice.sample(places, min(len(places), dice.randint(1, 3))):
        below = mine
        for key in path[:-1]:
            below = below[key]
        if path:
            below[path[-1]] = theirs[path]
    return json.dumps(mine).encode()


@pytest.mark.parametrize("seed", [101, 112, 125])
def test_copies_of_another_content_may_come_at_any_time(tmp_path: Path, seed: int) -> None:
    """Landed at once or in four increments, the tables are equal, with the reasons of who is who."""
    dice = random.Random(seed)
    made = tmp_path / "made"
    generate_workspace(made, Plan(records=400, seed=seed))
    load = messages(made / "inbox", seed)
    rest = [one for one in load if one[0] not in APP]
    load = rest + [one for one in load if one[0] in APP][: len(rest)]
    of_source: dict[str, list[bytes]] = {}
    for source, value in load:
        of_source.setdefault(source, []).append(value)
    load += [
        (source, crossed(dice, value, dice.choice(of_source[source]))) for source, value in load if dice.random() < 0.5
    ]
    dice.shuffle(load)
    items = list(enumerate(load))
    found = []
    for name, parts in (("whole", 1), ("split", 4)):
        root = tmp_path / name
        root.mkdir()
        shutil.copytree(made / "inbox" / "crm", root / "inbox" / "crm")
        shutil.copy(made / "touchloop.toml", root)
        for part in range(parts):
            for number, (source, value) in items[part::parts]:
                (root / "inbox" / source).mkdir(exist_ok=True)
                (root / "inbox" / source / f"{number:05d}.{SUFFIX.get(source, 'json')}").write_bytes(value)
            increment(root)
        with snapshot(root, published=False) as connection:
            conservation(connection)
            found.append(contents(connection))
    for table, rows in found[0].items():
        assert found[1][table] == rows, table
