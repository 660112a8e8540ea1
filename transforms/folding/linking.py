"""Which events must be folded together: a fold key for each event, and the other keys that tie it to its neighbours.

Two events belong to one *folding group* if they share a key, directly or through others (connected components). Keys
only have to be wide enough: a group may hold several touchpoints, but no touchpoint may need another group's event.

===========  =====================================================================================================
prefix       what shares it
===========  =====================================================================================================
``m:``       one email by Message-ID, and whatever refers to it
``t:``       emails of one provider thread
``c:``       messages of one conversation, whether they tell their workspace or not
``a:``       one app user, the identifiers bound to that user in the same source, and live chats of that visitor
``p:``       all identifiers by which the directory knows one person, in one app
``i:``       an identity event that binds nothing inside a group (it acts through the directory)
``x:``       one meeting occurrence by dedupe key
``j:``       meetings that share a join key on a day (a recurring meeting's occurrences share it on different days)
``q:``       meetings that share a participant on a day
``o:``       meetings of one organiser that start around a midnight
``w:``       visits that share a participant around a midnight: where reports are made, that may be one day
``v:``       revisions of one native email or meeting record, whatever a correction changes or leaves out
===========  =====================================================================================================

Keys are made of identifiers, as events have them. That two identifiers are one person's only the directory knows: it ties the keys
of ``a:``, ``q:``, ``o:`` and ``w:`` that hold them (``pipelines.deriving.kin``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from transforms.event import Event, Party, system_of
from transforms.normal import ANONYMOUS, email_base, of_any_system
from transforms.times import DAY, HOUR

JOIN_REACH = 6 * HOUR
"""How far from its planned time a meeting may start and still be the occurrence that a shared join key means."""

START_REACH = HOUR // 4
"""How far from a midnight in UTC meetings of one organiser may start that are one beyond it. No more than it takes: days that are tied
to each other, one after another, would be folded together."""

KEYS = "2"
"""Which keys these are. A warehouse whose events have others gives its meetings' again (``pipelines.deriving.relink``)."""

OF_ONE_DAY = ("q:", "o:", "w:")
"""Prefixes of keys that say who and, behind an ``@``, on which day: days since the epoch."""

VISITS = ("onsite_visit", "trade_event")
VISIT_REACH = 6 * HOUR
"""How far apart two visits may be that are one, where midnight in UTC lies between them."""


def fold_key(event: Event) -> str:
    """The key of what the event itself is about; never empty, one per event."""
    family = event.family
    if family == "chat":
        return f"c:/{system_of(event.source)}/{event.conversation_id or event.dedupe_key}"
    if family == "app" or is_app_identity(event):
        return user_key(event.source, _user_id(event))
    if family == "email":
        return f"m:{event.message_id or event.dedupe_key}"
    if family == "identity":
        return f"i:{event.dedupe_key}"
    return f"x:{event.dedupe_key}"


def link_keys(event: Event) -> tuple[str, ...]:
    """Further keys, without ``fold_key``, each once and in a fixed order; most chat and app events have none."""
    family = event.family
    if family == "chat":
        return visitor_keys(event.source, event.parties)
    if family == "app" or is_app_identity(event):
        return user_keys(event.source, event.parties)[1:]
    if family == "email":
        keys = [f"m:{reference}" for reference in event.references]
        if event.conversation_id:
            keys.append(f"t:{event.source}/{event.conversation_id}")
        keys.append(f"v:{event.source}/{event.source_event_id}")
        return _without(fold_key(event), keys)
    if family == "identity":
        return ()
    return _without(fold_key(event), meeting_keys(event, _names))


def visitor_keys(source: str, parties: tuple[Party, ...]) -> tuple[str, ...]:
    """Of a chat: its visitor may be known by what he did in the app of the same source, and the other way round (R5)."""
    return user_keys(source, visitors(parties))


def visitors(parties: tuple[Party, ...]) -> tuple[Party, ...]:
    """Of a live chat's parties those who are users of the app that it is in: an anonymous id shows it. An agent has none."""
    return tuple(party for party in parties if any(one.startswith(ANONYMOUS) for one in party.ids))


def user_keys(source: str, parties: tuple[Party, ...]) -> tuple[str, ...]:
    """Of an app event: every identifier of the acting user, best first, which is its fold key; none where it goes by its user key,
    or by itself."""
    ids = dict.fromkeys(one for party in parties for one in party.ids)
    keys = [user_key(source, one) for one in ids]
    # R3: an address is its base address's, where somebody has that
    keys += [user_key(source, f"email:{email_base(one[6:])}") for one in ids if one.startswith("email:")]
    return tuple(dict.fromkeys(keys))


def user_key(source: str, identifier: str) -> str:
    """Of an app user by one identifier."""
    return f"a:/{system_of(source)}/{identifier}"


def person_key(source: str, person_id: str) -> str:
    """Of a person of the directory as a user of one app."""
    return f"p:/{system_of(source)}/{person_id}"


def is_app_identity(event: Event) -> bool:
    """An identify call of an app source binds ids inside that source (R5); a chat profile acts by the directory."""
    if event.family != "identity":
        return False
    if event.channel is not None:
        return event.channel == "app"
    return any(one.startswith(ANONYMOUS) for party in event.parties for one in party.ids)


def _user_id(event: Event) -> str:
    """The best identifier of the acting user; else the user key, else the event itself."""
    for party in event.parties:
        if party.ids:
            return party.ids[0]
    return event.conversation_id or event.dedupe_key


Names = Callable[[tuple[str, ...]], Iterable[str]]
"""A party's identifiers to what stands for it in a key."""


def meeting_keys(event: Event, names: Names) -> Iterator[str]:
    """Of a plan or a report of a meeting: two that share none must not be needed by one touchpoint."""
    start, end = event.occurred_at, max(event.ended_at or event.occurred_at, event.occurred_at)
    yield f"v:{event.source}/{event.source_event_id}"
    if event.join_keys:
        near = _days(start - JOIN_REACH, end + JOIN_REACH)
        for key in event.join_keys:
            for day in near:
                yield f"j:{key}@{day}"
    touched = _days(start, end)
    for one in _people(event, names):
        for day in touched:
            yield f"q:{one}@{day}"
    for midnight in _days(start - START_REACH, start + START_REACH)[1:]:
        for one in _organizers(event, names):
            yield f"o:{one}@{midnight}"
    if event.channel != "in_person" and event.medium not in VISITS:
        return
    for midnight in _days(start - VISIT_REACH, end + VISIT_REACH)[1:]:
        for one in _people(event, names):
            yield f"w:{one}@{midnight}"
    if (
        event.medium == "trade_event"
    ):  # one touchpoint by account and day, whoever stood there; a zone's days begin with it
        for day in _days(start - 12 * HOUR, end + 12 * HOUR):
            yield f"q:trade_event@{day}"


def _people(event: Event, names: Names) -> Iterator[str]:
    for party in event.parties:
        yield from names(party.ids)
    if event.organizer:
        yield from names((event.organizer,))


def _organizers(event: Event, names: Names) -> Iterator[str]:
    if event.organizer:
        yield from names((event.organizer,))
    for party in event.parties:
        if party.role == "organizer":
            yield from names(party.ids)


def _names(ids: tuple[str, ...]) -> Iterator[str]:
    """Identifiers, and those by which the directory knows whoever has them (R3): an address's base address, a device of any system."""
    for one in ids:
        yield one
        if one.startswith("email:"):
            base = f"email:{email_base(one[6:])}"
            if base != one:
                yield base
        elif one.startswith(ANONYMOUS):
            yield of_any_system(one)


def _days(start: int, end: int) -> range:
    """UTC days since the epoch that an interval touches; a runaway interval is cut at 32 of them."""
    first = start // DAY
    return range(first, min(end // DAY, first + 31) + 1)


def _without(own: str, keys: Iterator[str] | list[str]) -> tuple[str, ...]:
    return tuple(key for key in dict.fromkeys(keys) if key != own)
