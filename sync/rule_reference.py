"""The page of the documentation on segments' rules: how values are written, and the closed table of facts."""

from pathlib import Path
from typing import Final

from mappings.facts import FACTS, Fact

_HEAD: Final = """# Rules

Generated from `mappings/facts.py` by `python -m sync.rule_reference`; do not edit.

A segment's `who:` names facts and what they must be; all of it must hold. `prm-sync check` reads every rule back as an
English sentence, and warns of what can never hold.

```yaml
segments:
  workers-comp-lapsed:
    describe: Injured workers who stopped coming
    purpose: treatment            # treatment | operations | marketing: which consent it needs
    who:
      status: [at_risk, dropped_out]
      payer_class: workers_comp
      last_visit: {over: 21 days ago}
      next_visit: none
      any: [{city: Omaha}, {postal_code: "68104"}]
      not: {in_segment: {has: newsletter}}
```

| write | for | meaning |
|---|---|---|
| `active`, `[active, at_risk]` | all | exactly this; any of these |
| `none`, `known` | all | no value; any value |
| `true`, `false` | flag | so, or not so |
| `{at_least: 3}`, `{at_most: 3}`, `{over: 3}`, `{under: 3}` | number | from 3 on, up to 3, more than 3, less than 3; several may stand together |
| `{between: [18, 64]}` | number, date | from the first to the second, both included |
| `{over: 21 days ago}` | date | more than 21 days ago; with `ahead`: later than in 21 days |
| `{within: 2 weeks ago}`, `{within: 7 days ahead}` | date | from that day to today; from today to that day |
| `Nov`, `[Nov, Dec]`, `this month` | month | any of these months |
| `{has: lincoln}` | list | holds this; a list of values: any of them |
| `{newsletter: {within: 7 days ago}}` | `entered` | when the contact came into that segment |
| `any: [{…}, {…}]`, `not: {…}` | | one of these sets of conditions; none of it; both nest |

A day is `N days|weeks|months|years ago|ahead`, `today`, a day of each year (`Nov 1`) or a date (`2026-03-01`). Days and months
are those of the contact's clinic. Quote what reads as a number but is a text: `"68104"`. A missing value fails every
test but `none`; `not` turns that around.

The last column is how sensitive a fact is; a segment is as sensitive as the most sensitive fact that it reads. At a
destination without a BAA segments appear as codes, and no fact of this table but `language` leaves as a field.

| fact | type | is | class |
|---|---|---|---|
"""


def reference() -> str:
    """The whole page."""
    return _HEAD + "".join(_row(fact) for fact in FACTS.values())


def _row(fact: Fact) -> str:
    choices = f" One of {', '.join(f'`{choice}`' for choice in fact.choices)}." if fact.choices else ""
    return f"| `{fact.name}` | {fact.type} | {fact.sentence}{choices} | {fact.klass} |\n"


if __name__ == "__main__":
    page = Path(__file__).parents[1] / "docs" / "reference" / "rules.md"
    page.write_text(reference(), encoding="utf-8")
