"""A source that fails again and again is left alone for a while (F14)."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from connectors.base import Misconfigured, Unavailable
from connectors.fhir.server import FhirServer, FhirServerSettings
from connectors.http import Limits
from connectors.http.circuit import KEY, Breaker, Circuit
from connectors.http.retry import Patience
from tests.fakes.faults import FaultServer, answer
from tests.fakes.lent import DictMemo, lent


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def tick(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def memo() -> DictMemo:
    return DictMemo()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def circuit(memo: DictMemo, clock: Clock) -> Circuit:
    return Circuit(memo, clock)


def fail(circuit: Circuit, retry_after: float | None = None) -> None:
    with pytest.raises(Unavailable, match="broken"), circuit.call():
        raise Unavailable("broken", retry_after=retry_after)


def work(circuit: Circuit) -> None:
    with circuit.call():
        pass


def refused(circuit: Circuit) -> float:
    with pytest.raises(Unavailable, match="left alone until") as caught:
        work(circuit)
    assert caught.value.retry_after is not None
    return caught.value.retry_after


def opened(circuit: Circuit) -> Circuit:
    for _ in range(Breaker().failures):
        fail(circuit)
    return circuit


def test_f14_it_opens_after_so_many_failures_in_a_row(circuit: Circuit) -> None:
    fail(circuit)
    fail(circuit)
    work(circuit)
    fail(circuit)
    fail(circuit)
    work(circuit)
    opened(circuit)
    assert refused(circuit) == 60.0


def test_f14_one_call_tries_and_its_success_closes_it(circuit: Circuit, memo: DictMemo, clock: Clock) -> None:
    opened(circuit)
    clock.tick(59)
    assert refused(circuit) == 1.0
    clock.tick(1)
    with circuit.call():
        refused(circuit)
    work(circuit)
    assert memo.held == {}
    fail(circuit)
    work(circuit)


def test_f14_each_pause_is_twice_as_long_up_to_an_hour(circuit: Circuit, clock: Clock) -> None:
    opened(circuit)
    pauses = []
    for _ in range(9):
        pauses.append(refused(circuit))
        clock.tick(pauses[-1])
        fail(circuit)
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_f14_a_longer_retry_after_is_kept_to(circuit: Circuit) -> None:
    fail(circuit)
    fail(circuit)
    fail(circuit, retry_after=300)
    assert refused(circuit) == 300.0


def test_f14_it_survives_a_restart(circuit: Circuit, memo: DictMemo, clock: Clock) -> None:
    opened(circuit)
    assert refused(Circuit(memo, clock)) == 60.0
    clock.tick(60)
    fail(Circuit(memo, clock))
    assert refused(Circuit(memo, clock)) == 120.0


def test_f14_failures_are_counted_over_restarts(memo: DictMemo, clock: Clock) -> None:
    for _ in range(Breaker().failures):
        fail(Circuit(memo, clock))
    assert refused(Circuit(memo, clock)) == 60.0


def test_f14_a_clock_that_was_set_back_does_not_lengthen_the_pause_beyond_an_hour(
    circuit: Circuit, clock: Clock
) -> None:
    opened(circuit)
    clock.tick(-86_400)
    assert refused(circuit) == 3600.0


def test_f14_what_only_a_person_can_mend_is_no_failure_of_the_system(circuit: Circuit, clock: Clock) -> None:
    opened(circuit)
    clock.tick(60)
    with pytest.raises(Misconfigured), circuit.call():
        raise Misconfigured("sources.x", "wrong")
    work(circuit)


def test_f14_calls_that_fail_together_are_one_failure(circuit: Circuit) -> None:
    gate = threading.Barrier(5)

    def run() -> None:
        with pytest.raises(Unavailable), circuit.call():  # noqa: PT012  all must be under way before one fails
            gate.wait()
            raise Unavailable("broken")

    threads = [threading.Thread(target=run) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    work(circuit)


def test_f14_a_call_from_before_does_not_close_what_has_opened_since(circuit: Circuit) -> None:
    with circuit.call():
        opened(circuit)
    assert refused(circuit) == 60.0


def test_f14_nothing_is_written_while_all_is_well(circuit: Circuit, memo: DictMemo) -> None:
    memo.put = memo.drop = None  # type: ignore[assignment]  # any use would raise
    for _ in range(3):
        work(circuit)


def test_f14_an_open_circuit_sends_nothing_to_the_server(clock: Clock) -> None:
    with FaultServer([answer(503)]) as faults:
        settings = FhirServerSettings(kind="fhir-search", base_url=faults.url)
        limits = Limits(patience=Patience(attempts=2))
        borrowed = lent()
        server = FhirServer("x", settings, borrowed, sleep=lambda _: None, clock=clock, limits=limits)
        for _ in range(3):
            with pytest.raises(Unavailable, match="answered 503"):
                server.get("/Patient", "/Patient")
        assert len(faults.requests) == 6
        with pytest.raises(Unavailable, match="left alone") as caught:
            server.get("/Patient", "/Patient")
        assert caught.value.retry_after == 60.0
        assert len(faults.requests) == 6
        assert borrowed.memo.get(KEY) is not None
        server.close()
