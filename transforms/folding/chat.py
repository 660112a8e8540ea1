"""Chat: bursts of consecutive messages of one conversation by one side (semantics 1.3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from transforms.crm.directory import ResolvedParty
from transforms.event import Event, Party, Witness, system_of
from transforms.folding.common import (
    OURS,
    PARTNER,
    AssetTrace,
    Draft,
    Fact,
    Resolver,
    Seat,
    Workbench,
    bridge,
    channel_and_medium,
    first_known,
    hear_account,
    new_row,
    recognise,
    set_assets,
)
from transforms.folding.copies import told_once
from transforms.normal import clean_subject, is_salutation, names_of

NOBODY = Party((), "actor")

Stream = tuple[str, str, str]
"""(source, conversation, root of the thread or ""): what "consecutive" is relative to."""


class Message(msgspec.Struct, gc=False):
    """One chat message with its author resolved."""

    fact: Fact
    occurred_at: int
    author: ResolvedParty
    side: str
    """The author's; a stranger in the conversation of one customer is a buyer (semantics 2.3, P5)."""

    @property
    def voice(self) -> tuple[str, bool]:
        """What one burst has of: what is sent in somebody's name by a campaign is not what they write themselves."""
        return self.side, self.fact.event.is_automated


class Burst(msgspec.Struct, gc=False):
    """Consecutive messages by one side; voided ones go along without being part of it."""

    messages: list[Message]
    voided: list[Message]


def fold_chats(facts: Sequence[Fact], resolve: Resolver, bench: Workbench) -> list[Draft]:
    """Facts of family ``chat`` to drafts, one a burst, with recipients, threads and parents set."""
    facts = told_once(facts, bench.directory.known_account)
    resolve = by_conversation(facts, resolve)
    roots = {(e.source, e.conversation_id or "", e.thread_id) for fact in facts if (e := fact.event).thread_id}
    streams: dict[Stream, list[Message]] = {}
    for fact in facts:
        author = resolve(fact.event, author_of(fact.event))
        message = Message(fact, fact.event.occurred_at, author, author.side)
        stream = stream_of(fact.event, roots)
        if stream in streams:
            streams[stream].append(message)
        else:
            streams[stream] = [message]
    everyone: dict[tuple[str, str], list[Message]] = {}
    for stream, messages in streams.items():
        messages.sort(key=message_order)
        everyone.setdefault(stream[:2], []).extend(messages)
    for messages in everyone.values():
        settle_strangers(messages)
    voices = {conversation: Voices.of(messages) for conversation, messages in everyone.items()}
    drafts: list[Draft] = []
    for stream, messages in streams.items():
        audience = Audience(messages, voices[stream[:2]], stream[2])
        drafts.extend(_fold_stream(stream, messages, audience, resolve, bench))
    return drafts


def at_home(witnesses: Sequence[Witness]) -> Sequence[Witness]:
    """Chat messages that tell no workspace (a history file's) as messages of the one that their conversation is known in, if it is one.

    Then what a history and a live feed both tell is one record, and an edit or a deletion in the one finds it in the other.
    """
    if len({w.event.source for w in witnesses}) < 2:
        return witnesses
    homes: dict[tuple[str, str | None], set[str]] = {}
    for witness in witnesses:
        event = witness.event
        if event.family == "chat" and (system := f"/{system_of(event.source)}") != event.source:
            homes.setdefault((system, event.conversation_id), set()).add(event.source)
    only = {conversation: found.pop() for conversation, found in homes.items() if len(found) == 1}
    return [_moved(witness, only) for witness in witnesses] if only else witnesses


def _moved(witness: Witness, homes: Mapping[tuple[str, str | None], str]) -> Witness:
    event = witness.event
    home = homes.get((event.source, event.conversation_id)) if event.family == "chat" else None
    if home is None:
        return witness
    key = event.dedupe_key.replace(f"chat:{event.source}/", f"chat:{home}/", 1)
    return msgspec.structs.replace(witness, event=msgspec.structs.replace(event, source=home, dedupe_key=key))


def by_conversation(facts: Sequence[Fact], resolve: Resolver) -> Resolver:
    """Resolves whom a message names by a native id alone as the one whom their conversation names by that id and more.

    A conversation's list of people often holds ids where its messages hold addresses. An id that comes with different
    addresses is left as it is; where some messages tell more of it than others, it is what the fullest says, if that says it all.
    """
    fuller: dict[tuple[str, str | None, str], set[tuple[str, ...]]] = {}
    for fact in facts:
        event = fact.event
        for party in event.parties:
            if len(party.ids) > 1:
                fuller.setdefault((event.source, event.conversation_id, party.ids[0]), set()).add(party.ids)
    if not fuller:
        return resolve
    only = {key: most for key, told in fuller.items() if (most := _fullest(told)) is not None}

    def resolved(event: Event, party: Party) -> ResolvedParty:
        if len(party.ids) == 1:
            ids = only.get((event.source, event.conversation_id, party.ids[0]))
            if ids is not None:
                party = msgspec.structs.replace(party, ids=ids)
        return resolve(event, party)

    return resolved


def _fullest(told: Collection[tuple[str, ...]]) -> tuple[str, ...] | None:
    """What is told of one id where that is one thing, else the names that hold all the others, whatever the devices beside them."""
    if len(told) == 1:
        return next(iter(told))
    most, *others = sorted({names_of(ids) for ids in told}, key=lambda names: (-len(names), names))
    return most if len(most) > 1 and all(set(most).issuperset(names) for names in others) else None


def settle_strangers(conversation: Sequence[Message]) -> None:
    """Who is known to nobody is of the buyer's side where all that are known belong to one account (A5, then P5)."""
    strangers = [message for message in conversation if message.side == "unknown"]
    if not strangers:
        return
    accounts: set[str] = set()
    for message in conversation:
        author = message.author
        if message.side == "buyer":
            accounts.update((author.account_id,) if author.account_id is not None else author.domain_accounts)
    if len(accounts) == 1:
        for message in strangers:
            message.side = "buyer"


def author_of(event: Event) -> Party:
    return next((party for party in event.parties if party.role == "actor"), NOBODY)


def stream_of(event: Event, roots: set[tuple[str, str, str]]) -> Stream:
    """A thread's messages, its root among them, are a stream of their own; all else is the conversation's."""
    conversation = event.conversation_id or ""
    if event.thread_id:
        return (event.source, conversation, event.thread_id)
    if roots:
        for own in own_ids(event):
            if (event.source, conversation, own) in roots:
                return (event.source, conversation, own)
    return (event.source, conversation, "")


def own_ids(event: Event) -> tuple[str, str]:
    """By which of its ids a thread may name the message that it begins with."""
    return event.source_event_id, event.dedupe_key.rpartition("/")[2]


def message_order(message: Message) -> tuple[int, str, str]:
    return (message.occurred_at, message.fact.event.sequence or "", message.fact.event.source_event_id)


def bursts(messages: Sequence[Message], gap: int) -> list[Burst]:
    """Ordered messages of one stream to bursts: a new one where the side changes or more than ``gap`` has passed.

    Voided messages break and bridge nothing. Each goes along with the first burst of its side that is at most ``gap``
    away; those that find none are bursts of their own, of voided messages only.
    """
    living = runs((message for message in messages if not message.fact.is_void), gap)
    homeless: list[Message] = []
    for message in messages:
        if message.fact.is_void:
            home = first_known(burst if _reaches(burst, message, gap) else None for burst in living)
            if home is None:
                homeless.append(message)
            else:
                home.voided.append(message)
    if not homeless:
        return living
    return sorted(living + runs(homeless, gap), key=lambda burst: message_order(burst.messages[0]))


def runs(messages: Iterable[Message], gap: int) -> list[Burst]:
    """Maximal runs of one side with no pause longer than ``gap`` microseconds; what is automated is apart."""
    found: list[Burst] = []
    voice, latest = ("", False), 0
    for message in messages:
        if message.voice != voice or message.occurred_at - latest > gap:
            found.append(Burst([message], []))
            voice = message.voice
        else:
            found[-1].messages.append(message)
        latest = message.occurred_at
    return found


def _reaches(burst: Burst, message: Message, gap: int) -> bool:
    first, last = burst.messages[0], burst.messages[-1]
    return first.voice == message.voice and first.occurred_at - gap <= message.occurred_at <= last.occurred_at + gap


class Voices(msgspec.Struct, gc=False):
    """Who writes in a conversation, all its threads together."""

    authors: list[ResolvedParty]
    since: dict[str, int]
    """When each seller first wrote, by party_id."""

    @staticmethod
    def of(conversation: Sequence[Message]) -> Voices:
        since: dict[str, int] = {}
        for message in conversation:
            if message.side == "seller":
                who, at = message.author.party_id, message.occurred_at
                since[who] = min(since.get(who, at), at)
        return Voices(_authors(conversation), since)


class Audience:
    """Whom a burst reaches where the source names no recipients: the authors of the other side.

    Those of the same thread if there are any, else those of the whole conversation: a seller's answer in a channel that
    a buyer writes in is outbound to that buyer. What we or a partner say outside threads, or begin one with, everybody sees who writes
    in any of them. A partner has customers before him in a thread of his own too. A seller who had not written there yet is in copy: he
    was there, as his answer shows, but it is not he to whom the buyer turned.
    """

    def __init__(self, stream: Sequence[Message], conversation: Voices, root: str) -> None:
        near, far = _authors(stream), conversation.authors
        self._root = root
        self.everybody = [a for a in far if a.side not in OURS]
        self.outside = [a for a in near if a.side not in OURS] or self.everybody
        self.all_customers = _customers(far)
        self.customers = _customers(near) or self.all_customers
        self.sellers = [a for a in near if a.side == "seller"] or [a for a in far if a.side == "seller"]
        self.is_bot_only = not self.sellers and any(author.side == "system" for author in near)
        self._since = conversation.since

    def of(self, messages: Sequence[Message]) -> list[tuple[ResolvedParty, str]]:
        """Whom the messages of a burst reach, each with a role."""
        side, at = messages[0].author.side, messages[0].occurred_at
        is_open = not self._root or any(self._root in own_ids(message.fact.event) for message in messages)
        if side in OURS:
            return [(author, "to") for author in (self.everybody if is_open else self.outside)]
        sellers = [(one, "to" if self._since.get(one.party_id, at) <= at else "cc") for one in self.sellers]
        if side == PARTNER:  # speaks before the customer, if one is there
            sellers += [(author, "to") for author in (self.all_customers if is_open else self.customers)]
        return sellers


def _customers(authors: Iterable[ResolvedParty]) -> list[ResolvedParty]:
    return [author for author in authors if author.side not in OURS and author.side != PARTNER]


def _authors(messages: Iterable[Message]) -> list[ResolvedParty]:
    # a colleague's machine writes in his name: that is another side, and another author
    found = {(message.author.party_id, message.author.side): message.author for message in messages}
    return [found[key] for key in sorted(found)]


def _fold_stream(
    stream: Stream, messages: Sequence[Message], audience: Audience, resolve: Resolver, bench: Workbench
) -> list[Draft]:
    source, conversation, root = stream
    account_thread = f"{source}/{conversation}"
    thread_id = f"{account_thread}/{root}" if root else account_thread
    drafts: list[Draft] = []
    previous: Draft | None = None
    side = ""  # of ``previous``
    for burst in bursts(messages, bench.settings.chat_burst_gap):
        draft = _draft(burst, audience, resolve, bench)
        draft.row.thread_id = thread_id
        draft.account_thread = account_thread if conversation else None
        if previous is not None and side != burst.messages[0].side:
            draft.parent = previous
            draft.row.in_reply_to = previous.row.touchpoint_id
            draft.row.is_reply = True
            if draft.row.interaction_kind == "message":
                draft.row.interaction_kind = "reply"
        if not draft.row.is_voided:
            previous, side = draft, burst.messages[0].side
        drafts.append(draft)
    return drafts


def _draft(burst: Burst, audience: Audience, resolve: Resolver, bench: Workbench) -> Draft:
    first, last = burst.messages[0], burst.messages[-1]
    facts = [message.fact for message in burst.messages]
    events = [fact.event for fact in facts]
    event = first.fact.event
    channel, medium = channel_and_medium(event, "chat", bench.settings.phone_call_channel)
    row = new_row(
        first.fact,
        event.dedupe_key,
        occurred_at=first.occurred_at,
        ended_at=last.occurred_at,
        channel=channel,
        medium=medium,
        kind=event.interaction_kind or "message",
    )
    row.is_voided = first.fact.is_void
    row.message_count = len(events)
    opening = first_words([one.subject_text or one.first_line for one in events])
    row.subject_text = opening if bench.settings.chat_subject_text else None
    seats = _seats(burst, audience, resolve)
    draft = Draft(
        row=row,
        seats=seats,
        actor=seats[0],
        events=bridge(facts, "burst"),
        stated_direction=event.direction,
        first_line=first_words(own_lines([one.first_line or one.subject_text for one in events])),
        opening=opening,
        is_bot_only=audience.is_bot_only,
    )
    bridge((message.fact for message in burst.voided), "void", draft.events)
    _gather(draft, facts, events, bench)
    draft.assets = [
        AssetTrace(asset, "share", message.occurred_at, message.author.party_id)
        for message in burst.messages
        for asset in recognise(bench.assets, message.fact.event)
    ]
    if draft.assets:
        set_assets(draft)
    return draft


def first_words(lines: Iterable[str | None]) -> str | None:
    """The first 120 characters of a burst (semantics 1.1, ``subject_text``), of what its messages begin with."""
    return clean_subject(" ".join(line for line in lines if line), 120)


def own_lines(lines: Iterable[str | None]) -> list[str]:
    """Without those before the first that does more than greet, if there is one."""
    spoken = [line for line in lines if line]
    first = next((n for n, line in enumerate(spoken) if not is_salutation(line)), 0)
    return spoken[first:]


def _gather(draft: Draft, facts: Sequence[Fact], events: Sequence[Event], bench: Workbench) -> None:
    """What all messages of a burst say together."""
    row = draft.row
    lines: list[str] = []
    tags: set[str] = set()
    for fact, event in zip(facts, events, strict=True):
        row.content_chars += event.content_chars or 0
        row.is_automated = row.is_automated or event.is_automated
        if fact.received_at < row.received_at:
            row.received_at = fact.received_at
        if event.revision > row.revision:
            row.revision = event.revision
        if event.has_question is not None:
            draft.has_question = bool(draft.has_question) or event.has_question
        line = event.first_line or event.subject_text
        if line:
            lines.append(line)
        tags.update(event.tags)
        draft.account_hint = draft.account_hint or bench.directory.known_account(event.account_hint)
        draft.opportunity_hint = draft.opportunity_hint or event.opportunity_hint
        draft.explicit_job = draft.explicit_job or event.explicit_job
    if draft.account_hint is None:
        draft.account_hint = bench.directory.profile_account(party for event in events for party in event.parties)
    draft.text = "\n".join(lines) or None
    draft.stated_tags = tuple(sorted(tags))


def _seats(burst: Burst, audience: Audience, resolve: Resolver) -> list[Seat]:
    """The first author as actor, other authors of the burst, then whom the source or the thread names as reached."""
    seats: dict[str, Seat] = {}
    for message in burst.messages:
        author = message.author
        if author.party_id in seats:
            hear_account(seats[author.party_id], author)
        else:
            role = "attendee" if seats else "actor"
            seats[author.party_id] = Seat(author, role, author.side, message.fact.event.source)
    is_addressed = False
    for message in burst.messages:
        event = message.fact.event
        if len(event.parties) > 1:
            for party in event.parties:
                if party.role != "actor" and (party.ids or party.name):  # else it says that there is somebody, not who
                    is_addressed = True
                    found = resolve(event, party)
                    if found.party_id not in seats:
                        seats[found.party_id] = Seat(found, party.role, found.side, event.source)
    if not is_addressed:
        first = burst.messages[0]
        for found, role in audience.of(burst.messages):
            if found.party_id not in seats:
                seats[found.party_id] = Seat(found, role, found.side, first.fact.event.source)
    return list(seats.values())
