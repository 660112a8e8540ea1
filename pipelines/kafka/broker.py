"""A look at the brokers: which topics of ours there are now, with which partitions, from where to where."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.kafka.connection import ANSWER_SECONDS, Connection, partition, shared_consumer
from pipelines.kafka.plan import Partition
from pipelines.kafka.topics import is_pattern, source_of_topic

Say = Callable[[str], None]


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
    for name in topics:
        if not is_pattern(name) and name not in there:
            warn(f"kafka.topics: there is no topic {name} at {connection.where()} yet")
    return [Partition(one.topic, one.partition, source, beginnings[one], ends[one]) for one, source in where]
