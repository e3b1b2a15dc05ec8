"""The site of a resource: one for the whole source, or found through the location or organization that it names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mappings.fhir.reference import Directory, Target, read_target, targets
from mappings.fhir.shapes import Contained, Reference
from mappings.records import Rejected

_STOREYS = 6
"""How many levels of Location.partOf (bed, room, ward, building …) are climbed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRule:
    """`fixed` for all rows; or `places`: `Location/12`, `Organization/3` or `system|value` (casefolded) -> site key."""

    fixed: str | None = None
    by_location: bool = False
    places: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None

    def site_of(
        self, references: Iterable[Reference | None], contained: Sequence[Contained] | None, directory: Directory
    ) -> str | None:
        """The site of the first reference that leads to one, else the default."""
        if not self.by_location:
            return self.fixed
        for reference in references:
            for target in targets(reference, contained):
                site = self._climb(target, directory)
                if site is not None:
                    return site
        return self.default

    def _climb(self, target: Target, directory: Directory) -> str | None:
        for key in _keys(target, directory):
            site = self.places.get(key.casefold())
            if site is not None:
                return site
        return None

    def refuses(self, site: str | None, references: Iterable[Reference | None]) -> Rejected | None:
        """A visit must have a site where sites are found by location: the rejection of one that has none."""
        if not self.by_location or site is not None:
            return None
        named = any(reference is not None for reference in references)
        return Rejected(code="unknown_site" if named else "missing_value", field="site", column="location")


def _keys(target: Target, directory: Directory) -> Iterator[str]:
    """The target's own key, then those of the location that it names and of all that this is part of."""
    key = _key(target)
    yield key
    for _ in range(_STOREYS):
        place = directory.place(key)
        if place is None:
            return
        yield from place.keys
        above = read_target(place.parent) if place.parent is not None else None
        if above is None:
            return
        key = _key(above)


def _key(target: Target) -> str:
    return f"{target.kind}/{target.id}" if target.id is not None else target.token or ""
