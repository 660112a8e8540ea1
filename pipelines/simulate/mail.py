"""Email scenes: threads, in mailboxes as RFC 5322 and as the Gmail API gives them; machines' mail beside people's."""

from __future__ import annotations

import base64
from typing import NamedTuple

from pipelines.simulate.clock import DAY, HOUR, MINUTE, rfc5322
from pipelines.simulate.stage import Stage, micros
from pipelines.simulate.words import ACKS, PAPERS, PARAGRAPHS, PLAIN_LINES, SUBJECTS, UNCLASSIFIED, Paper
from pipelines.simulate.world import COMPANY, Human

BOUNDARY = "=_part_8f31"


class Letter(NamedTuple):
    """One message as it was sent; ``at`` in seconds."""

    message_id: str
    at: int
    sender: tuple[str, str]
    """Name and address."""
    to: tuple[str, str]
    cc: tuple[tuple[str, str], ...]
    subject: str
    references: tuple[str, ...]
    body: str
    paper: Paper | None = None
    extra: tuple[tuple[str, str], ...] = ()


def thread(stage: Stage, at: int, job: str) -> None:
    """A thread of one to four messages between one buyer and the account executive, or something rarer."""
    fate = stage.rng.random()
    if fate < 0.04:
        _stranger(stage, at, job)
    elif fate < 0.08:
        _newsletter(stage, at)
    elif fate < 0.09:
        _receipt(stage, at)
    elif fate < 0.11:
        _bounce(stage, at)
    else:
        _exchange(stage, at, job)


def _exchange(stage: Stage, at: int, job: str) -> None:
    rng, account = stage.rng, stage.account
    buyer, seller = _writer(stage), account.team.lead
    phrase = stage.phrase(SUBJECTS, job)
    is_buyers = rng.random() < 0.6
    subject = phrase.text + ("?" if is_buyers and rng.random() < 0.5 else "")
    provider = stage.hex(16)
    sent: list[Letter] = []
    parent_job = job
    for number in range(rng.choice((1, 2, 2, 3, 4))):
        at = stage.moment(at)
        if at > stage.end - HOUR:
            return
        paper = None
        by_stranger = False
        if number == 0:
            own, first, tags = job, f"Hello {'Sam' if is_buyers else buyer.name.split()[0]},", phrase.tags
        elif rng.random() < 0.15:
            own, first, tags = UNCLASSIFIED, rng.choice(ACKS), ()
        else:
            own, first, tags = parent_job, rng.choice(PLAIN_LINES), ()
            by_stranger = is_buyers and rng.random() < 0.04
        if not is_buyers and first not in ACKS and rng.random() < 0.25:
            paper = rng.choice(PAPERS)
            own = paper.job
        sender, receiver = _ends(stage, buyer, seller, is_buyers, by_stranger)
        cc = _copies(stage, buyer)
        letter = Letter(
            _message_id(stage, sender[1]), at, sender, receiver, cc, ("Re: " if number else "") + subject,
            tuple(one.message_id for one in sent), _body(stage, first, sender[0], sent[-1] if sent else None), paper,
        )  # fmt: skip
        sent.append(letter)
        who = f"email:{account.stranger}" if by_stranger else buyer.key
        _tell(stage, letter, provider, is_buyers, own, tags, (who,) if is_buyers else ())
        if not is_buyers and rng.random() < 0.04:
            _absent(stage, buyer, letter, provider, own)
        parent_job = own
        at += rng.randrange(10 * MINUTE, DAY)
        is_buyers = not is_buyers if rng.random() < 0.9 else is_buyers


def _writer(stage: Stage) -> Human:
    """A buyer; sometimes one whom the directory does not list."""
    return stage.account.newcomer if stage.rng.random() < 0.06 else stage.buyer()


def _ends(
    stage: Stage, buyer: Human, seller: Human, is_buyers: bool, by_stranger: bool
) -> tuple[tuple[str, str], tuple[str, str]]:
    address = buyer.alias if buyer.alias and stage.rng.random() < 0.3 else buyer.email
    theirs = (buyer.name, stage.account.stranger) if by_stranger else (buyer.name, address)
    ours = (seller.name, seller.email)
    return (theirs, ours) if is_buyers else (ours, theirs)


def _copies(stage: Stage, buyer: Human) -> tuple[tuple[str, str], ...]:
    fate = stage.rng.random()
    if fate < 0.15:
        other = stage.buyer()
        return ((other.name, other.email),) if other.key != buyer.key else ()
    if fate < 0.25:
        engineer = stage.account.team.engineer
        return ((engineer.name, engineer.email),)
    return ()


def _body(stage: Stage, first: str, name: str, quoted: Letter | None) -> str:
    rng = stage.rng
    text = f"{first}\n\n{rng.choice(PARAGRAPHS)}\n\n{name.split()[0]}\n"
    if quoted is not None and rng.random() < 0.5:
        lines = "\n".join(f"> {line}" for line in quoted.body.split("\n")[:3])
        text += f"\nOn Mon, 2 Mar 2026 at 11:00, {quoted.sender[0]} wrote:\n{lines}\n"
    return text


def _message_id(stage: Stage, address: str) -> str:
    return f"{stage.hex(24)}@mail.{address.rpartition('@')[2]}"


def _tell(
    stage: Stage,
    letter: Letter,
    provider: str,
    is_buyers: bool,
    job: str,
    tags: tuple[str, ...] = (),
    engaged: tuple[str, ...] = (),
    *,
    is_ours: bool = True,
    is_excused: bool = False,
    status: str = "held",
) -> None:
    """Put the letter where it was kept, in one kind of mailbox or both, and write it down."""
    witnesses = deliver(stage, letter, provider)
    stage.happened(
        f"email:{letter.message_id}",
        "email",
        "inbound" if is_buyers else "outbound",
        "reply" if letter.references else "message",
        micros(letter.at),
        micros(letter.at),
        job=job,
        is_ours=is_ours,
        is_excused=is_excused,
        status=status,
        witnesses=witnesses,
        tags=tags,
        engaged=engaged,
    )


# rarer mail


def _stranger(stage: Stage, at: int, job: str) -> None:
    """Somebody writes from a free-mail address: nobody knows for whom."""
    seller = stage.account.team.lead
    sender = ("Kim Weber", stage.account.stranger)
    at = stage.moment(at)
    phrase = stage.phrase(SUBJECTS, job)
    letter = Letter(
        _message_id(stage, sender[1]), at, sender, (seller.name, seller.email), (), phrase.text, (),
        _body(stage, "Hello,", sender[0], None),
    )  # fmt: skip
    _tell(stage, letter, stage.hex(16), True, job, phrase.tags, is_ours=False)


def _newsletter(stage: Stage, at: int) -> None:
    buyer = stage.buyer()
    at = stage.moment(at)
    letter = Letter(
        _message_id(stage, f"news@{COMPANY}"), at, ("Vendor News", f"news@{COMPANY}"), (buyer.name, buyer.email), (),
        "News from the autumn release", (), _body(stage, "Dear reader,", "Vendor News", None), None,
        (("List-Id", f"News <news.{COMPANY}>"), ("Precedence", "bulk")),
    )  # fmt: skip
    _tell(stage, letter, stage.hex(16), False, UNCLASSIFIED, is_excused=True)


def _absent(stage: Stage, buyer: Human, cause: Letter, provider: str, parent_job: str) -> None:
    at = stage.moment(cause.at + stage.rng.randrange(2, 60))
    letter = Letter(
        _message_id(stage, buyer.email), at, (buyer.name, buyer.email), cause.sender, (),
        f"Automatic reply: {cause.subject}",
        (*cause.references, cause.message_id), "I am out of the office until Monday.\n", None,
        (("Auto-Submitted", "auto-replied"),),
    )  # fmt: skip
    _tell(stage, letter, provider, True, parent_job, is_excused=True, status="auto_reply")


def _bounce(stage: Stage, at: int) -> None:
    """A delivery failure: kept, bounced, and about no account, since nobody but a machine wrote it."""
    seller = stage.account.team.lead
    at = stage.moment(at)
    domain = stage.account.domain
    letter = Letter(
        _message_id(stage, f"x@{domain}"), at, ("Mail Delivery System", f"mailer-daemon@{domain}"),
        (seller.name, seller.email), (), "Undelivered Mail Returned to Sender", (), "REPORT", None,
        (("Auto-Submitted", "auto-replied"),),
    )  # fmt: skip
    _tell(stage, letter, stage.hex(16), True, UNCLASSIFIED, is_ours=False, is_excused=True, status="bounced")


def _receipt(stage: Stage, at: int) -> None:
    buyer, seller = stage.buyer(), stage.account.team.lead
    letter = Letter(
        _message_id(stage, buyer.email), at, (buyer.name, buyer.email), (seller.name, seller.email), (),
        "Read: Next week", (), "RECEIPT",
    )  # fmt: skip
    stage.put("email", at, rfc822(letter), "ignored")


# how it is kept


def deliver(stage: Stage, letter: Letter, provider: str) -> int:
    """Into a mailbox, into Gmail, or both; returns in how many it lies. ``provider``: Gmail's id of the thread."""
    fate = stage.rng.random()
    kept = 0
    if fate < 0.65:
        stage.put("email", letter.at, rfc822(letter), "accepted")
        kept += 1
    if fate >= 0.35:
        stage.put("gmail", letter.at, _gmail(stage, letter, provider), "accepted")
        kept += 1
    if stage.rng.random() < 0.04:
        stage.put("gmail", letter.at, _draft(stage, letter), "ignored")
    return kept


def _headers(letter: Letter) -> list[tuple[str, str]]:
    name, address = letter.sender
    found = [
        ("Message-ID", f"<{letter.message_id}>"),
        ("Date", rfc5322(letter.at)),
        ("From", f"{name} <{address}>"),
        ("To", f"{letter.to[0]} <{letter.to[1]}>"),
    ]
    if letter.cc:
        found.append(("Cc", ", ".join(f"{one} <{two}>" for one, two in letter.cc)))
    found.append(("Subject", letter.subject))
    if letter.references:
        found.append(("In-Reply-To", f"<{letter.references[-1]}>"))
        found.append(("References", " ".join(f"<{one}>" for one in letter.references)))
    return [*found, *letter.extra, ("MIME-Version", "1.0")]


_FAILED = (
    "Content-Type: text/plain; charset=utf-8\n\nYour message could not be delivered.\n--{0}\n"
    "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; nobody@{1}\n"
    "Action: failed\nStatus: 5.1.1\n--{0}--\n"
)
_READ = (
    "Content-Type: text/plain; charset=utf-8\n\nYour message was displayed.\n--{0}\nContent-Type: "
    "message/disposition-notification\n\nFinal-Recipient: rfc822; {1}\nDisposition: manual-action/MDN-sent-manually; "
    "displayed\n--{0}--\n"
)
_FILE = "JVBERi0xLjQgYSBwbGFjZWhvbGRlciwgbm90IGEgZG9jdW1lbnQK"


def rfc822(letter: Letter) -> str:
    """The message's text with LF line ends."""
    head = "".join(f"{name}: {value}\n" for name, value in _headers(letter))
    if letter.body == "REPORT":
        report = _FAILED.format(BOUNDARY, letter.sender[1].rpartition("@")[2])
        kind = f'multipart/report; report-type=delivery-status; boundary="{BOUNDARY}"'
        return f"{head}Content-Type: {kind}\n\n--{BOUNDARY}\n{report}"
    if letter.body == "RECEIPT":
        report = _READ.format(BOUNDARY, letter.sender[1])
        return (
            f"{head}Content-Type: multipart/report; report-type=disposition-notification; "
            f'boundary="{BOUNDARY}"\n\n--{BOUNDARY}\n{report}'
        )
    if letter.paper is None:
        return f"{head}Content-Type: text/plain; charset=utf-8\n\n{letter.body}"
    name = f"{letter.paper.name}-2026.pdf"
    return (
        f'{head}Content-Type: multipart/mixed; boundary="{BOUNDARY}"\n\n--{BOUNDARY}\nContent-Type: '
        f"text/plain; charset=utf-8\n\n"
        f'{letter.body}--{BOUNDARY}\nContent-Type: application/pdf; name="{name}"\nContent-Disposition: attachment; '
        f'filename="{name}"\nContent-Transfer-Encoding: base64\n\n{_FILE}\n--{BOUNDARY}--\n'
    )


def _gmail(stage: Stage, letter: Letter, provider: str) -> str:
    labels = '"SENT"' if letter.sender[1].endswith(COMPANY) else '"INBOX","IMPORTANT"'
    return _resource(stage, letter, provider, labels)


def _draft(stage: Stage, letter: Letter) -> str:
    return _resource(stage, letter._replace(message_id=_message_id(stage, COMPANY)), stage.hex(16), '"DRAFT"')


def _resource(stage: Stage, letter: Letter, provider: str, labels: str) -> str:
    native = stage.hex(16)
    body = "Delivery has failed." if letter.body == "REPORT" else letter.body
    data = base64.urlsafe_b64encode(body.encode()).decode()
    snippet = body[:60].replace("\n", " ")
    kind = "multipart/report" if letter.body == "REPORT" else "multipart/mixed" if letter.paper else "text/plain"
    headers = ",".join(f'{{"name":"{name}","value":"{value}"}}' for name, value in _headers(letter))
    text = f'"body":{{"size":{len(body)},"data":"{data}"}}'
    if letter.body == "REPORT":
        headers += ',{"name":"Content-Type","value":"multipart/report; report-type=delivery-status"}'
        status = '"mimeType":"message/delivery-status","filename":"","headers":[],"body":{"size":0}'
        first = f'{{"partId":"0","mimeType":"text/plain","filename":"","headers":[],{text}}}'
        parts = f'"parts":[{first},{{"partId":"1",{status}}}]'
    elif letter.paper:
        name = f"{letter.paper.name}-2026.pdf"
        parts = (
            f'"parts":[{{"partId":"0","mimeType":"text/plain","filename":"","headers":[],{text}}},{{"partId":'
            f'"1","mimeType":'
            f'"application/pdf","filename":"{name}","headers":[],"body":{{"attachmentId":"{stage.hex(24)}",'
            f'"size":38}}}}]'
        )
    else:
        parts = text
    return (
        f'{{"id":"{native}","threadId":"{provider}","labelIds":[{labels}],"snippet":"{snippet}","historyId":'
        f'"{7_000_000 + letter.at % 10**6}",'
        f'"internalDate":"{letter.at * 1000 + 2000}","sizeEstimate":{len(body) + 900},"payload":{{"partId":"",'
        f'"mimeType":"{kind}",'
        f'"filename":"","headers":[{headers}],{parts}}}}}'
    )
