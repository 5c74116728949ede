"""Operations on a real (emulated) S3: numbered without a gap, each put once, a lost race seen."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connections.ledger import Ledger
from connections.operations import operation_key, put_operation, read_operations, read_published_state, read_state
from connections.s3 import open_s3
from connections.settings import Settings
from pipeline_contract.errors import PublishConflict
from pipeline_contract.layout import operation_prefix, operations_prefix
from pipeline_contract.manifest import Backfill, Compaction, Lineage
from spark_streaming.leftovers import sweep_leftovers
from tests.integration.connections.test_ledger import race
from tests.unit.pipeline_contract.operation_builder import (
    LINEAGE,
    build_backfill,
    build_compaction,
    build_file,
    build_manifest,
    build_operation_file,
)


@pytest.fixture
def ledger(unique_bucket: str, session_settings: Settings) -> Ledger:
    return Ledger(open_s3(session_settings.s3), unique_bucket, "orders", "ingest")


def test_both_kinds_come_back_as_they_were_put(ledger: Ledger) -> None:
    operations: list[Compaction | Backfill] = [
        build_compaction(1, ["a"], build_operation_file("b")),
        build_backfill(2, ["b"], [build_operation_file("c")], [build_operation_file("d")]),
    ]

    assert [put_operation(ledger, operation) for operation in operations] == [True, True]
    assert read_operations(ledger) == operations


def test_of_operations_in_a_race_for_one_number_one_stands_and_says_so(ledger: Ledger) -> None:
    rivals = [build_compaction(1, ["a"], build_operation_file(f"b{n}"), attempt=f"attempt-{n}") for n in range(8)]

    won = race([lambda rival=rival: put_operation(ledger, rival) for rival in rivals])  # type: ignore[misc]

    assert won.count(True) == 1
    assert read_operations(ledger) == [rivals[won.index(True)]]
    assert put_operation(ledger, rivals[won.index(True)]), "its own attempt stands: only the reply was lost"


def publish_batches(ledger: Ledger, count: int) -> None:
    ledger.register_lineage(
        Lineage(
            pipeline="orders", query="ingest", lineage=LINEAGE, number=1, checkpoint="/c", contract_hash="h", starts=()
        )
    )
    for batch in range(count):
        ledger.put_entry(build_manifest(batch, build_file(f"file-{batch}")))


def test_a_batch_between_its_copies_is_left_out_of_the_published_state(ledger: Ledger) -> None:
    publish_batches(ledger, 2)
    assert list(read_published_state(ledger).current("curated")) == ["file-0"]

    ledger.s3.put_object(Bucket=ledger.bucket, Key="file-1", Body=b"rows")
    assert list(read_published_state(ledger).current("curated")) == ["file-0", "file-1"]


def test_the_state_is_the_manifests_after_the_operations(ledger: Ledger) -> None:
    publish_batches(ledger, 3)
    put_operation(ledger, build_compaction(1, ["file-0", "file-1"], build_operation_file("merged")))

    state = read_state(ledger)

    assert (list(state.current("curated")), state.next_number) == (["file-2", "merged"], 2)


def test_a_missing_or_damaged_operation_is_named(ledger: Ledger) -> None:
    for number, superseded in enumerate(["a", "b"], start=1):
        put_operation(ledger, build_compaction(number, [superseded], build_operation_file(f"{superseded}2")))
    ledger.s3.put_object(Bucket=ledger.bucket, Key=operation_key(ledger, 2), Body=b'{"kind": "compact"}')
    with pytest.raises(PublishConflict, match=r"ops/000002\.json: no operation"):
        read_operations(ledger)

    ledger.s3.delete_object(Bucket=ledger.bucket, Key=operation_key(ledger, 1))
    with pytest.raises(PublishConflict, match=r"ops/000001\.json is missing"):
        read_operations(ledger)


def test_what_attempts_left_behind_is_swept_when_it_is_old_and_in_no_operation(ledger: Ledger) -> None:
    named = build_operation_file(f"{operation_prefix('orders', 'first')}curated/part-0")
    left = f"{operation_prefix('orders', 'crashed')}curated/part-0"
    for key in (named.final_key, left):
        ledger.s3.put_object(Bucket=ledger.bucket, Key=key, Body=b"rows")
    put_operation(ledger, build_compaction(1, ["a"], named))

    assert sweep_leftovers(ledger.s3, ledger) == 0, "an attempt of today may still be at work"
    assert sweep_leftovers(ledger.s3, ledger, timedelta(0)) == 1
    there = ledger.s3.list_objects_v2(Bucket=ledger.bucket, Prefix=operations_prefix("orders"))
    assert [item["Key"] for item in there["Contents"]] == [named.final_key]
