"""Settings that change between two runs: what rests on them is built again, and the tables are those of a run that began with them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from workspaces import contents, example, increment, payloads, put, snapshot

from pipelines.workspace import Workspace
from transforms.settings import Coverage, Folding, Settings

MEASURED = {
    "silence_days": "[coverage]\nsilence_days = 3\nlow_n = 1",
    "channels": '[coverage]\nchannels = ["chat", "email", "video"]',
    "horizon": "[coverage]\nresponse_horizon_business_hours = 2",
    "hours": '[business_hours]\ndays = ["mon", "wed"]\nstart = "10:00"\ntimezone = "Asia/Kathmandu"',
    "relationship": "[relationship]\nwindow_days = 20\nmin_touches = 1",
    "session_gap": '[journeys]\nsession_gap_days = 2\nsession_clock = "all"',
    "always_on": "[journeys]\nalways_on_jobs = []\nseller_outreach_days = 1",
}
FOLDED = {
    "zone": '[coverage]\nreporting_timezone = "America/New_York"',
    "attach": "[journeys]\nopportunity_attach_days = 0",
    "confidence": "[journeys]\nmin_confidence = 0.9",
    "gap": "[folding]\nchat_burst_gap_seconds = 60",
    "partner": 'partner_domains = ["northfield.example"]',  # of [identity], which the example's file ends with
}


@pytest.mark.parametrize(("name", "told"), [*MEASURED.items(), *FOLDED.items()], ids=[*MEASURED, *FOLDED])
def test_other_settings_give_the_tables_of_a_run_from_nothing(tmp_path: Path, name: str, told: str) -> None:
    """With an event that comes at the same time. Where no touchpoint rests on them none is folded for it."""
    root, whole = example(tmp_path / "w"), example(tmp_path / "whole")
    items = payloads()
    first = next(item for item in items if item[0].startswith("email/"))
    put(root, [item for item in items if item != first])
    put(whole, items)
    every = increment(root).touchpoints
    put(root, [first])
    for one in (root, whole):
        settings = one / "touchloop.toml"
        settings.write_text(f"{settings.read_text(encoding='utf-8')}\n{told}\n", encoding="utf-8")
    summary = increment(root)
    if name in MEASURED:
        assert 0 < summary.touchpoints < every / 2
    else:
        assert summary.touchpoints >= every
    increment(whole)
    assert summary.accounts_rebuilt == 1
    with snapshot(root, published=False) as ours, snapshot(whole, published=False) as theirs:
        found, expected = contents(ours), contents(theirs)
    assert [table for table, rows in expected.items() if found[table] != rows] == []
    again = increment(root)
    assert (again.touchpoints, again.accounts_rebuilt) == (0, 0)


def test_folding_is_told_no_more_than_it_rests_on(tmp_path: Path) -> None:
    """Settings that are left out have their defaults there; those of the workspace are told apart by the hash."""
    own = Settings(folding=Folding(late_after_hours=1), coverage=Coverage(reporting_timezone="Asia/Tokyo", low_n=7))
    assert own.of_folding == Settings(
        folding=Folding(late_after_hours=1), coverage=Coverage(reporting_timezone="Asia/Tokyo")
    )
    root = example(tmp_path)
    shutil.copytree(root, tmp_path / "other")
    (tmp_path / "other" / "touchloop.toml").write_text("[coverage]\nlow_n = 7", encoding="utf-8")
    (root / "touchloop.toml").write_text("", encoding="utf-8")
    plain, other = Workspace(root).settings, Workspace(tmp_path / "other").settings
    assert plain.folding_hash("v") == other.folding_hash("v") != plain.folding_hash("w")
    assert plain.meaning_hash("v") != other.meaning_hash("v")
