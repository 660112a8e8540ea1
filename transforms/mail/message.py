"""What mail means, whichever system hands it over: RFC 5322 files, Gmail, and others that keep the headers.

Rules of semantics 1.3 and 1.4. ``mail_event`` makes the event; the rest are its parts, for adapters whose payloads hold
only some of a message.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from email.utils import getaddresses
from functools import lru_cache
from typing import NamedTuple

from transforms.event import Event, Ignored, Party, Reject
from transforms.jobs.label import job_label
from transforms.mail.dates import mail_time, received_time
from transforms.mail.mime import Headers, Leaf, base_name, content_type, decode_text, decode_words
from transforms.mail.text import asks, html_text, links_of, own_text, unarmored, unfolded
from transforms.normal import clean_subject, email_id, scrub, text_facts

MAX_ID_CHARS = 998
"""RFC 5322's longest line; a longer id names nothing."""
SHORTEST_PLAIN_ID = 16
"""A shorter reference without ``@`` (``<yes>``) is no id: taken for one, it would make strangers one thread."""
MAX_ATTACHMENTS = 50
MAX_CACHED_CHARS = 300

_BRACKETED = re.compile(r"<([^<>]+)>")
# How MH, Exmh and others begin an In-Reply-To: ``Message from Ann Lee <ann@example.com> of "Mon, ..." <id@example.com>``.
_WRITER = re.compile(r"\bfrom\b[^<>]{0,300}<[^<>]+>\s+of\b", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_ONE_ADDRESS = re.compile(
    r'\s*(?:(?:"([^"\\]*)"|([^<>,;:"()@\\\[\]]*?))\s*<\s*([^<>\s,;:"()\\]+@[^<>\s,;:"()\\]+)\s*>|([^<>\s,;:"()\\]+@[^<>\s,;:"()\\]+))\s*(?:,|$)'
)
# Bounded, for a search that starts anew at every character would take quadratic time on a long word.
_ANY_ADDRESS = re.compile(r"[^\s<>,;:\"'()\[\]\\@]{1,200}@[^\s<>,;:\"'()\[\]\\]{1,255}")
# How list archives hide addresses: ``ann at example.com (Ann Lee)``.
_MASKED = re.compile(r"([^\s<>,;:\"()]{1,64}) at ((?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24})\b")
_BULK = frozenset({"bulk", "list", "junk", "auto_reply"})
_ACTION = re.compile(r"^Action[ \t]*:[ \t]*([A-Za-z]+)", re.MULTILINE | re.IGNORECASE)
_DELIVERED = frozenset({"delivered", "relayed", "expanded"})


class Content(NamedTuple):
    """What a message's parts say, reduced to what is kept."""

    first_line: str | None
    has_question: bool | None
    content_chars: int | None
    links: tuple[str, ...]
    attachments: tuple[str, ...]


def normal_id(raw: str) -> str | None:
    """One Message-ID without brackets and spaces, its domain lowercased; None if nothing is left."""
    text = raw.strip()
    found = _BRACKETED.search(text) if "<" in text else None
    text = _SPACE.sub("", found.group(1) if found else text.strip("<>"))
    if not text or len(text) > MAX_ID_CHARS:
        return None
    local, at, domain = text.rpartition("@")
    return scrub(local + at + domain.lower())


def message_id(headers: Headers) -> str | None:
    """The message's own id in its normal form."""
    for value in headers.get("message-id", ()):
        found = normal_id(value)
        if found:
            return found
    return None


def id_list(value: str) -> list[str]:
    """The ids of a References or In-Reply-To header; old mailers put prose around them, with the address of whoever is answered."""
    if "<" in value:
        raw = _BRACKETED.findall(_WRITER.sub(" ", value))
    else:
        words = value.replace(",", " ").split()
        raw = words if all("@" in word for word in words) else []
    return [one for one in map(normal_id, raw) if one and ("@" in one or len(one) >= SHORTEST_PLAIN_ID)]


def references(headers: Headers, own: str | None = None) -> tuple[str, ...]:
    """What the message answers: root first, parent last; its own id is none of them.

    In-Reply-To names the parent and comes last. An id stands twice only if In-Reply-To names one that References has
    further up, so that both the thread's root and the parent stay where they are looked for.
    """
    seen: dict[str, None] = {}
    for value in headers.get("references", ()):
        for one in id_list(value):
            seen[one] = None
    found = [one for one in seen if one != own]
    parents = [one for value in headers.get("in-reply-to", ()) for one in id_list(value) if one != own]
    if parents and (not found or found[-1] != parents[0]):
        found.append(parents[0])
    return tuple(found)


def addresses(value: str) -> tuple[tuple[str | None, str | None], ...]:
    """An address header to (identifier ``email:…``, display name) pairs; groups are opened, empty ones give nothing.

    A pair without identifier is a bare name, which only an author may have.
    """
    if len(value) <= MAX_CACHED_CHARS:
        return _known_addresses(value)
    return _addresses(_SPACE.sub(" ", value))  # long runs of spaces would cost their square


def _addresses(value: str) -> tuple[tuple[str | None, str | None], ...]:
    at, found = 0, []
    while at < len(value):
        match = _ONE_ADDRESS.match(value, at)
        if match is None:
            return tuple(_any_addresses(value))
        quoted, plain, bracketed, bare = match.groups()
        found.append(_named(quoted or plain, bracketed or bare))
        at = match.end()
    return tuple(found)


_known_addresses = lru_cache(maxsize=16_384)(_addresses)


def _any_addresses(value: str) -> list[tuple[str | None, str | None]]:
    """The slow way, for comments, groups, routes and what is broken."""
    flat = _SPACE.sub(" ", value)
    if "@" not in flat:
        flat = _MASKED.sub(r"\1@\2", flat)
    try:
        pairs = getaddresses([flat])
    except (ValueError, IndexError, TypeError, AttributeError, RecursionError):  # its parser, on hostile text
        pairs = []
    found = [_named(name, address) for name, address in pairs if "@" in address]
    found = [one for one in found if one[0]]
    if not found:
        text = decode_words(flat)  # some encode the whole header, address and all
        found = [one for one in (_named(None, address) for address in _ANY_ADDRESS.findall(text)) if one[0]]
        name = clean_name(text.partition("<")[0])
        if len(found) == 1 and name and "@" not in name:
            found = [(found[0][0], name)]
        elif not found and name:
            found = [(None, name)]
    return found


def _named(name: str | None, address: str) -> tuple[str | None, str | None]:
    identifier = email_id(address)
    shown = clean_name(name) if name else None
    if shown and identifier and shown.lower() == identifier[6:]:
        shown = None
    return identifier, shown


def clean_name(raw: str) -> str | None:
    """A display name: encoded words decoded, one line, without quotes around it."""
    return clean_subject(decode_words(raw).strip(" \t'\"<>"), 200)


def authors(headers: Headers, envelope: str = "") -> tuple[Party, ...]:
    """Who wrote: From, else Sender, else the sender of the envelope (Return-Path, mbox separator); all are actors."""
    for name in ("from", "sender", "return-path"):
        for value in headers.get(name, ()):
            found = [pair for pair in addresses(value) if pair[0]] or (addresses(value)[:1] if name == "from" else [])
            if found:
                return tuple(Party((identifier,) if identifier else (), "actor", shown) for identifier, shown in found)
    identifier = email_id(_MASKED.sub(r"\1@\2", envelope, count=1).partition(" ")[0]) if envelope else None
    return (Party((identifier,), "actor"),) if identifier else ()


def recipients(headers: Headers) -> list[Party]:
    """To, Cc and Bcc, each address once, where it stands first; bare names are nobody."""
    found: dict[str, Party] = {}
    for role in ("to", "cc", "bcc"):
        for value in headers.get(role, ()):
            for identifier, shown in addresses(value):
                if identifier and identifier not in found:
                    found[identifier] = Party((identifier,), role, shown)
    return list(found.values())


_EXCHANGE = ("x-ms-exchange-generated-message-source", "x-ms-exchange-inbox-rules-loop")
"""Marks of what a mailbox's own rules and absence notes wrote, which Exchange calls generated."""


def is_auto_reply(headers: Headers) -> bool:
    """An answer that no person wrote: an absence note, a ticket system's receipt."""
    submitted = _first_token(headers, "auto-submitted")
    return (
        submitted == "auto-replied"
        or (submitted == "auto-generated" and "in-reply-to" in headers and any(name in headers for name in _EXCHANGE))
        or _is_said(headers, "x-autoreply")
        or _is_said(headers, "x-autorespond")
        or _first_token(headers, "precedence") == "auto_reply"
    )


def is_automated(headers: Headers) -> bool:
    """Auto-Submitted other than ``no``, an autoresponder's mark, a mailing list, bulk precedence, or a report of any type.

    ``X-Auto-Response-Suppress`` is not looked at: it asks others not to answer automatically, and says nothing of the
    message itself.
    """
    return (
        _first_token(headers, "auto-submitted") not in {"", "no"}
        or "list-id" in headers
        or _first_token(headers, "precedence") in _BULK
        or is_auto_reply(headers)
        or _kind_of(headers)[0] == "multipart/report"
    )


_CALENDAR = "email:calendar-notification@google.com"
"""The Sender of what Google Calendar mails in the name of whoever invites or answers."""


def is_calendar_message(headers: Headers, parts: Sequence[Leaf]) -> bool:
    """An invitation, a reschedule, a cancellation or an answer to one, which a calendar wrote: the meeting is the touchpoint.

    A calendar file that somebody attached names no method, or ``PUBLISH``. Of a message without its parts (Gmail's format
    metadata) the Sender tells.
    """
    return any(leaf.method not in (None, "publish") for leaf in parts) or any(
        identifier == _CALENDAR for value in headers.get("sender", ()) for identifier, _ in addresses(value)
    )


def _first_token(headers: Headers, name: str) -> str:
    values = headers.get(name)
    if not values:
        return ""
    words = values[0].replace(";", " ").replace("(", " ").split()
    return words[0].lower() if words else ""


def _is_said(headers: Headers, name: str) -> bool:
    return name in headers and _first_token(headers, name) not in {"no", "false", "0"}


def report_verdict(headers: Headers, parts: Sequence[Leaf], actor: str | None) -> str | Ignored | None:
    """``bounced`` for a delivery failure, ``Ignored`` for a receipt or a word that delivery takes longer, None for everything else."""
    kind, params = _kind_of(headers)
    if kind == "multipart/report" or any(leaf.kind.startswith("message/d") for leaf in parts):
        report = dict(params).get("report-type", "").lower()
        kinds = {leaf.kind for leaf in parts}
        if report == "disposition-notification" or "message/disposition-notification" in kinds:
            return Ignored("read_receipt")
        if report == "delivery-status" or "message/delivery-status" in kinds:
            actions = _actions(parts)
            if actions and actions <= _DELIVERED:
                return Ignored("delivery_receipt")
            return Ignored("delivery_delay") if "delayed" in actions and "failed" not in actions else "bounced"
        if not report and (kinds <= {kind} or [value.strip() for value in headers.get("return-path", ())] == ["<>"]):
            return "bounced"  # of a report without parts nothing else is known
    return "bounced" if actor is not None and actor.startswith("email:mailer-daemon@") else None


def _kind_of(headers: Headers) -> tuple[str, tuple[tuple[str, str], ...]]:
    values = headers.get("content-type")
    return content_type(values[0]) if values else ("text/plain", ())


def _actions(parts: Sequence[Leaf]) -> set[str]:
    """What a delivery report says of its recipients (RFC 3464): failed, delayed, delivered, relayed, expanded."""
    status = b"\n".join(leaf.read()[:65_536] for leaf in parts if leaf.kind == "message/delivery-status")
    return {action.lower() for action in _ACTION.findall(decode_text(status).replace("\r\n", "\n"))}


def content_of(parts: Sequence[Leaf]) -> Content:
    """First line, question, length and links of the author's own words, and the names of what is attached.

    The first inline ``text/plain`` that is not empty is preferred to ``text/html``.
    """
    plain, html = _text(parts, "text/plain"), _text(parts, "text/html")
    attachments = tuple(name for name in map(_attached, parts) if name)[:MAX_ATTACHMENTS]
    text = plain
    if html is not None and not (plain and plain.strip()):
        text = html_text(html)
    if text is not None:
        text = unarmored(text)
    if text is None:
        return Content(None, None, None, (), attachments)
    own = own_text(text)
    first_line, has_question, chars = text_facts(own)
    return Content(first_line, bool(has_question) and asks(own), chars, links_of(own, html), attachments)


def _text(parts: Sequence[Leaf], kind: str) -> str | None:
    first = None
    for leaf in parts:
        if leaf.kind == kind and not leaf.is_attachment and not leaf.filename:
            text = decode_text(leaf.read(), leaf.charset)
            if leaf.is_flowed:
                text = unfolded(text, delsp=leaf.delsp)
            if text.strip():
                return text
            first = text if first is None else first
    return first


def _attached(leaf: Leaf) -> str | None:
    if leaf.filename:
        return base_name(leaf.filename)
    return "invite.ics" if leaf.kind == "text/calendar" else None


NO_MAIL = {
    "draft": "draft", "drafts": "draft", "brouillons": "draft", "entwürfe": "draft", "borradores": "draft", "bozze": "draft", "concepten": "draft",
    "rascunhos": "draft", "utkast": "draft", "kladder": "draft",
    "spam": "spam", "chat": "chat",
}  # fmt: skip
"""Gmail's labels (its archives say ``Drafts``, in the account's language): a draft was never sent, spam never read, and a chat is not mail. The bin
holds mail that was."""


def no_mail(labels: Iterable[str]) -> Ignored | None:
    """The verdict on a message with these labels of Gmail's, if one says that it is no mail."""
    return next((Ignored(NO_MAIL[label]) for one in labels if (label := one.strip().lower()) in NO_MAIL), None)


def sent_at(headers: Headers, zone: str | None, fallback: int | None = None) -> tuple[int, str]:
    """When the message was sent, and how well that is known.

    The Date header; where it is missing, unreadable, of an impossible year or without a zone (C1: a naive time is not taken), the first
    hop's Received date, else ``fallback``, both ``estimated``. Raises ``Reject`` if there is none of them.
    """
    reject = Reject("missing_field", "Date", "there is no Date header, and no Received header to tell the time by")
    for value in headers.get("date", ())[:1]:
        try:
            return mail_time(value, "Date", zone)
        except Reject as refused:
            reject = refused
    for value in reversed(headers.get("received", ())):
        found = received_time(value)
        if found is not None:
            return found, "estimated"
    if fallback is not None:
        return fallback, "estimated"
    raise reject


def derived_id(headers: Headers, occurred_at: int) -> str:
    """A stable id for a message that has none, the same for every copy: of its author, recipients, subject and time."""
    names = ("from", "sender", "to", "cc", "subject", "in-reply-to", "references")
    said = "\x1f".join("\x1e".join(_SPACE.sub(" ", value).strip() for value in headers.get(name, ())) for name in names)
    digest = hashlib.sha256(f"{occurred_at}\x1f{said}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"sha256-{digest[:32]}@touchloop.invalid"


def mail_event(
    headers: Headers,
    parts: Sequence[Leaf],
    *,
    source: str,
    source_event_id: str,
    dedupe_key: str,
    own_id: str | None,
    sent: tuple[int, str],
    recorded_at: int | None,
    conversation_id: str | None = None,
    envelope: str = "",
) -> Event | Ignored:
    """The event of one message; a read receipt or a report of successful delivery is ``Ignored``.

    ``own_id`` is the normal form of its Message-ID, ``sent`` what ``sent_at`` gave, ``envelope`` what an mbox separator
    says after ``From ``.
    """
    written_by = authors(headers, envelope)
    actor = written_by[0].ids[0] if written_by and written_by[0].ids else None
    verdict = report_verdict(headers, parts, actor)
    if isinstance(verdict, Ignored):
        return verdict
    auto_reply = is_auto_reply(headers)
    subject = headers.get("subject")
    answers = references(headers, own_id)
    is_reply = bool(answers) or any(value.strip() for value in headers.get("in-reply-to", ()))
    content = content_of(parts)
    return Event(
        source=source,
        source_event_id=source_event_id,
        family="email",
        channel="email",
        medium="email",
        interaction_kind="reply" if is_reply and not answers else None,
        status=verdict or ("auto_reply" if auto_reply else None),
        is_automated=verdict is not None or auto_reply or is_automated(headers) or is_calendar_message(headers, parts),
        occurred_at=sent[0],
        time_quality=sent[1],
        recorded_at=recorded_at,
        dedupe_key=dedupe_key,
        conversation_id=conversation_id,
        message_id=own_id,
        references=answers,
        subject_text=clean_subject(decode_words(subject[0])) if subject else None,
        first_line=content.first_line,
        has_question=content.has_question,
        content_chars=content.content_chars,
        links=content.links,
        attachments=content.attachments,
        explicit_job=job_label(decode_words(labels[0])) if (labels := headers.get("x-buying-job")) else None,
        parties=(*written_by, *recipients(headers)),
    )


def recorded_time(headers: Headers) -> int | None:
    """When the last server took the message in: the topmost Received header."""
    received = headers.get("received")
    return received_time(received[0]) if received else None
