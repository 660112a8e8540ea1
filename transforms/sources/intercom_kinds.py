"""What Intercom's payloads are called, and which of them are messages between people."""

from __future__ import annotations

CONTACT_TYPES = frozenset({"contact", "user", "lead", "visitor"})
READ_TYPES = CONTACT_TYPES | {"conversation", "conversation_part", "ticket", "ticket_part"}
SIDES = {"admin": "seller", "team": "seller", "user": "buyer", "lead": "buyer", "contact": "buyer", "visitor": "buyer"}
BOTS = frozenset({"bot", "operator", "workflow", "ai_agent", "fin"})

# What began the conversation when no person of ours wrote that message for this one reader.
AUTOMATED_DELIVERIES = frozenset({"automated", "operator_initiated", "campaigns_initiated"})
MEDIA = {"sms": "sms", "whatsapp": "whatsapp"}
INTERNAL_CATEGORIES = frozenset({"Back-office", "Tracker"})

# Topics that say something about a conversation or a contact without anybody having said something.
SILENT_TOPICS = frozenset(
    {
        "conversation.deleted",
        "conversation.read",
        "contact.archived",
        "contact.deleted",
        "lead.deleted",
        "user.deleted",
        "visitor.deleted",
        "ping",
    }
)

# Topics about two things at once, whose payload may be an object of its own type around both.
ATTACHMENTS = frozenset(
    {
        "company.contact.attached",
        "company.contact.detached",
        "contact.subscribed",
        "contact.unsubscribed",
        "conversation.contact.attached",
        "conversation.contact.detached",
        "granular.subscribe",
        "granular.unsubscribe",
        "ticket.contact.attached",
        "ticket.contact.detached",
    }
)

# Objects of Intercom's that are no exchange between people.
OTHER_TYPES = frozenset(
    {
        "activity_log",
        "admin",
        "admin_message",
        "article",
        "audience",
        "audience_membership",
        "away_status_reason",
        "brand",
        "call",
        "collection",
        "company",
        "company_tag",
        "contact_subscription",
        "contact_tag",
        "content_import_source",
        "content_snippet",
        "content_stat",
        "conversation_part_tag",
        "conversation_tag",
        "data_attribute",
        "data_connector",
        "event",
        "event.summary",
        "external_page",
        "help_center",
        "internal_article",
        "job",
        "news-item",
        "newsfeed",
        "ping",
        "procedure",
        "segment",
        "subscription",
        "tag",
        "team",
        "ticket_state",
        "ticket_type",
        "user_message",
        "user_tag",
        "visitor_tag",
    }
)


def is_other(kind: str | None) -> bool:
    """Whether an object is no exchange; some types have a second word (``content_stat.series``)."""
    return kind is not None and (kind in OTHER_TYPES or kind.partition(".")[0] in OTHER_TYPES)
