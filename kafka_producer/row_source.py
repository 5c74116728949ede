"""A source as rows: its first lines are looked at before anything else happens, the rest is streamed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from kafka_producer.csv_source import CsvParser, LineFeed, drop_lines, read_csv_rows
from kafka_producer.header import arrange_columns, check_header
from kafka_producer.jsonl_source import read_jsonl_rows
from kafka_producer.line_source import LineBlock, cut_lines
from kafka_producer.row import BadRow, SourceItem
from kafka_producer.source import SourceFormat
from pipeline_contract.errors import ConfigurationError
from pipeline_contract.model import Contract, Csv

UTF8_MARK = b"\xef\xbb\xbf"
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# A quoted field that does not end is followed this far at least before its first line is given up.
ROW_LIMIT_BYTES = 8 * 1024 * 1024

Blocks = Iterator[LineBlock | BadRow]


@dataclass(frozen=True)
class RowSource:
    """A source whose beginning has been read and found good; `header` is its own, empty where the format has none."""

    contract: Contract
    format: SourceFormat
    header: tuple[str, ...]
    blocks: Blocks

    @property
    def is_reordered(self) -> bool:
        """Whether the source has its columns in another order than the contract."""
        return self.header not in ((), self.contract.headers)

    def read_rows(self, next_byte: int) -> Iterator[list[SourceItem]]:
        """The rows from byte `next_byte` on, once; an empty list says that a slow source has nothing new."""
        blocks = skip_lines(self.blocks, next_byte)
        columns = self.contract.headers
        message_limit = self.contract.topic.max_message_bytes
        if self.format == "jsonl":
            return read_jsonl_rows(blocks, columns, message_limit)
        arrange = arrange_columns(self.header, columns)
        dialect = self.contract.source.csv
        return read_csv_rows(blocks, CsvParser(dialect, len(columns), arrange, message_limit, row_limit(self.contract)))


def open_rows(
    contract: Contract,
    name: str,
    chunks: Iterator[bytes],
    source_format: SourceFormat | None = None,
    line: int = 1,
    start: int = 0,
) -> RowSource:
    """Read a source's header; `ConfigurationError` when it is not the contract's. `name` is for messages.

    The format is the contract's unless one is given; JSON lines may begin with any line, at any byte.
    """
    chosen = source_format or contract.source.format
    blocks = strip_mark(cut_lines(chunks, row_limit(contract), line, start), name)
    if chosen == "jsonl":
        return RowSource(contract, chosen, (), blocks)
    header, blocks = take_header(blocks, contract.source.csv, name)
    check_header(name, header, contract.headers)
    return RowSource(contract, chosen, tuple(header), blocks)


def row_limit(contract: Contract) -> int:
    """How many bytes of one row are looked at, at most, to find its end."""
    return max(ROW_LIMIT_BYTES, 2 * contract.topic.max_message_bytes)


def strip_mark(blocks: Blocks, name: str) -> Blocks:
    """The blocks without UTF-8's byte order mark; `ConfigurationError` for a UTF-16 source."""
    is_first = True
    for block in blocks:
        if is_first and isinstance(block, LineBlock) and block.lines:
            is_first = False
            first = block.lines[0]
            if first.startswith(UTF16_MARKS):
                raise ConfigurationError(f"{name}: is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8")
            if first.startswith(UTF8_MARK):
                lines = [first[len(UTF8_MARK) :], *block.lines[1:]]
                yield LineBlock(block.line, block.start + len(UTF8_MARK), lines)
                continue
        yield block


def take_header(blocks: Blocks, dialect: Csv, name: str) -> tuple[list[str], Blocks]:
    """The names in the first row, and the blocks after it; `ConfigurationError` when there is no such row."""
    parser = CsvParser(dialect, 0, None, ROW_LIMIT_BYTES, ROW_LIMIT_BYTES)
    pending = LineBlock(1, 0, [])
    for block in blocks:
        if isinstance(block, BadRow):
            break
        pending = LineBlock(pending.line, pending.start, pending.lines + block.lines) if pending.lines else block
        feed = LineFeed(pending.lines, 0, dialect.encoding)
        try:
            names = next((row for row in parser.open_reader(feed) if row), None)
        except csv.Error as error:
            if feed.ran_dry:
                continue
            raise ConfigurationError(f"{name}: the header cannot be parsed: {error}. Nothing was sent") from error
        if names is not None:
            check_encoding(names, name, dialect.encoding)
            return names, chain([drop_lines(pending, feed.position)], blocks)
    raise ConfigurationError(f"{name}: has no header: no first line that can be read. Nothing was sent")


def check_encoding(names: list[str], name: str, encoding: str) -> None:
    """Raise `ConfigurationError` when a header's names hold bytes that are not of the encoding."""
    try:
        "".join(names).encode()
    except UnicodeEncodeError:
        raise ConfigurationError(
            f"{name}: the header holds bytes that are not {encoding}; is this a CSV file? "
            "The contract's source.csv.encoding says how it is read. Nothing was sent"
        ) from None


def skip_lines(blocks: Blocks, next_byte: int) -> Blocks:
    """The blocks from byte `next_byte` on; there must begin a line."""
    for block in blocks:
        if isinstance(block, BadRow):
            if block.start >= next_byte:
                yield block
            continue
        end = block.start
        count = 0
        for raw in block.lines if block.start < next_byte else ():
            if end >= next_byte:
                break
            end += len(raw)
            count += 1
        rest = drop_lines(block, count) if count else block
        if rest.lines or not block.lines:
            yield rest
