"""RFC 5322 messages: ``.eml`` files, maildirs, and mboxes once they are cut into messages."""

from __future__ import annotations

from transforms.event import Event, Ignored, Reject
from transforms.mail import derived_id, mail_event, message_id, recorded_time, sent_at
from transforms.mail_mime import leaves, read_message
from transforms.mail_time import envelope_time
from transforms.sources import Context, SourceSpec


def parse(data: bytes, context: Context) -> Event | Ignored:
    """One message's bytes to its event. Raises ``Reject`` for what is no mail, and for mail that nothing dates."""
    mail = read_message(data)
    headers = mail.headers
    if "from" not in headers and "date" not in headers:
        raise Reject("missing_field", "From", "neither a From nor a Date header: this is not an email message")
    sent = sent_at(headers, context.zone, envelope_time(mail.envelope) if mail.envelope else None)
    own_id = message_id(headers) or derived_id(headers, sent[0])
    return mail_event(
        headers,
        leaves(headers, mail.body),
        source="/email",
        source_event_id=own_id,
        dedupe_key=f"email:{own_id}",
        own_id=own_id,
        sent=sent,
        recorded_at=recorded_time(headers),
        envelope=mail.envelope,
    )


SOURCE = SourceSpec(
    name="email",
    title="Email (RFC 5322 messages, maildir, mbox)",
    channel="email",
    version="1.4.0",
    framing="mail",
    parse=parse,
    supports=(
        "message: any charset and transfer encoding, multipart, broken headers",
        "header X-Buying-Job: the label of the message",
        "bounce, auto-reply, invitation to a meeting and answer to one: kept, never countable",
        "read receipt and delivery receipt: ignored",
    ),
)
