"""``python -m warehouse.audit``: one JSON line on standard output for each on standard input, until that ends.

::

    {"do": "audit", "database": path, "previous": path or null, "results": folder, "keep": n}
        -> {"success": bool, "failures": [sentence], "warnings": [sentence], "expectations": n, "tables": n,
            "seconds": x}
    {"do": "docs", "results": folder, "site": folder} -> {"ok": bool, "rendered": n, "seconds": x}

The library takes seconds to import, so it is imported before the first question comes.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any


def own_standard_output() -> IO[str]:
    """Standard output for answers alone: whatever a library prints from now on goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def hush() -> None:
    """No analytics, and nothing said on the side: nobody reads standard error while we live, and a full pipe blocks."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    if not os.environ.get("TOUCHLOOP_DEBUG"):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)


def serve(questions: IO[str], answers: IO[str]) -> None:
    from warehouse.audit.inspector import Inspector  # after ``hush``

    inspector = Inspector()

    def audit(question: dict[str, Any]) -> dict[str, Any]:
        from warehouse.audit.results import keep_result

        results = Path(question["results"])
        previous = Path(question["previous"]) if question.get("previous") else None
        outcome = inspector.audit(Path(question["database"]), previous, results / "spill")
        keep_result(results, outcome, int(question["keep"]))
        verdict = outcome.verdict
        return {
            "success": verdict.success, "failures": verdict.failures, "warnings": verdict.warnings,
            "expectations": verdict.expectations, "tables": outcome.tables,
        }  # fmt: skip

    def docs(question: dict[str, Any]) -> dict[str, Any]:
        from warehouse.audit.docs import write_docs

        return {"ok": True, "rendered": write_docs(Path(question["results"]), Path(question["site"]))}

    kinds: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"audit": audit, "docs": docs}
    for line in questions:
        began = time.perf_counter()
        try:
            question = json.loads(line)
            answer = kinds[question["do"]](question)
        except Exception as error:  # any trouble is an answer, and a No: what could not be judged is not published
            if os.environ.get("TOUCHLOOP_DEBUG"):
                traceback.print_exc()
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            answer = {
                "success": False, "ok": False, "failures": [f"the audit could not be made: {reason}"], "warnings": [],
                "expectations": 0, "tables": 0,
            }  # fmt: skip
        answer["seconds"] = round(time.perf_counter() - began, 3)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    inspector.close()


if __name__ == "__main__":
    stdout = own_standard_output()
    hush()
    serve(sys.stdin, stdout)
    stdout.close()
    os._exit(0)  # nothing is left to do; taking the library down would keep our caller waiting for half a second
