"""A HubSpot account as a destination."""

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
)
from connectors.http import Account as HttpAccount
from connectors.http import HttpClient
from connectors.hubspot.contacts import Contacts
from connectors.hubspot.feedback import read_changes
from connectors.hubspot.lists import Lists
from connectors.hubspot.portal import MAX_BATCH, Declined, Portal
from connectors.hubspot.preferences import Preferences
from connectors.hubspot.probe import findings
from connectors.hubspot.properties import faults, read_properties
from connectors.hubspot.push import Account, Push
from connectors.hubspot.settings import HubspotSettings, read_token
from connectors.labels import Labels
from connectors.pace import Pace
from connectors.settings import Surroundings
from connectors.traffic import Traffic

_RATE = "x-hubspot-ratelimit-"


class Hubspot:
    """Keeps contacts and their lists in step. The token is read anew for each piece of work, so it can be replaced."""

    settings_model: ClassVar[type[HubspotSettings]] = HubspotSettings

    def __init__(
        self,
        name: str,
        settings: HubspotSettings,
        surroundings: Surroundings,  # noqa: ARG002 - all connectors are made alike; this one needs no zone
        lent: Lent,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self.traffic = Traffic()
        self.capabilities = Capabilities(
            unit="address", batch=MAX_BATCH, quiet_tags=settings.automations == "none", reads_opt_outs=True
        )
        self._settings, self._lent, self._sleep = settings, lent, sleep
        self._pace = Pace(_RATE, sleep)

    def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Returns one outcome a change, in order; raises only when nothing was written."""
        if not changes:
            return []
        with self._portal() as portal:
            self._require(portal)
            return Push(self._account(portal)).run(changes)

    def feedback(self, cursor: Json | None, at: datetime) -> Iterator[FeedbackPage]:
        """Yields who opted out or bounced since the cursor; everybody who did once without one."""
        with self._portal() as portal, self._refusals():
            yield from read_changes(portal, self._settings.subscription, cursor, at)

    def preflight(self) -> Sequence[str]:
        """Checks the token and the properties; returns what to fix."""
        with self._portal() as portal, self._refusals():
            return [sentence for _, sentence in self._faults(portal)]

    def probe(self, at: datetime) -> Iterator[Finding]:  # noqa: ARG002  all connectors are tried alike
        """Tries the token, the properties, opt-outs and lists."""
        return findings(self._portal, self._faults)

    def _require(self, portal: Portal) -> None:
        """Raises Misconfigured for a property that is gone, or may not hold what is mapped to it, before any write."""
        with self._refusals():
            wrong = self._faults(portal)
        if wrong:
            setting, sentence = wrong[0]
            raise Misconfigured(f"{portal.place}.{setting}", sentence)

    def _faults(self, portal: Portal) -> Sequence[tuple[str, str]]:
        fields, key = self._settings.fields, self._settings.key_property
        return list(faults(read_properties(portal, frozenset({key, *fields})), key, fields))

    def _account(self, portal: Portal) -> Account:
        lists = Lists(portal)
        return Account(
            portal=portal,
            contacts=Contacts(portal, self._settings.key_property, list(self._settings.fields)),
            lists=lists,
            labels=Labels(self._lent.memo, lists, f"{portal.place}.segments", "list"),
            preferences=Preferences(portal, self._settings.subscription),
            key_property=self._settings.key_property,
        )

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except Declined as declined:
            raise Unavailable(f"{self.name}: HubSpot refused a call ({declined.verdict.code})") from None

    @contextmanager
    def _portal(self) -> Iterator[Portal]:
        place = f"destinations.{self.name}"
        token = read_token(self._settings, place)

        def authorize(prepared: PreparedRequest) -> PreparedRequest:
            prepared.headers["Authorization"] = f"Bearer {token}"
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
            yield Portal(client, place, self._pace)
        finally:
            client.close()
