"""What calendars of any make have in common: entries, recurrences, zones, places."""
