"""What the data is: every table's columns, declared once. Imports nothing of ours."""
