"""The destination `snowflake`: rows, and the offsets they came from, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import NamedTuple

from connections.row_inserts import open_transaction
from connections.row_judging import open_judge
from connections.settings import Settings
from connections.warehouse import (
    Connection,
    StatementFailed,
    execute_statement,
    name_loader_role,
    open_warehouse,
)
from connections.way_tables import advise_deployment, check_tables
from kafka_consumer.destination import Batch, Partition, Slice, Written
from kafka_consumer.snowflake_loading import LoadRows, choose_loading
from kafka_consumer.starts import check_topic_id
from pipeline_contract.ddl import way_table_name
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract
from pipeline_contract.row_judge import JudgedRows, RowJudge
from pipeline_contract.ways import WayTables, derive_way_tables


class Standing(NamedTuple):
    """How far the tables are in one partition: the next offset, None before the first row, and the batch that moved it."""

    topic_id: str | None
    next_offset: int | None
    batch_id: str | None


class _Overtaken(Exception):
    """The tables do not stand where the batch begins."""


class SnowflakeDestination:
    """The tables of the way `direct`; a lost connection is opened again by the next call."""

    def __init__(
        self, contract: Contract, settings: Settings, judge: RowJudge, choose: Callable[[Connection], LoadRows]
    ) -> None:
        self._pipeline = contract.name
        self._settings = settings
        self._judge = judge
        self._choose = choose
        self._tables: WayTables = derive_way_tables(contract, "direct")
        self._open: tuple[Connection, LoadRows] | None = None

    def resume(self, committed: Mapping[Partition, int | None]) -> dict[Partition, int | None]:
        """Where the tables stand; what the group has committed only follows that."""
        connection, _ = self._connect()
        with self._closing_on_failure():
            standings = self._read_standings(connection, committed)
        return {partition: standing.next_offset for partition, standing in standings.items()}

    def write(self, batch: Batch) -> Written:
        """Insert the rows and move the offsets, both or neither; where another consumer was faster, neither."""
        judged = self._judge.judge(batch.messages, batch.id)
        connection, load = self._connect()
        with self._closing_on_failure():
            try:
                with open_transaction(connection):
                    load(connection, self._tables.curated, judged.curated, batch.id)
                    load(connection, self._tables.rejected, judged.rejected, batch.id)
                    # Last, because from here to the commit others wait: for minutes, if this consumer dies in between.
                    for piece in batch.slices:
                        self._move(connection, piece, batch.id)
            except _Overtaken:
                return self._find_out(connection, batch, judged)
        return Written({piece.partition: piece.end for piece in batch.slices}, count_rows(judged))

    def close(self) -> None:
        """Close the connection."""
        if self._open:
            (connection, _), self._open = self._open, None
            # A server that is gone cannot be told; it ends the session by itself.
            with suppress(Exception):
                connection.close()

    def _connect(self) -> tuple[Connection, LoadRows]:
        if self._open is None:
            warehouse = self._settings.warehouse
            place = self._tables.curated
            connection = open_warehouse(
                warehouse,
                database=place.database,
                schema=place.schema,
                role=name_loader_role(warehouse),
                paramstyle="qmark",
                outage_s=warehouse.timeout_s,
            )
            with self._closing_on_failure():
                check_tables(connection, self._tables, self._pipeline)
                self._open = connection, self._choose(connection)
        return self._open

    @contextmanager
    def _closing_on_failure(self) -> Iterator[None]:
        """A session in which something failed is given up: nobody knows what of it still stands."""
        try:
            yield
        except StatementFailed:
            self.close()
            raise

    def _move(self, connection: Connection, piece: Slice, batch_id: str) -> None:
        """Move a partition's offset from where the slice begins to where it ends, or raise `_Overtaken`."""
        statement = f"""
            UPDATE {way_table_name(self._tables.offsets)}
            SET "_TOPIC_ID" = ?, "FIRST_OFFSET" = COALESCE("FIRST_OFFSET", ?), "NEXT_OFFSET" = ?, "_BATCH_ID" = ?,
                "_LOADED_AT" = CURRENT_TIMESTAMP()::TIMESTAMP_NTZ(6)
            WHERE "_TOPIC" = ? AND "_PARTITION" = ?
                AND ("NEXT_OFFSET" IS NULL OR ("_TOPIC_ID" = ? AND "NEXT_OFFSET" = ?))
        """  # noqa: S608 - quoted names
        topic, topic_id, number = piece.partition
        new = (topic_id, piece.first, piece.end, batch_id)
        answer = execute_statement(connection, statement, (*new, topic, number, topic_id, piece.first))
        if int(answer.rows[0][0]) != 1:
            raise _Overtaken

    def _find_out(self, connection: Connection, batch: Batch, judged: JudgedRows) -> Written:
        """Where the tables stand instead: an earlier attempt at the batch was committed, or another consumer wrote."""
        standings = self._read_standings(connection, [piece.partition for piece in batch.slices])
        is_own = all(standing.batch_id == batch.id for standing in standings.values())
        ends = {
            piece.partition: piece.first if (end := standings[piece.partition].next_offset) is None else end
            for piece in batch.slices
        }
        return Written(ends, count_rows(judged) if is_own else {})

    def _read_standings(self, connection: Connection, partitions: Iterable[Partition]) -> dict[Partition, Standing]:
        """How far the tables are in each of these partitions; `TopicMismatch` where they hold another topic's rows."""
        statement = (
            'SELECT "_TOPIC", "_PARTITION", "_TOPIC_ID", "NEXT_OFFSET", "_BATCH_ID" '  # noqa: S608 - quoted names
            f"FROM {way_table_name(self._tables.offsets)}"
        )
        rows = execute_statement(connection, statement).rows
        found = {(topic, number): Standing(*rest) for topic, number, *rest in rows}
        standings = {}
        for partition in partitions:
            standing = found.get((partition.topic, partition.number))
            if standing is None:
                raise ConfigurationError(
                    f"table {self._tables.offsets.name} has no row for topic {partition.topic!r} partition "
                    f"{partition.number}: {advise_deployment(self._pipeline)}"
                )
            if standing.topic_id is not None:
                check_topic_id(partition, standing.topic_id, f"what table {self._tables.curated.name} holds")
            standings[partition] = standing
        return standings


def open_snowflake(contract: Contract, settings: Settings) -> SnowflakeDestination:
    """The tables of the way `direct`; no connection is opened yet."""
    return SnowflakeDestination(contract, settings, open_judge(contract, settings), choose_loading)


def count_rows(judged: JudgedRows) -> dict[str, int]:
    """The rows of each output."""
    return {"curated": len(judged.curated), "rejected": len(judged.rejected)}
