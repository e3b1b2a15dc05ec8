"""The search side of a FHIR server: searches, pages, histories."""

import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.fakes.fhir_profiles import Profile
from tests.fakes.fhir_query import Problem, filters, matches, references
from tests.fakes.fhir_store import FhirStore, Json, Version, instant

Params = Sequence[tuple[str, str]]


class Search(NamedTuple):
    """One request: type (None: a page by its token alone), parameters, whether strict handling is preferred, and what is to go wrong."""

    kind: str | None
    params: Params
    strict: bool = False
    fault: str = ""

    def last(self, name: str, default: str = "") -> str:
        return next((value for key, value in reversed(self.params) if key == name), default)


@dataclass
class _Kept:
    """A result set that pages are cut from."""

    kind: str
    found: list[Version]
    size: int
    params: list[tuple[str, str]]
    made: datetime


@dataclass
class SearchApi:
    """`base` is the server's URL, `elsewhere` that of a stranger. `largest` bounds `_count`, `expired` the result sets."""

    store: FhirStore
    profile: Profile
    base: str
    elsewhere: str
    largest: int = 1000
    default_size: int = 50
    links_as: str = ""
    """The URL under which the server names itself in links; its own where this is empty."""
    _kept: dict[str, _Kept] = field(default_factory=dict)

    def expire(self) -> None:
        """Forgets every result set."""
        self._kept.clear()

    def search(self, search: Search, now: datetime) -> Json:
        """The Bundle of a search or of one of its pages; raises Problem."""
        token = search.last("_getpages")
        if search.kind is None:
            return self._kept_page(token, int(search.last("_getpagesoffset", "0")), search.fault, now)
        asked = (
            []
            if search.fault == "filter_ignored"
            else filters(search.kind, search.params, self.profile, strict=search.strict)
        )
        found = [version for version in self._all(search) if matches(version, asked)]
        size = min(int(search.last("_count") or self.default_size), self.largest)
        used = [(one.name, one.value) for one in asked] + self._result_params(search, size)
        self._sort(found, search.last("_sort"))
        if search.fault == "unstable":
            random.Random(secrets.token_hex(8)).shuffle(found)
        if self.profile.paging == "offset":
            return self._offset_page(search, found, used, size)
        token = secrets.token_hex(8)
        self._kept[token] = _Kept(search.kind, found, size, used, now)
        return self._kept_page(token, 0, search.fault, now)

    def _all(self, search: Search) -> list[Version]:
        assert search.kind is not None
        if search.last("_deleted") != "true":
            return self.store.current(search.kind)
        gone = {version.id: version for version in reversed(self.store.history(search.kind))}
        return [
            Version(v.kind, v.id, {"resourceType": v.kind, "id": v.id, "meta": {"lastUpdated": instant(v.updated)}}, v.number, v.updated)
            for v in gone.values()
            if v.resource is None
        ]  # fmt: skip

    def _result_params(self, search: Search, size: int) -> list[tuple[str, str]]:
        kept = [(name, value) for name, value in search.params if name in ("_include", "_format", "_deleted")]
        if search.last("_sort").lstrip("-") in self.profile.sorts and search.last("_sort"):
            kept.append(("_sort", search.last("_sort")))
        return [*kept, ("_count", str(size))]

    def _sort(self, found: list[Version], by: str) -> None:
        name = by.lstrip("-")
        if name not in self.profile.sorts or not name:
            return
        keys: Mapping[str, Any] = {
            "_lastUpdated": lambda v: (v.updated, v.id),
            "_id": lambda v: v.id,
            "date": lambda v: (str(v.resource.get("start", "")), v.id),
        }
        found.sort(key=keys[name], reverse=by.startswith("-"))

    # ------------------------------------------------------------ pages

    def _kept_page(self, token: str, offset: int, fault: str, now: datetime) -> Json:
        kept = self._kept.get(token)
        if kept is None or now - kept.made > timedelta(seconds=self.profile.cursor_seconds):
            raise Problem(self.profile.gone, "not-found")
        rows = self._cut(kept.found, offset, kept.size, fault)
        after = offset + kept.size
        more = self._token_link(token, after, kept.size) if after < len(kept.found) else None
        here, dead = self._token_link(token, offset, kept.size), self._token_link("ended", after, kept.size)
        own = self._self_link(kept.kind, kept.params, fault)
        return self._bundle(rows, kept.params, own, self._next(more, here, fault, dead), len(kept.found))

    def _token_link(self, token: str, offset: int, size: int) -> str:
        return f"{self._own}?{urlencode({'_getpages': token, '_getpagesoffset': offset, '_count': size})}"

    def _offset_page(self, search: Search, found: list[Version], used: list[tuple[str, str]], size: int) -> Json:
        """Without a kept result set: the same query again, from an offset or behind the last (lastUpdated, id)."""
        offset, cursor = int(search.last("_offset") or 0), search.last("_cursor")
        if self.profile.offset_limit is not None and offset > self.profile.offset_limit:
            raise Problem(400, "invalid")
        keyset = search.last("_sort") == "_lastUpdated"
        if keyset and cursor:
            found = [v for v in found if f"{instant(v.updated)}~{v.id}" > cursor]
        rows = self._cut(found, offset, size, search.fault)
        more = None
        mark = ("_cursor", f"{instant(rows[-1].updated)}~{rows[-1].id}") if keyset and rows else None
        link = [*used, mark or ("_offset", str(offset + size))]
        if offset + size < len(found):
            more = f"{self._own}/{search.kind}?{urlencode(link)}"
        here = f"{self._own}/{search.kind}?{urlencode(list(search.params))}"
        dead = f"{self._own}/{search.kind}?{urlencode([*used, ('_offset', '999999')])}"
        own = self._self_link(str(search.kind), used, search.fault)
        return self._bundle(rows, used, own, self._next(more, here, search.fault, dead), len(found))

    @property
    def _own(self) -> str:
        return self.links_as or self.base

    def _cut(self, found: list[Version], offset: int, size: int, fault: str) -> list[Version]:
        """A page; `duplicate` begins it with the last row of the one before."""
        first = max(0, offset - 1) if fault == "duplicate" else offset
        return [] if fault == "empty_page" else found[first : offset + size]

    def _self_link(self, kind: str, used: Params, fault: str) -> str | None:
        return None if fault == "no_self" else f"{self._own}/{kind}?{urlencode(list(used))}"

    def _next(self, more: str | None, here: str, fault: str, dead: str) -> str | None:
        path = (more or here).removeprefix(self._own)
        others = {
            "loop": here,
            "foreign_next": f"{self.elsewhere}{path}",
            "look_alike": f"{self.elsewhere}/steal?x={self.base}",
            "user_next": f"http://{self.base.removeprefix('http://').replace('/', '@evil.invalid/', 1)}{path}",
            "file_next": "file:///etc/passwd",
            "dead_next": more or dead,
        }
        return others.get(fault, more)

    def _bundle(self, rows: Sequence[Version], params: Params, own: str | None, more: str | None, total: int) -> Json:
        entries = [self._entry(version) for version in rows]
        if self.profile.includes:
            entries += [self._entry(version, "include") for version in self._included(rows, params)]
        if self.profile.says:
            entries.append({"resource": outcome("information", "informational"), "search": {"mode": "outcome"}})
        links = [{"relation": relation, "url": url} for relation, url in (("self", own), ("next", more)) if url]
        bundle: Json = {"resourceType": "Bundle", "type": "searchset", "link": links}
        if self.profile.total:
            bundle["total"] = total
        return bundle | ({"entry": entries} if entries else {})

    def _entry(self, version: Version, mode: str = "match") -> Json:
        url = f"{self._own}/{version.kind}/{version.id}"
        return {"fullUrl": url, "resource": version.resource, "search": {"mode": mode}}

    def _included(self, rows: Sequence[Version], params: Params) -> list[Version]:
        wanted = {_KINDS.get(value.partition(":")[2], "") for name, value in params if name == "_include"}
        there = {(version.kind, version.id) for version in rows}
        found: dict[tuple[str, str], Version] = {}
        for version in rows:
            for reference in references(version.resource):
                kind, _, id_ = reference.partition("/")
                resource = self.store.get(kind, id_) if kind in wanted and (kind, id_) not in there else None
                if resource is not None:
                    found[kind, id_] = self.store.history(kind, id_)[0]
        return list(found.values())

    # ------------------------------------------------------------ history

    def history(self, kind: str, params: Params) -> Json:
        """All versions of a type since an instant, newest first, deletions as requests."""
        if not self.profile.history:
            raise Problem(404, "not-supported")
        values = dict(params)
        since = datetime.fromisoformat(values["_since"]) if "_since" in values else None
        found = [v for v in self.store.history(kind) if since is None or v.updated >= since]
        size, offset = min(int(values.get("_count", self.default_size)), self.largest), int(values.get("_offset", "0"))
        entries = [self._version(version) for version in found[offset : offset + size]]
        links = [{"relation": "self", "url": f"{self._own}/{kind}/_history?{urlencode(list(params))}"}]
        if offset + size < len(found):
            query = urlencode({**values, "_offset": offset + size})
            links.append({"relation": "next", "url": f"{self._own}/{kind}/_history?{query}"})
        return {"resourceType": "Bundle", "type": "history", "link": links, "entry": entries}

    def _version(self, version: Version) -> Json:
        url = f"{version.kind}/{version.id}"
        method = "DELETE" if version.resource is None else "POST" if version.number == 1 else "PUT"
        entry: Json = {
            "fullUrl": f"{self._own}/{url}",
            "request": {"method": method, "url": url},
            "response": {
                "status": "204" if version.resource is None else "200",
                "lastModified": instant(version.updated),
            },
        }
        return entry if version.resource is None else entry | {"resource": version.resource}


_KINDS = {"patient": "Patient", "location": "Location", "actor": "Location", "practitioner": "Practitioner"}


def outcome(severity: str, code: str) -> Json:
    """An OperationOutcome whose diagnostics must never be repeated anywhere."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "diagnostics": "canary Zanzibar 402-555-0199"}],
    }
