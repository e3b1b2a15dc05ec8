"""What is promised of speed and memory, and whether the measures and pulls keep it."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from bench.passes import Measure
from bench.pulls import Pulled, usual

MIB = 2**20


class Verdict(NamedTuple):
    """A target, what was measured, and whether that keeps it."""

    target: str
    found: str
    kept: bool


def verdicts(measures: Sequence[Measure]) -> list[Verdict]:
    """Judges all measures of one run."""
    found: list[Verdict] = []
    for (kind, engine), group in groupby(measures, key=lambda m: (m.kind, m.engine)):
        mine = list(group)
        label = f"{kind}, {engine}"
        for patients, passes in groupby(mine, key=lambda m: m.patients):
            found += _of_size(f"{label}, {patients:,}", {measure.name: measure for measure in passes})
        found += _of_memory(label, mine)
    return found


def pull_verdicts(pulls: Sequence[Pulled]) -> list[Verdict]:
    """Judges the pulls of one run: those of the comparison by their medians, and the memory of a source by size."""
    ours, bare, other = (usual(pulls, way) for way in ("fhir-search", "bytes", "fhirpy"))
    bulk, whole, mapped = (usual(pulls, way) for way in ("fhir-bulk", "export bytes", "export mapped"))
    most = 1.5 * whole + (mapped - whole)
    return [
        Verdict("fhir-search: >= 10x fhirpy", f"{other / ours:.1f}x", other >= 10 * ours),
        Verdict("fhir-search: <= 1.5x requests, nothing read", f"{ours / bare:.2f}x", ours <= 1.5 * bare),
        Verdict(f"fhir-bulk: <= {most:.1f} µs (1.5x requests + mapping)", f"{bulk:.1f} µs", bulk <= most),
        *(_of_pull_memory(way, pulls) for way in ("fhir-search", "fhir-bulk")),
    ]


def _of_pull_memory(way: str, pulls: Sequence[Pulled]) -> Verdict:
    peaks = {each.records: each.rss for each in pulls if each.way == way}
    small, large = min(peaks), max(peaks)
    target = f"{way}: peak memory {small:,} -> {large:,} <= 1.1x"
    return Verdict(target, f"{peaks[large] / peaks[small]:.2f}x", peaks[large] <= 1.1 * peaks[small])


def identity_verdicts(found: Mapping[str, Any]) -> list[Verdict]:
    """Judges what `bench.identity` has measured."""
    label, micros = f"identity, {found['rows']:,} new rows", found["identity_micros"]
    merges = f"{found['false_merges']} in {found['known_rows']:,} rows"
    told = f"precision {found['precision']:.4f}, recall {found['recall']:.3f}, with review {found['recall_with_review']:.3f}"
    return [
        Verdict(f"{label}: <= 30 µs a row beyond the load", f"{micros:.1f} µs", micros <= 30),
        Verdict("identity, known people: no false merge", f"{merges}; {told}", found["false_merges"] == 0),
    ]


def _of_size(label: str, passes: dict[str, Measure]) -> list[Verdict]:
    first, again, changed = (passes[name] for name in ("first load", "unchanged", "1 % changed"))
    share = changed.cpu / first.cpu
    return [
        Verdict(f"{label}: unchanged <= 10 µs a record", f"{again.micros:.1f} µs", again.micros <= 10),
        Verdict(
            f"{label}: unchanged sends nothing",
            f"{again.wishes} wishes, {again.writes} writes",
            again.wishes == again.writes == 0,
        ),
        Verdict(f"{label}: 1 % changed <= 5 % of the first load", f"{share:.1%}", share <= 0.05),
    ]


def _of_memory(label: str, measures: Iterable[Measure]) -> list[Verdict]:
    peaks = {size: max(measure.rss for measure in group) for size, group in groupby(measures, key=lambda m: m.patients)}
    small, large = peaks[min(peaks)], peaks[max(peaks)]
    found = [Verdict(f"{label}: peak memory < 192 MiB", f"{large / MIB:.0f} MiB", large < 192 * MIB)]
    if len(peaks) > 1:
        sizes = f"{min(peaks):,} -> {max(peaks):,}"
        found.append(Verdict(f"{label}: peak memory {sizes} <= 1.5x", f"{large / small:.2f}x", large <= 1.5 * small))
    return found
