"""How an explanation is shown on a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from mappings.withheld import WITHHELD
from sync.commands.screen import screen
from sync.identity import RULES
from sync.reasons import REASONS


def show_explanation(found: Mapping[str, Any]) -> None:
    """Prints the explanation as sentences and trees."""
    console = screen()
    root = Tree(f"[bold]{found['contact']}[/]: [bold]{found['status']}[/] since {_day(found['status_since'])}")
    _branch(root, "Rows and why they are one person", _links(found))
    _branch(root, "Status", _status(found))
    segments = root.add("Segments")
    for name, segment in found["segments"].items():
        _segment(segments, name, segment)
    _branch(root, "Consent", _consent(found["consent"]))
    for name, destination in found["destinations"].items():
        _branch(root, f"At {name}", _destination(destination))
    for line in _due(found):
        root.add(escape(line))
    console.print(root)


def _branch(root: Tree, title: str, lines: Iterator[str]) -> None:
    branch = root.add(escape(title))
    for line in lines:
        branch.add(escape(line))


def _links(found: Mapping[str, Any]) -> Iterator[str]:
    for link in found["links"]:
        yield f"{link['source']}:{link['id']}" + ("" if link["present"] else " (its source no longer holds it)")
    for pair in found["matches"]:
        a, b = (f"{pair[side]['source']}:{pair[side]['id']}" for side in ("a", "b"))
        yield f"{a} and {b}: {pair['verdict'].replace('_', ' ')}, because {RULES.get(pair['rule'], pair['rule'])}"


def _status(found: Mapping[str, Any]) -> Iterator[str]:
    inputs = f"; decided by {', '.join(found['inputs'])}" if found["inputs"] else ""
    yield f"{found['status']}, because {REASONS.get(found['rule'], found['rule'])}{inputs}"
    if found["clock_stopped"]:
        yield f"The clock stands at {_instant(found['clock'])}: the feed behind it is stale"
    for change in found["history"]:
        back = ", came back" if change["reactivation"] else ""
        why = REASONS.get(change["rule"], change["rule"])
        yield f"{_instant(change['at'])}: {change['old'] or 'new'} → {change['new']}{back}: {why}"


def _segment(segments: Tree, name: str, segment: Mapping[str, Any]) -> None:
    entered = f", {segment['entered_by']}, since {_day(segment['since'])}" if segment["member"] else ""
    step = f", at step {segment['step'].rpartition(':')[2]}" if segment["step"] else ""
    branch = segments.add(f"{_mark(segment['member'])} {escape(name)}{escape(entered + step)}")
    rule_branches(branch, segment["tree"])


def rule_branches(branch: Tree, tree: Mapping[str, Any]) -> None:
    """Adds a rule with its values and verdicts below a branch."""
    mark = _mark(tree["holds"])
    if "fact" in tree:
        branch.add(f"{mark} {escape(tree['test'])}: {escape(_value(tree['fact'], tree['value']))}")
        return
    word = next(word for word in ("all", "any", "not") if word in tree)
    parts = [tree["not"]] if word == "not" else tree[word]
    inner = branch.add(f"{mark} {word}")
    for part in parts:
        rule_branches(inner, part)


def _value(fact: str, value: Any) -> str:
    if value is None:
        return "missing"
    if isinstance(value, bool):  # its sentence may say the contrary of the fact: "who is 18 or older"
        return f"{fact} is {str(value).lower()}"
    return ", ".join(map(str, value)) if isinstance(value, list | dict) else str(value)


def _consent(consent: Mapping[str, Any]) -> Iterator[str]:
    for purpose, verdict in consent["verdicts"].items():
        state = verdict["state"].removesuffix("_dated").replace("_", ", ")
        yield f"{purpose}: {state}" + (f", dated {verdict['decided_on']}" if verdict["decided_on"] else "")
    for decision in consent["decisions"]:
        dated = decision["decided_on"] or f"undated, first seen {decision['first_seen_on']}"
        gone = "" if decision["asserted"] else ", no longer stated"
        evidence = f", {decision['evidence']}" if decision["evidence"] else ""
        yield f"said {decision['decision']} to {decision['channel']} for {decision['purpose']} ({dated}{evidence}{gone})"


def _destination(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"holds: {_document(found['accepted'], found['tags'])}"
    if found["document"] != found["accepted"]:
        yield f"should hold: {_document(found['document'], found['tags'])}"
    if found["wish"] is not None:
        yield f"a change waits since {_instant(found['wish']['since'])}, {found['wish']['state']}"
    for name, reason in found["withheld"].items():
        yield f"withheld, {'all of it' if name == '*' else name}: {WITHHELD.get(reason, reason)}"
    for told in found["deliveries"]:
        tags = [f"+{meaning}" for meaning in told["added"].values()] + [f"−{m}" for m in told["removed"].values()]
        yield f"{_instant(told['at'])}: told {', '.join([*told['fields'], *tags]) or 'nothing new'} ({told['outcome']})"


def _document(document: Mapping[str, Any] | None, meanings: Mapping[str, str]) -> str:
    if document is None:
        return "nothing"
    tags = [f"{tag} ({meanings[tag]})" if meanings.get(tag, tag) != tag else tag for tag in document["tags"]]
    fields = [f"{name}={value}" for name, value in document["fields"].items()]
    standing = "" if document["standing"] == "subscribed" else document["standing"]
    return "; ".join(filter(None, (standing, ", ".join(fields), ", ".join(tags)))) or "subscribed"


def _due(found: Mapping[str, Any]) -> Iterator[str]:
    """When time alone may change something: at an instant, or once a source whose clock stands brings newer data."""
    if found["next_review_at"] is not None:
        yield f"Time alone changes nothing before {_instant(found['next_review_at'])}"
    elif not found["waits"]:
        yield "Time alone changes nothing"
    for wait in found["waits"]:
        yield f"Time alone changes nothing before {wait['source']} brings data of {_instant(wait['until'])} or later"


def _mark(verdict: bool | None) -> str:
    return {True: "[green]✓[/]", False: "[red]✗[/]", None: "[yellow]?[/]"}[verdict]


def _instant(text: str | None) -> str:
    return "never" if text is None else text[:16].replace("T", " ") + text[19:].replace("+00:00", " UTC")


def _day(text: str | None) -> str:
    return "the next review" if text is None else text[:10]
