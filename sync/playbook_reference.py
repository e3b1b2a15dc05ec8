"""The page of the documentation on playbooks: every entry that ships, what it needs, its steps, what to set up."""

from pathlib import Path
from typing import Any, Final

from config.playbook import Entry, load_playbook, playbook_names, shipped_segment
from config.segments import SegmentSettings
from mappings.rules import parse
from mappings.sentence import english
from mappings.series import english as manner

_HEAD: Final = """# Playbooks

Generated from `config/playbooks/` by `python -m sync.playbook_reference`; do not edit.

A playbook is a set of segments that ship. Each entry is off until an operators' file names it; then it is a segment like
any other: `check` reads it back, `test` may have cases for it, a destination may list it.

```yaml
playbook:
  physical-therapy:
    win-back: {with: {days: 365}, sites: [lincoln]}     # a published number; only at these clinics
    no-show-recovery: {by_site: {boulder: {with: {days: 7}}}}
    newsletter: {}
segments:
  win-back: {priority: 15}                              # a segment of an entry's name overrides the keys it gives
```

An entry takes any key of a segment (`steps`, `repeat`, `group`, `priority`, `sites`, `send_between`, `code`, …), `with:` for
the numbers that it publishes, and `by_site:` for numbers of single clinics. What starts a message, and when, is told in
[Segments that speak](../how-to/segments-that-speak.md).

Scores come in by a `surveys` feed of a tabular source, by `patient_id` or `email`, and become the facts `nps` (the day of
the last score) and `nps_score`. A score that names an address alone counts for everybody at it, so that nobody there is
asked twice.

```yaml
sources:
  answers:
    kind: tabular
    role: leads                     # it brings no patients of its own, and never stops a clock
    folder: drops/surveys
    surveys: {files: "scores-*.csv", columns: {email: "Email", score: "Rating", answered_on: {column: "Date", formats: ["%m/%d/%Y"]}}}
```

"""


def reference() -> str:
    """The whole page."""
    return _HEAD + "\n".join(_playbook(name) for name in playbook_names())


def _playbook(name: str) -> str:
    found = load_playbook(name)
    entries = "\n".join(_entry(entry, shipped) for entry, shipped in found.entries.items())
    return f"## {name}\n\n{found.about}.\n\n{entries}"


def _entry(name: str, entry: Entry) -> str:
    segment = SegmentSettings.model_validate(shipped_segment(entry))
    lines = [
        f"### {name}",
        "",
        f"{entry.about}.",
        "",
        f"- Who: {english(parse(segment.who))}",
        *_more(segment),
        f"- Purpose: {segment.purpose}",
        f"- Needs: {entry.needs}",
        f"- At the provider: {entry.provider}",
        *([f"- Numbers: {_numbers(entry.numbers)}"] if entry.numbers else []),
    ]
    return "\n".join(lines) + "\n"


def _more(segment: SegmentSettings) -> list[str]:
    found = [f"- Leaves early: {english(parse(segment.leave_when))}"] if segment.leave_when else []
    said = manner(segment.manner())
    return found + ([f"- {said}"] if said else []) + ([] if segment.counts else ["- Outside the cap of nudges"])


def _numbers(numbers: dict[str, Any]) -> str:
    return ", ".join(f"`{name}` ({value})" for name, value in numbers.items())


if __name__ == "__main__":
    page = Path(__file__).parents[1] / "docs" / "reference" / "playbooks.md"
    page.write_text(reference(), encoding="utf-8")
