"""The warehouse: ledger and commits, SQL models, audit, publishing."""
