"""``touchloop.toml``: the settings of a workspace."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import msgspec

from pipelines.errors import SettingsError
from schemas.vocab import ALL_CHANNELS, BUYER_ROLES, BUYING_JOBS
from transforms.crm.files import bare_label
from transforms.journeys.business_time import BusinessCalendar
from transforms.normal import is_domain
from transforms.settings import (
    BusinessHours,
    Count,
    Coverage,
    Folding,
    Identity,
    Journeys,
    Relationship,
    Settings,
    Share,
    Text,
)
from transforms.sources import all_sources
from transforms.times import zone_of

AtLeastOne = Annotated[int, msgspec.Meta(ge=1, le=1_000_000_000_000)]
Span = Annotated[float, msgspec.Meta(ge=0, le=1_000_000_000)]
"""Seconds or minutes that something may take or stay."""


class Ingest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is in flight at once. Memory is bounded by these, not by the input."""

    workers: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 2
    """Processes that decode and fold; each runs its own pipeline."""
    batch_records: AtLeastOne = 5_000
    """Records in one RecordBatch."""
    increment_bytes: AtLeastOne = 160_000_000
    """Raw bytes read before a commit."""
    shard_events: AtLeastOne = 60_000
    """Events of one shard of folding."""
    shard_touchpoints: AtLeastOne = 30_000
    """Touchpoints of one shard of journeys."""
    warehouse_memory_mb: Annotated[int, msgspec.Meta(ge=100, le=1_000_000_000)] = 700
    """DuckDB's buffer; beyond it, it spills into the workspace."""


class Rejects(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When rejects stop the job instead of being set aside."""

    max_share: Share = 0.5
    """Largest share of a unit's records that may be rejected."""
    min_records: Count = 100
    """Units with fewer rejects than this never stop it."""

    def exceeded(self, records: int, rejected: int) -> bool:
        """Whether so many of a unit's records are too many."""
        return rejected >= self.min_records and rejected > self.max_share * records


class Publish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What readers get."""

    seller_level: bool = True
    """Marts by named seller. They measure accounts and coverage, not employees.

    False leaves these marts out; dimensions and facts still name people.
    """
    keep_snapshots_minutes: Span = 30
    """How long a replaced snapshot stays for readers that still hold it."""
    keep_snapshots: Count = 24
    """At most so many replaced snapshots stay, however young: each is as large as the warehouse."""
    report: bool = True
    """Write the report's page with the Parquet files."""
    parquet_every_seconds: Span = 15
    """In a stream without a pause, Parquet files and the report are made again after so many seconds, or ten times as long as they took if
    that is more, and the database with each increment. 0: always together."""
    data_docs_runs: Count = 30
    """Audit results shown in the data docs."""


class SourceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one source."""

    timezone: str | None = None
    """IANA zone of its naive timestamps; without it they are rejected."""


BY_HEADER = "headers"
"""In the place of a source: only a message's CloudEvents headers say which system it is of."""


class Kafka(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the topics are and what they hold. User names, passwords and tokens come from the environment only."""

    bootstrap_servers: str | list[str]
    """``host:port``, one or several (a list, or separated by commas)."""
    topics: dict[str, str]
    """Topic, or a pattern with ``*``, ``?`` and ``[...]``, to source (or ``headers``). An exact name wins over patterns."""
    group_id: str | None = None
    """Consumer group under which landed offsets are committed, for other tools to see. Never read back."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    """Paths relative to the workspace; PEM."""
    ssl_check_hostname: bool = True
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None = None
    isolation_level: Literal["read_committed", "read_uncommitted"] = "read_committed"
    max_records_per_increment: AtLeastOne = 50_000
    """Offsets that are read before a commit, over all partitions."""
    max_message_bytes: AtLeastOne = 32 << 20
    """A larger message becomes a reject (``too_large``) that keeps its first 64 KiB."""

    def servers(self) -> list[str]:
        given = self.bootstrap_servers.split(",") if isinstance(self.bootstrap_servers, str) else self.bootstrap_servers
        return [server.strip() for server in given if server.strip()]


class Observe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the outside can see of a pipeline at work."""

    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] | None = None
    """Of ``/metrics`` and ``/healthz`` while ``stream`` or ``follow`` runs; without it nothing listens."""
    host: str = "127.0.0.1"
    """Address to listen on: the metrics name sources and topics, so this machine only unless you say more."""
    textfile: Text | None = None
    """Metrics as a file after every increment, for the node exporter (ends in ``.prom``); relative to the workspace."""
    stale_after_seconds: Span = 900
    """``/healthz`` says 503 when there was no sign of life for so long: longer than the longest increment."""
    openlineage_url: str | None = None
    """Of a lineage service; ``OPENLINEAGE_URL`` wins."""
    openlineage_namespace: str = "touchloop"


class CrmFiles(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the directory's files are read."""

    timezone: str | None = None
    """IANA zone of times in them that name none; without it such a row is rejected (``naive_timestamp``)."""
    roles: dict[Text, str] = {}
    """A CRM's own names of buyer roles, whatever their case and separators, to ours: ``"Decision Maker" = "economic_buyer"``."""


class WorkspaceSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole of ``touchloop.toml``; every table and key is optional."""

    ingest: Ingest = Ingest()
    rejects: Rejects = Rejects()
    publish: Publish = Publish()
    kafka: Kafka | None = None
    observe: Observe = Observe()
    sources: dict[str, SourceSettings] = {}
    crm: CrmFiles = CrmFiles()
    rules: Text | None = None
    """Path of a rules file that extends the default rules, relative to the workspace."""
    identity: Identity = Identity()
    folding: Folding = Folding()
    journeys: Journeys = Journeys()
    business_hours: BusinessHours = BusinessHours()
    coverage: Coverage = Coverage()
    relationship: Relationship = Relationship()
    recurrence_days: Annotated[int, msgspec.Meta(ge=0, le=36_500)] = 400
    """Recurring calendar entries are expanded this far past the day they are read."""

    def zones(self) -> dict[str, str | None]:
        """The zone of naive timestamps by source, where one is set."""
        return {name: source.timezone for name, source in self.sources.items()}

    def transforms(self) -> Settings:
        return Settings(
            identity=self.identity,
            folding=self.folding,
            journeys=self.journeys,
            business_hours=self.business_hours,
            coverage=self.coverage,
            relationship=self.relationship,
        )

    def meaning_hash(self, rules_version: str) -> str:
        """Hash of every setting that changes a figure: stored per run, and a change rebuilds what rests on it."""
        return _hash_of(self.transforms(), rules_version)

    def folding_hash(self, rules_version: str) -> str:
        """Of every setting that changes a touchpoint."""
        return _hash_of(self.transforms().of_folding, rules_version)


def _hash_of(settings: Settings, rules_version: str) -> str:
    canonical = msgspec.json.encode([settings, rules_version], order="deterministic")
    return hashlib.sha256(canonical).hexdigest()[:32]


def load_settings(path: Path) -> WorkspaceSettings:
    """Settings from a TOML file; defaults where there is none.

    Raises ``SettingsError`` that names the key and the value.
    """
    if not path.exists():
        return WorkspaceSettings()
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # some editors write a mark of their encoding first
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise SettingsError(f"{path}: not valid TOML: nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path}: not valid TOML: {error}") from None
    except ValueError:  # all that is left; its own words are for programmers
        raise SettingsError(f"{path}: not valid TOML: a number in it has thousands of digits") from None
    _refuse_secrets(path, read.get("kafka"))
    try:
        settings = msgspec.convert(read, WorkspaceSettings)
    except msgspec.ValidationError as error:
        message, _, where = str(error).partition(" - at ")
        key, given = _found(read, where)
        if unknown := re.fullmatch("Object contains unknown field `(.*)`", message):
            key = f"{key}.{unknown[1]}".removeprefix(".")
            raise SettingsError(f"{path}: {key}: there is no such setting") from None
        raise SettingsError(f"{path}: {key or 'the file'}: {_shown(key, given)}{message}") from None
    _refuse_nul(path, read)
    _check(path, settings)
    return settings


_ENTRIES = {"sources": SourceSettings, "kafka.topics": str, "crm.roles": str}
"""What stands in the tables whose keys are names; of these the library's complaints do not say which."""


def _found(read: dict[str, Any], where: str) -> tuple[str, Any]:
    """The key that a complaint is about, and what stands there; None where nothing does."""
    name, _, table = where.rpartition("` in `")
    key, found = "", cast(Any, read)
    for part in re.findall(r"\[\.\.\.]|\[\d+]|[^$.\[\]`]+", table):
        if part == "[...]":
            name, found = next((n, v) for n, v in found.items() if not _fits(v, _ENTRIES[key]))
            key = f"{key}.{name}"
        elif part.startswith("["):
            key, found = f"{key}{part}", found[int(part[1:-1])]
        else:
            key, found = f"{key}.{part}".removeprefix("."), found.get(part)
    return key, "" if name == "`key" else found  # the only fault of a name is that there is none


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _shown(key: str, given: Any) -> str:
    """The number or text at a key, to begin a message with; of brokers nothing, for it may hold a password."""
    if key.startswith("kafka.bootstrap_servers") or not isinstance(given, int | float | str):
        return ""
    if isinstance(given, int) and given.bit_length() > 10_000:
        return f"a number of {given.bit_length():,} bits: "  # which cannot be written out
    return f"{given!r}: "


def _refuse_nul(path: Path, given: Any, key: str = "") -> None:
    """No path, address or name can hold the character, and each library that is given one has an error of its own for it."""
    if isinstance(given, str) and "\0" in given:
        raise SettingsError(f"{path}: {key}: {_shown(key, given)}there is a NUL character in it")
    if isinstance(given, dict):
        for name, value in given.items():
            _refuse_nul(path, name, key or "the file")
            _refuse_nul(path, value, f"{key}.{name}".removeprefix("."))
    if isinstance(given, list):
        for number, value in enumerate(given):
            _refuse_nul(path, value, f"{key}[{number}]")


_SECRET = re.compile(r"password|passwd|secret|token|username|sasl_plain|jaas|credential", re.IGNORECASE)


def _refuse_secrets(path: Path, kafka: Any) -> None:
    """A file that is copied, backed up and put under version control is no place for them. The message does not repeat them."""
    for key in kafka if isinstance(kafka, dict) else ():
        if _SECRET.search(key):
            raise SettingsError(
                f"{path}: kafka.{key}: user names, passwords and tokens are not settings; set TOUCHLOOP_KAFKA_USERNAME and "
                "TOUCHLOOP_KAFKA_PASSWORD (or TOUCHLOOP_KAFKA_OAUTH_TOKEN) in the environment, and take the key out of the file"
            )


def _is_port(text: str) -> bool:
    return text.isdecimal() and len(text) <= 5 and int(text) <= 65_535


def _check_kafka(path: Path, kafka: Kafka) -> None:
    if not kafka.servers():
        raise SettingsError(f"{path}: kafka.bootstrap_servers: names no broker")
    for server in kafka.servers():
        host, colon, port = server.rpartition(":")
        if not host or not colon or not _is_port(port) or "@" in server or "/" in server:
            shown = "an entry" if "@" in server else repr(server)  # what stands before an @ may be a password
            raise SettingsError(f"{path}: kafka.bootstrap_servers: {shown} is no host:port")
    if not kafka.topics:
        raise SettingsError(f"{path}: kafka.topics: maps no topic to a source")
    for topic, source in kafka.topics.items():
        if not topic.strip():
            raise SettingsError(f"{path}: kafka.topics: {topic!r} is no topic's name, and maps to {source!r}")
        if source != BY_HEADER and source not in all_sources():
            known = ", ".join(all_sources())
            raise SettingsError(
                f"{path}: kafka.topics.{topic}: {source!r} is no source; there are {known}, and {BY_HEADER!r}"
            )
    sasl = kafka.security_protocol.startswith("SASL")
    if sasl and kafka.sasl_mechanism is None:
        raise SettingsError(f"{path}: kafka.sasl_mechanism: {kafka.security_protocol} needs one")
    if not sasl and kafka.sasl_mechanism is not None:
        raise SettingsError(
            f"{path}: kafka.sasl_mechanism: {kafka.security_protocol} has none; set kafka.security_protocol to SASL_SSL"
        )
    if bool(kafka.ssl_certfile) != bool(kafka.ssl_keyfile):
        raise SettingsError(f"{path}: kafka.ssl_certfile: it goes with kafka.ssl_keyfile")


def _check_labels(path: Path, key: str, given: tuple[str, ...], known: tuple[str, ...]) -> None:
    """Each is known and named once: a misspelt or repeated one would silently change what shares are divided by."""
    for label in given:
        if label not in known:
            raise SettingsError(f"{path}: {key}: {label!r} is none of {', '.join(known)}")
        if given.count(label) > 1:
            raise SettingsError(f"{path}: {key}: {label!r} is named twice")


def _check(path: Path, settings: WorkspaceSettings) -> None:
    zones = {
        "business_hours.timezone": settings.business_hours.timezone,
        "coverage.reporting_timezone": settings.coverage.reporting_timezone,
    }
    zones |= {f"sources.{name}.timezone": s.timezone for name, s in settings.sources.items() if s.timezone is not None}
    if settings.crm.timezone is not None:
        zones["crm.timezone"] = settings.crm.timezone
    for name, role in settings.crm.roles.items():
        if role not in BUYER_ROLES:
            raise SettingsError(f"{path}: crm.roles.{name}: {role!r} is none of {', '.join(BUYER_ROLES)}")
        same = [other for other in settings.crm.roles if bare_label(other) == bare_label(name)]
        if len(same) > 1:
            raise SettingsError(f"{path}: crm.roles.{name}: {', '.join(map(repr, same))} are one name, mapped twice")
    for key, zone in zones.items():
        if zone_of(zone) is None:
            raise SettingsError(f"{path}: {key}: {zone!r} is no IANA time zone")
    for name in settings.sources:
        if name not in all_sources():
            raise SettingsError(
                f"{path}: sources.{name}: there is no such source; there are {', '.join(all_sources())}"
            )
    _check_labels(path, "coverage.channels", settings.coverage.channels, ALL_CHANNELS)
    _check_labels(path, "coverage.required_roles", settings.coverage.required_roles, BUYER_ROLES)
    _check_labels(path, "journeys.always_on_jobs", settings.journeys.always_on_jobs, BUYING_JOBS)
    for key in ("company_domains", "partner_domains", "free_mail_domains", "system_domains"):
        for domain in getattr(settings.identity, key):
            if not is_domain(domain):
                raise SettingsError(f"{path}: identity.{key}: {domain!r} is no domain such as example.com")
    gaps = settings.journeys.gap_sensitivity_days
    for gap in gaps:
        if gaps.count(gap) > 1:
            raise SettingsError(f"{path}: journeys.gap_sensitivity_days: {gap:g} is named twice")
    if not settings.coverage.channels:
        raise SettingsError(f"{path}: coverage.channels: names no channel")
    try:
        BusinessCalendar.of(settings.business_hours)
    except ValueError as error:
        raise SettingsError(f"{path}: {error}") from None
    patterns = {
        "identity.executive_titles": settings.identity.executive_titles,
        "identity.system_names": settings.identity.system_names,
        "folding.question_patterns": settings.folding.question_patterns,
    }
    for key, listed in patterns.items():
        for pattern in listed:
            try:
                re.compile(pattern)
            except (re.error, OverflowError, RecursionError) as error:
                raise SettingsError(f"{path}: {key}: {pattern!r} is no regular expression: {error}") from None
    if settings.kafka is not None:
        _check_kafka(path, settings.kafka)
