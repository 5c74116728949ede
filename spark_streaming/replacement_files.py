"""The files that a backfill puts in the place of others: rows judged again, and rows carried over beside them."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

from pipeline_contract.manifest import LakeFile
from pipeline_contract.outputs import Output
from spark_streaming.backfill_plan import BackfillPlan
from spark_streaming.backfill_source import read_source
from spark_streaming.curate import judge_rows, select_curated, select_rejected
from spark_streaming.curated_files import ASSUMED_BYTES_PER_ROW, write_curated
from spark_streaming.ingest import ingest_outputs, observe_failures
from spark_streaming.pipeline_job import PipelineJob
from spark_streaming.protect import add_key
from spark_streaming.raw_zone import explain_damage
from spark_streaming.reference import read_references
from spark_streaming.retaken_rows import POSITION, RetakenRows
from spark_streaming.row_files import read_output, write_output


@dataclass(frozen=True)
class ReplacementFiles:
    """Writes the files of one attempt at a backfill; `batch_id` goes into the rows that are judged again."""

    job: PipelineJob
    plan: BackfillPlan
    retaken: RetakenRows
    batch_id: str

    def write_judged(self, location: str) -> None:
        """Write the rows taken again, curated and rejected, as today's contract judges their messages."""
        job = self.job
        source = read_source(job, self.plan, self.retaken.spans, self.batch_id)
        raw = source.join(self.retaken.keys.select(*POSITION), POSITION, "left_semi")
        keyed = add_key(raw, job.spark, job.contract, job.protect_key)
        # Kept, as it is written to two outputs and the source may be Kafka.
        references = read_references(job.spark, job.contract)
        judged = judge_rows(keyed, job.contract, references, job.read_schemas()).persist()
        try:
            with explain_damage(job.contract.name):
                self._write_both(judged, location)
        finally:
            judged.unpersist()

    def _write_both(self, judged: DataFrame, location: str) -> None:
        job = self.job
        _, curated, rejected = ingest_outputs(job.contract)
        watched, failed = observe_failures(judged)
        self._write_curated(select_curated(watched, job.contract), curated, location, self.retaken.total)
        if failed():
            failures = job.open_raw_zone().seal_rejected(select_rejected(judged, job.contract))
            write_output(failures, rejected, f"{location}{rejected.name}", 1)

    def write_carried(self, location: str) -> None:
        """Write the rows of superseded files that are not taken again: superseding is by whole file."""
        _, curated, rejected = ingest_outputs(self.job.contract)
        for output in (curated, rejected):
            count = self.count_carried(output.name)
            if not count:
                continue
            files = self._superseded(output.name)
            bucket = self.job.settings.s3.bucket
            rows = read_output(self.job.spark, output, [f"s3a://{bucket}/{file.final_key}" for file in files])
            kept = rows.join(self.retaken.keys.select(*POSITION), POSITION, "left_anti").select(*output.columns)
            if output == curated:
                self._write_curated(kept, output, location, count)
            else:
                write_output(kept, output, f"{location}{output.name}", 1)

    def count_carried(self, output: str) -> int:
        """The rows of an output's superseded files that are not taken again."""
        taken = sum(self.retaken.by_file.get(output, {}).values())
        return sum(file.rows for file in self._superseded(output)) - taken

    def _superseded(self, output: str) -> list[LakeFile]:
        taken = self.retaken.by_file.get(output, {})
        return [file for file in self.plan.candidates[output] if file.final_key in taken]

    def _write_curated(self, rows: DataFrame, output: Output, location: str, count: int) -> None:
        known = self.plan.candidates[output.name]
        rows_known = sum(file.rows for file in known)
        bytes_per_row = sum(file.bytes for file in known) / rows_known if rows_known else ASSUMED_BYTES_PER_ROW
        write_curated(rows, self.job.contract, output, f"{location}{output.name}", count, bytes_per_row)
