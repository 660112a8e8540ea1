"""Untidy worlds of native payloads by seed: few people under many names, at times of a coarse grid, so that limits are met exactly."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from reference_folding.payloads import (
    File,
    gmail,
    google_event,
    ics,
    intercom,
    intercom_contact,
    mail,
    meet_left,
    segment,
    slack,
    slack_user,
    snowplow,
    zoom,
)

HEADERS = {
    "accounts": "account_id,name,domains,owner_seller_id,country",
    "people": "person_id,side,full_name,emails,phones,account_id,title,is_executive,team_id,timezone,external_ids",
    "opportunities": "opportunity_id,account_id,name,owner_seller_id,opened_at,closed_at,status,loss_reason,amount,currency,stage",
    "buying_group": "opportunity_id,person_id,buyer_role,valid_from,valid_to",
    "assignments": "account_id,seller_id,role,valid_from,valid_to",
    "assets": "asset_id,asset_type,name,url,filename",
    "aliases": "identifier_type,identifier,person_id",
}
ACCOUNTS = [
    "a,A,a.example,S1,US",
    "b,B,b.example;corp.example,S2,DE",
    "c,C,corp.example,S2,US",
    "d,D,d.example;a-sub.example,S3,US",
    "e,E,e.example,,US",
]
PEOPLE = [
    "S1,seller,Sam,sam@vendor.example;sam.reyes@vendor.example,+14155550100,,AE,,west,UTC,slack:U0SAM;zoom:zsam",
    "S2,seller,Dana,dana@vendor.example;dana.home@freemail.example,,,AE,,east,Europe/Berlin,slack:U0DANA",
    "S3,seller,Kim,kim@vendor.example,,,SE,,west,UTC,slack:U0KIM",
    "S9,seller,Gone,gone@vendor.example,,,AE,,east,UTC,",
    "a1,buyer,Ann,ann@a.example;ann.w@freemail.example,+14155550123,a,CFO,,,,slack:U0ANN;segment:u-ann",
    "a2,buyer,Art,art@a.example,,a,Engineer,,,,slack:U0ART",
    "a3,buyer,Ada,ada@mail.a.example,,a,VP Sales,,,,segment:u-ada",
    "b1,buyer,Bob,bob@b.example,030 23125001,b,User,,,,slack:U0BOB;segment:u-bob",
    "b2,buyer,Bea,bea@b.example;bea@corp.example,,b,,,,,",
    "c1,buyer,Cyd,cyd@corp.example,,c,,,,,slack:U0CYD",
    "c2,buyer,Cal,cal.ng@freemail.example,+14155550123,c,,,,,segment:u-cal",
    "d1,buyer,Dee,dee@d.example;sales@d.example,,d,,,,,",
    "d2,buyer,Dov,sales@d.example,,d,,,,,",
    "x1,buyer,Xan,xan@a.example,,b,,,,,",
    "x2,buyer,Xia,xia@nowhere.example,,,,,,,",
    "v1,buyer,Vic,vic@vendor.example,,a,,,,,",
    "q1,partner,Pia,pia@partner.example,,,,,,,slack:U0PIA",
    "q2,partner,Pol,pol@other.example,,,,,,,",
    "g1,buyer,Gil,gil.b.moss@gmail.com;gil@b.example,+1 415 555 0177,b,,,,,segment:u-gil;snowplow:gil",
    "g2,buyer,Gus,gusring@gmail.com,+14155550188,d,,,,,intercom:c-gus",
    "g3,buyer,Gia,gus.ring@gmail.com,,a,,,,,",
    "g4,buyer,Gem,ge.m@googlemail.com;gem+crm@a.example,+14155550199,a,,,,,snowplow:gem",
    "g5,buyer,Gwen,g.em@googlemail.com,415 555 0199,c,,,,,",
    "f1,buyer,Fay,,030 23125002,b,,,,,",
    "f2,buyer,Flo,flo@a.example,415 555 0111;+442079460018,a,,,,,slack:U0FLO",
]
"""x1 is of one customer with an address of another, x2 of none, v1 a buyer with an address of ours. Of g1 to g5 addresses at Gmail are
nearly the same, g4 and g5 share a phone, f1 has nothing else."""
ASSIGNMENTS = [
    "a,S1,owner,2026-01-01T00:00:00Z,2026-03-15T00:00:00Z",
    "a,S3,owner,2026-03-15T00:00:00Z,",
    "b,S2,owner,2026-03-10T00:00:00Z,",
    "b,S1,team,,",
]
ASSETS = [
    "versus,competition_sheet,V,https://assets.vendor.example/versus,versus*.pdf",
    "price,pricing_proposal,P,https://assets.vendor.example/price,",
    "case,case_study,C,https://assets.vendor.example/case,",
]
ALIASES = [
    "email,old.bob@freemail.example,b1",
    "anonymous_id,segment:anon-alias,d1",
    "external_id,slack:U0OLD,a2",
    "phone,+1 415 555 0122,a2",
    "phone,030 23125003,b1",
    "phone,+14155550188,a1",
    "email,gil.old@gmail.com,g1",
    "email,flo@a.example,b1",
    "external_id,intercom:c-old,b1",
    "external_id,segment:u-was,g1",
]
MEMBERSHIPS = ["", "2026-03-05T00:00:00Z,", "2026-03-01T00:00:00Z,2026-03-12T00:00:00Z"]


def directory(dice: random.Random) -> list[File]:
    """The same people in every world; deals and buying groups are drawn."""
    deals, group = [], []
    for n, account in enumerate("aabbcd"):
        opened = dice.choice(["2026-03-01", "2026-03-10", "2026-03-20", "2026-04-01"])
        closed = dice.choice(["", "", "2026-03-15", "2026-03-25", "2026-04-10"])
        closed = f"{closed}T00:00:00Z" if closed > opened else ""
        status = dice.choice(["won", "lost"]) if closed else "open"
        owner = dice.choice(["S1", "S2", "S3"])
        deals.append(f"o{n},{account},D{n},{owner},{opened}T00:00:00Z,{closed},{status},,1000,USD,Proposal")
        for person in dice.sample(["a1", "a2", "b1", "b2", "c1", "d1", "x1"], 2):
            role = dice.choice(["champion", "user", "economic_buyer"])
            group.append(f"o{n},{person},{role},{dice.choice(MEMBERSHIPS) or ','}")
    tables = {
        "accounts": ACCOUNTS,
        "people": PEOPLE,
        "opportunities": deals,
        "buying_group": group,
        "assignments": ASSIGNMENTS,
        "assets": ASSETS,
        "aliases": ALIASES,
    }
    return [(f"crm/{name}.csv", "\n".join([HEADERS[name], *rows, ""]).encode()) for name, rows in tables.items()]


CORRESPONDENTS = [
    "sam@vendor.example", "sam.reyes@vendor.example", "dana@vendor.example", "dana.home@freemail.example",
    "kim@vendor.example", "new@vendor.example", "noreply@vendor.example", "ann@a.example", "ann.w@freemail.example",
    "ann.w+x@freemail.example", "ann+news@a.example", "art@a.example", "ada@mail.a.example", "bob@b.example",
    "bea@b.example", "bea@corp.example", "cyd@corp.example", "cal.ng@freemail.example", "dee@d.example",
    "sales@d.example", "xan@a.example", "xia@nowhere.example", "vic@vendor.example", "pia@partner.example",
    "pol@other.example", "new@partner.example", "new@a.example", "new@corp.example", "new@sub.b.example", "stranger@freemail.example",
    "who@unknown.example", "noreply@a.example", "old.bob@freemail.example", "page@e.example", "page@f.example",
    "notes@otter.ai",
]  # fmt: skip
SUBJECTS = [
    "Options",
    "Price list",
    "Hello",
    "Requirements",
    "Thanks",
    "How do you compare?",
    "Case study",
    "Business case",
    "Plan",
    "Pricing and requirements",
    "Quote for the trial",
    "Ok",
    "See you Monday?",
]
LINES = ["Hello.", "Thanks, see you", "Can you send it?", "Ok", "What does it cost?"]
BODIES = [
    *LINES,
    "https://assets.vendor.example/versus?x=1",
    "Noted\nhttps://assets.vendor.example/case",
    "Hi Sam,\nthanks a lot",
    "Could you confirm",
]


def some_time(dice: random.Random) -> datetime:
    day = datetime(2026, 3, 1 + dice.randrange(31), 8, tzinfo=UTC)
    return day + timedelta(minutes=5 * dice.randrange(100))


def mails(dice: random.Random) -> list[File]:
    """Threads that are told in part, answers under subjects of their own, copies of messages, and messages of machines."""
    files: list[File] = []
    names: list[str] = []
    for n in range(80):
        people = dice.sample(CORRESPONDENTS, dice.choice([2, 2, 2, 3, 4]))
        subject, lines = dice.choice(SUBJECTS), []
        if people[2:]:
            lines.append(f"Cc: {', '.join(people[2:])}")
        if names and dice.random() < 0.5:
            referred = dice.sample(names, min(len(names), dice.choice([1, 1, 2])))
            if dice.random() < 0.1:
                referred = [f"gone{dice.randrange(3)}", *referred]
            if dice.random() < 0.8:
                lines.append(f"In-Reply-To: <{referred[-1]}@mail.example>")
            lines.append("References: " + " ".join(f"<{name}@mail.example>" for name in referred))
            if dice.random() < 0.8:
                subject = f"Re: {subject}"
        if dice.random() < 0.05:
            lines.append("Auto-Submitted: auto-generated")
        names.append(f"m{n}")
        name, data = mail(names[-1], some_time(dice), people[0], people[1], subject, *lines, body=dice.choice(BODIES))
        files.append((name, data))
        if dice.random() < 0.2:
            files.append((f"email/copy/m{n}.eml", data.replace(b"Message-ID: <", b"Message-Id:  <")))
    return files


SLACK_USERS = ["U0SAM", "U0DANA", "U0KIM", "U0ANN", "U0ART", "U0BOB", "U0CYD", "U0PIA", "U0OLD", "U0WHO"]
VISITORS = [
    "ann@a.example", "bob@b.example", "new@a.example", "stranger@freemail.example", "cyd@corp.example",
    "xia@nowhere.example", "new@corp.example",
]  # fmt: skip


def chats(dice: random.Random) -> list[File]:
    """Rooms with threads and deleted messages, and conversations of a help desk with a bot."""
    files: list[File] = []
    for n in range(5):
        users, moment = dice.sample(SLACK_USERS, dice.choice([2, 2, 3])), some_time(dice)
        roots: list[str] = []
        for _ in range(12):
            moment += timedelta(seconds=dice.choice([30, 299, 300, 301, 600, 3600]))
            ts, thread = f"{moment.timestamp():.6f}", {}
            if roots and dice.random() < 0.2:
                thread = {"thread_ts": dice.choice(roots)}
            else:
                roots.append(ts)
            user = dice.choice(users)
            files.append(slack(f"C0CH{n}", user, moment, dice.choice(LINES + SUBJECTS), **thread))
            if dice.random() < 0.08 and len(roots) > 1:
                gone = {"type": "message", "user": user, "text": "x", "ts": ts} | thread
                deleted = {"subtype": "message_deleted", "deleted_ts": ts, "previous_message": gone}
                files.append(slack(f"C0CH{n}", user, moment + timedelta(seconds=5), "", **deleted))
    for n in range(6):
        moment, visitor = some_time(dice), ("user", dice.choice(VISITORS))
        messages = [(*visitor, moment, dice.choice(LINES))]
        for _ in range(dice.randrange(5)):
            moment += timedelta(seconds=dice.choice([30, 300, 301, 4000]))
            agents = [visitor, ("admin", "sam@vendor.example"), ("admin", "dana@vendor.example"), ("bot", "")]
            messages.append((*dice.choice(agents), moment, dice.choice(LINES)))
        files.append(intercom(f"conv{n}", *messages))
    return files


PATHS = ["/pricing", "/docs/api", "/about", "/case-studies/x", "/product/tour", "/compare", "/legal/dpa", "/benchmark"]
ADDRESSES = {
    "u-ann": "ann@a.example",
    "u-bob": "bob@b.example",
    "u-x": "new@a.example",
    "u-y": "who@unknown.example",
    "u-z": "cyd@corp.example",
    "u-ada": "ada@mail.a.example",
    "u-cal": "cal.ng@freemail.example",
}
USERS = [
    {"userId": "u-ann"},
    {"userId": "u-bob"},
    {"userId": "u-x"},
    {"userId": "u-cal"},
    {"anonymousId": "an1"},
    {"anonymousId": "an2"},
    {"anonymousId": "an3"},
    {"anonymousId": "anon-alias"},
    {"userId": "u-ann", "anonymousId": "an1"},
    {"userId": "u-bob", "anonymousId": "an2"},
    {"userId": "u-ada", "anonymousId": "an2"},
    {"userId": "u-y", "anonymousId": "an3"},
]
MINUTES = [0, 10, 30, 31, 60, 61, 90, 100, 120, 151, 200, 230, 261, 300]


def _moments(dice: random.Random) -> Iterator[datetime]:
    """Of views: edges of sessions on three days, no two the same."""
    used = set()
    for n in range(80):
        when = datetime(2026, 3, 2 + dice.randrange(3), 8, tzinfo=UTC) + timedelta(minutes=dice.choice(MINUTES))
        if when in used:
            when += timedelta(milliseconds=n)
        used.add(when)
        yield when


def pages(dice: random.Random) -> list[File]:
    """Views of pages by users and by devices, of which one is shared by two people, and profiles."""
    files = []
    for n, when in enumerate(_moments(dice)):
        user = dice.choice(USERS)
        if dice.random() < 0.12:
            known = {"userId": "u-z"} | user
            files.append(segment(f"s{n}", "identify", when, traits={"email": ADDRESSES[known["userId"]]}, **known))
        else:
            files.append(segment(f"s{n}", "page", when, properties={"path": dice.choice(PATHS)}, **user))
    return files


GUESTS = [
    "ann@a.example", "art@a.example", "ada@mail.a.example", "bob@b.example", "bea@corp.example", "cyd@corp.example",
    "new@a.example", "stranger@freemail.example", "new@partner.example", "pia@partner.example", "notes@otter.ai", "who@unknown.example",
]  # fmt: skip
HOSTS = [
    "sam@vendor.example", "dana@vendor.example", "kim@vendor.example", "sam.reyes@vendor.example",
    "new@vendor.example",
]  # fmt: skip
TITLES = [
    "Demo",
    "Requirements workshop",
    "Pricing",
    "Steering",
    "Catch up",
    "Business case",
    "Trial review",
    "Security review",
]
ADDRESS = "LOCATION:12 Mill Road\\, Springfield"


def rooms(dice: random.Random) -> list[File]:
    """Calls and visits that are planned, moved, cancelled and come to, with stays of all lengths about the shortest that counts."""
    files: list[File] = []
    for n in range(36):
        start = datetime(2026, 3, 3 + n // 3, 8 + 5 * (n % 3), 5 * dice.randrange(3), tzinfo=UTC)
        end = start + timedelta(minutes=dice.choice([30, 60]))
        host = dice.choice(HOSTS[:3] if dice.random() < 0.85 else GUESTS[:3])
        guests = dice.sample(GUESTS, dice.choice([1, 1, 2, 3])) + dice.sample(HOSTS, dice.choice([0, 1]))
        guests = [guest for guest in guests if guest != host]
        kind = dice.choice(["plan", "zoom", "both", "both", "both", "visit", "visit", "meet", "visit and call"])
        title = dice.choice(TITLES)
        if kind not in ("zoom", "meet"):
            files += plans(dice, n, kind, (start, end), host, guests, f"SUMMARY:{title}")
        if kind == "meet":
            link = f"https://meet.google.com/abc-defg-{n:03d}"
            conference = {"conferenceId": f"abc-defg-{n:03d}", "entryPoints": [{"uri": link}]}
            call = {"summary": title, "hangoutLink": link, "conferenceData": conference}
            files.append(google_event(f"gev{n}", start, end, host, guests, **call))
        stays = [stay for who in [host, *guests] for stay in presence(dice, who, start)]
        if kind == "meet":
            told = {"calendar_event_id": f"gev{n}", "organizer_email": host}
            files += [meet_left(f"conf{n}", f"ABCDEFG{n:03d}", stay, k, **told) for k, stay in enumerate(stays)]
        elif kind in ("zoom", "both", "visit and call"):
            files += zoom(f"zm{n}", f"8{n:010d}", *stays)
    return files


def plans(
    dice: random.Random,
    n: int,
    kind: str,
    time: tuple[datetime, datetime],
    host: str,
    guests: list[str],
    summary: str,
) -> list[File]:
    """Of a meeting: some are moved by half an hour, some called off."""
    link = f"https://vendor.zoom.us/j/8{n:010d}"
    place = [ADDRESS] if kind.startswith("visit") else [f"LOCATION:{link}"]
    if kind == "visit and call":
        place.append(f"DESCRIPTION:{link}")
    files = []
    for version in range(dice.choice([1, 1, 2])):
        start, end = (moment + version * timedelta(minutes=30) for moment in time)
        stamps = (f"SEQUENCE:{version}", f"DTSTAMP:2026030{1 + version}T080000Z")
        files.append(ics(f"ev{n}", start, end, host, guests, summary, *place, *stamps))
    if kind in ("plan", "visit") and dice.random() < 0.15:
        stamps = ("SEQUENCE:3", "DTSTAMP:20260303T080000Z")
        files.append(ics(f"ev{n}", *time, host, guests, summary, *place, *stamps, method="CANCEL"))
    return files


def presence(dice: random.Random, who: str, start: datetime) -> list[tuple[str, datetime, datetime]]:
    """Somebody may not come, or come twice."""
    stays = []
    if dice.random() < 0.8:
        joined = start + timedelta(seconds=dice.choice([0, 60, 300, 600]))
        left = joined + timedelta(seconds=dice.choice([60, 119, 120, 121, 600, 1500, 1800, 3600]))
        stays.append((who, joined, left))
        if dice.random() < 0.25:
            again = left + timedelta(seconds=dice.choice([60, 300]))
            stays.append((who, again, again + timedelta(seconds=dice.choice([60, 300]))))
    return stays


def clashes(dice: random.Random) -> list[File]:
    """Meetings that several systems tell of at nearly the same time, without a key in common."""
    files: list[File] = []
    for day in range(10):
        buyers = dice.sample(
            ["ann@a.example", "art@a.example", "bob@b.example", "cyd@corp.example", "new@a.example"], 2
        )
        sellers = dice.sample(HOSTS[:2], 2)
        for n in range(3):
            start = datetime(2026, 3, 2 + day, 9, dice.choice([0, 0, 5, 10, 11, 15, 30, 31]), tzinfo=UTC)
            end = start + timedelta(minutes=dice.choice([15, 30, 60]))
            host = dice.choice([sellers[0]] * 3 + [sellers[1], buyers[0]])
            guests = [guest for guest in dice.sample(buyers + sellers, dice.choice([1, 2, 2, 3])) if guest != host]
            if len({guest in sellers for guest in [host, *guests]}) == 2:
                files += told_alone(dice, day, n, (start, end), host, guests)
        if dice.random() < 0.7:  # among ourselves
            start = datetime(2026, 3, 2 + day, 9, dice.choice([0, 0, 10, 11, 15, 30]), tzinfo=UTC)
            guests = dice.choice([[sellers[1]], ["kim@vendor.example"], [sellers[1], "kim@vendor.example"]])
            files += told_alone(dice, day, 3, (start, start + timedelta(minutes=30)), sellers[0], guests)
    return files


def told_alone(
    dice: random.Random, day: int, n: int, time: tuple[datetime, datetime], host: str, guests: list[str]
) -> list[File]:
    """By one system, with keys that no other has."""
    name, number = f"c{day}x{n}", f"{day:04d}{n:05d}"
    system = dice.choice(["ics", "google", "zoom", "meet"])
    stays = [(who, *time) for who in [host, *guests]]
    if system == "ics":
        place = ADDRESS if dice.random() < 0.25 else f"LOCATION:https://vendor.zoom.us/j/9{number}"
        return [ics(name, *time, host, guests, "SUMMARY:Demo", place)]
    if system == "google":
        return [google_event(name, *time, host, guests, summary="Pricing")]
    if system == "zoom":
        return zoom(name, f"8{number}", *stays)
    return [meet_left(f"conf{name}", f"CODE{day}{n}", stay, 0, organizer_email=host) for stay in stays]


def visits(dice: random.Random) -> list[File]:
    """Days of visits to few customers, about an hour apart."""
    files = []
    for day in range(8):
        start = datetime(2026, 3, 2 + day, dice.choice([7, 8, 19]), tzinfo=UTC)
        guests = dice.sample([guest for guest in GUESTS if guest != "notes@otter.ai"], 3)
        for n in range(5):
            end = start + timedelta(minutes=dice.choice([30, 60, 120]))
            buyers = dice.sample(guests, dice.choice([1, 1, 2]))
            place = dice.choice([ADDRESS, ADDRESS, "LOCATION:Harbour 3\\, Port"])
            files.append(ics(f"v{day}x{n}", start, end, dice.choice(HOSTS[:3]), buyers, "SUMMARY:Visit", place))
            start = end + timedelta(minutes=dice.choice([-10, 0, 30, 59, 60, 61, 61, 90]))
    return files


def days(dice: random.Random) -> list[File]:
    """Days of visits that somebody declines, that are not sure yet, and that others dial into; one day is still to come."""
    files: list[File] = []
    for day in range(8):
        start = datetime(2026, 3 if day else 6, 2 + day, dice.choice([7, 8, 19]), tzinfo=UTC)
        near = dice.sample([guest for guest in GUESTS if guest != "notes@otter.ai"], 4)
        for n in range(5):
            end = start + timedelta(minutes=dice.choice([30, 60, 120]))
            host = dice.choice(HOSTS[:2])
            guests = dice.sample(near, dice.choice([1, 1, 2, 3])) + dice.sample(HOSTS[2:4], dice.choice([0, 0, 1]))
            guests = [guest for guest in guests if guest != host]
            declined = [guest for guest in [host, *guests] if dice.random() < 0.15]
            link = f"https://vendor.zoom.us/j/7{day:04d}{n:05d}"
            lines = [f"SUMMARY:{dice.choice(TITLES)}", dice.choice([ADDRESS, ADDRESS, f"LOCATION:{link}"])]
            if dice.random() < 0.4:
                lines.append(f"DESCRIPTION:{link}")
            if dice.random() < 0.15:
                lines.append("STATUS:TENTATIVE")
            files.append(ics(f"d{day}x{n}", start, end, host, guests, *lines, declined=declined))
            if link in "".join(lines) and dice.random() < 0.6 and day:
                stays = [stay for who in [host, *guests] for stay in presence(dice, who, start)]
                files += zoom(f"dz{day}x{n}", link.rpartition("/")[2], *stays)
            start = end + timedelta(minutes=dice.choice([0, 30, 59, 60, 61, 90]))
    return files


SPELLINGS = [
    "gilbmoss@gmail.com", "Gil.B.Moss+x@gmail.com", "g.ilold@gmail.com", "gil.old@googlemail.com", "gil@b.example", "gusring@gmail.com",
    "g.us.ring@gmail.com", "gus.ring@gmail.com", "gem@googlemail.com", "ge.m+1@googlemail.com", "gem@a.example",
    "gem+crm@a.example", "gem+crm+2@a.example", "flo@a.example", "flo+x@a.example", "ann.w@freemail.example",
    "bob@b.example", "cyd@corp.example", "sam@vendor.example", "nia@a.example", "ned@nowhere.example", "nat@freemail.example",
    "nan@corp.example", "nat+1@freemail.example",
]  # fmt: skip
PHONES = [
    "+1 415 555 0177", "+1 (415) 555-0188", "+14155550199", "+49 30 23125002", "+493023125003", "+1 415 555 0122",
    "+1 415 555 0111 ext. 7", "+44 20 7946 0018", "+14155550123", "+1 415 555 0144", "+1 415 555 0155", "no number",
]  # fmt: skip
"""The last but one, and the one before, are nobody's."""


def names(dice: random.Random) -> list[File]:
    """Few people under many names: spellings of their addresses, phone numbers, ids of two chats whose profiles say whose they are."""
    files: list[File] = []
    users = ["U0FLO", "U0OLD", "U0ANN", "U0SAM", "U0N1", "U0N2", "U0N3", "U0N4"]
    contacts = ["c-gus", "c-old", "c-1", "c-2", "c-3", "c-4", "c-5"]
    for _ in range(7):
        address, phone = dice.choice(["", *SPELLINGS]), dice.choice(["", "", *PHONES])
        files.append(slack_user(dice.choice(users), some_time(dice), address, phone))
    for _ in range(8):
        address, phone = dice.choice(["", *SPELLINGS]), dice.choice(["", "", *PHONES])
        contact, absorbed = dice.sample(contacts, 2)
        if address or phone:
            absorbed = absorbed if dice.random() < 0.25 else ""
            files.append(intercom_contact(contact, some_time(dice), address, phone, absorbed))
    for n in range(4):
        moment, here = some_time(dice), dice.sample(users, 3)
        for _ in range(6):
            moment += timedelta(seconds=dice.choice([30, 300, 301, 600]))
            files.append(slack(f"C0NA{n}", dice.choice(here), moment, dice.choice(LINES + SUBJECTS)))
    for n in range(5):
        moment = some_time(dice)
        visitor = ("user", f"{dice.choice(contacts)}={dice.choice(['', '', *SPELLINGS])}")
        messages = [(*visitor, moment, dice.choice(LINES))]
        for _ in range(dice.randrange(4)):
            moment += timedelta(seconds=dice.choice([30, 300, 301, 4000]))
            messages.append((*dice.choice([visitor, ("admin", "sam@vendor.example")]), moment, dice.choice(LINES)))
        files.append(intercom(f"conv{n}", *messages))
    for n in range(30):
        people, when = dice.sample(SPELLINGS, dice.choice([2, 2, 3])), some_time(dice)
        lines = [f"Cc: {people[2]}"] if people[2:] else []
        told = (when, people[0], people[1], dice.choice(SUBJECTS), *lines)
        body, thread = dice.choice(BODIES), f"t{dice.randrange(12)}"
        is_copied = dice.random() < 0.3
        if is_copied or dice.random() < 0.7:
            files.append(gmail(f"n{n}", thread, *told, body=body))
        else:
            is_copied = True
        if is_copied:
            files.append(mail(f"n{n}", *told, body=body))
    return files


LOGINS = ["", "", "", "gil", "gem", "t-1", "t-2", "t-3", "nia@a.example", "gilbmoss@gmail.com", "cyd@corp.example"]
TRACKED = [
    {"userId": "u-gil"},
    {"userId": "u-was"},
    {"userId": "u-5"},
    {"userId": "u-6"},
    {"userId": "u-7"},
    {"anonymousId": "w1"},
    {"anonymousId": "w2"},
    {"userId": "u-5", "anonymousId": "w1"},
    {"userId": "u-6", "anonymousId": "w2"},
    {"userId": "u-gil", "anonymousId": "w2"},
]


def trackers(dice: random.Random) -> list[File]:
    """Two trackers on one site: users by their ids, addresses, phone numbers and devices."""
    files = []
    for n, when in enumerate(_moments(dice)):
        if dice.random() < 0.5:
            login = dice.choice(LOGINS)
            device = dice.choice(["d1", "d2", "d3", "d4", *([""] if login else [])])
            files.append(snowplow(f"p{n}", when, dice.choice(PATHS), login, device))
        elif dice.random() < 0.2:
            traits = {"email": dice.choice(["", "", *SPELLINGS]), "phone": dice.choice(["", *PHONES])}
            user = dice.choice([user for user in TRACKED if "userId" in user])
            told = {key: value for key, value in traits.items() if value}
            files.append(segment(f"s{n}", "identify", when, traits=told, **user))
        else:
            user, path = dice.choice(TRACKED), {"path": dice.choice(PATHS)}
            files.append(segment(f"s{n}", "page", when, properties=path, **user))
    return files


FAMILIES: dict[str, Callable[[random.Random], list[File]]] = {
    "mails": mails,
    "chats": chats,
    "pages": pages,
    "rooms": rooms,
    "clashes": clashes,
    "visits": visits,
    "days": days,
    "names": names,
    "trackers": trackers,
}


def world(family: str, seed: int) -> list[File]:
    dice = random.Random(seed)
    return [*directory(dice), *FAMILIES[family](dice)]
