"""What the name of a tracked app event says: the act, an asset's action, or that nobody acted at all.

Names are free text (``Document Downloaded``, ``submit_form``), so this is one table of words for every such source.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple


class Act(NamedTuple):
    """``ignore`` is the reason for which the event is no engagement; the others are empty for an ordinary event."""

    kind: str | None = None
    asset_action: str | None = None
    ignore: str | None = None
    tags: tuple[str, ...] = ()


_IGNORED: dict[str, str] = {
    # mail programs prefetch the pixel: an "open" without a person (semantics 1.3)
    "email opened": "email_open_pixel",
    "email delivered": "email_receipt",
    "email bounced": "email_bounce",
    "email marked as spam": "email_receipt",
    "unsubscribed": "email_unsubscribe",
    "push notification received": "push_receipt",
    "push notification bounced": "push_receipt",
    "install attributed": "install_attribution",
    "application updated": "application_update",
    "application crashed": "application_error",
    "application error": "application_error",
    "heartbeat": "heartbeat",
    "keepalive": "heartbeat",
    "keep alive": "heartbeat",
    "page ping": "heartbeat",
    "video content playing": "heartbeat",
    "video ad playing": "heartbeat",
    "video quality updated": "video_telemetry",
    "video playback interrupted": "video_telemetry",
    "video playback buffer started": "video_telemetry",
    "video playback buffer completed": "video_telemetry",
    "video ad started": "video_ad",
    "video ad completed": "video_ad",
    "ping event": "heartbeat",
    "media player percentprogress": "heartbeat",
    "media player ready": "video_telemetry",
    "percent progress event": "heartbeat",
    "buffer start event": "video_telemetry",
    "buffer end event": "video_telemetry",
    "quality change event": "video_telemetry",
    "ready event": "video_telemetry",
    "ad start event": "video_ad",
    "ad complete event": "video_ad",
    "ad quartile event": "video_ad",
    "ad break start event": "video_ad",
    "ad break end event": "video_ad",
    "web vitals": "page_telemetry",
    "performance timing": "page_telemetry",
    "timing": "page_telemetry",
}

_THING = (
    r"(document|doc|file|asset|pdf|white ?paper|resource|case study|guide|brochure|proposal|quote|deck|presentation|"
    r"sheet|report|video|webinar|recording|content|template|business case)"
)
_SEEN = r"(viewed|view|opened|open|read|watched|started|played)"
_PLAN = r"\b(mutual (action )?plan|action plan|plan (item|task|step)s?)\b"
_ACTS: tuple[tuple[re.Pattern[str], Act], ...] = tuple(
    (re.compile(pattern), act)
    for pattern, act in (
        (r"\bform\b.*\bsubm\w+|\bsubm\w+\b.*\bform\b|\bgenerate lead\b", Act("form_submit")),
        (
            r"\b(demo|quote|pricing|trial|callback|meeting|proposal)s? request(ed)?\b|\bcontact (us|sales)\b",
            Act("form_submit"),
        ),
        (
            r"\b(contract|agreement|order form|document|proposal|quote) (e )?signed\b|\bsignature completed\b",
            Act("signature"),
        ),
        # who shares a plan or looks at it has not edited it, but there is one
        (
            rf"{_PLAN} (viewed|opened|seen|read)\b|\b(viewed|opened|view|open) {_PLAN}",
            Act("asset_view", "view", tags=("plan_shown",)),
        ),
        (rf"{_PLAN} (shared|sent)\b|\b(shared?|sent|send) {_PLAN}", Act("asset_share", "share", tags=("plan_shown",))),
        (_PLAN, Act("plan_update")),
        (r"^(?!app(lication)?\b).*\bdownload(ed)?\b", Act("asset_download", "download")),
        (rf"\b{_THING} shared?\b|\bshare {_THING}\b", Act("asset_share", "share")),
        (rf"\b{_THING}( playback)? {_SEEN}\b|\b{_SEEN} {_THING}\b", Act("asset_view", "view")),
        (r"\b(invite|invitation)s? sent\b|\b(user|colleague|member|teammate) invited\b", Act("introduction")),
    )
)
_SEPARATORS = re.compile(r"[\s_\-.:/]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_PLAIN = Act()

_HEARTBEAT = re.compile(r"(\w+ )?heart ?beats?( (sent|event|ping))?")
_HEALTH_CHECK = re.compile(
    r"((api|app|application|server|service|site|system|website) )?health ?checks?( (event|failed|ok|passed|performed|ping|succeeded))?"
    r"|(liveness|readiness) (check|probe)"
)

_SENT_TO_PEOPLE = re.compile(
    r"(email|push( notification)?|in ?app( message)?|sms|webhook) "
    r"(sent|send|send skip(ped)?|(soft |hard )?bounced?|delivered|undelivered|attempted|drafted|deferred|dropped|failed|rejected|suppressed|"
    r"converted|(un)?subscribed)"
    r"|campaign control group entered|canvas (entry|entered|exited)|subscription group state changed|mobile app uninstalled"
)
"""What mail and push programs tell of their own sending, under names of their own (Braze, Iterable, Klaviyo): nobody did anything."""

_ROBOT = re.compile(
    r"(?<!cu)bots?\b|crawler|spider|slurp|headlesschrome|lighthouse|pingdom|uptime|python-requests|\bcurl/|\bwget/",
    re.IGNORECASE,
)
_PROBE = re.compile(r"health-?check|kube-probe|googlehc/|google-?stackdriver|uptimerobot|pingdom", re.IGNORECASE)
_PROBED = frozenset({"healthz", "livez", "readyz", "healthcheck", "health-check", "health_check"})


def words_of(name: str) -> str:
    """An event's name as words: ``trial_started``, ``TrialStarted`` and ``Trial Started`` are one name."""
    return _SEPARATORS.sub(" ", _CAMEL.sub(" ", name[:200])).strip().lower()


@lru_cache(maxsize=8192)
def act_of(name: str) -> Act:
    """The act that an event's name describes."""
    words = words_of(name)
    ignore = _IGNORED.get(words)
    if ignore is not None:
        return Act(ignore=ignore)
    if _HEARTBEAT.fullmatch(words):
        return Act(ignore="heartbeat")
    if _HEALTH_CHECK.fullmatch(words):
        return Act(ignore="health_check")
    if _SENT_TO_PEOPLE.fullmatch(words):
        return Act(ignore="message_receipt")
    for pattern, act in _ACTS:
        if pattern.search(words):
            return act
    return _PLAIN


@lru_cache(maxsize=8192)
def is_robot(user_agent: str) -> bool:
    """Whether a user agent calls itself a crawler, a monitor or a script."""
    return _ROBOT.search(user_agent[:1000]) is not None


def is_health_check(user_agent: str | None, path: str | None) -> bool:
    """Whether a monitor asked if the property is up: by what it calls itself, or by a path that nobody else asks for.

    ``/health`` alone may be a page for people.
    """
    if user_agent and _is_probe(user_agent):
        return True
    return path is not None and path.rstrip("/").rpartition("/")[2].lower() in _PROBED


@lru_cache(maxsize=8192)
def _is_probe(user_agent: str) -> bool:
    return _PROBE.search(user_agent[:1000]) is not None
