"""Emails with their threads, and bursts of chat with their readers (semantics 1.3, 1.4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from reference_folding.directory import Directory
from reference_folding.touches import SECOND, History, Person, Touch, Witness
from transforms.event import Event, Party

BURST_GAP = 300 * SECOND
Told = tuple[Witness, list[Witness]]
"""A message as it stands, and everything that told of it."""


def emails(history: History) -> list[Touch]:
    """1.3: one touch for all copies of a message."""
    groups: dict[str, list[Witness]] = defaultdict(list)
    for w in history.current("email"):
        groups[w.event.dedupe_key].append(w)
    touches = [_email(history, copies) for copies in groups.values()]
    _put_threads(touches)
    return touches


def _email(history: History, copies: list[Witness]) -> Touch:
    live = [w for w in copies if not w.event.is_void] or copies
    live.sort(key=lambda w: (w.event.source, w.payload))
    e = live[0].event
    at = min(live, key=lambda w: w.event.time_quality == "estimated").event.occurred_at
    told = [revision for w in copies for revision in history.revisions(w)]
    t = Touch("email", told, "email", at, at, _people([w.event for w in live]))
    t.is_voided = all(w.event.is_void for w in copies)
    t.is_reply = any(w.event.references for w in live)
    t.kind = _first(w.event.interaction_kind for w in live) or ("reply" if t.is_reply else "message")
    t.status = _first(w.event.status for w in live) or "held"
    t.is_automated = any(w.event.is_automated for w in live)
    t.subject, t.first_line, t.has_question = e.subject_text, e.first_line, e.has_question
    t.chars = e.content_chars or 0
    t.hint = _first(w.event.account_hint for w in live)
    t.label = _first(w.event.explicit_job for w in live)
    t.direction = _first(w.event.direction for w in live)
    return t


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value), None)


def _people(events: list[Event]) -> list[Person]:
    """Everybody once, in their first role; nobody who reads without an identifier."""
    people: list[Person] = []
    for e in events:
        for p in e.parties:
            if not any(q.ids == p.ids for q in people) and (p.ids or p.role == "actor"):
                people.append(Person(p.ids, p.role, p.name, p.side))
    return people


def _put_threads(touches: list[Touch]) -> None:
    """1.4: messages that refer to the same ones, or that their provider holds together; the parent is the last that is referred to."""
    held = {w.event.message_id: t for t in touches for w in t.witnesses if w.event.message_id}
    root: dict[str, str] = {}

    def find(name: str) -> str:
        while root.get(name, name) != name:
            name = root[name]
        return name

    for t in touches:
        for w in t.witnesses:
            e = w.event
            for reference in e.references:
                root[find(f"m:{e.message_id}")] = find(f"m:{reference}")
            if e.conversation_id:
                root[find(f"m:{e.message_id}")] = find(f"c:{e.source}:{e.conversation_id}")
    for t in touches:
        t.thread = ("email", find(f"m:{t.witnesses[0].event.message_id}"))
        for w in t.witnesses:
            if w.event.references and t.parent is None:
                t.parent = held.get(w.event.references[-1])


def bursts(history: History, directory: Directory) -> list[Touch]:
    """1.3: messages of one side in a thread, none longer than the gap after the one before, which answer those of another side
    before them; what was deleted is apart."""
    by_key: dict[str, list[Witness]] = defaultdict(list)
    for w in history.current("chat"):
        by_key[w.event.dedupe_key].append(w)
    messages: list[Told] = []
    for copies in by_key.values():
        copies.sort(key=lambda w: (-w.event.is_void, -w.event.revision, w.event.source, w.payload))
        messages.append((copies[0], [revision for w in copies for revision in history.revisions(w)]))
    threads = {(*_room(w.event), w.event.thread_id) for w, _ in messages if w.event.thread_id}
    streams: dict[tuple[str | None, ...], list[Told]] = defaultdict(list)
    for message in messages:
        e = message[0].event
        is_root = (*_room(e), e.message_id) in threads
        streams[*_room(e), e.thread_id or (e.message_id if is_root else None)].append(message)
    homes: dict[tuple[str | None, ...], set[str]] = defaultdict(set)
    for w, _ in messages:
        homes[_room(w.event)] |= _homes(w.event, directory)
    touches = []
    for key, stream in streams.items():
        lends = len(homes[key[:2]]) == 1
        stream.sort(key=lambda m: (m[0].event.occurred_at, m[0].event.sequence or "", m[0].event.source_event_id))
        for is_void in (False, True):
            alike = [message for message in stream if message[0].event.is_void == is_void]
            cut = _cut(alike, directory, lends)
            found = [_burst(key, burst) for burst in cut]
            sides = [_side(burst[0][0].event, directory, lends) for burst in cut]
            for n, t in enumerate(found[1:], 1):
                if sides[n] != sides[n - 1]:
                    t.parent, t.is_reply, t.kind = found[n - 1], True, "reply"
            touches += found
    return touches


def _room(e: Event) -> tuple[str, str | None]:
    return e.source.split("/")[1], e.conversation_id


def _cut(stream: list[Told], directory: Directory, lends: bool) -> list[list[Told]]:
    """``lends``: the room has one account, of which strangers in it are (A5, P5)."""
    found: list[list[Told]] = []
    for message in stream:
        if found and _continues(found[-1][-1][0].event, message[0].event, directory, lends):
            found[-1].append(message)
        else:
            found.append([message])
    return found


def _continues(last: Event, e: Event, directory: Directory, lends: bool) -> bool:
    return (
        _side(e, directory, lends) == _side(last, directory, lends)
        and e.occurred_at - last.occurred_at <= BURST_GAP
        and e.is_automated == last.is_automated
    )


def _side(e: Event, directory: Directory, lends: bool) -> str:
    """Of the author."""
    for p in e.parties:
        if p.role == "actor":
            person, ids = _author(p, e, directory)
            side = directory.side(person, ids, p.side, p.name, directory.home(person, ids))
            return "buyer" if side == "unknown" and lends else side
    return "buyer" if lends else "unknown"


def _homes(e: Event, directory: Directory) -> set[str]:
    """Accounts of the author, if that is a buyer: all of its domain's, where none is settled on."""
    for p in e.parties:
        if p.role == "actor" and _side(e, directory, lends=False) == "buyer":
            person, ids = _author(p, e, directory)
            home = directory.home(person, ids)
            return {home} if home else directory.domain_accounts(person, ids)
    return set()


def _author(p: Party, e: Event, directory: Directory) -> tuple[str | None, tuple[str, ...]]:
    """Who it is, and under which names, profiles included."""
    person = directory.person(p.ids, e.source, e.occurred_at)
    names = [] if person else [directory.names.stranger((i,), e.source) for i in p.ids]
    return person, tuple(dict.fromkeys((*p.ids, *names)))


def _burst(key: tuple[str | None, ...], burst: list[Told]) -> Touch:
    events = [w.event for w, _ in burst]
    told = [w for _, witnesses in burst for w in witnesses]
    t = Touch("chat", told, "chat", events[0].occurred_at, events[-1].occurred_at, _people(events))
    t.thread = ("chat", *key)
    t.live = [w for w, _ in burst]
    t.messages = len(events)
    t.chars = sum(e.content_chars or 0 for e in events)
    t.is_voided = all(e.is_void for e in events)
    t.is_automated = any(e.is_automated for e in events)
    t.subject = t.first_line = " ".join(e.subject_text for e in events if e.subject_text)[:120] or None
    flags = [e.has_question for e in events if e.has_question is not None]
    t.has_question = any(flags) if flags else None
    t.label = _first(e.explicit_job for e in events)
    t.hint = _first(e.account_hint for e in events)
    t.direction = _first(e.direction for e in events)
    return t


def put_readers(t: Touch, touches: list[Touch]) -> None:
    """Whom the author turned to: those who write in the thread, else in the room, even what they take back. We write to all who are not
    ours, a buyer to us, a partner to both, and all in the room see what is said outside threads or begins one; who of us only answers
    later is in copy."""
    if any(p.role != "actor" for p in t.people):
        return
    own = _party_of(t.people[0].side) if t.people else "unknown"
    room = sorted((x for x in touches if room_of(x) == room_of(t)), key=lambda x: x.start)
    near = [x for x in room if x.thread == t.thread]
    root = t.thread[-1] if t.thread else None
    is_open = root is None or any(w.event.message_id == root for w in t.live)
    for others in WRITES_TO[own]:
        seen_by_all = is_open and "buyer" in others
        found = (not seen_by_all and _authors(near, others)) or _authors(room, others)
        for p in found:
            if not any(q.key == p.key for q in t.people):
                wrote = any(x.start <= t.start for x in room if p.key in {q.key for q in _authors([x], others)})
                role = "to" if wrote or "seller" not in others else "cc"
                t.people.append(replace(p, role=role, engaged=False))


WRITES_TO = {"seller": [("buyer", "partner")], "buyer": [("seller",)], "partner": [("seller",), ("buyer",)]}


def room_of(t: Touch) -> tuple[str | None, ...] | None:
    """The thread of an email, and the whole room of a chat."""
    return t.thread[:3] if t.thread else None


def _party_of(side: str) -> str:
    """A bot answers for us, a stranger writes as a buyer."""
    return {"system": "seller", "unknown": "buyer"}.get(side, side)


def _authors(touches: list[Touch], sides: tuple[str, ...]) -> list[Person]:
    """People of some sides who wrote; no machine."""
    authors = [p for x in touches for p in x.people if p.role == "actor" and p.side != "system"]
    return [p for p in authors if _party_of(p.side) in sides]
