"""The contract applied to messages without Spark: the same table of cases as the Spark job's."""

from __future__ import annotations

import pytest

from tests import avro_cases
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


def test_each_avro_value_becomes_its_row_or_is_rejected() -> None:
    curated, rejected = judge(
        avro_cases.CONTRACT, [case.value for case in avro_cases.CASES], schemas=avro_cases.SCHEMAS
    )

    outcomes = {
        case.id: {name: value for name in avro_cases.NAMES if (value := curated[n][name]) is not None}
        if n in curated
        else rejected[n]["reason"]
        for n, case in enumerate(avro_cases.CASES)
    }
    assert outcomes == {case.id: case.row for case in avro_cases.CASES}
