"""Where a meeting takes place: at a place, on a line, or nobody says; and what other systems call the same meeting."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

import msgspec

from transforms.normal import clean_subject, scrub


class Venue(msgspec.Struct, frozen=True):
    """What location, description and conference data say together."""

    channel: str | None
    medium: str | None
    place: str | None
    join_keys: tuple[str, ...]
    """``zoom:<digits>``, ``meet:<code without dashes>``, ``teams:<thread or number>``, in a fixed order."""
    links: tuple[str, ...]


MOST_LINKS = 50
_LONGEST_TEXT = 50_000
"""Join links stand in the first lines; what follows a description this long is a pasted mail thread."""

_URL = re.compile(r"https?://[^\s<>\"'\\()\[\]{}|^`]+", re.IGNORECASE)
_ONLINE_HOST = re.compile(
    r"zoom(?:gov)?\.(?:us|com)/|meet\.google\.com|hangouts\.google\.com|teams\.(?:microsoft|live)\.com|webex\.com|gotomeet|"
    r"whereby\.com|bluejeans\.com|chime\.aws|meet\.jit\.si|join\.skype\.com|meet\.lync\.com|livestorm\.co|demio\.com|"
    r"bigbluebutton|starleaf\.com|ringcentral\.com|around\.co|8x8\.vc|vc\.ringcentral",
    re.IGNORECASE,
)
_ZOOM = re.compile(r"zoom(?:gov)?\.(?:us|com)/(?:j|w|s|wc|wc/join)/(\d{9,12})\b", re.IGNORECASE)
_ZOOM_SPOKEN = re.compile(r"meeting id:?[\s*]*(\d{3}[ -]?\d{3,4}[ -]?\d{3,5})\b", re.IGNORECASE)
_MEET = re.compile(r"meet\.google\.com/(?:lookup/)?([a-z]{3}-[a-z]{4}-[a-z]{3})\b", re.IGNORECASE)
_TEAMS_THREAD = re.compile(r"(19:[\w.-]+@thread\.(?:v2|tacv2|skype))", re.IGNORECASE)
_TEAMS_NUMBER = re.compile(r"teams\.(?:microsoft|live)\.com/meet/(\d{9,16})\b", re.IGNORECASE)

_TOOL = (
    r"(?:zoom|(?:google )?(?:meet|hangouts?)|(?:microsoft |ms )?teams|skype(?: for business)?|(?:cisco )?webex|"
    r"whereby|slack|facetime|live meeting|lync|ring ?central|blue ?jeans|go ?to ?(?:meeting|webinar)|jitsi|discord|(?:amazon )?chime)"
)
_ONLINE_WORDS = re.compile(
    rf"(?:(?:via|on|by|per|über|join|at|réunion|reunión de|reunión|riunione|in) )?"
    rf"(?:{_TOOL}|online|virtual(?:ly)?|remote(?:ly)?|web|internet|video|videokonferenz|visio|visioconférence|videoconferencia)"
    rf"(?:[ -]?(?:meeting|call|conference|conferencing|link|room|event|besprechung|video|chat|session|huddle))*",
    re.IGNORECASE,
)
# Every language has words of its own around the name: ``Microsoft Teams-möte``, ``Riunione di Microsoft Teams``. A number,
# or what joins one thing to another, tells of a room beside it.
_TEAMS_IN_WORDS = re.compile(r"(?!.*(?:\s-|-\s))[^\d,:()\[\]&+–—]*microsoft teams[^\d,:()\[\]&+–—]*", re.IGNORECASE)
_PHONE_WORDS = re.compile(
    r"(?:via |by |per )?(?:(?:tele)?phone|telefon|téléphone|teléfono|mobile|dial[ -]?in|call|conference|tel)"
    r"(?:[ -]?(?:call|conference|bridge|number|isch))*",
    re.IGNORECASE,
)
_PHONE_NUMBER = re.compile(
    r"(?:(?:tel|phone|call|mobile|dial|dial-in)[.: ]*)?[+(]?\d[\d\s().\-/x,#*+]{5,}", re.IGNORECASE
)
_NO_PLACE = re.compile(
    r"(?:tb[dca]|to be (?:determined|decided|confirmed|announced)|n/?a|none|unknown|no location|"
    r"see (?:below|description|notes)|(?:meeting )?(?:id|pin|pass ?code|password|access code)[\s:#]+[\w -]+|\W*)",
    re.IGNORECASE,
)
_TRADE_EVENT = re.compile(
    r"\b(?:conference(?! (?:call|room|line|bridge))|trade ?-?(?:fair|show)|expo|summit|booth|messe|messestand|congress|"
    r"kongress|exhibition)\b",
    re.IGNORECASE,
)
# What people write behind a tool's name or in a call's place: ``Zoom Meeting - see link below``, ``Webex ID 123 456``.
_NOTE = re.compile(
    rf"(?:{_ONLINE_WORDS.pattern})[\s\-–—:,.#(]+"
    r"(?:(?:see|find|use|link|links|details?|info|information|instructions?|invite|invitation|description|notes?|body|chat|"
    r"e-?mail|calendar|below|above|attached|provided|shared|follows?|sent|to|be|will|in|the|and|or|with|from|as|per|via|"
    r"id|pin|code|passcode|password|pw|pwd|meeting|webinar|conference|call|tb[dca]|\d{3,})\b[\s\-–—:;,.#()/]*)+",
    re.IGNORECASE,
)
_CALL_NOTE = re.compile(
    r"(?:call|phone|ring|dial)\s.*(?:[+(]?\d[\d\s().\-/]{5,})|.*\b(?:will|to|'ll) (?:call|phone|ring|dial) \w.*",
    re.IGNORECASE,
)
_BARE_LINK = re.compile(
    r"(?<![\w@.-])(?:[a-z0-9-]{1,63}\.){1,6}[a-z]{2,24}/\S*|"
    r"(?<![\w@.-])(?:meet\.google\.com|teams\.(?:microsoft|live)\.com|(?:[a-z0-9-]{1,63}\.)?(?:webex\.com|zoom\.us|whereby\.com))\b",
    re.IGNORECASE,
)
"""A link that somebody wrote without ``https://``: a name with a path, or of a host where meetings are held."""
_SEPARATORS = re.compile(r"[;\n\r]+|\s[/|]\s")
_EDGES = " \t,.:;-–—|/()[]<>"
_BRACKETS = {")": "(", "]": "[", ">": "<"}


def venue(
    location: str | None,
    texts: Iterable[str | None],
    *,
    topic: str = "",
    codes: Iterable[str] = (),
    room: str | None = None,
    people: int = 0,
    online: bool = False,
) -> Venue:
    """Judges a calendar entry.

    ``texts`` are description, URL and the links of conference data; ``topic`` is title and categories; ``codes`` are
    join keys that the source states outright; ``room`` is the name of a booked room, which counts only if nothing is
    online, for one side may sit in a room of its own and call the other; ``people`` is how many are named;
    ``online`` says that the source has set up a call, whatever its links look like.
    """
    where = _shortened(location)
    all_texts = [where, *(_shortened(text) for text in texts)]
    links = tuple(dict.fromkeys(link for text in all_texts for link in links_in(text)))[:MOST_LINKS]
    keys = tuple(dict.fromkeys([*codes, *join_keys(all_texts)]))
    is_online = online or bool(keys) or any(_ONLINE_HOST.search(text) for text in all_texts if text)
    place, hint = _judge(where, is_online)
    is_online = is_online or hint == "online"
    if place is None and not is_online and hint is None:
        place = clean_subject(room)
    if place is not None:
        medium = "trade_event" if _TRADE_EVENT.search(topic) else "onsite_visit"
        return Venue("in_person", medium, place, keys, links)
    if is_online:
        return Venue("video", "video_call", None, keys, links)
    if hint == "phone":
        return Venue("video", "phone_call", None, keys, links)
    if people >= 2:  # they meet, and nobody has to travel
        return Venue("video", "video_call", None, keys, links)
    return Venue(None, None, None, keys, links)


def place_of(location: str | None) -> str | None:
    """The physical part of a location: ``Zoom; Hall 4, Berlin`` to ``Hall 4, Berlin``; None for links and numbers."""
    return _judge(_shortened(location))[0]


def links_in(text: str) -> Iterator[str]:
    """URLs of a text or of HTML, without the punctuation that follows them."""
    if "://" in text:
        for match in _URL.finditer(text):
            yield match[0].replace("&amp;", "&").rstrip(".,;:!?*")[:2000]


def join_keys(texts: Iterable[str]) -> Iterator[str]:
    """Meeting ids of Zoom, Google Meet and Teams, also those inside a link that a mail filter has wrapped."""
    for text in texts:
        if "%3a" in text or "%3A" in text:
            text = unquote(text)
        lower = text.lower()
        if "zoom" in lower:
            for match in _ZOOM.finditer(text):
                yield "zoom:" + match[1]
            for match in _ZOOM_SPOKEN.finditer(text):
                yield "zoom:" + match[1].replace(" ", "").replace("-", "")
        if "meet.google." in lower:
            for match in _MEET.finditer(text):
                yield "meet:" + match[1].replace("-", "").lower()
        if "teams." in lower:
            for match in _TEAMS_THREAD.finditer(text):
                yield "teams:" + match[1]
            for match in _TEAMS_NUMBER.finditer(text):
                yield "teams:" + match[1]


def _shortened(text: str | None) -> str:
    return scrub(text[:_LONGEST_TEXT]) if text else ""


def _judge(location: str, is_online: bool = False) -> tuple[str | None, str | None]:
    """(physical place, hint): the hint is ``online`` or ``phone`` where the location says so.

    ``is_online`` says that the rest of the entry does: then a tool's name among words in any language is no place.
    """
    if not location:
        return None, None
    hint: str | None = None
    physical: list[str] = []
    for part in _SEPARATORS.split(location[:1000]):
        plain = _BARE_LINK.sub(" ", _URL.sub(" ", part))
        words = plain.strip(_EDGES)
        if words != part.strip(_EDGES):
            hint = hint or "online"
        if not words or _NO_PLACE.fullmatch(words) or "@" in words:
            continue
        if _ONLINE_WORDS.fullmatch(words) or _NOTE.fullmatch(words) or (is_online and _TEAMS_IN_WORDS.fullmatch(words)):
            hint = "online"
        elif _PHONE_WORDS.fullmatch(words) or _PHONE_NUMBER.fullmatch(words) or _CALL_NOTE.fullmatch(words):
            hint = hint or "phone"
        else:
            physical.append(_with_brackets(words, plain))
    return clean_subject("; ".join(physical)), hint


def _with_brackets(words: str, text: str) -> str:
    """What was cut from a text's edges, with the brackets whose other half is in it: ``Alpha (6)``, ``(Plant 2) Hall 4``."""
    before, _, after = text.partition(words)
    while after and _unpaired(words, _BRACKETS.get(after[0]), after[0]):
        words, after = words + after[0], after[1:]
    while before and (closing := next((one for one, opening in _BRACKETS.items() if opening == before[-1]), None)):
        if not _unpaired(words[::-1], closing, before[-1]):
            break
        words, before = before[-1] + words, before[:-1]
    return words


def _unpaired(text: str, opening: str | None, closing: str) -> bool:
    """Whether a bracket opens in a text that does not close in it."""
    depth = 0
    for one in text:
        if one == opening:
            depth += 1
        elif one == closing:
            depth = max(0, depth - 1)
    return depth > 0
