"""Calendar entries as iCalendar components and as Google Calendar's event resources."""

from __future__ import annotations

from typing import NamedTuple

from pipelines.simulate.clock import DAY, HOUR, MINUTE, basic, iso, iso_millis
from pipelines.simulate.stage import Stage
from pipelines.simulate.world import COMPANY, Human


class Entry(NamedTuple):
    """An entry as it stands in the end; times in seconds."""

    native: str
    title: str
    start: int
    end: int
    organizer: Human
    guests: tuple[Human, ...]
    place: str | None = None
    url: str | None = None
    declined: Human | None = None

    def uid(self, calendar: str) -> str:
        """What iCalendar calls it."""
        return f"{self.native}@{COMPANY}" if calendar == "ics" else f"{self.native}@google.com"


def write_entry(stage: Stage, calendar: str, entry: Entry, *, moves: bool, is_cancelled: bool = False) -> int:
    """Puts the entry into ``ics`` or ``google_calendar``; returns how many of its revisions there are.

    ``moves``: it was first planned for another hour. ``is_cancelled``: a later revision cancels it.
    """
    made = max(min(entry.start, stage.end) - stage.rng.randrange(2 * DAY, 9 * DAY), stage.start)
    write = _ics if calendar == "ics" else _google
    revisions = 0
    if moves:
        earlier = entry._replace(start=entry.start - HOUR, end=entry.end - HOUR)
        stage.put(calendar, made, write(earlier, made, revisions, "confirmed"), "accepted")
        revisions += 1
    stage.put(calendar, made, write(entry, made + revisions * HOUR, revisions, "confirmed"), "accepted")
    revisions += 1
    if is_cancelled:
        stage.put(calendar, made + HOUR, write(entry, made + revisions * HOUR, revisions, "cancelled"), "accepted")
        revisions += 1
    return revisions


def _ics(entry: Entry, made: int, sequence: int, status: str) -> str:
    """A VEVENT with CRLF line ends; the calendar around it is the file's."""
    place = (entry.place or entry.url or "").replace(",", "\\,")
    lines = [
        "BEGIN:VEVENT",
        f"UID:{entry.uid('ics')}",
        f"DTSTAMP:{basic(made)}",
        f"CREATED:{basic(made - sequence * HOUR)}",
        f"LAST-MODIFIED:{basic(made)}",
        f"DTSTART:{basic(entry.start)}",
        f"DTEND:{basic(entry.end)}",
        "SUMMARY:" + entry.title.replace(",", "\\,"),
        f"LOCATION:{place}",
        f"ORGANIZER;CN={entry.organizer.name}:mailto:{entry.organizer.email}",
        *(_attendee(one, "ACCEPTED") for one in entry.guests),
        *([_attendee(entry.declined, "DECLINED")] if entry.declined else []),
        f"STATUS:{status.upper()}",
        f"SEQUENCE:{sequence}",
        "TRANSP:OPAQUE",
        "END:VEVENT",
    ]
    return "\r\n".join(lines) + "\r\n"


def _attendee(human: Human, answer: str) -> str:
    return f"ATTENDEE;CN={human.name};ROLE=REQ-PARTICIPANT;PARTSTAT={answer}:mailto:{human.email}"


def _google(entry: Entry, made: int, sequence: int, status: str) -> str:
    guests = [f'{{"email":"{entry.organizer.email}","organizer":true,"responseStatus":"accepted"}}']
    guests += [_guest(one, "accepted") for one in entry.guests]
    if entry.declined:
        guests.append(_guest(entry.declined, "declined"))
    where = f'"location":"{entry.place}",' if entry.place else ""
    if entry.url and "meet.google.com" in entry.url:
        code = entry.url.rpartition("/")[2]
        where = (
            f'"hangoutLink":"{entry.url}","conferenceData":{{"conferenceId":"{code}","entryPoints":'
            f'[{{"entryPointType":"video",'
            f'"uri":"{entry.url}","label":"meet.google.com/{code}"}}],"conferenceSolution":{{"name":"Google Meet"}}}},'
        )
    elif entry.url:
        where = f'"location":"{entry.url}",'
    return (
        f'{{"kind":"calendar#event","etag":"\\"{made}000\\"","id":"{entry.native}","status":"{status}","htmlLink":'
        f'"https://www.google.com/calendar/event?eid={entry.native}","created":'
        f'"{iso_millis((made - sequence * HOUR) * 1000)}",'
        f'"updated":"{iso_millis(made * 1000)}","summary":"{entry.title}","creator":{{"email":'
        f'"{entry.organizer.email}"}},'
        f'"organizer":{{"email":"{entry.organizer.email}","displayName":"{entry.organizer.name}"}},"start":'
        f'{{"dateTime":'
        f'"{iso(entry.start)}","timeZone":"UTC"}},"end":{{"dateTime":"{iso(entry.end)}","timeZone":"UTC"}},"iCalUID":'
        f'"{entry.uid("google")}","sequence":{sequence},"attendees":[{",".join(guests)}],{where}"reminders":'
        f'{{"useDefault":true}},'
        f'"eventType":"default"}}'
    )


def _guest(human: Human, answer: str) -> str:
    return f'{{"email":"{human.email}","displayName":"{human.name}","responseStatus":"{answer}"}}'


def write_noise(stage: Stage, calendar: str, at: int) -> None:
    """What stands in calendars and is no meeting: a to-do, or time blocked for work."""
    native = stage.hex(20)
    owner = stage.account.team.lead
    if calendar == "ics":
        stage.put(
            "ics",
            at,
            f"BEGIN:VTODO\r\nUID:{native}@{COMPANY}\r\nDTSTAMP:{basic(at)}\r\nDUE:{basic(at + DAY)}\r\nSUMMARY:"
            f"Send the notes\r\n"
            "STATUS:NEEDS-ACTION\r\nEND:VTODO\r\n",
            "ignored",
        )
        return
    stage.put(
        "google_calendar",
        at,
        f'{{"kind":"calendar#event","id":"{native}","status":"confirmed","created":"{iso(at)}","updated":'
        f'"{iso_millis(at * 1000)}",'
        f'"summary":"Focus time","organizer":{{"email":"{owner.email}"}},"start":{{"dateTime":"{iso(at)}",'
        f'"timeZone":"UTC"}},'
        f'"end":{{"dateTime":"{iso(at + 90 * MINUTE)}","timeZone":"UTC"}},"iCalUID":"{native}@google.com","sequence":0,'
        f'"eventType":"focusTime"}}',
        "ignored",
    )
