"""A pipeline of the way `s3`: where it writes, and what lies there."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

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
from kafka_producer.pacing import FullSpeed
from kafka_producer.session import ReplayOptions, replay_source
from pipeline_contract.claims import Claim, claims_prefix
from pipeline_contract.contract_file import load_contract
from pipeline_contract.model import Contract
from pipeline_contract.ways import name_group, s3_way_prefix

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# A folder for each minute: 60 rows after one another.
CONTRACT = """
name = "{name}"
version = 1

[topic]
name = "{name}"
partitions = 2
key = ["id"]

[lake]
format = "csv"
partition_by = {{ minute = "date_format(at, 'mm')" }}

[event_time]
column = "at"

[warehouse]
schema = "{name}"
table = "events"

[[column]]
name = "id"
type = "bigint"
nullable = false

[[column]]
name = "at"
type = "timestamp"
nullable = false

[[column]]
name = "price"
type = "decimal(10,2)"

[[column]]
name = "kind"
type = "string"

[[rule]]
name = "known_kind"
expression = "kind in ('a', 'b')"
"""


@dataclass
class S3Way:
    """One pipeline with a bucket of its own; every `poison`th row is refused."""

    folder: Path
    name: str
    settings: Settings

    @property
    def path(self) -> Path:
        """The contract's file."""
        return self.folder / f"{self.name}.toml"

    @property
    def contract(self) -> Contract:
        """The pipeline's contract."""
        return load_contract(self.path)

    def replay(self, first: int, count: int, poison: int = 10) -> None:
        """Send so many rows with ids from `first` on; none creates the topics."""
        path = self.folder / f"rows-{first}.csv"
        lines = (
            f"{n},2024-01-01 00:{n // 60 % 60:02d}:{n % 60:02d},{n}.5,{'x' if n % poison == 0 else 'ab'[n % 2]}\n"
            for n in range(first, first + count)
        )
        path.write_text("id,at,price,kind\n" + "".join(lines))
        options = ReplayOptions("confluent", None, 5.0)
        replay_source(
            self.settings.kafka, self.contract, str(path), FullSpeed(), None, options, Event(), Console(quiet=True)
        )

    @property
    def s3(self) -> S3Client:
        """A client of the bucket."""
        return open_s3(self.settings.s3)

    @property
    def bucket(self) -> str:
        """The bucket."""
        return self.settings.s3.bucket

    def open(self, s3: S3Client | None = None) -> S3Destination:
        """The destination, as a consumer that has just started has it."""
        contract = self.contract
        ledger = ClaimsLedger(s3 or self.s3, self.bucket, contract.name)
        return S3Destination(contract, self.settings.kafka, ledger, open_judge(contract, self.settings))

    def make_runner(self, destination: S3Destination, rows: int = 500, **options: Any) -> Runner:
        """A run of the way's group, with batches of so many rows."""
        contract = self.contract
        report = Report(
            contract.name, "s3", Silence(), Metrics(contract.name, "s3"), options.pop("say", lambda _: None)
        )
        limits = Limits(rows, 10_000_000, options.pop("age_s", 0.2))
        topics = (contract.topic.name, contract.topic.rejected)
        job = Job(topics, name_group(contract.name, "s3"), limits, 10_000, options.pop("until_drained", True), 60.0)
        return Runner(self.settings, job, destination, report)

    def drain(self, rows: int = 500, s3: S3Client | None = None) -> RunSummary:
        """Run until everything that is there is written."""
        runner = self.make_runner(self.open(s3), rows)
        runner.run()
        return runner.report.summarise()

    def list_keys(self, output: str) -> list[str]:
        """The keys of an output's objects."""
        return LedgerObjects(self.s3, self.bucket).list_tree(s3_way_prefix(self.name, output))

    def read_rows(self, output: str) -> pa.Table:
        """The rows of an output's objects."""
        bodies = [self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read() for key in self.list_keys(output)]
        return pa.concat_tables([pq.read_table(io.BytesIO(body)) for body in bodies])

    def count_ids(self) -> Counter[int]:
        """How often each id is in a curated object."""
        return Counter(self.read_rows("curated")["id"].to_pylist()) if self.list_keys("curated") else Counter()

    def read_claims(self) -> list[Claim]:
        """Every claim, in the order of their keys."""
        ledger = LedgerObjects(self.s3, self.bucket)
        return [ledger.parse(key, Claim) for key in ledger.list_tree(claims_prefix(self.name))]


def make_s3_way(folder: Path, name: str, settings: Settings) -> S3Way:
    """A pipeline with its topics, and no row yet."""
    way = S3Way(folder, name, settings)
    way.path.write_text(CONTRACT.format(name=name))
    way.replay(0, 0)
    return way


def good_ids(first: int, count: int, poison: int = 10) -> Counter[int]:
    """The ids that are curated, each once."""
    return Counter(n for n in range(first, first + count) if n % poison)
