"""The status as one HTML page for on-call; it loads nothing from anywhere and holds nothing of a person."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any, Final

from sync.troubles import troubles

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}th,td{text-align:left;padding:.3rem .75rem;"
    "border-bottom:1px solid #ddd}.bad{color:#a00;font-weight:600}code{background:#f2f2f2;padding:0 .3em}"
)


def status_page(status: Mapping[str, Any]) -> str:
    """Makes the page from what `status --json` prints."""
    found = troubles(status)
    told = "".join(
        f'<li><span class="bad">{escape(t.sentence)}</span><br><code>{escape(t.advice)}</code></li>' for t in found
    )
    sources = [
        (name, s["mode"], s["data_as_of"] or "–", "stale" if s["stale"] else "yes", status["quarantine"].get(name, 0))
        for name, s in status["sources"].items()
    ]
    destinations = [
        (name, d["mode"], d["pending"], d["parked"], d["held"], d["last_push"] or "–")
        for name, d in status["destinations"].items()
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>prm-sync</title>'
        f'<meta http-equiv="refresh" content="60"><style>{_STYLE}</style></head><body>\n<h1>prm-sync</h1>\n'
        + (f"<ul>{told}</ul>" if found else "<p>Nothing needs a person.</p>")
        + _table("Sources", ("source", "mode", "data as of", "fresh", "quarantined"), sources)
        + _table("Destinations", ("destination", "mode", "pending", "parked", "held", "last push"), destinations)
        + _table("Contacts", ("status", "contacts"), sorted(status["by_status"].items()))
        + "</body></html>\n"
    )


def _table(title: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<h2>{escape(title)}</h2><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>\n"
