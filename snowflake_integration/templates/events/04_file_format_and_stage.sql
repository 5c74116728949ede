{% from "_header.sql" import header with context -%}
{{ header(script, "file format and stage", [
    "Says how the files that Firehose has delivered are read, and where they lie. Neither is replaced when it is there:",
    "change one with ALTER FILE FORMAT or ALTER STAGE.",
], settings.warehouse.role | upper) }}

USE ROLE {{ settings.warehouse.role | identifier }};

-- One event a line. NULL_IF is empty: by default the text \N would become null. STRIP_NULL_VALUES is off: a null that a
-- sender wrote stays in the payload.
CREATE FILE FORMAT IF NOT EXISTS {{ names.file_formats.json }}
    TYPE = JSON
    COMPRESSION = GZIP
    STRIP_OUTER_ARRAY = FALSE
    STRIP_NULL_VALUES = FALSE
    ALLOW_DUPLICATE = FALSE
    ENABLE_OCTAL = FALSE
    NULL_IF = ()
    TRIM_SPACE = FALSE
    REPLACE_INVALID_CHARACTERS = FALSE
    IGNORE_UTF8_ERRORS = FALSE
    COMMENT = 'JSON lines as Firehose delivers them: gzip, times in UTC microseconds';

-- The URL ends in a slash: without it the stage would also match longer names (SP12).
CREATE STAGE IF NOT EXISTS {{ names.stage }}
    URL = {{ names.stage_url | literal }}
    STORAGE_INTEGRATION = {{ integration | identifier }}
    COMMENT = 'What Firehose has delivered';
