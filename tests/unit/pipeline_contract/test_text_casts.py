"""Text to the contract's types without Spark: the same table of cases as Spark's casts."""

from __future__ import annotations

import pytest

from pipeline_contract.column_types import parse_type
from pipeline_contract.text_casts import compile_cast
from tests.cast_cases import CASES, Case


@pytest.mark.parametrize("case", [case for case in CASES if case.text is not None], ids=lambda case: case.id)
def test_text_becomes_the_value_or_null(case: Case) -> None:
    value = compile_cast(parse_type(case.kind), case.pattern)(case.text or "")

    assert value == case.value
    assert type(value) is type(case.value)


@pytest.mark.parametrize("pattern", ["bb", "YYYY-MM-dd", "yyyy-MM-dd[ HH:mm]", "EEE", "dd dd", "hh:mm", "VV", "yyy"])
def test_a_pattern_beyond_the_declared_ones_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        compile_cast(parse_type("timestamp"), pattern)
