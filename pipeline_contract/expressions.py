"""Checks of the Spark SQL expressions that a contract holds, without Spark."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

# Outputs may be computed more than once, so an expression must give the same answer each time.
_NON_DETERMINISTIC = frozenset(
    """
    rand randn random randstr uniform uuid shuffle monotonically_increasing_id spark_partition_id
    now curdate current_timestamp current_date current_time current_timezone localtimestamp
    current_user user session_user current_database current_schema current_catalog version
    input_file_name input_file_block_start input_file_block_length java_method reflect try_reflect sleep
    """.split()  # noqa: SIM905 - thirty lines of one word each say no more
)
_ORDER_DEPENDENT = frozenset(
    "first first_value last last_value any_value collect_list array_agg group_concat mode arg_max arg_min".split()  # noqa: SIM905
)
_MANY_ROWS = frozenset(
    "explode explode_outer posexplode posexplode_outer inline inline_outer stack json_tuple".split()  # noqa: SIM905
)
# One bad row must not stop the stream, and what they say of it would stand in logs.
_STOPPING = frozenset({"raise_error", "assert_true"})
_REFUSED_NODES: dict[type[exp.Expr], str] = {
    exp.Select: "a query",
    exp.Window: "a window function",
    exp.Star: "a star",
    exp.Placeholder: "a parameter",
    exp.Parameter: "a parameter",
}
# What cannot answer true or false, whatever it reads.
_NOT_CONDITIONS = (exp.Literal, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.DPipe)


def check_row_expression(text: str, columns: Collection[str]) -> list[str]:
    """The problems of an expression over one row: none when it reads known columns only and is deterministic."""
    tree, problems = _parse(text)
    if tree is None:
        return problems
    problems += _check_common(tree, columns)
    problems += [f"{_name(node)}() aggregates; only a measure may" for node in tree.find_all(exp.AggFunc)]
    return problems


def check_condition(text: str, columns: Collection[str]) -> list[str]:
    """The problems of a rule's expression: one over a row that reads something and answers true, false or null."""
    problems = check_row_expression(text, columns)
    tree, _ = _parse(text)
    if tree is None or problems:
        return problems
    if not tree.find(exp.Column):
        return ["reads no column, so it says the same of every row"]
    if isinstance(tree.unnest(), _NOT_CONDITIONS):
        return ["is a value, where a condition is wanted, such as distance > 0"]
    return []


def check_measure(text: str, columns: Collection[str]) -> list[str]:
    """The problems of an aggregate's measure: it must aggregate all that it reads, whatever the order of the rows."""
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
    elif outside := sorted({column.name for column in bare.find_all(exp.Column) if not _is_aggregated(column)}):
        problems.append(f"reads {', '.join(outside)} outside an aggregate such as avg()")
    return problems


def find_columns(text: str) -> set[str]:
    """The columns that a valid expression reads."""
    return {column.name for column in sqlglot.parse_one(text, dialect="spark").find_all(exp.Column)}


def _parse(text: str) -> tuple[exp.Expr | None, list[str]]:
    try:
        trees = sqlglot.parse(text, dialect="spark")
    except ParseError as error:
        place = error.errors[0]
        return None, [f"not a Spark SQL expression: breaks at character {place['col']}, near {place['highlight']!r}"]
    except TokenError:
        return None, ["not a Spark SQL expression: a quote is not closed"]
    if len(trees) != 1 or trees[0] is None:
        return None, ["not one Spark SQL expression"]
    if not isinstance(trees[0], exp.Condition | exp.Star | exp.Query | exp.Filter | exp.Interval):
        return None, ["a statement, where an expression is wanted"]
    return trees[0], []


def _check_common(tree: exp.Expr, columns: Collection[str]) -> list[str]:
    problems = [f"{what} is not allowed here" for kind, what in _REFUSED_NODES.items() if tree.find(kind)]
    found = list(tree.find_all(exp.Column))
    for name in sorted({column.name for column in found} - set(columns)):
        near = get_close_matches(name, columns, n=1)
        hint = f", did you mean {near[0]!r}?" if near else f"; known: {', '.join(sorted(columns))}"
        problems.append(f"unknown column {name!r}{hint}")
    problems += [f"{c.table}.{c.name}: a column stands without a table's name" for c in found if c.table]
    return problems + list(_check_functions(tree))


def _check_functions(tree: exp.Expr) -> Iterator[str]:
    for node in tree.find_all(exp.Func):
        name = _name(node)
        if name in _NON_DETERMINISTIC:
            yield f"{name}() is not deterministic: computed twice, it would give two answers"
        if name in _MANY_ROWS:
            yield f"{name}() makes several rows of one"
        if name in _STOPPING:
            yield f"{name}() stops the stream at a bad row, and shows it in the log; a rule sets it aside"


def _is_aggregated(column: exp.Column) -> bool:
    # A function that the parser does not know may be an aggregate; Spark has the last word at the start.
    return column.find_ancestor(exp.AggFunc, exp.Anonymous, exp.Filter) is not None


def _in_count(node: exp.Expr) -> bool:
    return isinstance(node.parent, exp.Count)


def _name(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return node.name.lower()
    if isinstance(node, exp.Func):
        return node.sql_name().lower()
    return type(node).__name__.lower()
