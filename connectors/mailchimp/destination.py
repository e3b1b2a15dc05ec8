"""A Mailchimp audience as a destination."""

import hmac
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import ClassVar, Literal

from requests.auth import HTTPBasicAuth

from connectors.base import (
    Capabilities,
    Change,
    Feedback,
    FeedbackPage,
    Finding,
    Json,
    Lent,
    Misconfigured,
    Outcome,
    Unavailable,
    Unerasable,
    Unsent,
    Untold,
)
from connectors.http import Account, HttpClient, Unsettled
from connectors.mailchimp.audience import Audience, Declined, id_of
from connectors.mailchimp.feedback import read_changes
from connectors.mailchimp.members import Archived, Members
from connectors.mailchimp.merge_fields import merge_field, tags_of, to_mend, unfilled
from connectors.mailchimp.probe import findings
from connectors.mailchimp.push import Push
from connectors.mailchimp.settings import MailchimpSettings, read_key
from connectors.mailchimp.webhook import SIGNATURE, read_webhook, verify
from connectors.settings import Surroundings, read_secret
from connectors.traffic import Traffic


class Mailchimp:
    """Keeps members and tags of one audience. The key is read anew for each piece of work, so it can be replaced."""

    settings_model: ClassVar[type[MailchimpSettings]] = MailchimpSettings
    capabilities = Capabilities(
        unit="address", batch=500, quiet_tags=True, reads_opt_outs=True, erases=True, tells=True
    )

    def __init__(
        self,
        name: str,
        settings: MailchimpSettings,
        surroundings: Surroundings,  # noqa: ARG002 - all connectors are made alike; this one needs no zone
        lent: Lent,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self.traffic = Traffic()
        self._settings, self._lent, self._sleep = settings, lent, sleep

    def push(self, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Returns one outcome a change, in order; raises only when nothing was written."""
        if not changes:
            return []
        with self._audience() as audience:
            members = Members(audience, self._settings.on_leave, Archived(self._lent.memo))
            return Push(audience, members).run(changes)

    def erase(self, address: str, ref: str | None) -> Literal["erased", "absent"]:
        """Deletes a member for good and looks whether it is gone; it cannot be imported again."""
        ids = dict.fromkeys([ref, id_of(address)] if ref else [id_of(address)])
        with self._audience() as audience:
            try:
                found = [audience.erase(each) for each in ids if each is not None]
            except Declined as declined:
                raise Unerasable(declined.verdict.code) from None
            except Unsettled as error:
                raise Unavailable(str(error)) from None
        for each in ids:
            Archived(self._lent.memo).drop(str(each))
        return "erased" if any(found) else "absent"

    def feedback(self, cursor: Json | None, at: datetime) -> Iterator[FeedbackPage]:  # noqa: ARG002 - the server's clock counts, not ours
        """Yields what changed since the cursor; everything once without one."""
        with self._audience() as audience:
            try:
                yield from read_changes(audience, cursor)
            except Declined as declined:
                raise Unavailable(f"{self.name}: the list of members was refused ({declined.verdict.code})") from None

    def tell(self, address: str, ref: str | None, event: str) -> None:
        """Adds an event to a member."""
        if not 2 <= len(event) <= 30:
            raise Unsent
        with self._audience() as audience:
            try:
                audience.tell(ref or id_of(address), event)
            except Declined:
                raise Unsent from None
            except Unsettled:
                raise Untold from None

    def admits(self, secret: str) -> bool:
        """True for the configured secret of the webhook's URL."""
        webhook = self._settings.webhook
        if webhook is None:
            return False
        known = read_secret(webhook.secret, f"destinations.{self.name}.webhook.secret").strip()
        return hmac.compare_digest(known.encode(), secret.encode())

    def hear(self, body: bytes, headers: Mapping[str, str], at: datetime) -> Sequence[Feedback]:
        """Reads a webhook's call; a signature must fit where a signing secret is configured."""
        webhook = self._settings.webhook
        if webhook is not None and webhook.signing_secret is not None:
            place = f"destinations.{self.name}.webhook.signing_secret"
            verify(body, headers.get(SIGNATURE), read_secret(webhook.signing_secret, place).strip(), at)
        return read_webhook(body, self._settings.audience)

    def preflight(self) -> Sequence[str]:
        """Checks the key, the audience and its merge fields; returns what to fix."""
        with self._audience() as audience:
            try:
                audience.require()
                return to_mend(audience.merge_fields(), self._settings.fields)
            except Declined as declined:
                raise Unavailable(f"{self.name}: the audience was refused ({declined.verdict.code})") from None

    def probe(self, at: datetime) -> Iterator[Finding]:  # noqa: ARG002  all connectors are tried alike
        """Tries the key, the audience and its merge fields."""
        wanted = self._settings.fields
        return findings(self._audience, lambda found: [*to_mend(found, wanted), *unfilled(found, wanted)])

    def create_fields(self) -> Sequence[str]:
        """Makes the merge fields that the audience lacks; returns their tags."""
        with self._audience() as audience:
            try:
                audience.require()
                lacking = [tag for tag in self._settings.fields if tag not in tags_of(audience.merge_fields())]
                for tag in lacking:
                    audience.create_merge_field(merge_field(tag, self._settings.fields[tag]))
            except Declined as declined:
                raise Misconfigured(
                    f"destinations.{self.name}.fields",
                    f"Mailchimp will not make the merge field ({declined.verdict.code})",
                ) from None
            except Unsettled as error:
                raise Unavailable(str(error)) from None
        return lacking

    @contextmanager
    def _audience(self) -> Iterator[Audience]:
        place = f"destinations.{self.name}"
        key, base_url = read_key(self._settings, place)
        account = Account(
            setting=place,
            base_url=base_url,
            authorize=HTTPBasicAuth("prm-sync", key),
            slot=self._lent.budget.slot,
            traffic=self.traffic,
            bare_403_is_busy=True,
        )
        client = HttpClient(account, sleep=self._sleep)
        try:
            yield Audience(client, self._settings.audience, place)
        finally:
            client.close()
