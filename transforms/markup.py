"""Chat markup to plain text and the links in it: Slack's mrkdwn, and the HTML of web chats.

Both leave quoted text out, and show a link by its label or without its query, so that no ``?`` of a URL is taken for a
question. The length of a text is that of what was written, not of its markup.
"""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

from transforms.normal import scrub

Plain = tuple[str | None, tuple[str, ...]]
"""(text without markup, or None where there was none; distinct URLs in order)"""

_ANGLED = re.compile(r"<([^<>]*)>")
_MRKDWN_QUOTE = re.compile(r"^&gt;&gt;&gt;(?s:.*)|^(?:&gt;|>).*$", re.MULTILINE)
_URL = re.compile(r"https?://[^\s<>\"']+")
_MRKDWN_LINK = re.compile(rf"<([^<>]*)>|{_URL.pattern}")
_TRAILING = ".,;:!?)]}"
_MARKED = re.compile(
    "|".join(
        rf"(?<![\w*_~`/]){mark}(?=[^\s{mark}])((?:[^{mark}\n]|(?<=\w){mark}(?=\w))+)(?<=[^\s`]){mark}(?![\w*_~`/])"
        for mark in (r"\*", "_", "~")
    )
)
"""``*bold*``, ``_italic_``, ``~struck~`` as Slack takes them for such: at the borders of words, on one line, outside code and paths."""

_BLOCKS = frozenset(
    {"p", "br", "div", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "hr"}
)
_UNSEEN = frozenset({"script", "style", "head", "title", "blockquote"})


def mrkdwn_plain(text: str | None) -> Plain:
    """``<@U1> see <https://a.example/x?y=1|this> &amp; that`` to ``@U1 see this & that`` and its URL.

    ``*Is it done?*`` is ``Is it done?`` in bold. Slack puts every URL in brackets; what other tools write of a message often has it bare.
    """
    if text is None or ("<" not in text and "&" not in text and "://" not in text):
        return _unmarked(text), ()
    links: list[str] = []

    def shown(match: re.Match[str]) -> str:
        if match.group(1) is None:
            return _bare(_mrkdwn_unescape(match.group()), links)
        target, _, label = match.group(1).partition("|")
        mark = target[:1]
        if mark == "!":  # <!here>, <!subteam^S1|@sales>, <!date^1392734382^{date}|Feb 18>
            return label or "@" + target[1:].partition("^")[0]
        if mark in {"@", "#"}:
            return mark + (label.lstrip(mark) or target[1:])
        return _link(_mrkdwn_unescape(target), _mrkdwn_unescape(label), links)

    own = _MRKDWN_QUOTE.sub("", text) if "&gt;" in text or ">" in text[:1] else text
    return _unmarked(_mrkdwn_unescape(_MRKDWN_LINK.sub(shown, own))), tuple(dict.fromkeys(links))


def html_plain(body: str | None) -> Plain:
    """``<p>See <a href="https://a.example/x?y=1">this</a></p>`` to ``See this`` and its URL. Never raises."""
    if body is None:
        return None, ()
    text = body.replace("</p>", "\n").replace("<p>", "").replace("<br>", "\n")
    if "<" not in text and "&" not in text and "://" not in text:  # most chat lines are one bare paragraph
        return text.strip(), ()
    reader = _Reader()
    try:
        reader.feed(body)
        reader.close()
    except AssertionError:  # html.parser asserts on some broken declarations (``<![x``)
        reader.pieces = [unescape(_ANGLED.sub(" ", body))]
    text = _URL.sub(lambda match: _bare(match.group(), reader.links), "".join(reader.pieces))
    return text.strip(), tuple(dict.fromkeys(reader.links))


def _unmarked(text: str | None) -> str | None:
    """Without the marks of bold, italic and struck text, which may stand inside one another."""
    if text is None or ("*" not in text and "_" not in text and "~" not in text):
        return text
    for _ in "*_~":
        text = _MARKED.sub(lambda match: match[match.lastindex or 0], text)
    return text


def _mrkdwn_unescape(text: str) -> str:
    if "&" not in text:
        return text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _link(target: str, label: str, links: list[str]) -> str:
    """Notes the target and gives what a reader sees of it."""
    if "://" in target:
        links.append(scrub(target))
    if not label:
        return target.removeprefix("mailto:").partition("?")[0]
    return label.partition("?")[0] if label in target else label


def _bare(url: str, links: list[str]) -> str:
    """A URL written out in a text: punctuation behind it belongs to the sentence."""
    address = url.rstrip(_TRAILING)
    if not any(known.startswith(address) for known in links):
        links.append(scrub(address))
    return address.partition("?")[0] + url[len(address) :]


class _Reader(HTMLParser):
    """Collects text outside quotes, and the targets of links."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.links: list[str] = []
        self._unseen: list[str] = []
        self._target: str | None = None
        self._label: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen.append(tag)
        elif tag in _BLOCKS:
            self.handle_data("\n")
        elif tag == "a" and not self._unseen:
            self._end_link()
            self._target = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN and tag in self._unseen:
            while self._unseen.pop() != tag:
                pass
        elif tag in _BLOCKS:
            self.handle_data("\n")
        elif tag == "a":
            self._end_link()

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            (self.pieces if self._target is None else self._label).append(data)

    def close(self) -> None:
        super().close()
        self._end_link()

    def _end_link(self) -> None:
        if self._target is not None:
            self.pieces.append(_link(self._target, "".join(self._label).strip(), self.links))
        self._target, self._label = None, []
