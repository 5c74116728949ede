"""The folders of curated rows without Spark: the same `name=value/` as the Spark job's writer makes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from pipeline_contract.column_types import STRING
from pipeline_contract.compiled_expressions import compile_expression
from pipeline_contract.model import Contract
from pipeline_contract.outputs import curated_columns

FindPath = Callable[[Sequence[Any]], str]

# Of a long text its begin: a key of S3 has 1,024 bytes. Null and the empty text have a name that readers agree on.
PARTITION_CHARACTERS = 60
UNKNOWN_PARTITION = "unknown"
# org.apache.spark.sql.catalyst.catalog.ExternalCatalogUtils
_ESCAPED = re.compile(r"""[\x01-\x1f"#%'*/:=?\\\x7f{\[\]^]""")


def compile_partition(contract: Contract) -> FindPath:
    """What finds the folders of a curated row, `name=value/…/` with a slash at its end; the empty text without any.

    A row is a tuple in the order of `curated_columns`, whatever follows. `ConfigurationError` where the expression needs
    Spark.
    """
    columns = {name: (place, kind) for place, (name, kind) in enumerate(curated_columns(contract).items())}
    parts = [
        (name, compile_expression(text, columns, f"contract {contract.name!r}, lake.partition_by.{name}", STRING))
        for name, text in contract.lake.partition_by.items()
    ]
    return lambda row: "".join([_write_folder(name, evaluate(row)) for name, evaluate in parts])


def _write_folder(name: str, value: str | None) -> str:
    shown = (value or "")[:PARTITION_CHARACTERS] or UNKNOWN_PARTITION
    return f"{name}={_ESCAPED.sub(lambda sign: f'%{ord(sign[0]):02X}', shown)}/"
