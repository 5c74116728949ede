"""Prepares CREATE TABLE and CREATE VIEW for duckdb: what Snowflake declares and does not enforce is taken out."""

from __future__ import annotations

from functools import cache

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError

from sandbox.snowpipe.sql_errors import syntax_error
from sandbox.snowpipe.sql_names import ObjectName, SessionScope

# Snowflake keeps these constraints as documentation: docs.snowflake.com/en/sql-reference/constraints-overview.
_NOT_ENFORCED = (
    exp.PrimaryKeyColumnConstraint, exp.UniqueColumnConstraint, exp.PrimaryKey, exp.ForeignKey, exp.Reference,
    exp.UniqueKeyProperty,
)  # fmt: skip
_NAMED = (exp.Column, exp.ColumnDef, exp.Alias, exp.TableAlias, exp.Table, exp.Schema)
PREPARED = (exp.Create, exp.Comment, exp.Select)
_KEPT_PROPERTIES = (exp.SchemaCommentProperty, exp.TemporaryProperty)


def parse_ddl(text: str) -> exp.Expr:
    """Return the parsed statement, or raise the syntax error that a client reads."""
    try:
        return sqlglot.parse_one(text, read="snowflake")
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        found = first.get("highlight", "")
        raise syntax_error(
            f"syntax error line {first.get('line', 1)} at position {first.get('col', 0)} unexpected '{found}'."
        ) from None


def prepare_statement(tree: exp.Expr) -> exp.Expr:
    """Return the statement as fakesnow needs it: see the module's first line, and Snowflake's names for columns."""
    if isinstance(tree, exp.Create) and tree.kind in ("TABLE", "VIEW"):
        tree = _strip_unenforced(tree)
    if isinstance(tree, exp.Select):
        tree.set("expressions", [_name_column(column) for column in tree.expressions])
    # fakesnow puts the text of a table's comment into SQL as it is.
    owners = [tree] if isinstance(tree, exp.Comment) else list(tree.find_all(exp.SchemaCommentProperty))
    for owner in owners:
        text = owner.args.get("expression") if isinstance(owner, exp.Comment) else owner.this
        if isinstance(text, exp.Literal) and str(tree.args.get("kind")).upper() in ("TABLE", "VIEW"):
            text.set("this", text.name.replace("'", "''"))
    return tree


@cache
def _list_reserved() -> frozenset[str]:
    with duckdb.connect() as connection:
        rows = connection.execute("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'")
        return frozenset(name.upper() for (name,) in rows.fetchall())


def quote_reserved(tree: exp.Expr) -> bool:
    """Quote the names that are reserved in duckdb and free in Snowflake; returns whether there were any."""
    found = [
        name
        for name in tree.find_all(exp.Identifier)
        if not name.quoted and name.name.upper() in _list_reserved() and isinstance(name.parent, _NAMED)
    ]
    for name in found:
        name.replace(exp.to_identifier(name.name.upper(), quoted=True))
    return bool(found)


def _name_column(column: exp.Expr) -> exp.Expr:
    """Return an expression of a SELECT under the name that Snowflake gives it: its own text in upper case."""
    if isinstance(column, exp.Alias | exp.Column | exp.Star | exp.Placeholder | exp.Parameter | exp.Dot):
        return column
    if column.find(exp.Star) and not isinstance(column, exp.Count):
        return column
    return exp.alias_(column, exp.to_identifier(column.sql("snowflake").upper(), quoted=True))


def _strip_unenforced(tree: exp.Expr) -> exp.Expr:
    """Return the CREATE without constraints that Snowflake does not enforce and without storage parameters."""
    schema = tree.this
    if isinstance(schema, exp.Schema):
        kept = [item for item in schema.expressions if not _is_unenforced(item)]
        for column in kept:
            if isinstance(column, exp.ColumnDef):
                constraints = [item for item in column.args.get("constraints") or [] if not _is_unenforced(item)]
                column.set("constraints", constraints)
        schema.set("expressions", kept)
    if properties := tree.args.get("properties"):
        left = [item for item in properties.expressions if isinstance(item, _KEPT_PROPERTIES)]
        tree.set("properties", exp.Properties(expressions=left) if left else None)
    return tree


def _is_unenforced(node: exp.Expr) -> bool:
    inner = node.args.get("kind") if isinstance(node, exp.ColumnConstraint) else node
    if isinstance(node, exp.Constraint):
        return all(_is_unenforced(item) for item in node.expressions)
    return isinstance(inner, _NOT_ENFORCED)


def name_table(tree: exp.Expr, scope: SessionScope) -> ObjectName | None:
    """Return the table that a statement creates, drops or renames, or None where its schema is not known."""
    table = tree.find(exp.Table)
    if table is None:
        return None
    parts = [
        part.this if part.quoted else part.this.upper() for part in table.parts if isinstance(part, exp.Identifier)
    ]
    filled = [*(scope.database or "", scope.schema or "")[: 3 - len(parts)], *parts]
    return ObjectName(*filled) if len(filled) == 3 and all(filled) else None
