"""A directory that changes from night to night: no more is derived again than the change concerns, and the tables are those of a run
that began with it."""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from crm_edits import KEYS, MOMENTS, edit, share_names
from crm_files import File, Row
from mart_world import worked_example
from untidy_deals import make_messy
from untidy_directory import make_untidy
from workspaces import contents, increment, snapshot

import pipelines.deriving.derive as derive
from pipelines.deriving.changed import Changed
from pipelines.simulate import Plan, generate_workspace
from pipelines.summary import Summary
from pipelines.workspace import Workspace
from warehouse import groups
from warehouse.derive import mark_accounts, touch_accounts
from warehouse.store import Store

AS_OF = "2026-07-05T00:00:00Z"
SETTINGS = """
[coverage]
reporting_timezone = "America/New_York"
signal_landmark_days = 15
"""
Everything = Callable[[], int]
"""How often everything was derived since it was last asked."""


@pytest.fixture
def everything(monkeypatch: pytest.MonkeyPatch) -> Everything:
    calls: list[object] = []
    real = groups.mark_everything_dirty
    monkeypatch.setattr(groups, "mark_everything_dirty", lambda store: calls.append(store) or real(store))

    def asked() -> int:
        found = len(calls)
        calls.clear()
        return found

    return asked


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("landed")
    generate_workspace(root, Plan(records=1800, seed=3))
    increment(root, AS_OF, fixed=False)
    return root


@pytest.fixture
def root(landed: Path, tmp_path: Path) -> Path:
    shutil.copytree(landed, tmp_path / "w")
    return tmp_path / "w"


def unlike(root: Path, whole: Path, as_of: str = AS_OF) -> list[str]:
    """Tables that are not those of a run from nothing, in the folder ``whole``."""
    shutil.copytree(root / "inbox", whole / "inbox")
    shutil.copy(root / "touchloop.toml", whole)
    increment(whole, as_of)
    with snapshot(root, published=False) as ours, snapshot(whole, published=False) as theirs:
        found, expected = contents(ours), contents(theirs)
    return [table for table, rows in expected.items() if found[table] != rows]


def change(root: Path, name: str, change_rows: Callable[[list[Row]], object]) -> Summary:
    file = File(root / "inbox" / "crm" / f"{name}.csv")
    change_rows(file.rows)
    file.write(KEYS[name])
    return increment(root, AS_OF, fixed=False)


def nights(root: Path, folder: Path, seed: int, count: int) -> None:
    """Rows of every file edited at random, with late events beside them and a clock that goes on: the tables of every night."""
    dice, crm = random.Random(seed), root / "inbox" / "crm"
    generate_workspace(root, Plan(records=1800, seed=seed))
    if seed % 2:
        make_untidy(crm, seed, MOMENTS)
    else:
        make_messy(root, seed)
    share_names(crm, dice)
    with (root / "touchloop.toml").open("a", encoding="utf-8") as settings:
        settings.write(SETTINGS if seed == 1 else "")
    late = [path for path in sorted((root / "inbox").rglob("*")) if path.is_file() and path.parent != crm]
    held = {path: path.read_bytes() for path in dice.sample(late, len(late) // 4)}
    for path in held:
        path.unlink()
    increment(root, AS_OF, fixed=False)
    for night in range(count):
        said = edit(crm, dice)
        if night % 2:
            path, data = held.popitem()
            path.write_bytes(data)
        as_of = f"2026-07-{5 + night // 2:02}T00:00:00Z"  # the silences of open deals grow by the day
        increment(root, as_of, fixed=False)
        assert unlike(root, folder / f"from nothing {night}", as_of) == [], (night, said)


@pytest.mark.parametrize("seed", range(2))
def test_every_night_gives_the_tables_of_a_run_from_nothing(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch, everything: Everything
) -> None:
    monkeypatch.setattr(derive, "MOST", 1.1)
    nights(tmp_path / "nights", tmp_path, seed, 3)
    assert 3 + 1 <= everything() < 2 * (3 + 1)  # of a run from nothing each; of the nights not all


@pytest.mark.integration
@pytest.mark.parametrize("seed", range(2, 6))
def test_more_nights(tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(derive, "MOST", 1.1)
    nights(tmp_path / "nights", tmp_path, seed, 5)


def test_a_deal_concerns_its_account(root: Path, tmp_path: Path, everything: Everything) -> None:
    """Another amount: no touchpoint of any other account is looked at; a comment in the file concerns nobody."""
    with snapshot(root, published=False) as connection:
        account, touchpoints, every = connection.execute(
            """SELECT account_id, count(*), (SELECT count(*) FROM fact_touchpoint) FROM bridge_touchpoint_account
               GROUP BY 1 HAVING count(*) > 20 ORDER BY 2, 1 LIMIT 1"""
        ).fetchall()[0]

    def dearer(rows: list[Row]) -> None:
        next(row for row in rows if row["account_id"] == account)["amount"] = "123456"

    summary = change(root, "opportunities", dearer)
    assert touchpoints <= summary.touchpoints < every / 2
    summary = change(root, "opportunities", lambda rows: rows.reverse())
    assert (summary.touchpoints, summary.accounts_rebuilt) == (0, 0)
    assert everything() == 0
    assert unlike(root, tmp_path / "whole") == []


def test_deals_go_to_another_account_and_are_won_and_lost(
    root: Path, tmp_path: Path, everything: Everything, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The marts of deals, in which one is measured by all that were won before."""
    monkeypatch.setattr(derive, "MOST", 1.1)

    def win(rows: list[Row]) -> None:
        for row in [row for row in rows if row["status"] == "open"][:3]:
            row |= {"status": "won", "closed_at": "2026-06-20T00:00:00Z", "opened_at": "2026-06-19T00:00:00Z"}

    def reopen(rows: list[Row]) -> None:
        for row in [row for row in rows if row["status"] != "open"][:3]:
            row |= {"status": "open", "closed_at": ""}

    def move(rows: list[Row]) -> None:
        rows[0]["account_id"], rows[-1]["account_id"] = rows[-1]["account_id"], rows[0]["account_id"]

    for number, done in enumerate((win, reopen, move, lambda rows: rows.pop())):
        change(root, "opportunities", done)
        assert everything() == 0
        assert unlike(root, tmp_path / f"whole {number}") == []
        everything()


def test_people_concern_the_accounts_that_they_meet() -> None:
    """Whose people somebody is, marts and journeys ask of the directory, where no touchpoint has changed: in all of their periods."""
    world = worked_example()
    touch_accounts(cast(Store, SimpleNamespace(connection=world.con)), {"A9"}, {"B2", "nobody"})
    assert world.con.execute("SELECT account_id FROM touched ORDER BY 1").fetchall() == [("A1",), ("A9",)]
    changed = world.con.execute("SELECT account_id, happened_at FROM changed ORDER BY 1").fetchall()
    assert changed == [("A1", None), ("A9", None)]
    world.con.execute("DELETE FROM touched")
    touch_accounts(cast(Store, SimpleNamespace(connection=world.con)), {"A9"}, {"nobody"})
    assert world.con.execute("SELECT account_id FROM touched").fetchall() == [("A9",)]


def test_steps_that_a_session_of_ours_tells_of_an_account_are_its_own() -> None:
    """The session itself is no customer's; another deal of the account is the step's all the same."""
    con = worked_example().con
    con.execute("ATTACH ':memory:' AS vault")
    con.execute(
        "CREATE TABLE vault.event_detail AS FROM (VALUES ('E1', 1), ('E2', 2), ('E3', 3)) e(event_id, fold_hash)"
    )
    con.execute("CREATE TABLE vault.dirty (fold_hash BIGINT)")
    con.execute(
        "INSERT INTO bridge_touchpoint_event BY NAME SELECT 'U1' AS touchpoint_id, 'E1' AS event_id, 'session' AS rule_id"
    )
    con.execute(
        "INSERT INTO bridge_touchpoint_event BY NAME SELECT 'T01' AS touchpoint_id, 'E2' AS event_id, 'session' AS rule_id"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE told AS SELECT 'U1' AS touchpoint_id, 'A7' AS account_id")
    con.execute("ALTER TABLE fact_internal_step RENAME TO every_step")
    con.execute("CREATE TABLE fact_internal_step AS FROM told")
    mark_accounts(cast(Store, SimpleNamespace(connection=con)), {"A7"})
    assert con.execute("FROM vault.dirty").fetchall() == [(1,)]
    mark_accounts(cast(Store, SimpleNamespace(connection=con)), {"A1"})
    assert con.execute("FROM vault.dirty ORDER BY 1").fetchall() == [(1,), (2,)]


@pytest.mark.parametrize("lost", ["cut", "gone", "of another time"])
def test_without_what_was_kept_everything_is_derived(root: Path, lost: str, everything: Everything) -> None:
    """No figure rests on the file that tells what the last directory was."""
    kept = Workspace(root).derived
    first = kept.read_bytes()
    change(root, "people", lambda rows: rows[-1].update(title="CEO"))
    assert everything() == 0
    if lost == "cut":
        kept.write_bytes(kept.read_bytes()[:-5])
    elif lost == "gone":
        kept.unlink()
    else:
        kept.write_bytes(first)
    change(root, "people", lambda rows: rows[-1].update(title="Clerk"))
    assert everything() == 1
    change(root, "people", lambda rows: rows[-1].update(title="CEO"))
    assert everything() == 0


@pytest.mark.parametrize("after", ["the export of before", "another export", "settings of before"])
def test_a_crash_behind_the_commit_leaves_nothing_of_an_export(
    root: Path, tmp_path: Path, after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables are of an export, or of settings, that no mark tells of: whatever is there next, they are made its own."""
    monkeypatch.setattr(derive, "MOST", 1.1)
    deals, toml = root / "inbox" / "crm" / "opportunities.csv", root / "touchloop.toml"
    first, said = deals.read_bytes(), toml.read_text()
    with monkeypatch.context() as patch:
        patch.setattr(Changed, "note", lambda *_: sys.exit("killed"))
        if after == "settings of before":
            toml.write_text(f"{said}\n[coverage]\nsilence_days = 2\n")
        with pytest.raises(SystemExit):
            change(
                root,
                "opportunities",
                lambda rows: rows[0].update({} if after == "settings of before" else {"amount": "7"}),
            )
    toml.write_text(said)
    deals.write_bytes(first)
    if after == "another export":
        change(root, "opportunities", lambda rows: rows[-1].update(amount="9"))
    else:
        increment(root, AS_OF, fixed=False)
    assert unlike(root, tmp_path / "whole") == []


def test_what_concerns_most_is_derived_whole(root: Path, everything: Everything) -> None:
    """It costs less; so does a file that is gone."""

    def dearer(rows: list[Row]) -> None:
        for row in rows:
            row["amount"] = "7"

    change(root, "opportunities", dearer)
    assert everything() == 1
    (root / "inbox" / "crm" / "aliases.csv").unlink()
    increment(root, AS_OF, fixed=False)
    assert everything() == 1
