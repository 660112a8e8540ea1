"""A consumer from the settings and the environment, and Kafka's faults in our words."""

from __future__ import annotations

import logging
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka import errors as faults
from kafka.net.sasl.oauth import AbstractTokenProvider

from pipelines.errors import BrokerUnavailable, KafkaRefused, OffsetsGone, SettingsError
from pipelines.kafka import wire
from pipelines.settings import Kafka

USERNAME, PASSWORD = "TOUCHLOOP_KAFKA_USERNAME", "TOUCHLOOP_KAFKA_PASSWORD"
TOKEN, TOKEN_FILE = "TOUCHLOOP_KAFKA_OAUTH_TOKEN", "TOUCHLOOP_KAFKA_OAUTH_TOKEN_FILE"
KEY_PASSWORD = "TOUCHLOOP_KAFKA_SSL_KEY_PASSWORD"
ANSWER_SECONDS = 10
"""How long a broker may take to answer before it counts as away."""

REFUSED = (
    faults.AuthorizationError,
    faults.SaslAuthenticationFailedError,
    faults.KafkaConfigurationError,
    faults.UnsupportedVersionError,
    faults.UnsupportedCodecError,
)
NO_TIME_MENDS = {
    "SaslAuthentication": "authentication failed",
    "Failed to authenticate": "authentication failed",
    "SaslMechanism": "the broker does not offer this SASL mechanism",
    "CERTIFICATE_VERIFY_FAILED": "the broker's certificate is not trusted (kafka.ssl_cafile), or is of another host",
}
"""Traces in kafka-python's log of a refusal that it reports as a mere timeout."""
ADVERTISED = ". It did a moment ago, so it may name an address for itself (the broker's advertised.listeners) that cannot be reached from here"
HANG_UPS = 3
"""So often in a row is no accident."""


class Overheard(logging.Handler):
    """Takes kafka-python's log: what matters of it is told once, by us. Nothing of it is shown, for it may name a user."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.forget()

    def forget(self) -> None:
        self._told: str | None = None
        self._hung_up = self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        self._told = next((told for trace, told in NO_TIME_MENDS.items() if trace in text), self._told)
        if "Connection lost" in text:
            self._lost += 1
            self._hung_up += "broker_version=(" in text and "socket disconnected" in text

    def refusal(self, *, sasl: bool) -> str | None:
        """Why no connection came about, if it is one of these. A broker that answers and then hangs up, every time, did not
        like the password: it says so only after a while, and kafka-python does not wait for it."""
        if self._told is None and sasl and self._hung_up >= HANG_UPS and self._hung_up == self._lost:
            return "authentication failed, as it seems: the broker ends each connection when we say who we are"
        return self._told


overheard = Overheard()
_log = logging.getLogger("kafka")
_log.addHandler(overheard)
_log.propagate = bool(os.environ.get("TOUCHLOOP_DEBUG"))
wire.teach()


class Consumer(Protocol):
    """What is used of ``kafka.KafkaConsumer``; the tests' broker in memory has the same."""

    def topics(self) -> set[str]: ...
    def partitions_for_topic(self, topic: str) -> set[int]: ...
    def beginning_offsets(self, partitions: list[Any], timeout_ms: int | None = None) -> dict[Any, int]: ...
    def end_offsets(self, partitions: list[Any], timeout_ms: int | None = None) -> dict[Any, int]: ...
    def assign(self, partitions: list[Any]) -> None: ...
    def seek(self, partition: Any, offset: int) -> None: ...
    def position(self, partition: Any, timeout_ms: int | None = None) -> int | None: ...
    def poll(self, timeout_ms: int = 0, max_records: int | None = None) -> dict[Any, list[Any]]: ...
    def commit(self, offsets: Any = None, timeout_ms: int | None = None) -> Any: ...
    def close(self) -> None: ...


class EnvironmentToken(AbstractTokenProvider):
    """The bearer token of the environment; one in a file is read again each time, so that it can be renewed."""

    def token(self) -> str:
        if path := os.environ.get(TOKEN_FILE):
            try:
                return Path(path).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise SettingsError(f"{TOKEN_FILE}: cannot read {path}: {error.strerror}") from None
        return _secret(TOKEN, "OAUTHBEARER")


class Connection(msgspec.Struct, frozen=True):
    """How to reach the brokers, without any secret: it may be sent to workers, which have the same environment."""

    root: Path
    """The workspace: certificate files are relative to it."""
    settings: Kafka

    def open(self, *, group: bool = False) -> Consumer:
        """A consumer with nothing assigned. ``group``: one that may commit offsets.

        Raises ``BrokerUnavailable``, ``KafkaRefused``; ``SettingsError`` if a secret or a certificate is missing.
        """
        options = self.options()
        if group:
            options["group_id"] = self.settings.group_id
        overheard.forget()
        try:
            with told(self):
                consumer: Consumer = KafkaConsumer(**options)
        except BrokerUnavailable:
            refusal = overheard.refusal(sasl=self.settings.sasl_mechanism is not None)
            if refusal is None:
                raise
            raise KafkaRefused(_refused(self, refusal)) from None
        return consumer

    def options(self) -> dict[str, Any]:
        """Arguments of kafka-python's clients, secrets included: never to be shown."""
        kafka = self.settings
        options: dict[str, Any] = {
            "bootstrap_servers": kafka.servers(),
            "client_id": "touchloop",
            "security_protocol": kafka.security_protocol,
            "isolation_level": kafka.isolation_level,
            "enable_auto_commit": False,
            "auto_offset_reset": "none",  # the ledger alone says where to read
            "allow_auto_create_topics": False,
            "bootstrap_timeout_ms": ANSWER_SECONDS * 1000,
            "request_timeout_ms": ANSWER_SECONDS * 3000,
            "reconnect_backoff_max_ms": 2000,
            "metadata_max_age_ms": 30_000,
            "fetch_max_wait_ms": 200,
            "max_partition_fetch_bytes": 2 << 20,
            "fetch_max_bytes": 16 << 20,
            "receive_message_max_bytes": 2**31 - 1,  # a message that the broker took must not block its partition
            "metrics_enabled": False,
        }
        if kafka.security_protocol in ("SSL", "SASL_SSL"):
            options["ssl_check_hostname"] = kafka.ssl_check_hostname
            for key in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
                name = getattr(kafka, key)
                if name is not None:
                    path = self.root / name
                    if not path.is_file():
                        raise SettingsError(f"kafka.{key}: there is no file {path}")
                    options[key] = str(path)
            options["ssl_password"] = os.environ.get(KEY_PASSWORD)
            _check_certificates(options)
        if kafka.sasl_mechanism is not None:
            options["sasl_mechanism"] = kafka.sasl_mechanism
            if kafka.sasl_mechanism == "OAUTHBEARER":
                if not os.environ.get(TOKEN_FILE):
                    _secret(TOKEN, "OAUTHBEARER")
                options["sasl_oauth_token_provider"] = EnvironmentToken()
            else:
                options["sasl_plain_username"] = _secret(USERNAME, kafka.sasl_mechanism)
                options["sasl_plain_password"] = _secret(PASSWORD, kafka.sasl_mechanism)
        return options

    @property
    def key(self) -> bytes:
        return msgspec.json.encode([str(self.root), self.settings])

    def where(self) -> str:
        return ", ".join(self.settings.servers())


def _check_certificates(options: Mapping[str, Any]) -> None:
    """Raises ``SettingsError`` where a file holds something else: kafka-python would tell of a broker that does not answer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ca, ours = options.get("ssl_cafile"), options.get("ssl_certfile")
    try:
        if ca is not None:
            context.load_verify_locations(ca)
    except OSError as error:
        raise SettingsError(f"kafka.ssl_cafile: {ca} is no certificate in PEM: {error.strerror}") from None
    try:
        if ours is not None:  # without a password it would be asked for at the terminal
            context.load_cert_chain(ours, options.get("ssl_keyfile"), options["ssl_password"] or "")
    except OSError as error:
        raise SettingsError(
            f"kafka.ssl_certfile: {ours} is no certificate in PEM with its key (kafka.ssl_keyfile, {KEY_PASSWORD}): {error.strerror}"
        ) from None


def _secret(name: str, mechanism: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise SettingsError(f"kafka.sasl_mechanism is {mechanism}: set {name} in the environment")
    return value


@contextmanager
def told(connection: Connection, *, has_just_answered: bool = False) -> Iterator[None]:
    """Faults of Kafka as ours: an outage that may pass, or a refusal that does not.

    ``has_just_answered``: at the address of the settings, while what comes next goes to those that the brokers name for themselves.
    """
    try:
        yield
    except faults.OffsetOutOfRangeError as error:
        raise OffsetsGone(
            f"Kafka at {connection.where()} no longer has offsets that were to be read: {error}"
        ) from None
    except REFUSED as error:
        raise KafkaRefused(_refused(connection, str(error))) from None
    except (faults.KafkaError, OSError) as error:
        is_lost = has_just_answered and isinstance(error, (faults.KafkaConnectionError, faults.KafkaTimeoutError))
        why = f"{error}{ADVERTISED}" if is_lost else str(error)
        raise BrokerUnavailable(f"Kafka at {connection.where()} does not answer: {why}") from None


def _refused(connection: Connection, why: str) -> str:
    return (
        f"Kafka at {connection.where()} refused: {why}. Look at kafka.security_protocol, kafka.sasl_mechanism, {USERNAME} and {PASSWORD}, "
        "and at what this user may read"
    )


_open: dict[tuple[bytes, bool], Consumer] = {}


@contextmanager
def shared_consumer(connection: Connection, *, group: bool = False) -> Iterator[Consumer]:
    """This process's consumer of a connection, kept between uses; after a fault another is made.

    Raises as ``Connection.open`` and ``told`` do.
    """
    key = connection.key, group
    consumer = _open.get(key)
    is_new = consumer is None
    if consumer is None:  # is_new, in the words that the type checker follows
        consumer = _open[key] = connection.open(group=group)
    try:
        with told(connection, has_just_answered=is_new):
            yield consumer
    except BaseException:
        _close(_open.pop(key, None))
        raise


def close_shared() -> None:
    """Close this process's consumers."""
    while _open:
        _close(_open.popitem()[1])


def _close(consumer: Consumer | None) -> None:
    if consumer is not None:
        with suppress(faults.KafkaError, OSError):
            consumer.close()


def partition(topic: str, number: int) -> TopicPartition:
    return TopicPartition(topic, number)


def commit(consumer: Consumer, ends: Mapping[tuple[str, int], int]) -> None:
    """Tell the group what has landed. Information for other tools: the ledger is what is resumed from."""
    from kafka.structs import OffsetAndMetadata

    offsets = {TopicPartition(*where): OffsetAndMetadata(end, "", -1) for where, end in ends.items()}
    consumer.commit(offsets, timeout_ms=ANSWER_SECONDS * 1000)
