"""``dim_calendar``: the weeks that business time was measured with, and that they explain every figure in it (semantics 5.3)."""

from __future__ import annotations

from pathlib import Path

import pytest
from workspaces import example, increment, payloads, put, snapshot

from transforms.journeys.business_time import SellerCalendars
from transforms.settings import BusinessHours

HOURS = 3600

FROM_CALENDAR = """
SELECT sum(greatest(0, epoch_us(least(closes, {until})) - epoch_us(greatest(opens, {since})))) // 1000000
FROM (
  SELECT f.{key}, {since}, {until}, timezone(c.timezone, day + to_minutes(c.opens_minute)) AS opens,
         timezone(c.timezone, day + to_minutes(c.closes_minute)) AS closes
  FROM {table} f JOIN dim_calendar c USING (calendar_id),
       unnest(generate_series({since}::DATE - INTERVAL 1 DAY, {until}::DATE + INTERVAL 1 DAY, INTERVAL 1 DAY)) AS days(day)
  WHERE isodow(day) = c.iso_weekday AND NOT list_contains(c.holidays, strftime(day, '%Y-%m-%d')))
GROUP BY {key} ORDER BY {key}
"""
"""The query of docs/definitions.md: the open time of the row's calendar between two moments."""


def test_a_week_for_every_zone_and_the_default_for_all_others() -> None:
    """Two zones of sellers beside the settings' own; slots are local minutes, and the weekend has none."""
    hours = BusinessHours(days=("sat", "mon"), start="08:30", end="24:00", holidays=("2026-12-25", "2026-01-01"))
    slots = SellerCalendars(
        hours, {"S1": "Europe/Berlin", "S2": "Asia/Tokyo", "S3": "Europe/Berlin", "S4": "UTC"}
    ).slots()
    assert [(s.calendar_id, s.iso_weekday, s.is_default) for s in slots] == [
        ("Asia/Tokyo", 1, False), ("Asia/Tokyo", 6, False), ("Europe/Berlin", 1, False), ("Europe/Berlin", 6, False),
        ("UTC", 1, True), ("UTC", 6, True),
    ]  # fmt: skip
    assert {(s.slot_no, s.opens_minute, s.closes_minute) for s in slots} == {(1, 510, 1440)}
    assert slots[0].holidays == ["2026-01-01", "2026-12-25"]
    assert all(s.timezone == s.calendar_id for s in slots)


@pytest.fixture(scope="module")
def berlin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The worked example with its seller in Berlin, who was away on Monday 03-09."""
    root = example(tmp_path_factory.mktemp("berlin"))
    put(root, payloads())
    people = root / "inbox" / "crm" / "people.csv"
    assert ",UTC," in people.read_text()
    people.write_text(people.read_text().replace(",UTC,", ",Europe/Berlin,"))
    settings = root / "touchloop.toml"
    settings.write_text(settings.read_text() + '\n[business_hours]\nholidays = ["2026-03-09"]\n')
    increment(root)
    return root


def test_waits_in_another_zone(berlin: Path) -> None:
    """By hand, 9 to 17 in Berlin, clocks forward on 03-29:

    T02 Mon 12:00 to T03 16:30 is 4.5 h. T05 Fri 17:30 to T06 Mon 10:30: after hours, and the Monday is a holiday. T08 Thu 03-12
    14:00 to T09 Tue 03-31 12:00 (CEST) is 3 + 8 + 40 + 40 + 8 + 3 = 102 h.
    """
    with snapshot(berlin, published=False) as connection:
        found = connection.execute(
            "SELECT calendar_id, response_business_seconds FROM fact_response ORDER BY asked_at"
        ).fetchall()
    assert found == [("Europe/Berlin", round(hours * HOURS)) for hours in (4.5, 0, 102)]


@pytest.mark.parametrize(
    ("table", "key", "since", "until", "figure"),
    [
        ("fact_response", "ask_touchpoint_id", "asked_at", "answered_at", "response_business_seconds"),
        ("fact_enablement_need", "need_id", "first_asked_at", "delivered_at", "delivery_business_seconds"),
    ],
)
def test_the_calendar_explains_every_wait(
    berlin: Path, table: str, key: str, since: str, until: str, figure: str
) -> None:
    """An analyst's SQL over the slots, days and holidays of a row's calendar gives the row's business seconds."""
    with snapshot(berlin, published=False) as connection:
        explained = connection.execute(FROM_CALENDAR.format(table=table, key=key, since=since, until=until)).fetchall()
        stored = connection.execute(f"SELECT {figure} FROM {table} ORDER BY {key}").fetchall()
    assert explained == stored
    assert len(stored) >= 2
