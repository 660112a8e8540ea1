"""A history of increments: late payloads, a clock that goes on, another directory. A full build changes nothing; files have the tables' rows."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from workspaces import candidate, conservation, contents, files_hold, increment, payloads, put, snapshot

from pipelines.simulate import Plan, generate_workspace
from pipelines.workspace import Workspace
from transforms.times import DAY, HOUR, to_datetime
from warehouse.store import DERIVE_AGAIN, Store

pytestmark = pytest.mark.integration
HISTORIES = int(os.environ.get("TOUCHLOOP_HISTORIES", "1"))
STEPS = 7
WHEN = """SELECT location, max(epoch_us(occurred_at)) FROM fact_event JOIN ledger_unit USING (unit_id) WHERE family <> 'schedule' GROUP BY 1"""


def derived_again(root: Path, copy: Path, now: str) -> Path:
    """The same events and ledger, with every other table made from nothing."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(root, copy)
    workspace = Workspace(copy)
    with Store(workspace.warehouse, workspace.vault, workspace.fresh_scratch()) as store:
        store.set_mark("config", DERIVE_AGAIN)
    increment(copy, now, fixed=False)
    return copy


def tables(root: Path) -> dict[str, list[tuple[Any, ...]]]:
    with snapshot(root, published=False) as connection:
        conservation(connection)
        return contents(connection)


def pieces(root: Path) -> list[tuple[str, bytes]]:
    """Every record in a file of its own."""
    found: list[tuple[str, bytes]] = []
    for name, data in payloads(root / "inbox"):
        if name.endswith(".tsv"):
            found += [(f"{name}.{i}.tsv", line) for i, line in enumerate(data.splitlines(keepends=True))]
        else:
            found.append((name, data))
    return found


def emptied(root: Path, made: Path) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(made / "inbox" / "crm", root / "inbox" / "crm")
    shutil.copy(made / "touchloop.toml", root)
    return root


@pytest.mark.parametrize("seed", range(1, 1 + HISTORIES))
def test_any_history_equals_a_full_build(tmp_path: Path, seed: int) -> None:
    """On every day that an increment reaches: within one, open waits and deals of which nothing is heard stay as they were."""
    dice = random.Random(seed)
    made = tmp_path / "made"
    end = generate_workspace(made, Plan(records=500, seed=seed, days=60, duplicates=0.1)).as_of
    root = emptied(tmp_path / "w", made)
    items = pieces(made)
    put(root, items)
    increment(root, end)
    with snapshot(root, published=False) as connection:
        when = dict(connection.execute(WHEN).fetchall())
    root = emptied(root, made)
    directory = {path: path.read_text() for path in sorted((root / "inbox" / "crm").iterdir())}
    waiting: list[Any] = [(name, data, when.get(f"inbox/{name}", 0)) for name, data in items]
    dice.shuffle(waiting)
    last = max(when.values())
    clock = last - 25 * DAY
    for step in range(STEPS):
        due = [one for one in waiting if one[2] <= clock or step == STEPS - 1]
        due = due[: int(len(due) * (0.7 if not step else dice.choice((0.05, 0.5, 1.0))))]
        waiting = [one for one in waiting if one not in due]
        put(root, [(name, data) for name, data, _ in due])
        for path, text in directory.items():
            head, *rows = text.splitlines()
            is_cut = step in (2, 4) and dice.random() < 0.4
            path.write_text("\n".join([head, *(row for row in rows if not is_cut or dice.random() < 0.8), ""]))
        now = to_datetime(clock).isoformat()
        increment(root, now, fixed=False)
        again = derived_again(root, tmp_path / "again", now)
        files_hold(candidate(root, f"step-{step}").swap(0, 0, 2))
        mine, theirs = tables(root), tables(again)
        assert [name for name in mine if mine[name] != theirs[name]] == [], f"step {step}"
        clock = max(clock + dice.choice((26 * HOUR, 3 * DAY, 9 * DAY)), last + DAY if step == STEPS - 2 else 0)
