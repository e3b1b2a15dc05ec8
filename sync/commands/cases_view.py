"""How the outcome of cases is shown on a terminal."""

from collections.abc import Sequence
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from config.load import Config
from sync.cases import Failure, Verdict
from sync.commands.explain_view import rule_branches
from sync.commands.screen import screen


def show_verdicts(config: Config, verdicts: Sequence[Verdict], uncovered: Sequence[str]) -> None:
    """Prints each failure with the trees of what was expected otherwise, then the count and what no case speaks of."""
    console = screen()
    for verdict in verdicts:
        if not verdict.passed:
            console.print(_tree(config, verdict))
    failed = sum(not verdict.passed for verdict in verdicts)
    console.print(f"{len(verdicts) - failed} passed, {failed} failed.")
    if uncovered:
        console.print(f"Segments without a case: {', '.join(map(escape, uncovered))}", soft_wrap=True)


def _tree(config: Config, verdict: Verdict) -> Tree:
    place = config.place(verdict.case.path)
    where = f"{place.file}:{place.line}"
    root = Tree(f"[red]✗[/] [bold]{escape(verdict.case.settings.name)}[/] ({escape(where)}), at {verdict.at:%Y-%m-%d}")
    for failure in verdict.failures:
        branch = root.add(escape(_sentence(failure)))
        name = failure.what.removeprefix("segment ")
        if name in verdict.trees:
            rule_branches(branch, verdict.trees[name])
    return root


def _sentence(failure: Failure) -> str:
    if failure.what.startswith("segment "):
        return f"{failure.what}: expected {'in it' if failure.expected else 'not in it'}"
    return f"{failure.what}: expected {_word(failure.expected)}, found {_word(failure.actual)}"


def _word(value: Any) -> str:
    if value is None:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list | dict) else str(value)
