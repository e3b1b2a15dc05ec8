"""The source in memory: what is delivered to it is offered, read and mapped like any other."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from connectors.base import RawRow, Refusal, Source, Window
from connectors.memory import Delivery, MemorySource, MemorySourceSettings
from mappings.records import Mapped, PatientRow, Rejected, VisitRow
from tests.fakes.lent import SURROUNDINGS, lent

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ANN = PatientRow(external_id="7", given_name="Ann")


class Landed:
    """What has landed, by sha256."""

    def __init__(self, *hashes: str) -> None:
        self._hashes = set(hashes)

    def landed(self, feed: str, sha256: str) -> bool:
        return feed == "patients" and sha256 in self._hashes

    def newest(self, feed: str) -> datetime | None:
        del feed
        return None


def source(*deliveries: Delivery) -> MemorySource:
    made = MemorySource("memory", MemorySourceSettings(kind="memory"), SURROUNDINGS, lent())
    for delivery in deliveries:
        made.deliver(delivery)
    return made


def patients(*records: PatientRow, at: datetime = AT) -> Delivery:
    return Delivery(feed="patients", name="p", records=records, snapshot="full", data_as_of=at, rows_a_page=2)


def test_a_delivery_is_read_back_page_by_page() -> None:
    people = [replace(ANN, external_id=str(n)) for n in range(5)]
    memory: Source = source(patients(*people))
    (only,) = memory.passes(Landed(), AT)
    pages = list(only.pages())
    assert [len(page.rows) for page in pages] == [2, 2, 1]
    assert [memory.map(row) for page in pages for row in page.rows] == [Mapped(record=each) for each in people]
    assert (memory.feeds, only.kinds, only.proof and only.proof.rows) == (["patients"], {"patients"}, 5)


def test_passes_come_in_the_order_of_their_data_and_only_once() -> None:
    later, earlier = patients(ANN), patients(replace(ANN, given_name="Anna"), at=AT - timedelta(days=1))
    memory = source(later, earlier)
    assert list(memory.passes(Landed(), AT)) == [earlier, later]
    assert earlier.proof is not None
    assert list(memory.passes(Landed(earlier.proof.sha256), AT)) == [later]


def test_a_refused_delivery_has_no_proof() -> None:
    refusal = Refusal("p", "cut_last_line", "export the file again")
    bad = Delivery(feed="patients", name="p", records=[], snapshot="full", data_as_of=AT, refusal=refusal)
    assert (bad.proof, bad.refusal) == (None, refusal)


def test_a_row_that_was_never_delivered_is_rejected() -> None:
    assert isinstance(source().map(RawRow("patients", "7", ("x",), 1)), Rejected)


def test_a_window_spans_its_visits() -> None:
    visits = [
        VisitRow(external_id=str(day), patient_id="7", starts_at=AT, day=date(2026, 3, day), status="booked")
        for day in (9, 2, 5)
    ]
    delivery = Delivery(feed="appointments", name="a", records=visits, snapshot="window", data_as_of=AT)
    assert delivery.window() == Window(first=date(2026, 3, 2), last=date(2026, 3, 9))
