"""All tables in one place, as Core tables; importing this module fills SQLModel's metadata."""

from typing import Any

from sqlalchemy import Table
from sqlmodel import SQLModel

from sync.store import delivery_tables as d
from sync.store import identity_tables as i
from sync.store import people_tables as p
from sync.store import privacy_tables as y
from sync.store import service_tables as s
from sync.store import source_tables as f


def _core(model: type[SQLModel]) -> Table:
    table: Any = model.__table__  # type: ignore[attr-defined]  # SQLModel sets it; its stubs do not say so
    assert isinstance(table, Table)  # noqa: S101  # narrows the type, nothing else
    return table


metadata = SQLModel.metadata

source_state, feed_state, landing = _core(f.SourceState), _core(f.FeedState), _core(f.Landing)
gate, seen, quarantine, notice = _core(f.Gate), _core(f.Seen), _core(f.Quarantine), _core(f.Notice)
feed_line, gone_line = _core(f.FeedLine), _core(f.GoneLine)

patient_record, identifier, patient_link = _core(p.PatientRecord), _core(p.Identifier), _core(p.PatientLink)
visit_record, episode_record = _core(p.VisitRecord), _core(p.EpisodeRecord)
survey_record = _core(p.SurveyRecord)
supplement_record, consent_record = _core(p.SupplementRecord), _core(p.ConsentRecord)
match, link, unresolved = _core(i.Match), _core(i.Link), _core(i.Unresolved)
contact, wait = _core(p.Contact), _core(p.Wait)
shared_address, transition = _core(p.SharedAddress), _core(p.Transition)
person_suppression = _core(p.PersonSuppression)

membership, entry, rule_version, code = _core(d.Membership), _core(d.Entry), _core(d.RuleVersion), _core(d.Code)
subscriber, standing, wish, event = _core(d.Subscriber), _core(d.Standing), _core(d.Wish), _core(d.Event)
nudge = _core(d.Nudge)
disclosure, feedback, suppression, hold = _core(d.Disclosure), _core(d.Feedback), _core(d.Suppression), _core(d.Hold)

installation, owner, run, job = _core(s.Installation), _core(s.Owner), _core(s.Run), _core(s.Job)
memo, decision = _core(s.Memo), _core(s.Decision)
tombstone, erasure = _core(y.Tombstone), _core(y.Erasure)

LEDGERS = (match, transition, entry, disclosure, feedback, suppression, decision)
