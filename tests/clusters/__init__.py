"""Real brokers and clusters for tests and for people, from published artifacts, on free loopback ports."""
