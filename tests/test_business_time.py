"""Working hours: slots, holidays, zones and clock changes."""

from __future__ import annotations

import re
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worked_example import at

from transforms.journeys.business_time import BusinessCalendar, SellerCalendars
from transforms.settings import BusinessHours
from transforms.times import DAY, MINUTE, SECOND, to_datetime

WEEK = BusinessCalendar.of(BusinessHours())
H = 3600


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("03-02 11:00", "03-02 15:30", 4.5),
        ("03-06 16:30", "03-09 09:30", 1.0),
        ("03-12 13:00", "03-31 10:00", 101),
        ("03-06 16:30", "03-31 10:00", 129.5),
        ("03-07 08:00", "03-08 22:00", 0),
        ("03-02 18:00", "03-03 08:00", 0),
        ("03-03 10:00", "03-02 10:00", 0),
        ("2025-12-31 16:00", "2026-01-02 10:00", 10),
    ],
)
def test_business_seconds(start: str, end: str, hours: float) -> None:
    """Only Monday to Friday, 09:00 to 17:00, counts."""
    assert WEEK.business_seconds(at(start), at(end)) == hours * H


def test_holidays_and_several_slots() -> None:
    """A holiday has no slot, and a lunch break is closed."""
    calendar = BusinessCalendar([(0, 540, 720), (0, 780, 1020), (1, 540, 1020)], [date(2026, 3, 3)])
    assert calendar.business_seconds(at("03-02 11:30"), at("03-02 13:30")) == 1 * H
    assert calendar.business_seconds(at("03-02 00:00"), at("03-09 00:00")) == 7 * H
    assert calendar.day_seconds == 7.5 * H


def test_zones_and_clock_changes() -> None:
    """New York's 09:00 is 14:00 UTC before the change of 8 March 2026, 13:00 after it; each day keeps eight hours."""
    calendar = BusinessCalendar.of(BusinessHours(), "America/New_York")
    assert calendar.business_seconds(at("03-06 13:00"), at("03-06 15:00")) == 1 * H
    assert calendar.business_seconds(at("03-09 12:00"), at("03-09 15:00")) == 2 * H
    assert calendar.business_seconds(at("03-06 00:00"), at("03-10 00:00")) == 16 * H


def test_a_slot_inside_the_missing_hour_is_no_time() -> None:
    """A day around the clock loses the hour that the change leaves out, and gains the one that it repeats."""
    berlin = ZoneInfo("Europe/Berlin")
    always = BusinessCalendar([(day, 0, 1440) for day in range(7)], zone=berlin)
    assert always.business_seconds(at("03-28 23:00"), at("03-29 22:00")) == 23 * H
    assert always.business_seconds(at("2026-10-24 22:00"), at("2026-10-25 23:00")) == 25 * H
    sunday = BusinessCalendar([(6, 120, 180), (0, 0, 60)], zone=berlin)
    assert sunday.business_seconds(at("03-28 23:00"), at("03-29 22:00")) == 0


@pytest.mark.parametrize(
    ("moment", "opens"),
    [
        ("2026-03-06 09:00", "2026-03-06 09:00"),
        ("2026-03-06 16:59", "2026-03-06 16:59"),
        ("2026-03-06 17:00", "2026-03-09 09:00"),
        ("2026-03-08 12:00", "2026-03-09 09:00"),
    ],
)
def test_resumes_at(moment: str, opens: str) -> None:
    """From Friday's close to Monday's opening no time passes."""
    assert WEEK.resumes_at(at(moment)) == at(opens)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("03-02 11:00", 40, "03-09 11:00"),
        ("03-02 09:00", 40, "03-06 17:00"),
        ("03-07 12:00", 1, "03-09 10:00"),
        ("03-07 12:00", 0, "03-07 12:00"),
        ("2026-12-31 16:00", 2, "2027-01-01 10:00"),
    ],
)
def test_add_business_seconds(start: str, hours: float, end: str) -> None:
    """The first moment at which that much working time has passed."""
    assert WEEK.add_business_seconds(at(start), hours * H) == at(end)


def test_far_times_are_reached() -> None:
    """Decades apart, and asked for backwards, the years are laid out as needed."""
    calendar = BusinessCalendar.of(BusinessHours())
    weeks = 52 * 25
    assert calendar.business_seconds(at("03-02 00:00"), at("03-02 00:00") + weeks * 7 * DAY) == weeks * 40 * H
    assert calendar.business_seconds(at("1991-03-04 00:00"), at("1991-03-11 00:00")) == 40 * H
    assert (
        calendar.add_business_seconds(at("1991-03-04 00:00"), weeks * 40 * H)
        == at("1991-03-04 00:00") + (weeks * 7 - 3) * DAY + 17 * H * SECOND
    )


MOMENTS = st.integers(at("2024-01-01 00:00"), at("2028-12-31 00:00"))
CALENDARS = st.sampled_from(
    [
        WEEK,
        BusinessCalendar.of(BusinessHours(holidays=("2026-12-25", "2026-01-01")), "America/Los_Angeles"),
        BusinessCalendar([(5, 0, 1440), (6, 0, 90), (2, 600, 660), (2, 700, 705)], zone=ZoneInfo("Pacific/Auckland")),
    ]
)


@settings(max_examples=100)
@given(CALENDARS, MOMENTS, st.integers(1, 400 * H))
def test_adding_and_measuring_are_inverse(calendar: BusinessCalendar, start: int, seconds: int) -> None:
    """What was added is measured, and a moment less is not enough."""
    end = calendar.add_business_seconds(start, seconds)
    assert calendar.business_seconds(start, end) == seconds
    assert calendar.business_seconds(start, end - SECOND) < seconds


@settings(max_examples=25)
@given(st.integers(at("03-20 00:00") // MINUTE, at("04-10 00:00") // MINUTE), st.integers(0, 6 * 1440))
def test_agrees_with_counting_minutes(start: int, minutes: int) -> None:
    """Counting the open minutes one by one on a wall clock gives the same, across a clock change too."""
    berlin = ZoneInfo("Europe/Berlin")
    calendar = BusinessCalendar.of(BusinessHours(holidays=("2026-03-30",)), "Europe/Berlin")
    local = (to_datetime(m * MINUTE).astimezone(berlin) for m in range(start, start + minutes))
    counted = sum(t.weekday() < 5 and 9 <= t.hour < 17 and (t.month, t.day) != (3, 30) for t in local)
    assert calendar.business_seconds(start * MINUTE, (start + minutes) * MINUTE) == counted * 60


def test_a_day_may_have_hours_of_its_own() -> None:
    """A break at noon and a short Friday; the other days are open from start to end."""
    days = ("mon", "Tuesday 09:00-12:30", "tue 13:30-18:00", "fri 09:00-15:00")
    calendar = BusinessCalendar.of(BusinessHours(days=days))
    week = [
        (slot.iso_weekday, slot.slot_no, slot.opens_minute, slot.closes_minute)
        for slot in calendar.slots(is_default=True)
    ]
    assert week == [(1, 1, 540, 1020), (2, 1, 540, 750), (2, 2, 810, 1080), (5, 1, 540, 900)]
    assert calendar.business_seconds(at("03-02 00:00"), at("03-09 00:00")) == (8 + 8 + 6) * H
    assert calendar.business_seconds(at("03-03 12:00"), at("03-03 14:00")) == H
    assert calendar.business_seconds(at("03-06 14:00"), at("03-09 10:00")) == 2 * H
    assert calendar.day_seconds == 22 * H / 3


def test_sellers_have_their_own_zone() -> None:
    """A seller's zone replaces the settings' one; an unknown zone or seller keeps it."""
    calendars = SellerCalendars(BusinessHours(), {"S2": "Asia/Tokyo", "S3": "Mars/Olympus"})
    early = at("03-02 00:00"), at("03-02 09:00")
    assert [calendars(s).business_seconds(*early) for s in ("S1", "S2", "S3", None)] == [0, 8 * H, 0, 0]


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (BusinessHours(timezone="Mars/Olympus"), "business_hours.timezone is 'Mars/Olympus'"),
        (BusinessHours(start="9 am"), "business_hours.start is '9 am'"),
        (BusinessHours(end="24:30"), "business_hours.end is '24:30'"),
        (BusinessHours(start="17:00", end="09:00"), "business_hours.end is '09:00'"),
        (BusinessHours(days=("mon", "someday")), "business_hours.days holds 'someday'"),
        (BusinessHours(days=("mon", "tue 9-17")), "business_hours.days 'tue 9-17': its time is '9'"),
        (
            BusinessHours(days=("mon", "tue 09:00-08:00")),
            "business_hours.days holds 'tue 09:00-08:00': 08:00 is not later",
        ),
        (BusinessHours(days=("mon 09:00", "tue")), "business_hours.days 'mon 09:00': its time is ''"),
        (BusinessHours(days=("mon 09:00 - 12:00",)), "business_hours.days holds 'mon 09:00 - 12:00': not one of"),
        (BusinessHours(days=("mon", "mon 16:00-18:00")), "business_hours.days: business slots of mon overlap"),
        (BusinessHours(days=(" ",)), "business_hours.days holds ' '"),
        (BusinessHours(days=()), "business_hours.days: names no day"),
        (BusinessHours(holidays=("Christmas",)), "business_hours.holidays holds 'Christmas'"),
    ],
)
def test_a_bad_setting_is_named(hours: BusinessHours, said: str) -> None:
    """The message says which setting is wrong and what it holds."""
    with pytest.raises(ValueError, match=re.escape(said)):
        BusinessCalendar.of(hours)


def test_overlapping_slots_are_refused() -> None:
    """Time cannot be open twice."""
    with pytest.raises(ValueError, match="overlap"):
        BusinessCalendar([(0, 540, 720), (0, 700, 800)])
