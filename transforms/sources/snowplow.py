"""Snowplow enriched events: the pipeline's tab-separated lines, and the JSON that the analytics SDKs make of them.

Column positions follow Snowplow's canonical event model (131 columns, append-only since the first format). Its times
carry no zone because the format defines them as UTC.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import msgspec

from transforms.event import Event, Ignored, Parsed, Party, Reject
from transforms.jobs.label import job_label
from transforms.normal import email_id, native_id, scrub, user_id
from transforms.sources import Context, SourceSpec
from transforms.times import parse_iso
from transforms.tracking.names import Act, act_of, is_health_check, is_robot
from transforms.tracking.plan_items import PlanFacts, plan_facts

SNOWPLOW = "/snowplow"
COLUMNS = 131
FIRST_FORMAT = 107
"""Columns of the first format with a fixed order; later ones only appended."""

# positions of the columns that mean something here
PLATFORM, COLLECTOR, DEVICE, EVENT, EVENT_ID, USER_ID, DOMAIN_USER = 1, 3, 4, 5, 6, 12, 15
NETWORK_USER, PAGE_URL, PAGE_PATH, CONTEXTS, SE_CATEGORY, SE_ACTION = 17, 29, 35, 52, 53, 54
UNSTRUCT, USER_AGENT, BR_TYPE, DEVICE_SENT, DERIVED_CONTEXTS, SESSION = 58, 77, 81, 119, 122, 123
DERIVED, EVENT_NAME = 124, 126

NOBODY = "00000000-0000-0000-0000-000000000000"
"""What the collector writes for every visitor whom it was asked not to recognise."""
_MOBILE = frozenset({"mob", "tv", "headset"})
_PING = Ignored("heartbeat")
_HEALTH_CHECK = Ignored("health_check")
_PLAIN = Act()
_NO_PLAN = PlanFacts()


class Row(msgspec.Struct, gc=False):
    """What both forms say of an event; empty strings where a column is empty."""

    event: str
    event_id: str
    event_name: str
    platform: str
    collector: str
    derived: str
    user_id: str
    domain_userid: str
    network_userid: str
    session: str
    page_url: str
    page_path: str
    se_category: str
    se_action: str
    user_agent: str
    br_type: str
    derived_contexts: str
    """JSON text; searched only for a verdict on robots."""
    unstruct: str
    contexts: str
    """JSON text; read only where the columns do not hold what it holds."""
    device: str = ""
    device_sent: str = ""
    """The device's clock when the event was made and when it was sent; read only where there is no derived time."""


class ActData(msgspec.Struct, gc=False):
    """Data of a self-describing event; what stands in it depends on its schema."""

    name: Any = None
    targetUrl: Any = None
    target_url: Any = None
    """As the loaders of BigQuery and Databricks spell it."""
    url: Any = None
    type: Any = None
    buying_job: Any = None
    buyingJob: Any = None


class Described(msgspec.Struct, gc=False):
    schema: str = ""
    data: ActData | None = None


class Unstruct(msgspec.Struct, gc=False):
    data: Described | None = None


class ClientSession(msgspec.Struct, gc=False):
    userId: Any = None
    user_id: Any = None
    sessionId: Any = None
    session_id: Any = None


class Entity(msgspec.Struct, gc=False):
    schema: str = ""
    data: ClientSession | None = None


class Entities(msgspec.Struct, gc=False):
    data: list[Entity] = []


class PlanDescribed(msgspec.Struct, gc=False):
    data: Any = None


class PlanUnstruct(msgspec.Struct, gc=False):
    """A self-describing event of a schema of one's own that tells of a plan's items."""

    data: PlanDescribed | None = None


_unstruct = msgspec.json.Decoder(Unstruct)
_plan = msgspec.json.Decoder(PlanUnstruct)
_entities = msgspec.json.Decoder(Entities)
_object = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode


def parse(record: bytes, context: Context) -> Parsed:
    """One line, tab-separated or JSON, to an event. Raises ``Reject`` that names the column."""
    line = record.decode("utf-8").strip("\r\n")
    if line.lstrip()[:1] == "{":
        return _to_event(_from_json(_object.decode(record)))
    cells = line.split("\t")
    if len(cells) < COLUMNS:
        cells = _padded(cells)
    if cells[EVENT] == "page_ping":
        return _PING
    if cells[EVENT] == "event" and cells[EVENT_ID] == "event_id":
        return Ignored("header")
    row = Row(
        cells[EVENT], cells[EVENT_ID], cells[EVENT_NAME], cells[PLATFORM], cells[COLLECTOR], cells[DERIVED],
        cells[USER_ID], cells[DOMAIN_USER], cells[NETWORK_USER], cells[SESSION], cells[PAGE_URL], cells[PAGE_PATH],
        cells[SE_CATEGORY], cells[SE_ACTION], cells[USER_AGENT], cells[BR_TYPE], cells[DERIVED_CONTEXTS],
        cells[UNSTRUCT], cells[CONTEXTS],
    )  # fmt: skip
    if not row.derived:
        row.device, row.device_sent = cells[DEVICE], cells[DEVICE_SENT]
    return _to_event(row)


def _padded(cells: list[str]) -> list[str]:
    """Older formats, and lines whose trailing empty cells were trimmed, hold the same columns from the left."""
    if len(cells) < FIRST_FORMAT:
        found = f"the line has {len(cells)} tab-separated columns; an enriched event has {COLUMNS}"
        raise Reject("wrong_column_count", None, found)
    return cells + [""] * (COLUMNS - len(cells))


def _from_json(fields: dict[str, Any]) -> Row:
    """The SDKs' flat object; a self-describing event stands in ``unstruct_event_<vendor>_<name>_<version>``."""

    if "EVENT_ID" in fields and "EVENT" in fields:  # as Snowflake names columns
        fields = {name.lower(): value for name, value in fields.items()}
    if "event_id" not in fields and "event" not in fields:
        if isinstance(schema := fields.get("schema"), str) and schema.startswith("iglu:"):
            what = "a failed event (bad row)" if ".badrows/" in schema else "self-describing JSON"
            raise Reject("unknown_type", "$.schema", f"$.schema is {schema[:150]!r}: {what}, and no enriched event")
        raise Reject("missing_field", "$.event", "required field $.event is missing: this is no enriched event")
    families = sorted(name for name in fields if name.startswith(_FAMILIES))  # a few of a hundred
    own = next((name for name in families if name.startswith("unstruct_event_") and fields[name] is not None), None)
    described = fields.get("unstruct_event") if own is None else {"data": {"data": fields[own]}}
    verdicts = [fields[name] for name in families if name.startswith(_VERDICTS)]
    client = next((fields[name] for name in families if name.startswith(_CLIENT) and fields[name] is not None), None)
    entities = fields.get("contexts") if client is None else _as_entities("client_session", client)
    told = [
        one if type(one) is str else _text(one, name) for name, one in zip(_TOLD, map(fields.get, _TOLD), strict=True)
    ]
    row = Row(*told, *map(_json_text, (verdicts, described, entities)))
    if not row.derived:
        row.device, row.device_sent = (
            one if type(one) is str else "" for one in map(fields.get, ("dvce_created_tstamp", "dvce_sent_tstamp"))
        )
    return row


def _text(value: Any, name: str) -> str:
    """What is no text already: missing, or a number that should be one."""
    if value is None:
        return ""
    if type(value) is int and abs(value) < 10**30:
        return str(value)
    raise Reject("invalid_field", f"$.{name}", f"$.{name} is a {type(value).__name__}: expected a text")


_TOLD = (
    "event", "event_id", "event_name", "platform", "collector_tstamp", "derived_tstamp", "user_id", "domain_userid",
    "network_userid", "domain_sessionid", "page_url", "page_urlpath", "se_category", "se_action", "useragent", "br_type",
)  # fmt: skip
"""The fields of ``Row`` by the names of the columns, as far as these hold plain text."""
_VERDICTS = ("derived_contexts", "contexts_com_iab_snowplow_spiders_and_robots", "contexts_nl_basjes_yauaa_context")
_CLIENT = "contexts_com_snowplowanalytics_snowplow_client_session_1"
_FAMILIES = ("unstruct_event_", _CLIENT, *_VERDICTS)
"""How the names of columns begin whose rest names a schema."""


def _as_entities(name: str, items: Any) -> dict[str, Any]:
    return {"data": [{"schema": name, "data": item} for item in (items if isinstance(items, list) else [items])]}


def _json_text(value: Any) -> str:
    if value is None or value == []:
        return ""
    if isinstance(value, str):
        return value
    try:
        return _encode(value).decode()
    except (OverflowError, UnicodeEncodeError):  # numbers and text that JSON could hold but this encoder will not
        return ""


def _to_event(row: Row) -> Parsed:
    event = row.event
    if event == "page_view":
        act, name, path, link, label = _PLAIN, "", row.page_path, "", None
    elif event == "page_ping":
        return _PING
    elif event in ("unstruct", "struct", "transaction", "ad_impression"):
        name, path, link, label = _described(row)
        act = act_of(name)
        if act.ignore is not None:
            return Ignored(act.ignore)
    elif event == "transaction_item":
        return Ignored("transaction_item")  # its transaction is the act
    else:
        raise _unknown(row)
    event_id = native_id(row.event_id)
    if not event_id:
        raise Reject("missing_field", "event_id", "column event_id is empty: the event cannot be told from its repeats")
    occurred_at, recorded_at, quality = _when(row)
    session = row.session
    is_mobile = row.platform in _MOBILE
    anonymous = row.domain_userid
    if not session and "client_session" in row.contexts:  # of mobile trackers, and of desktop ones
        anonymous, session = _client_session(row.contexts, anonymous)
    is_unknown = row.network_userid == NOBODY
    own, of_collector = (anonymous or session, "") if is_unknown else (anonymous, row.network_userid)
    parties = _party(row.user_id, own, of_collector)
    if not parties[0].ids:
        if is_unknown:
            return Ignored("anonymous_tracking")
        raise Reject("missing_field", "domain_userid", "user_id, domain_userid and network_userid are all empty")
    url = row.page_url
    if not path and url:
        path = _path_of(url)
    if is_health_check(row.user_agent, path):
        return _HEALTH_CHECK
    plan = _plan_facts(row, name) if act.kind == "plan_update" else _NO_PLAN
    return Event(
        source=SNOWPLOW,
        source_event_id=event_id,
        family="app",
        channel="app",
        medium="mobile_app" if is_mobile else "web_app",
        interaction_kind=act.kind,
        asset_action=act.asset_action,
        tags=act.tags,
        is_automated=_is_robot(row),
        occurred_at=occurred_at,
        time_quality=quality,
        recorded_at=recorded_at,
        dedupe_key=f"app:{SNOWPLOW}/{event_id}",
        conversation_id=parties[0].ids[0],
        native_session_id=session or None,
        event_name=scrub(name[:200]) or None,
        page_path=scrub(path) or None,
        links=_links(link, url if event == "page_view" or name == "screen_view" else ""),
        parties=parties,
        account_hint=plan.account,
        opportunity_hint=plan.deal,
        explicit_job=label,
        plan_items=plan.items,
    )


def _plan_facts(row: Row, name: str) -> PlanFacts:
    """A structured event's label and value may mean anything: of these a plan was touched, and no item is known."""
    try:
        told = _plan.decode(row.unstruct).data if row.event == "unstruct" and row.unstruct else None
    except msgspec.MsgspecError:
        return _NO_PLAN
    return plan_facts(told.data, name, None) if told is not None else _NO_PLAN


def _unknown(row: Row) -> Reject:
    if not row.event:
        return Reject("missing_field", "event", "column event is empty: nothing says what happened")
    return Reject("unknown_type", "event", f"event type {row.event[:80]!r} is not known")


def _described(row: Row) -> tuple[str, str, str, str | None]:
    """(name, page path, link, label) of what is no page view: a screen's name is its path, a click's target its link."""
    if row.event != "unstruct":
        words = " ".join(part for part in (row.se_category, row.se_action) if part)
        return words or row.event_name or row.event, row.page_path, "", None
    data, name = ActData(), row.event_name
    if row.unstruct:
        try:
            described = _unstruct.decode(row.unstruct).data or Described()
        except msgspec.MsgspecError:
            described = Described()  # an event of its own schema may hold anything, also what is no object
        data = described.data or data
        name = name or _schema_name(described.schema)
    link = next((url for url in (data.targetUrl, data.target_url, data.url) if type(url) is str and "://" in url), "")
    label = job_label(data.buying_job or data.buyingJob)
    if name in ("screen_view", "screen_end") and type(data.name) is str:
        return name, data.name, link, label
    if name == "media_player_event" and type(data.type) is str:
        name = f"media_player_{data.type}"  # one schema for all that a player does
    return name or "unstruct", row.page_path, link, label


def _schema_name(schema: str) -> str:
    """``iglu:com.acme/link_click/jsonschema/1-0-0`` to ``link_click``."""
    parts = schema.split("/")
    return parts[1] if len(parts) > 1 else ""


def _when(row: Row) -> tuple[int, int | None, str]:
    """(occurred, collected, quality): Snowplow's derived time has the device's wrong clock taken out.

    Where it is missing, it is computed as Snowplow does: collected - (sent - created), the last two by the device.
    """
    if row.derived:
        return _utc(row.derived, "derived_tstamp"), _known(row.collector, "collector_tstamp"), "skew_corrected"
    if not row.collector:
        raise Reject("missing_field", "collector_tstamp", "columns derived_tstamp and collector_tstamp are both empty")
    collected = _utc(row.collector, "collector_tstamp")
    made, sent = _known(row.device, "dvce_created_tstamp"), _known(row.device_sent, "dvce_sent_tstamp")
    if made is None or sent is None:
        return collected, collected, "source"
    return collected - (sent - made), collected, "skew_corrected"


def _known(text: str, field: str) -> int | None:
    """A time without which the event is still known; none where it is unreadable."""
    if not text:
        return None
    try:
        return _utc(text, field)
    except Reject:
        return None


def _utc(text: str, field: str) -> int:
    # "2024-08-14 15:27:51.685": with a Z behind it is parsed without a look at any zone's rules
    if (
        len(text) <= 26
        and text[-1:].isdigit()
        and text[10:11] in (" ", "T")
        and "+" not in text
        and text.find("-", 11) < 0
    ):
        return parse_iso(text + "Z", field)
    return parse_iso(text, field, "UTC")


def _client_session(contexts: str, anonymous: str) -> tuple[str, str]:
    """Mobile trackers keep the installation's user and session in an entity instead of the columns."""
    try:
        entities = _entities.decode(contexts).data
    except msgspec.MsgspecError:
        return anonymous, ""
    for entity in entities:
        if "client_session" in entity.schema and entity.data is not None:
            user, session = entity.data.userId or entity.data.user_id, entity.data.sessionId or entity.data.session_id
            return (user if type(user) is str else anonymous), (scrub(session) if type(session) is str else "")
    return anonymous, ""


@lru_cache(maxsize=16_384)
def _party(user: str, own: str, of_collector: str) -> tuple[Party, ...]:
    """Remembered: a user's events come by the dozen. Whoever is identified binds both cookies; else one tells who it is."""
    user, own, of_collector = (user_id(one[:1000]) for one in (user, own, of_collector))
    devices = (own, of_collector) if user else (own or of_collector,)
    ids = []
    if user:
        ids.append(f"external_id:snowplow:{user}")
        if "@" in user and (address := email_id(user)):
            ids.append(address)
    ids += [f"anonymous_id:snowplow:{device}" for device in devices if device]
    return (Party(tuple(dict.fromkeys(ids)), "actor"),)


def _is_robot(row: Row) -> bool:
    if row.br_type[:5].lower() in ("robot", "spide") or (row.user_agent and is_robot(row.user_agent)):
        return True
    if not row.derived_contexts:
        return False
    return _robot_context(row.derived_contexts)


_ROBOTS = (
    '"spiderOrRobot":true', '"deviceClass":"Robot', '"agentClass":"Robot',
    '"spider_or_robot":true', '"device_class":"Robot', '"agent_class":"Robot',
)  # fmt: skip


def _robot_context(text: str) -> bool:
    """IAB's list or the user-agent enrichments call it a robot."""
    packed = text.replace(" ", "")
    return any(verdict in packed for verdict in _ROBOTS)


def _links(link: str, url: str) -> tuple[str, ...]:
    """What an event names itself, and the page of a view: what is clicked on a page is something else."""
    if not link:
        return (url if url.isascii() else scrub(url),) if url else ()
    return (scrub(link), scrub(url)) if url and url != link else (scrub(link),)


@lru_cache(maxsize=16_384)
def _path_of(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return (parts.path or "/") if parts.netloc else ""


SOURCE = SourceSpec(
    name="snowplow",
    title="Snowplow",
    channel="app",
    version="10",
    framing="lines",
    parse=parse,
    supports=(
        "enriched events, tab-separated (131 columns; older formats with fewer)",
        "enriched events as JSON of the analytics SDKs, or of a warehouse's rows (BigQuery, Snowflake)",
        "page_view, struct, self-describing events, screen views; page pings are counted as heartbeats, monitors' requests as health checks",
        "a property buying_job of a self-describing event: the label of what happened",
        "self-describing events about a mutual action plan: its items with owner, due date, done and risk",
    ),
)
