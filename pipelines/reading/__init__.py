"""From inbox files to landed rows: what there is, its bytes, its records, and what became of each."""
