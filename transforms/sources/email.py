"""RFC 5322 messages: ``.eml`` files, maildirs, and mboxes once they are cut into messages."""

from __future__ import annotations

import re

from transforms.event import Event, Ignored, Reject
from transforms.mail.dates import envelope_time
from transforms.mail.message import derived_id, mail_event, message_id, no_mail, recipients, recorded_time, sent_at
from transforms.mail.mime import Headers, MailBytes, decode_text, decode_words, leaves, read_message
from transforms.sources import Context, SourceSpec

_DRAFT = re.compile(r":2,[A-Z]*D[A-Z]*$")
"""Flags at the end of a maildir's file name."""
_JOURNAL_BCC = re.compile(r"^Bcc:[ \t]*([^\s,]+)", re.MULTILINE)


def parse(data: bytes, context: Context) -> Event | Ignored:
    """One message's bytes to its event. Raises ``Reject`` for what is no mail, and for mail that nothing dates."""
    mail = read_message(data)
    if "x-ms-journal-report" in mail.headers:
        mail = _journaled(mail) or mail
    headers = mail.headers
    if "from" not in headers and "date" not in headers:
        raise Reject("missing_field", "From", "neither a From nor a Date header: this is not an email message")
    if _is_draft(headers, context.name):
        return Ignored("draft")
    verdict = no_mail(
        label.strip('" ') for value in headers.get("x-gmail-labels", ()) for label in decode_words(value).split(",")
    )
    if verdict is not None:
        return verdict
    sent = sent_at(headers, context.zone, envelope_time(mail.envelope) if mail.envelope else None)
    own_id = message_id(headers) or derived_id(headers, sent[0])
    return mail_event(
        headers,
        leaves(headers, mail.body),
        source="/email",
        source_event_id=_copy_id(own_id, headers, sent[1]),
        dedupe_key=f"email:{own_id}",
        own_id=own_id,
        sent=sent,
        recorded_at=recorded_time(headers),
        envelope=mail.envelope,
    )


def _journaled(report: MailBytes) -> MailBytes | None:
    """The message that Exchange's journal reports, with those whom the report alone names: the readers in Bcc. None if it has none.

    What is attached is the message as it was sent; ``Bcc: ann@example.com, Expanded: team@example.com`` in the report's text is a reader
    whom a list led to.
    """
    parts = leaves(report.headers, report.body)
    attached = next((leaf for leaf in parts if leaf.kind == "message/rfc822"), None)
    if attached is None:
        return None
    mail = read_message(attached.read())
    told = next((decode_text(leaf.read(), leaf.charset) for leaf in parts if leaf.kind == "text/plain"), "")
    if readers := _JOURNAL_BCC.findall(told):
        mail.headers.setdefault("bcc", []).extend(readers)
    return mail


def _copy_id(own_id: str, headers: Headers, time_quality: str) -> str:
    """The id of all copies of a message but two kinds: the sender's, which alone tells who was in Bcc, and one whose Date tells no time.

    Were these repetitions of the others, a payload's hash would decide who was reached and when; folding puts together what
    copies say (semantics 1.5).
    """
    told = [own_id]
    if "bcc" in headers and any(party.role == "bcc" for party in recipients(headers)):
        told.append("bcc")
    if time_quality == "estimated":
        told.append("estimated")
    return "/".join(told)


def _is_draft(headers: Headers, name: str) -> bool:
    """By Outlook's header or a maildir's flag."""
    return bool(_DRAFT.search(name)) or any(value.strip() == "1" for value in headers.get("x-unsent", ()))


SOURCE = SourceSpec(
    name="email",
    title="Email (RFC 5322 messages, maildir, mbox)",
    channel="email",
    version="1.9.0",
    framing="mail",
    parse=parse,
    supports=(
        "message: any charset and transfer encoding, multipart, broken headers",
        "Exchange journal reports: the message in them, with its readers in Bcc",
        "header X-Buying-Job: the label of the message",
        "bounce, auto-reply, invitation to a meeting and answer to one: kept, never countable",
        "read receipt, delivery receipt, draft (X-Unsent, X-Gmail-Labels, maildir flag), spam and chat of a Gmail archive: ignored",
    ),
)
