"""What calendars of any make have in common: people, places and occurrences, and the events made of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec

from transforms.calendars.venues import Venue
from transforms.event import Event, Party, Reject
from transforms.normal import clean_subject, email_id, phone_id, scrub
from transforms.times import LATEST, SECOND, checked, from_datetime

EXCEPTION = 2**30
"""From this revision on, an occurrence speaks for itself (moved or cancelled alone) and wins over what its series says."""
_LAST_SEQUENCE = 15
"""From this one on, versions are told apart by when they were written alone."""
_LAST_WORD = 2**31 - 1
_STAMP_SINCE = 1_262_304_000 * SECOND
"""2010-01-01; a revision holds 25 bits of 32-second steps, until 2044."""
_STAMP_STEP = 32 * SECOND
_LAST_STAMP = 2**25 - 1

_NOBODY = ("calendar.google.com",)
"""Addresses of rooms, of shared calendars and of mail that Google made an entry of: nobody reads them."""

_ROLES = {"OPT-PARTICIPANT": "optional", "NON-PARTICIPANT": "viewer"}


class Entry(msgspec.Struct, frozen=True):
    """A calendar entry but for its times: everything that its occurrences share."""

    source: str
    uid: str
    subject: str | None
    venue: Venue
    parties: tuple[Party, ...]
    organizer: str | None
    status: str | None
    """``cancelled``, ``scheduled`` (tentative) or None."""
    join_keys: tuple[str, ...]
    attachments: tuple[str, ...]
    recorded_at: int | None
    sequence: int | None = None
    """None: not told."""
    explicit_job: str | None = None
    left_out: tuple[str, ...] = ()
    """As in ``Event``."""


class Slot(msgspec.Struct, frozen=True):
    """When one occurrence is.

    ``token`` tells the occurrences of a series apart: the planned start, ``20260105T090000Z``, or a day, ``20260105``.
    """

    start: int
    end: int
    is_day: bool
    token: str | None = None


def revision_of(sequence: int | None, written_at: int | None, *, is_cancelled: bool, is_exception: bool) -> int:
    """The order in which RFC 5546 (2.1.5) has the versions of an entry: by SEQUENCE, then by when they were written.

    Of one sequence, a cancellation is the last word; one that names no sequence is the last word of all. An exception
    stands above its series. Versions of one sequence that were written within the same half minute are not told apart.
    """
    number = sequence_of(sequence, is_cancelled=is_cancelled)
    is_late = number >= _LAST_SEQUENCE  # a revision has no room for more, nor for which of these are cancellations
    if written_at is not None:
        stamp = min(max((written_at - _STAMP_SINCE) // _STAMP_STEP, 0), _LAST_STAMP)
    else:
        stamp = min(number, _LAST_STAMP) if is_late else 0
    rank = (min(number, _LAST_SEQUENCE) << 1 | (is_cancelled or is_late)) << 25 | stamp
    return max(rank, 1) + (EXCEPTION if is_exception else 0)


def sequence_of(sequence: int | None, *, is_cancelled: bool) -> int:
    """SEQUENCE, 0 where an entry names none; a cancellation without one is the last word."""
    if sequence is None:
        return _LAST_WORD if is_cancelled else 0
    return min(max(sequence, 0), _LAST_WORD)


def event_of(entry: Entry, slot: Slot, *, event_id: str, revision: int, join_keys: tuple[str, ...] = ()) -> Event:
    """One occurrence as an event; a cancelled one voids what was said before under the same id."""
    where = entry.venue
    return Event(
        source=entry.source,
        source_event_id=event_id,
        revision=revision,
        is_void=entry.status == "cancelled",
        family="schedule",
        channel=where.channel,
        medium=where.medium,
        status=entry.status,
        occurred_at=slot.start,
        ended_at=slot.end,
        time_quality="date_only" if slot.is_day else "source",
        recorded_at=entry.recorded_at,
        dedupe_key=f"meeting:ical:{entry.uid}" + (f"/{slot.token}" if slot.token else ""),
        join_keys=entry.join_keys + join_keys,
        organizer=entry.organizer,
        place=where.place,
        subject_text=entry.subject,
        links=where.links,
        attachments=entry.attachments,
        explicit_job=entry.explicit_job,
        parties=entry.parties,
        plan_sequence=sequence_of(entry.sequence, is_cancelled=entry.status == "cancelled"),
        left_out=entry.left_out,
    )


def person(address: str | None, name: str | None, role: str, *, declined: bool = False) -> Party | None:
    """An attendee or organiser; None for the address of a room or a calendar, and where nothing tells who it is.

    ``attended`` is False for somebody who declined and None otherwise: to accept is not to be there.
    """
    found = email_id(address) if address else None
    if found is None and address and address[:4].lower() == "tel:":
        found = phone_id(address[4:])
    if found is not None and found.endswith(_NOBODY):
        return None
    shown = clean_subject(name, 200)
    if found is None and shown is None:
        return None
    return Party((found,) if found else (), role, name=shown, attended=False if declined else None)


def role_of(stated: str | None) -> str:
    """RFC 5545's ROLE to a participation role; CHAIR is required, as is everybody unless said otherwise."""
    return _ROLES.get((stated or "").upper(), "required")


def gathered(organizer: Party | None, attendees: Iterable[Party | None]) -> tuple[Party, ...]:
    """The organiser first, then the attendees in the entry's order, each person once.

    An organiser who is also an attendee keeps that role and takes the answer from the attendee's line.
    """
    found: dict[object, Party] = {}
    if organizer is not None:
        found[organizer.ids or organizer.name] = organizer
    for one in attendees:
        if one is None:
            continue
        key = one.ids or one.name
        known = found.get(key)
        if known is None:
            found[key] = one
        elif known is organizer:
            found[key] = msgspec.structs.replace(known, name=known.name or one.name, attended=one.attended)
    return tuple(found.values())


def title(text: str | None) -> str | None:
    return clean_subject(text)


def clean_id(text: str) -> str:
    """A native id without what no table can hold, and not longer than any real one."""
    return scrub(text.strip())[:1000]


def micros(moment: datetime, field: str) -> int:
    """An aware datetime to microseconds within the sane range, else a reject that names ``field``."""
    try:
        return checked(from_datetime(moment), field, moment)
    except OverflowError:
        raise Reject("bad_timestamp", field, f"{field} is {str(moment)!r}: out of range") from None


def noon(day: date, zone: tzinfo, field: str) -> int:
    """Where a date without a time is placed: 12:00 local."""
    return micros(datetime.combine(day, time(12), zone), field)


def day_slot(first: date, end: date, zone: tzinfo, field: str, token: str | None = None) -> Slot:
    """An all-day occurrence. ``end`` is the day after the last, as calendars have it; one day if that is not later."""
    last = max(first, end - timedelta(days=1))
    return Slot(noon(first, zone, field), noon(last, zone, field), True, token)


def token_of(moment: int) -> str:
    """Microseconds to UTC in RFC 5545's basic form, ``20260105T090000Z``."""
    return f"{datetime.fromtimestamp(moment // SECOND, UTC):%Y%m%dT%H%M%SZ}"


def day_token(day: date) -> str:
    return f"{day:%Y%m%d}"


def wall(moment: datetime, zone: tzinfo) -> datetime:
    """An aware datetime as the clock of ``zone`` shows it, naive."""
    return moment.astimezone(zone).replace(tzinfo=None)


def horizon(until: int, zone: tzinfo) -> datetime:
    """The time up to which entries are expanded, as the clock of ``zone`` shows it; at most the year 2100."""
    return wall(datetime.fromtimestamp(min(max(until, 0), LATEST) // SECOND, UTC), zone)
