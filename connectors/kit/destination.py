"""A Kit account as a destination."""

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
from connectors.kit.account import MAX_BULK, Account, Declined
from connectors.kit.bulk import BulkPush
from connectors.kit.feedback import read_changes
from connectors.kit.probe import findings
from connectors.kit.push import Push
from connectors.kit.settings import FIRST_NAME, KitSettings, read_credentials
from connectors.kit.tags import Tags, unknown_fields
from connectors.labels import Labels
from connectors.settings import Surroundings
from connectors.traffic import Traffic


class Kit:
    """Keeps subscribers and their tags in step. The key is read anew for each piece of work, so it can be replaced."""

    settings_model: ClassVar[type[KitSettings]] = KitSettings

    def __init__(
        self,
        name: str,
        settings: KitSettings,
        surroundings: Surroundings,  # noqa: ARG002 - all connectors are made alike; this one needs no zone
        lent: Lent,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self.traffic = Traffic()
        self.capabilities = Capabilities(
            unit="address", batch=MAX_BULK, quiet_tags=settings.automations == "none", reads_opt_outs=True
        )
        self._settings, self._lent, self._sleep = settings, lent, sleep

    def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Returns one outcome a change, in order; raises only when nothing was written."""
        if not changes:
            return []
        with self._account() as account:
            with self._refusals():
                wrong = self._faults(account)
            if wrong:
                raise Misconfigured(f"{account.place}.fields", wrong[0])
            labels = Labels(self._lent.memo, Tags(account), f"{account.place}.segments", "tag")
            push = Push if self._settings.oauth_token is None else BulkPush
            return push(account, labels).run(changes)

    def feedback(self, cursor: Json | None, at: datetime) -> Iterator[FeedbackPage]:
        """Yields who cancelled, bounced or complained since the cursor; everybody who did once without one."""
        with self._account() as account, self._refusals():
            yield from read_changes(account, cursor, at)

    def preflight(self) -> Sequence[str]:
        """Checks the key and the custom fields; returns what to fix."""
        with self._account() as account, self._refusals():
            return self._faults(account)

    def probe(self, at: datetime) -> Iterator[Finding]:  # noqa: ARG002  all connectors are tried alike
        """Tries the key, the custom fields and the tags."""
        return findings(self._account, self._faults)

    def _faults(self, account: Account) -> list[str]:
        unknown = unknown_fields(account, frozenset(self._settings.fields.keys() - {FIRST_NAME}))
        return [
            f"the account has no custom field with the key {key}; add it in Kit, or leave it out of fields:"
            for key in unknown
        ]

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except Declined as declined:
            raise Unavailable(f"{self.name}: Kit refused a call ({declined.verdict.code})") from None

    @contextmanager
    def _account(self) -> Iterator[Account]:
        place = f"destinations.{self.name}"
        header, value = read_credentials(self._settings, place)

        def authorize(prepared: PreparedRequest) -> PreparedRequest:
            prepared.headers[header] = value
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
            yield Account(client, place, "api_key" if self._settings.oauth_token is None else "oauth_token")
        finally:
            client.close()
