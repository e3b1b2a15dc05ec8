"""The site of a tabular row: its mapped column, else the source's rule (fixed, a column, or the folder)."""

from collections.abc import Callable, Mapping

from mappings.body import ABSENT
from mappings.plan import Column, Plan, Practice
from mappings.slots import Body, Fault, positions

SiteOf = Callable[[Body], str | None]


def site_reader(plan: Plan, practice: Practice) -> SiteOf:
    """A reader of a row's site key; it raises Fault for a clinic that is empty or in no map."""
    rule = _rule_reader(plan, practice)
    own = plan.columns.get("site")
    return rule if own is None else _own_reader(own, plan, practice, rule)


def _own_reader(own: Column, plan: Plan, practice: Practice, rule: SiteOf) -> SiteOf:
    at = positions(plan)[own.column]
    codes = _codes(own.codes or plan.site.codes, practice)
    default = own.default if own.default is not None else plan.site.default
    required = own.declared

    def site_of(body: Body) -> str | None:
        text = body[at].strip()
        if text and text != ABSENT:
            return _find(text, codes, default, own.column)
        site = own.default or rule(body)
        if site is None and required:
            raise Fault("missing_value", "site", own.column)
        return site

    return site_of


def _rule_reader(plan: Plan, practice: Practice) -> SiteOf:
    rule = plan.site
    codes = _codes(rule.codes, practice)
    if rule.by_folder:
        return lambda body: _find(body[1], codes, rule.default, None)
    if rule.column is None:
        return lambda _body: rule.fixed
    at, column = positions(plan)[rule.column], rule.column

    def site_of(body: Body) -> str | None:
        text = body[at].strip()
        return rule.default if text == ABSENT else _find(text, codes, rule.default, column)

    return site_of


def known_codes(plan: Plan, practice: Practice) -> frozenset[str]:
    """The clinic codes, casefolded, that stand for a site."""
    own = plan.columns.get("site")
    return frozenset(_codes((own.codes if own is not None else {}) or plan.site.codes, practice))


def _codes(codes: Mapping[str, str], practice: Practice) -> Mapping[str, str]:
    return codes or {site.casefold(): site for site in practice.site_zones}


def _find(text: str, codes: Mapping[str, str], default: str | None, column: str | None) -> str:
    site = codes.get(text.casefold(), default) if text else default
    if site is None:
        raise Fault("unknown_site" if text else "missing_value", "site", column)
    return site
