"""Opens the judge of a contract with all that it needs from outside: reference tables, the keys, the schemas."""

from __future__ import annotations

from connections.schema_registry import open_schemas
from connections.settings import Settings
from pipeline_contract.lookup_files import read_lookups
from pipeline_contract.model import Contract
from pipeline_contract.row_judge import RowJudge, compile_judge


def open_judge(contract: Contract, settings: Settings) -> RowJudge:
    """The judge of a contract's messages; `ConfigurationError` where only the Spark job can judge them."""
    protect_key, raw_key = settings.spark.protect_key, settings.spark.raw_key
    return compile_judge(
        contract,
        read_lookups(contract),
        protect_key.get_secret_value() if protect_key else None,
        open_schemas(settings.kafka, contract),
        raw_key.get_secret_value() if raw_key else None,
    )
