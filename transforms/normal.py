"""Normal forms of identifiers and text (semantics 2.1): equal things become equal strings."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable
from functools import lru_cache

import idna
import phonenumbers
import tldextract

FREE_MAIL_WITHOUT_DOTS = frozenset({"gmail.com", "googlemail.com"})

# The bundled list, private suffixes on (else every site under a shared host would be one account); never the network.
_extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None, include_psl_private_domains=True)

_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+")
_PLAIN = re.compile(r"[a-z0-9._%+'\-]+@[a-z0-9\-]+(?:\.[a-z0-9\-]+)+")
_UNLISTED = re.compile(r"(?:^|\.)([a-z0-9_\-]+\.[a-z](?:[a-z0-9\-]*[a-z0-9])?)$")
_SPACES = re.compile(r"\s+")
_NO_ID = re.compile(r"[0-]+|-1|\(?null\)?|undefined|none|nil|nan|anonymous|\[object object\]", re.IGNORECASE)
_SURROGATES = re.compile("[\ud800-\udfff]")


@lru_cache(maxsize=65_536)
def email_id(raw: str) -> str | None:
    """``Ann <mailto:Ann@Example.COM>`` to ``email:ann@example.com``; None if there is no address in it.

    NFKC, trimmed, without ``mailto:`` and brackets, lowercased, the domain in IDNA's ASCII form.
    """
    if len(raw) > 400:
        return None
    if _PLAIN.fullmatch(raw):  # the common case needs none of what follows
        return "email:" + raw
    text = unicodedata.normalize("NFKC", raw).strip()
    if "<" in text and ">" in text:
        text = text[text.rfind("<") + 1 : text.rfind(">")]
    text = text.strip(" <>'\"")
    if text[:7].lower() == "mailto:":
        text = text[7:].partition("?")[0]
    text = text.strip().lower()
    if not _ADDRESS.fullmatch(text):
        return None
    local, _, host = text.rpartition("@")
    domain = _ascii_domain(host.rstrip("."))
    if not domain or _SURROGATES.search(local):
        return None
    return f"email:{local}@{domain}"


def _ascii_domain(domain: str) -> str | None:
    """IDNA's ASCII form, ``xn--mnchen-3ya.example``; None for what is no domain name."""
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        return None


ANONYMOUS = "anonymous_id:"
"""How a prefixed anonymous id begins; its system and its own id follow."""
ACCOUNT = "account:"
"""How the account begins that a source's profile names beside its identifiers."""
_NO_NAMES = (ANONYMOUS, ACCOUNT)


def names_of(ids: Iterable[str]) -> tuple[str, ...]:
    """Identifiers that tell more than a device, of a person: without the account that a profile names."""
    return tuple(one for one in ids if not one.startswith(_NO_NAMES))


def without_account(ids: Iterable[str]) -> tuple[str, ...]:
    """A profile's identifiers: colleagues share the account that stands beside them."""
    return tuple(one for one in ids if not one.startswith(ACCOUNT))


def of_system(native: str, system: str = "*") -> str:
    """An anonymous id, ``anonymous_id:segment:507f``; ``*`` where an alias names no system."""
    return f"{ANONYMOUS}{system}:{native}"


def of_any_system(anonymous_id: str) -> str:
    """``anonymous_id:*:507f`` of ``anonymous_id:segment:507f``."""
    return of_system(anonymous_id.split(":", 2)[-1])


CRM = "external_id:crm:"
"""How the identifier begins by which the CRM knows a person; the id of people.csv follows."""


def crm_id(person_id: str) -> str:
    """``external_id:crm:B1``."""
    return CRM + person_id


_NUMBERED = re.compile(r"([^0-9]*|.*[^0-9a-zA-Z])([0-9]+)", re.DOTALL)


def older_first(native: str) -> tuple[str, int, str, str]:
    """Orders ids of one system as it gave them out: 951 before 1002, ``C-951`` before ``C-1002``.

    A number counts where it is the whole id, or all that follows letters or a separator. Anything else is compared as text, which is
    right for ids of one length (Salesforce's), in which digits are letters like others.
    """
    found = _NUMBERED.fullmatch(native)
    if found is None:
        return native, 0, "", ""
    number = found[2].lstrip("0")
    return found[1], len(number), number, native


def email_base(address: str) -> str:
    """The second key of an address: without ``+tag``; for Gmail also without dots. Takes and gives ``local@domain``."""
    local, _, domain = address.rpartition("@")
    base = local.partition("+")[0] or local
    if domain in FREE_MAIL_WITHOUT_DOTS:
        base = base.replace(".", "")
    return f"{base}@{domain}"


def machine_pattern(words: Collection[str], names: Collection[str] = ()) -> re.Pattern[str]:
    """Matches the whole local part of an address that no human writes from: it is, starts or ends with one of ``words``, or of ``names``
    unless a dot joins it, as it joins a person's names.

    ``bounces`` gives ``bounces-17`` and ``jira.bounces``, a name ``bot`` gives ``deploy-bot`` and not ``thomas.bot``; a hyphen in a word
    stands for any separator (``no_reply``).
    """
    always, likely = _any_word(words), _any_word(names)
    return re.compile(
        rf"(?:{always})(?:[-_.].*)?|.*[-_.](?:{always})|(?:{likely})(?:[-_].*)?|.*[-_](?:{likely})", re.DOTALL
    )


def _any_word(words: Collection[str]) -> str:
    return "|".join(re.escape(word).replace(r"\-", "[-_.]") for word in words) or "(?!)"


def is_machine(email: str, machines: re.Pattern[str]) -> bool:
    """Whether an ``email:`` id is of that kind; a ``+tag`` says nothing."""
    return machines.fullmatch(email.removeprefix("email:").rpartition("@")[0].partition("+")[0]) is not None


@lru_cache(maxsize=16_384)
def phone_id(raw: str, region: str | None = None) -> str | None:
    """``phone:+14155550100`` (E.164; ``;ext=12`` behind it for an extension), or None for a number that is not valid."""
    if len(raw) > 60:
        return None
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    extension = f";ext={number.extension}" if number.extension else ""
    return "phone:" + phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) + extension


def is_national_phone(raw: str) -> bool:
    """Whether a text is a number as people write it in its country; if there is such a number there, only the country tells."""
    try:
        phonenumbers.parse(raw)
    except phonenumbers.NumberParseException as fault:
        return "+" not in raw and fault.error_type == phonenumbers.NumberParseException.INVALID_COUNTRY_CODE
    return False


@lru_cache(maxsize=65_536)
def registrable_domain(host: str) -> str | None:
    """``mail.eu.acme.co.uk`` to ``acme.co.uk``, in IDNA's ASCII form; None for an address, a bare suffix or a single label."""
    name = _ascii_domain(unicodedata.normalize("NFKC", host).strip().lower().rstrip("."))
    if name is None:
        return None
    found = _extract(name)
    if found.domain and found.suffix:
        return f"{found.domain}.{found.suffix}"
    # what is on no list (RFC 2606's test domains, a company's own network) has a suffix of one label: the list's rule "*"
    unlisted = None if found.suffix else _UNLISTED.search(name)
    return unlisted[1] if unlisted else None


def is_domain(text: str) -> bool:
    """Whether a text is the name of a domain, and of nothing else."""
    return re.fullmatch(r"[^\s@/:,;]+", text) is not None and registrable_domain(text) is not None


def scrub(text: str) -> str:
    """Without lone surrogates and NULs, which neither UTF-8 nor the warehouse can hold."""
    if text.isascii():
        return text.replace("\0", "")
    return _SURROGATES.sub("\ufffd", text).replace("\0", "")


def native_id(text: str | None) -> str:
    """A system's own id, scrubbed and without blanks around it; empty where it is missing or of nothing else, which tells nobody apart."""
    return scrub(text).strip() if text else ""


def user_id(text: str | None) -> str:
    """The native id of a tracker's user or device; empty also for what programs write where they know none, which all strangers
    would share: ``null``, ``undefined``, nothing but zeros."""
    known = native_id(text)
    return "" if _NO_ID.fullmatch(known) else known


def last_part(native: str) -> str:
    """A native id as the last part of a key, without a slash: what stands before it may hold some, and two things would share a key."""
    return native.replace("%", "%25").replace("/", "%2F")


def clean_subject(text: str | None, limit: int = 300) -> str | None:
    """One line, single spaces, at most ``limit`` characters; None if nothing is left."""
    if not text:
        return None
    line = _SPACES.sub(" ", scrub(text[: limit * 4])).strip()[:limit]
    return line or None


_GREETING = re.compile(
    r"(?:hi|hey|hello|dear|hallo|bonjour|hola|good (?:morning|afternoon|evening|day)|greetings)\b(?P<whom>.*)",
    re.IGNORECASE,
)
_ADDRESSED = frozenset((
    "mr", "mrs", "ms", "dr", "prof", "sir", "madam", "and", "&", "both", "all", "everyone", "everybody", "team", "folks",
    "there", "again", "guys",
))  # fmt: skip
"""What may stand beside names where somebody is greeted."""


def is_salutation(line: str) -> bool:
    """Whether a line greets somebody and does no more: ``Hi Ann and Bob,``.

    Names are told by their capital; one word may be anybody's however it is written, and two where the line ends with a mark.
    """
    found = _GREETING.fullmatch(line.strip())
    if found is None:
        return False
    whom = found["whom"].strip()
    bare = whom.rstrip(",.!:;")
    words = bare.split()
    others = [word for word in words if word.lower().rstrip(".") not in _ADDRESSED]
    if len(words) > 4 or any(mark in word for word in others for mark in ",.!?:;"):
        return False
    return all(map(_is_name, others)) or len(words) <= (2 if bare != whom else 1)


def _is_name(word: str) -> bool:
    """With a capital, and not in capitals as abbreviations are; scripts without capitals pass."""
    return word[0].isalpha() and not word[0].islower() and not (len(word) > 1 and word.isupper())


_REPLY = re.compile(
    r"\s*(?:\[[^\]]{1,40}\]\s*)*"
    r"(?:re|aw|antw|antwort|sv|vs|res|rif|r|odp|ynt|vá|atb|bls|απ|σχετ|отв|ответ|回[复覆]|答[复覆]|返信|회신|رد|השב|תגובה)"
    r"\s*(?:\[\d+\])?\s*[:\uff1a]",
    re.IGNORECASE,
)


def is_parents_subject(subject: str | None) -> bool:
    """Whether a subject repeats that of the message which it answers: ``Re: …``, also in other languages and behind a tag."""
    return subject is not None and _REPLY.match(subject) is not None


def reply_prefix(subject: str) -> str:
    """What says that a subject repeats another's: ``Re: `` of ``Re: Pricing``; empty if nothing does."""
    found = _REPLY.match(subject)
    return found[0] if found else ""


QUESTION_MARKS = "?\uff1f\u061f"
"""As Latin, Chinese and Japanese, and Arabic writers have it."""


def has_question_mark(text: str) -> bool:
    """Whether one stands anywhere."""
    return any(mark in text for mark in QUESTION_MARKS)


def text_facts(text: str | None, limit: int = 120) -> tuple[str | None, bool | None, int | None]:
    """(first line, whether a ``?`` stands anywhere, length in characters); Nones where there is no text.

    The first line is the first that is not empty. That it greets somebody and no more (``Hi Ann,``) says nothing: then it is the next.
    """
    if text is None:
        return None, None, None
    stripped = text.strip()
    if not stripped:
        return None, None, 0
    first, _, further = stripped.partition("\n")
    if further and is_salutation(first):
        first = further.lstrip().partition("\n")[0]
    return clean_subject(first, limit), has_question_mark(stripped), len(stripped)
