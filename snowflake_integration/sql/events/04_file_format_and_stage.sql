-- Millrace, events events: 04 of 11, file format and stage
--
-- Says how the files that Firehose has delivered are read, and where they lie. Neither is replaced when it is there:
-- change one with ALTER FILE FORMAT or ALTER STAGE.
--
-- Role: MILLRACE_ROLE
-- Order: after 03. Running it again changes nothing that is there.
-- Rendered from conf/events/events.toml and templates/events/04_file_format_and_stage.sql by
-- `python -m snowflake_integration render events --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";

-- One event a line. NULL_IF is empty: by default the text \N would become null. STRIP_NULL_VALUES is off: a null that a
-- sender wrote stays in the payload.
CREATE FILE FORMAT IF NOT EXISTS "MILLRACE"."EVENTS"."EVENTS_JSON"
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
CREATE STAGE IF NOT EXISTS "MILLRACE"."EVENTS"."EVENTS_LAKE"
    URL = 's3://<bucket>/lake/events/'
    STORAGE_INTEGRATION = "MILLRACE_LAKE"
    COMMENT = 'What Firehose has delivered';
