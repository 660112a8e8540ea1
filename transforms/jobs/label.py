"""A buying job that a person or a source wrote on what happened (semantics section 3, tier explicit).

Tracked calls say it in a property ``buying_job`` (or ``buyingJob``), emails in a header ``X-Buying-Job``, iCalendar entries in
``X-BUYING-JOB`` or as one of their CATEGORIES, Google's in an extended property. No standard names such a field, so these are ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from schemas import vocab

_NOT_A_SLUG = re.compile(r"[^a-z]+")
_ABBREVIATIONS = {
    "pi": "problem_identification",
    "se": "solution_exploration",
    "rb": "requirements_building",
    "ss": "supplier_selection",
    "va": "validation",
    "cc": "consensus_creation",
}


def job_label(text: Any) -> str | None:
    """``Supplier selection`` or ``SS`` to ``supplier_selection``; None for what names no job."""
    job = _slug(text)
    job = _ABBREVIATIONS.get(job, job)
    return job if job in vocab.BUYING_JOBS else None


def job_among(words: Iterable[str]) -> str | None:
    """The job that free keywords name in full; None where none or several are named. Two letters may stand for anything there."""
    named = {job for word in words if (job := _slug(word)) in vocab.BUYING_JOBS}
    return named.pop() if len(named) == 1 else None


def _slug(text: Any) -> str:
    return _NOT_A_SLUG.sub("_", text[:100].lower()).strip("_") if isinstance(text, str) else ""
