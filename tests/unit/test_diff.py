"""What lies between the accepted document and the wished one."""

from mappings.document import Document
from sync.diff import Delta, delta

ADA = "ada@example.com"


def test_the_same_document_again_is_no_delta() -> None:
    document = Document(address=ADA, fields={"FNAME": "Ada"}, tags=frozenset({"KF27"}))
    assert not delta(document, document)


def test_a_new_subscriber_joins_with_all_fields_and_tags() -> None:
    wished = Document(address=ADA, fields={"FNAME": "Ada"}, tags=frozenset({"KF27"}))
    assert delta(None, wished) == Delta(added=frozenset({"KF27"}), fields={"FNAME": "Ada"}, joins=True)


def test_only_what_differs_is_named() -> None:
    before = Document(address=ADA, fields={"FNAME": "Ada", "CITY": "Bow"}, tags=frozenset({"KF27", "QX11"}))
    wished = Document(address=ADA, fields={"FNAME": "Eda", "CITY": "Bow"}, tags=frozenset({"QX11", "LM30"}))
    expected = Delta(added=frozenset({"LM30"}), removed=frozenset({"KF27"}), fields={"FNAME": "Eda"})
    assert delta(before, wished) == expected


def test_who_leaves_loses_the_tags_and_gets_no_fields() -> None:
    before = Document(address=ADA, tags=frozenset({"KF27"}))
    gone = Document(address=ADA, fields={"FNAME": "Ada"}, tags=frozenset({"KF27"}), standing="left")
    assert delta(before, gone) == Delta(removed=frozenset({"KF27"}), leaves=True)


def test_who_was_never_there_and_shall_not_be_needs_nothing() -> None:
    assert not delta(None, Document(address=ADA, standing="left"))


def test_an_opt_out_is_told_once_even_of_somebody_never_accepted() -> None:
    out = Document(address=ADA, standing="unsubscribed")
    assert delta(None, out).leaves
    assert not delta(out, out)


def test_another_address_is_a_renaming() -> None:
    assert delta(Document(address=ADA), Document(address="eda@example.com")) == Delta(renamed=True)
