"""Checks of the Spark SQL expressions that a contract holds, without Spark."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

# Outputs may be computed more than once, so an expression must give the same answer each time.
_NON_DETERMINISTIC = frozenset(
    ["rand", "randn", "random", "randstr", "uniform", "uuid", "now", "curdate", "current_timestamp", "current_date", "current_time", "current_timezone", "localtimestamp", "current_user", "user", "session_user", "current_database", "current_schema", "current_catalog", "monotonically_increasing_id", "spark_partition_id", "input_file_name", "input_file_block_start", "input_file_block_length", "shuffle", "java_method", "reflect", "try_reflect", "version", "sleep"]
)
# Without an argument these two read the clock.
_CLOCK_WITHOUT_ARGUMENT = frozenset({"unix_timestamp", "to_unix_timestamp"})
_ORDER_DEPENDENT = frozenset({"first", "first_value", "last", "last_value", "any_value", "collect_list", "array_agg"})
_REFUSED_NODES = {
    exp.Select: "a query",
    exp.Window: "a window function",
    exp.Star: "a star",
    exp.Placeholder: "a parameter",
    exp.Parameter: "a parameter",
}


def check_row_expression(text: str, columns: Collection[str]) -> list[str]:
    """The problems of an expression over one row: none when it reads known columns only and is deterministic."""
    tree, problems = _parse(text)
    if tree is None:
        return problems
    problems += _check_common(tree, columns)
    problems += [f"{_name(node)}() aggregates; only a measure may" for node in tree.find_all(exp.AggFunc)]
    return problems


def check_measure(text: str, columns: Collection[str]) -> list[str]:
    """The problems of an aggregate's measure: it must aggregate, and not depend on the order of the rows."""
    tree, problems = _parse(text)
    if tree is None:
        return problems
    # count(*) is the one place where a star means something.
    bare = tree.transform(lambda n: exp.Literal.number(1) if isinstance(n, exp.Star) and _in_count(n) else n)
    problems += _check_common(bare, columns)
    names = [_name(node) for node in bare.find_all(exp.Func)]
    problems += [f"{name}() depends on the order of the rows" for name in names if name in _ORDER_DEPENDENT]
    if not any(isinstance(node, exp.AggFunc | exp.Anonymous) for node in bare.find_all(exp.Func)):
        problems.append("a measure must aggregate, such as count(*) or avg(delay)")
    return problems


def find_columns(text: str) -> set[str]:
    """The columns that a valid expression reads."""
    return {column.name for column in sqlglot.parse_one(text, dialect="spark").find_all(exp.Column)}


def _parse(text: str) -> tuple[exp.Expression | None, list[str]]:
    try:
        trees = sqlglot.parse(text, dialect="spark")
    except SqlglotError as error:
        reason = str(error).splitlines()[0].replace("\x1b[4m", "").replace("\x1b[0m", "")
        return None, [f"not a Spark SQL expression: {reason}"]
    if len(trees) != 1 or not isinstance(trees[0], exp.Expression):
        return None, ["not one Spark SQL expression"]
    if not isinstance(trees[0], exp.Condition | exp.Star | exp.Query):
        return None, ["a statement, where an expression is wanted"]
    return trees[0], []


def _check_common(tree: exp.Expression, columns: Collection[str]) -> list[str]:
    problems = [f"{what} is not allowed here" for kind, what in _REFUSED_NODES.items() if tree.find(kind)]
    for name in sorted({column.name for column in tree.find_all(exp.Column)} - set(columns)):
        near = get_close_matches(name, columns, n=1)
        hint = f", did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(columns))}"
        problems.append(f"unknown column {name!r}{hint}")
    for node in tree.find_all(exp.Func):
        name = _name(node)
        clock = name in _CLOCK_WITHOUT_ARGUMENT and not node.args.get("this") and not node.expressions
        if name in _NON_DETERMINISTIC or clock:
            problems.append(f"{name}() is not deterministic: computed twice, it would give two answers")
    return problems


def _in_count(node: exp.Expression) -> bool:
    return isinstance(node.parent, exp.Count)


def _name(node: exp.Expression) -> str:
    if isinstance(node, exp.Anonymous):
        return node.name.lower()
    if isinstance(node, exp.Func):
        return node.sql_name().lower()
    return type(node).__name__.lower()
