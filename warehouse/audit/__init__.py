"""The audit before publishing: Great Expectations over a closed candidate snapshot, in a process of its own.

``declared`` and ``invariants`` say what must hold: SQL derived from the declarations, and the promises across tables.
``breaches`` finds what does not. ``expectations`` and ``suites`` put it to Great Expectations, ``inspector`` runs it,
``gate`` reads the verdict, ``results`` and ``docs`` keep and show it.
"""
