"""The report that people open: one self-contained HTML page of a published snapshot.

``sql/`` holds one query a section, ``views`` says which of their columns are shown and what each means, ``timeline`` draws a deal,
``templates/`` is the look, ``page`` puts them together.
"""
