"""An account's touchpoints to its journeys: sessions, visits, loops, waits, follow-ups, needs."""
