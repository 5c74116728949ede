"""Athena's SQL to duckdb's: what a statement reads, which partitions it can need, and how the engine runs it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError, TokenError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.qualify_tables import qualify_tables
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from sandbox.athena.catalog import CatalogTable
from sandbox.athena.failures import QueryFailed

ATHENA = "athena"
CATALOG = "awsdatacatalog"
_SUPPORTED = "SELECT, SHOW DATABASES, SHOW TABLES, SHOW PARTITIONS and DESCRIBE"
_UNNAMED = "_col_"
FindTable = Callable[[str, str], CatalogTable]


@dataclass(frozen=True)
class Scan:
    """One place of a statement that reads a table: the columns it needs, and a condition on the partition keys.

    `name` is what the statement calls it in the engine; the condition is duckdb's SQL, or None for every partition.
    """

    name: str
    table: CatalogTable
    columns: tuple[str, ...]
    partition_condition: str | None


@dataclass(frozen=True)
class PlannedQuery:
    """A SELECT in the engine's SQL, over scans."""

    sql: str
    scans: tuple[Scan, ...]


def parse_query(text: str) -> exp.Query:
    """The one SELECT of a text; `QueryFailed` for any other statement, for none or several, and for what is no SQL."""
    try:
        trees = [tree for tree in sqlglot.parse(text, dialect=ATHENA) if tree is not None]
    except ParseError as error:
        place = error.errors[0]
        raise QueryFailed(
            f"SYNTAX_ERROR: line {place['line']}:{place['col']}: mismatched input near {place['highlight']!r}"
        ) from None
    except TokenError:
        raise QueryFailed("SYNTAX_ERROR: a quote or a comment is not closed") from None
    if len(trees) != 1:
        raise QueryFailed(f"SYNTAX_ERROR: only one SQL statement is allowed, found {len(trees)}")
    (tree,) = trees
    if isinstance(tree, exp.Condition) and not isinstance(tree, exp.Query):
        raise QueryFailed(f"SYNTAX_ERROR: line 1:1: mismatched input {text.split(maxsplit=1)[0]!r}")
    if not isinstance(tree, exp.Query):
        verb = str(tree.this) if isinstance(tree, exp.Command) else tree.key
        raise QueryFailed(f"NOT_SUPPORTED: {verb.upper()}: the emulated Athena runs {_SUPPORTED} only")
    return tree


def plan_query(tree: exp.Query, database: str, find_table: FindTable) -> PlannedQuery:
    """The engine's statement for a SELECT; `find_table` gives a table of the catalog or raises `QueryFailed`."""
    tree = qualify_tables(tree.copy(), db=database, dialect=ATHENA)
    tables = {(table.db, table.name): find_table(table.db, table.name) for table in _find_tables(tree)}
    schema = MappingSchema(dialect=ATHENA)
    for (owner, name), table in tables.items():
        schema.add_table(f'"{owner}"."{name}"', dict(table.all_columns), dialect=ATHENA)
    try:
        tree = pushdown_projections(qualify(tree, schema=schema, db=database, dialect=ATHENA), schema=schema)
    except (OptimizeError, ParseError) as error:
        raise QueryFailed(f"COLUMN_NOT_FOUND: {str(error).splitlines()[0]}") from None
    tree = annotate_types(tree, schema=schema, dialect=ATHENA)
    scans = tuple(_name_scans(tree, tables))
    return PlannedQuery(_name_unnamed(tree.transform(_divide_integers)).sql(dialect="duckdb"), scans)


def _find_tables(tree: exp.Expr) -> Iterator[exp.Table]:
    """The tables of the catalog that a qualified statement names; others are its own WITH queries."""
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            raise QueryFailed(f"NOT_SUPPORTED: {table.sql(dialect=ATHENA)}: the emulated Athena has no table functions")
        if table.catalog and table.catalog.lower() != CATALOG:
            raise QueryFailed(f"CATALOG_NOT_FOUND: {table.catalog}: there is only {CATALOG}")
        if table.db:
            table.set("catalog", None)
            table.set("db", exp.to_identifier(table.db.lower(), quoted=True))
            table.set("this", exp.to_identifier(table.name.lower(), quoted=True))
            yield table


def _name_scans(tree: exp.Expr, tables: dict[tuple[str, str], CatalogTable]) -> Iterator[Scan]:
    """One scan for each place that reads a table, which from now on bears the scan's name."""
    number = 0
    for scope in traverse_scope(tree):
        for alias, source in scope.sources.items():
            if not isinstance(source, exp.Table) or not source.db:
                continue
            table = tables[source.db, source.name]
            used = {column.name for column in scope.expression.find_all(exp.Column) if column.table == alias}
            yield Scan(
                name=f"scan_{number}",
                table=table,
                columns=tuple(name for name in table.all_columns if name in used),
                partition_condition=_find_partition_condition(scope, alias, table),
            )
            source.set("db", None)
            source.set("this", exp.to_identifier(f"scan_{number}", quoted=True))
            number += 1


def _find_partition_condition(scope: Scope, alias: str, table: CatalogTable) -> str | None:
    """The conditions of the scan's own WHERE that read nothing but partition keys, joined by AND."""
    where = scope.expression.args.get("where")
    # Behind an outer join a condition also sees rows that no object holds.
    if where is None or any(join.side for join in scope.expression.args.get("joins") or ()):
        return None
    found = []
    for condition in where.this.unnest().flatten() if isinstance(where.this.unnest(), exp.And) else [where.this]:
        columns = list(condition.find_all(exp.Column))
        of_keys = all(c.table == alias and c.name in table.partition_keys for c in columns)
        if columns and of_keys and condition.find(exp.Query) is None:
            bare = condition.transform(lambda n: exp.column(n.name, quoted=True) if isinstance(n, exp.Column) else n)
            found.append(f"({bare.transform(_divide_integers).sql(dialect='duckdb')})")
    return " AND ".join(found) or None


def _divide_integers(node: exp.Expr) -> exp.Expr:
    """Two whole numbers divide to a whole number in Athena, and to a fraction in duckdb."""
    if isinstance(node, exp.Div) and all(side.is_type(*exp.DataType.INTEGER_TYPES) for side in (node.left, node.right)):
        return exp.IntDiv(this=node.left, expression=node.right)
    return node


def _name_unnamed(tree: exp.Expr) -> exp.Expr:
    """Columns without a name are called as Athena calls them: _col0, _col1."""
    for query in tree.find_all(exp.Select):
        for column in query.selects:
            if column.alias.startswith(_UNNAMED) and column.alias.removeprefix(_UNNAMED).isdigit():
                number = column.alias.removeprefix(_UNNAMED)
                column.set("alias", exp.to_identifier(f"_col{number}", quoted=True))
        break
    return tree
