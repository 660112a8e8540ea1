"""Kafka in: settings to a connection, topics to sources, messages to records, ranges of offsets to units."""
