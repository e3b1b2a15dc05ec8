"""A Copper account as a destination."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import ClassVar

from requests import PreparedRequest

from connectors.base import (
    Capabilities,
    Change,
    FeedbackPage,
    Finding,
    Json,
    Lent,
    Misconfigured,
    Outcome,
    Unavailable,
    failure,
)
from connectors.copper.people import Declined, People
from connectors.copper.push import Push, Terms
from connectors.copper.settings import BUILT_IN, CopperSettings, read_key
from connectors.http import Account as HttpAccount
from connectors.http import HttpClient
from connectors.settings import Surroundings
from connectors.traffic import Traffic


class Copper:
    """Keeps people and their tags in step. The key is read anew for each piece of work, so it can be replaced."""

    settings_model: ClassVar[type[CopperSettings]] = CopperSettings

    def __init__(
        self,
        name: str,
        settings: CopperSettings,
        surroundings: Surroundings,  # noqa: ARG002 - all connectors are made alike; this one needs no zone
        lent: Lent,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self.traffic = Traffic()
        self.capabilities = Capabilities(unit="contact", quiet_tags=settings.automations == "none")
        self._settings, self._lent, self._sleep = settings, lent, sleep

    def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Returns one outcome a change, in order; raises only when nothing was written."""
        if not changes:
            return []
        with self._people() as people:
            with self._refusals():
                there = people.definitions()
            wrong = list(self._faults(there))
            if wrong:
                setting, sentence = wrong[0]
                raise Misconfigured(f"{people.place}.{setting}", sentence)
            ids = {name: there[name][0] for name in self._settings.fields if name not in BUILT_IN}
            return Push(people, Terms(key=there[self._settings.key_field][0], ids=ids)).run(changes)

    def feedback(self, cursor: Json | None, at: datetime) -> Iterator[FeedbackPage]:  # noqa: ARG002  all are asked alike
        """Yields nothing: a CRM of people, not of mail, knows no opt-outs."""
        yield FeedbackPage(items=[], cursor=cursor or {}, complete=True)

    def preflight(self) -> Sequence[str]:
        """Checks the key and the custom fields; returns what to fix."""
        with self._people() as people, self._refusals():
            return [sentence for _, sentence in self._faults(people.definitions())]

    def probe(self, at: datetime) -> Iterator[Finding]:  # noqa: ARG002  all connectors are tried alike
        """Tries the key and the custom fields."""
        try:
            with self._people() as people, self._refusals():
                people.account()
                yield Finding("key", ok=True, hint="Copper takes it")
                wrong = list(self._faults(people.definitions()))
                yield from (Finding("custom fields", ok=False, hint=sentence) for _, sentence in wrong)
                if not wrong:
                    yield Finding("custom fields", ok=True, hint="they are as key_field: and fields: need them")
        except Misconfigured as error:
            yield failure("key", error)
        except Unavailable as error:
            yield failure("server", error)

    def _faults(self, there: dict[str, tuple[int, bool]]) -> Iterator[tuple[str, str]]:
        wanted = {self._settings.key_field: "key_field"}
        wanted |= {name: "fields" for name in self._settings.fields if name not in BUILT_IN}
        for name, setting in wanted.items():
            if name not in there:
                yield setting, f"people have no custom field {name!r}; add it under Settings, Customize Copper, as text"
            elif not there[name][1]:
                yield setting, f"the custom field {name!r} is no text; make another of type Text Field"

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except Declined as declined:
            raise Unavailable(f"{self.name}: Copper refused a call ({declined.verdict.code})") from None

    @contextmanager
    def _people(self) -> Iterator[People]:
        place = f"destinations.{self.name}"
        key = read_key(self._settings, place)

        def authorize(prepared: PreparedRequest) -> PreparedRequest:
            prepared.headers["X-PW-AccessToken"] = key
            prepared.headers["X-PW-Application"] = "developer_api"
            prepared.headers["X-PW-UserEmail"] = self._settings.user_email
            return prepared

        account = HttpAccount(
            setting=place,
            base_url=self._settings.base_url,
            authorize=authorize,
            slot=self._lent.budget.slot,
            traffic=self.traffic,
        )
        client = HttpClient(account, sleep=self._sleep)
        try:
            yield People(client, place)
        finally:
            client.close()
