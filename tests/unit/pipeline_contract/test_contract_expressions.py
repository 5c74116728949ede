"""Which expressions a contract may hold."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from pipeline_contract.expressions import check_condition, check_measure, check_row_expression, find_columns

COLUMNS = ("a", "b", "delay")


class Refused(NamedTuple):
    expression: str
    problem: str


@pytest.mark.parametrize(
    "expression",
    [
        "a + 1", "a::int", "coalesce(a, b)", "case when a then b end", "a[0]", "cast(a as date)", "a || b", "-a",
        "date_format(delay, 'yyyy-MM')", "unix_timestamp(a)", "regexp_extract(a, '(x)', 1)", "a -- why", "`a`",
        "a in ('x', 'y') and b is not null", "to_date(a, 'dd.MM.yyyy')", "'constant'", "a + interval 1 day",
    ],
)  # fmt: skip
def test_a_row_expression_passes(expression: str) -> None:
    assert check_row_expression(expression, COLUMNS) == []


@pytest.mark.parametrize(
    "call",
    [
        "rand()", "rand(42)", "randn()", "random()", "uniform(1, 2)", "uuid()", "now()", "curdate()",
        "current_timestamp",
        "current_timestamp()", "current_date", "current_date()",
        "current_timezone()", "localtimestamp()", "current_time()",
        "current_user", "current_user()", "user()", "session_user()", "current_database()", "current_schema()",
        "current_catalog()", "monotonically_increasing_id()", "spark_partition_id()", "input_file_name()",
        "input_file_block_start()", "input_file_block_length()", "shuffle(array(a))", "java_method('a', 'b')",
        "reflect('a', 'b')", "try_reflect('a', 'b')", "version()", "unix_timestamp()", "randstr(5)",
    ],
)  # fmt: skip
def test_an_answer_that_changes_is_refused(call: str) -> None:
    problems = check_row_expression(f"concat(a, {call})", COLUMNS)

    assert len(problems) == 1
    assert "is not deterministic" in problems[0]


@pytest.mark.parametrize(
    "case",
    [
        Refused("avg(a)", "avg() aggregates; only a measure may"),
        Refused("dealy", "unknown column 'dealy', did you mean 'delay'?"),
        Refused("a in (select 1)", "a query is not allowed here"),
        Refused("*", "a star is not allowed here"),
        Refused("?", "a parameter is not allowed here"),
        Refused("row_number() over (order by a)", "a window function is not allowed here"),
        Refused("t.a", "t.a: a column stands without a table's name"),
        Refused("explode(a)", "explode() makes several rows of one"),
        Refused("stack(2, a, b)", "stack() makes several rows of one"),
        Refused("drop table flights", "a statement, where an expression is wanted"),
        Refused("a; b", "not one Spark SQL expression"),
        Refused("-- nothing", "not one Spark SQL expression"),
        Refused("a +", "not a Spark SQL expression: breaks at character 3, near '+'"),
        Refused("(a", "not a Spark SQL expression: breaks at character 2, near 'a'"),
        Refused("'a", "not a Spark SQL expression: a quote is not closed"),
    ],
    ids=lambda case: case.expression,
)
def test_a_row_expression_is_refused(case: Refused) -> None:
    assert case.problem in check_row_expression(case.expression, COLUMNS)


@pytest.mark.parametrize("expression", ["a > 0", "(a > 0)", "a in (1, 2)", "isnull(a)", "not b", "b", "a like 'x%'"])
def test_a_condition_passes(expression: str) -> None:
    assert check_condition(expression, COLUMNS) == []


@pytest.mark.parametrize("expression", ["a + 1", "(a * b)", "-a", "a || 'x'", "1", "'x'", "true", "1 = 1"])
def test_what_is_no_condition_is_refused(expression: str) -> None:
    assert len(check_condition(expression, COLUMNS)) == 1


@pytest.mark.parametrize(
    "expression",
    [
        "count(*)",
        "count_if(a)",
        "avg(a) / count(*)",
        "sum(a) filter (where b)",
        "every(a)",
        "count(distinct a)",
        "max(a + b)",
    ],
)
def test_a_measure_passes(expression: str) -> None:
    assert check_measure(expression, COLUMNS) == []


@pytest.mark.parametrize(
    "case",
    [
        Refused("a + 1", "a measure must aggregate, such as count(*) or avg(delay)"),
        Refused("avg(a) + b", "reads b outside an aggregate such as avg()"),
        Refused("first(a)", "first() depends on the order of the rows"),
        Refused(
            "max(raise_error(a))",
            "raise_error() stops the stream at a bad row, and shows it in the log; a rule sets it aside",
        ),
        Refused("collect_list(a)", "array_agg() depends on the order of the rows"),
        Refused("max(rand())", "rand() is not deterministic: computed twice, it would give two answers"),
        Refused("sum(c)", "unknown column 'c'; known: a, b, delay"),
        Refused("sum(*)", "a star is not allowed here"),
    ],
    ids=lambda case: case.expression,
)
def test_a_measure_is_refused(case: Refused) -> None:
    assert case.problem in check_measure(case.expression, COLUMNS)


def test_the_columns_of_an_expression_are_found() -> None:
    assert find_columns("case when a > 1 then upper(b) end") == {"a", "b"}
