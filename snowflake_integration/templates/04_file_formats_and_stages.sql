{% from "_header.sql" import header with context -%}
{% from "_parts.sql" import json_format -%}
{{ header(script, "file formats and stages", [
    "Says how the files that Spark wrote are read, and where they lie. The formats match the writer's options one by one.",
    "Neither is replaced when it is there: change one with ALTER FILE FORMAT or ALTER STAGE.",
], settings.warehouse.role | upper) }}

USE ROLE {{ settings.warehouse.role | identifier }};
{% if "parquet" in names.file_formats %}
-- USE_LOGICAL_TYPE: otherwise a timestamp arrives as a number.
-- BINARY_AS_TEXT: otherwise raw bytes are read as text, and what is not UTF-8 is an error (SP31).
-- NULL_IF is empty: by default the text \N would become null.
CREATE FILE FORMAT IF NOT EXISTS {{ names.file_formats.parquet }}
    TYPE = PARQUET
    COMPRESSION = AUTO
    USE_LOGICAL_TYPE = TRUE
    BINARY_AS_TEXT = FALSE
    TRIM_SPACE = FALSE
    NULL_IF = ()
    REPLACE_INVALID_CHARACTERS = FALSE
    COMMENT = 'Parquet as the stream writes it';
{% endif %}
{%- if "csv" in names.file_formats %}
-- An empty field is null and a quoted empty field is the empty text: so NULL_IF is empty (its default is \N) and
-- EMPTY_FIELD_AS_NULL is on. ESCAPE_UNENCLOSED_FIELD is a backslash by default, which would eat it in the data.
-- MULTI_LINE: a quoted field may hold line breaks. ERROR_ON_COLUMN_COUNT_MISMATCH holds for a plain COPY only;
-- Snowflake ignores it in a COPY that selects, as the pipes do.
CREATE FILE FORMAT IF NOT EXISTS {{ names.file_formats.csv }}
    TYPE = CSV
    COMPRESSION = GZIP
    ENCODING = 'UTF8'
    SKIP_HEADER = 1
    RECORD_DELIMITER = '\n'
    FIELD_DELIMITER = ','
    FIELD_OPTIONALLY_ENCLOSED_BY = '"'
    ESCAPE = NONE
    ESCAPE_UNENCLOSED_FIELD = NONE
    MULTI_LINE = TRUE
    NULL_IF = ()
    EMPTY_FIELD_AS_NULL = TRUE
    TRIM_SPACE = FALSE
    ERROR_ON_COLUMN_COUNT_MISMATCH = TRUE
    REPLACE_INVALID_CHARACTERS = FALSE
    DATE_FORMAT = 'YYYY-MM-DD'
    TIMESTAMP_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF6'
    COMMENT = 'CSV as the stream writes it: gzip, header line, doubled quotes';
{% endif %}
{%- if "json" in names.file_formats %}
-- One object a line. Decimals and doubles stand as text, which the pipe's COPY casts: a JSON number in a VARIANT is a
-- decimal where it fits one, which has no -0.0. NULL_IF is empty: by default the text \N would become null.
{{ json_format(names.file_formats.json, "JSON lines as the stream writes them: gzip, times in UTC microseconds") }}
{% endif %}
-- The URL ends in a slash: without it the stage would also match longer names (SP12).
CREATE STAGE IF NOT EXISTS {{ names.stage }}
    URL = {{ names.stage_url | literal }}
    STORAGE_INTEGRATION = {{ integration | identifier }}
    COMMENT = 'What the stream has published';

-- What backfills publish: no pipe reads it, `apply-backfill` copies its files by name.
CREATE STAGE IF NOT EXISTS {{ names.operations_stage }}
    URL = {{ names.operations_url | literal }}
    STORAGE_INTEGRATION = {{ integration | identifier }}
    COMMENT = 'What backfills have published';
