"""The verdict. It fails closed: what raised, and what gave no result, keep a snapshot from being published.

The library's own ``success`` is no gate: a mere warning makes it False, and what raised is easily overlooked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from great_expectations import ExpectationSuite
from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult


@dataclass
class Verdict:
    """``failures`` and ``warnings`` are sentences that name the expectation and the first rows that break it."""

    failures: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    expectations: int = 0

    @property
    def success(self) -> bool:
        return not self.failures


def judge(outcomes: Iterable[tuple[ExpectationSuite, ExpectationSuiteValidationResult]]) -> Verdict:
    verdict = Verdict()
    for suite, outcome in outcomes:
        verdict.expectations += len(suite.expectations)
        for result in outcome.results:
            raised = list(exceptions_of(result))
            if raised:
                verdict.failures.append(f"{sentence_of(result)}: could not be checked: {raised[0]}")
            elif result.success is not True:
                critical = severity_of(result) == "critical"
                (verdict.failures if critical else verdict.warnings).append(sentence_of(result) + found(result))
        if len(outcome.results) != len(suite.expectations):
            verdict.failures.append(
                f"{suite.name}: {len(outcome.results)} results for {len(suite.expectations)} expectations"
            )
    if not verdict.expectations:
        verdict.failures.append("nothing was expected")
    return verdict


def exceptions_of(result: ExpectationValidationResult) -> Iterator[str]:
    """The library keeps one exception flat, and those of metrics by the metric's id."""
    info: dict[str, Any] = result.exception_info or {}
    for one in (info, *(v for v in info.values() if isinstance(v, dict))):
        if one.get("raised_exception"):
            yield " ".join(str(one.get("exception_message") or "no message").split())[:500]


def sentence_of(result: ExpectationValidationResult) -> str:
    config = result.expectation_config
    if config is None:
        return "an expectation without a name"
    return str(config.description or f"{config.type} {config.kwargs}")


def severity_of(result: ExpectationValidationResult) -> str:
    """``critical`` unless the expectation says otherwise."""
    severity = getattr(result.expectation_config, "severity", None)
    return str(getattr(severity, "value", severity) or "critical").lower()


def found(result: ExpectationValidationResult) -> str:
    """``: 3 rows, e.g. touchpoint_id = T01``, or that the rows are not named."""
    count, examples = result.result.get("unexpected_count"), result.result.get("partial_unexpected_list")
    if not count or not examples:
        return " (it does not hold; what it rests on is not quoted)"
    if len(examples) == count:
        return f": {'; '.join(examples)}"
    return f": {count:,} rows, e.g. {'; '.join(examples)}"
