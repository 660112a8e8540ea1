"""Sessions of the app (semantics 1.3), and what profiles and logins tell of their users (2.2, R5)."""

from __future__ import annotations

from collections import defaultdict

from reference_folding.directory import Directory
from reference_folding.names import Binding, is_anonymous
from reference_folding.touches import MINUTE, History, Person, Touch, Witness

SESSION_GAP = 30 * MINUTE


def learn(history: History, directory: Directory) -> None:
    """Which identifiers profiles and logins name together, and who stood beside an anonymous id."""
    chats: set[tuple[str, ...]] = set()
    apps: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    said = []
    for w in history.all:
        e = w.event
        for p in e.parties:
            named = tuple(i for i in p.ids if not is_anonymous(i))
            if e.family == "identity" and e.channel == "chat":
                chats.add(named)
            elif e.family in ("identity", "app") or (e.family == "chat" and len(named) < len(p.ids)):
                apps[e.source].add(named)
                said.append((e, named, [i for i in p.ids if is_anonymous(i)]))
    names = directory.names
    names.learn(chats, apps)
    found = []
    for e, named, devices in said:
        if named:
            person = names.person(named, e.source, e.occurred_at) or names.stranger(named, e.source)
            found += [Binding(e.occurred_at, e.source, device, person) for device in devices]
    names.bindings = found


def sessions(history: History, directory: Directory) -> list[Touch]:
    """1.3: events of one user in one source, none longer than the gap after those before it."""
    users: dict[tuple[str, str | None], list[Witness]] = defaultdict(list)
    for w in history.current("app"):
        if not w.event.is_void:
            users[w.event.source, _user(w, directory)].append(w)
    touches = []
    for witnesses in users.values():
        witnesses.sort(key=lambda w: (w.event.occurred_at, w.event.sequence or "", w.event.source_event_id))
        found: list[list[Witness]] = []
        for w in witnesses:
            if found and w.event.occurred_at - found[-1][-1].event.occurred_at <= SESSION_GAP:
                found[-1].append(w)
            else:
                found.append([w])
        touches += [_session(history, directory, session) for session in found]
    return touches


def _user(w: Witness, directory: Directory) -> str | None:
    """The person, else the name that a stranger is known by, else the device."""
    e = w.event
    if not e.parties or not e.parties[0].ids:
        return None
    ids = e.parties[0].ids
    person = directory.person(ids, e.source, e.occurred_at)
    if person in directory.people:
        return person
    named = tuple(i for i in ids if not is_anonymous(i))
    return directory.names.stranger(named, e.source) if named else person or ids[0]


def _session(history: History, directory: Directory, session: list[Witness]) -> Touch:
    events = [w.event for w in session]
    parties = [p for e in events for p in e.parties]
    ids = tuple(dict.fromkeys(i for p in parties for i in p.ids))
    people = [Person(ids, "actor", parties[0].name, parties[0].side)] if parties else []
    told = [revision for w in session for revision in history.revisions(w)]
    t = Touch("app", told, "app", events[0].occurred_at, events[-1].occurred_at, people, kind="session")
    t.is_automated = all(e.is_automated for e in events)
    seconds: dict[str, int] = defaultdict(int)
    last: dict[str, int] = {}
    for n, e in enumerate(events):
        stay = events[n + 1].occurred_at - e.occurred_at if n + 1 < len(events) else 0
        t.dwell.append((e, stay))
        if e.page_path:
            seconds[e.page_path] += stay
            last[e.page_path] = n
    if seconds:
        t.page = max(seconds, key=lambda page: (seconds[page], last[page]))
    t.hint = next((e.account_hint for e in events if e.account_hint in directory.accounts), None)
    t.label = next((e.explicit_job for e in events if e.explicit_job), None)
    return t
