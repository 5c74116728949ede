"""Published files made visible to the readers of a Delta table: one commit a manifest, never two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from connections.delta_table import DataFile, LakeTable
from connections.lake_files import arrow_schema
from connections.ledger import Ledger
from connections.settings import S3Settings
from pipeline_contract.manifest import Lineage, Manifest, PublishedFile
from pipeline_contract.model import Contract
from pipeline_contract.outputs import FileOutput


@dataclass(frozen=True)
class DeltaLog:
    """The Delta table of one output of the ingest; the ledger stays the truth, and the table follows it."""

    table: LakeTable
    output: FileOutput
    partitions: tuple[str, ...]

    def prepare(self) -> None:
        """Make the table fit the contract, or raise `ConfigurationError`."""
        self.table.prepare(arrow_schema(self.output.columns), self.partitions)

    def add_batch(self, manifest: Manifest) -> None:
        """Commit the files of a batch, whose lineage is the application and whose number is the version."""
        self.add_files(manifest.files, manifest.lineage, manifest.batch)

    def add_files(self, files: Iterable[PublishedFile], lineage: str, batch: int) -> None:
        """The same of a batch's files, those of other outputs left out."""
        described = [describe_file(file) for file in files if file.output == self.output.name]
        self.table.add_files(described, lineage, batch)

    def catch_up(self, ledger: Ledger, lineage: Lineage, last: Manifest) -> None:
        """Commit what the ledger has published of a lineage and the table does not show: a driver may have died."""
        done = self.table.last_version(lineage.lineage)
        for batch in range(0 if done is None else done + 1, last.batch + 1):
            entry = ledger.read_entry(lineage.lineage, batch)
            if isinstance(entry, Manifest):
                self.add_batch(entry)


def find_delta_log(settings: S3Settings, contract: Contract, outputs: Iterable[FileOutput]) -> DeltaLog | None:
    """The Delta table among a query's outputs, or None."""
    for output in outputs:
        if output.format == "delta":
            table = LakeTable(settings, contract.name, output.name)
            return DeltaLog(table, output, tuple(contract.lake.partition_by))
    return None


def describe_file(file: PublishedFile) -> DataFile:
    """A published file as the table names it; its partition's values stand in its key, as Spark has escaped them."""
    segments = [segment for segment in file.final_key.split("/")[:-1] if "=" in segment]
    pairs = (segment.split("=", 1) for segment in segments)
    return DataFile(file.final_key, file.bytes, file.rows, {name: unquote(value) for name, value in pairs})
