"""Times as payloads write them."""

from __future__ import annotations

import pytest

from transforms.event import Reject
from transforms.times import SECOND, parse_iso

NOON = 1_775_476_800 * SECOND
"""2026-04-06 12:00 UTC."""


@pytest.mark.parametrize(
    "text",
    [
        "2026-04-06T12:00:00Z",
        "2026-04-06t12:00:00z",
        "2026-04-06 12:00:00.000z",
        "2026-04-06T14:00:00+02:00",
        "2026-04-06T11:59:60Z",
        "2026-04-06T13:59:60.0+02:00",
    ],
)
def test_every_form_that_rfc_3339_allows_is_the_same_time(text: str) -> None:
    """``T`` and ``Z`` may be lower case, and a leap second may be written."""
    assert parse_iso(text, "$.at") == NOON


@pytest.mark.parametrize(
    "text",
    [
        "2026-04-06 12:00:00 UTC",
        "2026-04-06 12:00:00.000000 UTC",
        "2026-04-06 12:00:00 Z",
        "2026-04-06 14:00:00.000 +0200",
        "2026-04-06 07:00:00 -05:00",
    ],
)
def test_a_zone_behind_a_space_is_one(text: str) -> None:
    """As BigQuery, Snowflake and others write their rows."""
    assert parse_iso(text, "$.at") == NOON


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2026-04-06T11:59:61Z", "bad_timestamp"),
        ("2026-04-06T11:60:00Z", "bad_timestamp"),
        ("2026-04-06T12:60", "bad_timestamp"),
        ("noonz", "bad_timestamp"),
        ("noon UTC", "bad_timestamp"),
        ("2026-04-06 UTC", "bad_timestamp"),
        ("2026-04-06 12:00:00 CET", "bad_timestamp"),
        ("9999-12-31T23:59:60Z", "bad_timestamp"),
        ("2026-04-06t12:00:00", "naive_timestamp"),
        ("2026-04-06T11:59:60", "naive_timestamp"),
    ],
)
def test_what_is_no_time_or_has_no_zone_says_so(text: str, code: str) -> None:
    """The field and the reason are named."""
    with pytest.raises(Reject) as refused:
        parse_iso(text, "$.at")
    assert (refused.value.reason_code, refused.value.field_path) == (code, "$.at")
