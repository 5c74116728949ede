-- Millrace, pipeline flights: 04 of 11, file formats and stages
--
-- Says how the files that Spark wrote are read, and where they lie. The formats match the writer's options one by one.
-- Neither is replaced when it is there: change one with ALTER FILE FORMAT or ALTER STAGE.
--
-- Role: MILLRACE_ROLE
-- Order: after 03. Running it again changes nothing that is there.
-- Rendered from conf/pipelines/flights.toml and templates/04_file_formats_and_stages.sql by
-- `python -m snowflake_integration render flights --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";

-- USE_LOGICAL_TYPE: otherwise a timestamp arrives as a number.
-- BINARY_AS_TEXT: otherwise raw bytes are read as text, and what is not UTF-8 is an error (SP31).
-- NULL_IF is empty: by default the text \N would become null.
CREATE FILE FORMAT IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_PARQUET"
    TYPE = PARQUET
    COMPRESSION = AUTO
    USE_LOGICAL_TYPE = TRUE
    BINARY_AS_TEXT = FALSE
    TRIM_SPACE = FALSE
    NULL_IF = ()
    REPLACE_INVALID_CHARACTERS = FALSE
    COMMENT = 'Parquet as the stream writes it';

-- The URL ends in a slash: without it the stage would also match longer names (SP12).
CREATE STAGE IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_LAKE"
    URL = 's3://<bucket>/lake/flights/'
    STORAGE_INTEGRATION = "MILLRACE_LAKE"
    COMMENT = 'What the stream has published';

-- What backfills publish: no pipe reads it, `apply-backfill` copies its files by name.
CREATE STAGE IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_OPERATIONS"
    URL = 's3://<bucket>/operations/flights/'
    STORAGE_INTEGRATION = "MILLRACE_LAKE"
    COMMENT = 'What backfills have published';
