"""Title levels: whose title is that of an executive (semantics 1.2, default VP and above)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_OF_SOMEBODY_ELSE = re.compile(
    r"\b(?:(?:executive|personal|administrative)\s+(?:assistant|secretary)"
    r"|(?:assistant|secretary|advisor|adviser|aide|[ep]a|report(?:s|ing))\s+(?:to|for)"
    r"|office\s+of"
    r"|assisten(?:t|tin|z)|sekret(?:ä|ae)r(?:in)?|referent(?:in)?"
    r"|assistante|assistant\s+d(?:e|u|es)|adjointe?\s+(?:au|à)|asistente|assistente"
    r"|(?:secr[ée]taire|secret[aá]ri[ao]|segretari[ao]|secretaresse)(?![\s-]+g[ée](?:n[ée])?ral))\b.*|.*\bassistant$",
    re.IGNORECASE | re.DOTALL,
)
"""The part of a title that names the person whom its holder works for: an assistant to the CEO is none."""
_BELOW_VICE_PRESIDENT = re.compile(r"\b(?:assistant|associate)\s+vice[\s-]+president\b", re.IGNORECASE)
_DOTTED = re.compile(r"\b([A-Za-z])\.")
"""A letter of an abbreviation that is written with dots."""


class TitleLevels:
    """Says of a title whether its holder's own level is one of those that are looked for."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """``patterns`` are regular expressions; case is ignored."""
        self._levels = [re.compile(pattern, re.IGNORECASE) for pattern in patterns]

    def __contains__(self, title: str) -> bool:
        """``V.P.`` is read as ``VP`` too, and an assistant or associate vice president as ``AVP``: that is another level."""
        composed = unicodedata.normalize("NFC", title)
        own = _OF_SOMEBODY_ELSE.sub("", _BELOW_VICE_PRESIDENT.sub("AVP", composed)).strip()
        plain = _DOTTED.sub(r"\1", own)
        return any(level.search(own) or level.search(plain) for level in self._levels)
