"""The only room that knows Beam and Kafka: settings, increments, steps, the command line."""
