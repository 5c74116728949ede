"""A pipeline of the way `s3`: where it writes, and what lies there."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from connections.ledger_objects import LedgerObjects
from connections.row_judging import open_judge
from connections.s3 import open_s3
from connections.settings import Settings
from kafka_consumer.buffer import Limits
from kafka_consumer.claims_ledger import ClaimsLedger
from kafka_consumer.metrics import Metrics
from kafka_consumer.report import Report, RunSummary, Silence
from kafka_consumer.runner import Job, Runner
from kafka_consumer.s3_destination import S3Destination
from pipeline_contract.claims import Claim, claims_prefix
from pipeline_contract.ways import name_group, s3_way_prefix
from tests.integration.kafka_consumer.pipelines import Pipeline, make_pipeline

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# A folder for each minute: 60 rows after one another. The objects are Parquet all the same.
LAKE = """
[lake]
format = "csv"
partition_by = { minute = "date_format(at, 'mm')" }
"""


@dataclass(frozen=True)
class S3Way:
    """One pipeline, and what its consumer writes to a bucket."""

    pipeline: Pipeline

    @property
    def s3(self) -> S3Client:
        """A client of the bucket."""
        return open_s3(self.pipeline.settings.s3)

    @property
    def bucket(self) -> str:
        """The bucket."""
        return self.pipeline.settings.s3.bucket

    def open(self, s3: S3Client | None = None) -> S3Destination:
        """The destination, as a consumer that has just started has it."""
        contract = self.pipeline.contract
        ledger = ClaimsLedger(s3 or self.s3, self.bucket, contract.name)
        return S3Destination(
            contract, self.pipeline.settings.kafka, ledger, open_judge(contract, self.pipeline.settings)
        )

    def make_runner(self, destination: S3Destination, rows: int = 500, **options: Any) -> Runner:
        """A run of the way's group, with batches of so many rows."""
        contract = self.pipeline.contract
        report = Report(
            contract.name, "s3", Silence(), Metrics(contract.name, "s3"), options.pop("say", lambda _: None)
        )
        limits = Limits(rows, 10_000_000, options.pop("age_s", 0.2))
        topics = (contract.topic.name, contract.topic.rejected)
        job = Job(topics, name_group(contract.name, "s3"), limits, 10_000, options.pop("until_drained", True), 60.0)
        return Runner(self.pipeline.settings, job, destination, report)

    def drain(self, rows: int = 500, s3: S3Client | None = None) -> RunSummary:
        """Run until everything that is there is written."""
        runner = self.make_runner(self.open(s3), rows)
        runner.run()
        return runner.report.summarise()

    def list_keys(self, output: str) -> list[str]:
        """The keys of an output's objects."""
        return LedgerObjects(self.s3, self.bucket).list_tree(s3_way_prefix(self.pipeline.name, output))

    def read_rows(self, output: str) -> pa.Table:
        """The rows of an output's objects."""
        bodies = [self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in self.list_keys(output)]
        return pa.concat_tables([pq.read_table(io.BytesIO(body)) for body in bodies])

    def count_ids(self) -> Counter[int]:
        """How often each id is in a curated object."""
        return Counter(self.read_rows("curated")["id"].to_pylist()) if self.list_keys("curated") else Counter()

    def count_reasons(self) -> Counter[str]:
        """How many rejected rows give each reason."""
        return Counter(self.read_rows("rejected")["reason"].to_pylist()) if self.list_keys("rejected") else Counter()

    def read_claims(self) -> list[Claim]:
        """Every claim, in the order of their keys."""
        ledger = LedgerObjects(self.s3, self.bucket)
        return [ledger.parse(key, Claim) for key in ledger.list_tree(claims_prefix(self.pipeline.name))]


def make_s3_way(folder: Path, name: str, settings: Settings) -> S3Way:
    """A pipeline with its topics, and no row yet."""
    pipeline = make_pipeline(folder, name, settings)
    pipeline.path.write_text(pipeline.path.read_text() + LAKE)
    pipeline.replay(0, 0)
    return S3Way(pipeline)


def check_chain(way: S3Way) -> None:
    """Claims of a partition follow each other from offset 0, and each object is one that a claim names."""
    ends: dict[tuple[str, int], int] = {}
    for claim in way.read_claims():
        place = (claim.range.topic, claim.range.partition)
        assert claim.range.start == ends.get(place, 0)
        ends[place] = claim.range.end
    named = [item.key for claim in way.read_claims() for item in claim.objects]
    assert sorted(named) == sorted(way.list_keys("curated") + way.list_keys("rejected"))
