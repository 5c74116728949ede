"""The folders of curated rows without Spark: the same `name=value/` as the Spark job's writer makes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from pipeline_contract.column_types import STRING
from pipeline_contract.compiled_expressions import compile_expression
from pipeline_contract.expressions import find_columns
from pipeline_contract.model import Contract
from pipeline_contract.outputs import curated_columns

FindPath = Callable[[Sequence[Any]], str]

# Of a long text its begin: a key of S3 has 1,024 bytes. Null and the empty text have a name that readers agree on.
PARTITION_CHARACTERS = 60
UNKNOWN_PARTITION = "unknown"
PATHS_KEPT = 50_000
# org.apache.spark.sql.catalyst.catalog.ExternalCatalogUtils
_ESCAPED = re.compile(r"""[\x01-\x1f"#%'*/:=?\\\x7f{\[\]^]""")


def compile_partition(contract: Contract) -> FindPath:
    """What finds the folders of a curated row, `name=value/…/` with a slash at its end; the empty text without any.

    A row is a tuple in the order of `curated_columns`, whatever follows. `ConfigurationError` where the expression needs
    Spark.
    """
    expressions = contract.lake.partition_by
    read = {column for text in expressions.values() for column in find_columns(text)}
    places = {name: place for place, name in enumerate(curated_columns(contract)) if name in read}
    columns = {name: (n, curated_columns(contract)[name]) for n, name in enumerate(places)}
    parts = [
        (name, compile_expression(text, columns, f"contract {contract.name!r}, lake.partition_by.{name}", STRING))
        for name, text in expressions.items()
    ]

    def write_path(values: tuple[Any, ...]) -> str:
        return "".join([_write_folder(name, evaluate(values)) for name, evaluate in parts])

    # Rows of one folder come together. A double's 0.0 and -0.0 are equal, and do not name the same folder.
    if all(kind.name != "double" for _, kind in columns.values()):
        write_path = lru_cache(PATHS_KEPT)(write_path)
    return lambda row: write_path(tuple([row[place] for place in places.values()]))


def _write_folder(name: str, value: str | None) -> str:
    shown = (value or "")[:PARTITION_CHARACTERS] or UNKNOWN_PARTITION
    return f"{name}={_ESCAPED.sub(lambda sign: f'%{ord(sign[0]):02X}', shown)}/"
