"""Backfill: the rows of a range of event time are judged again with today's contract and replace what was published.

Planned on the ledger, written below a prefix that nobody reads, and made visible by one numbered operation: a crash
leaves the old or the new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from time import monotonic
from uuid import uuid4

from connections.operations import put_operation
from pipeline_contract.contract_file import hash_contract
from pipeline_contract.errors import PublishConflict
from pipeline_contract.layout import carried_prefix, name_backfill, operation_prefix
from pipeline_contract.manifest import Backfill, PartitionCount
from pipeline_contract.outputs import INGEST
from spark_streaming.backfill_plan import BackfillPlan, BackfillRequest, plan_backfill
from spark_streaming.backfill_windows import write_windows
from spark_streaming.ingest import ingest_outputs
from spark_streaming.operation_files import describe_files
from spark_streaming.pipeline_job import PipelineJob
from spark_streaming.replacement_files import ReplacementFiles
from spark_streaming.report import BatchReport
from spark_streaming.retaken_rows import RetakenRows, find_retaken, is_fresh
from spark_streaming.staging import PartitionRows, StagedFile, count_partitions, delete_prefix, inspect_staged
from spark_streaming.steps import announce


def backfill_range(job: PipelineJob, request: BackfillRequest) -> None:
    """Take the rows of a range again; planned anew where another operation was published meanwhile."""
    job.adopt_contract()
    finished = False
    while not finished:
        plan = plan_backfill(job.ledger(INGEST), job.contract, request)
        for line in plan.describe():
            job.report.say("note", text=line)
        finished = not any(plan.candidates.values()) or _replace_rows(job, plan)


def _replace_rows(job: PipelineJob, plan: BackfillPlan) -> bool:
    """Publish the operation unless there is nothing to replace; False when its number was taken meanwhile."""
    outputs, topic = ingest_outputs(job.contract)[1:], job.contract.topic.name
    event_range, bucket = plan.request.event_range, job.settings.s3.bucket
    retaken = find_retaken(job.spark, bucket, outputs, plan.candidates, event_range, topic)
    try:
        if not retaken.total:
            job.report.say("note", text=f"nothing to do: no row has its event time in {event_range}")
        elif plan.previous and retaken.keys.where(is_fresh(plan.previous.snapshot)).isEmpty():
            job.report.say("note", text=f"backfill {plan.previous.number} stands; no row of the range has come since")
        else:
            return _publish_backfill(job, plan, retaken)
    finally:
        retaken.keys.unpersist()
    return True


def _publish_backfill(job: PipelineJob, plan: BackfillPlan, retaken: RetakenRows) -> bool:
    started, attempt, batch_id = monotonic(), uuid4().hex, name_backfill(plan.number)
    prefix = operation_prefix(job.contract.name, attempt)
    operation = _write_backfill(job, plan, retaken, attempt)
    with announce(job.listener, "operation", INGEST, batch_id):
        published = put_operation(job.ledger(INGEST), operation)
    if not published:
        delete_prefix(job.s3, job.settings.s3.bucket, prefix)
        job.report.say("note", text=f"operation {plan.number} was taken by another run meanwhile; planning again")
        return False
    rows: Counter[str] = Counter()
    for file in operation.replacements:
        rows[file.output] += file.rows
    seconds = monotonic() - started
    job.report.add_batch(BatchReport("backfill", plan.number, batch_id, dict(rows), seconds))
    return True


def _write_backfill(job: PipelineJob, plan: BackfillPlan, retaken: RetakenRows, attempt: str) -> Backfill:
    """Write and inspect every file of the operation, and return its record."""
    name, bucket, batch_id = job.contract.name, job.settings.s3.bucket, name_backfill(plan.number)
    prefix, carried_below = operation_prefix(name, attempt), carried_prefix(name, attempt)
    files, outputs = ReplacementFiles(job, plan, retaken, batch_id), ingest_outputs(job.contract)[1:]
    with announce(job.listener, "stage", INGEST, batch_id):
        files.write_judged(f"s3a://{bucket}/{prefix}")
        files.write_carried(f"s3a://{bucket}/{carried_below}")
    with announce(job.listener, "inspect", INGEST, batch_id):
        written = inspect_staged(job.s3, bucket, prefix, outputs)
        carried = inspect_staged(job.s3, bucket, carried_below, outputs)
        counts = count_retaken(retaken.counts, written, batch_id)
        check_carried({o.name: files.count_carried(o.name) for o in outputs}, carried, batch_id)
    replacements, kept = describe_files(written), describe_files(carried)
    superseded = {output: tuple(sorted(of)) for output, of in sorted(retaken.by_file.items())}
    with announce(job.listener, "windows", INGEST, batch_id):
        windows = write_windows(job, plan, superseded, (*replacements, *kept), prefix, batch_id)
    return Backfill(
        pipeline=name,
        query=INGEST,
        number=plan.number,
        attempt=attempt,
        contract_version=job.contract.version,
        contract_hash=hash_contract(job.contract),
        source=plan.request.source,
        event_from=plan.request.event_range.start,
        event_to=plan.request.event_range.end,
        with_rejected=plan.request.with_rejected,
        snapshot=plan.snapshot,
        counts=counts,
        aggregates=plan.aggregates,
        replacements=(*replacements, *windows),
        carried=kept,
        superseded=superseded,
    )


def count_retaken(
    wanted: dict[tuple[str, int], int], written: Sequence[StagedFile], batch_id: str
) -> tuple[PartitionCount, ...]:
    """The rows of each partition by output, counted in the files; as many as were to be taken again, or nothing is."""
    curated, rejected = (
        count_partitions(f for f in written if f.output.kind == kind) for kind in ("curated", "rejected")
    )
    none = PartitionRows(0, None, None)
    counts = []
    for topic, partition in sorted({*wanted, *curated, *rejected}):
        place = (topic, partition)
        good, bad = curated.get(place, none), rejected.get(place, none)
        if wanted.get(place, 0) != good.rows + bad.rows:
            raise PublishConflict(
                f"{batch_id}: topic {topic!r} partition {partition} has {wanted.get(place, 0)} rows to take again, but "
                f"their messages gave {good.rows} curated and {bad.rows} rejected; nothing was changed. The source, or a "
                "lookup of the contract, lost or doubled rows"
            )
        counts.append(
            PartitionCount(
                topic=topic, partition=partition, raw=wanted[place], curated=good.rows, rejected=bad.rows,
                event_time_min=good.event_time_min, event_time_max=good.event_time_max,
            )
        )  # fmt: skip
    return tuple(counts)


def check_carried(wanted: dict[str, int], carried: Sequence[StagedFile], batch_id: str) -> None:
    """Return if the carried files hold as many rows as the superseded ones have beside those taken again, or raise."""
    for output, rows in wanted.items():
        found = sum(file.rows for file in carried if file.output.name == output)
        if found != rows:
            raise PublishConflict(
                f"{batch_id}: {rows} {output} rows of the superseded files were to be carried over, {found} were; nothing "
                "was changed. A file was changed behind the ledger: see `python -m reconciliation check`"
            )
