"""The rows that backfills leave current, and what is said of a current set that does not hold them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from connections.lake_files import arrow_schema
from pipeline_contract.contract_file import parse_contract
from pipeline_contract.outputs import derive_outputs
from reconciliation.effective_rows import check_current_set, take_effect
from reconciliation.lake_party import LakeOutput
from reconciliation.ledger_party import QueryLedger
from reconciliation.row_keys import make_zone
from tests.unit.pipeline_contract.contract_builder import build_contract
from tests.unit.pipeline_contract.operation_builder import (
    build_backfill,
    build_compaction,
    build_file,
    build_manifest,
    build_operation_file,
)

CONTRACT, _ = parse_contract(build_contract())
OUTPUTS = {output.name: output for output in derive_outputs(CONTRACT)}
AT = datetime(2013, 1, 1)  # noqa: DTZ001 - times of rows have no zone
BACKFILL = build_backfill(
    1,
    ["lake/a"],
    [build_operation_file("operations/new"), build_operation_file("operations/bad", "rejected")],
    [build_operation_file("operations/rest")],
)


def build_output(name: str, rows: dict[str, list[int]]) -> LakeOutput:
    """An output whose objects hold rows of these offsets."""
    schema = arrow_schema(OUTPUTS[name].columns)
    schema = schema.append(pa.field("place", pa.string())).append(pa.field("place_row", pa.int64()))
    values: list[dict[str, Any]] = [
        {
            "_source_file": "f", "_source_line": offset, "_topic": "orders", "_topic_id": "id", "_partition": 0,
            "_offset": offset, "_event_time": AT, "_batch_id": place, "place": place, "place_row": number,
        }
        for place, offsets in rows.items()
        for number, offset in enumerate(offsets, start=1)
    ]  # fmt: skip
    table = pa.Table.from_pylist(values, schema=schema)
    return LakeOutput(OUTPUTS[name], (), table, make_zone(table))


LIVE = {
    "raw": build_output("raw", {}),
    "curated": build_output("curated", {"lake/a": [1, 2, 3], "lake/b": [4]}),
    "rejected": build_output("rejected", {}),
}


def build_replaced(**changes: dict[str, list[int]]) -> dict[str, LakeOutput]:
    """What the operations have published: 1 and 2 were judged again, and 2 is rejected now; 3 was carried over."""
    rows = {
        "raw": {},
        "curated": {"operations/new": [1], "operations/rest": [3]},
        "rejected": {"operations/bad": [2]},
    } | changes
    return {name: build_output(name, of) for name, of in rows.items()}


def places(output: LakeOutput) -> dict[int, str]:
    return dict(zip(output.rows["_offset"].to_pylist(), output.rows["place"].to_pylist(), strict=True))


def judge(replaced: dict[str, LakeOutput], *operations: Any) -> list[tuple[str, int | None]]:
    manifests = {"m": build_manifest(0, build_file("lake/a"), build_file("lake/b"))}
    ledger = QueryLedger("ingest", "", (), dict(manifests), {}, {str(o.number): o for o in operations}, ())
    effective = take_effect(LIVE, replaced, ledger.backfills)
    return [(finding.kind, finding.rows) for finding in check_current_set(LIVE, replaced, effective, ledger)]


def test_the_newest_version_of_a_row_counts_in_whichever_output_it_is() -> None:
    effective = take_effect(LIVE, build_replaced(), [BACKFILL])

    assert places(effective["curated"]) == {1: "operations/new", 3: "lake/a", 4: "lake/b"}
    assert places(effective["rejected"]) == {2: "operations/bad"}
    assert take_effect(LIVE, build_replaced(), [])["curated"].rows.equals(LIVE["curated"].rows)


MERGED = build_compaction(2, ["operations/new", "lake/b"], build_operation_file("operations/merged"))


@pytest.mark.parametrize(
    ("carried", "found"),
    [([3], []), ([], [("missing", 1)]), ([3, 3], [("duplicate", 1)]), ([3, 9], [("unexplained", 1)])],
    ids=["whole", "one lost", "one doubled", "one too many"],
)
def test_a_current_set_that_is_not_whole_is_named(carried: list[int], found: list[tuple[str, int]]) -> None:
    curated = {"operations/new": [1], "operations/rest": carried}
    kinds = [(kind, rows) for kind, rows in judge(build_replaced(curated=curated), BACKFILL) if kind != "altered"]
    assert kinds == found


def test_a_merged_file_that_holds_other_values_is_named() -> None:
    curated = {"operations/new": [1], "operations/rest": [3], "operations/merged": [1, 4]}
    # The merged rows say that another batch published them.
    assert ("altered", None) in judge(build_replaced(curated=curated), BACKFILL, MERGED)
