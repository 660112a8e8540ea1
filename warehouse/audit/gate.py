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
    """Critical failures and whatever could not be checked on one side, warnings on the other."""
    verdict = Verdict()
    unchecked: dict[str, list[str]] = {}
    for suite, outcome in outcomes:
        verdict.expectations += len(suite.expectations)
        for result in outcome.results:
            raised = list(exceptions_of(result))
            if raised:
                unchecked.setdefault(raised[0], []).append(sentence_of(result))
            elif result.success is not True:
                critical = severity_of(result) == "critical"
                (verdict.failures if critical else verdict.warnings).append(sentence_of(result) + found(result))
        if len(outcome.results) != len(suite.expectations):
            verdict.failures.append(
                f"{suite.name}: {len(outcome.results)} results for {len(suite.expectations)} expectations"
            )
    for reason, sentences in unchecked.items():  # a query that fails takes every expectation on its table with it
        more = f" (and {len(sentences) - 1} more)" if len(sentences) > 1 else ""
        verdict.failures.append(f"{sentences[0]}{more}: could not be checked: {reason}")
    if not verdict.expectations:
        verdict.failures.append("nothing was expected")
    return verdict


def exceptions_of(result: ExpectationValidationResult) -> Iterator[str]:
    """The library keeps one exception flat, and those of metrics by the metric's id."""
    info: dict[str, Any] = result.exception_info or {}
    for one in (info, *(v for v in info.values() if isinstance(v, dict))):
        if one.get("raised_exception"):
            yield " ".join(str(one.get("exception_message") or "no message").split())[:300]


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
    """``: touchpoint_id = T01``, or that the rows are not named."""
    observed = (result.result or {}).get("observed_value")
    return f": {observed}" if observed else " (it does not hold; what it rests on is not quoted)"
