"""``touchloop.toml``: the settings of a workspace."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import msgspec

from pipelines.errors import SettingsError
from transforms.business_time import BusinessCalendar
from transforms.settings import BusinessHours, Coverage, Folding, Identity, Journeys, Settings
from transforms.times import zone_of


class Ingest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is in flight at once. Memory is bounded by these, not by the input."""

    workers: int = 2
    """Processes that decode and fold; each runs its own pipeline."""
    batch_records: int = 5_000
    """Records in one RecordBatch."""
    increment_bytes: int = 160_000_000
    """Raw bytes read before a commit."""
    shard_events: int = 120_000
    """Events of one shard of folding."""
    shard_touchpoints: int = 60_000
    """Touchpoints of one shard of journeys."""
    warehouse_memory_mb: int = 700
    """DuckDB's buffer; beyond it, it spills into the workspace."""


class Rejects(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When rejects stop the job instead of being set aside."""

    max_share: float = 0.5
    """Largest share of a unit's records that may be rejected."""
    min_records: int = 100
    """Units with fewer rejects than this never stop it."""


class Publish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What readers get."""

    seller_level: bool = True
    """Marts by named seller. They measure accounts and coverage, not employees; False leaves team and account level."""
    keep_snapshots_minutes: float = 30
    """How long a replaced snapshot stays for readers that still hold it."""
    data_docs_runs: int = 30
    """Audit results shown in the data docs."""


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one source."""

    timezone: str | None = None
    """IANA zone of its naive timestamps; without it they are rejected."""


class WorkspaceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of ``touchloop.toml``; every table and key is optional."""

    ingest: Ingest = Ingest()
    rejects: Rejects = Rejects()
    publish: Publish = Publish()
    sources: dict[str, SourceSettings] = {}
    rules: str | None = None
    """Path of a rules file that extends the default rules, relative to the workspace."""
    identity: Identity = Identity()
    folding: Folding = Folding()
    journeys: Journeys = Journeys()
    business_hours: BusinessHours = BusinessHours()
    coverage: Coverage = Coverage()
    recurrence_days: int = 400
    """Recurring calendar entries are expanded this far past the day they are read."""

    def transforms(self) -> Settings:
        return Settings(
            identity=self.identity,
            folding=self.folding,
            journeys=self.journeys,
            business_hours=self.business_hours,
            coverage=self.coverage,
        )

    def meaning_hash(self, rules_version: str) -> str:
        """Hash of every setting that changes a figure: stored per run, and a change rebuilds what rests on it."""
        canonical = msgspec.json.encode([self.transforms(), rules_version], order="deterministic")
        return hashlib.sha256(canonical).hexdigest()[:32]


def load_settings(path: Path) -> WorkspaceSettings:
    """Settings from a TOML file; defaults where there is none.

    Raises ``SettingsError`` that names the key and the value.
    """
    if not path.exists():
        return WorkspaceSettings()
    try:
        settings = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), WorkspaceSettings)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8 at byte {error.start}") from None
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at ")
        key = where.strip("`").removeprefix("$.") or "the file"
        raise SettingsError(f"{path}: {key}: {message}") from None
    _check(path, settings)
    return settings


def _check(path: Path, settings: WorkspaceSettings) -> None:
    zones = {
        "business_hours.timezone": settings.business_hours.timezone,
        "coverage.reporting_timezone": settings.coverage.reporting_timezone,
    }
    zones |= {f"sources.{name}.timezone": s.timezone for name, s in settings.sources.items() if s.timezone}
    for key, zone in zones.items():
        if zone_of(zone) is None:
            raise SettingsError(f"{path}: {key}: {zone!r} is no IANA time zone")
    for key, value in (
        ("ingest.workers", settings.ingest.workers),
        ("ingest.batch_records", settings.ingest.batch_records),
        ("ingest.increment_bytes", settings.ingest.increment_bytes),
        ("ingest.shard_events", settings.ingest.shard_events),
        ("ingest.shard_touchpoints", settings.ingest.shard_touchpoints),
        ("journeys.session_gap_days", settings.journeys.session_gap_days),
        ("coverage.response_horizon_business_hours", settings.coverage.response_horizon_business_hours),
    ):
        if value <= 0:
            raise SettingsError(f"{path}: {key}: {value} must be positive")
    try:
        BusinessCalendar.of(settings.business_hours)
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None
    patterns = {
        "identity.executive_titles": settings.identity.executive_titles,
        "folding.question_patterns": settings.folding.question_patterns,
    }
    for key, listed in patterns.items():
        for pattern in listed:
            try:
                re.compile(pattern)
            except re.error as error:
                raise SettingsError(f"{path}: {key}: {pattern!r} is no regular expression: {error}") from None
    if not 0 <= settings.rejects.max_share <= 1:
        raise SettingsError(f"{path}: rejects.max_share: {settings.rejects.max_share} must lie between 0 and 1")
    if settings.ingest.warehouse_memory_mb < 100:
        raise SettingsError(
            f"{path}: ingest.warehouse_memory_mb: {settings.ingest.warehouse_memory_mb} is less than 100"
        )
