"""The windows of the aggregates over a range that a backfill has replaced, computed from the new current set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.event_range import EventRange, file_range, find_file_ranges, join_ranges
from pipeline_contract.manifest import AggregateState, LakeFile, Manifest, OperationFile
from pipeline_contract.model import Aggregate
from pipeline_contract.outputs import WINDOW_COLUMNS, Output, aggregate_query, derive_aggregate
from spark_streaming.aggregates import WindowVersion, add_aggregate_passport
from spark_streaming.backfill_plan import BackfillPlan
from spark_streaming.event_times import is_within, time_literal
from spark_streaming.ingest import ingest_outputs
from spark_streaming.operation_files import inspect_operation
from spark_streaming.pipeline_job import PipelineJob
from spark_streaming.row_files import read_output, write_output
from spark_streaming.window_versions import (
    drop_meeting,
    drop_met,
    keep_met,
    list_version_files,
    select_meeting,
    select_newest,
    select_withdrawn,
    select_within,
)
from spark_streaming.windows import aggregate_rows

# Around a range that sessions may reach out of; more rounds would cost more than more rows.
_LEAST_MARGIN = timedelta(days=1)


def write_windows(
    job: PipelineJob, plan: BackfillPlan, superseded: Mapping[str, Sequence[str]],
    added: Iterable[OperationFile], prefix: str, batch_id: str,
) -> tuple[OperationFile, ...]:  # fmt: skip
    """Write the windows that the range touches and that the stream has published already, as new versions.

    A window that is there no more is published as withdrawn. One that the aggregate's query still holds open is left to
    it: it counts every row of it.
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
        windows = ReplacedWindows(job, plan, aggregate, state, ranges)
        windows.write(touched, f"s3a://{job.settings.s3.bucket}/{prefix}", batch_id)
        outputs.append(windows.output)
    return inspect_operation(job.s3, job.settings.s3.bucket, prefix, outputs)


@dataclass(frozen=True)
class ReplacedWindows:
    """The windows of one aggregate; `ranges` has the new current set's curated files with their event times."""

    job: PipelineJob
    plan: BackfillPlan
    aggregate: Aggregate
    state: AggregateState
    ranges: Mapping[str, EventRange | None]
    _kept: list[DataFrame] = field(default_factory=list, init=False)

    @property
    def output(self) -> Output:
        """The aggregate's output."""
        return derive_aggregate(self.job.contract, self.aggregate)

    def write(self, touched: EventRange, location: str, batch_id: str) -> None:
        """Write the windows that a range touches below `location`: the newer versions, and those that are withdrawn."""
        try:
            rows = self._replace(touched, batch_id)
            write_output(rows, self.output, f"{location}{self.output.name}", 1)
        finally:
            for frame in self._kept:
                frame.unpersist()

    def _replace(self, touched: EventRange, batch_id: str) -> DataFrame:
        computed, standing = self._list_sessions(touched) if self.aggregate.grid is None else self._list_grid(touched)
        closed, held = self._part(computed)
        gone = select_withdrawn(standing, computed, self.job.contract, self.aggregate)
        if self.aggregate.grid is None:
            # Part of a session that goes on: the stream publishes the whole of it.
            gone = drop_met(gone, held, self.aggregate)
        stands = WindowVersion(self.state.lineage, self.plan.as_of, batch_id)
        withdrawn = WindowVersion(self.state.lineage, self.plan.as_of, batch_id, withdrawn=True)
        return add_aggregate_passport(closed, self.job.contract, stands).union(
            add_aggregate_passport(gone, self.job.contract, withdrawn)
        )

    def _list_grid(self, touched: EventRange) -> tuple[DataFrame, DataFrame]:
        """The windows of a range, as they are computed now, and the keys of those that stand as published."""
        assert self.aggregate.grid is not None  # noqa: S101 - sessions are listed otherwise
        span = touched.widen_to_windows(*self.aggregate.grid)
        return self._keep(select_within(span, self._compute(span))), select_within(span, self._read_newest(span))

    def _list_sessions(self, touched: EventRange) -> tuple[DataFrame, DataFrame]:
        """The sessions of a range, and what is left of those that stand as published there; and the keys of the latter.

        Where a session begins and ends only its rows tell: they are read ever further around the range, until no session
        of it can go on beyond what is read.
        """
        assert self.aggregate.gap is not None  # noqa: S101 - the contract's checks demand one of window and gap
        margin = max(self.aggregate.gap, _LEAST_MARGIN)
        while True:
            near, margin = touched.widen(margin), 4 * margin
            sessions = self._keep(self._compute(near))
            standing = self._keep(select_meeting(touched, self._read_newest(near)))
            parts = keep_met(drop_meeting(touched, sessions), standing, self.aggregate)
            computed = select_meeting(touched, sessions).union(parts)
            found = computed.select(*WINDOW_COLUMNS).union(standing.select(*WINDOW_COLUMNS))
            start, end = found.agg(F.min("window_start"), F.max("window_end")).collect()[0]
            if start is None or near.surrounds(EventRange(start, end), self.aggregate.gap):
                return computed, standing

    def _keep(self, frame: DataFrame) -> DataFrame:
        """The frame, computed once for all its uses, until the windows are written."""
        self._kept.append(frame.persist())
        return frame

    def _compute(self, span: EventRange) -> DataFrame:
        """The windows of the current rows of a span."""
        keys = [key for key, of in sorted(self.ranges.items()) if span.overlaps(of)]
        rows = self._read(ingest_outputs(self.job.contract)[1], keys)
        return aggregate_rows(rows.where(is_within(F.col("_event_time"), span)), self.job.contract, self.aggregate)

    def _part(self, windows: DataFrame) -> tuple[DataFrame, DataFrame]:
        """Those that have been published as closed, by the stream or by a closing operation; and those held open."""
        ended = F.lit(False)
        if self.state.watermark is not None:
            ended = F.col("window_end") <= time_literal(self.state.watermark.isoformat())
        closes = self._read(self.output, [file.final_key for file in self._close_files])
        if self.aggregate.grid is None:
            until = closes.agg(F.max("window_end")).collect()[0][0]
            if until is not None:
                ended |= F.col("window_end") <= time_literal(until.isoformat())
            return windows.where(ended), windows.where(~ended)
        bounds, columns = closes.select(*WINDOW_COLUMNS).distinct(), windows.columns
        open_ones = windows.where(~ended)
        by_close = open_ones.join(bounds, list(WINDOW_COLUMNS), "left_semi").select(*columns)
        held = open_ones.join(bounds, list(WINDOW_COLUMNS), "left_anti").select(*columns)
        return windows.where(ended).union(by_close), held

    def _read_newest(self, span: EventRange) -> DataFrame:
        """The key of each window that stands as published, of those that can reach into a span and of others."""
        of_stream = list_version_files(self._manifests, self.output.name, span)
        of_backfills = (f for op in self.plan.state.operations for f in op.files if f.output == self.output.name)
        files = [*of_stream, *self._close_files, *of_backfills]
        return select_newest(self._read(self.output, [file.final_key for file in files]), self.aggregate)

    @cached_property
    def _manifests(self) -> list[Manifest]:
        return list(self.job.ledger(aggregate_query(self.aggregate)).read_manifests())

    @cached_property
    def _close_files(self) -> list[LakeFile]:
        closes = self.job.ledger(aggregate_query(self.aggregate)).read_closes()
        return [file for close in closes for file in close.files]

    def _read(self, output: Output, keys: Sequence[str]) -> DataFrame:
        return read_output(self.job.spark, output, [f"s3a://{self.job.settings.s3.bucket}/{key}" for key in keys])
