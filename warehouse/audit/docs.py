"""Data Docs that need no network: the library's pages without its scripts, far stylesheets and tracking pixel.

::

    index.html                 one line an audit
    runs/<audit>/<suite>.html  a page a suite, rendered by Great Expectations
    style.css                  ours

The library builds its index in the reader's browser, with scripts that it loads from five hosts: so the index is ours.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from functools import cache, lru_cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResultSchema
from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
from great_expectations.render.view.view import DefaultJinjaPageView

from warehouse.audit.results import SUFFIX, kept_results, read_result

HEAD = re.compile(r"<head>.*?</head>", re.DOTALL)
SCRIPT = re.compile(r"<script\b.*?</script>", re.DOTALL)
FOOTER = re.compile(r"<footer\b.*?</footer>", re.DOTALL)
NAVIGATION = re.compile(r"(<body[^>]*>).*?(?=<div class=\"container-fluid)", re.DOTALL)
LOADED = re.compile(r"<(?:link|img|iframe|source|embed)\b[^>]*(?:https?:)?//[^>]*>")
SIDEBAR = re.compile(r"<div class=\"col-lg-2 .*?(?=<div class=\"col-md-10)", re.DOTALL)
"""Its filter needs a script, and its list of sections has two entries."""
DEAD_LINK = re.compile(r"<a href=\"[^\"]*/expectations/[^\"]*\"[^>]*>(.*?)</a>", re.DOTALL)
"""To a page of the suite alone, which says nothing that this one does not."""
BUTTON = re.compile(r"<button\b.*?</button>", re.DOTALL)
ANY_RUN, ANY_TIME = "the-run-that-was-audited", "2000-01-01T00:00:00"
"""Stand in a page until it is known whose it is."""


def write_docs(results: Path, site: Path) -> int:
    """Bring the site up to date with the kept results; returns how many audits were rendered (each once)."""
    (site / "runs").mkdir(parents=True, exist_ok=True)
    _write(site / "style.css", files("warehouse.audit").joinpath("style.css").read_text(encoding="utf-8"))
    kept = {path.name.removesuffix(SUFFIX): path for path in kept_results(results)}
    rendered = 0
    for name, path in kept.items():
        folder = site / "runs" / name
        if not (folder / "summary.html").exists():
            _render(read_result(path), folder)
            rendered += 1
    for folder in (site / "runs").iterdir():
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)
    rows = [(site / "runs" / name / "summary.html").read_text(encoding="utf-8") for name in sorted(kept, reverse=True)]
    _write(site / "index.html", _index(rows))
    return rendered


def offline(page: str, title: str) -> str:
    """A page that loads nothing but our stylesheet."""
    page = HEAD.sub(lambda _: _head(title, "../../style.css"), page, count=1)
    page = NAVIGATION.sub(r'\1<p><a href="../../index.html">All audits</a></p>', page, count=1)
    for unwanted in (SCRIPT, FOOTER, LOADED, BUTTON, SIDEBAR):
        page = unwanted.sub("", page)
    return DEAD_LINK.sub(r"\1", page)


def _head(title: str, stylesheet: str) -> str:
    return (
        f'<head><meta charset="UTF-8"><title>{escape(title)}</title><link rel="stylesheet" href="{stylesheet}"></head>'
    )


def _render(result: dict[str, Any], folder: Path) -> None:
    """The pages of one audit; ``summary.html``, its line in the index, comes last and says that they are complete."""
    folder.mkdir(parents=True, exist_ok=True)
    links = []
    for suite in result["suites"]:
        name = suite["suite_name"]
        suite["meta"]["batch_markers"] = {}  # when the library looked: told by the time of the audit
        page = (_page_of_passed if suite["success"] else _page)(json.dumps(suite))
        page = page.replace(ANY_RUN, escape(result["run_id"])).replace(ANY_TIME, escape(result["at"][:19]))
        _write(folder / f"{name}.html", page)
        mark = "good" if suite["success"] else "bad"
        links.append(f'<a class="{mark}" href="runs/{folder.name}/{name}.html">{escape(name)}</a>')
    sentences = "".join(f"<li>{escape(line)}</li>" for line in (*result["failures"], *result["warnings"]))
    verdict = '<b class="good">passed</b>' if result["success"] else '<b class="bad">failed</b>'
    _write(
        folder / "summary.html",
        f"<tr><td>{escape(result['at'][:19])}</td><td>{escape(result['run_id'])}</td><td>{verdict}</td>"
        f"<td>{result['expectations']} on {result['tables']} tables</td>"
        f"<td>{' '.join(links)}<ul>{sentences}</ul></td></tr>\n",
    )


def _page(suite: str) -> str:
    """The page of a suite, given as JSON, of no run in particular."""
    content = json.loads(suite)
    at = f"{ANY_TIME}+00:00"
    content["meta"] |= {"run_id": {"run_name": ANY_RUN, "run_time": at}, "validation_time": at}
    rendered = ValidationResultsPageRenderer().render(ExpectationSuiteValidationResultSchema().load(content))
    return offline(_view().render(rendered, show_how_to_buttons=False), f"{content['suite_name']}: audit of {ANY_RUN}")


@cache
def _view() -> Any:
    """One for all pages: every view compiles the library's templates for itself."""
    view: Any = DefaultJinjaPageView()
    view.env.auto_reload = False
    return view


_page_of_passed = lru_cache(maxsize=16)(_page)
"""Suites that passed say the same of every run; to render all of them takes a second."""


def _index(rows: list[str]) -> str:
    return (
        f"<!DOCTYPE html>\n<html>{_head('Audits', 'style.css')}<body><h1>Audits</h1>"
        "<p>What was expected of each snapshot before it was published, and what was found. "
        "A snapshot that failed was not published.</p><table><thead>"
        "<tr><th>Audited (UTC)</th><th>Run</th><th>Verdict</th><th>Expectations</th><th>By layer</th></tr>"
        "</thead><tbody>\n" + "".join(rows) + "</tbody></table></body></html>\n"
    )


def _write(path: Path, text: str) -> None:
    """A reader sees the old page or the new one."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
