"""One file per source system, found by being in this folder; nothing else is edited to add one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from functools import cache
from typing import Literal

import msgspec

from transforms.event import Event, Ignored, Parsed, Reject
from transforms.frames.apart import Inner

Framing = Literal["json", "lines", "mail", "ics"]
"""How a file's bytes fall into frames (``transforms.records``).

``json``   an object, an array, or one object a line
``lines``  one record a line (a leading ``{`` or ``[`` makes it ``json``)
``mail``   one RFC 5322 message, or an mbox
``ics``    one VCALENDAR stream; each VEVENT is a record
"""


class Context(msgspec.Struct, frozen=True):
    """Where a record stood, for the few adapters that need it."""

    name: str
    """Path below ``inbox/<source>/`` with forward slashes, or ``<topic>/<partition>``."""
    zone: str | None = None
    """IANA time zone for this source's naive timestamps; None quarantines them."""
    until: int = 0
    """Recurring entries are expanded up to this time (microseconds)."""


class SourceSpec(msgspec.Struct, frozen=True):
    """A source system: how to read its payloads and what it supports."""

    name: str
    title: str
    channel: str
    version: str
    """Of the adapter; lands in ``ledger_unit.adapter_version``."""
    framing: Framing
    parse: Callable[[bytes, Context], Parsed]
    """One record's bytes to an event, several, or ``Ignored``; raises ``Reject`` or ``msgspec.ValidationError``."""
    supports: tuple[str, ...]
    """One line per payload kind, for ``touchloop sources``."""
    explode: Callable[[bytes, Context], Iterable[bytes]] | None = None
    """Splits one frame that holds several records (``{"batch": [...]}``) without judging them; None: a frame is a record."""
    lists: tuple[Inner, ...] = ()
    """Lists in a record whose elements can fail alone. Nothing that ``parse`` gives of such a record may depend on ``until``."""


@cache
def all_sources() -> dict[str, SourceSpec]:
    """Name to spec, for every module in this folder."""
    found: dict[str, SourceSpec] = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        spec = getattr(importlib.import_module(f"{__name__}.{module.name}"), "SOURCE", None)
        if isinstance(spec, SourceSpec):
            found[spec.name] = spec
    return found


def parse_record(spec: SourceSpec, record: bytes, context: Context, *, keep: bool = False) -> list[Event] | Ignored:
    """One record through its adapter, with msgspec's complaints turned into rejects that keep the path.

    A record whose elements can fail alone is read to find out whether they do, and again for its events: what the first reading
    gave is kept (``keep``) until the second one takes it, if the record is not large.

    Raises ``Reject``; any other exception is a bug of ours and is meant to crash.
    """
    if spec.lists and context.zone is None:  # a zone may make a time of what has none without
        place = (spec.name, context.name, record)
        if keep and len(record) <= LARGEST_KEPT:
            if len(_KEPT) >= MOST_KEPT:
                _KEPT.clear()
            _KEPT[place] = parsed = _parse_record(spec, record, context)
            return parsed
        if not keep and (found := _KEPT.pop(place, None)) is not None:
            return found
    return _parse_record(spec, record, context)


MOST_KEPT, LARGEST_KEPT = 5_000, 8_000
"""Readings, and bytes of a record: what nobody takes (the source has a time zone) stays small until it is forgotten."""
_KEPT: dict[tuple[str, str, bytes], list[Event] | Ignored] = {}


def _parse_record(spec: SourceSpec, record: bytes, context: Context) -> list[Event] | Ignored:
    try:
        parsed = spec.parse(record, context)
    except msgspec.ValidationError as error:
        raise validation_reject(error) from None
    except msgspec.DecodeError as error:
        raise Reject("malformed_json", None, f"not valid JSON: {error}") from None
    except UnicodeDecodeError as error:
        raise Reject("invalid_encoding", None, f"not valid UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise Reject("too_deep", None, "nested too deeply to be read") from None
    if isinstance(parsed, Event):
        return [parsed]
    return parsed


def validation_reject(error: msgspec.ValidationError) -> Reject:
    """``Object missing required field `ts` - at `$.event``` to (missing_field, $.event.ts, …)."""
    text = str(error)
    message, _, tail = text.partition(" - at ")
    path = tail.strip("`") or "$"
    if message.startswith("Object missing required field"):
        field = message.rsplit("`", 2)[1]
        return Reject("missing_field", f"{path}.{field}", f"required field {path}.{field} is missing")
    return Reject("invalid_field", path, f"{path}: {message}")
