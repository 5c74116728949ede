"""The contract applied to messages without Spark: the same table of cases as the Spark job's."""

from __future__ import annotations

import pytest

from tests.judge_cases import CSV_CASES, DERIVED, GOOD, JSON_CASES, RULES, Case, Judged, check_case
from tests.orders import ORDER, build_contract, build_csv_contract
from tests.pure_rows import judge


@pytest.fixture(scope="module")
def judged_json() -> Judged:
    return judge(build_contract(rule=RULES, derived=DERIVED), [case.value for case in JSON_CASES])


@pytest.fixture(scope="module")
def judged_csv() -> Judged:
    return judge(build_csv_contract(), [case.value for case in CSV_CASES])


@pytest.mark.parametrize(("offset", "case"), list(enumerate(JSON_CASES)), ids=[case.id for case in JSON_CASES])
def test_a_json_value_is_curated_or_rejected(offset: int, case: Case, judged_json: Judged) -> None:
    check_case(case, offset, GOOD, judged_json)


@pytest.mark.parametrize(("offset", "case"), list(enumerate(CSV_CASES)), ids=[case.id for case in CSV_CASES])
def test_a_csv_value_is_curated_or_rejected(offset: int, case: Case, judged_csv: Judged) -> None:
    check_case(case, offset, {name: GOOD[name] for name in ORDER}, judged_csv)
