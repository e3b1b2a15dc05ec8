"""The code book as one HTML page for the marketing desk: what each code at the provider stands for."""

from collections.abc import Iterable, Mapping
from datetime import date
from html import escape
from typing import Any, Final

_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}th,td{text-align:left;padding:.35rem .75rem;"
    "border-bottom:1px solid #ddd;vertical-align:top}td:first-child{font-family:ui-monospace,monospace;font-weight:600}"
    "@media print{body{margin:0}}"
)
_TITLES: Final = {"segment": "Segments", "step": "Steps", "status": "Statuses", "site": "Sites"}


def code_page(practice: str, codes: Mapping[str, Mapping[str, Any]], described: Mapping[str, str], today: date) -> str:
    """Makes the page; `described` says of segments what they are, by name. It loads nothing from anywhere."""
    kinds = [kind for kind in _TITLES if any(entry["kind"] == kind for entry in codes.values())]
    parts = [_table(kind, codes, described) for kind in kinds] or ["<p>No codes yet.</p>"]
    title = f"Codes of {escape(practice)}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">'
        f"<style>{_STYLE}</style></head><body>\n<h1>{title}</h1>\n"
        f"<p>As of {today.isoformat()}. Keep this page within the practice: with it, codes can be read.</p>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _table(kind: str, codes: Mapping[str, Mapping[str, Any]], described: Mapping[str, str]) -> str:
    rows = sorted(
        ((entry["name"], code, entry["since"][:10]) for code, entry in codes.items() if entry["kind"] == kind)
    )
    what = described if kind == "segment" else {}
    body = "".join(_row((code, name, what.get(name, ""), since)) for name, code, since in rows)
    head = "".join(f"<th>{title}</th>" for title in ("Code", "Name", "What it is", "Since"))
    return f"<h2>{_TITLES[kind]}</h2>\n<table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table>"


def _row(cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>\n"
