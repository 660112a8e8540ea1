"""App scenes: sessions on the company's pages, as Segment's calls and as Snowplow's enriched events."""

from __future__ import annotations

from typing import NamedTuple

from pipelines.simulate.clock import iso_millis, spaced_millis
from pipelines.simulate.stage import Stage
from pipelines.simulate.words import PAGE_JOB, PAGES, PAPER_OF, PAPERS, UNCLASSIFIED, Paper
from pipelines.simulate.world import COMPANY

AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
)
CRAWLER = "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://crawler.example/bot)"
SITE = f"https://www.{COMPANY}"


class Step(NamedTuple):
    """One event of a session; times in milliseconds."""

    at: int
    what: str
    """page, click, download or beat (a heartbeat, which is no engagement)."""
    path: str
    paper: Paper | None = None


class Visitor(NamedTuple):
    """Who acts: a known user with a device, or a device alone."""

    user: str | None
    device: str
    agent: str
    address: str


def session(stage: Stage, source: str, at: int, job: str) -> None:
    """One session of one person (sometimes of a stranger, or of a crawler) in ``segment`` or ``snowplow``."""
    rng = stage.rng
    steps = _steps(stage, job)
    length = (steps[-1].at + 999) // 1000 + 1
    is_known = rng.random() >= 0.06
    person = stage.buyer() if is_known else None
    begin = stage.quiet(source, person.key if person else stage.hex(8), at, length)
    if begin is None:
        return
    begin = stage.moment(begin)
    base = begin * 1000 + rng.randrange(1000)
    device = person.device if person else stage.hex(30)
    agent = AGENTS[device[0] > "7"] if person or rng.random() < 0.5 else CRAWLER
    visitor = Visitor(person.app_user if person else None, device, agent, f"192.0.2.{1 + int(device[:2], 16) % 250}")
    steps = [step._replace(at=base + step.at) for step in steps]
    write = _segment if source == "segment" else _snowplow
    first_id, witnesses = write(stage, visitor, steps, login=rng.random() < 0.12)
    acts = [step for step in steps if step.what != "beat"]
    stage.happened(
        f"app:/{source}/{first_id}",
        "app",
        "self_serve",
        "session",
        acts[0].at * 1000,
        acts[-1].at * 1000,
        job=job_of(acts),
        is_ours=person is not None,
        witnesses=witnesses,
        engaged=(person.key,) if person else (),
    )


def job_of(acts: list[Step]) -> str:
    """The job with the most dwell; of equals, the one seen last. A step's paper says more than its page."""
    dwell: dict[str, int] = {}
    seen: dict[str, int] = {}
    for step, following in zip(acts, [*acts[1:], acts[-1]], strict=True):
        job = step.paper.job if step.paper else PAGE_JOB[step.path]
        if job != UNCLASSIFIED:
            dwell[job] = dwell.get(job, 0) + following.at - step.at
            seen[job] = step.at
    return max(dwell, key=lambda job: (dwell[job], seen[job]), default=UNCLASSIFIED)


def _steps(stage: Stage, job: str) -> list[Step]:
    """A page first, then pages, clicks, downloads and heartbeats, each a few seconds to minutes after the last."""
    rng = stage.rng
    path = rng.choice(PAGES[job])
    steps = [Step(0, "page", path)]
    at = 0
    for _ in range(rng.randrange(3, 11)):
        at += rng.randrange(4_000, 420_000)
        fate = rng.random()
        if fate < 0.1:
            steps.append(Step(at, "beat", path))
        elif fate < 0.25:
            steps.append(Step(at, "click", path))
        elif fate < 0.31:
            steps.append(Step(at, "download", path, rng.choice(PAPER_OF.get(job, PAPERS))))
        else:
            path = rng.choice(PAGES[job if rng.random() < 0.6 else rng.choice((UNCLASSIFIED, stage.job()))])
            steps.append(Step(at, "page", path))
    return steps


# Segment


def _segment(stage: Stage, visitor: Visitor, steps: list[Step], login: bool) -> tuple[str, int]:
    """Writes the calls; returns (user key and first call's id, calls that count).

    ``login``: the first call comes before the user is known, by the device alone, and an identify call follows.
    """
    rng, put = stage.rng, stage.put
    first = ""
    witnesses = 0
    for number, step in enumerate(steps):
        user = None if login and number == 0 else visitor.user
        message_id = f"ajs-next-{stage.hex(32)}"
        if number == 0:
            key = f"external_id:segment:{user}" if user else f"anonymous_id:segment:{visitor.device}"
            first = f"{key}/{message_id}"
        put("segment", step.at // 1000, _call(visitor, user, step, message_id, rng.random()), _outcome(step))
        witnesses += step.what != "beat"
    if login and visitor.user:
        when = iso_millis(steps[1].at - 1)
        put(
            "segment",
            steps[1].at // 1000,
            f'{{"anonymousId":"{visitor.device}","channel":"client","context":{{"ip":"{visitor.address}",'
            f'"library":{{"name":'
            f'"analytics.js","version":"npm:next-1.81.0"}},"userAgent":"{visitor.agent}"}},"integrations":{{}},'
            f'"messageId":'
            f'"ajs-next-{stage.hex(32)}","originalTimestamp":"{when}","receivedAt":"{when}","sentAt":"{when}",'
            f'"timestamp":'
            f'"{when}","traits":{{"plan":"evaluation"}},"type":"identify","userId":"{visitor.user}","version":2}}',
            "accepted",
        )
    return first, witnesses


def _outcome(step: Step) -> str:
    return "ignored" if step.what == "beat" else "accepted"


def _call(visitor: Visitor, user: str | None, step: Step, message_id: str, chance: float) -> str:
    when = iso_millis(step.at)
    title = step.path.rpartition("/")[2].replace("-", " ").capitalize() or "Start"
    url = SITE + step.path
    if chance < 0.05:
        # a device whose clock is wrong: the pipeline's own formula gives the true time back
        wrong = 3_600_000 + int(chance * 1_000_000)
        times = (
            f'"originalTimestamp":"{iso_millis(step.at - wrong)}","receivedAt":"{iso_millis(step.at + 1500)}",'
            f'"sentAt":"{iso_millis(step.at - wrong + 1500)}"'
        )
    else:
        times = (
            f'"originalTimestamp":"{when}","receivedAt":"{iso_millis(step.at + 310)}","sentAt":'
            f'"{iso_millis(step.at + 20)}",'
            f'"timestamp":"{when}"'
        )
    who = f'"userId":"{user}"' if user else '"userId":null'
    return (
        f'{{"anonymousId":"{visitor.device}","channel":"client","context":{{"ip":"{visitor.address}","library":'
        f'{{"name":'
        f'"analytics.js","version":"npm:next-1.81.0"}},"locale":"en-US","page":{{"path":"{step.path}",'
        f'"referrer":"","search":'
        f'"","title":"{title}","url":"{url}"}},"timezone":"Europe/Berlin","userAgent":"{visitor.agent}"}},'
        f"{_said(step, title, url)},"
        f'"integrations":{{}},"messageId":"{message_id}",{times},{who},"version":2}}'
    )


def _said(step: Step, title: str, url: str) -> str:
    if step.what == "page":
        return (
            f'"type":"page","name":"{title}","properties":{{"path":"{step.path}","referrer":"","search":"",'
            f'"title":"{title}",'
            f'"url":"{url}"}}'
        )
    if step.what == "click":
        return '"type":"track","event":"Button Clicked","properties":{"label":"Read more","position":"hero"}'
    if step.what == "beat":
        return '"type":"track","event":"Video Content Playing","properties":{"session_id":"v1","position":30}'
    assert step.paper is not None
    file = f"{step.paper.name}-2026.pdf"
    return f'"type":"track","event":"Document Downloaded","properties":{{"file_name":"{file}","size_kb":412}}'


# Snowplow

WIDTH = 131
UNSTRUCT = 58
"""Column of a self-describing event; the SDKs' JSON has a key of the event's own instead."""
LINK_CLICK = "com.snowplowanalytics.snowplow/link_click/jsonschema/1-0-1"


def _clicked(paper: Paper, as_json: bool) -> str:
    """What a click on a paper's link says of itself, in either form."""
    data = f'{{"targetUrl":"https://assets.{COMPANY}/{paper.name}","elementId":"more"}}'
    if as_json:
        return f',"unstruct_event_com_snowplowanalytics_snowplow_link_click_1":{data}'
    outer = "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0"
    return f'{{"schema":"{outer}","data":{{"schema":"iglu:{LINK_CLICK}","data":{data}}}}}'


def _snowplow(stage: Stage, visitor: Visitor, steps: list[Step], login: bool) -> tuple[str, int]:
    """Writes the events, most sessions as lines of columns and some as the SDKs' JSON."""
    as_json = stage.rng.random() < 0.3
    native = stage.uuid()
    index = stage.rng.randrange(1, 40)
    first = ""
    witnesses = 0
    for number, step in enumerate(steps):
        user = None if login and number == 0 else visitor.user
        event_id = stage.uuid()
        if number == 0:
            key = f"external_id:snowplow:{user}" if user else f"anonymous_id:snowplow:{visitor.device}"
            first = f"{key}/{event_id}"
        fields = _columns(visitor, user or "", step, event_id, native, index)
        witnesses += step.what != "beat"
        said = _clicked(step.paper, as_json) if step.paper else ""
        if as_json:
            body = ",".join(f'"{NAMES[at]}":{value}' for at, value in fields)
            stage.put("snowplow.json", step.at // 1000, f"{{{body}{said}}}", _outcome(step))
            continue
        line = [""] * WIDTH
        for at, value in fields:
            line[at] = value[1:-1] if value[:1] == '"' else value
        line[UNSTRUCT] = said
        stage.put("snowplow.tsv", step.at // 1000, "\t".join(line), _outcome(step))
    return first, witnesses


NAMES = {
    0: "app_id", 1: "platform", 2: "etl_tstamp", 3: "collector_tstamp", 4: "dvce_created_tstamp", 5: "event",
    6: "event_id", 8: "name_tracker", 9: "v_tracker", 10: "v_collector", 11: "v_etl", 12: "user_id",
    13: "user_ipaddress", 15: "domain_userid", 16: "domain_sessionidx", 29: "page_url", 30: "page_title",
    32: "page_urlscheme", 33: "page_urlhost", 34: "page_urlport", 35: "page_urlpath", 53: "se_category",
    54: "se_action", 55: "se_label", 77: "useragent", 123: "domain_sessionid",
    124: "derived_tstamp", 125: "event_vendor", 126: "event_name", 127: "event_format", 128: "event_version",
}  # fmt: skip
"""Columns of the canonical event model that the simulation fills, by position."""


def _columns(visitor: Visitor, user: str, step: Step, event_id: str, native: str, index: int) -> list[tuple[int, str]]:
    """(position, JSON value) of the filled columns; the lines take the values without their quotes."""
    kind, name = {
        "page": ("page_view", "page_view"),
        "beat": ("page_ping", "page_ping"),
        "click": ("struct", "event"),
        "download": ("unstruct", "link_click"),
    }[step.what]
    when, path = spaced_millis(step.at), step.path
    title = path.rpartition("/")[2].replace("-", " ").capitalize() or "Start"
    fields = [
        (0, '"site"'), (1, '"web"'), (2, f'"{spaced_millis(step.at + 2210)}"'),
        (3, f'"{spaced_millis(step.at + 140)}"'),
        (4, f'"{when}"'), (5, f'"{kind}"'), (6, f'"{event_id}"'), (8, '"sp1"'), (9, '"js-3.24.0"'),
        (10, '"ssc-3.2.0-kinesis"'), (11, '"snowplow-enrich-kinesis-5.1.0"'), (13, f'"{visitor.address}"'),
        (15, f'"{visitor.device}"'), (16, str(index)), (29, f'"{SITE}{path}"'), (30, f'"{title}"'),
        (32, '"https"'), (33, f'"www.{COMPANY}"'), (34, "443"), (35, f'"{path}"'), (77, f'"{visitor.agent}"'),
        (123, f'"{native}"'), (124, f'"{when}"'), (125, '"com.snowplowanalytics.snowplow"'), (126, f'"{name}"'),
        (127, '"jsonschema"'), (128, '"1-0-0"'),
    ]  # fmt: skip
    if user:
        fields.append((12, f'"{user}"'))
    if step.what == "click":
        fields += [(53, '"navigation"'), (54, '"menu open"'), (55, '"main"')]
    return fields
