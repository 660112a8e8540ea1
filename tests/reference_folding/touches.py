"""What the reference makes: touches with their people, recognised by the set of their witnesses (semantics 1.1)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from transforms.event import Event

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
STRENGTH = ("actor", "organizer", "attendee", "required", "to", "optional", "cc", "bcc", "viewer")
"""Roles, the strongest first."""
Stays = list[tuple[int, int]]
"""From and until, in microseconds."""


@dataclass(eq=False)
class Witness:
    """A normalised event, as the vault has it."""

    event_id: str
    received_at: int
    payload: str
    event: Event


class History:
    """Every event that was landed."""

    def __init__(self, witnesses: list[Witness]) -> None:
        self.all = witnesses

    def current(self, *families: str) -> list[Witness]:
        """4.6: of (source, source_event_id) the highest revision, then the smallest payload hash."""
        best: dict[tuple[str, str], Witness] = {}
        for w in self.all:
            if w.event.family not in families:
                continue
            key = (w.event.source, w.event.source_event_id)
            if key not in best or (-w.event.revision, w.payload) < (-best[key].event.revision, best[key].payload):
                best[key] = w
        return list(best.values())

    def revisions(self, witness: Witness) -> list[Witness]:
        """Every witness of the same event of a source."""
        key = (witness.event.source, witness.event.source_event_id)
        return [w for w in self.all if (w.event.source, w.event.source_event_id) == key]

    def is_deleted(self, witness: Witness) -> bool:
        """A chat message that was taken back."""
        return any(w.event.is_void and w.event.dedupe_key == witness.event.dedupe_key for w in self.all)


@dataclass
class Person:
    """A participant of a touch, several mentions united."""

    ids: tuple[str, ...]
    role: str
    name: str | None = None
    hint: str | None = None
    """The side that the source tells."""
    attended: bool | None = None
    stays: Stays = field(default_factory=list)
    person: str | None = None
    """Of the directory."""
    key: str = ""
    """The person, else the first identifier, else the name."""
    side: str = "unknown"
    home: str | None = None
    """Their account."""
    how: str = "unresolved"
    candidates: set[str] = field(default_factory=set)
    """Accounts, where the domain is of several."""
    engaged: bool = False


@dataclass(eq=False)
class Touch:
    """A touchpoint."""

    family: str
    witnesses: list[Witness]
    channel: str
    start: int
    end: int
    people: list[Person]
    kind: str = "message"
    status: str = "held"
    direction: str | None = None
    is_automated: bool = False
    is_internal: bool = False
    is_voided: bool = False
    is_countable: bool = False
    hint: str | None = None
    """The account that the source tells."""
    account: str | None = None
    how: str = "unresolved"
    accounts: list[str] = field(default_factory=list)
    inherits: str | None = None
    """The one account of its thread (A5)."""
    deal: str | None = None
    deal_how: str = "none"
    owner: str | None = None
    buyers: int = 0
    sellers: int = 0
    buyer_minutes: float | None = None
    seller_minutes: float | None = None
    messages: int = 1
    live: list[Witness] = field(default_factory=list)
    """Of a burst: its messages as they stand."""
    chars: int = 0
    subject: str | None = None
    first_line: str | None = None
    has_question: bool | None = None
    is_question: bool | None = None
    is_ack: bool = False
    is_reply: bool = False
    parent: Touch | None = None
    thread: tuple[Any, ...] | None = None
    label: str | None = None
    """The job that the source tells."""
    job: str = "unclassified"
    tags: set[str] = field(default_factory=set)
    assets: list[str] = field(default_factory=list)
    called: str | None = None
    """Of a meeting: the title that tells its type."""
    parts: list[Touch] = field(default_factory=list)
    """Visits that are one."""
    page: str | None = None
    dwell: list[tuple[Event, int]] = field(default_factory=list)
    """Of a session: its events, and how long each lasted."""
    has_reports: bool = False
    """Of a meeting: somebody tells who came."""
    has_titles: bool = False
    """Its plans have several, none of them newer."""
    is_timeless: bool = False
    """The definitions do not say which of several times it has."""

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(w.event_id for w in self.witnesses)

    @property
    def is_one_sided(self) -> bool:
        """A meeting without a buyer or without a seller, of which the definitions say little."""
        return self.family == "meeting" and not {"buyer", "seller"} <= {p.side for p in self.people}

    @property
    def actors(self) -> list[Person]:
        return [p for p in self.people if p.role == "actor"]

    @property
    def own_subject(self) -> str | None:
        """The subject, where it is not that of the message that it answers."""
        return None if self.family == "email" and starts_as_reply(self.subject) else self.subject


REPLY_PREFIXES = ("re", "aw", "sv", "antw", "vs", "rif", "odp", "res")


def starts_as_reply(subject: str | None) -> bool:
    prefix, colon, _ = (subject or "").partition(":")
    return bool(colon) and prefix.strip().lower() in REPLY_PREFIXES


def merged_rows(people: list[Person]) -> list[Person]:
    """Who is named twice is one participant, in the strongest role."""
    found: dict[str, Person] = {}
    for p in people:
        first = found.setdefault(p.key, p)
        first.role = min(first.role, p.role, key=STRENGTH.index)
        first.engaged = first.engaged or p.engaged
    return list(found.values())


def merged_guests(one: list[Person], two: list[Person]) -> list[Person]:
    """The people of two visits that are one."""
    found = {p.key: replace(p) for p in one}
    for p in two:
        if p.key in found:
            found[p.key].attended = bool(found[p.key].attended or p.attended)
        else:
            found[p.key] = replace(p)
    return list(found.values())


def head_count(people: list[Person], side: str) -> int:
    return len({p.key for p in people if p.side == side})


def united(stays: Stays) -> Stays:
    """Those that meet as one."""
    found: Stays = []
    for start, end in sorted(stays):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def together(one: Stays, two: Stays) -> Stays:
    """When both were there."""
    return united([(max(a, c), min(b, d)) for a, b in one for c, d in two if min(b, d) >= max(a, c)])
