"""What the author of a message wrote, without what it quotes: own text, links and the facts that are kept of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import unescape
from itertools import islice

from transforms.normal import has_question_mark

MAX_HEADS = 20
MAX_LINKS = 50
MAX_LINK_CHARS = 2000
MAX_HTML_CHARS = 300_000
"""HTML beyond this is not read: it is a newsletter's, or an attack."""

_WROTE = (
    r"(?:wrote|writes|a écrit|schrieb|escribió|ha scritto|schreef|escreveu|skrev|napisał(?:\(a\))?|написал(?:\(а\))?)"
    r"(?:[ \t][^\n:]{0,120})?[ \t\xa0]?:[ \t]*"
)
_ON = r"(?:On|At|Le|Am|El|Il|Op|Em|Den|W dniu|Dne)\b"

# Each alternative begins with a line feed, which the engine looks for with memchr: several times faster than "^".
_STOP = re.compile(
    r"\n[ \t]*(?:"
    r"--[ \t]*(?=\n|\Z)"  # signature
    r"|_{20,}[ \t]*(?=\n|\Z)"  # Outlook's rule above a reply; a mailing list's footer
    r"|-{2,}[ \t]*(?:Original (?:Message|Appointment)|Forwarded|Begin forwarded|Reply message|Urspr\w+ Nachricht"
    r"|Weitergeleitete Nachricht|Message (?:d'origine|original|transféré)|Mensaje original|Messaggio originale"
    r"|Oorspronkelijk bericht|Mensagem original)"
    r"|Begin forwarded message:"
    r"|\*?(?:From|Von|De|Da|Van|Från|Od)[ \xa0]?:\*?[ \t\xa0][^\n]+\n(?:[^\n]*\n){0,3}?"
    r"[ \t]*\*?(?:Sent|Date|To|Gesendet|Datum|An|Envoyé|À|Enviado|Para|Inviato|Verzonden|Aan|Skickat)[ \xa0]?:"
    r"|To:[ \t][^\n]+\n(?:[^\n]*\n){0,3}?[ \t]*Subject:"  # Lotus Notes
    r"|Sent from my \w+"
    rf"|{_ON}[^\n]{{0,300}}(?:\n[^\n>]{{0,200}})??\b{_WROTE}(?=\n|\Z)(?!\s*>)"
    r")"
)
_MAIL = r"(?:e-?mail|message|sender|nachricht|absender)\w*"
_OUTSIDE = (
    r"(?:outside (?:of )?(?:the |your |our )?(?:\w+ )?(?:organi[sz]ation|company|network|domain|firm|group)"
    r"|außerhalb (?:der |ihrer |unserer )?(?:organisation|firma|unternehmens)|extern\w* (?:absender|quelle|source|sender|party))"
)
_TAG_ABOVE = (
    r"(?:external|ext|extern)(?:[ -](?:e-?mail|sender|message|mail))?"
    r"(?:[ \t]*[\])}*]+(?![\])}*:])|(?:(?<=mail)|(?<=sender)|(?<=message)):|[ \t]*(?=\n))"
)
_WARNING = (
    r"(?:(?:caution|warning|attention|alert|notice|important|external|achtung|vorsicht|hinweis)[\W_]{1,10})?"
    rf"(?:(?:this|diese) (?:is an )?(?:external )?{_MAIL}\b[^.!?]{{0,80}}\b{_OUTSIDE}\b[^.!?]{{0,120}}[.!]"
    rf"|external {_MAIL}(?:[.!]|[ \t]*(?=\n)))"
)
_STRANGER = (
    r"(?:you|some people who received this message) don['’]t often get e?mail from\s{1,3}\S{1,200}"
    r"(?:\s{0,3}learn why this is important(?:\s{1,3}at\s{1,3}https?://\S{1,120}|\s{0,3}<https?://\S{1,120}|\S{0,120}))?"
)
_ADVICE = (
    r"(?:please )?(?:(?:do not|don['’]t|never) (?:click|open|reply|respond|follow|trust|enter)|exercise|use caution"
    r"|be (?:careful|cautious|wary)|unless|verify|take care|if you (?:do not|don['’]t|did not|are not)"
    r"|(?:bitte )?(?:klicken|öffnen|seien) sie)\b[^.!?]{0,160}"
    r"\b(?:links?|attachments?|sender|content|anhänge|absender)\b[^.!?]{0,160}[.!]"
)
_BANNER = re.compile(
    rf"(?:(?:[^\w>]|_){{0,40}}(?:{_TAG_ABOVE}|{_WARNING}|{_STRANGER})){{1,2}}(?:\s*{_ADVICE}){{0,4}}"
    r"[\s\])}*]*(?:[-_=]{3,}[ \t]*(?=\n))?",
    re.IGNORECASE,
)
"""What a mail gateway sets above a message from outside, whatever its wrapping: ``CAUTION: This email originated from outside …``."""
_SIGNED, _SIGNATURE = "\n-----BEGIN PGP SIGNED MESSAGE-----", "\n-----BEGIN PGP SIGNATURE-----"
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_DASH_ESCAPED = re.compile(r"^- (?=-)", re.MULTILINE)
_ARMORED = re.compile(r"\n-----BEGIN PGP ([A-Z ]{1,40})-----.*?(?:\n-----END PGP \1-----[ \t]*(?=\n|\Z)|\Z)", re.DOTALL)
_QUOTED = re.compile(r"(?:\n[ \t]*>[^\n]*)+")
_ATTRIBUTION = re.compile(rf"(?:\n[ \t]*{_ON}[^\n]{{0,300}})?(?:\n|\A)[^\n]{{0,300}}\b{_WROTE}\Z")
_ADDRESS_ABOVE = re.compile(r"(?:\n|\A)[^\n]{0,300}\n?<\n?[^\s<>@]{1,200}@[^\s<>@]{1,200}>[^\n<>]{0,80}\Z")
"""Whatever the language: ``…, Ann Lee <ann@example.com>:`` in one line or two, as mailers wrap it."""
_HEAD = re.compile(r"(?:[ \t]*-{2,}[^\n]*\n)?(?:[ \t]*\*?[A-Za-z-]{2,20}[ \xa0]?:[^\n]*\n|[ \t]*\n)*[ \t]*>")
_URL = re.compile(r"https?://[^\s<>\"'\x00-\x1f()\[\]{}|\\^`]+", re.IGNORECASE)
_HREF = re.compile(r"\bhref\s*=\s*[\"']?\s*(https?://[^\s\"'<>]+)", re.IGNORECASE)
_HTML_QUOTE = re.compile(
    r"<blockquote|gmail_quote|divRplyFwdMsg|appendonsend|yahoo_quoted|moz-cite-prefix|OutlookMessageHeader"
    r"|-----\s*Original Message|mail-editor-reference-message|ms-outlook-mobile-reference|id=[\"']?zwchr"
    r"|border-top:\s*solid\s+#(?:E1E1E1|B5C4DF)",  # the rule that Outlook draws above From, Sent, To
    re.IGNORECASE,
)
_HTML_FROM = re.compile(
    r"<(?:b|strong)\b[^<>]*>(?:\s*<[^<>]*>){0,4}\s*(?:From|Von|De|Da|Van|Från|Od)(?:\s|&nbsp;)*:", re.IGNORECASE
)
_HTML_SENT = re.compile(
    r"\b(?:Sent|Date|To|Gesendet|Datum|An|Envoyé|À|Enviado|Para|Inviato|Verzonden|Aan|Skickat)(?:\s|&nbsp;)*:",
    re.IGNORECASE,
)
_HEAD_CHARS = 800
"""Of HTML, from a quoted message's sender to its date."""
_TRAILING = ".,;:!?*_"

_TAG = re.compile(r"<(?:!--|(/?)([a-zA-Z][a-zA-Z0-9]*+)[^<>]*+>|[!?/][^<>]*+>)")
_SILENT = frozenset({"script", "style", "title", "template"})
_CLOSING = {name: re.compile(f"</{name}", re.IGNORECASE) for name in _SILENT}
_BLOCKS = frozenset(
    {"br", "p", "div", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "pre", "section"}
)


def unfolded(text: str, *, delsp: bool) -> str:
    """``format=flowed`` (RFC 3676): a line that ends in a space goes on in the next one of the same depth of quoting. ``delsp``: without
    that space."""
    lines: list[list[str]] = []  # in pieces: a text of many short ones would be copied with each
    open_at: int | None = None
    for line in text.replace("\r\n", "\n").split("\n"):
        said = line.lstrip(">")
        depth = len(line) - len(said)
        said = said.removeprefix(" ")
        is_signature = said == "-- "
        goes_on = said.endswith(" ") and not is_signature
        kept = said[:-1] if goes_on and delsp else said
        if open_at == depth and not is_signature:
            lines[-1].append(kept)
        else:
            lines.append([f"{'>' * depth} {kept}" if depth else kept])
        open_at = depth if goes_on else None
    return "\n".join(map("".join, lines))


def unarmored(text: str) -> str | None:
    """Text without what OpenPGP sets around it where it is signed, and without what is encrypted (RFC 9580, 6 and 7); None if nothing is left."""
    if "-----BEGIN PGP " not in text:
        return text
    text = "\n" + text.replace("\r\n", "\n")
    start = text.find(_SIGNED)
    end = text.find(_SIGNATURE, start) if start >= 0 else -1
    if end >= 0:
        said = _BLANK_LINE.split(text[start + 1 : end], 1)[1:]  # after the names of its hashes
        text = text[:start] + "\n" + _DASH_ESCAPED.sub("", "".join(said)) + text[end:]
    return _ARMORED.sub("", text).strip() or None


def own_text(text: str) -> str:
    """Plain text without quoted lines, their attributions, forwarded messages, the signature and a gateway's warning above it.

    Quoted blocks are taken out where they stand, so that an answer below or between them is kept; an attribution
    (``On … wrote:``) that no ``>`` follows heads an unmarked quotation, and the text ends there.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    banner = _BANNER.match(text)
    text = _cut("\n" + (text[banner.end() :] if banner else text))
    return (_without_quotes(text) if ">" in text else text).strip()


def _without_quotes(text: str) -> str:
    """Without ``>`` lines, nor the line or two above them that say who is quoted."""
    kept, at = [], 0
    for quote in _QUOTED.finditer(text):
        above = text[at : quote.start()]
        shown = above.rstrip()
        if shown.endswith((":", "\uff1a")):
            start = max(0, len(shown) - 700)
            heads = (_ATTRIBUTION.search(shown, start), _ADDRESS_ABOVE.search(shown, start))
            begins = [head.start() for head in heads if head]
            above = shown[: min(begins)] if begins else above
        kept.append(above)
        at = quote.end()
    return "\n".join((*kept, text[at:]))


def _cut(text: str) -> str:
    """Up to where the own text ends. A head above marked lines is only taken out: the answer may stand below them."""
    at = 0
    for _ in range(MAX_HEADS):
        stop = _STOP.search(text, at)
        if stop is None:
            return text
        head = _HEAD.match(text, stop.start() + 1)
        if head:
            text = text[: stop.start()] + "\n" + text[head.end() - 1 :]
            at = stop.start()
        elif stop.group().lstrip().startswith("_") and not text[: stop.start()].strip():
            at = stop.end()  # a newsletter's ornament: what ends a text cannot begin it
        else:
            return text[: stop.start()]
    return text[:at]


def asks(text: str) -> bool:
    """Whether a ``?`` stands anywhere but in a URL."""
    if not has_question_mark(text):
        return False
    return "://" not in text or has_question_mark(_URL.sub(" ", text))


def links_of(own: str, html: str | None = None) -> tuple[str, ...]:
    """http(s) URLs of the own text, then of the anchors in HTML above what it quotes; each once, at most 50."""
    found: list[str] = []
    if "://" in own:
        found += _URL.findall(own)
    if html and "href" in html.lower():
        found += map(unescape, _HREF.findall(html[: _own_end(html)]))
    return clean_links(found) if found else ()


def _own_end(html: str) -> int:
    """Where HTML begins to quote: at a mailer's mark, or at a head that says from whom a message was and when."""
    mark = _HTML_QUOTE.search(html)
    end = mark.start() if mark else len(html)
    for head in islice(_HTML_FROM.finditer(html, 0, end), MAX_HEADS):
        if _HTML_SENT.search(html, head.end(), head.end() + _HEAD_CHARS):
            return head.start()
    return end


def clean_links(urls: Iterable[str]) -> tuple[str, ...]:
    trimmed = (url.rstrip(_TRAILING) for url in urls)
    usable = (url for url in trimmed if 10 <= len(url) <= MAX_LINK_CHARS)
    return tuple(dict.fromkeys(usable))[:MAX_LINKS]


def html_text(html: str) -> str:
    """HTML to plain text, one block a line, without comments, scripts and styles.

    A quotation becomes one ``>`` line, so that HTML and plain text share the rules above. Linear in the length: the
    standard library's parser takes quadratic time on unclosed tags, and anybody may send us a message.
    """
    html = html[:MAX_HTML_CHARS]
    chunks: list[str] = []
    at = depth = 0
    while tag := _TAG.search(html, at):
        if not depth:
            chunks.append(html[at : tag.start()].replace("\n", " "))
        at = tag.end()
        closing, name = tag.group(1), (tag.group(2) or "").lower()
        if name == "blockquote":
            if not depth and not closing:
                chunks.append("\n>\n")
            depth = max(0, depth - 1) if closing else depth + 1
        elif not name or (name in _SILENT and not closing):
            at = _end_of_unseen(html, at, tag.group(), name)
        elif name in _BLOCKS and not depth:
            chunks.append("\n")
    if not depth:
        chunks.append(html[at:].replace("\n", " "))
    lines = (" ".join(line.split()) for line in unescape("".join(chunks)).split("\n"))
    return "\n".join(line for line in lines if line)


def _end_of_unseen(html: str, at: int, tag: str, name: str) -> int:
    """Where a comment, a script or a style ends: at the end of all if it is never closed."""
    if tag == "<!--":
        end = html.find("-->", at)
        return end + 3 if end >= 0 else len(html)
    if not name:
        return at  # a declaration, which the tag itself was
    close = _CLOSING[name].search(html, at)
    return close.start() if close else len(html)
