"""What a backfill says of itself before anything is written."""

from __future__ import annotations

from connections.operations import IngestState
from pipeline_contract.event_range import EventRange
from pipeline_contract.manifest import OffsetRange
from spark_streaming.backfill_plan import BackfillPlan, BackfillRequest
from tests.unit.pipeline_contract.operation_builder import END, START, build_manifest


def test_windows_are_as_of_the_offsets_that_an_aggregate_has_counted() -> None:
    """The ingest reads the topic of rejected rows too; counted here, its offsets would outrank later windows of the stream."""
    rejected = OffsetRange(topic="orders.rejected", topic_id="other", partition=0, start=0, end=3)
    newest = build_manifest(1)
    newest = newest.model_copy(update={"ranges": (*newest.ranges, rejected)})
    state = IngestState((), (build_manifest(0), newest))
    request = BackfillRequest(EventRange(START, END), "raw", with_rejected=False)

    plan = BackfillPlan(request, "orders", state, newest.ranges, {"curated": (), "rejected": ()}, (), None)

    assert plan.as_of == 20
