"""Whatever we push and whatever people do at the provider: nobody who left is ever brought back by us."""

import tempfile
from pathlib import Path

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from connectors.base import Accepted, Change
from connectors.mailchimp import Mailchimp, MailchimpSettings
from mappings.document import Document
from tests.fakes.lent import SURROUNDINGS, lent
from tests.fakes.mailchimp import FakeMailchimp, member_id

PEOPLE = ("ann@example.com", "bob@example.com", "cy@example.com")
TAGS = ("KF27", "AB12")
people = st.sampled_from(PEOPLE)


class Statuses(RuleBasedStateMachine):
    """Pushes from a memory of accepted documents, which may be lost as by a crash, against people's own acts."""

    def __init__(self) -> None:
        super().__init__()
        self.lent = lent()
        self.folder = tempfile.TemporaryDirectory()
        self.fake = FakeMailchimp().__enter__()
        self.held: dict[str, tuple[Document, str | None]] = {}
        self.left: dict[str, str] = {}  # who left by themselves, or by our opt-out, and how

    @initialize(on_leave=st.sampled_from(["untag", "archive"]))
    def set_up(self, on_leave: str) -> None:
        key = Path(self.folder.name) / "key"
        key.write_text(self.fake.api_key, encoding="utf-8")
        key.chmod(0o600)
        plain = {
            "kind": "mailchimp",
            "api_key": {"file": key},
            "audience": self.fake.audience_id,
            "recipient": "a fake",
        }
        model = MailchimpSettings.model_validate(plain | {"base_url": self.fake.url, "on_leave": on_leave})
        self.mailchimp = Mailchimp("newsletter", model, SURROUNDINGS, self.lent, sleep=lambda _: None)

    def teardown(self) -> None:
        self.fake.__exit__(None, None, None)
        self.folder.cleanup()

    @rule(
        address=people,
        standing=st.sampled_from(["subscribed", "subscribed", "left", "unsubscribed"]),
        tags=st.frozensets(st.sampled_from(TAGS)),
        name=st.sampled_from(["", "Ann", "Anna"]),
        loud=st.booleans(),
        crash=st.booleans(),
        fault=st.sampled_from(["", "", "cut_after_acting", "500_after_acting", "429"]),
    )
    def push(
        self, address: str, standing: str, tags: frozenset[str], name: str, *, loud: bool, crash: bool, fault: str
    ) -> None:
        wanted = tags if standing == "subscribed" else frozenset()
        fields = {"FNAME": name} if name else {}
        wished = Document(address=address, fields=fields, tags=wanted, standing=standing)  # type: ignore[arg-type]  # sampled
        accepted, ref = self.held.get(address, (None, None))
        if fault:
            self.fake.fail(fault)  # type: ignore[arg-type]  # sampled
        (outcome,) = self.mailchimp.push(
            [Change(key=address, wished=wished, accepted=accepted, ref=ref, loud=tags if loud else frozenset())]
        )
        self.fake.heal()
        if standing == "unsubscribed" and self.state(address) == "unsubscribed":
            self.left[address] = "unsubscribed"
        if isinstance(outcome, Accepted) and standing == "subscribed":
            assert self.state(address) == "subscribed"
            assert {tag.upper() for tag in self.fake.audience.get(address).tags} >= wanted
        if not crash:
            document = outcome.document if isinstance(outcome, Accepted) else getattr(outcome, "accepted", None)
            if document is not None:
                self.held[address] = (document, getattr(outcome, "ref", None))

    @rule(address=people, state=st.sampled_from(["unsubscribed", "cleaned", "archived", "pending"]))
    def leave(self, address: str, state: str) -> None:
        # One whom we archived, who came back by themselves and whom a human then archives looks like ours still.
        ours = f"archived:{member_id(address)}" in self.lent.memo.held  # type: ignore[attr-defined]  # a DictMemo
        if self.state(address) not in (None, "archived") and not (state == "archived" and ours):
            self.fake.audience.act(address, state)
            self.left[address] = state

    @rule(address=people)
    def sign_up(self, address: str) -> None:
        """The contact comes back by themselves, which only they may."""
        if self.state(address) is not None:
            self.fake.audience.act(address, "subscribed")
        else:
            self.fake.audience.put(address)
        self.left.pop(address, None)

    def state(self, address: str) -> str | None:
        member = self.fake.audience.members.get(member_id(address))
        return member.status if member else None

    @invariant()
    def who_left_stays_away(self) -> None:
        for address in self.left:
            assert self.state(address) != "subscribed"

    @invariant()
    def the_only_status_written_back_is_of_whom_we_archived(self) -> None:
        assert {state for _, state in self.fake.audience.raised} <= {"archived"}

    @invariant()
    def every_status_written_to_a_member_is_one_of_two(self) -> None:
        written = [c.json["status"] for c in self.fake.calls if c.method == "PATCH" and "status" in c.json]
        assert set(written) <= {"unsubscribed", "subscribed"}


TestStatuses = Statuses.TestCase
TestStatuses.settings = hypothesis_settings(max_examples=40, stateful_step_count=20, deadline=None)
