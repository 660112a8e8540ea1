"""Who is who, and who has what: the CRM directory's files, as rows and as look-ups."""
