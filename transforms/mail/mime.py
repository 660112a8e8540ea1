"""The bytes of an RFC 5322 message to its headers and its leaves, as leniently as a mail client reads them.

The standard library's ``email`` package reads line by line and builds a tree of objects, attachments included. Here the
header block is cut by one regular expression, a body is split at its boundaries only if it is a multipart, and only a
part that is read gets decoded. A test holds the result against the standard library's on real mail.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Callable
from email.message import Message
from functools import lru_cache
from typing import NamedTuple

from transforms.normal import scrub

Headers = dict[str, list[str]]
"""Lowercased name to values, topmost first; unfolded, encoded words not yet decoded."""

HEADER_BYTES = 1 << 20
"""A header block is read up to here: what is longer is an attack or no header."""
MAX_DEPTH = 16
MAX_LEAVES = 400

_FIELD = re.compile(r"^([!-9;-~]+)[ \t]*:[ \t]*(.*(?:\n[ \t].*)*)", re.MULTILINE)
_FIELD_BYTES = re.compile(rb"[!-9;-~]+[ \t]*:")
_PARAMETER = re.compile(r';\s*([^\s=;"]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))')
_WORD = re.compile(r"=\?([!->@-~]+)\?([bBqQ])\?(.*?)\?=", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")

# Declared names of what is in truth a superset: with it the same bytes read the same, and more of them read at all.
_SUPERSETS = {
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "ks_c_5601-1987": "cp949", "euc-kr": "cp949",
    "shift_jis": "cp932", "shift-jis": "cp932", "x-sjis": "cp932", "iso-8859-1": "cp1252", "latin1": "cp1252",
    "us-ascii": "ascii", "iso-8859-8-i": "iso-8859-8", "unicode-1-1-utf-7": "utf-7",
}  # fmt: skip
# Charsets (by how their names begin) in which ASCII bytes are not ASCII text.
_SHIFTING = ("utf-7", "utf-16", "utf-32", "iso2022", "hz")
# Codecs of Python that are no charset of mail, and quadratic or surprising on foreign bytes.
_NO_CHARSETS = frozenset({"punycode", "idna", "undefined", "unicode-escape", "raw-unicode-escape", "mbcs", "oem"})


class Leaf(NamedTuple):
    """One part that holds no parts."""

    kind: str
    """``text/plain``, lowercased, without parameters."""
    charset: str | None
    filename: str | None
    is_attachment: bool
    """Said to be one by its disposition."""
    read: Callable[[], bytes]
    """Its bytes, transfer encoding undone; called only for the parts that matter."""
    method: str | None = None
    """What a calendar says by a ``text/calendar`` part (RFC 6047): ``request``, ``reply`` …"""
    is_flowed: bool = False
    """Plain text whose paragraphs are broken into lines (RFC 3676)."""
    delsp: bool = False
    """The space before such a break is not the text's."""


class MailBytes(NamedTuple):
    """A message as cut from its bytes."""

    headers: Headers
    body: bytes
    envelope: str
    """What follows ``From `` on an mbox separator line that was left in front: sender and date; else empty."""


def read_message(data: bytes) -> MailBytes:
    """Cut a message; anything can be cut, and what is no mail has no headers."""
    if data[:3] == codecs.BOM_UTF8:
        data = data[3:]
    if data[:1] in b"\r\n":
        data = data.lstrip(b"\r\n")
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")  # one bare CR per line: an old Mac's
    envelope = ""
    if data.startswith((b"From ", b">From ")):
        line, _, data = data.partition(b"\n")
        envelope = line.partition(b"From ")[2].decode("ascii", "replace").strip()
    headers, body = read_part(data)
    return MailBytes(headers, body, envelope)


def read_part(data: bytes) -> tuple[Headers, bytes]:
    """Headers and body of a message or of one section of a multipart; without headers all of it is body."""
    if data[:1] == b"\n":
        return {}, data[1:]
    if data[:2] == b"\r\n":
        return {}, data[2:]
    end, skip = data.find(b"\n\n"), 2
    mixed = data.find(b"\n\r\n", 0, end if end >= 0 else len(data))
    if mixed >= 0:
        end, skip = mixed, 3
    elif end < 0:
        if not _FIELD_BYTES.match(data):
            return {}, data
        end = len(data)
    return read_headers(data[: min(end, HEADER_BYTES)]), data[end + skip :]


def read_headers(block: bytes) -> Headers:
    """Fields by lowercased name. Lines that are no field are passed over, as a client does, and end nothing."""
    try:
        text, is_raw = block.decode("ascii"), False
    except UnicodeDecodeError:
        text, is_raw = block.decode("latin-1"), True
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    headers: Headers = {}
    for name, value in _FIELD.findall(text):
        if "\n" in value:
            value = value.replace("\n", "")
        headers.setdefault(name.lower(), []).append(value)
    return _with_charset(headers) if is_raw else headers


def _with_charset(headers: Headers) -> Headers:
    """Eight-bit headers: UTF-8 where they are valid UTF-8, else the charset that the message declares for its text."""
    declared = dict(content_type(headers.get("content-type", [""])[0])[1]).get("charset")
    return {
        name: [decode_text(value.encode("latin-1"), None, declared) for value in values]
        for name, values in headers.items()
    }


@lru_cache(maxsize=4096)
def content_type(value: str) -> tuple[str, tuple[tuple[str, str], ...]]:
    """``text/plain; charset=x`` to ``("text/plain", (("charset", "x"),))``; a kind that is none is ``text/plain``."""
    head = value.partition(";")[0].strip().lower()
    kind = head if head.count("/") == 1 else "text/plain"
    if head == "multipart":
        kind = "multipart/mixed"
    return kind, parameters(value)


def parameters(value: str) -> tuple[tuple[str, str], ...]:
    """Parameters of a structured header by lowercased name, quotes and escapes undone, first of each name first."""
    if ";" not in value:
        return ()
    found = []
    for name, quoted, bare in _PARAMETER.findall(value):
        text = _ESCAPED.sub(r"\1", quoted) if quoted else bare.strip().strip('"')
        found.append((name.lower(), text))
    return tuple(reversed(found))  # so that dict() keeps the first of a repeated name


def leaves(headers: Headers, body: bytes) -> list[Leaf]:
    """The parts of a message that hold no parts, in order; an attached message counts as one."""
    found: list[Leaf] = []
    _collect(headers, body, "text/plain", 0, found)
    return found


def _collect(headers: Headers, body: bytes, default: str, depth: int, found: list[Leaf]) -> None:
    values = headers.get("content-type")
    kind, params = content_type(values[0]) if values and values[0] else (default, ())
    encoding = headers.get("content-transfer-encoding")
    how = encoding[0].strip(" \t;").lower() if encoding else ""
    if kind.startswith("multipart/") and depth < MAX_DEPTH:
        sections = _split_multipart(body, dict(params).get("boundary", ""), how)
        inner = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        for section in sections:
            if len(found) >= MAX_LEAVES:
                return
            part_headers, part_body = read_part(section)
            _collect(part_headers, part_body, inner, depth + 1, found)
        if sections:
            return
        kind = "text/plain"  # no boundary is to be found: a client shows what is there
    found.append(_leaf(headers, kind, params, lambda: decode_transfer(body, how)))


def _leaf(headers: Headers, kind: str, params: tuple[tuple[str, str], ...], read: Callable[[], bytes]) -> Leaf:
    charset = None
    for key, value in params:
        if key == "charset":
            charset = value
    disposition = headers.get("content-disposition")
    if disposition is None and not params:
        return Leaf(kind, None, None, False, read)
    said = disposition[0] if disposition else ""
    values = headers.get("content-type", [""])
    return Leaf(
        kind,
        charset,
        file_name(said, values[0]),
        said[:10].lower() == "attachment",
        read,
        method_of(kind, params),
        *flow_of(kind, params),
    )


def method_of(kind: str, params: tuple[tuple[str, str], ...]) -> str | None:
    """The iTIP method of a ``text/calendar`` part, lowercased; None for other parts and where none is named."""
    return (dict(params).get("method") or "").strip().lower() or None if kind == "text/calendar" else None


def flow_of(kind: str, params: tuple[tuple[str, str], ...]) -> tuple[bool, bool]:
    """``Leaf.is_flowed`` and ``Leaf.delsp`` of a part."""
    said = {name: value.strip().lower() for name, value in params} if kind == "text/plain" else {}
    return said.get("format") == "flowed", said.get("delsp") == "yes"


def _split_multipart(body: bytes, boundary: str, how: str) -> list[bytes]:
    """Sections between boundary lines. A closing line may be missing; a longer line is no boundary."""
    if not boundary:
        return []
    delimiter = b"--" + boundary.encode("latin-1", "replace")
    sections = _sections(body, delimiter)
    if not sections and how in {"base64", "quoted-printable"}:  # forbidden, but seen: the whole multipart is encoded
        sections = _sections(decode_transfer(body, how), delimiter)
    return sections


def _sections(body: bytes, delimiter: bytes) -> list[bytes]:
    sections: list[bytes] = []
    start = -1
    at = body.find(delimiter)
    while at >= 0:
        end = at + len(delimiter)
        line_end = body.find(b"\n", end)
        line_end = len(body) if line_end < 0 else line_end
        rest = body[end:line_end].strip()
        if (at == 0 or body[at - 1] in b"\r\n") and (not rest or rest.startswith(b"--")):
            if start >= 0:
                sections.append(body[start:at].removesuffix(b"\n").removesuffix(b"\r"))
            start = -1 if rest else line_end + 1
            if rest:
                break
        at = body.find(delimiter, end)
    if start >= 0:
        sections.append(body[start:])
    return sections


def decode_transfer(body: bytes, how: str) -> bytes:
    """Undo a Content-Transfer-Encoding; an unknown one is left as it is."""
    if how == "base64":
        return decode_base64(body)
    if how == "quoted-printable":
        return binascii.a2b_qp(body)
    return body


def decode_base64(data: bytes) -> bytes:
    """Base64 of either alphabet, with or without padding; what is no Base64 in it is skipped."""
    clean = _NOT_BASE64.sub(b"", data.replace(b"-", b"+").replace(b"_", b"/"))
    if len(clean) % 4 == 1:
        clean = clean[:-1]
    return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))


@lru_cache(maxsize=512)
def charset_of(name: str | None) -> str | None:
    """Python's codec for a declared charset; None for one that does not exist or is no charset."""
    if not name or len(name) > 40:
        return None
    wanted = name.strip().strip("'\"").lower().partition("*")[0]
    if not wanted.isascii():
        return None
    try:
        info = codecs.lookup(_SUPERSETS.get(wanted, wanted))
    except (LookupError, ValueError):
        return None
    is_text = getattr(info, "_is_text_encoding", True)
    return info.name if is_text and info.name.replace("_", "-") not in _NO_CHARSETS else None


def decode_text(data: bytes, charset: str | None = None, second: str | None = None) -> str:
    """Bytes to text: by the declared charset, else as UTF-8, else by a second guess, else with replacements."""
    codec = charset_of(charset)
    if data.isascii() and (codec is None or not codec.startswith(_SHIFTING)):
        return data.decode("ascii").replace("\0", "")
    other = charset_of(second)
    for name in (codec, "utf-8", other):
        if name is None:
            continue
        try:
            return scrub(data.decode(name))
        except ValueError:
            continue
    last = codec or other
    try:
        return scrub(data.decode(last if last and last != "ascii" else "cp1252", "replace"))
    except ValueError:  # some codecs refuse to replace
        return scrub(data.decode("cp1252", "replace"))


def decode_words(value: str) -> str:
    """Encoded words (RFC 2047) to text, inside quotes and without spaces between them too; never fails."""
    if "=?" not in value:
        return value
    out: list[str] = []
    pending, pending_charset = b"", ""
    at = 0
    for word in _WORD.finditer(value):
        between = value[at : word.start()]
        charset, how, text = word.groups()
        raw = text.encode("utf-8", "replace")
        data = decode_base64(raw) if how in "bB" else binascii.a2b_qp(raw.replace(b" ", b"_"), header=True)
        charset = charset.partition("*")[0].lower()
        glued = pending_charset and (not between or between.isspace())
        if glued and charset == pending_charset:
            pending += data  # a multi-byte character may be cut in two by the word's end
        else:
            out.append(decode_text(pending, pending_charset) if pending_charset else "")
            out.append("" if glued else between)
            pending, pending_charset = data, charset
        at = word.end()
    out.append(decode_text(pending, pending_charset) if pending_charset else "")
    out.append(value[at:])
    return "".join(out)


def file_name(disposition: str, kind: str) -> str | None:
    """A part's file name: of its disposition, else of its content type; decoded, without folders."""
    name = _named(disposition, "filename") or _named(kind, "name")
    return base_name(decode_words(name)) if name else None


def base_name(name: str) -> str | None:
    """``C:\\tmp\\offer.pdf`` to ``offer.pdf``; None if nothing is left."""
    last = scrub(name.replace("\\", "/").rstrip("/ ").rpartition("/")[2])
    return " ".join(last.split())[:255] or None


def _named(value: str, wanted: str) -> str | None:
    if wanted not in value.lower():
        return None
    if "*" in value:
        found = _extended(value, wanted)
        if found:
            return found
    return dict(parameters(value)).get(wanted)


def _extended(value: str, wanted: str) -> str | None:
    """``filename*0*=utf-8''a%20;filename*1=b`` (RFC 2231), by the standard library."""
    carrier = Message()
    try:
        carrier["x"] = value.replace("\r", " ").replace("\n", " ")
        found = carrier.get_param(wanted, header="x")
    except (ValueError, LookupError, TypeError, AttributeError):  # its code for continuations fails in all of these
        return None
    if isinstance(found, tuple):
        charset, _, text = found
        return decode_text(text.encode("latin-1", "replace"), charset)
    return found if isinstance(found, str) else None
