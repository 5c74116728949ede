"""The ledger on a real (emulated) S3: written once, fenced, rolled up; a lost reply and an S3 that is not there."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

import pytest
from botocore.exceptions import EndpointConnectionError

from connections.ledger import Ledger
from connections.s3 import open_s3
from connections.settings import S3Settings, Settings
from pipeline_contract.errors import PublishConflict, ServiceError
from pipeline_contract.manifest import Close, Lineage, Manifest, OffsetRange, Seal
from sandbox.processes import find_free_port

LINEAGE = "0001-abc"
T = TypeVar("T")


@pytest.fixture
def ledger(unique_bucket: str, session_settings: Settings) -> Ledger:
    return Ledger(open_s3(session_settings.s3), unique_bucket, "orders", "ingest")


def build_manifest(batch: int, attempt: str = "first", lineage: str = LINEAGE) -> Manifest:
    ranges = (OffsetRange(topic="orders", topic_id="id", partition=0, start=batch * 10, end=batch * 10 + 10),)
    return Manifest(
        pipeline="orders", query="ingest", lineage=lineage, batch=batch, epoch=1, attempt=attempt, contract_version=1,
        contract_hash="h", ranges=ranges, counts=(), files=(),
    )  # fmt: skip


def build_seal(batch: int, successor: str = "0002-def") -> Seal:
    return Seal(pipeline="orders", query="ingest", lineage=LINEAGE, batch=batch, successor=successor)


def build_lineage(number: int, name: str) -> Lineage:
    return Lineage(
        pipeline="orders", query="ingest", lineage=name, number=number, checkpoint="/c", contract_hash="h", starts=()
    )


def build_close(number: int, attempt: str) -> Close:
    return Close(
        pipeline="orders", query="ingest", number=number, lineage=LINEAGE, as_of=10, watermark=None, attempt=attempt,
        files=(),
    )  # fmt: skip


def race(tasks: list[Callable[[], T]]) -> list[T]:
    """Run all at the same moment, a thread each."""
    barrier = Barrier(len(tasks))

    def run(task: Callable[[], T]) -> T:
        barrier.wait(timeout=30)
        return task()

    with ThreadPoolExecutor(max_workers=len(tasks)) as pool:
        return list(pool.map(run, tasks))


def corrupt_object(ledger: Ledger, key: str) -> None:
    ledger.s3.put_object(Bucket=ledger.bucket, Key=key, Body=b'{"kind": "batch"')


def test_an_empty_ledger_has_no_position(ledger: Ledger) -> None:
    position = ledger.read_position()

    assert (position.lineage, position.manifest) == (None, None)
    assert list(ledger.read_manifests()) == []
    assert ledger.read_closes() == []
    assert ledger.roll_up(LINEAGE, every=1) is None


def test_an_entry_is_put_once_and_the_first_one_stands(ledger: Ledger) -> None:
    assert ledger.put_entry(build_manifest(0)) == build_manifest(0)
    assert ledger.put_entry(build_manifest(0, "second")) == build_manifest(0)
    assert ledger.put_entry(build_seal(0)) == build_manifest(0)
    assert ledger.read_entry(LINEAGE, 0) == build_manifest(0)
    assert ledger.read_entry(LINEAGE, 1) is None


def test_of_manifests_and_seals_in_a_race_one_stands_and_all_see_it(ledger: Ledger) -> None:
    entries: list[Manifest | Seal] = [build_manifest(3, f"attempt-{n}") for n in range(10)]
    entries += [build_seal(3, f"0002-{n}") for n in range(10)]

    standing = race([lambda e=entry: ledger.put_entry(e) for entry in entries])  # type: ignore[misc]

    assert standing[0] in entries
    assert standing == [standing[0]] * 20
    assert ledger.read_entry(LINEAGE, 3) == standing[0]


def test_a_reply_that_was_lost_leaves_the_own_entry_standing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    put_object = ledger.s3.put_object

    def lose_reply(**arguments: Any) -> Any:
        put_object(**arguments)
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1")

    monkeypatch.setattr(ledger.s3, "put_object", lose_reply)
    with pytest.raises(ServiceError, match="cannot write"):
        ledger.put_entry(build_manifest(0))
    monkeypatch.undo()

    standing = ledger.put_entry(build_manifest(0))
    other = ledger.put_entry(build_manifest(0, "second"))

    assert standing == other == build_manifest(0)


def test_a_reply_lost_while_taking_over_still_ends_as_the_owner(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_object = ledger.s3.put_object

    def lose_reply(**arguments: Any) -> Any:
        put_object(**arguments)
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1")

    monkeypatch.setattr(ledger.s3, "put_object", lose_reply)
    with pytest.raises(ServiceError):
        ledger.take_ownership("driver", LINEAGE)
    monkeypatch.undo()

    epoch = ledger.take_ownership("driver", LINEAGE)

    assert epoch == 2
    ledger.check_ownership(epoch)
    with pytest.raises(PublishConflict):
        ledger.check_ownership(1)


def test_ten_drivers_take_ten_epochs_and_one_owns(ledger: Ledger) -> None:
    epochs = race([lambda n=n: ledger.take_ownership(f"driver-{n}", LINEAGE) for n in range(10)])  # type: ignore[misc]

    assert sorted(epochs) == list(range(1, 11))
    ledger.check_ownership(10)
    for epoch in range(1, 10):
        with pytest.raises(PublishConflict, match=rf"epoch {epoch}\).*driver-{epochs.index(10)} \(epoch 10\)"):
            ledger.check_ownership(epoch)


def test_ownership_of_nobody_is_refused(ledger: Ledger) -> None:
    with pytest.raises(PublishConflict, match="the owner object is gone"):
        ledger.check_ownership(1)


def test_lineages_are_one_chain(ledger: Ledger) -> None:
    first, second = build_lineage(1, "0001-abc"), build_lineage(2, "0002-def")

    taken = [ledger.register_lineage(lineage) for lineage in (first, second, build_lineage(2, "0002-xyz"))]
    ledger.put_entry(build_manifest(0))
    ledger.put_entry(build_seal(1))
    ledger.put_entry(build_manifest(0, lineage="0002-def"))

    assert taken == [True, True, False]
    assert ledger.read_lineages() == [first, second]
    assert ledger.read_position().lineage == second
    assert ledger.read_position().manifest == build_manifest(0, lineage="0002-def")
    assert ledger.read_last_manifest(LINEAGE) == build_manifest(0)
    assert [(m.lineage, m.batch) for m in ledger.read_manifests()] == [("0001-abc", 0), ("0002-def", 0)]


def test_a_rolled_up_ledger_reads_the_same_with_fewer_requests(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.register_lineage(build_lineage(1, LINEAGE))
    rolled = []
    for batch in range(8):
        ledger.put_entry(build_manifest(batch))
        rolled.append(ledger.roll_up(LINEAGE, every=3))
    read: list[str] = []
    get_object = ledger.s3.get_object

    def get_and_note(**arguments: Any) -> Any:
        read.append(arguments["Key"])
        return get_object(**arguments)

    monkeypatch.setattr(ledger.s3, "get_object", get_and_note)

    folder = f"{ledger.prefix}{LINEAGE}/"
    assert [key for key in rolled if key] == [
        f"{folder}rolled-up/0000000000-0000000002.jsonl.gz",
        f"{folder}rolled-up/0000000003-0000000005.jsonl.gz",
    ]
    assert [key is not None for key in rolled] == [n in (2, 5) for n in range(8)]
    assert list(ledger.read_manifests()) == [build_manifest(batch) for batch in range(8)]
    singles = [key for key in read if key.startswith(folder) and key.endswith(".json")]
    assert singles == [f"{folder}{batch:010d}.json" for batch in (6, 7)]
    assert ledger.read_last_manifest(LINEAGE) == build_manifest(7)
    # A batch that is rolled up stays taken.
    assert ledger.put_entry(build_manifest(0, "second")) == build_manifest(0)


def test_the_last_manifest_is_found_in_a_roll_up(ledger: Ledger) -> None:
    for batch in range(3):
        ledger.put_entry(build_manifest(batch))
    ledger.roll_up(LINEAGE, every=3)

    assert ledger.read_last_manifest(LINEAGE) == build_manifest(2)
    ledger.put_entry(build_seal(3))
    assert ledger.read_last_manifest(LINEAGE) == build_manifest(2)


def test_closes_are_numbered_once(ledger: Ledger) -> None:
    put = race([lambda n=n: ledger.put_close(build_close(1, f"attempt-{n}")) for n in range(5)])  # type: ignore[misc]

    assert sorted(put) == [False, False, False, False, True]
    assert [close.attempt for close in ledger.read_closes()] == [f"attempt-{put.index(True)}"]


def test_an_entry_that_cannot_be_read_is_named(ledger: Ledger) -> None:
    ledger.register_lineage(build_lineage(1, LINEAGE))
    key = f"{ledger.prefix}{LINEAGE}/0000000000.json"
    corrupt_object(ledger, key)

    for read in (
        lambda: ledger.read_entry(LINEAGE, 0),
        lambda: ledger.read_last_manifest(LINEAGE),
        lambda: list(ledger.read_manifests()),
        lambda: ledger.roll_up(LINEAGE, every=1),
    ):
        with pytest.raises(PublishConflict, match=key):
            read()


def test_other_objects_that_cannot_be_read_are_named(ledger: Ledger) -> None:
    names = ("lineages/000001.json", "owner.json", "ops/000001.json")
    for name in names:
        corrupt_object(ledger, f"{ledger.prefix}{name}")
    reads: tuple[Callable[[], object], ...] = (
        ledger.read_lineages,
        lambda: ledger.check_ownership(1),
        ledger.read_closes,
    )
    for name, read in zip(names, reads, strict=True):
        with pytest.raises(PublishConflict, match=f"{ledger.prefix}{name}"):
            read()


def test_an_unreachable_s3_is_a_service_error_with_the_key() -> None:
    settings = S3Settings(endpoint_url=f"http://127.0.0.1:{find_free_port()}", timeout_s=0.2)
    ledger = Ledger(open_s3(settings), "lake", "orders", "ingest")

    for name, call in (
        ("lineages/", ledger.read_lineages),
        ("owner.json", lambda: ledger.take_ownership("driver", LINEAGE)),
        (f"{LINEAGE}/0000000000.json", lambda: ledger.put_entry(build_manifest(0))),
    ):
        with pytest.raises(ServiceError, match=f"s3://lake/_ledger/orders/ingest/{name}"):
            call()


def test_a_missing_bucket_is_a_service_error(s3_endpoint: str, session_settings: Settings) -> None:
    ledger = Ledger(open_s3(session_settings.s3), "no-such-bucket", "orders", "ingest")

    with pytest.raises(ServiceError, match="no-such-bucket"):
        ledger.read_position()
    with pytest.raises(ServiceError, match="no-such-bucket"):
        ledger.put_entry(build_manifest(0))
