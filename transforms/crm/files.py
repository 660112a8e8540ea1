"""The directory's eight CSV files (semantics 2.8) to typed rows; a bad row is a ``Reject`` and the others go on.

Decisions where the files may say more than one thing:

* A date alone is midnight in ``zone``, else UTC, for ends too: ``valid_to`` is the first moment that no longer counts.
  An end of which only the day is told, the one of its start, does not lie before it: it is the start.
  A time of day that names no zone is a bad row unless ``zone`` is given. ``9999-…`` in ``valid_to`` means "still".
* An open deal's ``closed_at`` is a forecast, as CRMs show one, and is dropped.
* An address that is none is a rejected row, because it would otherwise fail in silence; a phone number that is none is
  merely no key (semantics 2.1).
* Closed vocabularies are read without regard to case, and ``Economic Buyer`` is ``economic_buyer``.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import msgspec

from schemas import vocab
from transforms.crm.csv_records import split_csv
from transforms.crm.rows import (
    Account,
    Alias,
    Asset,
    Assignment,
    Crm,
    GroupMember,
    Opportunity,
    Person,
    Row,
    StageChange,
    crm_of,
)
from transforms.event import Reject
from transforms.normal import email_id, is_national_phone, of_system, phone_id, registrable_domain, scrub
from transforms.times import DAY, parse_iso, to_datetime, zone_of

__all__ = [
    "CRM_FILES", "Account", "Alias", "Asset", "Assignment", "Crm", "GroupMember", "Opportunity", "Person", "Row",
    "StageChange", "bare_label", "crm_of", "header_fault", "of_known_deals", "read_crm_file", "unknown_columns",
]  # fmt: skip

CRM_FILES: dict[str, type] = {
    "accounts.csv": Account,
    "people.csv": Person,
    "opportunities.csv": Opportunity,
    "stage_history.csv": StageChange,
    "buying_group.csv": GroupMember,
    "assignments.csv": Assignment,
    "assets.csv": Asset,
    "aliases.csv": Alias,
}

Cell = Callable[[str, str, str | None], Any]
"""(text of a cell, stripped and never empty; its column; zone of naive times or None) to a value; raises ``Reject``."""


NO_ROLES: Mapping[str, str] = MappingProxyType({})
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
OTHER_SEPARATORS = (";", "\t", "|")
"""Of columns; none is part of a column's name."""


class _Layout(msgspec.Struct, frozen=True):
    """How a file becomes rows: the columns that must be filled, the key, and the columns that are no plain text."""

    required: tuple[str, ...]
    key: tuple[str, ...]
    cells: Mapping[str, Cell] = {}


def read_crm_file(
    name: str, data: bytes, zone: str | None = None, roles: Mapping[str, str] = NO_ROLES
) -> Iterator[tuple[int, bytes, Row | Reject]]:
    """The data rows of one CRM file, in order.

    ``name`` is a path whose last part is one of ``CRM_FILES``; ``data`` the file's bytes, UTF-8 with or without a byte
    order mark; ``zone`` the IANA zone of times that name none, which are rejects without it; ``roles`` a CRM's own names
    of buyer roles to ours. Yields (position of the record, 0 for the first after the header; its bytes without the line
    end; the row, or the ``Reject`` that names column and value). No bytes make it raise.
    """
    file = name.replace("\\", "/").rpartition("/")[2].lower()
    row_type = CRM_FILES.get(file)
    if row_type is None:
        yield 0, data, Reject("unknown_file", None, f"{file[:80]!r} is none of {', '.join(CRM_FILES)}")
        return
    layout = _LAYOUTS[file]
    if roles and "buyer_role" in layout.cells:
        layout = msgspec.structs.replace(layout, cells={**layout.cells, "buyer_role": _role(roles)})
    header, records = split_csv(data)
    fault = _header_fault(data, header, layout)
    seen: dict[tuple[Any, ...], int] = {}
    for position, record in enumerate(records):
        try:
            if fault is not None:
                raise Reject(fault.reason_code, fault.field_path, fault.detail)
            row = _row(row_type, layout, _cells(header, record.fields), zone)
            _check_unique(row, layout.key, seen, position)
            yield position, record.raw, row
        except Reject as reject:
            yield position, record.raw, reject


def unknown_columns(name: str, data: bytes) -> list[str]:
    """The columns of the file that no row has a place for, sorted; they are kept out."""
    row_type = CRM_FILES.get(name.replace("\\", "/").rpartition("/")[2].lower())
    if row_type is None:
        return []
    header, _ = split_csv(data)
    if isinstance(header, Reject) or _other_separator(header):
        return []
    known = set(row_type.__struct_fields__)  # type: ignore[attr-defined]
    return sorted({column for column in header if column and column not in known})


def of_known_deals(
    verdicts: Iterable[tuple[int, bytes, Row | Reject]], known: Collection[str]
) -> Iterator[tuple[int, bytes, Row | Reject]]:
    """The rows of ``stage_history.csv`` as ``read_crm_file`` yields them; those of a deal that is not ``known`` are rejects."""
    for position, raw, row in verdicts:
        if isinstance(row, StageChange) and row.opportunity_id not in known:
            yield position, raw, _invalid("opportunity_id", row.opportunity_id, "not a deal of opportunities.csv")
        else:
            yield position, raw, row


def header_fault(name: str, data: bytes) -> Reject | None:
    """What makes every row of the file unreadable, if anything does."""
    layout = _LAYOUTS.get(name.replace("\\", "/").rpartition("/")[2].lower())
    return None if layout is None else _header_fault(data, split_csv(data)[0], layout)


def _header_fault(data: bytes, header: list[str] | Reject, layout: _Layout) -> Reject | None:
    if data.startswith(UTF_16):
        return Reject("invalid_encoding", None, "the file is UTF-16, where it must be UTF-8")
    if isinstance(header, Reject):
        return header
    separator = _other_separator(header)
    if separator is not None:
        detail = f"the header's columns are separated by {separator!r}, where commas must be"
        return Reject("malformed_csv", None, detail)
    for column in layout.required:
        if column not in header:
            return Reject("missing_field", column, f"the header has no column {column}")
    for column in header:
        if column and header.count(column) > 1:
            return Reject("malformed_csv", column[:80], f"the header has the column {column[:80]!r} twice")
    return None


def _other_separator(header: list[str]) -> str | None:
    """What a spreadsheet of another country, or another export, has put in the place of commas."""
    return next((one for one in OTHER_SEPARATORS if len(header) == 1 and one in header[0]), None)


def _cells(header: list[str] | Reject, fields: list[str] | Reject) -> dict[str, str]:
    """Filled cells by column; empty ones are left out."""
    if isinstance(header, Reject):
        raise header
    if isinstance(fields, Reject):
        raise fields
    if len(fields) != len(header):
        raise Reject("malformed_csv", None, f"the row has {len(fields)} cells, the header {len(header)}")
    stripped = ((column, scrub(text).strip()) for column, text in zip(header, fields, strict=True))
    return {column: text for column, text in stripped if text}


def _row(row_type: type, layout: _Layout, cells: dict[str, str], zone: str | None) -> Row:
    for column in layout.required:
        if column not in cells:
            raise Reject("missing_field", column, f"{column} is empty")
    values: dict[str, Any] = {}
    for column in row_type.__struct_fields__:  # type: ignore[attr-defined]
        text = cells.get(column)
        if text is not None:
            parse = layout.cells.get(column)
            values[column] = text if parse is None else parse(text, column, zone)
    row: Row = row_type(**values)
    return _consistent(row, cells)


def _consistent(row: Row, cells: Mapping[str, str]) -> Row:
    """The row with what depends on several columns settled, or a reject."""
    if isinstance(row, Opportunity):
        if row.status == "open":
            return msgspec.structs.replace(row, closed_at=None)
        return _in_order(row, cells, "opened_at", "closed_at")
    if isinstance(row, GroupMember | Assignment):
        return _in_order(row, cells, "valid_from", "valid_to")
    if isinstance(row, Alias):
        return msgspec.structs.replace(row, identifier=_identifier(row.identifier_type, row.identifier))
    return row


def _in_order(row: Row, cells: Mapping[str, str], start_column: str, end_column: str) -> Row:
    """The row with an end that does not lie before its start, or a reject: Salesforce tells when a deal was created, but only the day it closed."""
    start, end = getattr(row, start_column), getattr(row, end_column)
    if start is None or end is None or end >= start:
        return row
    if start - end < DAY and _DATE.fullmatch(cells[end_column]):
        return msgspec.structs.replace(row, **{end_column: start})
    raise Reject("invalid_interval", end_column, f"{end_column} lies before {start_column}")


def _check_unique(row: Row, key: tuple[str, ...], seen: dict[tuple[Any, ...], int], position: int) -> None:
    value = tuple(getattr(row, column) for column in key)
    first = seen.setdefault(value, position)
    if first != position:
        shown = ", ".join(map(_shown, value))[:120]
        raise Reject("duplicate_key", key[0], f"{'+'.join(key)} {shown!r} stands in record {first} already")


def _shown(part: str | int | None) -> str:
    """A part of a key as a file has it: all but times are text."""
    return to_datetime(part).isoformat() if isinstance(part, int) else part or ""


def _invalid(column: str, text: str, wanted: str) -> Reject:
    return Reject("invalid_field", column, f"{column} is {text[:80]!r}: {wanted}")


def _role(roles: Mapping[str, str]) -> Cell:
    """One of ours, or a name that the settings map to one."""
    mapped = {bare_label(name): role for name, role in roles.items()}
    ours = _one_of(vocab.BUYER_ROLES)

    def parse(text: str, column: str, zone: str | None) -> str:
        found: str = mapped.get(bare_label(text)) or ours(text, column, zone)
        return found

    return parse


def bare_label(label: str) -> str:
    """A role's name whatever its case and separators."""
    return "".join(c for c in label.casefold() if c.isalnum())


def _one_of(values: tuple[str, ...]) -> Cell:
    def parse(text: str, column: str, zone: str | None) -> str:
        value = text.lower().replace(" ", "_").replace("-", "_")
        if value not in values:
            raise _invalid(column, text, f"not one of {', '.join(values)}")
        return value

    return parse


_DATE = re.compile(r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}")


def _time(text: str, column: str, zone: str | None) -> int:
    return parse_iso(text, column, zone or "UTC" if _DATE.fullmatch(text) else zone)


def _end(text: str, column: str, zone: str | None) -> int | None:
    return None if text.startswith("9999-") else _time(text, column, zone)


_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _flag(text: str, column: str, zone: str | None) -> bool:
    value = _TRUTH.get(text.lower())
    if value is None:
        raise _invalid(column, text, "not one of true, false, yes, no, 1, 0")
    return value


CENT, TOO_LARGE = Decimal("0.01"), Decimal(10) ** 16
_AMOUNT = re.compile(r"-?[0-9]{1,16}(\.[0-9]{1,6})?")


def _amount(text: str, column: str, zone: str | None) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        raise _invalid(column, text, "not a decimal number such as 640000.00")
    amount = Decimal(text).quantize(CENT)  # half to even; some currencies have three decimals
    if abs(amount) >= TOO_LARGE:
        raise _invalid(column, text, "larger than an amount may be")
    return amount


def _currency(text: str, column: str, zone: str | None) -> str:
    if len(text) != 3 or not text.isascii() or not text.isalpha():
        raise _invalid(column, text, "not a currency code of three letters")
    return text.upper()


def _country(text: str, column: str, zone: str | None) -> str:
    return text.upper()


def _zone(text: str, column: str, zone: str | None) -> str:
    if zone_of(text) is None:
        raise _invalid(column, text, "not an IANA time zone")
    return text


def _items(text: str) -> list[str]:
    return [item for item in (part.strip() for part in text.split(";")) if item]


def _list(text: str, column: str, zone: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_items(text)))


def _emails(text: str, column: str, zone: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_identifier("email", item, column) for item in _items(text)))


def _external_ids(text: str, column: str, zone: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_identifier("external_id", item, column) for item in _items(text)))


_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)


def _domains(text: str, column: str, zone: str | None) -> tuple[str, ...]:
    """Registrable domains; CRMs keep websites in this place, so ``https://www.acme.test/about`` is ``acme.test``."""
    found = []
    for item in _items(text):
        host = re.split(r"[/?#:]", _SCHEME.sub("", item), maxsplit=1)[0].rpartition("@")[2]
        domain = registrable_domain(host)
        if domain is None:
            raise _invalid(column, item, "not a domain that somebody registered")
        found.append(domain)
    return tuple(dict.fromkeys(found))


def _identifier(kind: str, text: str, column: str = "identifier") -> str:
    """The prefixed normal form of an identifier of one of the four types. An anonymous id may stand without a system: then it is of any.

    A national phone number stays as it is written: which one it is, the account of its person decides (``Alias.in_region``).
    """
    if kind == "email":
        found = email_id(text)
        wanted = "not an email address"
    elif kind == "phone":
        found = phone_id(text) or (f"phone:{text}" if is_national_phone(text) else None)
        wanted = "not a phone number"
    else:
        system, _, native = (part.strip() for part in text.removeprefix(f"{kind}:").partition(":"))
        if kind == "anonymous_id" and system and not native:
            return of_system(system)
        found = f"{kind}:{system.lower()}:{native}" if system and native else None
        wanted = "not of the form system:id"
    if found is None:
        raise _invalid(column, text, wanted)
    return found


_LAYOUTS: dict[str, _Layout] = {
    "accounts.csv": _Layout(
        required=("account_id",),
        key=("account_id",),
        cells={"domains": _domains, "country": _country},
    ),
    "people.csv": _Layout(
        required=("person_id", "side"),
        key=("person_id",),
        cells={
            "side": _one_of(("buyer", "seller", "partner")),
            "emails": _emails,
            "phones": _list,
            "is_executive": _flag,
            "timezone": _zone,
            "external_ids": _external_ids,
        },
    ),
    "opportunities.csv": _Layout(
        required=("opportunity_id", "account_id", "opened_at", "status"),
        key=("opportunity_id",),
        cells={
            "opened_at": _time,
            "closed_at": _time,
            "status": _one_of(vocab.OPPORTUNITY_STATUSES),
            "amount": _amount,
            "currency": _currency,
        },
    ),
    # an export that writes a row for every change of a deal repeats the stage: what is a change is worked out later
    "stage_history.csv": _Layout(
        required=("opportunity_id", "stage", "entered_at"),
        key=("opportunity_id", "entered_at"),
        cells={"entered_at": _time},
    ),
    "buying_group.csv": _Layout(
        required=("opportunity_id", "person_id", "buyer_role"),
        key=("opportunity_id", "person_id", "buyer_role", "valid_from"),
        cells={"buyer_role": _one_of(vocab.BUYER_ROLES), "valid_from": _time, "valid_to": _end},
    ),
    "assignments.csv": _Layout(
        required=("account_id", "seller_id", "role"),
        key=("account_id", "seller_id", "role", "valid_from"),
        cells={"role": _one_of(("owner", "team")), "valid_from": _time, "valid_to": _end},
    ),
    "assets.csv": _Layout(
        required=("asset_id", "asset_type"),
        key=("asset_id",),
        cells={"asset_type": _one_of(vocab.ASSET_TYPES)},
    ),
    # The person is part of the key: an identifier given to two persons is for resolution to decide and to log.
    "aliases.csv": _Layout(
        required=("identifier_type", "identifier", "person_id"),
        key=("identifier_type", "identifier", "person_id"),
        cells={"identifier_type": _one_of(("email", "phone", "external_id", "anonymous_id"))},
    ),
}
