"""What a FHIR server keeps: every version of every resource, deletions included."""

import copy
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Json = dict[str, Any]
VersionIds = Literal["counter", "one", "uuid"]


@dataclass(frozen=True, slots=True)
class Version:
    """One version; `resource` is None for a deletion, `updated` is the server's time of the change."""

    kind: str
    id: str
    resource: Json | None
    number: int
    updated: datetime


def instant(at: datetime) -> str:
    """A FHIR instant in milliseconds, UTC."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


class FhirStore:
    """Resources by (type, id). `now` is asked for the time of each change; versions and stamps are put into `meta`."""

    def __init__(
        self, now: Callable[[], datetime], version_ids: VersionIds = "counter", *, stamps: bool = True
    ) -> None:
        self._now, self._version_ids, self._stamps = now, version_ids, stamps
        self._versions: dict[tuple[str, str], list[Version]] = {}

    def put(self, resource: Json, *, stamped: datetime | None = None) -> None:
        """Creates or updates. `stamped` is the lastUpdated where it is not now: a commit that became visible late."""
        key = (resource["resourceType"], resource["id"])
        number = len(self._versions.get(key, ())) + 1
        updated = stamped or self._now()
        kept = copy.deepcopy(resource)
        meta = {"versionId": self._version_id(key, number)} | (
            {"lastUpdated": instant(updated)} if self._stamps else {}
        )
        kept["meta"] = {**kept.get("meta", {}), **meta}
        self._versions.setdefault(key, []).append(Version(*key, kept, number, updated))

    def delete(self, kind: str, id_: str) -> None:
        """Deletes; its versions stay in the history."""
        held = self._versions[kind, id_]
        held.append(Version(kind, id_, None, len(held) + 1, self._now()))

    def change(self, kind: str, id_: str, **elements: Any) -> None:
        """Updates some elements; None removes one."""
        found = self.get(kind, id_)
        assert found is not None
        self.put({name: value for name, value in {**found, **elements}.items() if value is not None})

    def merge(self, loser: str, survivor: str) -> None:
        """Merges two patients: the loser is inactive and names who has replaced it."""
        link = [{"other": {"reference": f"Patient/{survivor}"}, "type": "replaced-by"}]
        self.change("Patient", loser, active=False, link=link)

    def unmerge(self, loser: str) -> None:
        """Undoes a merge."""
        self.change("Patient", loser, active=True, link=None)

    def empty(self) -> None:
        """Forgets everything at once, as a server that lost its data or shows a client nothing."""
        self._versions.clear()

    # ------------------------------------------------------------ reading

    def get(self, kind: str, id_: str) -> Json | None:
        """The current version; None where there is none."""
        held = self._versions.get((kind, id_))
        return held[-1].resource if held else None

    def was_deleted(self, kind: str, id_: str) -> bool:
        held = self._versions.get((kind, id_), [])
        return bool(held) and held[-1].resource is None

    def current(self, kind: str) -> list[Version]:
        """The newest version of every resource of a type that is there, in order of creation."""
        newest = (held[-1] for (each, _), held in self._versions.items() if each == kind)
        return [version for version in newest if version.resource is not None]

    def kinds(self) -> list[str]:
        """The types of which there is, or was, a resource."""
        return sorted({kind for kind, _ in self._versions})

    def history(self, kind: str | None = None, id_: str | None = None) -> list[Version]:
        """All versions, newest first."""
        held = (v for v in self._all() if kind in (None, v.kind) and id_ in (None, v.id))
        return sorted(held, key=lambda v: (v.updated, v.number), reverse=True)

    def _all(self) -> Iterator[Version]:
        for held in self._versions.values():
            yield from held

    def _version_id(self, key: tuple[str, str], number: int) -> str:
        if self._version_ids == "one":
            return "1"
        if self._version_ids == "counter":
            return str(number)
        digest = hashlib.sha256(f"{key}{number}".encode()).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"
