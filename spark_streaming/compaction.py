"""Compaction: small published files of the current set become large ones, as a numbered operation of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from uuid import uuid4

from connections.operations import put_operation
from pipeline_contract.contract_file import hash_contract
from pipeline_contract.errors import PublishConflict
from pipeline_contract.layout import operation_prefix
from pipeline_contract.manifest import Compaction, OperationFile
from pipeline_contract.merge_plan import Merge
from pipeline_contract.outputs import INGEST, Output
from spark_streaming.compaction_plan import CompactionPlan, choose_outputs, plan_compaction
from spark_streaming.leftovers import sweep_leftovers
from spark_streaming.operation_files import inspect_operation
from spark_streaming.pipeline_job import PipelineJob
from spark_streaming.report import BatchReport
from spark_streaming.row_files import read_output, write_output
from spark_streaming.staging import delete_prefix
from spark_streaming.steps import announce

_MERGES_AT_ONCE = 4


def compact_lake(job: PipelineJob, wanted: str | None) -> None:
    """Merge small files as one operation; planned again where another operation was published meanwhile."""
    job.adopt_contract()
    outputs = choose_outputs(job.contract, wanted)
    swept = sweep_leftovers(job.s3, job.ledger(INGEST))
    if swept:
        job.report.say("note", text=f"{swept} objects of attempts that published nothing were deleted")
    while True:
        plan = plan_compaction(job.settings, job.contract, outputs)
        for line in plan.describe():
            job.report.say("note", text=line)
        if not plan.merges or _publish_merges(job, plan, outputs):
            return


def _publish_merges(job: PipelineJob, plan: CompactionPlan, outputs: Sequence[Output]) -> bool:
    started, ledger, attempt = monotonic(), job.ledger(INGEST), uuid4().hex
    number, prefix = plan.state.next_number, operation_prefix(ledger.pipeline, attempt)
    name = f"compact-{number:06d}"
    by_name = {output.name: output for output in outputs}
    with announce(job.listener, "stage", INGEST, name), ThreadPoolExecutor(_MERGES_AT_ONCE) as pool:
        list(pool.map(lambda merge: _write_merge(job, merge, by_name[merge.output], prefix), plan.merges))
    with announce(job.listener, "inspect", INGEST, name):
        files = inspect_operation(job.s3, ledger.bucket, prefix, outputs)
        _check_rows(plan.merges, files, name)
    operation = Compaction(
        pipeline=ledger.pipeline,
        query=INGEST,
        number=number,
        attempt=attempt,
        contract_version=job.contract.version,
        contract_hash=hash_contract(job.contract),
        files=files,
        superseded={
            output: tuple(file.final_key for merge in plan.merges if merge.output == output for file in merge.files)
            for output in sorted({merge.output for merge in plan.merges})
        },
    )
    with announce(job.listener, "operation", INGEST, name):
        published = put_operation(ledger, operation)
    if not published:
        delete_prefix(job.s3, ledger.bucket, prefix)
        job.report.say("note", text=f"operation {number} was taken by another run meanwhile; planning again")
        return False
    rows = {output: sum(m.rows for m in plan.merges if m.output == output) for output in operation.superseded}
    job.report.add_batch(BatchReport("compact", number, name, rows, monotonic() - started))
    return True


def _write_merge(job: PipelineJob, merge: Merge, output: Output, prefix: str) -> None:
    bucket = job.settings.s3.bucket
    rows = read_output(job.spark, output, [f"s3a://{bucket}/{file.final_key}" for file in merge.files])
    write_output(rows, output, f"s3a://{bucket}/{prefix}{output.name}/{merge.partition_path}", merge.merged_files)


def _check_rows(merges: Sequence[Merge], files: Sequence[OperationFile], name: str) -> None:
    for output in sorted({merge.output for merge in merges}):
        before = sum(merge.rows for merge in merges if merge.output == output)
        after = sum(file.rows for file in files if file.output == output)
        if before != after:
            raise PublishConflict(
                f"{name}: the merged {output} files would hold {after} rows, the {before} rows of the ledger's files were "
                "read; nothing was published. A file was changed behind the ledger: see `python -m reconciliation check`"
            )
