"""Stages of deals: from rows of a history to stays, what they rest on, and how long they lasted (semantics 2.8, 7)."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from worked_example import at
from workspaces import example, increment, payloads, put, snapshot

from pipelines.increment import Increment
from pipelines.workspace import Workspace
from transforms.crm.files import Opportunity, StageChange, read_crm_file
from transforms.crm.stages import Stay, stages_of_deals
from transforms.event import Reject
from transforms.times import parse_iso

OPENED, CLOSED, AS_OF = at("03-02 00:00"), at("05-11 00:00"), at("06-01 00:00")
HEADER = "opportunity_id,stage,entered_at\n"


def deal(**fields: Any) -> Opportunity:
    defaults: dict[str, Any] = {"opportunity_id": "O1", "account_id": "A1", "opened_at": OPENED, "status": "open"}
    return Opportunity(**(defaults | fields))


def change(when: str, stage: str, from_stage: str | None = None) -> StageChange:
    return StageChange(opportunity_id="O1", entered_at=at(when), stage=stage, from_stage=from_stage)


def told(stays: list[Stay]) -> list[tuple[Any, ...]]:
    return [(s.stage_no, s.stage, s.left_at, s.stage_days, s.is_current, s.basis) for s in stays]


def test_a_stay_lasts_until_the_next_stage_and_the_last_until_now() -> None:
    """Nine and a half days of discovery; proposal since 03-12 12:00, which is 80.5 days by 06-01."""
    changes = [change("03-12 12:00", "proposal"), change("03-03 00:00", "discovery")]
    assert told(stages_of_deals([deal(stage="proposal")], changes, AS_OF)) == [
        (1, "discovery", at("03-12 12:00"), 9.5, False, "history"),
        (2, "proposal", None, 80.5, True, "history"),
    ]


def test_rows_that_repeat_the_stage_are_one_stay() -> None:
    """An export that writes a row when the amount changes moves no deal; coming back later is a stay of its own."""
    changes = [
        change("03-02 00:00", "discovery"), change("03-05 00:00", "discovery"), change("03-09 00:00", "proposal"),
        change("03-10 00:00", "proposal"), change("03-12 00:00", "discovery"),
    ]  # fmt: skip
    assert [(s.stage, s.entered_at) for s in stages_of_deals([deal()], changes, AS_OF)] == [
        ("discovery", at("03-02 00:00")), ("proposal", at("03-09 00:00")), ("discovery", at("03-12 00:00")),
    ]  # fmt: skip


def test_without_history_the_stage_of_today_holds_from_the_opening() -> None:
    """And its basis says that this is taken for granted. A deal without a stage has no row."""
    assert told(stages_of_deals([deal(stage="proposal")], [], at("03-12 12:00"))) == [
        (1, "proposal", None, 10.5, True, "current_stage")
    ]
    assert stages_of_deals([deal()], [], AS_OF) == []


def test_what_the_first_change_left_held_from_the_opening() -> None:
    """A field history tells of changes alone: the stage before the first one is its old value."""
    changes = [change("03-12 00:00", "proposal", "discovery"), change("03-20 00:00", "negotiation", "proposal")]
    stays = stages_of_deals([deal(stage="negotiation")], changes, AS_OF)
    assert [(s.stage, s.entered_at, s.basis) for s in stays] == [
        ("discovery", OPENED, "from_stage"),
        ("proposal", at("03-12 00:00"), "history"),
        ("negotiation", at("03-20 00:00"), "history"),
    ]


@pytest.mark.parametrize("status", ["won", "lost"])
def test_a_close_ends_the_last_stay(status: str) -> None:
    """Negotiation lasted until the close; the stage that is entered with the close or after it lasts no time at all."""
    closed = deal(status=status, closed_at=CLOSED, stage="closed")
    in_talks = [change("05-01 00:00", "negotiation")]
    assert told(stages_of_deals([closed], in_talks, AS_OF)) == [(1, "negotiation", CLOSED, 10.0, True, "history")]
    for when in ("05-11 00:00", "05-11 15:30"):
        stays = told(stages_of_deals([closed], [*in_talks, change(when, "closed")], AS_OF))
        assert stays[0][2] == at(when)
        assert stays[1] == (2, "closed", None, None, True, "history")
    after = [*in_talks, change("05-12 00:00", "post-mortem"), change("05-20 00:00", "closed")]
    assert told(stages_of_deals([closed], after, AS_OF))[1:] == [
        (2, "post-mortem", None, None, False, "history"), (3, "closed", None, None, True, "history"),
    ]  # fmt: skip
    undated = deal(status=status, stage="closed")
    assert told(stages_of_deals([undated], [], AS_OF)) == [(1, "closed", None, None, True, "current_stage")]


def test_what_lies_after_the_clock_has_lasted_no_time_yet() -> None:
    """A run with an earlier clock shows what the directory says, and counts no days of a stay that had not begun and has no end."""
    stays = stages_of_deals([deal()], [change("03-12 00:00", "proposal")], at("03-10 00:00"))
    assert told(stays) == [(1, "proposal", None, None, True, "history")]


def test_a_stay_whose_end_is_known_lasts_until_then_whatever_the_clock() -> None:
    """A week of discovery, of which two days had passed by 03-10; the report counts these, the table what the directory says."""
    changes = [change("03-08 00:00", "discovery"), change("03-15 00:00", "proposal")]
    assert told(stages_of_deals([deal()], changes, at("03-10 00:00"))) == [
        (1, "discovery", at("03-15 00:00"), 7.0, False, "history"),
        (2, "proposal", None, None, True, "history"),
    ]


STAGE = st.sampled_from(("a", "b", "c"))


@given(
    changes=st.dictionaries(st.integers(-5, 60), st.tuples(STAGE, st.none() | STAGE), max_size=8),
    closed=st.none() | st.integers(0, 60),
    data=st.data(),
)
def test_any_history_is_a_chain(
    changes: dict[int, tuple[str, str | None]], closed: int | None, data: st.DataObject
) -> None:
    """Stays follow each other without a hole until the close, no two alike in a row; the order of the rows does not show."""
    day = 86_400_000_000
    one = deal(status="open" if closed is None else "lost", closed_at=None if closed is None else OPENED + closed * day)
    rows = [
        StageChange(opportunity_id="O1", entered_at=OPENED + n * day, stage=stage, from_stage=before)
        for n, (stage, before) in changes.items()
    ]
    stays = stages_of_deals([one], rows, OPENED + 70 * day)
    assert stays == stages_of_deals([one], data.draw(st.permutations(rows)), OPENED + 70 * day)
    assert [s.is_current for s in stays] == [False] * (len(stays) - 1) + [True] * bool(stays)
    for before, after in pairwise(stays):
        assert after.entered_at > before.entered_at
        assert before.stage != after.stage
        if one.closed_at is not None and before.entered_at >= one.closed_at:
            assert before.left_at is before.stage_days is None
        else:
            assert before.left_at == after.entered_at
            assert before.stage_days == (after.entered_at - before.entered_at) / day


def test_times_of_exports_are_read() -> None:
    """As Salesforce and HubSpot write them; two rows of one deal at one time are a repeat."""
    text = (
        HEADER
        + "O1,Discovery,2026-03-02T10:00:00.000+0000\nO1,Proposal,2026-03-12T13:30:00.250Z\nO1,Other,2026-03-12T13:30:00.250Z\n"
    )
    first, second, third = [row for _, _, row in read_crm_file("stage_history.csv", text.encode())]
    assert (first, second) == (change("03-02 10:00", "Discovery"), change("2026-03-12T13:30:00.250", "Proposal"))
    assert isinstance(third, Reject)
    assert (third.reason_code, third.field_path) == ("duplicate_key", "opportunity_id")


# through the pipeline


def directory(root: Path, rows: str) -> None:
    (root / "inbox" / "crm" / "stage_history.csv").write_text(HEADER + rows)


def stays(root: Path) -> list[tuple[Any, ...]]:
    with snapshot(root, published=False) as connection:
        return connection.execute(
            "SELECT opportunity_id, stage, stage_days, basis FROM fact_stage_history ORDER BY opportunity_id, entered_at"
        ).fetchall()


def rejects(root: Path) -> list[tuple[Any, ...]]:
    with snapshot(root, published=False) as connection:
        return connection.execute(
            "SELECT position, reason_code, field_path, detail FROM rejected_record WHERE source = 'crm' ORDER BY ALL"
        ).fetchall()


def test_the_stages_of_the_example(tmp_path: Path) -> None:
    """Discovery for 10.5625 days, proposal for 19.896, negotiation until the close, and then it is closed."""
    root = example(tmp_path)
    put(root, payloads()[:1])
    increment(root)
    days = [(stage, days) for _, stage, days, _ in stays(root)]
    assert days == [
        ("discovery", 10.5625), ("proposal", pytest.approx(19.8958, abs=1e-4)),
        ("negotiation", pytest.approx(39.5417, abs=1e-4)), ("closed", None),
    ]  # fmt: skip


def test_a_second_version_of_the_file_corrects_the_first(tmp_path: Path) -> None:
    """Later rows, corrected rows and rows that are gone: the tables are those of a first run with that version."""
    root, fresh = example(tmp_path / "changed"), example(tmp_path / "fresh")
    for one in (root, fresh):
        put(one, payloads())
    directory(root, "O1,discovery,2026-03-01\nO1,demo,2026-03-09\n")
    increment(root)
    assert [row[1] for row in stays(root)] == ["discovery", "demo"]
    corrected = "O1,discovery,2026-03-02\nO1,proposal,2026-03-12\n"
    for one in (root, fresh):
        directory(one, corrected)
        increment(one)
    assert stays(root) == stays(fresh) == [("O1", "discovery", 10.0, "history"), ("O1", "proposal", 60.0, "history")]
    (root / "inbox" / "crm" / "stage_history.csv").unlink()
    increment(root)
    assert stays(root) == [("O1", "closed", 70.0, "current_stage")]


def test_rows_of_an_unknown_deal_are_rejected_until_it_is_known(tmp_path: Path) -> None:
    """The row names the deal; once opportunities.csv has it, the stages are there, without a change of their file."""
    root = example(tmp_path)
    put(root, payloads()[:1])
    directory(root, "O1,discovery,2026-03-02\nO9,discovery,2026-04-01\n")
    increment(root)
    assert [row[0] for row in stays(root)] == ["O1"]
    said = "opportunity_id is 'O9': not a deal of opportunities.csv"
    assert rejects(root) == [(1, "invalid_field", "opportunity_id", said)]
    deals = root / "inbox" / "crm" / "opportunities.csv"
    text = deals.read_text()
    deals.write_text(text + "O9,A1,Another,S1,2026-04-01T00:00:00Z,,open,,,,discovery\n")
    increment(root)
    assert stays(root)[1] == ("O9", "discovery", 40.0, "history")
    deals.write_text(text.replace("O1,", "O8,"))
    increment(root)
    assert [row[3] for row in stays(root)] == ["current_stage"]
    assert len(rejects(root)) == 3  # both rows are of unknown deals now
    with snapshot(root, published=False) as connection:
        units = connection.execute(
            "SELECT record_count, accepted_count, rejected_count FROM ledger_unit WHERE ends_with(location, 'stage_history.csv') ORDER BY ALL"
        ).fetchall()
    assert units == [(2, 0, 2), (2, 1, 1), (2, 2, 0)]


def test_days_grow_with_the_clock_of_an_increment(tmp_path: Path) -> None:
    """An increment that only follows the clock gives the days of a whole build."""
    found = []
    for name, clocks in (
        ("step", ("2026-04-20T12:00:00Z", "2026-05-01T12:00:00Z")),
        ("whole", ("2026-05-01T12:00:00Z",)),
    ):
        root = example(tmp_path / name)
        put(root, payloads()[:1])
        deals = root / "inbox" / "crm" / "opportunities.csv"
        deals.write_text(deals.read_text().replace("2026-05-11T00:00:00Z,lost", ",open"))
        directory(root, "O1,proposal,2026-04-02T12:00:00Z\n")
        for clock in clocks:
            workspace = Workspace(root)
            with workspace.writer():
                Increment(workspace, parse_iso(clock, "as_of"), fixed=False).run()
        found.append(stays(root))
    assert found == [[("O1", "proposal", 29.0, "history")]] * 2
