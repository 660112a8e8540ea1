"""The rules file: its form, its merge with a workspace's own rules, and complaints that name the rule and the field."""

from __future__ import annotations

import re
import reprlib
from importlib import resources
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from schemas import vocab

Tier = Literal["explicit", "asset", "page", "kind", "subject", "thread", "stage"]

TIERS: dict[str, float] = {
    "explicit": 1.0, "asset": 0.9, "page": 0.8, "kind": 0.7, "subject": 0.6, "thread": 0.5, "stage": 0.4,
}  # fmt: skip
"""Tier to confidence, in the order of evaluation. A rank of evidence, not a probability (semantics section 3)."""

AS_LABELLED = "as_labelled"
"""A rule's ``job`` that stands for the label which a person or the source set; explicit tier only."""
AS_PARENT = "as_parent"
"""A rule's ``job`` that stands for the job of the message replied to; thread tier only."""


_LONGEST_NUMBER = 10_000
"""In bits: one that is much longer cannot even be written out in a complaint."""


class RuleError(ValueError):
    """A rules file that cannot be used; the message is a sentence that names the entry and the field."""


class When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Conditions of a rule; all that are given must hold, and one value of a list is enough."""

    asset_type: tuple[str, ...] = ()
    page_glob: tuple[str, ...] = ()
    interaction_kind: tuple[str, ...] = ()
    meeting_type: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    subject_regex: str | None = None
    stage_regex: str | None = None
    tag: tuple[str, ...] = ()
    """Of the event or its words, not what another rule adds."""
    is_reply: bool | None = None
    direction: tuple[str, ...] = ()
    event_name: tuple[str, ...] = ()
    """Globs on the name of a track call, as it came or as words with a space between."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    job: str
    tier: Tier
    priority: Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)] = 0
    """Of as many bits as its column in ``dim_rule``."""
    when: When = When()
    add_tags: tuple[str, ...] = ()
    """Tags of every touchpoint for which ``when`` holds, also where another rule names the job."""
    enabled: bool = True


class MeetingType(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    type: str
    pattern: str
    kind: str | None = None
    enabled: bool = True


class TagPattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    tag: str
    pattern: str
    enabled: bool = True


class RuleFile(msgspec.Struct, frozen=True, kw_only=True):
    """Checked and merged rules. ``rules`` is sorted by id; the other lists keep their order, which matters."""

    rules: tuple[Rule, ...]
    meeting_types: tuple[MeetingType, ...]
    tags: tuple[TagPattern, ...]
    ack_pattern: str
    job_assets: dict[str, str]
    tag_assets: dict[str, str]


_LISTS = {"rules": ("rule", "id"), "meeting_types": ("meeting type", "type"), "tags": ("tag", "tag")}
_KEYS = (*_LISTS, "ack_pattern", "job_assets", "tag_assets")
_VOCABULARY = {
    "asset_type": vocab.ASSET_TYPES, "interaction_kind": vocab.INTERACTION_KINDS, "channel": vocab.ALL_CHANNELS,
    "direction": vocab.DIRECTIONS,
}  # fmt: skip
_Entry = TypeVar("_Entry", Rule, MeetingType, TagPattern)


def load_rules(extra_yaml: str | None = None) -> RuleFile:
    """The default rules with a workspace's own on top (the text of its YAML file). Raises ``RuleError``."""
    default = _parse(resources.files("transforms.jobs").joinpath("rules.yaml").read_text(encoding="utf-8"))
    extra = _parse(extra_yaml) if extra_yaml and extra_yaml.strip() else {}
    rules = _merge(default, extra, "rules", Rule)
    for rule in rules:
        _check_rule(rule)
    meeting_types = _merge(default, extra, "meeting_types", MeetingType)
    for entry in meeting_types:
        compiled(entry.pattern, f"meeting type {entry.type!r}", "pattern")
        if entry.kind is not None:
            _one_of(entry.kind, vocab.INTERACTION_KINDS, f"meeting type {entry.type!r}", "kind")
    tags = _merge(default, extra, "tags", TagPattern)
    for tag in tags:
        compiled(tag.pattern, f"tag {tag.tag!r}", "pattern")
    ack = extra.get("ack_pattern", default["ack_pattern"])
    if not isinstance(ack, str):
        raise RuleError(f"The rules file: ack_pattern is {ack!r}, which is not a text.")
    compiled(ack, "the rules file", "ack_pattern")
    return RuleFile(
        rules=tuple(sorted((rule for rule in rules if rule.enabled), key=lambda rule: rule.id)),
        meeting_types=tuple(entry for entry in meeting_types if entry.enabled),
        tags=tuple(tag for tag in tags if tag.enabled),
        ack_pattern=ack,
        job_assets=_asset_map(default, extra, "job_assets", vocab.BUYING_JOBS),
        tag_assets=_asset_map(default, extra, "tag_assets", None),
    )


def compiled(pattern: str, owner: str, field: str) -> re.Pattern[str]:
    """A pattern that ignores case. Raises ``RuleError`` that names its owner."""
    if not pattern:
        raise RuleError(f"{_capital(owner)}: {field} is '', which would hold for everything.")
    try:
        return re.compile(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        raise RuleError(f"{_capital(owner)}: {field} {pattern!r} is not a regular expression: {error}.") from None


def _parse(text: str) -> dict[str, Any]:
    """YAML text to its top-level mapping; a bare list is read as ``rules``."""
    try:
        data: Any = YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError) as error:
        raise RuleError(f"The rules file is not valid YAML: {' '.join(str(error).split())}.") from None
    except RecursionError:
        raise RuleError("The rules file is nested too deeply.") from None
    except (
        LookupError,
        TypeError,
        AttributeError,
    ) as error:  # what YAML's library has for a value that its tag does not allow
        raise RuleError(f"The rules file is not valid YAML: a value does not fit its tag ({error}).") from None
    _check_scalars(data)
    if data is None:
        return {}
    if isinstance(data, list):
        return {"rules": data}
    if not isinstance(data, dict):
        raise RuleError(f"The rules file holds {data!r}; expected a list of rules or the keys {', '.join(_KEYS)}.")
    for key in data:
        _one_of(key, _KEYS, "the rules file", "key")
    return data


def _check_scalars(data: Any) -> None:
    """Raises ``RuleError`` for half a character, which no file can hold, and for a number that nobody can write."""
    waiting, seen = [data], set()
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            try:
                one.encode()
            except UnicodeEncodeError as error:
                raise RuleError(
                    f"The rules file: {reprlib.repr(one)} holds {one[error.start]!r}, which is no character."
                ) from None
        elif isinstance(one, int) and one.bit_length() > _LONGEST_NUMBER:
            raise RuleError(f"The rules file: it holds a number of {one.bit_length():,} bits.")
        elif (
            isinstance(one, dict | list | tuple | set) and id(one) not in seen
        ):  # an alias may lead back to where it stands
            seen.add(id(one))
            waiting += [*one, *one.values()] if isinstance(one, dict) else one


def _merge(default: dict[str, Any], extra: dict[str, Any], key: str, kind: type[_Entry]) -> list[_Entry]:
    """Entries of both files; one of the workspace's takes the place of the default of the same id."""
    found: dict[str, _Entry] = dict(_entries(default, key, kind))
    found.update(_entries(_completed(extra, key, found), key, kind))
    return list(found.values())


def _completed(extra: dict[str, Any], key: str, found: dict[str, Any]) -> dict[str, Any]:
    """The workspace's entries; one that switches off a default need not repeat it."""
    raw = extra.get(key)
    if not isinstance(raw, list):
        return extra
    _, id_field = _LISTS[key]
    entries = []
    for item in raw:
        if isinstance(item, dict) and item.get("enabled") is False and isinstance(name := item.get(id_field), str):
            item = (msgspec.to_builtins(found[name]) if name in found else {}) | item
        entries.append(item)
    return extra | {key: entries}


def _entries(data: dict[str, Any], key: str, kind: type[_Entry]) -> list[tuple[str, _Entry]]:
    title, id_field = _LISTS[key]
    raw = data.get(key) or []
    if not isinstance(raw, list):
        raise RuleError(f"The rules file: {key} is not a list.")
    result: list[tuple[str, _Entry]] = []
    seen: set[str] = set()
    for position, item in enumerate(raw, start=1):
        name = item.get(id_field) if isinstance(item, dict) else None
        owner = f"{title} {name!r}" if name is not None else f"{title} number {position}"
        try:
            entry = msgspec.convert(item, kind)
        except msgspec.ValidationError as error:
            raise RuleError(f"{_capital(owner)}: {_complaint(item, str(error))}.") from None
        if name in seen:
            raise RuleError(f"{_capital(owner)}: {id_field} stands twice in one file.")
        seen.add(str(name))
        result.append((str(name), entry))
    return result


def _complaint(item: object, error: str) -> str:
    """What the library says of an entry, with the field first, and the value where its type is wrong."""
    message, _, path = error.partition(" - at ")
    key, _, place = path.strip("`").rpartition("` in `")
    field = place.removeprefix("$.").removeprefix("$")
    if key:
        return f"{field or 'it'} has a key that is not a text"
    if message.startswith("Expected"):
        return f"{field or 'it'} is {reprlib.repr(_at(item, field))}; e{message[1:]}"
    return f"{field}: {message}" if field else message


def _at(item: object, path: str) -> object:
    """What stands at a path like ``when.tag[1]``."""
    found: Any = item
    for step in re.findall(r"[^.\[\]]+", path):
        found = found[int(step) if isinstance(found, list) else step]
    return found


def _check_rule(rule: Rule) -> None:
    owner = f"rule {rule.id!r}"
    special = {"explicit": (AS_LABELLED,), "thread": (AS_PARENT,)}.get(rule.tier, ())
    _one_of(rule.job, (*vocab.BUYING_JOBS, *special), owner, "job")
    for field, allowed in _VOCABULARY.items():
        for value in getattr(rule.when, field):
            _one_of(value, allowed, owner, f"when.{field}")
    if rule.when == When() and rule.job not in (AS_LABELLED, AS_PARENT):
        raise RuleError(f"{_capital(owner)}: when names no condition, so the rule would hold for everything.")
    for field in ("subject_regex", "stage_regex"):
        pattern = getattr(rule.when, field)
        if pattern is not None:
            compiled(pattern, owner, f"when.{field}")


def _asset_map(
    default: dict[str, Any], extra: dict[str, Any], key: str, keys: tuple[str, ...] | None
) -> dict[str, str]:
    """The map of both files; an empty value in the workspace's takes an entry away."""
    merged: dict[str, str] = {}
    for data in (default, extra):
        raw = data.get(key) or {}
        if not isinstance(raw, dict):
            raise RuleError(f"The rules file: {key} is not a mapping to asset types.")
        for name, asset_type in raw.items():
            if keys is not None:
                _one_of(name, keys, "the rules file", key)
            if asset_type is None:
                merged.pop(name, None)
                continue
            _one_of(asset_type, vocab.ASSET_TYPES, "the rules file", f"{key}.{name}")
            merged[str(name)] = asset_type
    return dict(sorted(merged.items()))


def _one_of(value: object, allowed: tuple[str, ...], owner: str, field: str) -> None:
    if value not in allowed:
        raise RuleError(f"{_capital(owner)}: {field} is {value!r}; expected one of {', '.join(allowed)}.")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
