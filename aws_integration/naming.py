"""What the Glue catalog and Athena call the parts of a pipeline, and where in the bucket they lie. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from connections.settings import Settings
from pipeline_contract.column_types import ColumnType
from pipeline_contract.layout import athena_results_prefix
from pipeline_contract.model import Contract
from pipeline_contract.outputs import REJECTED_COLUMNS, curated_columns
from pipeline_contract.passport import PASSPORT
from pipeline_contract.policies import role_arn
from pipeline_contract.ways import s3_way_prefix

# A crawler names its tables after the folders; the beginning keeps them apart from those that are registered.
CRAWLED = "crawled_"


@dataclass(frozen=True)
class CatalogOutput:
    """One output as a table: its prefix in the bucket, its columns in order, and the partition keys, which are text."""

    table: str
    prefix: str
    columns: Mapping[str, ColumnType]
    partition_keys: tuple[str, ...]
    descriptions: Mapping[str, str]


@dataclass(frozen=True)
class CatalogNames:
    """Everything of one pipeline that has a name in Glue or Athena."""

    pipeline: str
    bucket: str
    database: str
    crawler: str
    crawler_role: str
    workgroup: str
    results: str
    curated: CatalogOutput
    rejected: CatalogOutput

    @property
    def outputs(self) -> tuple[CatalogOutput, CatalogOutput]:
        """The tables, the curated one first."""
        return self.curated, self.rejected

    def locate(self, prefix: str) -> str:
        """The address of a prefix in the pipeline's bucket."""
        return f"s3://{self.bucket}/{prefix}"


def derive_catalog_names(contract: Contract, settings: Settings) -> CatalogNames:
    """The names of a pipeline's catalog over the objects that the way `s3` writes."""
    name, table = contract.name, contract.warehouse.table.lower()
    described = {column.name: column.description for column in contract.columns}
    described |= {derived.name: derived.description for derived in contract.derived}
    return CatalogNames(
        pipeline=name,
        bucket=settings.s3.bucket,
        database=f"millrace_{name}",
        crawler=f"millrace-{name}",
        crawler_role=role_arn(settings.aws.account_id, settings.aws.crawler_role),
        workgroup=f"millrace-{name}",
        results=athena_results_prefix(name),
        curated=CatalogOutput(
            table,
            s3_way_prefix(name, "curated"),
            curated_columns(contract) | PASSPORT,
            tuple(contract.lake.partition_by),
            {column: text for column, text in described.items() if text},
        ),
        rejected=CatalogOutput(
            f"{table}_rejected", s3_way_prefix(name, "rejected"), REJECTED_COLUMNS | PASSPORT, (), {}
        ),
    )
