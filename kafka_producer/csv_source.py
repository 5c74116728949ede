"""Rows out of lines of CSV: a fast way for blocks of one row a line, a careful one for everything else."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from kafka_producer.line_source import LineBlock
from kafka_producer.row import BadRow, Row, SourceItem, reject_bytes
from pipeline_contract.model import Csv

Arrange = Callable[[list[str]], list[str | None]]
NUL_DETAIL = "holds a NUL byte; is the file UTF-16?"


@dataclass(frozen=True)
class CsvParser:
    """How the lines of one source become rows: its dialect, its width, and the order of its columns.

    `message_limit_bytes` bounds a row; `row_limit_bytes` bounds how far a quoted field that does not end is followed.
    """

    dialect: Csv
    width: int
    arrange: Arrange | None
    message_limit_bytes: int
    row_limit_bytes: int

    def open_reader(self, lines: Iterator[str]) -> Any:
        """Python's own CSV reader in this dialect; its field limit is a global of that module."""
        csv.field_size_limit(max(csv.field_size_limit(), 2 * self.row_limit_bytes))
        return csv.reader(
            lines,
            delimiter=self.dialect.delimiter,
            quotechar=self.dialect.quote,
            escapechar=self.dialect.escape,
            doublequote=self.dialect.double_quote,
            strict=True,
        )


def read_csv_rows(blocks: Iterator[LineBlock | BadRow], parser: CsvParser) -> Iterator[list[SourceItem]]:
    """The rows of a source in lists, bad ones in their place; an empty list while a slow source has nothing new."""
    pending = LineBlock(0, 0, [])
    pending_bytes = tried_bytes = 0
    for block in blocks:
        if isinstance(block, BadRow):
            items, _ = parse_carefully(pending, parser, 0) if pending.lines else ([], 0)
            yield [*items, block]
            pending, pending_bytes = LineBlock(0, 0, []), 0
            continue
        if not pending.lines:
            rows = parse_block(block, parser)
            if rows is not None:
                yield rows
                continue
            tried_bytes = 0
        pending = LineBlock(pending.line, pending.start, pending.lines + block.lines) if pending.lines else block
        pending_bytes = sum(map(len, pending.lines))
        # An unfinished row is parsed again from its beginning: only once twice as much is there, so that the work
        # stays proportional to the input.
        if block.lines and pending_bytes < 2 * tried_bytes:
            continue
        items, taken = parse_carefully(pending, parser, parser.row_limit_bytes)
        yield items
        pending = drop_lines(pending, taken)
        tried_bytes = sum(map(len, pending.lines))
    if pending.lines:
        yield parse_carefully(pending, parser, 0)[0]


def drop_lines(block: LineBlock, count: int) -> LineBlock:
    """The block without its first `count` lines."""
    start = block.start + sum(map(len, block.lines[:count]))
    return LineBlock(block.line + count, start, block.lines[count:])


def parse_block(block: LineBlock, parser: CsvParser) -> list[SourceItem] | None:
    """The rows of a block in which every line is one row; None where that is not so, or something is wrong."""
    lines = block.lines
    data = b"".join(lines)
    if b"\0" in data:
        return None
    try:
        text = data.decode(parser.dialect.encoding)
        values = list(parser.open_reader(io.StringIO(text, newline="\n")))
    except (UnicodeDecodeError, csv.Error):
        return None
    if len(values) != len(lines):
        return None
    if parser.arrange:
        values = [parser.arrange(row) if len(row) == parser.width else row for row in values]
    starts = accumulate(map(len, lines), initial=block.start)
    rows: list[SourceItem] = list(map(Row, range(block.line, block.line + len(lines)), starts, lines, values))
    if len(data) <= parser.message_limit_bytes and set(map(len, values)) == {parser.width}:
        return rows
    checked = (check_row(row, parser) for row in rows if isinstance(row, Row))
    return [item for item in checked if item is not None]


def check_row(row: Row, parser: CsvParser) -> SourceItem | None:
    """The row, or the bad row that it is; None for a blank line, which is no row."""
    if not row.values:
        return None
    if len(row.raw) > parser.message_limit_bytes:
        detail = f"a row of {len(row.raw)} bytes; the topic takes {parser.message_limit_bytes}"
        return reject_bytes(row.line, row.start, row.raw, row.lines, "too_large", detail)._replace(raw=None)
    if len(row.values) != parser.width:
        detail = f"{len(row.values)} fields, the header has {parser.width}"
        return reject_bytes(row.line, row.start, row.raw, row.lines, "ragged_row", detail)
    return row


def parse_carefully(block: LineBlock, parser: CsvParser, patience_bytes: int) -> tuple[list[SourceItem], int]:
    """Row by row: the items, and how many lines they took. An unfinished last row of up to `patience_bytes` is left.

    Where a row breaks the dialect, or its quoted field never ends, its first physical line alone is rejected and
    reading goes on with the next line: one stray quote costs one line, never the rows behind it.
    """
    items: list[SourceItem] = []
    taken, start = 0, block.start
    while taken < len(block.lines):
        feed = LineFeed(block.lines, taken, parser.dialect.encoding)
        reader = parser.open_reader(feed)
        while True:
            try:
                values = next(reader, None)
            except csv.Error as error:
                if feed.ran_dry and sum(map(len, block.lines[taken:])) <= patience_bytes:
                    return items, taken
                detail = "a quoted field that never ends" if feed.ran_dry else str(error)
                items.append(reject_bytes(block.line + taken, start, block.lines[taken], 1, "invalid_csv", detail))
                start += len(block.lines[taken])
                taken += 1
                break
            if values is None:
                break
            raw = b"".join(block.lines[taken : feed.position])
            item = judge_row(Row(block.line + taken, start, raw, values, feed.position - taken), parser)
            if item is not None:
                items.append(item)
            start += len(raw)
            taken = feed.position
    return items, taken


def judge_row(row: Row, parser: CsvParser) -> SourceItem | None:
    """The row with its columns in order, or the bad row that it is; None for a blank line."""
    try:
        row.raw.decode(parser.dialect.encoding)
    except UnicodeDecodeError as error:
        detail = f"byte {row.start + error.start} is not {parser.dialect.encoding}: {error.reason}"
        return reject_bytes(row.line, row.start, row.raw, row.lines, "invalid_encoding", detail)
    if b"\0" in row.raw:
        return reject_bytes(row.line, row.start, row.raw, row.lines, "invalid_csv", NUL_DETAIL)
    item = check_row(row, parser)
    if isinstance(item, Row) and parser.arrange:
        return item._replace(values=parser.arrange(row.values))  # type: ignore[arg-type]
    return item


class LineFeed:
    """Hands decoded lines to a CSV reader, and knows how far it has read and whether it asked for more than there is.

    Bytes that are not of the encoding are smuggled through, so that the row's end is found before the row is rejected.
    """

    def __init__(self, lines: list[bytes], position: int, encoding: str) -> None:
        self.lines = lines
        self.position = position
        self.encoding = encoding
        self.ran_dry = False

    def __iter__(self) -> LineFeed:
        return self

    def __next__(self) -> str:
        if self.position == len(self.lines):
            self.ran_dry = True
            raise StopIteration
        line = self.lines[self.position]
        self.position += 1
        return line.decode(self.encoding, "surrogateescape")
