"""From raw records to events, ignores and rejects: one RecordBatch in, one out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from typing import Any

import pyarrow as pa

from pipelines.collector import collector_paused
from pipelines.reading.keys import key_hash
from pipelines.reading.landed import LANDED
from pipelines.reading.read import IGNORED_REASONS
from schemas import vocab
from schemas.arrow import values_of
from transforms.crm.erasure import Erasures
from transforms.event import Event, Ignored, Party, Reject, decode_event, encode_event, event_id
from transforms.folding.linking import fold_key, is_app_identity, link_keys, user_keys, visitor_keys
from transforms.normal import ACCOUNT
from transforms.sources import Context, SourceSpec, all_sources, parse_record
from transforms.times import MINUTE, to_datetime

AHEAD = 5 * MINUTE
"""How far a source's clock may run ahead of ours."""
_INT32 = 2**31 - 1
_COLUMNS = LANDED.names
_EMPTY_OTHER = (None, None, None, None)


class Normalizer:
    """Turns batches of ``pipelines.reading.read.RAW`` into batches of ``pipelines.reading.landed.LANDED``.

    ``received_at`` is the clock of the run; ``zones`` the configured zone of each source's naive timestamps; ``erasures`` what
    is to be forgotten of the events.
    """

    def __init__(
        self,
        received_at: int,
        expand_until: int,
        zones: Mapping[str, str | None],
        erasures: Erasures | None = None,
    ) -> None:
        self.received_at = received_at
        self.expand_until = expand_until
        self.zones = zones
        self.erasures = erasures or None
        self._contexts: dict[tuple[str, str], tuple[SourceSpec, Context]] = {}

    def batch(self, raw: Any) -> Any:
        with collector_paused():  # the rows are gone before the collector is back, which would look at each of them
            return self._landed(raw)

    def _landed(self, raw: Any) -> Any:
        rows = self._rows(raw)
        return pa.record_batch(
            [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), LANDED, strict=True)],
            schema=LANDED,
        )

    def _rows(self, raw: Any) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        # by way of numpy, which converts a column at once; to_pylist makes an Arrow scalar of every value first
        columns = [raw.column(i).to_numpy(zero_copy_only=False).tolist() for i in range(raw.num_columns)]
        at = None
        for unit_id, system, name, position, payload, bad_reason, bad_detail in zip(*columns, strict=True):
            if bad_reason is not None:
                if bad_reason in IGNORED_REASONS:
                    rows.append(_ignored(unit_id, position, system, bad_reason))
                    continue
                rows.append(_rejected(unit_id, position, system, payload, Reject(bad_reason, None, bad_detail)))
                continue
            if at != (system, name):
                spec, context = self._where(system, name)
                at = (system, name)
            try:
                parsed = parse_record(spec, payload, context)
                if isinstance(parsed, Ignored):
                    rows.append(_ignored(unit_id, position, system, parsed.reason))
                    continue
                for event in parsed:
                    self.check(event)
            except Reject as reject:
                rows.append(_rejected(unit_id, position, system, payload, reject))
                continue
            if not parsed:
                rows.append(_ignored(unit_id, position, system, "nothing_in_it"))
                continue
            digest = sha256(payload).hexdigest()[:32]
            if len(parsed) == 1:
                rows.append(_event(unit_id, position, system, digest, parsed[0], self.erasures))
            else:  # one record may say the same thing twice
                made = (_event(unit_id, position, system, digest, e, self.erasures) for e in reversed(parsed))
                rows.extend({row[4]: row for row in made}.values())
        return rows

    def check(self, event: Event) -> None:
        """Faults that no adapter has to look for. Raises ``Reject``."""
        if event.ended_at is not None and event.ended_at < event.occurred_at:
            start, end = to_datetime(event.occurred_at), to_datetime(event.ended_at)
            raise Reject("ends_before_start", "ended_at", f"it ends at {end} before it starts at {start}")
        if event.family != "schedule" and event.status != "scheduled" and event.occurred_at > self.received_at + AHEAD:
            happened, now = to_datetime(event.occurred_at), to_datetime(self.received_at)
            raise Reject("future_dated", "occurred_at", f"it is dated {happened}, and it was received at {now}")
        if not 1 <= event.revision <= _INT32:
            raise Reject("invalid_field", "revision", f"revision is {event.revision}: not between 1 and {_INT32}")
        if event.channel is not None and event.channel not in vocab.CHANNELS:
            raise AssertionError(f"an adapter named the channel {event.channel!r}")

    def _where(self, system: str, name: str) -> tuple[SourceSpec, Context]:
        found = self._contexts.get((system, name))
        if found is None:
            context = Context(name=name, zone=self.zones.get(system), until=self.expand_until)
            found = self._contexts[(system, name)] = (all_sources()[system], context)
        return found


def _event(
    unit_id: str, position: int, system: str, digest: str, event: Event, erasures: Erasures | None
) -> tuple[Any, ...]:
    known_as = event_id(event)  # a copy that comes later is known by it, whatever is forgotten here
    if erasures is not None:
        event = erasures.without(event)
    native_id, fold, links, binding, detail = _of_whom(event)
    return (
        unit_id, position, "event", system,
        known_as, event.source, native_id, event.revision, event.channel, event.family, event.status,
        event.is_void, event.occurred_at, event.ended_at, event.recorded_at, digest, fold, links, binding, detail,
        *_EMPTY_OTHER,
    )  # fmt: skip


OF_WHOM = ("source_event_id", "fold_hash", "link_hashes", "binding", "detail")
"""What in a row of ``LANDED`` may say who took part."""


def _of_whom(event: Event) -> tuple[Any, ...]:
    return (
        event.source_event_id, *keys_of(event), _binding(event) if event.family == "identity" else None, encode_event(event)
    )  # fmt: skip


def without(landed: Any, erasures: Erasures) -> Any:
    """A batch of ``LANDED`` as it would be had these people been erased before it was normalised: itself, if it names none of them."""
    changed: dict[int, Event] = {}
    for row, detail in enumerate(values_of(landed.column("detail"))):
        event = decode_event(detail) if detail is not None else None
        if event is not None and (kept := erasures.without(event)) is not event:
            changed[row] = kept
    if not changed:
        return landed
    columns = {name: landed.column(name).to_pylist() for name in OF_WHOM}
    for row, event in changed.items():
        for name, value in zip(OF_WHOM, _of_whom(event), strict=True):
            columns[name][row] = value
    arrays = [pa.array(columns[f.name], f.type) if f.name in columns else landed.column(f.name) for f in LANDED]
    return pa.record_batch(arrays, schema=LANDED)


Keys = tuple[int, list[int] | None]
"""Hashes of an event's fold key and of its link keys."""


def keys_of(event: Event) -> Keys:
    if event.family == "app" and (keys := _of_user(event.source, event.parties)) is not None:
        return keys
    if event.family == "chat":
        return key_hash(fold_key(event)), _of_visitor(event.source, event.parties)
    return key_hash(fold_key(event)), _hashes(link_keys(event))


@lru_cache(maxsize=16_384)
def _of_user(source: str, parties: tuple[Party, ...]) -> Keys | None:
    """Of an app event whose parties have identifiers, the first of which it folds under. Remembered, as is the next: the events of
    one user or visitor come by the dozen, and nine in ten are theirs."""
    keys = user_keys(source, parties)
    return (key_hash(keys[0]), _hashes(keys[1:])) if keys else None


@lru_cache(maxsize=16_384)
def _of_visitor(source: str, parties: tuple[Party, ...]) -> list[int] | None:
    return _hashes(visitor_keys(source, parties))


def _hashes(keys: tuple[str, ...]) -> list[int] | None:
    return [key_hash(key) for key in keys] if keys else None


def _binding(event: Event) -> list[str] | None:
    """Identifiers that a profile binds to one person, for the directory; app identities bind inside their own group.
    Among them the account that the profile names."""
    if is_app_identity(event):
        return None
    ids = [one for party in event.parties for one in party.ids]
    if ids and event.account_hint is not None:
        ids.append(ACCOUNT + event.account_hint)
    return ids if len(ids) > 1 else None


def _ignored(unit_id: str, position: int, system: str, reason: str) -> tuple[Any, ...]:
    return (unit_id, position, "ignored", system, *([None] * 16), reason, None, None, None)


def _rejected(unit_id: str, position: int, system: str, payload: bytes, reject: Reject) -> tuple[Any, ...]:
    return (
        unit_id,
        position,
        "rejected",
        system,
        *([None] * 16),
        reject.reason_code,
        reject.field_path,
        reject.detail[:500],
        payload,
    )
