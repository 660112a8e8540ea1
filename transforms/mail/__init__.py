"""What mail is, whichever system hands it over: MIME, text that the author wrote, dates."""
