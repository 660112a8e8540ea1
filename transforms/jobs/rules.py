"""Which buying job a touchpoint serves: rules as data, evaluated in tiers (semantics section 3).

Deterministic and explainable: every verdict names its rule, its basis and its confidence, and ``unclassified``
is an answer. A basis names conditions, never the words of a subject, because it outlives an erasure.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from schemas import vocab
from transforms.event import hash_id
from transforms.jobs.rulefile import AS_LABELLED, AS_PARENT, TIERS, Rule, RuleError, RuleFile, compiled, load_rules
from transforms.normal import has_question_mark
from transforms.tracking.names import words_of

__all__ = ["Evidence", "PageSpan", "RuleError", "Rulebook", "Verdict"]

UNCLASSIFIED = "unclassified"
_MEMO_LIMIT = 20_000
_NOT_JOINABLE = re.compile(r"\(\?|\\\d|\[[^\]]*[^\\\[]-[^\]]")
_NEEDS = {
    "asset_type": "asset_types",
    "page_glob": "page_paths",
    "meeting_type": "meeting_type",
    "event_name": "event_names",
    "tag": "tags",
    "stage_regex": "stage",
}
"""Condition of a rule to the field of the evidence without which it cannot hold."""


class Evidence(msgspec.Struct, kw_only=True, frozen=True, gc=False):
    """What is known of one touchpoint when its job is asked for."""

    channel: str | None = None
    interaction_kind: str | None = None
    meeting_type: str | None = None
    asset_types: Sequence[str] = ()
    page_paths: Sequence[str] = ()
    subject_text: str | None = None
    first_line: str | None = None
    is_reply: bool = False
    tags: Sequence[str] = ()
    explicit_job: str | None = None
    direction: str | None = None
    event_names: Sequence[str] = ()
    parent_job: str | None = None
    """Job of the message replied to, for the thread tier."""
    is_ack: bool = False
    stage: str | None = None
    """The opportunity's stage at the time, for the stage tier (off by default)."""


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """A job with its reason.

    ``unclassified`` without a rule has confidence None and the basis ``no_evidence``, ``tie:<ids>`` or
    ``below_min_confidence:<id>``.
    """

    job: str
    rule_id: str | None
    confidence: float | None
    basis: str
    add_tags: tuple[str, ...] = ()


class PageSpan(msgspec.Struct, frozen=True, gc=False):
    """One page or screen of an app session; times in microseconds."""

    page_path: str | None
    event_name: str | None
    dwell: int
    last_seen: int
    asset_types: tuple[str, ...] = ()
    interaction_kind: str | None = None
    tags: tuple[str, ...] = ()
    """Of the event itself: a rule may ask for a form among the pages."""


NOTHING = Verdict(UNCLASSIFIED, None, None, "no_evidence")


class _Ready:
    """A rule with its patterns compiled."""

    __slots__ = ("event_name", "needs", "page", "rule", "stage", "subject")

    def __init__(self, rule: Rule) -> None:
        when, owner = rule.when, f"rule {rule.id!r}"
        self.rule = rule
        # most touchpoints lack most sorts of evidence, so one look at a field spares the whole rule
        self.needs = next((field for condition, field in _NEEDS.items() if getattr(when, condition)), None)
        self.page = _globs(when.page_glob)
        self.event_name = _globs(when.event_name)
        self.subject = None if when.subject_regex is None else compiled(when.subject_regex, owner, "when.subject_regex")
        self.stage = None if when.stage_regex is None else compiled(when.stage_regex, owner, "when.stage_regex")

    def holds(self, seen: Evidence, pages: Sequence[str], names: Sequence[str], spoken: bool) -> bool:
        """Whether every condition holds.

        ``pages``, ``names``: page paths and names of events in the forms that globs expect. ``spoken``: False if no rule's words can occur.
        """
        if self.needs is not None and not getattr(seen, self.needs):
            return False
        if self.subject is not None and not spoken:
            return False
        when = self.rule.when
        # ordered by how often each kind of condition settles it
        return not (
            (when.asset_type and not _common(when.asset_type, seen.asset_types))
            or (when.interaction_kind and seen.interaction_kind not in when.interaction_kind)
            or (when.meeting_type and seen.meeting_type not in when.meeting_type)
            or (when.channel and seen.channel not in when.channel)
            or (when.is_reply is not None and seen.is_reply is not when.is_reply)
            or (when.direction and seen.direction not in when.direction)
            or (when.tag and not _common(when.tag, seen.tags))
            or (self.page is not None and not any(map(self.page.match, pages)))
            or (self.event_name is not None and not any(map(self.event_name.match, names)))
            or (self.subject is not None and not _in_words(self.subject, seen))
            or (self.stage is not None and (seen.stage is None or not self.stage.search(seen.stage)))
        )

    def basis(self, seen: Evidence) -> str:
        """``asset:competition_sheet``, ``kind:demo``, ``page:*pricing*``: the tier and what held, nobody's words."""
        when, rule = self.rule.when, self.rule
        named = [
            *(value for value in when.asset_type if value in seen.asset_types),
            *(glob for glob in when.page_glob if _any_match(glob, page_keys(seen.page_paths))),
            *(value for value in when.meeting_type if value == seen.meeting_type),
            *(value for value in when.interaction_kind if value == seen.interaction_kind),
            *(glob for glob in when.event_name if _any_match(glob, event_keys(seen.event_names))),
            *(value for value in when.tag if value in seen.tags),
        ]
        return f"{rule.tier}:{','.join(dict.fromkeys(named)) or rule.id}"


class Rulebook:
    """The rules, ready to be asked. Immutable; pickled as its own source text."""

    def __init__(self, extra_yaml: str | None = None, min_confidence: float = 0.5) -> None:
        self._source = (extra_yaml, min_confidence)
        self.file: RuleFile = load_rules(extra_yaml)
        self.min_confidence = min_confidence
        self.job_assets: dict[str, str] = self.file.job_assets
        """Job to the asset type that a question in it asks for (M14)."""
        self.tag_assets: dict[str, str] = self.file.tag_assets
        self.version: str = hash_id(msgspec.json.encode((self.file, min_confidence), order="deterministic").decode())
        """Hash of every rule in force."""
        ready = [_Ready(rule) for rule in self.file.rules]
        self._tiers = [(tier, [one for one in ready if one.rule.tier == tier]) for tier in TIERS]
        self._tagging = [one for one in ready if one.rule.add_tags]
        self._kinds = [(compiled(m.pattern, m.type, "pattern"), m.type, m.kind) for m in self.file.meeting_types]
        self._tags = [(compiled(t.pattern, t.tag, "pattern"), t.tag) for t in self.file.tags]
        self.asks_stage: bool = any(
            rule.when.stage_regex is not None and TIERS[rule.tier] >= min_confidence for rule in self.file.rules
        )
        """Whether a deal's stage can decide: by default it cannot, for its tier lies below ``min_confidence``."""
        self._any_subject = _joined([r.when.subject_regex for r in self.file.rules if r.when.subject_regex is not None])
        self._any_kind = _joined([m.pattern for m in self.file.meeting_types])
        self._any_tag = _joined([t.pattern for t in self.file.tags])
        self._ack = compiled(self.file.ack_pattern, "the rules file", "ack_pattern")
        self._page_memo: dict[tuple[Any, ...], Verdict] = {}
        self._kind_memo: dict[str, tuple[str | None, str | None]] = {}

    @staticmethod
    def load(extra_yaml: str | None = None, min_confidence: float = 0.5) -> Rulebook:
        """The default rules, extended and overridden by the text of a workspace's rules file. Raises ``RuleError``."""
        return Rulebook(extra_yaml, min_confidence)

    def __reduce__(self) -> tuple[type[Rulebook], tuple[str | None, float]]:
        return Rulebook, self._source

    @property
    def word_patterns(self) -> tuple[re.Pattern[str], ...]:
        """Whatever is looked for in a subject or a first line."""
        of_rules = (one.subject for _, rules in self._tiers for one in rules if one.subject is not None)
        return (*of_rules, *(kind[0] for kind in self._kinds), *(tag[0] for tag in self._tags), self._ack)

    def dim_rows(self) -> list[dict[str, Any]]:
        """Rows of ``dim_rule``; a rule that passes on a label or a parent's job names none itself."""
        return [
            {
                "rule_id": rule.id, "rule_version": self.version, "tier": rule.tier, "priority": rule.priority,
                "job": None if rule.job in (AS_LABELLED, AS_PARENT) else rule.job, "confidence": TIERS[rule.tier],
            }
            for rule in self.file.rules
        ]  # fmt: skip

    def meeting_kind(self, title: str | None) -> tuple[str | None, str | None]:
        """(interaction kind, meeting type) that a meeting's title names; None for what it does not name."""
        if not title:
            return None, None
        known = self._kind_memo.get(title)
        if known is None:
            if len(self._kind_memo) >= _MEMO_LIMIT:
                self._kind_memo.clear()
            known = self._kind_memo[title] = self._kind_of(title)
        return known

    def _kind_of(self, title: str) -> tuple[str | None, str | None]:
        if not _may_match(self._any_kind, title):
            return None, None
        kind: str | None = None
        meeting_type: str | None = None
        for pattern, named_type, named_kind in self._kinds:
            if pattern.search(title):
                meeting_type = meeting_type or named_type
                kind = kind or named_kind
        return kind, meeting_type

    def tags(self, subject: str | None, first_line: str | None, is_reply: bool = False) -> list[str]:
        """Rule tags, sorted. Rules do not read the subject of a reply, which mostly is the parent's; its first line is its own."""
        texts = [text for text in (None if is_reply else subject, first_line) if text]
        if not any(_may_match(self._any_tag, text) for text in texts):
            return []
        return sorted(tag for pattern, tag in self._tags if any(map(pattern.search, texts)))

    def is_ack(self, subject: str | None, first_line: str | None, has_question: bool | None, has_asset: bool) -> bool:
        """A message that thanks or confirms and asks nothing: no ``?``, no asset."""
        if has_question or has_asset:
            return False
        texts = [text for text in (subject, first_line) if text]
        return any(map(self.thanks, texts)) and not any(map(has_question_mark, texts))

    def thanks(self, text: str | None) -> bool:
        """Whether a subject or a first line begins like an acknowledgement."""
        return text is not None and self._ack.match(text.lstrip()) is not None

    def may_speak(self, text: str | None) -> bool:
        """Whether the words of any rule can occur in a subject or a first line; to ``classify`` another one says nothing."""
        return text is not None and _may_match(self._any_subject, text)

    def classify(self, seen: Evidence) -> Verdict:
        """The job of one touchpoint: the highest priority in the first tier with a match; ties stay unclassified."""
        pages, names = page_keys(seen.page_paths), event_keys(seen.event_names)
        spoken = not seen.is_reply and (self.may_speak(seen.subject_text) or self.may_speak(seen.first_line))
        for tier, rules in self._tiers:
            if tier == "subject" and seen.is_reply:
                continue
            holding = [one for one in rules if one.holds(seen, pages, names, spoken)]
            matches = [(one, job) for one in holding if (job := _job_of(one.rule, seen)) is not None]
            if matches:
                return self._decide(tier, matches, seen, self._tags_of(seen, pages, names, spoken))
        tags = self._tags_of(seen, pages, names, spoken)
        return NOTHING if not tags else Verdict(UNCLASSIFIED, None, None, "no_evidence", tags)

    def classify_session(
        self,
        pages: Iterable[PageSpan | Sequence[Any]],
        asset_types: Sequence[str] = (),
        explicit_job: str | None = None,
        stage: str | None = None,
    ) -> Verdict:
        """The job with the most classified dwell of an app session; a tie goes to the job seen last.

        ``pages``: ``PageSpan`` or tuples of its first fields. ``asset_types``: what was viewed without its page being
        known; it decides only where no page does, and the deal's ``stage`` only where nothing else does. Tags of all
        pages are kept.
        """
        labelled = self.classify(Evidence(channel="app", explicit_job=explicit_job)) if explicit_job else NOTHING
        dwell: dict[str, int] = {}
        best: dict[str, tuple[tuple[int, int, str], Verdict]] = {}
        latest: dict[str, int] = {}
        tags: set[str] = set()
        ties: list[str] = []
        for span in map(_span, pages):
            verdict = self._page_verdict(span)
            if verdict is NOTHING:
                continue
            tags.update(verdict.add_tags)
            job = verdict.job
            if job == UNCLASSIFIED:
                if verdict.basis != NOTHING.basis:  # a page that gives a tag and nothing else says nothing of a job
                    ties.append(verdict.basis)
                continue
            dwell[job] = dwell.get(job, 0) + span.dwell
            latest[job] = max(latest.get(job, span.last_seen), span.last_seen)
            rank = (span.dwell, span.last_seen, verdict.rule_id or "")
            if job not in best or rank > best[job][0]:
                best[job] = (rank, verdict)
        if labelled.rule_id is not None:
            return _with_tags(labelled, tags)
        if dwell:
            winner = max(dwell, key=lambda job: (dwell[job], latest[job], -vocab.BUYING_JOBS.index(job)))
            return _with_tags(best[winner][1], tags)
        if asset_types or (stage and not ties):
            seen = Evidence(channel="app", direction="self_serve", asset_types=asset_types, stage=stage)
            return _with_tags(self.classify(seen), tags)
        return _with_tags(msgspec.structs.replace(NOTHING, basis=min(ties)) if ties else NOTHING, tags)

    def _page_verdict(self, span: PageSpan) -> Verdict:
        key = (span.page_path, span.event_name, span.asset_types, span.interaction_kind, span.tags)
        known = self._page_memo.get(key)
        if known is None:
            if len(self._page_memo) >= _MEMO_LIMIT:  # paths may hold ids; the memo is only a shortcut
                self._page_memo.clear()
            known = self._page_memo[key] = self.classify(
                Evidence(
                    channel="app", direction="self_serve", interaction_kind=span.interaction_kind or "session",
                    page_paths=(span.page_path,) if span.page_path else (), asset_types=span.asset_types,
                    event_names=(span.event_name,) if span.event_name else (), tags=span.tags,
                )
            )  # fmt: skip
        return known

    def _decide(self, tier: str, matches: list[tuple[_Ready, str]], seen: Evidence, tags: tuple[str, ...]) -> Verdict:
        confidence = TIERS[tier]
        top = max(one.rule.priority for one, _ in matches)
        winners = [(one, job) for one, job in matches if one.rule.priority == top]
        if confidence < self.min_confidence:
            return Verdict(UNCLASSIFIED, None, None, f"below_min_confidence:{winners[0][0].rule.id}", tags)
        if len({job for _, job in winners}) > 1:
            return Verdict(UNCLASSIFIED, None, None, f"tie:{','.join(one.rule.id for one, _ in winners)}", tags)
        one, job = winners[0]  # rules are sorted by id, so the smallest id speaks for those that agree
        return Verdict(job, one.rule.id, confidence, one.basis(seen), tags)

    def _tags_of(self, seen: Evidence, pages: Sequence[str], names: Sequence[str], spoken: bool) -> tuple[str, ...]:
        found = {
            tag
            for one in self._tagging
            if not (one.rule.tier == "subject" and seen.is_reply) and one.holds(seen, pages, names, spoken)
            for tag in one.rule.add_tags
        }
        return tuple(sorted(found))


def page_keys(paths: Iterable[str]) -> list[str]:
    """The forms in which globs are held against pages and screens.

    As it is spelled, without query, and with hyphens for what else parts words and no slash at the end, so that one glob speaks
    for all spellings. A screen's name is also read as a path, ``/security``.
    """
    keys: dict[str, None] = {}
    for path in paths:
        bare = path.partition("?")[0].partition("#")[0].strip().lower()
        plain = bare.replace(" ", "-").replace("_", "-").rstrip("/") or "/"
        for key in (plain,) if plain == bare else (plain, bare):
            keys[key] = None
            if not key.startswith("/"):
                keys[f"/{key}"] = None
    return list(keys)


def _job_of(rule: Rule, seen: Evidence) -> str | None:
    """The job that a matching rule names; None where it passes on one that is not there."""
    if rule.job == AS_LABELLED:
        return seen.explicit_job
    if rule.job == AS_PARENT:
        inherits = seen.is_reply and not seen.is_ack and "ack" not in seen.tags
        return seen.parent_job if inherits and seen.parent_job not in (None, UNCLASSIFIED) else None
    return rule.job


def _globs(globs: Sequence[str]) -> re.Pattern[str] | None:
    if not globs:
        return None
    return re.compile("|".join(fnmatch.translate(glob.lower()) for glob in globs), re.IGNORECASE)


def _any_match(glob: str, names: Iterable[str]) -> bool:
    return any(fnmatch.fnmatchcase(name.lower(), glob.lower()) for name in names)


def _in_words(pattern: re.Pattern[str], seen: Evidence) -> bool:
    # on a reply the words of the subject are the parent's
    if seen.is_reply:
        return False
    return any(pattern.search(text) for text in (seen.subject_text, seen.first_line) if text)


def _joined(patterns: Sequence[str]) -> re.Pattern[str] | None:
    """One case-sensitive pattern that finds, in lowercase ASCII text, whatever any of ``patterns`` finds ignoring case.

    Most texts match no rule, and this says so at a fifth of the cost of asking each. None where patterns cannot
    simply be joined: with extensions, back-references, capitals, or ranges that may hold capitals.
    """
    if not patterns or any(text != text.lower() or _NOT_JOINABLE.search(text) for text in patterns):
        return None
    return re.compile("|".join(f"(?:{text})" for text in patterns))


def _may_match(joined: re.Pattern[str] | None, text: str) -> bool:
    return joined is None or not text.isascii() or joined.search(text.lower()) is not None


def event_keys(names: Iterable[str]) -> list[str]:
    """The forms in which globs are held against names of events: as they came, and as words."""
    return [form for name in names for form in (name, words_of(name))]


def _common(wanted: Sequence[str], found: Sequence[str]) -> bool:
    return any(value in wanted for value in found)


def _span(page: PageSpan | Sequence[Any]) -> PageSpan:
    return page if isinstance(page, PageSpan) else PageSpan(*page)


def _with_tags(verdict: Verdict, tags: set[str]) -> Verdict:
    if tags <= set(verdict.add_tags):
        return verdict
    return msgspec.structs.replace(verdict, add_tags=tuple(sorted(tags.union(verdict.add_tags))))
