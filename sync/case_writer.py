"""A case written from a contact: the same course of care under an invented name, all dates moved by whole weeks."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any, Final

from ruamel.yaml import YAML
from sqlalchemy import Connection

from config.cases import Case, CaseSettings
from config.load import Config
from sync.cases import Judge
from sync.clock import local_day, zone_of
from sync.contact_reference import find_contact
from sync.person import Episode, Person, Row, Visit
from sync.standing import leading_rows
from sync.store import people
from sync.world import world_of

_WEEKS: Final = tuple(week for week in range(-26, 27) if week)
_KEPT: Final = ("sex", "payer_class", "lead_source", "campaign", "active", "deceased")
"""What says nothing of who somebody is; names, addresses, towns and referrers stay out."""

_NAMES: Final = ("Alex", "Casey", "Jamie", "Jordan", "Morgan", "Riley", "Robin", "Sam")
_EMAIL: Final = "someone@example.com"
_PHONE: Final = "+12025550123"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A case as YAML; `faithful` is False where its status or segments differ from the contact's at the same time."""

    text: str
    faithful: bool


def write_case(connection: Connection, config: Config, reference: str, at: datetime) -> Written:
    """Writes a case from a contact as it is at an instant; raises UnknownContact.

    Of several moves of the dates the first counts under which everything comes out as for the contact itself.
    """
    contact = find_contact(connection, reference)
    roles = {name: source.role for name, source in config.settings.sources.items()}
    person = people.load(connection, [contact], roles).persons[contact]
    weeks = random.SystemRandom().sample(_WEEKS, k=len(_WEEKS))
    name = random.SystemRandom().choice(_NAMES)
    judge = Judge(config)
    wanted, drafts = _found(judge, _draft(config, person, at, (name, 0)), at), []
    for week in weeks:
        draft = _draft(config, person, at, (name, week))
        found = _found(judge, draft, at)
        drafts.append(draft | {"expect": found})
        if found == wanted:
            return Written(text=_yaml(drafts[-1]), faithful=True)
    return Written(text=_yaml(drafts[0]), faithful=False)


def _found(judge: Judge, draft: Mapping[str, Any], at: datetime) -> dict[str, Any]:
    settings = CaseSettings(name=draft["name"], as_of=draft["as_of"], given=draft["given"], expect={"today": "none"})
    verdict = judge.verdict(Case(settings, (), None), None, at.date())
    return {"status": verdict.facts["status"], "segments": list(verdict.segments)}


def _draft(config: Config, person: Person, at: datetime, disguise: tuple[str, int]) -> dict[str, Any]:
    """A case without its expectations; `disguise` is the invented name and the move in weeks."""
    name, weeks = disguise
    leading = leading_rows(person)[0]
    zone = zone_of(leading.site, world_of(config.settings, {}))
    move = timedelta(weeks=weeks)
    given: dict[str, Any] = {"given_name": name, **_said(person, leading, move)}
    source = config.settings.sources.get(leading.source)
    if source is not None and (source.sees_ahead is not None or source.past_booked is not None or source.role != "emr"):
        given["source"] = leading.source
    if person.visits:
        given["visits"] = [_visit(visit, move, config) for visit in sorted(person.visits, key=lambda v: v.starts_at)]
    if person.episodes:
        given["episodes"] = [_episode(episode, move) for episode in person.episodes]
    return {"name": f"{name}'s case", "as_of": (local_day(at, zone) + move).isoformat(), "given": given}


def _said(person: Person, leading: Row, move: timedelta) -> dict[str, Any]:
    said: dict[str, Any] = {"site": leading.site} if leading.site else {}
    for name in _KEPT:
        value = getattr(leading, name)
        if value is not None and value != {"active": True, "deceased": False}.get(name):
            said[name] = value
    for name in ("birth_date", "referral_received", "lead_since"):
        value = next((v for row in leading_rows(person) if (v := getattr(row, name)) is not None), None)
        if value is not None:
            said[name] = (value + move).isoformat()
    created = leading.created_at or leading.first_seen_at
    said["created_at"] = (created + move).isoformat()
    if any(row.email for row in person.rows):
        said["email"] = _EMAIL
    if any(row.phone for row in person.rows):
        said["phone"] = _PHONE
    return said


def _visit(visit: Visit, move: timedelta, config: Config) -> dict[str, Any]:
    zone = zone_of(visit.site, world_of(config.settings, {}))
    start = visit.starts_at.astimezone(zone).replace(tzinfo=None) + move
    said = {"starts_at": start.isoformat(sep=" ", timespec="minutes"), "status": visit.status}
    return said | _named(visit, ("site", "kind", "episode_id"), move)


def _episode(episode: Episode, move: timedelta) -> dict[str, Any]:
    names = ("external_id", "site", "kind", "started_on", "discharged_on", "visits_prescribed", "visits_authorized",
             "authorization_ends", "outcome")  # fmt: skip
    return _named(episode, names, move)


def _named(record: Visit | Episode, names: tuple[str, ...], move: timedelta) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        value = getattr(record, name)
        if value is not None:
            found[name] = (value + move).isoformat() if isinstance(value, date) else value
    return found


def _yaml(draft: Mapping[str, Any]) -> str:
    stream = StringIO()
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = None
    writer.width = 120
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]  # the library types it as None only
    writer.dump({"tests": [dict(draft)]}, stream)
    return stream.getvalue()
