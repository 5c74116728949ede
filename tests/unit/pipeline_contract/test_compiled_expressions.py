"""Expressions without Spark: what is refused, and where the documents say what is not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline_contract.column_types import parse_type
from pipeline_contract.compiled_expressions import compile_condition, compile_expression
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.sql_functions import FUNCTIONS
from tests.sql_cases import COLUMNS, EXPRESSIONS

PLACES = {name: (place, kind) for place, (name, kind) in enumerate(COLUMNS.items())}
REFUSED = [
    ("soundex(s)", "soundex()"),
    ("regexp_replace(s, 'a', 'b')", "regexp_replace()"),
    ("ts + interval 1 day", "interval"),
    ("i & 3", "bitwiseand"),
    ("s rlike '(?i)a'", "regular expression"),
    ("s rlike '\\\\p{L}'", "regular expression"),
    ("s like u", "no constant text"),
    ("array(i, j)[0]", "array"),
    ("cast(ts as bigint)", "the cast of timestamp to bigint"),
    ("date_format(ts, 'w')", "'w'"),
    ("trim(both 'x' from s)", "trim()"),
    ("i in ('a', 'b')", "a list of other types"),
    ("t - t", "date - date"),
]


@pytest.mark.parametrize(("text", "named"), REFUSED, ids=[text for text, _ in REFUSED])
def test_what_only_spark_computes_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        compile_expression(text, PLACES, "contract 'c', derived 'd'", parse_type("string"))

    assert str(refused.value).startswith("contract 'c', derived 'd': ")
    assert named in str(refused.value)
    assert "python -m spark_streaming run" in str(refused.value)


def test_a_rule_that_is_no_condition_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="type integer as a condition"):
        compile_condition("i + 1", PLACES, "rule 'r'")


def test_every_function_is_in_the_table_that_spark_runs_too() -> None:
    written = " ".join(text for text, _ in EXPRESSIONS).lower()

    aliases = {"char_length", "character_length", "date_diff", "bigint", "boolean", "double", "string", "timestamp"}
    assert {name for name in FUNCTIONS if f"{name}(" not in written} <= aliases


def test_the_documents_list_every_function() -> None:
    text = Path("docs/contract.md").read_text(encoding="utf-8")

    [listed] = re.findall(r"- \*\*Functions\*\*: `([^`]*)`", text)

    assert listed.split() == sorted(FUNCTIONS)
