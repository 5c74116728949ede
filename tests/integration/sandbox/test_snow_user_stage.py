"""The user's own stage of the emulated Snowflake: PUT by the real connector, LIST, COPY in a transaction, REMOVE."""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pytest
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

from tests.integration.sandbox.snow_lab import SnowLab, connect, query, wait_for, write_parquet

ROWS = pa.table({"n": pa.array([1, 2, 3], pa.int64()), "t": ["a", None, "c"]})
COPY = (
    'COPY INTO T (N, T) FROM (SELECT $1:"n"::NUMBER, $1:"t"::VARCHAR FROM @~/{folder}/) FILE_FORMAT = (TYPE = PARQUET)'
)


def put(
    connection: SnowflakeConnection, folder: str, body: bytes = write_parquet(ROWS), name: str = "x.parquet"
) -> Any:
    """Put bytes into a folder of the stage."""
    statement = f"PUT 'file://{name}' '@~/{folder}/' OVERWRITE = TRUE AUTO_COMPRESS = FALSE"
    return connection.cursor().execute(statement, file_stream=io.BytesIO(body))


def list_names(connection: SnowflakeConnection, folder: str) -> list[str]:
    """The files of a folder of the stage."""
    return [row[0] for row in query(connection, f"LIST @~/{folder}/")]


def test_a_file_is_put_listed_copied_once_and_removed(snow: SnowLab, unique_name: str) -> None:
    cursor = snow.connection.cursor()
    cursor.execute("CREATE TABLE T (N NUMBER, T VARCHAR)")
    put(snow.connection, unique_name)
    assert list_names(snow.connection, unique_name) == [f"@~/{unique_name}/x.parquet"]

    cursor.execute(COPY.format(folder=unique_name))
    cursor.execute(COPY.format(folder=unique_name))

    assert snow.run("SELECT N, T FROM T ORDER BY N") == [(1, "a"), (2, None), (3, "c")]
    cursor.execute(f"REMOVE @~/{unique_name}/")
    assert list_names(snow.connection, unique_name) == []


def test_a_copy_and_its_history_are_rolled_back_with_the_transaction(snow: SnowLab, unique_name: str) -> None:
    cursor = snow.connection.cursor()
    cursor.execute("CREATE TABLE T (N NUMBER, T VARCHAR)")
    put(snow.connection, unique_name)

    cursor.execute("BEGIN")
    cursor.execute(COPY.format(folder=unique_name))
    cursor.execute("ROLLBACK")
    assert snow.run("SELECT COUNT(*) FROM T") == [(0,)]
    cursor.execute(COPY.format(folder=unique_name) + " PURGE = TRUE")

    assert snow.run("SELECT COUNT(*) FROM T") == [(3,)]
    assert list_names(snow.connection, unique_name) == []


def test_of_two_transactions_that_move_one_row_the_second_changes_nothing(
    snow: SnowLab, snowflake_port: int, unique_name: str
) -> None:
    first = snow.connection
    first.cursor().execute("CREATE TABLE P (NAME VARCHAR, NEXT NUMBER)")
    first.cursor().execute("INSERT INTO P VALUES ('p', 0)")
    second = connect(snowflake_port, database=first.database, schema=first.schema)
    move = "UPDATE P SET NEXT = NEXT + 10 WHERE NAME = 'p' AND NEXT = 0"
    for connection in (first, second):
        connection.cursor().execute("BEGIN")

    assert query(first, move)[0][0] == 1
    with pytest.raises(ProgrammingError):
        second.cursor().execute(move)
    second.cursor().execute("ROLLBACK")
    first.cursor().execute("COMMIT")
    second.cursor().execute("BEGIN")
    assert query(second, move)[0][0] == 0
    second.cursor().execute("COMMIT")

    assert query(first, "SELECT NEXT FROM P") == [(10,)]
    second.close()


def test_a_transaction_whose_client_is_gone_is_rolled_back_when_it_blocks_another(
    snow: SnowLab, snowflake_port: int
) -> None:
    first = snow.connection
    snow.run("CREATE TABLE P (NEXT NUMBER)")
    snow.run("INSERT INTO P VALUES (0)")
    gone = connect(snowflake_port, database=first.database, schema=first.schema)
    gone.cursor().execute("BEGIN")
    gone.cursor().execute("UPDATE P SET NEXT = 1")

    def move() -> bool:
        try:
            snow.run("UPDATE P SET NEXT = 2")
        except ProgrammingError:
            return False
        return True

    assert not move()
    wait_for(move, "the end of the transaction that nobody goes on with")

    gone.cursor().execute("COMMIT")
    assert snow.run("SELECT NEXT FROM P") == [(2,)]
    gone.close()


@pytest.mark.parametrize("folder", ["../outside", "a/../../outside"])
def test_a_path_does_not_lead_out_of_the_stage(folder: str, snow: SnowLab) -> None:
    with pytest.raises(ProgrammingError, match="invalid stage path"):
        put(snow.connection, folder)
