"""The real connector against the emulated Snowflake: types, names, transactions, errors."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from snowflake.connector import DictCursor
from snowflake.connector.errors import ProgrammingError

from tests.integration.sandbox.snow_lab import SnowLab, connect, query

LONG = "x" * 5000


class TypeCase(NamedTuple):
    """A column type, a value in SQL, and what the connector returns."""

    id: str
    type: str
    literal: str
    value: Any


TYPES = [
    TypeCase("number", "NUMBER(19,0)", "9007199254740993", 9007199254740993),
    TypeCase("decimal", "NUMBER(10,2)", "1234.56", Decimal("1234.56")),
    TypeCase("float", "FLOAT", "1.5", 1.5),
    TypeCase("text", "VARCHAR", "'it''s — 日本'", "it's — 日本"),
    TypeCase("empty-text", "VARCHAR", "''", ""),
    TypeCase("boolean", "BOOLEAN", "TRUE", True),
    TypeCase("date", "DATE", "'2013-01-02'", date(2013, 1, 2)),
    TypeCase("time", "TIME", "'10:11:12.5'", time(10, 11, 12, 500000)),
    TypeCase(
        "ntz", "TIMESTAMP_NTZ(6)", "'2013-01-02 03:04:05.123456'", datetime.fromisoformat("2013-01-02T03:04:05.123456")
    ),
    TypeCase(
        "ntz-1969", "TIMESTAMP_NTZ(6)", "'1969-12-31 23:59:59.5'", datetime.fromisoformat("1969-12-31T23:59:59.5")
    ),
    TypeCase("tz", "TIMESTAMP_TZ", "'2013-01-02 03:00:00+01:00'", datetime(2013, 1, 2, 2, tzinfo=UTC)),
    TypeCase("binary", "BINARY", "TO_BINARY('ff00', 'HEX')", bytearray(b"\xff\x00")),
]


@pytest.mark.parametrize("case", TYPES, ids=lambda case: case.id)
def test_values_and_nulls_come_back_as_they_went(snow: SnowLab, case: TypeCase) -> None:
    snow.run(f'CREATE TABLE t (n INT, "väl ue" {case.type})')
    snow.run(f"INSERT INTO t SELECT 1, {case.literal}")
    snow.run("INSERT INTO t SELECT 2, NULL")
    assert snow.run('SELECT "väl ue" FROM t ORDER BY n') == [(case.value,), (None,)]
    assert snow.run("SELECT * FROM t WHERE n > 5") == []


def test_variant_paths_and_qualify_work(snow: SnowLab) -> None:
    snow.run("CREATE TABLE t (v VARIANT)")
    snow.run("""INSERT INTO t SELECT PARSE_JSON('{"a": {"b": [1, 2]}, "s": "x"}')""")
    assert snow.run("SELECT v:a.b[1]::NUMBER, v:s::VARCHAR FROM t") == [(2, "x")]
    rows = snow.run("SELECT 1 AS a FROM t QUALIFY ROW_NUMBER() OVER (PARTITION BY a ORDER BY a) = 1")
    assert rows == [(1,)]


def test_large_results_and_batches_arrive_whole(snow: SnowLab) -> None:
    snow.run("CREATE TABLE t (n INT, s VARCHAR)")
    with snow.connection.cursor() as cursor:
        cursor.executemany("INSERT INTO t VALUES (%s, %s)", [(n, f"it's {n}") for n in range(300)])
        assert cursor.rowcount == 300
    snow.run("INSERT INTO t SELECT a.n * 300 + b.n, a.s FROM t a JOIN t b ON a.n > 0")
    rows = snow.run("SELECT n FROM t ORDER BY n")
    assert [n for (n,) in rows] == list(range(90_000))


def test_columns_have_snowflakes_names(snow: SnowLab) -> None:
    with snow.connection.cursor(DictCursor) as cursor:
        cursor.execute('SELECT COUNT(*), 1 AS a, 2 AS "b" FROM (SELECT 1)')
        assert cursor.fetchall() == [{"COUNT(*)": 1, "A": 1, "b": 2}]


def test_constraints_are_declared_and_not_enforced_except_not_null(snow: SnowLab) -> None:
    snow.run("CREATE TABLE t (id INT NOT NULL UNIQUE, b INT, PRIMARY KEY (id)) CLUSTER BY (b) COMMENT = 'it''s'")
    snow.run("INSERT INTO t VALUES (1, 1), (1, 2)")
    assert snow.run("SELECT COUNT(*) FROM t") == [(2,)]
    with pytest.raises(ProgrammingError, match="NOT NULL"):
        snow.run("INSERT INTO t VALUES (NULL, 1)")


def test_transactions_hold_over_connections(snow: SnowLab) -> None:
    snow.run("CREATE TABLE t (n INT)")
    other = connect(snow.port, database="SNOWTEST", schema=snow.schema)
    snow.run("BEGIN")
    snow.run("INSERT INTO t VALUES (1)")
    assert query(other, "SELECT COUNT(*) FROM t") == [(0,)]
    snow.run("ROLLBACK")
    snow.run("BEGIN")
    snow.run("INSERT INTO t VALUES (2)")
    snow.run("COMMIT")
    assert query(other, "SELECT n FROM t") == [(2,)]
    snow.run("COMMIT")
    other.close()


def test_autocommit_off_commits_when_told(snow: SnowLab) -> None:
    snow.run("CREATE TABLE t (n INT)")
    other = connect(snow.port, database="SNOWTEST", schema=snow.schema, autocommit=False)
    query(other, "INSERT INTO t VALUES (1)")
    assert snow.run("SELECT COUNT(*) FROM t") == [(0,)]
    other.commit()
    assert snow.run("SELECT COUNT(*) FROM t") == [(1,)]
    other.close()


def test_names_with_quotes_spaces_and_other_letters(snow: SnowLab) -> None:
    snow.run('CREATE SCHEMA "s-1 日本"')
    snow.run('CREATE TABLE "tä ""b""" ("cö l" INT, lower INT)')
    snow.run('INSERT INTO "tä ""b""" VALUES (1, 2)')
    assert snow.run('SELECT "cö l", LOWER FROM SNOWTEST."s-1 日本"."tä ""b"""') == [(1, 2)]
    snow.run('DROP SCHEMA "s-1 日本"')


class ErrorCase(NamedTuple):
    """A statement that fails, the error number, and words of the message."""

    id: str
    sql: str
    errno: int
    words: str


ERRORS = [
    ErrorCase("syntax", "SELEC 1", 1003, "syntax error line 1 at position 7 unexpected"),
    ErrorCase("no-table", "SELECT * FROM nope", 2003, "NOPE"),
    ErrorCase("no-stage", "LIST @nope", 2003, "NOPE"),
    ErrorCase("no-database", "USE DATABASE nope", 2003, "NOPE"),
    ErrorCase("no-pipe", "SELECT SYSTEM$PIPE_STATUS('nope')", 2003, "NOPE"),
    ErrorCase("no-file-format", "DESC FILE FORMAT nope", 2003, "NOPE"),
    ErrorCase("exists", "CREATE SCHEMA PUBLIC", 2002, "PUBLIC"),
    ErrorCase("bad-value", "SELECT 'x'::NUMBER", 100035, "x"),
    ErrorCase("two", "SELECT 1; SELECT 2", 8, "statement count 2"),
    ErrorCase("stage-url", "CREATE STAGE s URL='gcs://b/'", 1011, "gcs://b/"),
    ErrorCase("integration", "CREATE STORAGE INTEGRATION i TYPE=EXTERNAL_STAGE", 1420, "STORAGE_PROVIDER"),
    ErrorCase("stream", "CREATE STREAM s ON TABLE first_table", 1003, ""),
]


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case.id)
def test_errors_are_snowflake_errors(snow: SnowLab, case: ErrorCase) -> None:
    with pytest.raises(ProgrammingError) as caught:
        snow.run(case.sql)
    assert caught.value.errno == case.errno
    assert case.words.lower() in str(caught.value).lower()
    assert snow.run("SELECT 1") == [(1,)]


def test_a_table_is_described_by_its_full_name_without_a_current_database(snow: SnowLab) -> None:
    snow.run("CREATE TABLE t (id NUMBER(19,0) NOT NULL, name VARCHAR(20), at TIMESTAMP_NTZ(6), raw BINARY, v VARIANT)")
    snow.run("CREATE VIEW vw AS SELECT id FROM t")
    with closing(connect(snow.port)) as bare:
        described = query(bare, f'DESC TABLE "SNOWTEST"."{snow.schema}"."T"')
        assert [(name, kind, null) for name, kind, _, null, *_ in described] == [
            ("ID", "NUMBER(19,0)", "N"),
            ("NAME", "VARCHAR(20)", "Y"),
            ("AT", "TIMESTAMP_NTZ(9)", "Y"),
            ("RAW", "BINARY(8388608)", "Y"),
            ("V", "VARIANT", "Y"),
        ]
        assert [row[0] for row in query(bare, f"DESCRIBE VIEW snowtest.{snow.schema}.vw")] == ["ID"]
        with pytest.raises(ProgrammingError, match="NOPE") as missing:
            query(bare, f"DESC TABLE SNOWTEST.{snow.schema}.NOPE")
        with pytest.raises(ProgrammingError, match="current database") as unqualified:
            query(bare, "DESC TABLE t")
    assert (missing.value.errno, unqualified.value.errno) == (2003, 90105)
    assert snow.run("DESC TABLE t") == described


def test_a_table_is_described_inside_the_transaction_that_makes_it(snow: SnowLab) -> None:
    snow.run("BEGIN")
    snow.run("CREATE TABLE fresh (n INT)")
    assert [row[0] for row in snow.run("DESC TABLE fresh")] == ["N"]
    snow.run("ROLLBACK")


class SchemasCase(NamedTuple):
    """What follows SHOW SCHEMAS, with {0} for the test's schema, and the names that are shown."""

    id: str
    words: str
    shown: list[str]


SCHEMAS = [
    SchemasCase("like", "LIKE '{0}'", ["{0}"]),
    SchemasCase("like-any-case", "LIKE 'public' IN DATABASE snowtest", ["PUBLIC"]),
    SchemasCase("like-wild", "LIKE '%{1}' IN SNOWTEST", ["{0}"]),
    SchemasCase("none", "LIKE 'nope%' IN ACCOUNT", []),
    SchemasCase("starts-with", "IN DATABASE STARTS WITH 'INFORMATION'", ["INFORMATION_SCHEMA"]),
    SchemasCase("limit", "LIKE '{0}' LIMIT 1", ["{0}"]),
]


@pytest.mark.parametrize("case", SCHEMAS, ids=lambda case: case.id)
def test_show_schemas_shows_what_it_is_asked_for(snow: SnowLab, case: SchemasCase) -> None:
    names = (snow.schema, snow.schema[1:])
    with snow.connection.cursor(DictCursor) as cursor:
        cursor.execute(f"SHOW SCHEMAS {case.words.format(*names)}")
        rows = cursor.fetchall()
    assert [row["name"] for row in rows] == [name.format(*names) for name in case.shown]
    assert {row["database_name"] for row in rows} <= {"SNOWTEST"}


def test_show_schemas_without_a_current_database_shows_those_of_all(snow: SnowLab) -> None:
    with closing(connect(snow.port)) as bare:
        assert [row[1] for row in query(bare, f"SHOW TERSE SCHEMAS LIKE '{snow.schema}'")] == [snow.schema]
        with pytest.raises(ProgrammingError, match="NOPE"):
            query(bare, "SHOW SCHEMAS IN DATABASE nope")


def test_an_integration_is_described_with_emulated_values(snow: SnowLab) -> None:
    snow.run(
        f"CREATE STORAGE INTEGRATION {snow.schema} TYPE=EXTERNAL_STAGE STORAGE_PROVIDER='S3' ENABLED=TRUE "
        "STORAGE_AWS_ROLE_ARN='arn:aws:iam::1:role/r' STORAGE_ALLOWED_LOCATIONS=('s3://a/', 's3://b/c/')"
    )
    found = {row[0]: row[2] for row in snow.run(f"DESC INTEGRATION {snow.schema}")}
    assert found["STORAGE_ALLOWED_LOCATIONS"] == "s3://a/,s3://b/c/"
    assert "emulated" in found["STORAGE_AWS_IAM_USER_ARN"]
    with pytest.raises(ProgrammingError, match="not allowed by integration"):
        snow.run(f"CREATE STAGE s URL='s3://other/' STORAGE_INTEGRATION={snow.schema}")


def test_sp27_a_recreated_integration_has_another_external_id_unless_it_is_given(snow: SnowLab) -> None:
    def read_id(options: str) -> str:
        snow.run(
            f"CREATE OR REPLACE STORAGE INTEGRATION {snow.schema} TYPE=EXTERNAL_STAGE STORAGE_PROVIDER='S3' "
            "ENABLED=TRUE STORAGE_AWS_ROLE_ARN='arn:aws:iam::1:role/r' STORAGE_ALLOWED_LOCATIONS=('s3://a/') " + options
        )
        return str({row[0]: row[2] for row in snow.run(f"DESC INTEGRATION {snow.schema}")}["STORAGE_AWS_EXTERNAL_ID"])

    assert read_id("") != read_id("")
    assert read_id("STORAGE_AWS_EXTERNAL_ID='mine'") == "mine"


def test_monitoring_sources_can_be_queried(snow: SnowLab) -> None:
    sources: list[Callable[[], str]] = [
        lambda: "SNOWFLAKE.ACCOUNT_USAGE.COPY_HISTORY",
        lambda: "SNOWFLAKE.ACCOUNT_USAGE.PIPE_USAGE_HISTORY",
        lambda: "INFORMATION_SCHEMA.LOAD_HISTORY",
        lambda: "INFORMATION_SCHEMA.PIPES",
        lambda: "INFORMATION_SCHEMA.TABLES",
    ]
    for source in sources:
        assert snow.run(f"SELECT COUNT(*) AS n FROM {source()} x WHERE 1 = 0") == [(0,)]


class AlterCase(NamedTuple):
    """A column's type, the type that it shall become, and whether Snowflake does that."""

    id: str
    was: str
    now: str
    allowed: bool


ALTERS = [
    AlterCase("more-digits", "NUMBER(10,0)", "NUMBER(19,0)", True),
    AlterCase("fewer-digits-that-hold-the-rows", "NUMBER(19,0)", "NUMBER(10,0)", True),
    AlterCase("more-digits-same-scale", "NUMBER(12,2)", "NUMBER(38,2)", True),
    AlterCase("another-scale", "NUMBER(12,2)", "NUMBER(14,4)", False),
    AlterCase("number-to-text", "NUMBER(12,0)", "VARCHAR", False),
    AlterCase("number-to-float", "NUMBER(12,0)", "FLOAT", False),
    AlterCase("day-to-time", "DATE", "TIMESTAMP_NTZ(6)", False),
    AlterCase("longer-text", "VARCHAR(10)", "VARCHAR(20)", True),
    AlterCase("shorter-text", "VARCHAR(20)", "VARCHAR(10)", False),
]


@pytest.mark.parametrize("case", ALTERS, ids=lambda case: case.id)
def test_a_column_changes_to_the_types_that_snowflake_changes_it_to(snow: SnowLab, case: AlterCase) -> None:
    snow.run(f"CREATE TABLE t (n {case.was}, other FLOAT NOT NULL)")
    statement = f"ALTER TABLE t ALTER COLUMN n SET DATA TYPE {case.now}"
    before = snow.run("DESCRIBE TABLE t")
    if case.allowed:
        snow.run(statement)
        assert snow.run("DESCRIBE TABLE t")[0][1].startswith(case.now)
    else:
        with pytest.raises(ProgrammingError, match="cannot change column N"):
            snow.run(statement)
        assert snow.run("DESCRIBE TABLE t") == before
    snow.run("ALTER TABLE t ALTER COLUMN other DROP NOT NULL")
    assert snow.run("DESCRIBE TABLE t")[1][3] == "Y"
