"""Items of a mutual action plan, as tracked app events tell of them.

No standard names these properties, so this is one table of the names that trackers give them, for every such source. Case and
separators do not count: ``planItemId``, ``plan_item_id`` and ``Plan Item ID`` are one name. What cannot be read says nothing:
a due date in words is no reason to turn an event away.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from transforms.event import Party, PlanItem, Reject
from transforms.normal import clean_subject, email_id, scrub
from transforms.times import from_epoch_millis, from_epoch_seconds, parse_iso

_ITEM = ("planitemid", "plantaskid", "planstepid", "actionitemid", "itemid", "taskid", "stepid", "id")
_PLAN = ("planid", "actionplanid", "mutualactionplanid", "mapid")
_TITLE = ("title", "itemtitle", "tasktitle", "steptitle", "itemname", "taskname", "stepname", "name")
_OWNER = ("owner", "assignee", "assignedto", "owneremail", "assigneeemail", "assignedtoemail")
_SIDE = ("ownerside", "assigneeside", "ownertype", "assigneetype")
_DUE = ("dueat", "duedate", "dueon", "due", "deadline", "targetdate")
_DONE = ("isdone", "done", "iscompleted", "iscomplete", "completed", "complete")
_DONE_AT = ("completedat", "doneat", "completedon")
_STATUS = ("status", "itemstatus", "taskstatus", "state")
_RISK = ("isrisk", "isatrisk", "atrisk", "risk", "riskflag")
_REMOVED = ("isremoved", "removed", "isdeleted", "deleted", "isarchived", "archived")
_ITEMS = ("items", "planitems", "tasks", "steps", "actionitems")
_ACCOUNT = ("accountid", "companyid", "customerid")
_DEAL = ("opportunityid", "dealid")

_SIDES = {
    **dict.fromkeys(("buyer", "customer", "client", "prospect"), "buyer"),
    **dict.fromkeys(("seller", "vendor", "supplier", "provider"), "seller"),
    "partner": "partner",
}
_IS_DONE = frozenset({"done", "complete", "completed", "finished", "closed"})
_IS_REMOVED = frozenset({"removed", "deleted", "archived", "cancelled", "canceled"})
_IS_OPEN = frozenset(
    {"open", "new", "todo", "to do", "pending", "planned", "active", "started", "not started", "in progress", "overdue", "reopened"}
)  # fmt: skip
_YES = frozenset({"true", "yes", "1", "high", "medium", "at risk"})
_NO = frozenset({"false", "no", "0", "low", "none", "on track"})

MOST_ITEMS = 500
"""Of one event; a plan that long is not one that people wrote."""
_WORDS = re.compile(r"[\W_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NAMES: tuple[tuple[re.Pattern[str], str, bool], ...] = tuple(
    (re.compile(pattern), field, value)
    for pattern, field, value in (
        (r"\b(re ?opened|un ?checked|uncompleted)\b", "is_done", False),
        (r"\b(completed|done|finished|checked( off)?)\b", "is_done", True),
        (r"\brestored\b", "is_removed", False),
        (r"\b(item|task|step)s? (was )?(deleted|removed|archived|cancell?ed)\b", "is_removed", True),
        (r"\brisk (cleared|resolved|removed|unflagged)\b", "is_risk", False),
        (r"\brisk (flagged|raised|added|marked)\b|\b(at|as( a)?) risk\b", "is_risk", True),
    )
)
"""What the event's name says where no property does; of two that say the same thing, the first."""


class PlanFacts(NamedTuple):
    """What the properties of a plan's event say."""

    items: tuple[PlanItem, ...] = ()
    account: str | None = None
    deal: str | None = None


def plan_facts(properties: Any, event_name: str, zone: str | None) -> PlanFacts:
    """The items that an event's properties describe, each once (the last word counts), and the account and deal that they name.

    ``zone`` is that of the source's times without one. An event that names no item has none: a plan was touched, nobody knows where.
    """
    if not isinstance(properties, Mapping):
        return PlanFacts()
    told = _by_name(properties)
    plan = _id(_first(told, _PLAN))
    listed = _first(told, _ITEMS)
    found: dict[str, PlanItem] = {}
    if isinstance(listed, list):
        for one in listed[:MOST_ITEMS]:
            item = _item(_by_name(one), plan, {}, zone) if isinstance(one, Mapping) else None
            if item is not None:
                found[item.item_id] = item
    elif (item := _item(told, plan, _said_by(event_name), zone)) is not None:
        found[item.item_id] = item
    return PlanFacts(tuple(found.values()), _id(_first(told, _ACCOUNT)), _id(_first(told, _DEAL)))


def _item(told: Mapping[str, Any], plan: str | None, by_name: Mapping[str, bool], zone: str | None) -> PlanItem | None:
    number = _id(_first(told, _ITEM))
    if number is None:
        return None
    own = _id(_first(told, _PLAN)) or plan
    title = _first(told, _TITLE)
    status = _words(_first(told, _STATUS))
    is_done = _flag(_first(told, _DONE))
    if is_done is None:
        is_done = True if status in _IS_DONE or _first(told, _DONE_AT) else False if status in _IS_OPEN else None
    is_removed = _flag(_first(told, _REMOVED))
    if is_removed is None and status in _IS_REMOVED:
        is_removed = True
    is_risk = _flag(_first(told, _RISK))
    if is_risk is None and status == "at risk":
        is_risk = True
    return PlanItem(
        item_id=f"{own}/{number}" if own else number,
        title=clean_subject(title, 120) if isinstance(title, str) else None,
        owner=_owner(told),
        due_at=_moment(_first(told, _DUE), zone),
        is_done=by_name.get("is_done") if is_done is None else is_done,
        is_risk=by_name.get("is_risk") if is_risk is None else is_risk,
        is_removed=by_name.get("is_removed") if is_removed is None else is_removed,
    )


def _owner(told: Mapping[str, Any]) -> Party | None:
    """By address or name; a side alone is an owner nobody knows more of."""
    side = _SIDES.get(_words(_first(told, _SIDE)))
    addresses: list[str] = []
    name = None
    for key in _OWNER:
        value = told.get(key)
        if isinstance(value, Mapping):
            inner = _by_name(value)
            side = side or _SIDES.get(_words(_first(inner, ("side", "type"))))
            name = name or _first(inner, ("name", "fullname", "displayname"))
            value = inner.get("email")
        if isinstance(value, str) and "@" in value:
            addresses += [one] if (one := email_id(value)) else []
        elif isinstance(value, str) and value:
            side = side or _SIDES.get(_words(value))
            name = name or (None if _words(value) in _SIDES else value)
    if not addresses and side is None and not isinstance(name, str):
        return None
    shown = clean_subject(name, 120) if isinstance(name, str) and not addresses else None
    return Party(tuple(dict.fromkeys(addresses)), "owner", shown, side)


def _said_by(event_name: str) -> dict[str, bool]:
    words = _words(event_name)
    found: dict[str, bool] = {}
    for pattern, field, value in _NAMES:
        if field not in found and pattern.search(words):
            found[field] = value
    return found


def _by_name(properties: Mapping[Any, Any]) -> dict[str, Any]:
    """Properties by their names without case and separators; a null says nothing."""
    return {
        _WORDS.sub("", str(name)[:100]).lower(): value for name, value in properties.items() if value not in (None, "")
    }


def _first(told: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((told[name] for name in names if name in told), None)


def _words(value: Any) -> str:
    return _WORDS.sub(" ", _CAMEL.sub(" ", value[:200])).strip().lower() if isinstance(value, str) else ""


def _flag(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    words = _words(value)
    return True if words in _YES else False if words in _NO else None


def _id(value: Any) -> str | None:
    if isinstance(value, str):
        return scrub(value[:200]).strip() or None
    return str(value) if type(value) is int and abs(value) < 10**30 else None


def _moment(value: Any, zone: str | None) -> int | None:
    """A day without a time is its noon (semantics 1.1, ``date_only``)."""
    try:
        if isinstance(value, str):
            text = value.strip()
            return parse_iso(f"{text}T12:00", "due", zone or "UTC") if len(text) == 10 else parse_iso(text, "due", zone)
        if type(value) in (int, float) and abs(value) < 1e15:
            return from_epoch_millis(value, "due") if abs(value) > 100_000_000_000 else from_epoch_seconds(value, "due")
    except Reject:
        pass
    return None
