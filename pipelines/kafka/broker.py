"""A look at the brokers: which topics of ours there are now, with which partitions, from where to where."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from pipelines.errors import KafkaRefused, UserError
from pipelines.kafka.connection import ANSWER_SECONDS, Connection, commit, partition, shared_consumer
from pipelines.kafka.plan import KafkaPlan, Partition, plan_ranges
from pipelines.kafka.topics import is_pattern, source_of_topic
from pipelines.summary import Say

LOOKS = 4
"""A broker that has just come back may for a moment know of less than it has: only what it still says then is believed."""
PAUSE_SECONDS = 1.0
T = TypeVar("T")


def look(connection: Connection, warn: Say = lambda _: None) -> list[Partition]:
    """Every partition of every mapped topic, in a fixed order. Topics and partitions added since the last look are in it.

    Internal topics (``__consumer_offsets``) are never ours. A topic that the settings name and the broker does not have is
    told to ``warn``. Raises ``BrokerUnavailable``, ``KafkaRefused``, ``SettingsError`` (ambiguous patterns).
    """
    topics = connection.settings.topics
    with shared_consumer(connection) as consumer:
        there = {name for name in consumer.topics() if not name.startswith("__")}
        mapped = {name: source for name in sorted(there) if (source := source_of_topic(name, topics)) is not None}
        where = [
            (partition(topic, number), source)
            for topic, source in mapped.items()
            for number in sorted(consumer.partitions_for_topic(topic))
        ]
        asked = [one for one, _ in where]
        beginnings = consumer.beginning_offsets(asked, timeout_ms=ANSWER_SECONDS * 1000) if asked else {}
        ends = consumer.end_offsets(asked, timeout_ms=ANSWER_SECONDS * 1000) if asked else {}
    missing = [name for name in topics if not is_pattern(name) and name not in there]
    if missing:
        warn(f"kafka.topics: not at {connection.where()} yet: {', '.join(missing)}")
    return [Partition(one.topic, one.partition, source, beginnings[one], ends[one]) for one, source in where]


def planned(connection: Connection, landed: Mapping[str, int], warn: Say) -> KafkaPlan:
    """``plan_ranges`` of what the broker has now. Raises as ``look`` and ``plan_ranges`` do."""
    return believed(lambda: plan_ranges(look(connection, warn), landed))


def believed(look_at: Callable[[], T]) -> T:
    """What a look comes to; its ``KafkaRefused`` only if all looks do."""
    for left in reversed(range(LOOKS)):
        try:
            return look_at()
        except KafkaRefused:
            if not left:
                raise
            time.sleep(PAUSE_SECONDS)
    raise AssertionError("the last look returns or raises")


def tell_group(connection: Connection, ends: Mapping[tuple[str, int], int], warn: Say) -> None:
    """Commit what has landed under ``kafka.group_id``, for other tools to see. That it fails is no fault: the ledger has it."""
    try:
        with shared_consumer(connection, group=True) as consumer:
            commit(consumer, ends)
    except UserError as error:
        warn(f"the offsets were landed, but not committed for the group {connection.settings.group_id}: {error}")
