"""Closing: the windows that an aggregate's watermark still holds open, computed from the curated files and published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from time import monotonic
from uuid import uuid4

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812

from connections.ledger import Ledger
from connections.operations import read_state
from pipeline_contract.errors import PublishConflict
from pipeline_contract.layout import staging_prefix
from pipeline_contract.manifest import BatchPosition, Close, LakeFile, Manifest, OperationFile
from pipeline_contract.model import Aggregate
from pipeline_contract.outputs import INGEST, aggregate_query, derive_aggregate, derive_late
from spark_streaming.aggregates import WindowVersion, add_aggregate_passport
from spark_streaming.ingest import ingest_outputs
from spark_streaming.offsets import range_ends, sum_offsets
from spark_streaming.pipeline_job import PipelineJob
from spark_streaming.publisher import copy_files, name_files
from spark_streaming.report import BatchReport
from spark_streaming.row_files import read_output, write_output
from spark_streaming.staging import inspect_staged
from spark_streaming.steps import announce
from spark_streaming.windows import aggregate_rows


def close_windows(job: PipelineJob) -> None:
    """Publish the open windows of every aggregate as a numbered operation; asked again, with nothing new, it does nothing.

    The windows count what the aggregate's query has read so far. Should the stream go on and later close one of them
    itself, that newer version has a greater `_as_of`, and the view shows it.
    """
    job.adopt_contract()
    for aggregate in job.contract.aggregates:
        _close_aggregate(job, aggregate)


def _close_aggregate(job: PipelineJob, aggregate: Aggregate) -> None:
    started = monotonic()
    ledger = job.ledger(aggregate_query(aggregate))
    last = ledger.read_position().manifest
    if last is None:
        job.report.say("note", text=f"{aggregate.name}: nothing has been read yet, no window is open")
        return
    closes = ledger.read_closes()
    done = bool(closes) and (closes[-1].lineage, closes[-1].as_of) == (
        last.lineage,
        sum_offsets(range_ends(last.ranges)),
    )
    if done:
        job.report.say("note", text=f"{aggregate.name}: close {closes[-1].number} stands; nothing has been read since")
    close = closes[-1] if done else _publish_close(job, ledger, aggregate, last, len(closes) + 1)
    # Also of one that stands: a driver may have died between its copies.
    copy_files(job.s3, ledger.bucket, close.files, ledger.query, name_close(close.number), job.listener)
    if not done:
        rows = {derive_aggregate(job.contract, aggregate).name: sum(file.rows for file in close.files)}
        seconds, batch_id = monotonic() - started, name_close(close.number)
        job.report.add_batch(
            BatchReport(f"close {aggregate.name}", close.number, batch_id, rows, seconds, last.watermark)
        )


def name_close(number: int) -> str:
    """The `_batch_id` of the rows that a closing operation publishes."""
    return f"close-{number:06d}"


def _publish_close(job: PipelineJob, ledger: Ledger, aggregate: Aggregate, last: Manifest, number: int) -> Close:
    output, batch_id, attempt = derive_aggregate(job.contract, aggregate), name_close(number), uuid4().hex
    prefix = staging_prefix(ledger.pipeline, ledger.query, batch_id, attempt)
    as_of = sum_offsets(range_ends(last.ranges))
    windows = aggregate_rows(_read_curated(job, aggregate, last), job.contract, aggregate)
    if last.watermark is not None:
        windows = windows.where(F.col("window_end") > F.lit(last.watermark).cast("timestamp_ntz"))
    named = add_aggregate_passport(windows, job.contract, WindowVersion(last.lineage, as_of, batch_id))
    with announce(job.listener, "stage", ledger.query, batch_id):
        write_output(named, output, f"s3a://{ledger.bucket}/{prefix}{output.name}", 1)
    close = Close(
        pipeline=ledger.pipeline,
        query=ledger.query,
        number=number,
        lineage=last.lineage,
        as_of=as_of,
        watermark=last.watermark,
        attempt=attempt,
        files=name_files(inspect_staged(job.s3, ledger.bucket, prefix, [output]), ledger.pipeline, batch_id),
    )
    with announce(job.listener, "close", ledger.query, batch_id):
        if ledger.put_close(close):
            return close
    standing = ledger.read_closes()[number - 1]
    if standing.attempt != attempt and standing.as_of != as_of:
        raise PublishConflict(
            f"{ledger.pipeline}/{ledger.query}: operation {number} was taken by another driver meanwhile, as of "
            f"{standing.as_of} offsets; nothing was published. Run `close` again"
        )
    return standing


def _read_curated(job: PipelineJob, aggregate: Aggregate, last: Manifest) -> DataFrame:
    """The curated rows that the aggregate's query has read and that can lie in an open window."""
    current = read_state(job.ledger(INGEST)).current("curated")
    published = [
        file
        for manifest in _list_read(job, last)
        if _may_be_open(manifest, last, aggregate)
        for file in manifest.files_of("curated")
        if file.final_key in current
    ]
    # Files of operations hold rows of any batch, also of those that the query has not read yet.
    replacing = [file for file in current.values() if isinstance(file, OperationFile)]
    rows = _read_files(job, published).union(_read_files(job, replacing).where(_is_read(last)))
    if aggregate.grid is not None:
        return rows
    # A late row could make a longer session of an open one, which the stream would then publish under another begin.
    late = derive_late(aggregate)
    files = [f"s3a://{job.settings.s3.bucket}/{file.final_key}" for file in _list_late(job, aggregate, last)]
    return rows.join(read_output(job.spark, late, files), ["_topic_id", "_partition", "_offset"], "left_anti")


def _read_files(job: PipelineJob, files: Iterable[LakeFile]) -> DataFrame:
    places = [f"s3a://{job.settings.s3.bucket}/{file.final_key}" for file in files]
    return read_output(job.spark, ingest_outputs(job.contract)[1], places)


def _is_read(last: Manifest) -> Column:
    behind = (
        (F.col("_topic_id") == r.topic_id) & (F.col("_partition") == r.partition) & (F.col("_offset") >= r.end)
        for r in last.ranges
    )
    return ~reduce(Column.__or__, behind, F.lit(False))


def _list_read(job: PipelineJob, last: Manifest) -> Iterator[Manifest]:
    """The batches of the ingest that the aggregate's lineage has read."""
    [lineage] = [known for known in job.ledger(last.query).read_lineages() if known.lineage == last.lineage]
    for manifest in job.ledger(INGEST).read_manifests(lineage.begins_after):
        yield manifest
        if manifest.position == last.read_to:
            return


def _list_late(job: PipelineJob, aggregate: Aggregate, last: Manifest) -> Iterator[LakeFile]:
    for manifest in job.ledger(last.query).read_manifests(BatchPosition(lineage=last.lineage, batch=-1)):
        yield from manifest.files_of(derive_late(aggregate).name)


def _may_be_open(manifest: Manifest, last: Manifest, aggregate: Aggregate) -> bool:
    newest = max((c.event_time_max for c in manifest.counts if c.event_time_max), default=None)
    # A session may go on from rows of any age.
    if newest is None or last.watermark is None or aggregate.grid is None:
        return newest is not None
    return newest + aggregate.grid[0] > last.watermark
