{% from "_header.sql" import header with context -%}
{% from "_parts.sql" import json_format -%}
{{ header(script, "file format and stage", [
    "Says how the files that Firehose has delivered are read, and where they lie. Neither is replaced when it is there:",
    "change one with ALTER FILE FORMAT or ALTER STAGE.",
], settings.warehouse.role | upper) }}

USE ROLE {{ settings.warehouse.role | identifier }};

-- One event a line. NULL_IF is empty: by default the text \N would become null. STRIP_NULL_VALUES is off: a null that a
-- sender wrote stays in the payload.
{{ json_format(names.file_formats.json, "JSON lines as Firehose delivers them: gzip, times in UTC microseconds") }}

-- The URL ends in a slash: without it the stage would also match longer names (SP12).
CREATE STAGE IF NOT EXISTS {{ names.stage }}
    URL = {{ names.stage_url | literal }}
    STORAGE_INTEGRATION = {{ integration | identifier }}
    COMMENT = 'What Firehose has delivered';
