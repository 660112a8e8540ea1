"""Chat scenes: conversations in bursts of one side, as Slack's events and as Intercom's webhooks."""

from __future__ import annotations

from typing import NamedTuple

from pipelines.simulate.clock import HOUR, MICROS, MINUTE
from pipelines.simulate.stage import Stage
from pipelines.simulate.words import ACKS, BOT_LINES, PAPERS, PLAIN_LINES, SUBJECTS, UNCLASSIFIED, Paper
from pipelines.simulate.world import COMPANY, Human

TEAM_ID = "T0VENDOR01"
STILL = (5, 200)
"""Seconds between two messages of a burst: clearly less than 300."""
PAUSE = (7 * MINUTE, 5 * HOUR)
"""Between two bursts of one side: clearly more."""


class Line(NamedTuple):
    """One message; ``at`` in microseconds."""

    at: int
    text: str
    paper: Paper | None = None


class Burst(NamedTuple):
    """Consecutive messages of one side with what they truly are."""

    side: str
    """buyer, seller or bot"""
    author: Human | None
    lines: tuple[Line, ...]
    kind: str
    job: str
    tags: tuple[str, ...]


def talk(stage: Stage, at: int, job: str, *, micro: bool, may_be_bot: bool) -> list[Burst]:
    """A conversation's bursts in order. ``micro``: the source's clock has microseconds."""
    rng, account = stage.rng, stage.account
    buyer, seller = stage.buyer(), account.team.lead
    side = "buyer" if rng.random() < 0.7 else "seller"
    bursts: list[Burst] = []
    now = at
    for number in range(rng.choice((1, 2, 2, 3, 3, 4))):
        if number:
            stays = rng.random() < 0.2 and side != "bot"
            now += rng.randrange(*PAUSE) if stays else rng.randrange(20, 3 * HOUR)
            if not stays:
                side = "seller" if side == "buyer" else "buyer"
                if side == "seller" and may_be_bot and rng.random() < 0.15:
                    side = "bot"
        is_reply = bool(bursts) and bursts[-1].side != side
        now = stage.moment(now)
        if now > stage.end - HOUR:
            break
        bursts.append(_burst(stage, now, side, bursts[-1] if is_reply else None, job, micro, buyer, seller))
        now = bursts[-1].lines[-1].at // MICROS
    return bursts


def _burst(
    stage: Stage, now: int, side: str, parent: Burst | None, job: str, micro: bool, buyer: Human, seller: Human
) -> Burst:
    rng = stage.rng
    tags: tuple[str, ...] = ()
    paper = None
    if side == "bot":
        first, own = "We have received your message.", parent.job if parent else UNCLASSIFIED
    elif parent is None:
        phrase = stage.phrase(SUBJECTS, job)
        first, own, tags = phrase.text + rng.choice(("", "?")), job, phrase.tags
    elif rng.random() < 0.15:
        first, own = rng.choice(ACKS), UNCLASSIFIED
    else:
        first, own = rng.choice(PLAIN_LINES), parent.job
        if side == "seller" and rng.random() < 0.12:
            paper = rng.choice(PAPERS)
            own = paper.job
    lines = [Line(_stamp(stage, now, micro), first, paper)]
    if first not in ACKS and side != "bot":
        for _ in range(rng.choice((0, 0, 1, 1, 2, 3))):
            now += rng.randrange(*STILL)
            lines.append(Line(_stamp(stage, now, micro), rng.choice(PLAIN_LINES)))
    author = {"buyer": buyer, "seller": seller}.get(side)
    return Burst(side, author, tuple(lines), "reply" if parent else "message", own, tags)


def _stamp(stage: Stage, seconds: int, micro: bool) -> int:
    return seconds * MICROS + (stage.rng.randrange(MICROS) if micro else 0)


def _tell(stage: Stage, key: str, burst: Burst, witnesses: int, *, is_ours: bool = True) -> None:
    is_buyer = burst.side == "buyer"
    stage.happened(
        key,
        "chat",
        "inbound" if is_buyer else "outbound",
        burst.kind,
        burst.lines[0].at,
        burst.lines[-1].at,
        job=burst.job,
        is_ours=is_ours,
        is_excused=burst.side == "bot" or not is_ours,
        messages=len(burst.lines),
        witnesses=witnesses,
        tags=burst.tags,
        engaged=(burst.author.key,) if is_buyer and burst.author else (),
    )


# Slack


def slack(stage: Stage, at: int, job: str) -> None:
    """A thread in the shared channel, or a direct conversation; sometimes an edit, a reaction, or a bot's digest."""
    rng = stage.rng
    if rng.random() < 0.05:
        _digest(stage, at)
        return
    bursts = talk(stage, at, job, micro=True, may_be_bot=False)
    if not bursts:
        return
    # Slack names no recipient: of a seller whom nobody answered, nobody can say whom it was for
    is_ours = any(burst.side == "buyer" for burst in bursts)
    is_thread = is_ours and sum(len(burst.lines) for burst in bursts) > 1 and rng.random() < 0.6
    channel = f"C{stage.account.number:09d}" if is_thread else f"D{stage.hex(9).upper()}"
    root = _ts(bursts[0].lines[0].at)
    for burst in bursts:
        edits = 0
        for line in burst.lines:
            assert burst.author is not None
            ts = _ts(line.at)
            thread = f',"thread_ts":"{root}"' if is_thread and ts != root else ""
            _said(stage, channel, burst.author.slack, line, thread)
            if rng.random() < 0.03:
                _edited(stage, channel, burst.author.slack, line, thread)
                edits += 1
            elif rng.random() < 0.06:
                _reacted(stage, channel, line)
        key = f"chat:/slack/{TEAM_ID}/{channel}/{_ts(burst.lines[0].at)}"
        _tell(stage, key, burst, len(burst.lines) + edits, is_ours=is_ours)


def _ts(micros: int) -> str:
    seconds, part = divmod(micros, MICROS)
    return f"{seconds}.{part:06d}"


def _envelope(stage: Stage, at: int, event: str, outcome: str) -> None:
    seconds = at // MICROS
    stage.put(
        "slack",
        seconds,
        f'{{"token":"example","team_id":"{TEAM_ID}","context_team_id":"{TEAM_ID}","context_enterprise_id":null,'
        f'"api_app_id":'
        f'"A0EXAMPLE","event":{event},"type":"event_callback","event_id":"Ev{stage.hex(10).upper()}",'
        f'"event_time":{seconds},'
        f'"authorizations":[{{"enterprise_id":null,"team_id":"{TEAM_ID}","user_id":"U0BRIDGE","is_bot":true,'
        f'"is_enterprise_install":false}}],"is_ext_shared_channel":true}}',
        outcome,
    )


def _text(line: Line) -> str:
    return f"{line.text} <https://assets.{COMPANY}/{line.paper.name}|{line.paper.name}>" if line.paper else line.text


def _said(stage: Stage, channel: str, user: str, line: Line, thread: str) -> None:
    ts, text = _ts(line.at), _text(line)
    kind = "channel" if channel[0] == "C" else "im"
    _envelope(
        stage,
        line.at,
        f'{{"user":"{user}","type":"message","ts":"{ts}","client_msg_id":"{stage.uuid()}","text":"{text}",'
        f'"team":"{TEAM_ID}",'
        f'"blocks":[{{"type":"rich_text","block_id":"b1","elements":[{{"type":"rich_text_section","elements":'
        f'[{{"type":"text",'
        f'"text":"{text}"}}]}}]}}]{thread},"channel":"{channel}","event_ts":"{ts}","channel_type":"{kind}"}}',
        "accepted",
    )


def _edited(stage: Stage, channel: str, user: str, line: Line, thread: str) -> None:
    edited_at = line.at + stage.rng.randrange(20, 600) * MICROS
    ts, edited, text = _ts(line.at), _ts(edited_at), _text(line)
    body = f'"type":"message","user":"{user}","ts":"{ts}","text":"{text}"{thread}'
    _envelope(
        stage,
        edited_at,
        f'{{"type":"message","subtype":"message_changed","message":{{{body},"edited":{{"user":"{user}","ts":'
        f'"{edited}"}}}},'
        f'"previous_message":{{{body}}},"channel":"{channel}","hidden":true,"ts":"{edited}","event_ts":"{edited}"}}',
        "accepted",
    )


def _reacted(stage: Stage, channel: str, line: Line) -> None:
    at = line.at + 30 * MICROS
    user = stage.account.team.lead.slack
    _envelope(
        stage,
        at,
        f'{{"type":"reaction_added","user":"{user}","reaction":"thumbsup","item":{{"type":"message","channel":'
        f'"{channel}","ts":'
        f'"{_ts(line.at)}"}},"item_user":"{user}","event_ts":"{_ts(at)}"}}',
        "ignored",
    )


def _digest(stage: Stage, at: int) -> None:
    """A bot speaks where nobody else does: kept, automated, and about no account."""
    at = stage.moment(at)
    moment = _stamp(stage, at, True)
    ts, channel = _ts(moment), f"D{stage.hex(9).upper()}"
    text = stage.rng.choice(BOT_LINES)
    _envelope(
        stage,
        moment,
        f'{{"type":"message","subtype":"bot_message","ts":"{ts}","text":"{text}","bot_id":"B0DIGEST1",'
        f'"username":"digest",'
        f'"channel":"{channel}","event_ts":"{ts}","channel_type":"im"}}',
        "accepted",
    )
    key = f"chat:/slack/{TEAM_ID}/{channel}/{ts}"
    stage.happened(key, "chat", "outbound", "message", moment, moment, is_ours=False, is_excused=True)


# Intercom


def intercom(stage: Stage, at: int, job: str) -> None:
    """A conversation; each webhook after the first message repeats that one, as Intercom's do."""
    bursts = talk(stage, at, job, micro=False, may_be_bot=True)
    if not bursts:
        return
    rng = stage.rng
    conversation = f"{rng.randrange(10**11, 10**12)}"
    contact = next((b.author for b in bursts if b.side == "buyer" and b.author), None) or stage.buyer()
    messages: list[tuple[Burst, Line, str]] = []
    for burst in bursts:
        own = [(burst, line, f"{rng.randrange(10**10, 10**11)}") for line in burst.lines]
        _tell(stage, f"chat:/intercom/{conversation}/{own[0][2]}", burst, len(own))
        messages += own
    opening = messages[0]
    if len(messages) == 1:
        topic = "conversation.user.created" if opening[0].side == "buyer" else "conversation.admin.single.created"
        _webhook(stage, conversation, contact, topic, opening, None)
    for message in messages[1:]:
        topic = "conversation.user.replied" if message[0].side == "buyer" else "conversation.admin.replied"
        _webhook(stage, conversation, contact, topic, opening, message)
    if rng.random() < 0.25:
        _webhook(stage, conversation, contact, "conversation.read", opening, None)


def _author(burst: Burst) -> str:
    who = burst.author
    if who is None:
        return f'{{"type":"bot","id":"0","name":"Helper","email":"helper@{COMPANY}"}}'
    if burst.side == "buyer":
        return f'{{"type":"user","id":"{who.intercom}","name":"{who.name}","email":"{who.email}"}}'
    return f'{{"type":"admin","id":"{who.intercom}","name":"{who.name}","email":"{who.email}"}}'


def _body(line: Line) -> str:
    link = f' <a href=\\"https://assets.{COMPANY}/{line.paper.name}\\">{line.paper.name}</a>' if line.paper else ""
    return f"<p>{line.text}{link}</p>"


def _webhook(
    stage: Stage,
    conversation: str,
    contact: Human,
    topic: str,
    opening: tuple[Burst, Line, str],
    message: tuple[Burst, Line, str] | None,
) -> None:
    burst, line, part_id = opening
    created = line.at // MICROS
    heard = (message[1].at if message else line.at) // MICROS
    part = ""
    if message is not None:
        part = (
            f'{{"type":"conversation_part","id":"{message[2]}","part_type":"comment","body":'
            f'"{_body(message[1])}","created_at":'
            f'{heard},"updated_at":{heard},"notified_at":{heard},"assigned_to":null,"author":{_author(message[0])},'
            f'"attachments":[],"external_id":null,"redacted":false}}'
        )
    begun = "customer_initiated" if burst.side == "buyer" else "admin_initiated"
    stage.put(
        "intercom",
        heard,
        f'{{"type":"notification_event","app_id":"vendor-app","topic":"{topic}","id":"notif_{stage.uuid()}",'
        f'"created_at":{heard},'
        f'"first_sent_at":{heard},"data":{{"type":"notification_event_data","item":{{"type":"conversation",'
        f'"id":"{conversation}",'
        f'"created_at":{created},"updated_at":{heard},"source":{{"type":"conversation","id":"{part_id}",'
        f'"delivered_as":"{begun}",'
        f'"subject":"","body":"{_body(line)}","author":{_author(burst)},"attachments":[],"url":"https:'
        f'//www.{COMPANY}/"}},'
        f'"contacts":{{"type":"contact.list","contacts":[{{"type":"contact","id":"{contact.intercom}",'
        f'"external_id":null}}]}},'
        f'"state":"open","open":true,"read":false,"conversation_parts":{{"type":"conversation_part.list",'
        f'"conversation_parts":'
        f'[{part}],"total_count":{int(message is not None)}}}}}}}}}',
        "ignored" if topic == "conversation.read" else "accepted",
    )
