"""Everything below the events: what has changed, and what that has folded and rebuilt."""
