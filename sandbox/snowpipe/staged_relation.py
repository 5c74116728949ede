"""Opens one staged file as a relation of duckdb, with the metadata columns at hand."""

# ruff: noqa: S608  names are quoted by quote_name, values by quote_text or bound
from __future__ import annotations

import gzip
import zlib
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow.compute as pc

from sandbox.snowpipe.copy_select import FileColumn
from sandbox.snowpipe.copy_statement import FILE_TABLE
from sandbox.snowpipe.csv_reader import read_csv
from sandbox.snowpipe.file_formats import FileFormat
from sandbox.snowpipe.json_reader import read_json
from sandbox.snowpipe.object_store import StagedFile
from sandbox.snowpipe.sql_names import quote_name, quote_text
from sandbox.snowpipe.staged_rows import ROW_NUMBER, RowError, StagedRows, name_column

_ROWS = "_sandbox_rows"


class StagedRelation:
    """One file as a temporary view on a connection of its own; `errors` are the rows that could not be read."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, temp_dir: Path) -> None:
        self.connection = connection
        self.columns: tuple[FileColumn, ...] = ()
        self.header: list[str] | None = None
        self.errors: list[RowError] = []
        self._path = temp_dir / f"{id(self)}.parquet"

    def open_file(self, file: StagedFile, data: bytes, file_format: FileFormat) -> None:
        """Read the bytes and create the view FILE_TABLE over them."""
        if file_format.type == "PARQUET":
            self._path.write_bytes(data)
            self._create_view(file, self._select_parquet(file_format))
            return
        content = decompress(data, file.key, file_format)
        if file_format.type == "CSV":
            csv_file = read_csv(content, file_format)
            self.header, rows = csv_file.header, csv_file.rows
        else:
            rows = read_json(content, file_format)
        self._register_rows(file, rows, file_format)

    def close(self) -> None:
        """Delete what the relation left on disk."""
        self._path.unlink(missing_ok=True)

    def reject_widths(self, width: int) -> None:
        """Turn the rows of another width into errors, as ERROR_ON_COLUMN_COUNT_MISMATCH asks."""
        found = self.connection.execute(
            f'SELECT {quote_name(ROW_NUMBER)}, "FIELD_COUNT" FROM {_ROWS} WHERE "FIELD_COUNT" <> {width}'
        ).fetchall()
        self.errors += [
            RowError(
                number,
                f"Number of columns in file ({count}) does not match that of the corresponding table ({width}), "
                "use file format option error_on_column_count_mismatch=false to ignore this error",
            )
            for number, count in found
        ]
        if found:
            self.connection.execute(
                f"CREATE TEMP TABLE _sandbox_kept AS SELECT * FROM {FILE_TABLE} "
                f"WHERE {quote_name(ROW_NUMBER)} NOT IN (SELECT {quote_name(ROW_NUMBER)} FROM {_ROWS} "
                f'WHERE "FIELD_COUNT" <> {width})'
            )
            self.connection.execute(f"CREATE OR REPLACE TEMP VIEW {FILE_TABLE} AS SELECT * FROM _sandbox_kept")

    def _register_rows(self, file: StagedFile, rows: StagedRows, file_format: FileFormat) -> None:
        table = rows.table
        self.errors = list(rows.errors)
        fields = [name for name in table.column_names if name not in (ROW_NUMBER, "FIELD_COUNT")]
        if "FIELD_COUNT" not in table.column_names:
            table = table.append_column("FIELD_COUNT", pc.add(pc.multiply(table[ROW_NUMBER], 0), len(fields)))
        self.connection.register(_ROWS, table)
        if file_format.type == "JSON":
            selected = [f"CAST({quote_name(name_column(1))} AS JSON) AS {quote_name(name_column(1))}"]
        else:
            selected = [quote_name(name) for name in fields]
        if self.header:
            pairs = zip(self.header, fields, strict=False)
            selected = [f"{quote_name(field)} AS {quote_name(name or field)}" for name, field in pairs]
        self._create_view(file, f"SELECT {', '.join([*selected, quote_name(ROW_NUMBER)])} FROM {_ROWS}")

    def _select_parquet(self, file_format: FileFormat) -> str:
        source = f"read_parquet({quote_text(str(self._path))}, file_row_number = true)"
        described = self.connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()
        columns = [_convert_parquet(row[0], row[1], file_format) for row in described if row[0] != "file_row_number"]
        # duckdb counts from 0; Snowflake's record numbers count from 1.
        return f"SELECT {', '.join([*columns, f'file_row_number + 1 AS {quote_name(ROW_NUMBER)}'])} FROM {source}"

    def _create_view(self, file: StagedFile, rows_sql: str) -> None:
        modified = file.last_modified.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
        started = datetime.now(UTC).isoformat(sep=" ")
        self.connection.execute(
            f"""CREATE OR REPLACE TEMP VIEW {FILE_TABLE} AS SELECT *,
                {quote_text(file.key)} AS "METADATA$FILENAME",
                {quote_text(file.etag)} AS "METADATA$FILE_CONTENT_KEY",
                TIMESTAMP {quote_text(modified)} AS "METADATA$FILE_LAST_MODIFIED",
                TIMESTAMPTZ {quote_text(started)} AS "METADATA$START_SCAN_TIME"
            FROM ({rows_sql})"""
        )
        described = self.connection.execute(f"DESCRIBE {FILE_TABLE}").fetchall()
        self.columns = tuple(FileColumn(row[0], row[1]) for row in described)


def _convert_parquet(name: str, type_name: str, file_format: FileFormat) -> str:
    """Return a Parquet column as Snowflake sees it under the format's options (SP31)."""
    quoted = quote_name(name)
    if type_name == "BLOB" and file_format.binary_as_text:
        return f"decode({quoted}) AS {quoted}"
    if type_name.startswith("TIMESTAMP") and not file_format.use_logical_type:
        return f"epoch_us({quoted}) AS {quoted}"
    return quoted


def decompress(data: bytes, key: str, file_format: FileFormat) -> bytes:
    """Return the bytes decompressed as COMPRESSION says; AUTO goes by the content's first bytes."""
    is_gzip = data[:2] == b"\x1f\x8b"
    if file_format.compression == "NONE" or (file_format.compression == "AUTO" and not is_gzip):
        return data
    if file_format.compression not in ("AUTO", "GZIP"):
        raise ValueError(f"{key}: COMPRESSION = {file_format.compression} is not emulated for {file_format.type}")
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{key}: the file is not valid gzip: {error}") from None
