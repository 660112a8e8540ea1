"""Assets of a touch and its job in the buyer's journey (semantics 2.8, 3)."""

from __future__ import annotations

import fnmatch
import re
from collections import defaultdict
from typing import Any

from reference_folding.directory import Directory
from reference_folding.touches import Touch
from transforms.event import Event

TIERS = ("explicit", "asset", "page", "kind", "subject", "thread")
"""Those of enough confidence, in their order."""
NO_JOB = "unclassified"
Evidence = dict[str, Any]
"""What each condition of a rule is compared with: values, or the words that a pattern may be in."""


def put_assets(t: Touch, directory: Directory) -> None:
    """2.8: in the order in which they are told of."""
    events = [event for event, _ in t.dwell] or [w.event for w in t.witnesses if not w.event.is_void]
    t.assets = list(dict.fromkeys(asset for event in events for asset in assets_of(event, directory)))


def assets_of(e: Event, directory: Directory) -> list[str]:
    """By id, by the longest address that a link begins with, by the pattern of a file's name."""
    found = [asset["asset_id"] for asset in directory.assets if asset["asset_id"] == e.asset_id]
    for link in e.links:
        begun = [asset for asset in directory.assets if asset["url"] and link.split("?")[0].startswith(asset["url"])]
        if begun:
            found.append(max(begun, key=lambda asset: len(asset["url"]))["asset_id"])
    for name in e.attachments:
        patterns = [asset for asset in directory.assets if asset["filename"]]
        alike = [a["asset_id"] for a in patterns if fnmatch.fnmatch(name.lower(), a["filename"].lower())]
        if alike:
            found.append(min(alike))
    return list(dict.fromkeys(found))


def types_of(assets: list[str], directory: Directory) -> set[str]:
    return {asset["asset_type"] for asset in directory.assets if asset["asset_id"] in assets}


def put_jobs(touches: list[Touch], directory: Directory, rules: dict[str, Any]) -> None:
    """A reply takes the job of its parent, which is therefore found before it."""
    done: set[int] = set()

    def judge(t: Touch) -> None:
        if id(t) in done:
            return
        done.add(id(t))
        if t.parent is not None:
            judge(t.parent)
        t.tags = tags_of(t, rules)
        t.job = job_of_session(t, directory, rules) if t.family == "app" else job_of_message(t, directory, rules)

    for t in touches:
        judge(t)


def tags_of(t: Touch, rules: dict[str, Any]) -> set[str]:
    """From the subject, where it is no reply's, and from an email's first line."""
    spoken = [None if t.is_reply and t.family == "email" else t.own_subject]
    if t.family == "email":
        spoken.append(t.first_line)
    return {
        tag["tag"] for tag in rules["tags"] if any(re.search(tag["pattern"], text, re.I) for text in spoken if text)
    }


def job_of_message(t: Touch, directory: Directory, rules: dict[str, Any]) -> str:
    meeting_types = rules["meeting_types"] if t.family == "meeting" else []
    called = [kind["type"] for kind in meeting_types if t.called and re.search(kind["pattern"], t.called, re.I)]
    words = [text for text in (t.own_subject, t.first_line) if text]
    inherited = t.parent.job if t.parent and t.is_reply and not t.is_ack else NO_JOB
    return judged(
        rules,
        {
            "label": t.label,
            "parent": inherited,
            "asset_type": types_of(t.assets, directory),
            "meeting_type": set(called[:1]),
            "interaction_kind": {t.kind},
            "subject_regex": [] if t.is_reply else words,
            "is_reply": {t.is_reply},
            "channel": {t.channel},
            "direction": {t.direction},
            "tag": t.tags,
        },
    )


def job_of_session(t: Touch, directory: Directory, rules: dict[str, Any]) -> str:
    """The job with the most classified time; of equal ones that of the later page. Time on a page that showed an asset is the asset's."""
    if t.label:
        return t.label
    seconds: dict[str, int] = defaultdict(int)
    last: dict[str, int] = {}
    page: str | None = None
    shown: dict[str, set[str]] = {}
    for n, (e, stay) in enumerate(t.dwell):
        page = e.page_path or page
        types = types_of(assets_of(e, directory), directory)
        if page and types and e.event_name is None:
            shown[page] = types
        elif page and not types:
            types = shown.get(page, set())
        evidence: Evidence = {
            "label": None,
            "parent": NO_JOB,
            "asset_type": types,
            "page_glob": forms_of_page(page),
            "interaction_kind": {e.interaction_kind or "session"},
            "event_name": forms_of_name(e.event_name),
            "channel": {"app"},
            "direction": {"self_serve"},
            "is_reply": {False},
        }
        job = judged(rules, evidence)
        if job != NO_JOB:
            seconds[job] += stay
            last[job] = n
    return max(seconds, key=lambda job: (seconds[job], last[job])) if seconds else NO_JOB


def judged(rules: dict[str, Any], evidence: Evidence) -> str:
    """3: the first tier with a match, there the highest priority; two jobs of equal priority are none."""
    for tier in TIERS:
        matches = []
        for rule in rules["rules"]:
            if rule["tier"] == tier and rule.get("enabled", True):
                job = job_of_rule(rule, evidence)
                if job != NO_JOB:
                    matches.append((rule.get("priority", 0), job))
        if matches:
            best = {job for priority, job in matches if priority == max(matches)[0]}
            return best.pop() if len(best) == 1 else NO_JOB
    return NO_JOB


def job_of_rule(rule: dict[str, Any], evidence: Evidence) -> str:
    if rule["job"] == "as_parent":
        return str(evidence["parent"])
    job = evidence["label"] or NO_JOB if rule["job"] == "as_labelled" else rule["job"]
    for name, value in (rule.get("when") or {}).items():
        wanted = value if isinstance(value, list) else [value]
        if not any(meets(name, one, found) for one in wanted for found in evidence.get(name, ())):
            return NO_JOB
    return str(job)


def meets(name: str, wanted: Any, found: Any) -> bool:
    if name == "subject_regex":
        return re.search(wanted, found, re.I) is not None
    if name in ("page_glob", "event_name"):
        return fnmatch.fnmatchcase(found, wanted.lower())
    return bool(wanted == found)


def forms_of_page(page: str | None) -> set[str]:
    """As it is spelled, without query and in lower case, and with hyphens; a screen's name also as a path."""
    if not page:
        return set()
    bare = page.split("?")[0].split("#")[0].strip().lower()
    forms = {bare, re.sub(r"[ _]", "-", bare).rstrip("/") or "/"}
    return forms | {f"/{form}" for form in forms if not form.startswith("/")}


def forms_of_name(name: str | None) -> set[str]:
    """As it came, and as words with a space between."""
    if not name:
        return set()
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return {name.lower(), " ".join(re.split(r"[\s_\-.:/]+", words)).strip().lower()}
