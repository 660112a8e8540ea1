"""What every family's folding shares: the newest word on each native record, seats of parties, drafts of touchpoints.

Folding goes witnesses -> facts -> drafts -> rows. A *fact* is what one source says now about one of its records; a
*draft* is a touchpoint with its people and evidence, not yet attributed to an account nor classified.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import msgspec

from schemas.tables_fact import FACT_TOUCHPOINT
from transforms.channels import MEDIUM_OF_CHANNEL, channel_of
from transforms.crm.assets import AssetBook
from transforms.crm.directory import Directory, ResolvedParty
from transforms.crm.files import Asset
from transforms.event import Event, Party, PlanItem, Witness, hash_id
from transforms.jobs.rules import PageSpan
from transforms.settings import Folding
from transforms.touchpoint import Touchpoint

T = TypeVar("T")

SCHEMA_VERSION = FACT_TOUCHPOINT.version
OURS = frozenset({"seller", "system"})
"""Sides that are no outside party; everything else is (a partner, and a stranger nobody has named yet, too)."""
PARTNER = "partner"
MESSAGES = frozenset({"chat", "email"})
"""Families whose records were said once; all others may be planned anew under the same id."""
ACTING_ROLES = ("actor", "organizer", "viewer")


class Fact(msgspec.Struct, gc=False):
    """What one source says now about one native record."""

    event: Event
    """The newest revision that describes it, with what it leaves out as older ones have it; a void describes nothing."""
    witness: Witness
    """How that revision landed."""
    is_void: bool
    """It was deleted, or its newest revision cancels it."""
    received_at: int
    """When we first heard of it."""
    trail: tuple[tuple[str, str], ...]
    """(event_id, ``revision`` or ``void``) of the other witnesses."""
    ended_by: Event | None = None
    """The newest revision, if it is the one that cancels the record."""
    is_stale: bool = False
    """A plan of which another source tells a newer version."""
    uninvited: frozenset[str] = frozenset()
    """Identifiers of those whom an older revision of a plan names, and the newest does not."""


class Seat(msgspec.Struct, gc=False):
    """One participant of a draft."""

    party: ResolvedParty
    role: str
    side: str
    """``party.side``, until an account raises a stranger to a buyer (semantics 2.3, P5)."""
    source: str
    """Who named this participant: evidence of the identity link."""
    attended: bool | None = None
    joined_at: int | None = None
    left_at: int | None = None
    attended_seconds: int | None = None


class AssetTrace(msgspec.Struct, gc=False):
    """One share, view or download inside a draft."""

    asset: Asset
    action: str
    occurred_at: int
    party_id: str | None


class StepTrace(msgspec.Struct, gc=False):
    """One item of an action plan that an event inside a draft tells of."""

    item: PlanItem
    event: Event
    event_id: str
    teller: ResolvedParty
    owner: ResolvedParty | None


class Draft(msgspec.Struct, kw_only=True, gc=False):
    """A touchpoint before accounts, deals and jobs are known. ``row`` is filled in place as these become known."""

    row: Touchpoint
    seats: list[Seat]
    actor: Seat | None = None
    is_live: bool = False
    events: dict[str, str]
    """event_id to the rule that joined it."""
    assets: list[AssetTrace] = []
    steps: list[StepTrace] = []
    account_hint: str | None = None
    opportunity_hint: str | None = None
    account_thread: str | None = None
    """Touchpoints of one such thread may inherit an account (A4, A5)."""
    stated_direction: str | None = None
    stated_tags: tuple[str, ...] = ()
    explicit_job: str | None = None
    first_line: str | None = None
    opening: str | None = None
    """Chat: what ``subject_text`` holds where the settings let it."""
    text: str | None = None
    """First lines of all messages, for tags."""
    has_question: bool | None = None
    parent: Draft | None = None
    meeting_type: str | None = None
    stage: str | None = None
    """Of the deal, where the rules ask for it."""
    pages: list[PageSpan] = []
    """App: where the time of a session went, in order of time."""
    is_bot_only: bool = False
    """Chat that nobody of ours but a bot has answered."""


Resolver = Callable[[Event, Party], ResolvedParty]
"""Resolves one party of one event; R5 needs the event's source and time."""


def current_facts(witnesses: Sequence[Witness]) -> list[Fact]:
    """The newest word on each (source, source_event_id): highest revision, then smallest payload hash.

    Records of which only the deletion ever arrived are left out: nothing describes them, unless it is of a plan that another
    source describes. A deleted message stays so (semantics 1: a voiding record cannot be voided); a plan that was cancelled
    may be made again.
    """
    keys = [((event := witness.event).source, event.source_event_id) for witness in witnesses]
    if len(set(keys)) == len(keys):  # in most groups every record was told of once
        facts = [Fact(w.event, w, False, w.received_at, ()) for w in witnesses if not w.event.is_void]
        bare = [[w] for w in witnesses if w.event.is_void and w.event.family == "schedule"]
        return facts + _deletions(bare, facts) if bare else facts
    records: dict[tuple[str, str], list[Witness]] = {}
    for key, witness in zip(keys, witnesses, strict=True):
        records.setdefault(key, []).append(witness)
    facts, bare = [], []
    for record in records.values():
        record.sort(key=_newest_first)
        described = next((w for w in record if not w.event.is_void), None)
        if described is not None:
            facts.append(_newest(record, described))
        elif record[0].event.family == "schedule":
            bare.append(record)
    return facts + _deletions(bare, facts) if bare else facts


def _deletions(bare: Iterable[list[Witness]], facts: Sequence[Fact]) -> list[Fact]:
    """Deletions of plans, of what other records describe."""
    known = {fact.event.dedupe_key for fact in facts}
    return [_newest(record, record[0]) for record in bare if record[0].event.dedupe_key in known]


def _newest(record: list[Witness], described: Witness) -> Fact:
    """The newest word on a record, whose witnesses come newest first."""
    trail = {w.event_id: "void" if w.event.is_void else "revision" for w in record if w.event_id != described.event_id}
    revisions = [w.event for w in record if not w.event.is_void]
    event = _completed(described.event, revisions)
    uninvited = _uninvited(event, revisions)
    ended_by = _ending(record, event, uninvited)
    return Fact(
        event,
        described,
        ended_by is not None or (event.family in MESSAGES and any(w.event.is_void for w in record)),
        min(w.received_at for w in record),
        tuple(sorted(trail.items())),
        ended_by,
        uninvited=uninvited,
    )


def _ending(record: list[Witness], event: Event, uninvited: frozenset[str]) -> Event | None:
    """The newest revision of a record, newest first, that calls it off; None where none does that is newer than what describes it."""
    for witness in record:
        if not witness.event.is_void:
            return None
        if event.is_void or ends(witness.event, event, uninvited):
            return witness.event
    return None


def ends(void: Event, event: Event, uninvited: frozenset[str]) -> bool:
    """Whether a deletion is of the plan that ``event`` describes.

    One that is sent to guests who are not invited any more, or is read from the calendar of somebody who is not, or has declined,
    takes it off their calendars; the others meet.
    """
    if void.calendar is not None:
        answers = [
            party.attended for party in event.parties if void.calendar in party.ids and party.role != "organizer"
        ]
        return void.calendar not in uninvited and False not in answers
    guests = [party for party in void.parties if party.role != "organizer"]
    return not guests or not all(party.ids and uninvited.issuperset(party.ids) for party in guests)


def _uninvited(event: Event, revisions: Sequence[Event]) -> frozenset[str]:
    if event.family != "schedule" or len(revisions) < 2:
        return frozenset()
    before = {one for older in revisions for party in older.parties for one in party.ids}
    return frozenset(before.difference((event.organizer,), *(party.ids for party in event.parties)))


def _completed(event: Event, revisions: Sequence[Event]) -> Event:
    """A correction with what it leaves out as the newest of the revisions tells it; a meeting that was moved keeps its length.

    ``parties`` are the organiser, as whoever tells the organiser has it, and everybody else whom a revision names that is no older
    than the newest one that names all.
    """
    if not event.left_out:
        return event
    teller = {
        name: next((one for one in revisions if name not in one.left_out), event)
        for name in ("subject_text", "organizer", "ended_at", "join_keys")
    }
    timed, told_by = teller["ended_at"], teller["organizer"]
    length = None if timed.ended_at is None else timed.ended_at - timed.occurred_at
    hosts = [party for party in told_by.parties if party.role == "organizer"]
    others: dict[object, Party] = {}
    for one in revisions:
        for party in one.parties:
            if party.role != "organizer":
                others.setdefault(party.ids or party.name, party)
        if "parties" not in one.left_out:
            break
    return msgspec.structs.replace(
        event,
        subject_text=teller["subject_text"].subject_text,
        organizer=told_by.organizer,
        parties=(*hosts, *others.values()),
        ended_at=None if length is None else event.occurred_at + length,
        join_keys=tuple(dict.fromkeys(event.join_keys + teller["join_keys"].join_keys)),
    )


def _newest_first(witness: Witness) -> tuple[int, str, int, str, int]:
    return (-witness.event.revision, witness.payload_hash, witness.received_at, witness.unit_id, witness.position)


def raw_ref(witness: Witness) -> str:
    """Pointer into the raw store."""
    return f"{witness.unit_id}#{witness.position}"


def new_row(
    fact: Fact, dedupe_key: str, *, occurred_at: int, ended_at: int, channel: str, medium: str, kind: str
) -> Touchpoint:
    """A touchpoint's row with what the winning fact alone determines; the rest is filled later."""
    event = fact.event
    return Touchpoint(
        touchpoint_id=hash_id(dedupe_key),
        source=event.source,
        source_event_id=event.source_event_id,
        dedupe_key=dedupe_key,
        event_type="",
        schema_version=SCHEMA_VERSION,
        occurred_at=occurred_at,
        ended_at=ended_at,
        recorded_at=event.recorded_at,
        received_at=fact.received_at,
        time_quality=event.time_quality,
        sequence=event.sequence,
        revision=event.revision,
        channel=channel,
        medium=medium,
        modality="",
        direction="",
        interaction_kind=kind,
        status=event.status or "held",
        is_automated=event.is_automated,
        subject_text=event.subject_text,
        raw_ref=raw_ref(fact.witness),
    )


def bridge(facts: Iterable[Fact], rule_id: str, into: dict[str, str] | None = None) -> dict[str, str]:
    """event_id to rule for all witnesses of some facts."""
    events = {} if into is None else into
    for fact in facts:
        events[fact.witness.event_id] = rule_id
        for event_id, why in fact.trail:
            events[event_id] = why
    return events


def seat_parties(facts: Sequence[Fact], resolve: Resolver) -> list[Seat]:
    """The parties of several facts about one thing, each once; role and name are those of the first fact that has them, and of several
    addresses of one person the first that tells an account speaks for them.

    ``attended`` is True if any fact saw the party there, else what the first fact that knows says.
    """
    seats: dict[str, Seat] = {}
    for fact in facts:
        event = fact.event
        for party in event.parties:
            found = resolve(event, party)
            seat = seats.get(found.party_id)
            if seat is None:
                seats[found.party_id] = Seat(
                    found, party.role, found.side, event.source, party.attended, party.joined_at, party.left_at
                )
                continue
            if party.attended or seat.attended is None:
                seat.attended = party.attended
            hear_account(seat, found)
    return list(seats.values())


def hear_account(seat: Seat, found: ResolvedParty) -> None:
    """Of several addresses of one person the first that tells an account speaks for them; ``found`` is by another one."""
    if not tells_account(seat.party) and tells_account(found):
        seat.party, seat.side = msgspec.structs.replace(found, role=seat.party.role), found.side


def tells_account(party: ResolvedParty) -> bool:
    return party.account_id is not None or bool(party.domain_accounts)


def acting_seat(seats: Sequence[Seat]) -> Seat | None:
    """Who acted: the actor, else the organiser, else the viewer; None where only recipients are known."""
    for role in ACTING_ROLES:
        for seat in seats:
            if seat.role == role:
                return seat
    return None


def customers(sides: Iterable[str]) -> frozenset[str]:
    """Of the sides of a live touchpoint, those that may hold a meeting with us: a partner only where no customer is named."""
    outside = frozenset(sides) - OURS
    return outside - {PARTNER} or outside


def order_key(draft: Draft) -> tuple[int, str, str]:
    """Semantics 4.6, apart from parents: (occurred_at, sequence, touchpoint_id)."""
    return (draft.row.occurred_at, draft.row.sequence or "", draft.row.touchpoint_id)


def union(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Intervals [start, end] with those that touch or overlap made one, in order."""
    united: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if united and start <= united[-1][1]:
            if end > united[-1][1]:
                united[-1] = (united[-1][0], end)
        else:
            united.append((start, end))
    return united


def intersection(left: list[tuple[int, int]], right: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Moments that lie in both of two united, ordered lists of intervals."""
    common = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start <= end:
            common.append((start, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return common


class Workbench(msgspec.Struct, frozen=True):
    """What a family's folding may look at."""

    directory: Directory
    assets: AssetBook
    settings: Folding
    as_of: int


def channel_and_medium(event: Event, family_channel: str, phone_call_channel: str) -> tuple[str, str]:
    """The medium as stated, else the plain one of the channel; the channel follows from the medium."""
    medium = event.medium or MEDIUM_OF_CHANNEL.get(event.channel or family_channel) or MEDIUM_OF_CHANNEL[family_channel]
    return channel_of(medium, phone_call_channel) or event.channel or family_channel, medium


def recognise(book: AssetBook, event: Event) -> list[Asset]:
    """Assets that an event names, links to or attaches; each once, by id."""
    if not (event.asset_id or event.links or event.attachments):
        return []
    if len(event.links) == 1 and not (event.asset_id or event.attachments):  # the page of an app event
        only = book.by_link(event.links[0])
        return [] if only is None else [only]
    found: dict[str, Asset] = {}
    candidates = [
        book.by_id(event.asset_id) if event.asset_id else None,
        *map(book.by_link, event.links),
        *map(book.by_filename, event.attachments),
    ]
    for asset in candidates:
        if asset is not None:
            found[asset.asset_id] = asset
    return [found[key] for key in sorted(found)]


def set_assets(draft: Draft) -> None:
    """Put the draft's assets in order and name them in its row: the one asset, or none where there are several."""
    draft.assets.sort(key=lambda trace: (trace.occurred_at, trace.asset.asset_id, trace.action, trace.party_id or ""))
    row = draft.row
    row.asset_types = sorted({trace.asset.asset_type for trace in draft.assets})
    ids = {trace.asset.asset_id for trace in draft.assets}
    if len(ids) == 1:
        row.asset_id, row.asset_type = draft.assets[0].asset.asset_id, draft.assets[0].asset.asset_type


def first_known(values: Iterable[T | None]) -> T | None:
    """The first value that is not None."""
    for value in values:
        if value is not None:
            return value
    return None


def components(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Node to the smallest node of its connected component; nodes that only edges name are included."""
    parent = {node: node for node in nodes}

    def find(node: str) -> str:
        root = node
        while parent[root] != root:
            root = parent[root]
        while parent[node] != root:
            parent[node], node = root, parent[node]
        return root

    for left, right in edges:
        a, b = find(parent.setdefault(left, left)), find(parent.setdefault(right, right))
        if a != b:
            low, high = (a, b) if a < b else (b, a)
            parent[high] = low
    return {node: find(node) for node in parent}
