"""The windows of the aggregates over a range that a backfill has replaced, computed from the new current set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.event_range import EventRange, file_range, find_file_ranges, join_ranges
from pipeline_contract.manifest import AggregateState, OperationFile
from pipeline_contract.model import Aggregate
from pipeline_contract.outputs import aggregate_query, derive_aggregate
from spark_streaming.aggregates import add_aggregate_passport
from spark_streaming.backfill_plan import BackfillPlan
from spark_streaming.ingest import ingest_outputs
from spark_streaming.operation_files import inspect_operation
from spark_streaming.pipeline_job import PipelineJob
from spark_streaming.retaken_rows import time_literal
from spark_streaming.row_files import read_output, write_output
from spark_streaming.windows import aggregate_rows

_BOUNDS = ["window_start", "window_end"]


def write_windows(
    job: PipelineJob, plan: BackfillPlan, superseded: Mapping[str, Sequence[str]],
    added: Iterable[OperationFile], prefix: str, batch_id: str,
) -> tuple[OperationFile, ...]:  # fmt: skip
    """Write the windows that the range touches and that the stream has published already, as new versions.

    A window that the aggregate's query still holds open is left to it: it counts every row of it.
    """
    added = [file for file in added if file.output == "curated"]
    current = plan.state.current("curated").keys() - set(superseded.get("curated", ()))
    ranges = {
        key: of for key, of in find_file_ranges(plan.state.manifests, plan.state.operations).items() if key in current
    }
    ranges |= {file.final_key: file_range(file) for file in added}
    # A row may have got another event time by today's contract.
    touched = join_ranges(
        [plan.request.event_range, *(file_range(file) for file in added if "/carried/" not in file.final_key)]
    )
    assert touched is not None  # noqa: S101 - the request's range is one
    outputs = []
    for state in plan.aggregates:
        aggregate = next(a for a in job.contract.aggregates if a.name == state.name)
        assert aggregate.grid is not None  # noqa: S101 - the plan leaves sessions out
        windows = _compute_windows(job, aggregate, state, touched.widen_to_windows(*aggregate.grid), ranges)
        output = derive_aggregate(job.contract, aggregate)
        named = add_aggregate_passport(windows, job.contract, plan.as_of, F.lit(batch_id))
        write_output(named, output, f"s3a://{job.settings.s3.bucket}/{prefix}{output.name}", 1)
        outputs.append(output)
    return inspect_operation(job.s3, job.settings.s3.bucket, prefix, outputs)


def _compute_windows(
    job: PipelineJob, aggregate: Aggregate, state: AggregateState, span: EventRange,
    ranges: Mapping[str, EventRange | None],
) -> DataFrame:  # fmt: skip
    bucket = job.settings.s3.bucket
    files = [f"s3a://{bucket}/{key}" for key, of in sorted(ranges.items()) if span.overlaps(of)]
    start, end = time_literal(span.start.isoformat()), time_literal(span.end.isoformat())
    rows = read_output(job.spark, ingest_outputs(job.contract)[1], files)
    rows = rows.where((F.col("_event_time") >= start) & (F.col("_event_time") < end))
    windows = aggregate_rows(rows, job.contract, aggregate)
    whole = windows.where((F.col("window_start") >= start) & (F.col("window_end") <= end))
    closed = F.lit(False)
    if state.watermark is not None:
        closed = F.col("window_end") <= time_literal(state.watermark.isoformat())
    by_stream = whole.where(closed)
    by_close = whole.where(~closed).join(_read_closed(job, aggregate), _BOUNDS, "left_semi").select(*whole.columns)
    return by_stream.union(by_close)


def _read_closed(job: PipelineJob, aggregate: Aggregate) -> DataFrame:
    """The bounds of every window that a closing operation has published."""
    ledger, output = job.ledger(aggregate_query(aggregate)), derive_aggregate(job.contract, aggregate)
    files = [f"s3a://{ledger.bucket}/{file.final_key}" for close in ledger.read_closes() for file in close.files]
    return read_output(job.spark, output, files).select(*_BOUNDS).distinct()
