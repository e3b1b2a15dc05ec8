"""The account's tags, as `connectors.labels.Shelf`: listed once a push, since Kit looks none up by name."""

from functools import cached_property

from connectors.base import Unavailable
from connectors.kit.account import Account, Declined


class Tags:
    """Tags by name; Kit tells names apart in any case."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._made: dict[str, str] = {}

    @cached_property
    def _there(self) -> dict[str, str]:
        pages = self._account.listed("/v4/tags", "tags")
        return {str(each.get("name", "")).casefold(): str(each.get("id")) for page in pages for each in page}

    def held(self, label: str) -> bool:
        """True when there is a tag of this id."""
        return label in self._there.values() or label in self._made.values()

    def find(self, name: str) -> str | None:
        """The id of the tag of this name."""
        return self._made.get(name) or self._there.get(name.casefold())

    def make(self, name: str) -> str:
        """Makes a tag."""
        try:
            made = str(self._account.make("/v4/tags", {"name": name}, "tag")["id"])
        except Declined as declined:
            raise Unavailable(f"Kit would not make the tag {name} ({declined.verdict.code})") from None
        self._made[name] = made
        return made


def unknown_fields(account: Account, wanted: frozenset[str]) -> list[str]:
    """Custom fields that the account does not have: Kit would leave them out without an error."""
    pages = account.listed("/v4/custom_fields", "custom_fields")
    there = {str(each.get("key")) for page in pages for each in page} if wanted else set()
    return sorted(wanted - there)


def field_ids(account: Account) -> dict[str, int]:
    """The ids of custom fields by key."""
    pages = account.listed("/v4/custom_fields", "custom_fields")
    return {str(each.get("key")): int(each["id"]) for page in pages for each in page if each.get("id")}
