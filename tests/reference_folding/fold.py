"""Every touch of a history: the steps of the reference in their order."""

from __future__ import annotations

from typing import Any

from reference_folding.accounts import put_account, put_threads, settle
from reference_folding.directory import Directory
from reference_folding.identity import identify
from reference_folding.jobs import put_assets, put_jobs
from reference_folding.meetings import meetings
from reference_folding.messages import bursts, emails, put_readers
from reference_folding.sessions import learn, sessions
from reference_folding.touches import History, Touch, merged_rows
from reference_folding.visits import merge_visits
from reference_folding.words import put_words


def fold(history: History, directory: Directory, rules: dict[str, Any], as_of: int) -> list[Touch]:
    """What was said, looked at and met about, as the directory tells of its people."""
    learn(history, directory)
    touches = emails(history) + bursts(history, directory) + sessions(history, directory)
    for t in touches:
        identify(t, directory)
    touches += meetings(history, directory, rules, as_of)
    put_threads(touches)
    for t in touches:
        if t.family == "chat":
            put_readers(t, touches)
    touches = merge_visits(touches, directory)
    for t in touches:
        put_account(t, directory)
        settle(t, directory)
        t.people = merged_rows(t.people)
        put_assets(t, directory)
        if t.family in ("email", "chat"):
            put_words(t, rules)
    put_jobs(touches, directory, rules)
    return touches
