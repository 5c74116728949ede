"""Operations on a real (emulated) S3: numbered without a gap, each put once, a lost race seen."""

from __future__ import annotations

import pytest

from connections.ledger import Ledger
from connections.operations import operation_key, put_operation, read_operations, read_state
from connections.s3 import open_s3
from connections.settings import Settings
from pipeline_contract.errors import PublishConflict
from pipeline_contract.manifest import Backfill, Compaction, Lineage
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


def test_the_state_is_the_manifests_after_the_operations(ledger: Ledger) -> None:
    ledger.register_lineage(
        Lineage(
            pipeline="orders", query="ingest", lineage=LINEAGE, number=1, checkpoint="/c", contract_hash="h", starts=()
        )
    )
    for batch in range(3):
        ledger.put_entry(build_manifest(batch, build_file(f"file-{batch}")))
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
