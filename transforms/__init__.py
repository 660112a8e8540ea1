"""Pure functions from native payloads to journeys: no Beam, no Kafka, no clock, no disk."""
