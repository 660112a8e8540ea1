"""Broken copies of good records; each is certain to be rejected, and none hides the record that comes after it."""

from __future__ import annotations

import re
from random import Random

_DEFECTS: dict[str, tuple[tuple[str, str], ...]] = {
    "segment": (
        (r'"type":"\w+"', '"type":"teleport"'),
        (r'"(timestamp|originalTimestamp)":"[^"]*"', r'"\1":"the day after"'),
        (r'"anonymousId":"[^"]*",(.*)"userId":("[^"]*"|null)', r'"anonymousId":null,\1"userId":null'),
    ),
    "json": (
        (r'"event_id":"[^"]*"', '"event_id":""'),
        (r'"derived_tstamp":"[^"]*"', '"derived_tstamp":"yesterday"'),
        (r'"event":"[^"]*"', '"event":"telepathy"'),
    ),
    "slack": (
        (r'"ts":"[^"]*"', '"ts":"noon"'),
        (r'"type":"(message|reaction_added)"', '"type":"telepathy"'),
    ),
    "intercom": (
        (r'"data":\{"type":"notification_event_data","item"', '"data":{"thing"'),
        (r'"item":\{"type":"conversation"', '"item":{"type":"telegram"'),
    ),
    "gmail": (
        (r'"payload":', '"lost":'),
        (r'"internalDate":"[^"]*"(.*)"name":"Date"', r'"internalDate":"soon"\1"name":"X-Date"'),
    ),
    "zoom": (
        (r'"event":"[^"]*"', '"event":"telepathy.began"'),
        (r'"uuid":"[^"]*","id":"[^"]*"', '"uuid":"","id":""'),
    ),
    "google_meet": (
        (r'"id":\{"time":"[^"]*"', '"id":{"time":"later"'),
    ),
    "google_calendar": (
        (r'"start":\{"dateTime":"[^"]*"', '"start":{"dateTime":"after lunch"'),
        # a cancellation needs no start
        (r'"status":"confirmed",(.*)"start":\{[^}]*\},', r'"status":"confirmed",\1'),
    ),
    "email": (
        (r"(?ms)\AMessage-ID:.*?^(Subject:)", r"\1"),
    ),
    "ics": (
        (r"DTSTART:[^\r]*\r\n", ""),
        (r"DTSTART:[^\r]*", "DTSTART:20260231T990000Z"),
    ),
}  # fmt: skip
"""By form: pattern and replacement, each making the record one that says too little or the impossible."""
_COMPILED = {form: tuple((re.compile(p, re.DOTALL), r) for p, r in pairs) for form, pairs in _DEFECTS.items()}


def damaged(form: str, payload: str, rng: Random) -> tuple[str, bool]:
    """A broken copy of a record that would be accepted, and whether it is one whole value (False: it is cut off)."""
    if form == "tsv":
        return _broken_line(payload, rng), True
    if form not in ("email", "ics") and rng.random() < 0.4:
        return payload[: len(payload) * rng.randrange(3, 9) // 10], False
    pattern, replacement = rng.choice(_COMPILED[form])
    if not pattern.search(payload):  # the first of a form fits every record
        pattern, replacement = _COMPILED[form][0]
    return pattern.sub(replacement, payload, count=0 if "Timestamp" in pattern.pattern else 1), True


def _broken_line(payload: str, rng: Random) -> str:
    cells = payload.split("\t")
    fate = rng.randrange(3)
    if fate == 0:
        return "\t".join(cells[:60])
    cells[5] = "page_view"
    if fate == 1:
        cells[6] = ""
    else:
        cells[124] = "2026-13-45 25:00:00.000"
    return "\t".join(cells)
