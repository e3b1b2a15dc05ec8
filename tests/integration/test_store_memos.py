"""The small map that is lent to connectors."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine

from sync.store.engine import connect, reading, writing
from sync.store.memos import StoredMemo, drop_memo, read_memo, write_memo


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = connect(database_url)
    yield engine
    engine.dispose()


def test_a_memo_keeps_replaces_and_forgets_and_outlives_its_process(engine: Engine, database_url: str) -> None:
    memo = StoredMemo(engine, "newsletter")
    assert memo.get("fields") is None
    memo.drop("fields")
    memo.put("fields", {"FNAME": 1})
    memo.put("fields", {"LNAME": [1, None, "é"]})
    other = connect(database_url)
    assert StoredMemo(other, "newsletter").get("fields") == {"LNAME": [1, None, "é"]}
    other.dispose()
    memo.drop("fields")
    assert memo.get("fields") is None


def test_each_connector_sees_its_own_keys_only_and_none_of_ours(engine: Engine) -> None:
    newsletter, crm = StoredMemo(engine, "newsletter"), StoredMemo(engine, "crm")
    newsletter.put("cursor", {"n": 1})
    with writing(engine) as connection:
        write_memo(connection, "newsletter", "cursor", {"n": 2})
        write_memo(connection, "feedback", "cursor", {"n": 3})
    assert crm.get("cursor") is None
    crm.put("cursor", {"n": 4})
    crm.drop("cursor")
    assert newsletter.get("cursor") == {"n": 1}
    with writing(engine) as connection:
        drop_memo(connection, "feedback", "cursor")
        assert read_memo(connection, "feedback", "cursor") is None
        assert read_memo(connection, "newsletter", "cursor") == {"n": 2}


def test_threads_may_share_a_memo(engine: Engine) -> None:
    memo = StoredMemo(engine, "newsletter")

    def use(n: int) -> None:
        memo.put(f"key {n}", {"n": n})
        memo.put("last", {"n": n})

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(use, range(24)))
        found = list(threads.map(lambda n: memo.get(f"key {n}"), range(24)))
    assert found == [{"n": n} for n in range(24)]
    assert memo.get("last") in found


def test_a_memo_can_be_read_while_a_writer_works(engine: Engine) -> None:
    memo = StoredMemo(engine, "newsletter")
    memo.put("fields", {"n": 1})
    with writing(engine) as connection:
        write_memo(connection, "connector:newsletter", "fields", {"n": 2})
        assert memo.get("fields") == {"n": 1}
    with reading(engine) as connection:
        assert read_memo(connection, "connector:newsletter", "fields") == {"n": 2}
