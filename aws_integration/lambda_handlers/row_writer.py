"""One partition's messages into the warehouse: rows, and the offsets that they came from, in one transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from connections.row_inserts import insert_rows, open_transaction
from connections.warehouse import Connection, execute_statement
from connections.way_tables import advise_deployment
from pipeline_contract.ddl import way_table_name
from pipeline_contract.errors import ConfigurationError, ServiceError, TopicMismatch
from pipeline_contract.kafka_event import EventSlice
from pipeline_contract.offset_ranges import Range, is_taken, merge_range
from pipeline_contract.row_judge import Message, RowJudge
from pipeline_contract.ways import WayTables

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - times of the warehouse have no zone
# Brokers refuse times further ahead of their clock (log.message.timestamp.after.max.ms).
MAX_AHEAD_MS = 3_600_000


class Overtaken(ServiceError):
    """Another invocation has written to the partition meanwhile: look again."""


class Counts(NamedTuple):
    """The rows that were written, and the messages that were there already."""

    curated: int = 0
    rejected: int = 0
    repeated: int = 0

    def __add__(self, other: Counts) -> Counts:  # type: ignore[override]
        return Counts(*(one + more for one, more in zip(self, other, strict=True)))


class Standing(NamedTuple):
    """What the warehouse has of a partition: ranges, when the last one was written, and by whom (empty before the first)."""

    taken: tuple[Range, ...]
    written_at: datetime
    turn: str
    rows: int


class RowWriter:
    """Judges messages and writes them; each message once, in whatever order and however often it comes."""

    def __init__(self, pipeline: str, tables: WayTables, judge: RowJudge) -> None:
        self._pipeline = pipeline
        self._tables = tables
        self._judge = judge

    def write(self, connection: Connection, piece: EventSlice, batch_id: str) -> Counts:
        """Write what of a slice is not there yet; `batch_id` must be no earlier one's.

        Nothing is written where this raises: `Overtaken` and other `ServiceError`s may pass, others stay.
        """
        with open_transaction(connection):
            standing = self._read_standing(connection, piece)
            new = self._choose_new(piece, standing)
            merged = merge_range(standing.taken, Range(piece.first, piece.end))
            if merged in standing.taken:
                return Counts(repeated=len(piece.messages))
            judged = self._judge.judge(new, batch_id)
            insert_rows(connection, self._tables.curated, judged.curated)
            insert_rows(connection, self._tables.rejected, judged.rejected)
            self._take_turn(connection, piece, standing, batch_id)
            self._replace_ranges(connection, piece, merged, batch_id)
        return Counts(len(judged.curated), len(judged.rejected), len(piece.messages) - len(new))

    def _read_standing(self, connection: Connection, piece: EventSlice) -> Standing:
        statement = (
            'SELECT "FIRST_OFFSET", "NEXT_OFFSET", "_TOPIC_ID", "_BATCH_ID", "_LOADED_AT" '  # noqa: S608 - quoted names
            f'FROM {way_table_name(self._tables.offsets)} WHERE "_TOPIC" = ? AND "_PARTITION" = ?'
        )
        rows = execute_statement(connection, statement, (piece.topic, piece.partition)).rows
        if not rows:
            raise ConfigurationError(
                f"table {self._tables.offsets.name} has no row for topic {piece.topic!r} partition {piece.partition}: "
                f"{advise_deployment(self._pipeline)}"
            )
        taken = tuple(Range(first, end) for first, end, *_ in rows if first is not None)
        known = {topic_id for _, _, topic_id, *_ in rows} - {None}
        if known - {piece.topic_id}:
            raise self._explain_mismatch(piece, f"of the topic with the id {piece.topic_id}, but {known.pop()} is")
        turns = {turn or "" for *_, turn, _ in rows}
        written_at = max((at for *_, at in rows if at is not None), default=datetime.min)  # noqa: DTZ901 - no zones here
        if len(turns) > 1:
            raise Overtaken(f"{piece.name}: another invocation is writing")
        return Standing(taken, written_at, turns.pop(), len(rows))

    def _choose_new(self, piece: EventSlice, standing: Standing) -> list[Message]:
        """The messages whose offsets are not taken.

        One that was sent after its offset was taken is another message: a topic that was created again has begun at
        offset 0 anew, and the event of a trigger does not tell.
        """
        latest_ms = (standing.written_at - EPOCH) / timedelta(milliseconds=1) + MAX_AHEAD_MS
        taken = [message for message in piece.messages if is_taken(standing.taken, message.offset)]
        if later := next((message for message in taken if message.timestamp_ms > latest_ms), None):
            raise self._explain_mismatch(piece, f"younger than the row that offset {later.offset} has")
        offsets = {message.offset for message in taken}
        return [message for message in piece.messages if message.offset not in offsets]

    def _explain_mismatch(self, piece: EventSlice, what: str) -> TopicMismatch:
        return TopicMismatch(
            f"topic {piece.topic!r} partition {piece.partition}: the messages are {what} in table "
            f"{self._tables.curated.name}: the topic was deleted and created again under its name. Begin with empty tables, "
            "and deploy the function again"
        )

    def _take_turn(self, connection: Connection, piece: EventSlice, standing: Standing, batch_id: str) -> None:
        """Sign all rows of the partition, or raise `Overtaken` where another one has since they were read.

        Snowflake lets one transaction at a time change them, and the next one sees what it has left.
        """
        statement = (
            f'UPDATE {way_table_name(self._tables.offsets)} SET "_BATCH_ID" = ? '  # noqa: S608 - quoted names
            'WHERE "_TOPIC" = ? AND "_PARTITION" = ? AND COALESCE("_BATCH_ID", \'\') = ?'
        )
        answer = execute_statement(connection, statement, (batch_id, piece.topic, piece.partition, standing.turn))
        if int(answer.rows[0][0]) != standing.rows:
            raise Overtaken(f"{piece.name}: another invocation has written meanwhile")

    def _replace_ranges(self, connection: Connection, piece: EventSlice, merged: Range, batch_id: str) -> None:
        table = way_table_name(self._tables.offsets)
        execute_statement(
            connection,
            f'DELETE FROM {table} WHERE "_TOPIC" = ? AND "_PARTITION" = ? '  # noqa: S608 - quoted names
            'AND ("FIRST_OFFSET" IS NULL OR ("FIRST_OFFSET" >= ? AND "NEXT_OFFSET" <= ?))',
            (piece.topic, piece.partition, merged.first, merged.end),
        )
        row = (piece.topic, piece.topic_id, piece.partition, merged.first, merged.end, batch_id)
        insert_rows(connection, self._tables.offsets, [row])
