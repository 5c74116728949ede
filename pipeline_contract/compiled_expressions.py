"""Spark SQL expressions of a contract as Python closures over one row, for a declared part of the language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from operator import itemgetter
from typing import Any, ClassVar

import sqlglot
from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.parsers.spark import SparkParser

from pipeline_contract.column_types import BIGINT, INTEGER, STRING, TIMESTAMP, ColumnType
from pipeline_contract.compiled_operators import align, calculate, compare, read_number
from pipeline_contract.compiled_values import (
    Compiled,
    Evaluate,
    Row,
    Unsupported,
    apply,
    both,
    cast_alike,
    cast_to,
    either,
    is_among,
    is_member,
    make_constant,
)
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.sql_functions import FUNCTIONS, find_function
from pipeline_contract.sql_operators import (
    BOOLEAN,
    DATE,
    DOUBLE,
    divide_whole,
    find_common_type,
    find_order,
)
from pipeline_contract.sql_patterns import Matches, compile_like, compile_rlike
from pipeline_contract.sql_values import LIMITS, NULL

Columns = Mapping[str, tuple[int, ColumnType]]
_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_ARITHMETIC: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/", exp.Mod: "%"}
_TYPES = {
    exp.DType.INT: INTEGER, exp.DType.BIGINT: BIGINT, exp.DType.DOUBLE: DOUBLE, exp.DType.BOOLEAN: BOOLEAN,
    exp.DType.DATE: DATE, exp.DType.TIMESTAMP: TIMESTAMP, exp.DType.TIMESTAMPTZ: TIMESTAMP,
    exp.DType.TIMESTAMPNTZ: TIMESTAMP, exp.DType.TEXT: STRING,
}  # fmt: skip


class _CallParser(SparkParser):
    """Keeps the names and arguments that calls have; it knows but the few functions with a syntax of their own."""

    FUNCTIONS: ClassVar[dict[str, Any]] = {}


class _SparkCalls(Spark):
    """Spark SQL whose calls come as the contract writes them."""

    Parser = _CallParser


def compile_expression(text: str, columns: Columns, where: str, target: ColumnType) -> Evaluate:
    """What computes an expression from a row of `columns`, each with its place and type, as Spark's try_cast to a type.

    `ConfigurationError` names `where` and what is beyond the declared part of the language.
    """
    with _refuse(text, where):
        return cast_to(_compile(text, columns), target, is_exact=True).evaluate


def compile_condition(text: str, columns: Columns, where: str) -> Evaluate:
    """What answers a condition for a row, true, false or null; `ConfigurationError` as for any expression."""
    with _refuse(text, where):
        value = _compile(text, columns)
        if value.type not in (BOOLEAN, NULL):
            raise Unsupported(f"a value of type {value.type} as a condition")
        return value.evaluate


def _compile(text: str, columns: Columns) -> Compiled:
    return _Compiler(columns).compile(sqlglot.parse_one(text, dialect=_SparkCalls))


@contextmanager
def _refuse(text: str, where: str) -> Iterator[None]:
    try:
        yield
    except Unsupported as error:
        raise ConfigurationError(
            f"{where}: {text!r} has {error}, which only Spark computes: the lake way (`python -m spark_streaming run`) can "
            f"run it. The other ways know operators, case, cast, like and: {', '.join(sorted(FUNCTIONS))}"
        ) from error


class _Compiler:
    """Compiles the nodes of one expression."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns

    def compile(self, node: exp.Expr) -> Compiled:
        """A node and all below it."""
        kind = type(node)
        if node.args.get("negate"):  # as in `not like`
            return self.invert(exp.Not(this=kind(**{**node.args, "negate": None})))
        if kind in _COMPARISONS:
            return compare(_COMPARISONS[kind], self.compile(node.this), self.compile(node.expression))
        if kind in _ARITHMETIC:
            return calculate(_ARITHMETIC[kind], self.compile(node.this), self.compile(node.expression))
        if kind not in _NODES:
            raise Unsupported(_name(node))
        return _NODES[kind](self, node)

    def column(self, node: exp.Expr) -> Compiled:
        place, kind = self._columns[node.name]
        return Compiled(kind, itemgetter(place))

    def negate(self, node: exp.Expr) -> Compiled:
        inner = node.this
        if isinstance(inner, exp.Literal) and not inner.is_string:
            return read_number(f"-{inner.name}")
        value = self.compile(inner)
        return calculate("-", make_constant(DOUBLE, -0.0) if value.type == DOUBLE else read_number("0"), value)

    def divide_whole(self, node: exp.Expr) -> Compiled:
        left, right = self.compile(node.this), self.compile(node.expression)
        if {left.type.name, right.type.name} - {*LIMITS, NULL.name}:
            raise Unsupported(f"{left.type} div {right.type}")
        return Compiled(BIGINT, apply(divide_whole, left.evaluate, right.evaluate))

    def compare_nulls(self, node: exp.Expr) -> Compiled:
        left, right = align("<=>", self.compile(node.this), self.compile(node.expression))
        is_same, wanted = find_order("=", left.type), isinstance(node, exp.NullSafeEQ)

        def run(row: Row) -> bool:
            first, second = left.evaluate(row), right.evaluate(row)
            equal = first is second if first is None or second is None else bool(is_same(first, second))
            return equal is wanted

        return Compiled(BOOLEAN, run)

    def between(self, node: exp.Expr) -> Compiled:
        value = self.compile(node.this)
        low = compare(">=", value, self.compile(node.args["low"]))
        high = compare("<=", value, self.compile(node.args["high"]))
        return Compiled(BOOLEAN, both(low.evaluate, high.evaluate))

    def _condition(self, node: exp.Expr) -> Evaluate:
        return cast_to(self.compile(node), BOOLEAN).evaluate

    def both(self, node: exp.Expr) -> Compiled:
        return Compiled(BOOLEAN, both(self._condition(node.this), self._condition(node.expression)))

    def either(self, node: exp.Expr) -> Compiled:
        return Compiled(BOOLEAN, either(self._condition(node.this), self._condition(node.expression)))

    def invert(self, node: exp.Expr) -> Compiled:
        return Compiled(BOOLEAN, apply(lambda answer: not answer, self._condition(node.this)))

    def examine(self, node: exp.Expr) -> Compiled:
        if isinstance(node.expression, exp.Null):
            value = self.compile(node.this).evaluate
            return Compiled(BOOLEAN, lambda row: value(row) is None)
        if not isinstance(node.expression, exp.Boolean):
            raise Unsupported(_name(node.expression))
        condition, wanted = self._condition(node.this), bool(node.expression.this)
        return Compiled(BOOLEAN, lambda row: condition(row) is wanted)

    def find_among(self, node: exp.Expr) -> Compiled:
        values = [self.compile(part) for part in (node.this, *node.expressions)]
        common = find_common_type([value.type for value in values])
        if common is None or len(values) == 1:
            raise Unsupported(f"{values[0].type} in a list of other types")
        # Decimals are equal whatever their digits.
        value, *options = values if common.name == "decimal" else [cast_to(value, common) for value in values]
        constants = [option.constant for option in options]
        if common != DOUBLE and None not in constants:
            return Compiled(BOOLEAN, is_member(value.evaluate, frozenset(constants)))
        others = [option.evaluate for option in options]
        return Compiled(BOOLEAN, is_among(value.evaluate, others, find_order("=", common)))

    def choose(self, node: exp.Expr) -> Compiled:
        """A CASE, with or without a value that it compares, or an if()."""
        branches = node.args["ifs"] if isinstance(node, exp.Case) else [node]
        default = node.args.get("default") or (node.args.get("false") if isinstance(node, exp.If) else None)
        compared = node.this if isinstance(node, exp.Case) else None
        tests = [exp.EQ(this=compared, expression=b.this) if compared is not None else b.this for b in branches]
        conditions = [self._condition(test) for test in tests]
        answers = [self.compile(branch.args["true"]) for branch in branches]
        answers.append(make_constant(NULL, None) if default is None else self.compile(default))
        common, evaluates = cast_alike(answers)
        pairs, last = list(zip(conditions, evaluates[:-1], strict=True)), evaluates[-1]

        def run(row: Row) -> Any:
            for condition, answer in pairs:
                if condition(row):
                    return answer(row)
            return last(row)

        return Compiled(common, run)

    def cast(self, node: exp.Expr) -> Compiled:
        return cast_to(self.compile(node.this), _read_type(node.args["to"]), is_exact=bool(node.args.get("safe")))

    def match(self, node: exp.Expr) -> Compiled:
        pattern = self.compile(node.expression).constant
        if not isinstance(pattern, str):
            raise Unsupported(f"{_name(node)} with a pattern that is no constant text")
        try:
            matches: Matches = (compile_like if isinstance(node, exp.Like) else compile_rlike)(pattern)
        except ValueError as error:
            raise Unsupported(str(error)) from error
        return Compiled(BOOLEAN, apply(matches, cast_to(self.compile(node.this), STRING).evaluate))

    def call(self, node: exp.Expr) -> Compiled:
        return find_function(node.name.lower())([self.compile(argument) for argument in node.expressions])

    def call_by_words(self, node: exp.Expr) -> Compiled:
        """A function whose arguments may stand between words of their own, such as substring(a from 2)."""
        if isinstance(node, exp.Trim) and (node.args.get("expression") or node.args.get("position")):
            raise Unsupported("trim() with a side or characters")
        parts = [node.args[key] for key in ("this", "start", "length", "decimals") if node.args.get(key) is not None]
        return find_function(_name(node).removesuffix("()"))([self.compile(part) for part in parts])

    def concatenate(self, node: exp.Expr) -> Compiled:
        return find_function("concat")([self.compile(node.this), self.compile(node.expression)])


def _read_literal(_: _Compiler, node: exp.Expr) -> Compiled:
    return make_constant(STRING, node.name) if node.is_string else read_number(node.name)


def _read_type(node: exp.DataType) -> ColumnType:
    parts = [int(part.this.name) for part in node.expressions]
    if node.this == exp.DType.DECIMAL:
        precision, scale = (*parts, *(10, 0)[len(parts) :])
        return ColumnType("decimal", precision, scale)
    if node.this not in _TYPES or parts:
        raise Unsupported(f"the type {node.sql(dialect='spark').lower()}")
    return _TYPES[node.this]


def _name(node: exp.Expr) -> str:
    return f"{node.sql_name().lower()}()" if isinstance(node, exp.Func) else node.key


_NODES: dict[type[exp.Expr], Callable[[_Compiler, Any], Compiled]] = {
    exp.Column: _Compiler.column,
    exp.Literal: _read_literal,
    exp.RawString: lambda _, node: make_constant(STRING, node.name),
    exp.Boolean: lambda _, node: make_constant(BOOLEAN, bool(node.this)),
    exp.Null: lambda _, __: make_constant(NULL, None),
    exp.Paren: lambda compiler, node: compiler.compile(node.this),
    exp.Neg: _Compiler.negate,
    exp.IntDiv: _Compiler.divide_whole,
    exp.NullSafeEQ: _Compiler.compare_nulls,
    exp.NullSafeNEQ: _Compiler.compare_nulls,
    exp.Between: _Compiler.between,
    exp.And: _Compiler.both,
    exp.Or: _Compiler.either,
    exp.Not: _Compiler.invert,
    exp.Is: _Compiler.examine,
    exp.In: _Compiler.find_among,
    exp.Case: _Compiler.choose,
    exp.If: _Compiler.choose,
    exp.Cast: _Compiler.cast,
    exp.TryCast: _Compiler.cast,
    exp.Like: _Compiler.match,
    exp.RegexpLike: _Compiler.match,
    exp.DPipe: _Compiler.concatenate,
    exp.Anonymous: _Compiler.call,
    exp.Substring: _Compiler.call_by_words,
    exp.Trim: _Compiler.call_by_words,
    exp.Floor: _Compiler.call_by_words,
    exp.Ceil: _Compiler.call_by_words,
}
