"""What a touchpoint's words and traces say: question, ack, tags, buying job, DART (semantics 1.1, 1.2, section 3)."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple, TypeVar

from transforms.folding.common import Draft
from transforms.folding.dart import dart_dimensions
from transforms.jobs.rules import Evidence, Rulebook, Verdict
from transforms.normal import QUESTION_MARKS, is_parents_subject
from transforms.settings import Folding
from transforms.touchpoint import Touchpoint

MESSAGES = ("email", "chat")
MEMO_LIMIT = 20_000
"""Texts and evidences remembered by one worker; then it starts afresh, so that memory does not follow the input."""

V = TypeVar("V")


class Words(NamedTuple):
    """What the words of one touchpoint say."""

    is_question: bool | None
    is_ack: bool
    tags: tuple[str, ...]
    subject: str | None
    """Of a subject and a first line, those in which words of a rule for jobs can occur: without these, few cases are left to judge."""
    first_line: str | None


class Labeller:
    """Labels drafts in place; one per worker. Repeated words (templates, titles, thanks) are read once."""

    def __init__(self, rules: Rulebook, settings: Folding) -> None:
        self._rules = rules
        self._asks = question_pattern(settings.question_patterns)
        self._words: dict[Hashable, Words] = {}
        self._verdicts: dict[Hashable, Verdict] = {}
        self._dimensions: dict[Hashable, list[str]] = {}

    def label(self, draft: Draft) -> None:
        """Fill question, ack, tags, job and DART of a draft whose parent has been labelled before."""
        row = draft.row
        if row.channel == "app":
            tags: Sequence[str] = draft.stated_tags
            verdict = self._rules.classify_session(draft.pages, row.asset_types, draft.explicit_job, draft.stage)
        else:
            words = self._read(draft)
            row.is_question, row.is_ack = words.is_question, words.is_ack
            tags = sorted({*draft.stated_tags, *words.tags})
            verdict = self._judge(draft, tags, words)
        row.tags = sorted({*tags, *verdict.add_tags}) if verdict.add_tags else list(tags)
        row.buying_job, row.buying_job_rule_id = verdict.job, verdict.rule_id
        row.buying_job_confidence, row.buying_job_basis = verdict.confidence, verdict.basis
        row.dart_dimensions = self._dart(row)

    def _dart(self, row: Touchpoint) -> list[str]:
        key = (row.interaction_kind, row.direction, *row.asset_types, None, row.buying_job, row.is_reply, *row.tags)
        found = self._dimensions.get(key)
        if found is None:
            found = dart_dimensions(
                row.interaction_kind, row.direction, row.asset_types, row.buying_job, row.tags, row.is_reply
            )
            _remember(self._dimensions, key, found)
        return found

    def _read(self, draft: Draft) -> Words:
        row = draft.row
        channel, has_asset = row.channel, bool(draft.assets)
        # a subject with Re: is the parent's, whatever the headers say; a burst's is its own words, which the text holds
        own = draft.opening if channel == "chat" else row.subject_text
        if channel == "email" and is_parents_subject(own):
            own = None
        key = (own, draft.text, draft.first_line, draft.has_question, channel, has_asset, row.is_reply)
        words = self._words.get(key)
        if words is None:
            subject = None if channel == "chat" else own
            question = self._asked(subject, draft.text)
            is_ack = channel in MESSAGES and self._rules.is_ack(
                subject, draft.first_line, draft.has_question, has_asset
            )
            tags = self._rules.tags(subject, draft.text, row.is_reply)
            # the rules for jobs read no words of a reply, its own ones neither
            read = (None, None) if row.is_reply else (own, draft.first_line)
            spoken = [one if self._rules.may_speak(one) else None for one in read]
            words = Words(question, is_ack, (*tags, "ack") if is_ack else tuple(tags), *spoken)
            _remember(self._words, key, words)
        return words

    def _asked(self, subject: str | None, text: str | None) -> bool | None:
        """What an own subject and the first lines look like; None without words of its own. A ``?`` further down asks nothing."""
        own = [one for one in (subject, text) if one]
        return any(self._asks.search(one) is not None for one in own) if own else None

    def _judge(self, draft: Draft, tags: Sequence[str], words: Words) -> Verdict:
        row = draft.row
        parent_job = draft.parent.row.buying_job if draft.parent is not None else None
        key = (
            row.channel, row.interaction_kind, draft.meeting_type, tuple(row.asset_types), words.subject, words.first_line,
            row.is_reply, tuple(tags), draft.explicit_job, row.direction, parent_job, row.is_ack, draft.stage,
        )  # fmt: skip
        verdict = self._verdicts.get(key)
        if verdict is None:
            seen = Evidence(
                channel=row.channel,
                interaction_kind=row.interaction_kind,
                meeting_type=draft.meeting_type,
                asset_types=row.asset_types,
                subject_text=words.subject,
                first_line=words.first_line,
                is_reply=row.is_reply,
                tags=tags,
                explicit_job=draft.explicit_job,
                direction=row.direction,
                parent_job=parent_job,
                is_ack=row.is_ack,
                stage=draft.stage,
            )
            verdict = self._rules.classify(seen)
            _remember(self._verdicts, key, verdict)
        return verdict


def question_pattern(patterns: Sequence[str]) -> re.Pattern[str]:
    """One pattern for all: a question mark at the end of a line, or any of ``question_patterns`` on a line."""
    return re.compile(
        "|".join([rf"[{QUESTION_MARKS}]\s*$", *(f"(?:{one})" for one in patterns)]), re.IGNORECASE | re.MULTILINE
    )


def _remember(memo: dict[Any, V], key: Hashable, value: V) -> None:
    if len(memo) >= MEMO_LIMIT:
        memo.clear()
    memo[key] = value
