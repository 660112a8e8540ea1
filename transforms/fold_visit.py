"""In-person drafts once accounts are known: visits that were one, trade events by account and day (semantics 1.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta, tzinfo

import msgspec

from transforms.event import hash_id
from transforms.fold_common import OURS, Draft, Seat, customers, set_assets
from transforms.fold_meeting import GENERIC_KINDS
from transforms.settings import Folding
from transforms.times import MINUTE, SECOND, from_datetime, to_datetime

LONGEST_FAIR = 30
"""Days after the first; what takes longer is no fair, and its days are not looked for together (``transforms.linking``)."""

AccountOf = Callable[[Draft], str | None]


def settle_visits(drafts: Sequence[Draft], account_of: AccountOf, settings: Folding, zone: tzinfo) -> list[Draft]:
    """Drafts of any channel in, the same out, with held in-person ones split and merged; order does not matter.

    ``zone`` is the reporting time zone, whose days count.
    """
    kept: list[Draft] = []
    visits: dict[tuple[str, date], list[Draft]] = {}
    trade: dict[tuple[str, date], list[Draft]] = {}
    for draft in drafts:
        if draft.row.channel != "in_person" or draft.row.status != "held" or draft.row.is_voided:
            kept.append(draft)
            continue
        parts = [draft]
        if draft.row.medium == "trade_event":
            parts = [day for part in split_by_account(draft) for day in split_by_day(part, zone)]
        pool = trade if draft.row.medium == "trade_event" else visits
        for part in parts:
            account = account_of(part)
            if account is None:
                kept.append(part)
            else:
                day_of = to_datetime(part.row.occurred_at).astimezone(zone).date()
                pool.setdefault((account, day_of), []).append(part)
    for day in trade.values():
        kept.append(_fold(sorted(day, key=_by_time), "trade_day"))
    for day in visits.values():
        kept.extend(merge_same_day(day, settings.visit_merge_gap_minutes * MINUTE))
    return kept


def merge_same_day(day: Sequence[Draft], gap: int) -> list[Draft]:
    """Visits to one account on one day: one, where at most ``gap`` lies between them and they share a buyer."""
    merged: list[Draft] = []
    for draft in sorted(day, key=_by_time):
        for index, earlier in enumerate(merged):
            near = draft.row.occurred_at - earlier.row.ended_at <= gap
            if near and not _outsiders(earlier).isdisjoint(_outsiders(draft)):
                merged[index] = _fold([earlier, draft], "same_day_visit")
                break
        else:
            merged.append(draft)
    return merged


def split_by_account(draft: Draft) -> list[Draft]:
    """A trade event's contacts with several accounts to one draft an account; our people are in each."""
    accounts: dict[str, list[Seat]] = {}
    for seat in draft.seats:
        if seat.side not in OURS:
            party = seat.party
            only = party.domain_accounts[0] if len(party.domain_accounts) == 1 else ""
            accounts.setdefault(party.account_id or only, []).append(seat)
    if len(accounts) < 2:
        return [draft]
    ours = [seat for seat in draft.seats if seat.side in OURS]
    return [_part_of(draft, account, [*ours, *theirs]) for account, theirs in sorted(accounts.items())]


def split_by_day(draft: Draft, zone: tzinfo) -> list[Draft]:
    """A trade event of several days to one draft a day, the first of which keeps its identity. Of entries with dates alone each
    day is placed at noon, as a day is."""
    row = draft.row
    start, end = to_datetime(row.occurred_at).astimezone(zone), to_datetime(row.ended_at).astimezone(zone)
    has_times = row.time_quality != "date_only"
    if has_times and row.ended_at > row.occurred_at:
        end -= timedelta(microseconds=1)  # what ends at midnight has no part of the next day
    count = (end.date() - start.date()).days
    if count > LONGEST_FAIR:
        return [draft]
    parts = []
    for number in range(count + 1):
        day = start.date() + timedelta(days=number)
        part = _part(draft, f"{row.dedupe_key}@{day}", draft.seats) if number else draft
        if has_times:
            began = row.occurred_at if number == 0 else _midnight(day, zone)
            ended = row.ended_at if number == count else _midnight(day + timedelta(days=1), zone)
        else:
            began = ended = from_datetime(start + timedelta(days=number))
        parts.append((part, began, ended))
    for part, began, ended in parts:
        part.row.occurred_at, part.row.ended_at = began, ended
        part.row.duration_seconds = (ended - began) // SECOND
    return [part for part, *_ in parts]


def _midnight(day: date, zone: tzinfo) -> int:
    return from_datetime(datetime.combine(day, time.min, zone))


def _part(draft: Draft, key: str, seats: Sequence[Seat]) -> Draft:
    """A draft like another, of its own, with these people in it."""
    row = msgspec.structs.replace(draft.row, dedupe_key=key, touchpoint_id=hash_id(key))
    copies = [msgspec.structs.replace(seat) for seat in seats]
    acting = draft.actor.party.party_id if draft.actor is not None else None
    return msgspec.structs.replace(
        draft,
        row=row,
        seats=copies,
        actor=next((seat for seat in copies if seat.party.party_id == acting), None),
        events=dict(draft.events),
        assets=list(draft.assets),
    )


def _part_of(draft: Draft, account: str, seats: Sequence[Seat]) -> Draft:
    part = _part(draft, f"{draft.row.dedupe_key}@{account}", seats)
    # its people name the account; what the payload says of the whole holds for one part only
    part.account_hint = draft.account_hint if account and account == draft.account_hint else None
    return part


def _fold(parts: Sequence[Draft], rule: str) -> Draft:
    """Drafts in order of time to one: the first one's identity, the span of all, everybody once."""
    if len(parts) == 1:
        return parts[0]
    first, *others = parts
    row = first.row
    seats = {seat.party.party_id: seat for seat in first.seats}
    for other in others:
        row.ended_at = max(row.ended_at, other.row.ended_at)
        row.received_at = min(row.received_at, other.row.received_at)
        row.revision = max(row.revision, other.row.revision)
        row.subject_text = row.subject_text or other.row.subject_text
        row.place = row.place or other.row.place
        if row.interaction_kind in GENERIC_KINDS and other.row.interaction_kind not in GENERIC_KINDS:
            row.interaction_kind, first.meeting_type = other.row.interaction_kind, other.meeting_type
        if other.row.time_quality != "source":
            row.time_quality = other.row.time_quality
        for seat in other.seats:
            known = seats.get(seat.party.party_id)
            seats[seat.party.party_id] = seat if known is None else _both(known, seat)
        for event_id in other.events:
            first.events.setdefault(event_id, rule)
        first.assets.extend(other.assets)
        first.account_hint = first.account_hint or other.account_hint
        first.opportunity_hint = first.opportunity_hint or other.opportunity_hint
        first.explicit_job = first.explicit_job or other.explicit_job
        first.stated_tags = tuple(sorted({*first.stated_tags, *other.stated_tags}))
    row.duration_seconds = (row.ended_at - row.occurred_at) // SECOND
    first.seats = [seats[key] for key in sorted(seats)]
    if first.actor is not None:
        first.actor = seats[first.actor.party.party_id]
    set_assets(first)
    return first


def _both(one: Seat, other: Seat) -> Seat:
    """One person's seat in two visits that are one."""
    seconds = [seat.attended_seconds for seat in (one, other) if seat.attended_seconds is not None]
    joined = [seat.joined_at for seat in (one, other) if seat.joined_at is not None]
    left = [seat.left_at for seat in (one, other) if seat.left_at is not None]
    return msgspec.structs.replace(
        one,
        attended=bool(one.attended or other.attended),
        attended_seconds=sum(seconds) if seconds else None,
        joined_at=min(joined, default=None),
        left_at=max(left, default=None),
    )


def _outsiders(draft: Draft) -> set[str]:
    theirs = customers(seat.side for seat in draft.seats)
    return {seat.party.party_id for seat in draft.seats if seat.side in theirs and seat.attended}


def _by_time(draft: Draft) -> tuple[int, int, str]:
    return (draft.row.occurred_at, draft.row.ended_at, draft.row.dedupe_key)
