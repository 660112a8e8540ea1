"""What Zoom's webhooks and reports have in common: a meeting, its people, and the keys of an occurrence."""

from __future__ import annotations

import re

import msgspec

from transforms.event import Party, Reject
from transforms.normal import clean_subject, email_id, native_id, phone_id
from transforms.times import DAY, to_datetime

Text = str | int | None
"""Zoom writes one and the same id as a number here and as text there."""

WEBINAR_TYPES = frozenset({5, 6, 9})
LONGEST_ID = 300
_NOT_DIGITS = re.compile(r"[\s-]+")


class Person(msgspec.Struct, frozen=True):
    """A participant. Webhooks say ``user_name`` and ``email`` where reports say ``name`` and ``user_email``."""

    id: Text = None
    user_id: Text = None
    participant_user_id: Text = None
    participant_uuid: Text = None
    user_name: str | None = None
    name: str | None = None
    email: str | None = None
    user_email: str | None = None
    phone_number: Text = None
    join_time: str | None = None
    leave_time: str | None = None
    status: str | None = None
    """``in_meeting`` or ``in_waiting_room``: reports list both stays, each with its own times."""
    internal_user: bool | None = None
    """Whether somebody is a user of the account whose meeting it was; only lists of a past meeting's participants say so."""
    meeting_uuid: str | None = None
    meeting_id: Text = None


class Invitee(msgspec.Struct, frozen=True):
    email: str | None = None


class Settings(msgspec.Struct, frozen=True):
    use_pmi: bool = False
    meeting_invitees: tuple[Invitee, ...] = ()


class Occurrence(msgspec.Struct, frozen=True):
    """One date of a recurring meeting."""

    occurrence_id: Text = None
    start_time: str | None = None
    duration: int | None = None
    status: str | None = None


class Meeting(msgspec.Struct, frozen=True):
    """A meeting, planned, running or past, as far as it says something about an engagement."""

    id: Text = None
    uuid: str | None = None
    meeting_id: Text = None
    meeting_uuid: str | None = None
    meeting_number: Text = None
    pmi: Text = None
    type: int | str | None = None
    topic: str | None = None
    host_id: str | None = None
    host_email: str | None = None
    user_email: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    timezone: str | None = None
    duration: int | str | None = None
    """Minutes where it is a plan. Not read where a meeting took place: seconds in one schema, minutes in another."""
    created_at: str | None = None
    settings: Settings | None = None
    occurrences: tuple[Occurrence, ...] = ()
    participants_count: int | None = None

    def number(self) -> str | None:
        """The meeting id, digits only; recurring meetings keep theirs."""
        found = token(self.id) or token(self.meeting_id) or token(self.meeting_number)
        return _NOT_DIGITS.sub("", found) if found else None

    def occurrence(self) -> str | None:
        """The UUID of this very occurrence."""
        return token(self.uuid) or token(self.meeting_uuid)

    def host(self) -> str | None:
        """The organiser's identifier; an address, where there is one, is what calendars know too."""
        address = self.host_email or self.user_email
        if address and (known := email_id(address)):
            return known
        host = token(self.host_id)
        return f"external_id:zoom:{host}" if host else None


def token(value: Text) -> str | None:
    """An id as text, without what no table can hold; None if it is empty."""
    if value is None:
        return None
    return native_id(str(value))[:LONGEST_ID] or None


def join_keys(meeting: Meeting) -> tuple[str, ...]:
    keys = []
    if occurrence := meeting.occurrence():
        keys.append(f"uuid:{occurrence}")
    if number := meeting.number():
        keys.append(f"zoom:{number}")
    if meeting.settings is not None and meeting.settings.use_pmi and (own := token(meeting.pmi)):
        keys.append(f"zoom:{_NOT_DIGITS.sub('', own)}")
    return tuple(dict.fromkeys(keys))


def occurrence_key(meeting: Meeting, moment: int, field: str) -> str:
    """What tells this occurrence from others: its UUID, else meeting id and UTC day.

    Raises ``Reject`` (``missing_field``) if the payload names neither.
    """
    if occurrence := meeting.occurrence():
        return occurrence
    if number := meeting.number():
        return f"{number}/{to_datetime(moment // DAY * DAY):%Y%m%d}"
    raise Reject("missing_field", field, f"{field} is missing, and so is a meeting id: which meeting was it?")


def person_ids(person: Person) -> tuple[str, ...]:
    """Zoom id, address, telephone number, as far as they are there; a guest who typed a name has none."""
    ids = []
    if native := token(person.id) or token(person.participant_user_id):
        ids.append(f"external_id:zoom:{native}")
    if address := person.email or person.user_email:
        known = email_id(address)
        if known:
            ids.append(known)
    if number := token(person.phone_number):
        known = phone_id(number if number.startswith("+") else "+" + number)
        if known:
            ids.append(known)
    return tuple(ids)


def participant(person: Person, meeting: Meeting, joined: int | None, left: int | None) -> Party:
    """Somebody who was there; the host has the organiser's role.

    Zoom tells of an account's own meetings: their host and the account's other users (a room, too) are our side.
    """
    is_host = meeting.host_id is not None and meeting.host_id == (person.id or person.participant_user_id)
    return Party(
        ids=person_ids(person),
        role="organizer" if is_host else "attendee",
        name=clean_subject(person.user_name or person.name, 200),
        side="seller" if is_host or person.internal_user else None,
        attended=True,
        joined_at=joined,
        left_at=left,
    )


def person_token(person: Person) -> str:
    """What tells two participants of one meeting apart, for ``source_event_id``; a bare name is the last resort."""
    for value in (person.participant_uuid, person.user_id, person.id, person.participant_user_id, person.user_email):
        if found := token(value):
            return found
    return token(person.email) or token(person.user_name) or token(person.name) or "guest"


def stay(person: Person) -> str | None:
    """What all that Zoom tells of one stay has in common: ``user_id``, which lists and webhooks tell, else a webhook's UUID."""
    return token(person.user_id) or token(person.participant_uuid)
