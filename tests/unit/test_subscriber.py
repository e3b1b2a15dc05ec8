"""Who makes the document of an address, what it holds, and what is withheld of whom and why."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.consent import PURPOSES, Decision, verdict
from mappings.document import Document
from mappings.party import Party, SegmentTag, choose_primary
from mappings.policy import BARE_NAMES, CODE, Audience, assert_document, covers
from mappings.subscriber import Before, Built, build
from mappings.withheld import WITHHELD

HOME, WORK = "home@example.com", "work@example.com"
DAY, LATER = date(2026, 1, 5), date(2026, 2, 5)
NOON, EVENING = datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 3, 2, 18, tzinfo=UTC)

CODES = {
    ("segment", "win-back"): "KF27",
    ("segment", "news"): "RT05",
    ("segment", "recall"): "BD90",
    ("status", "at_risk"): "XA11",
    ("status", "dropped_out"): "XA12",
}
PLAIN = {key: key[1] if key[0] == "segment" else f"status:{key[1]}" for key in CODES}
SEGMENTS: dict[str, SegmentTag] = {
    "win-back": SegmentTag("treatment", None),
    "news": SegmentTag("marketing", None),
    "recall": SegmentTag("operations", None),
}

BARE = Audience(
    destination="newsletter",
    unit="address",
    agreement="none",
    segments=frozenset(SEGMENTS),
    statuses=frozenset({"at_risk", "dropped_out"}),
    fields={"FNAME": "given_name", "HI": "greeting"},
    tags=CODES,
    greeting="neighbor",
)
SIGNED = replace(BARE, agreement="signed", tags=PLAIN)
INSIDE = replace(SIGNED, agreement="inside", unit="contact", everyone=True)


def decided(answer: Any, *purposes: Any, on: date | None = DAY, **changes: Any) -> list[Decision]:
    stated = {"basis": False, "evidence": None, "first_seen_on": DAY, "asserted": True, "as_lead": False}
    return [
        Decision(
            **{"channel": "email", "decision": answer, "decided_on": on, "address": None, **stated, **changes},
            purpose=purpose,
        )
        for purpose in purposes or PURPOSES
    ]


def yes(*purposes: Any, **changes: Any) -> list[Decision]:
    return decided("yes", *purposes, **changes)


def no(*purposes: Any, **changes: Any) -> list[Decision]:
    return decided("no", *purposes, **changes)


def party(contact: str = "ann", /, *segments: str, **changes: Any) -> Party:
    stated = {
        "status": "active",
        "site": "lincoln",
        "order": (contact,),
        "address": HOME,
        "segments": {name: SEGMENTS[name] for name in segments},
        "values": {"given_name": contact.title(), "family_name": "Miller", "status": "active"},
    }
    return Party(contact=contact, **{**stated, **changes})


def made(audience: Audience, *parties: Party, around: Sequence[Party] = (), **before: Any) -> Built:
    return build(audience, parties, [*parties, *around], Before(**before))


def tags_of(built: Built) -> frozenset[str] | None:
    return built.document.tags if built.document is not None else None


def reasons(built: Built, contact: str = "ann") -> Mapping[str, str]:
    return built.withheld.get(contact, {})


# Who may be sent -------------------------------------------------------------------------------------------------


def test_with_an_agreement_a_patient_gets_the_tags_of_care_without_a_consent() -> None:
    built = made(SIGNED, party("ann", "win-back", "recall", "news", status="at_risk"))
    assert tags_of(built) == {"win-back", "recall", "status:at_risk"}
    assert reasons(built) == {"news": "no_consent"}


def test_without_an_agreement_a_patient_without_consent_is_not_in_the_audience() -> None:
    built = made(BARE, party("ann", "win-back", "news", status="at_risk"))
    assert built.document is None
    assert reasons(built) == dict.fromkeys(("win-back", "news", "status:at_risk"), "no_consent")


def test_without_an_agreement_each_tag_needs_a_dated_consent_that_names_its_purpose() -> None:
    built = made(BARE, party("ann", "win-back", "recall", "news", status="at_risk", decisions=yes("marketing")))
    assert tags_of(built) == {"RT05"}
    assert reasons(built) == dict.fromkeys(("win-back", "recall", "status:at_risk"), "purpose_not_covered")


def test_the_purpose_of_a_status_is_the_destinations() -> None:
    marketing = replace(BARE, purpose="marketing")
    at_risk = party("ann", status="at_risk", decisions=yes("marketing"))
    assert tags_of(made(marketing, at_risk)) == {"XA11"}
    assert made(BARE, at_risk).document is None


def test_an_undated_consent_counts_for_no_patient_without_an_agreement() -> None:
    built = made(BARE, party("ann", "news", decisions=yes(on=None)))
    assert built.document is None
    assert reasons(built) == {"news": "no_consent"}


def test_a_consent_to_text_messages_is_none_to_email() -> None:
    assert reasons(made(BARE, party("ann", "news", decisions=yes(channel="sms")))) == {"news": "no_consent"}


@pytest.mark.parametrize("audience", [BARE, SIGNED, INSIDE])
def test_a_withdrawn_purpose_only_loses_its_tags(audience: Audience) -> None:
    mixed = [*yes(), *no("marketing", on=LATER)]
    built = made(audience, party("ann", "news", "recall", decisions=mixed))
    assert tags_of(built) == {audience.tags[("segment", "recall")]}
    assert reasons(built) == {"news": "consent_withdrawn"}


@pytest.mark.parametrize("audience", [BARE, SIGNED])
def test_a_prospect_passes_by_opt_in_or_stated_basis_and_not_without(audience: Audience) -> None:
    for decisions, passes in ((yes("marketing"), True), (yes("marketing", on=None, basis=True), True), ([], False)):
        built = made(audience, party("ann", "news", status="lead", prospect=True, decisions=decisions))
        assert (built.document is not None) == passes


def test_a_stated_basis_of_other_purposes_is_named_as_such_for_a_prospect() -> None:
    based = yes("marketing", on=None, basis=True)
    built = made(BARE, party("ann", "recall", status="lead", prospect=True, decisions=based))
    assert reasons(built) == {"recall": "purpose_not_covered"}


def test_a_dated_consent_given_as_a_lead_still_counts_for_the_patient_and_a_stated_basis_does_not() -> None:
    as_lead = party("ann", "news", decisions=yes("marketing", as_lead=True))
    assert tags_of(made(BARE, as_lead)) == {"RT05"}
    accepted = Document(address=HOME, tags=frozenset({"RT05"}))
    for weak in (yes("marketing", as_lead=True, on=None), yes("marketing", as_lead=True, on=None, basis=True)):
        built = made(BARE, replace(as_lead, decisions=weak), accepted=accepted)
        assert built.document == Document(address=HOME, standing="left")


@pytest.mark.parametrize("audience", [BARE, SIGNED, replace(INSIDE, unit="address")])
def test_the_inactive_are_never_in_a_document(audience: Audience) -> None:
    built = made(audience, party("ann", "news", status="inactive", decisions=yes()))
    assert built.document is None
    assert reasons(built) == {"*": "inactive"}


def test_a_segment_that_the_destination_does_not_list_is_neither_sent_nor_withheld() -> None:
    built = made(replace(BARE, segments=frozenset({"news"})), party("ann", "recall", decisions=yes()))
    assert (built.document, built.withheld) == (None, {})


def test_a_destination_of_some_sites_takes_no_one_else() -> None:
    lincoln = replace(SIGNED, sites=frozenset({"lincoln"}))
    ann, bob = party("ann", "recall"), party("bob", "win-back", site="boulder")
    built = made(lincoln, ann, bob, party("cat", "win-back", site=None))
    assert tags_of(built) == {"recall"}
    assert built.withheld == {"bob": {"*": "other_site"}, "cat": {"*": "other_site"}}
    assert made(replace(lincoln, everyone=True), party("bob", site="boulder")).withheld == {"bob": {"*": "other_site"}}


# The audience ----------------------------------------------------------------------------------------------------


def test_an_audience_of_segments_holds_only_those_who_bring_a_tag() -> None:
    assert made(SIGNED, party("ann", decisions=yes())).document is None
    assert tags_of(made(SIGNED, party("ann", status="at_risk"))) == {"status:at_risk"}


def test_an_audience_of_everyone_holds_whom_its_purpose_covers_without_a_tag() -> None:
    everyone = replace(BARE, everyone=True)
    assert tags_of(made(everyone, party("ann", decisions=yes("operations")))) == frozenset()
    uncovered = made(everyone, party("ann"))
    assert (uncovered.document, reasons(uncovered)) == (None, {"*": "no_consent"})
    assert tags_of(made(everyone, party("ann", "news", decisions=yes("marketing")))) == {"RT05"}


def test_within_the_practice_all_but_the_inactive_are_held_and_only_segment_lists_are_gated() -> None:
    refused = {
        "opted out": {"decisions": no()},
        "without an address": {"address": None},
        "a minor": {"minor": True},
        "unsubscribed": {"causes": frozenset({"unsubscribed"})},
    }
    for changes in refused.values():
        built = made(INSIDE, party("ann", "recall", **changes))
        assert built.document is not None
        assert (built.document.standing, built.document.tags) == ("subscribed", frozenset())
        assert list(reasons(built)) == ["recall"]
    assert made(INSIDE, party("ann", "recall", status="inactive")).document is None


def test_where_the_contact_is_the_unit_the_document_has_no_address_of_its_own() -> None:
    built = made(replace(SIGNED, unit="contact"), party("ann", "recall"))
    assert built.document is not None
    assert built.document.address == ""


# Leaving ---------------------------------------------------------------------------------------------------------


def test_who_leaves_an_audience_is_removed_and_not_unsubscribed() -> None:
    accepted = Document(address=HOME, fields={"FNAME": "Ann"}, tags=frozenset({"recall"}))
    built = made(SIGNED, party("ann"), accepted=accepted)
    assert built.document == Document(address=HOME, standing="left")
    assert built.shaped_by == [("ann", "", ())]
    assert not built.protected


def test_the_own_opt_out_unsubscribes_an_existing_subscriber_and_no_other() -> None:
    out = party("ann", "recall", decisions=no())
    subscribed = Document(address=HOME, tags=frozenset({"recall"}))
    built = made(SIGNED, out, accepted=subscribed)
    assert built.document == Document(address=HOME, standing="unsubscribed")
    assert built.protected
    assert made(SIGNED, out).document is None


def test_the_own_opt_out_reaches_who_has_left_unless_we_archived_them() -> None:
    left = Document(address=HOME, standing="left")
    out = party("ann", decisions=no())
    assert made(SIGNED, out, accepted=left).document == Document(address=HOME, standing="unsubscribed")
    assert made(replace(SIGNED, archives=True), out, accepted=left).document == left


def test_an_undated_or_partial_withdrawal_is_no_opt_out() -> None:
    subscribed = Document(address=HOME, tags=frozenset({"recall"}))
    for decisions in (no(on=None), no("operations", "treatment")):
        built = made(SIGNED, party("ann", "recall", decisions=decisions), accepted=subscribed)
        assert built.document == Document(address=HOME, standing="left")


def test_who_was_unsubscribed_by_us_stays_so_whatever_is_decided_later() -> None:
    unsubscribed = Document(address=HOME, standing="unsubscribed")
    built = made(BARE, party("ann", "news", decisions=[*no(), *yes(on=LATER)]), accepted=unsubscribed)
    assert built.document == unsubscribed


def test_only_what_goes_because_of_consent_is_beyond_the_brakes() -> None:
    accepted = Document(address=HOME, tags=frozenset({"recall", "news"}))
    withdrawn = party("ann", "recall", "news", decisions=no("marketing"))
    assert made(SIGNED, withdrawn, accepted=accepted).protected
    by_rule = party("ann", "news", decisions=yes("marketing"))
    assert not made(SIGNED, by_rule, accepted=accepted).protected


def test_a_removal_by_rule_is_braked_though_another_segment_lacks_its_consent() -> None:
    accepted = Document(address=HOME, tags=frozenset({"recall", "win-back"}))
    built = made(SIGNED, party("ann", "recall", "news"), accepted=accepted)
    assert reasons(built) == {"news": "no_consent"}
    assert not built.protected


def test_an_addition_is_never_beyond_the_brakes() -> None:
    assert not made(SIGNED, party("ann", "recall", "news")).protected


def test_a_suppressed_member_of_everyone_goes_beyond_the_brakes() -> None:
    accepted = Document(address=HOME)
    gone = made(replace(SIGNED, everyone=True), party("ann"), accepted=accepted, closed=frozenset({"complained"}))
    assert gone.document == Document(address=HOME, standing="left")
    assert gone.protected


# Households ------------------------------------------------------------------------------------------------------


def test_those_who_pass_give_the_union_of_their_tags_and_one_primary_the_fields() -> None:
    built = made(SIGNED, party("bob", "win-back"), party("ann", "recall"))
    assert built.document is not None
    assert built.document.tags == {"win-back", "recall"}
    assert built.document.fields == {"FNAME": "Ann", "HI": "neighbor"}
    assert [row[0] for row in built.shaped_by] == ["ann", "bob"]


def test_one_who_passes_is_greeted_by_name_though_others_share_the_address() -> None:
    bob = party("bob", "recall", values={"given_name": "Robert", "preferred_name": "Bob"})
    built = made(SIGNED, party("ann"), bob)
    assert built.document is not None
    assert built.document.fields == {"FNAME": "Robert", "HI": "Bob"}
    assert built.primary == "ann"


def test_who_has_no_name_is_greeted_like_several_and_its_fields_are_empty() -> None:
    built = made(SIGNED, party("ann", "recall", values={}))
    assert built.document is not None
    assert built.document.fields == {"FNAME": "", "HI": "neighbor"}


def test_ones_refusal_of_a_purpose_closes_it_for_all_at_the_address() -> None:
    ann = party("ann", "recall", "news", decisions=yes())
    bob = party("bob", "recall", decisions=[*yes("operations"), *no("marketing")])
    built = made(BARE, ann, bob)
    assert tags_of(built) == {"BD90"}
    assert built.withheld == {"ann": {"news": "household_refusal"}}


def test_an_undated_refusal_closes_the_purpose_too() -> None:
    built = made(SIGNED, party("ann", "recall"), party("bob", decisions=no("operations", on=None)))
    assert reasons(built) == {"recall": "household_refusal"}


def test_the_absence_of_a_record_closes_nothing_for_the_others() -> None:
    built = made(BARE, party("ann", "recall", decisions=yes()), party("bob", "recall"))
    assert tags_of(built) == {"BD90"}
    assert built.withheld == {"bob": {"recall": "no_consent"}}
    assert [row[0] for row in built.shaped_by] == ["ann"]


def test_a_refusal_of_someone_inactive_closes_nothing() -> None:
    built = made(SIGNED, party("ann", "recall"), party("bob", status="inactive", decisions=no()))
    assert tags_of(built) == {"recall"}


def test_ones_opt_out_unsubscribes_the_address_for_all() -> None:
    accepted = Document(address=HOME, tags=frozenset({"recall"}))
    built = made(SIGNED, party("ann", "recall"), party("bob", decisions=no()), accepted=accepted)
    assert built.document == Document(address=HOME, standing="unsubscribed")
    assert reasons(built) == {"recall": "household_refusal"}


def test_a_neighbours_refusal_closes_the_purpose_where_the_contact_is_the_unit() -> None:
    built = made(INSIDE, party("ann", "recall"), around=[party("bob", decisions=no("operations"))])
    assert reasons(built) == {"recall": "household_refusal"}


# Suppressions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cause", ["unsubscribed", "complained", "bounced", "archived_by_human", "bad_address"])
def test_a_cause_at_the_address_closes_it_for_all(cause: str) -> None:
    built = made(SIGNED, party("ann", "recall"), party("bob", "recall"), closed=frozenset({cause}))
    assert built.document is None
    assert built.withheld == {"ann": {"recall": cause}, "bob": {"recall": cause}}
    assert cause in WITHHELD


def test_a_cause_of_the_person_withholds_that_person_only() -> None:
    moved = party("ann", "recall", causes=frozenset({"unsubscribed"}))
    built = made(SIGNED, moved, party("bob", "win-back"))
    assert tags_of(built) == {"win-back"}
    assert reasons(built) == {"recall": "unsubscribed"}


def test_who_has_no_usable_address_is_withheld_where_the_contact_is_the_unit() -> None:
    built = made(replace(SIGNED, unit="contact"), party("ann", "recall", address=None))
    assert (built.document, reasons(built)) == (None, {"recall": "no_address"})


# Minors ----------------------------------------------------------------------------------------------------------


def test_a_minor_alone_at_an_address_is_withheld() -> None:
    built = made(SIGNED, party("kim", "recall", minor=True), party("lee", minor=True))
    assert built.document is None
    assert reasons(built, "kim") == {"recall": "minor_without_guardian"}


def test_a_minor_passes_at_an_address_that_an_adult_shares_or_that_was_given_as_a_guardians() -> None:
    kim = party("kim", "recall", minor=True)
    assert tags_of(made(SIGNED, kim, party("ann"))) == {"recall"}
    assert tags_of(made(SIGNED, kim, party("ann", grown_up=True))) == {"recall"}
    assert tags_of(made(SIGNED, replace(kim, guardian_address=True))) == {"recall"}


def test_an_inactive_adult_or_one_at_another_address_is_no_guardian() -> None:
    kim = party("kim", "recall", minor=True)
    assert made(SIGNED, kim, party("ann", status="inactive")).document is None
    assert made(SIGNED, kim, around=[party("ann", address=WORK)]).document is None


def test_on_the_18th_birthday_the_segments_leave_a_guardians_address() -> None:
    kim = party("kim", "recall", grown_up=True)
    for built in (made(SIGNED, kim, party("ann", "win-back")), made(SIGNED, replace(kim, guardian_address=True))):
        assert "recall" not in (tags_of(built) or ())
        assert reasons(built, "kim") == {"recall": "no_address"}


def test_who_has_grown_up_passes_at_an_address_of_their_own() -> None:
    kim = party("kim", "recall", grown_up=True)
    assert tags_of(made(SIGNED, kim)) == {"recall"}
    assert tags_of(made(SIGNED, kim, party("lee", "win-back", grown_up=True))) == {"recall", "win-back"}


# The primary -----------------------------------------------------------------------------------------------------


def test_the_primary_is_an_adult_before_a_minor_then_the_row_first_seen() -> None:
    kim, ann, bob = party("kim", minor=True, order=(1,)), party("ann", order=(3,)), party("bob", order=(2,))
    assert {choose_primary(None, order) for order in permutations([kim, ann, bob])} == {"bob"}
    assert choose_primary(None, [kim]) == "kim"
    assert choose_primary(None, []) is None
    assert choose_primary(None, [replace(bob, status="inactive")]) is None


def test_the_primary_stays_until_it_leaves_or_becomes_inactive() -> None:
    ann, bob = party("ann", order=(1,)), party("bob", order=(2,))
    assert choose_primary("bob", [ann, bob]) == "bob"
    assert choose_primary("bob", [ann]) == "ann"
    assert choose_primary("bob", [ann, replace(bob, status="inactive")]) == "ann"


def test_a_minor_gives_way_as_primary_when_an_adult_arrives() -> None:
    kim, lee, ann = party("kim", minor=True), party("lee", minor=True), party("ann", order=("z",))
    assert choose_primary("lee", [kim, lee]) == "lee"
    assert choose_primary("lee", [kim, lee, ann]) == "ann"
    assert choose_primary("lee", [kim, lee, replace(ann, status="inactive")]) == "lee"


def test_the_primary_speaks_only_if_it_passes() -> None:
    ann, bob = party("ann", "news"), party("bob", "recall")
    built = made(SIGNED, ann, bob, primary="ann")
    assert built.document is not None
    assert (built.primary, built.document.fields["FNAME"]) == ("ann", "Bob")
    covered = made(SIGNED, ann, replace(bob, decisions=yes()), replace(ann, contact="cat"), primary="bob")
    assert covered.document is not None
    assert covered.document.fields["FNAME"] == "Bob"


# Loudness and the ledger -----------------------------------------------------------------------------------------


def test_a_tag_is_loud_since_its_latest_loud_entry() -> None:
    loud = {"recall": SegmentTag("operations", NOON)}
    later = {"recall": SegmentTag("operations", EVENING)}
    built = made(SIGNED, party("ann", segments=loud), party("bob", segments=later), party("cat", "recall", "win-back"))
    assert built.loud == {"recall": EVENING}


def test_a_withheld_entry_is_not_loud() -> None:
    built = made(BARE, party("ann", segments={"news": SegmentTag("marketing", NOON)}))
    assert built.loud == {}


def test_a_segment_that_has_no_code_yet_neither_leaves_nor_is_loud() -> None:
    audience = replace(BARE, tags={})
    built = made(audience, party("ann", segments={"news": SegmentTag("marketing", NOON)}, decisions=yes()))
    assert (tags_of(built), built.loud) == (frozenset(), {})


def test_the_ledger_is_told_what_covers_each_purpose() -> None:
    ann = party("ann", "recall", "news", decisions=yes("marketing", evidence="intake form"))
    basis = "marketing: consent of 2026-01-05 (intake form); operations: signed"
    assert made(SIGNED, ann).shaped_by == [("ann", basis, ("marketing", "operations"))]
    lead = party("bob", "news", prospect=True, decisions=yes("marketing", on=None, basis=True))
    assert made(BARE, lead).shaped_by == [("bob", "marketing: stated basis", ("marketing",))]


def test_the_ledger_is_told_the_destinations_purpose_for_a_member_without_a_tag() -> None:
    member = party("ann", decisions=yes("operations"))
    built = made(replace(BARE, everyone=True), member)
    assert built.shaped_by == [("ann", "operations: consent of 2026-01-05", ("operations",))]


# Whatever the parties --------------------------------------------------------------------------------------------

DECISIONS = st.lists(
    st.builds(
        lambda answer, purpose, on, basis: decided(answer, purpose, on=on, basis=basis)[0],
        st.sampled_from(["yes", "yes", "no"]),
        st.sampled_from(PURPOSES),
        st.sampled_from([None, DAY, LATER]),
        st.booleans(),
    ),
    max_size=5,
)
CAUSES = st.sampled_from([frozenset(), frozenset(), frozenset({"unsubscribed"})])
SECRET = "Secret"


@st.composite
def households(draw: st.DrawFn) -> list[Party]:
    """Up to four contacts of one address, each with values that must not leave."""
    found = []
    for contact in draw(st.lists(st.sampled_from("abcd"), max_size=4, unique=True)):
        minor = draw(st.booleans())
        found.append(
            party(
                contact,
                *draw(st.sets(st.sampled_from(sorted(SEGMENTS)))),
                status=draw(st.sampled_from(["active", "at_risk", "dropped_out", "lead", "inactive"])),
                site=draw(st.sampled_from(["lincoln", "boulder", None])),
                minor=minor,
                grown_up=not minor and draw(st.booleans()),
                guardian_address=draw(st.booleans()),
                prospect=draw(st.booleans()),
                causes=draw(CAUSES),
                decisions=draw(DECISIONS),
                values={"given_name": contact, "status": SECRET, "diagnosis": SECRET, "family_name": SECRET},
            )
        )
    return found


AUDIENCES = st.builds(
    lambda base, everyone, sites, purpose, archives: replace(
        base, everyone=everyone, sites=sites, purpose=purpose, archives=archives
    ),
    st.sampled_from([BARE, SIGNED, INSIDE]),
    st.booleans(),
    st.sampled_from([None, frozenset({"lincoln"})]),
    st.sampled_from(PURPOSES),
    st.booleans(),
)
BEFORE = st.builds(
    Before,
    accepted=st.none()
    | st.builds(Document, address=st.just(HOME), standing=st.sampled_from(["subscribed", "left", "unsubscribed"])),
    primary=st.sampled_from([None, *"abcd"]),
    closed=CAUSES,
)


@given(households(), AUDIENCES, BEFORE)
def test_whatever_is_made_passes_the_assertion_before_a_send(
    parties: list[Party], audience: Audience, before: Before
) -> None:
    built = build(audience, parties, parties, before)
    if built.document is not None:
        assert_document(built.document, audience)
    assert {reason for found in built.withheld.values() for reason in found.values()} <= set(WITHHELD)


@given(households(), AUDIENCES, BEFORE)
def test_without_an_agreement_nothing_but_bare_fields_and_codes_is_ever_in_a_document(
    parties: list[Party], audience: Audience, before: Before
) -> None:
    document = build(replace(audience, agreement="none", tags=CODES), parties, parties, before).document
    if document is not None:
        assert {audience.fields[name] for name in document.fields} <= BARE_NAMES
        assert SECRET not in document.fields.values()
        assert all(CODE.fullmatch(tag) for tag in document.tags)


@given(households(), AUDIENCES, BEFORE)
def test_nobody_suppressed_refusing_inactive_or_without_consent_shapes_what_a_subscriber_holds(
    parties: list[Party], audience: Audience, before: Before
) -> None:
    outside = replace(audience, agreement="none", tags=CODES)
    built = build(outside, parties, parties, before)
    if built.document is None or built.document.standing != "subscribed":
        return
    assert not before.closed
    active = [p for p in parties if p.status != "inactive"]
    shapers = [p for p in active if p.contact in {row[0] for row in built.shaped_by}]
    assert len(shapers) == len(built.shaped_by) > 0
    assert not any(p.causes for p in shapers)
    for shaper, (_, _, purposes) in zip(sorted(shapers, key=lambda p: p.contact), built.shaped_by, strict=True):
        for purpose in purposes:
            assert covers(outside, verdict(shaper.decisions, purpose), purpose, prospect=shaper.prospect)
            assert not any(verdict(p.decisions, purpose).state == "no" for p in active)


@given(households(), AUDIENCES, BEFORE, st.randoms(use_true_random=False))
def test_the_order_of_the_parties_does_not_matter(
    parties: list[Party], audience: Audience, before: Before, random: Any
) -> None:
    shuffled = random.sample(parties, len(parties))
    assert build(audience, shuffled, shuffled, before) == build(audience, parties, parties, before)


@given(households(), AUDIENCES, BEFORE)
def test_making_a_document_anew_after_it_was_accepted_gives_the_same_document(
    parties: list[Party], audience: Audience, before: Before
) -> None:
    first = build(audience, parties, parties, before)
    again = build(audience, parties, parties, before._replace(accepted=first.document, primary=first.primary))
    assert (again.document, again.primary) == (first.document, first.primary)


# ---------------------------------------------------------------- where nothing can be added quietly

LOUD_ONLY = replace(SIGNED, quiet=False, loud_after=NOON)


@pytest.mark.parametrize(
    ("since", "after", "goes"),
    [(EVENING, NOON, True), (NOON, NOON, True), (NOON, EVENING, False), (None, NOON, False), (EVENING, None, False)],
)
def test_only_loud_entries_go_where_a_tag_cannot_be_added_quietly(
    since: datetime | None, after: datetime | None, goes: bool
) -> None:
    ann = party("ann", segments={"win-back": SegmentTag("treatment", since), "recall": SegmentTag("operations", None)})
    built = build(replace(LOUD_ONLY, loud_after=after), [ann], [ann], Before())
    assert (built.document.tags if built.document else None) == (frozenset({"win-back"}) if goes else None)
    waits = {"recall": "waiting_baseline"} | ({} if goes else {"win-back": "waiting_baseline"})
    assert built.withheld == {"ann": waits}


def test_what_is_there_stays_and_leaves_as_ever_where_nothing_can_be_added_quietly() -> None:
    accepted = Document(address=HOME, tags=frozenset({"recall", "news"}))
    ann = party("ann", "recall", status="at_risk")
    built = build(LOUD_ONLY, [ann], [ann], Before(accepted))
    assert built.document is not None
    assert built.document.tags == {"recall"}
    assert built.withheld == {"ann": {"status:at_risk": "waiting_baseline"}}
