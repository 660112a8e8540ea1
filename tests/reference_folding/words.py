"""Whether a message asks or only thanks (semantics 1.1, 3)."""

from __future__ import annotations

import re
from typing import Any

from reference_folding.touches import Touch

QUESTIONS = (
    r"^(can|could|would|will|do|does|did|is|are|may|shall) (you|we|i|they|it|there)\b",
    r"^(what|when|where|which|who|why|how)\b",
    r"\b(please|pls) (advise|clarify|confirm|send|share)\b",
)
GREETING = re.compile(r"^((hello|hi|hey)\b\W*)+", re.I)


def put_words(t: Touch, rules: dict[str, Any]) -> None:
    """A subject with ``Re:`` is the parent's, and not read; of a burst each message may ask, and no greeting hides its thanks."""
    texts = [text.strip() for text in (t.own_subject, t.first_line) if text]
    spoken = texts
    if t.family == "chat":
        spoken = [text.strip() for w in t.live for text in (w.event.subject_text, w.event.first_line) if text]
    if texts:
        t.is_question = any(asks(text) for text in spoken)
    else:
        t.is_question = None if t.has_question is None else False
    texts = [GREETING.sub("", text) for text in texts]
    if not t.has_question and not t.assets and not any("?" in text for text in texts):
        t.is_ack = any(re.search(rules["ack_pattern"], text, re.I) for text in texts)


def asks(text: str) -> bool:
    return text.endswith("?") or any(re.search(pattern, text, re.I) for pattern in QUESTIONS)
