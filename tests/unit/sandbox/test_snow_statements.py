"""Statements that only the sandbox parses: COPY INTO, names, options, stages."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from sandbox.snowflake.acceptance import accept_statement
from sandbox.snowflake.accepted import ACCEPTED_NOT_ENFORCED
from sandbox.snowpipe.copy_statement import (
    CopyStatement,
    check_pipe_copy,
    get_pipe_on_error,
    parse_copy,
    select_files,
)
from sandbox.snowpipe.file_formats import read_file_format
from sandbox.snowpipe.sql_errors import SqlError
from sandbox.snowpipe.sql_names import ObjectName, SessionScope, qualify_name, quote_name, split_name
from sandbox.snowpipe.sql_reader import StatementReader

SCOPE = SessionScope("DB", "S")


class NameCase(NamedTuple):
    """A name as it stands in SQL, and its parts as Snowflake stores them."""

    id: str
    text: str
    parts: list[str]


NAMES = [
    NameCase("unquoted-is-upper", "flights", ["FLIGHTS"]),
    NameCase("quoted-is-kept", '"flights"', ["flights"]),
    NameCase("three-parts", 'a."b.c".D', ["A", "b.c", "D"]),
    NameCase("doubled-quote", '"a""b"', ['a"b']),
    NameCase("unicode", '"tä b"."日本"', ["tä b", "日本"]),
]


@pytest.mark.parametrize("case", NAMES, ids=lambda case: case.id)
def test_names_are_read_as_snowflake_reads_them(case: NameCase) -> None:
    assert split_name(case.text) == case.parts
    assert split_name(".".join(quote_name(part) for part in case.parts)) == case.parts


@pytest.mark.parametrize("text", ["", "a..b", '"a', "a.b.c.d"])
def test_a_broken_name_is_a_syntax_error_that_shows_it(text: str) -> None:
    with pytest.raises(SqlError, match="invalid identifier"):
        qualify_name(text, SCOPE)


def test_a_name_without_a_current_schema_says_what_to_do() -> None:
    with pytest.raises(SqlError, match="USE SCHEMA"):
        qualify_name("t", SessionScope("DB", None))


def copy(text: str) -> CopyStatement:
    """A parsed COPY in the scope of the tests."""
    return parse_copy(text, SCOPE)


def test_a_whole_copy_is_read() -> None:
    statement = copy(
        """COPY INTO x."T t" (a, "b c") -- the table
        FROM (SELECT t.$1:"k" || METADATA$FILENAME, $2 FROM @"my stage"/path/d=1/ t)
        FILE_FORMAT = (TYPE = CSV, NULL_IF = ('', 'NA') FIELD_DELIMITER='|') PATTERN = '.*[.]csv'
        ON_ERROR = 'SKIP_FILE_5%' FORCE = TRUE"""
    )
    assert statement.target == ObjectName("DB", "X", "T t")
    assert statement.columns == ("A", "b c")
    assert statement.source == (ObjectName("DB", "S", "my stage"), "path/d=1/")
    assert statement.select == 'SELECT t.$1:"k" || METADATA$FILENAME, $2 FROM "_SANDBOX_FILE" t'
    assert statement.on_error == ("SKIP_FILE_PERCENT", 5)
    assert statement.options["FILE_FORMAT"] == {"TYPE": "CSV", "NULL_IF": ["", "NA"], "FIELD_DELIMITER": "|"}


class BadCopyCase(NamedTuple):
    """A COPY that Snowflake refuses, and words of the reason."""

    id: str
    text: str
    reason: str


BAD_COPIES = [
    BadCopyCase("no-from", "COPY INTO t", "unexpected end of statement, expected FROM"),
    BadCopyCase("unload", "COPY INTO @s FROM t", "unloading"),
    BadCopyCase("url", "COPY INTO t FROM 's3://b/p/'", "invalid URL prefix"),
    BadCopyCase("unknown-option", "COPY INTO t FROM @s FILEFORMAT=(TYPE=CSV)", "invalid parameter 'FILEFORMAT'"),
    BadCopyCase("on-error", "COPY INTO t FROM @s ON_ERROR=IGNORE", "invalid value 'IGNORE'"),
    BadCopyCase("trailing", "COPY INTO t FROM @s nonsense", "unexpected 'nonsense'"),
    BadCopyCase("SP28-where", "COPY INTO t FROM (SELECT $1 FROM @s WHERE $1 > 1)", "only supports simple SELECT"),
    BadCopyCase(
        "SP18-match-and-select",
        "COPY INTO t FROM (SELECT $1 FROM @s) MATCH_BY_COLUMN_NAME=CASE_INSENSITIVE",
        "not supported with copy transform",
    ),
    BadCopyCase("SP19-metadata", "COPY INTO t FROM @s INCLUDE_METADATA=(a=METADATA$FILENAME)", "MATCH_BY_COLUMN_NAME"),
    BadCopyCase("unclosed", "COPY INTO t FROM (SELECT $1 FROM @s", "unexpected end of statement"),
]


@pytest.mark.parametrize("case", BAD_COPIES, ids=lambda case: case.id)
def test_a_copy_that_snowflake_refuses_is_refused(case: BadCopyCase) -> None:
    with pytest.raises(SqlError) as caught:
        copy(case.text)
    assert case.reason in caught.value.message


@pytest.mark.parametrize(
    "option",
    ["FILES=('a')", "FORCE=TRUE", "PURGE=TRUE", "LOAD_UNCERTAIN_FILES=TRUE", "RETURN_FAILED_ONLY=TRUE",
     "SIZE_LIMIT=10", "ON_ERROR=ABORT_STATEMENT"],
)  # fmt: skip
def test_sp09_a_pipe_refuses_options_of_bulk_loading(option: str) -> None:
    with pytest.raises(SqlError, match="not supported in a pipe"):
        check_pipe_copy(copy(f"COPY INTO t FROM @s {option}"))


def test_sp07_a_pipe_skips_files_where_a_copy_aborts() -> None:
    statement = copy("COPY INTO t FROM @s")
    check_pipe_copy(statement)
    assert statement.on_error.kind == "ABORT_STATEMENT"
    assert get_pipe_on_error(statement).kind == "SKIP_FILE"


def test_sp28_a_pattern_matches_the_whole_path_below_the_stage() -> None:
    statement = copy("COPY INTO t FROM @s/p/ PATTERN='d=1/.*[.]csv'")
    assert select_files(statement, ["d=1/a.csv", "x/d=1/a.csv", "d=1/a.csv.gz"]) == ["d=1/a.csv"]


def test_unknown_file_format_options_are_refused_by_name() -> None:
    with pytest.raises(SqlError, match="'SKIP_HEADERS'"):
        read_file_format({"TYPE": "CSV", "SKIP_HEADERS": "1"})


def test_file_format_options_are_read_with_snowflakes_defaults() -> None:
    read = read_file_format({"TYPE": "csv", "FIELD_DELIMITER": "0x09", "FIELD_OPTIONALLY_ENCLOSED_BY": "NONE"})
    assert (read.field_delimiter, read.field_optionally_enclosed_by, read.null_if) == ("\t", "", ("\\N",))
    assert read_file_format({"TYPE": "PARQUET"}).binary_as_text


ACCEPTED = [
    f"{verb} {accepted.statement.partition(' ')[2]} thing" if verb != "COMMENT" else "COMMENT ON PIPE p IS 'x'"
    for accepted in ACCEPTED_NOT_ENFORCED
    for verb in accepted.statement.partition(" ")[0].split("|")
]
# These are kept, so that DESC INTEGRATION can describe them: see the integration tests.
KEPT = [text for text in ACCEPTED if "INTEGRATION" in text]


@pytest.mark.parametrize("text", [text for text in ACCEPTED if text not in KEPT])
def test_every_statement_listed_as_accepted_is_accepted(text: str) -> None:
    assert accept_statement(text) is not None


@pytest.mark.parametrize("text", KEPT)
def test_integrations_are_kept_and_not_only_accepted(text: str) -> None:
    assert accept_statement(text) is None


@pytest.mark.parametrize(
    "text", ["CREATE TABLE t (role INT)", "COMMENT ON TABLE t IS 'x'", "SELECT 'GRANT'", "USE SCHEMA s", "DROP TABLE t"]
)
def test_statements_with_an_effect_are_not_swallowed(text: str) -> None:
    assert accept_statement(text) is None


def test_two_statements_at_once_are_refused_as_snowflake_refuses_them() -> None:
    with pytest.raises(SqlError, match="statement count 2"):
        StatementReader("SELECT 1; SELECT ';'")
    assert StatementReader("-- a\nSELECT ';' ; -- b").statement == "SELECT ';'"
