"""The row's passport: the columns that say where a row came from, on every row of every zone and table."""

from __future__ import annotations

from pipeline_contract.column_types import BIGINT, INTEGER, STRING, TIMESTAMP, ColumnType

SOURCE_FILE = "_source_file"
SOURCE_LINE = "_source_line"

# In the files of the lake.
PASSPORT: dict[str, ColumnType] = {
    SOURCE_FILE: STRING,
    SOURCE_LINE: BIGINT,
    "_topic": STRING,
    "_topic_id": STRING,
    "_partition": INTEGER,
    "_offset": BIGINT,
    "_event_time": TIMESTAMP,
    "_batch_id": STRING,
}

# Added by the COPY statement. Names and meaning of the metadata columns:
# docs.snowflake.com/en/user-guide/querying-metadata
LOAD_PASSPORT: dict[str, tuple[ColumnType, str]] = {
    "_file_name": (STRING, "METADATA$FILENAME"),
    "_file_row_number": (BIGINT, "METADATA$FILE_ROW_NUMBER"),
    "_loaded_at": (TIMESTAMP, "METADATA$START_SCAN_TIME"),
}


def name_source(file_name: str, identity: str) -> str:
    """The value of `_source_file`: the file's base name and the first 12 digits of the replay's identity.

    Two files of one name, and two replays of one file, are so told apart in every zone.
    """
    return f"{file_name}#{identity[:12]}"
