"""The accounts that the contract suite of destinations runs against. A new destination adds three lines, to `ACCOUNTS`.

Its fake has `secret` and `url` (see tests/fakes/provider.py), and says what it holds: state, tags, fields, act, started.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from connectors.base import Change, Destination, Outcome
from connectors.copper import Copper
from connectors.hubspot import Hubspot
from connectors.kit import Kit
from connectors.mailchimp import Mailchimp
from connectors.memory import MemoryDestination
from mappings.document import Document
from tests.fakes.copper import FakeCopper
from tests.fakes.hubspot import FakeHubspot
from tests.fakes.kit import FakeKit
from tests.fakes.lent import SURROUNDINGS, lent
from tests.fakes.mailchimp import FakeMailchimp

ADDRESS = "ann@example.com"
AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


class OtherSide(Protocol):
    """What is held at the other side of a destination, and what people do there."""

    def state(self, address: str) -> str | None: ...
    def tags(self, address: str) -> frozenset[str]: ...
    def fields(self, address: str) -> Mapping[str, str]: ...
    def act(self, address: str, state: str) -> None: ...
    def started(self) -> int: ...


class Kind(NamedTuple):
    """How a destination of a kind is made: its fake, its class, its settings, and its names of the two fields used.

    `secret` is the setting that holds the secret; `archives`: it knows `on_leave: archive`.
    """

    fake: Callable[[], Any]
    destination: Callable[..., Any]
    settings: Mapping[str, Any] = {}
    secret: str = ""
    given: str = "FNAME"
    language: str = "LANG"
    archives: bool = False


@dataclass(frozen=True, kw_only=True)
class Account:
    """A destination, and the other side of it."""

    destination: Destination
    there: OtherSide
    on_leave: str
    archives: bool
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def quiet(self) -> bool:
        return self.destination.capabilities.quiet_tags

    @property
    def hears(self) -> bool:
        return self.destination.capabilities.reads_opt_outs

    def document(
        self, address: str = ADDRESS, tags: Sequence[str] = (), standing: Any = "subscribed", **fields: str
    ) -> Document:
        """A document as sync would make it; fields by the names given and language."""
        named = {self.names[name]: value for name, value in fields.items()}
        if self.destination.capabilities.unit == "contact":
            named |= {"email": address} if standing == "subscribed" else {}
            address = ""
        return Document(address=address, fields=named, tags=frozenset(tags), standing=standing)

    def fields(self, address: str = ADDRESS) -> dict[str, str]:
        """What is held of the two fields."""
        held = self.there.fields(address)
        return {name: held[theirs] for name, theirs in self.names.items() if held.get(theirs)}

    def push(
        self, wished: Document, after: Outcome | None = None, loud: Sequence[str] = (), address: str = ADDRESS
    ) -> Outcome:
        """Pushes one document, as the next step after an earlier outcome."""
        change = Change(
            key=wished.address or f"contact of {address}",
            wished=wished,
            accepted=getattr(after, "document", None) or getattr(after, "accepted", None),
            ref=getattr(after, "ref", None),
            loud=frozenset(loud),
        )
        (outcome,) = self.destination.push([change])
        return outcome


class MailchimpSide:
    """What a fake Mailchimp holds."""

    audience_id = "a1b2c3d4e5"

    def __init__(self) -> None:
        self._fake = FakeMailchimp()
        self._audience, self.secret = self._fake.audience, self._fake.api_key

    def __enter__(self) -> "MailchimpSide":
        self._fake.__enter__()
        self.url = self._fake.url
        return self

    def __exit__(self, *error: Any) -> None:
        self._fake.__exit__(*error)

    def state(self, address: str) -> str | None:
        found = [m.status for m in self._audience.members.values() if m.address == address]
        return found[0] if found else None

    def tags(self, address: str) -> frozenset[str]:
        return frozenset(self._audience.get(address).tags.values())

    def fields(self, address: str) -> Mapping[str, str]:
        return self._audience.get(address).fields

    def act(self, address: str, state: str) -> None:
        self._audience.act(address, state)

    def started(self) -> int:
        return self._audience.automations.total()


class MemorySide:
    """What a destination in memory holds."""

    def __init__(self, memory: MemoryDestination) -> None:
        self._memory = memory

    def state(self, address: str) -> str | None:
        member = self._memory.members.get(address)
        return member.state if member else None

    def tags(self, address: str) -> frozenset[str]:
        return self._memory.members[address].document.tags

    def fields(self, address: str) -> Mapping[str, str]:
        return self._memory.members[address].document.fields

    def act(self, address: str, state: str) -> None:
        self._memory.act(address, state, AT)  # type: ignore[arg-type]  # the suite names states that both know

    def started(self) -> int:
        return len(self._memory.started)


PEOPLE = {"fields": {"name": "given_name", "email": "email", "Language": "language"}}
ACCOUNTS: Mapping[str, Kind] = {
    "mailchimp": Kind(
        MailchimpSide, Mailchimp, {"audience": MailchimpSide.audience_id}, "api_key", archives=True
    ),
    "copper": Kind(FakeCopper, Copper, {"user_email": "it@example.com", **PEOPLE}, "api_key", "name", "Language"),
    "hubspot": Kind(FakeHubspot, Hubspot, {}, "token", "firstname", "lang"),
    "kit": Kind(FakeKit, Kit, {}, "api_key", "first_name", "language"),
    "kit in bulk": Kind(FakeKit, Kit, {}, "oauth_token", "first_name", "language"),
}  # fmt: skip


@contextmanager
def opened(name: str, on_leave: str, folder: Path) -> Iterator[Account]:
    """Opens an account of a kind in ACCOUNTS, or in memory."""
    common = {"on_leave": on_leave, "recipient": "a fake"}
    if name == "memory":
        settings = MemoryDestination.settings_model.model_validate({"kind": "memory", **common})
        memory = MemoryDestination("memory", settings, SURROUNDINGS, lent())
        names = {"given": "FNAME", "language": "LANG"}
        yield Account(destination=memory, there=MemorySide(memory), on_leave=on_leave, archives=True, names=names)
        return
    kind = ACCOUNTS[name]
    with kind.fake() as fake:
        key = folder / "key"
        key.touch(0o600)
        key.write_text(fake.secret + "\n", encoding="utf-8")
        keys = {
            "kind": name.split(maxsplit=1)[0],
            kind.secret: {"file": key},
            "base_url": fake.url,
            "fields": {kind.given: "given_name"},
        }
        settings = kind.destination.settings_model.model_validate({**common, **keys, **kind.settings})  # type: ignore[attr-defined]  # every destination class has it
        made = kind.destination("newsletter", settings, SURROUNDINGS, lent(), sleep=lambda _: None)
        yield Account(
            destination=made,
            there=fake,
            on_leave=on_leave,
            archives=kind.archives,
            names={"given": kind.given, "language": kind.language},
        )


def variants() -> list[tuple[str, str]]:
    """Every kind with every way of leaving that it knows."""
    known = [("memory", "untag"), ("memory", "archive"), *((name, "untag") for name in ACCOUNTS)]
    return known + [(name, "archive") for name, kind in ACCOUNTS.items() if kind.archives]
