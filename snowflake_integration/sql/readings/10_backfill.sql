-- Millrace, pipeline readings: 10 of 11, backfill
--
-- Loads files again, or for the first time when no notification came. Replace what stands in angle brackets first; as
-- it is, nothing matches and every COPY stops with an error that rolls its transaction back.
--
-- A COPY by hand does not know what a pipe has loaded (SP04): so each one here first deletes what came from that file,
-- in the same transaction, and a reader sees the old rows or the new ones, never both and never none.
-- A file whose content changed under its name is never loaded by a pipe again (SP05): that, too, is the first case.
--
-- Role: MILLRACE_ROLE
-- Order: any time after 07; this script is no part of a deployment.
-- Rendered from conf/pipelines/readings.toml and templates/10_backfill.sql by
-- `python -m snowflake_integration render readings --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";
USE WAREHOUSE "MILLRACE_WH";

-- MY_TABLE_RAW, one file again. FILES is the name below lake/readings/raw/; "_FILE_NAME" is the whole key.
BEGIN;
DELETE FROM "MILLRACE"."READINGS"."MY_TABLE_RAW" WHERE "_FILE_NAME" = 'lake/readings/raw/<file>';
COPY INTO "MILLRACE"."READINGS"."MY_TABLE_RAW" (
    "KEY",
    "VALUE",
    "_KAFKA_TIMESTAMP",
    "_SOURCE_FILE",
    "_SOURCE_LINE",
    "_TOPIC",
    "_TOPIC_ID",
    "_PARTITION",
    "_OFFSET",
    "_EVENT_TIME",
    "_BATCH_ID",
    "_FILE_NAME",
    "_FILE_ROW_NUMBER",
    "_LOADED_AT"
)
FROM (
    SELECT
        $1:"key"::BINARY,
        $1:"value"::BINARY,
        $1:"_kafka_timestamp"::TIMESTAMP_NTZ(6),
        $1:"_source_file"::VARCHAR,
        $1:"_source_line"::NUMBER(19,0),
        $1:"_topic"::VARCHAR,
        $1:"_topic_id"::VARCHAR,
        $1:"_partition"::NUMBER(10,0),
        $1:"_offset"::NUMBER(19,0),
        $1:"_event_time"::TIMESTAMP_NTZ(6),
        $1:"_batch_id"::VARCHAR,
        METADATA$FILENAME,
        METADATA$FILE_ROW_NUMBER,
        CONVERT_TIMEZONE('UTC', METADATA$START_SCAN_TIME)::TIMESTAMP_NTZ(6)
    FROM @"MILLRACE"."READINGS"."READINGS_LAKE"/raw/
)
FILE_FORMAT = (FORMAT_NAME = "MILLRACE"."READINGS"."READINGS_PARQUET")
FILES = ('<file>')
ON_ERROR = ABORT_STATEMENT
FORCE = TRUE;
COMMIT;

-- MY_TABLE, one file again. FILES is the name below lake/readings/curated/; "_FILE_NAME" is the whole key.
BEGIN;
DELETE FROM "MILLRACE"."READINGS"."MY_TABLE" WHERE "_FILE_NAME" = 'lake/readings/curated/<file>';
COPY INTO "MILLRACE"."READINGS"."MY_TABLE" (
    "ID",
    "NAME",
    "VALUE",
    "_SOURCE_FILE",
    "_SOURCE_LINE",
    "_TOPIC",
    "_TOPIC_ID",
    "_PARTITION",
    "_OFFSET",
    "_EVENT_TIME",
    "_BATCH_ID",
    "_FILE_NAME",
    "_FILE_ROW_NUMBER",
    "_LOADED_AT"
)
FROM (
    SELECT
        $1::NUMBER(19,0),
        $2::VARCHAR,
        $3::FLOAT,
        $4::VARCHAR,
        $5::NUMBER(19,0),
        $6::VARCHAR,
        $7::VARCHAR,
        $8::NUMBER(10,0),
        $9::NUMBER(19,0),
        $10::TIMESTAMP_NTZ(6),
        $11::VARCHAR,
        METADATA$FILENAME,
        METADATA$FILE_ROW_NUMBER,
        CONVERT_TIMEZONE('UTC', METADATA$START_SCAN_TIME)::TIMESTAMP_NTZ(6)
    FROM @"MILLRACE"."READINGS"."READINGS_LAKE"/curated/
)
FILE_FORMAT = (FORMAT_NAME = "MILLRACE"."READINGS"."READINGS_CSV")
FILES = ('<file>')
ON_ERROR = ABORT_STATEMENT
FORCE = TRUE;
COMMIT;

-- MY_TABLE_REJECTED, one file again. FILES is the name below lake/readings/rejected/; "_FILE_NAME" is the whole key.
BEGIN;
DELETE FROM "MILLRACE"."READINGS"."MY_TABLE_REJECTED" WHERE "_FILE_NAME" = 'lake/readings/rejected/<file>';
COPY INTO "MILLRACE"."READINGS"."MY_TABLE_REJECTED" (
    "STAGE",
    "REASON",
    "REASONS",
    "VALUE",
    "_SOURCE_FILE",
    "_SOURCE_LINE",
    "_TOPIC",
    "_TOPIC_ID",
    "_PARTITION",
    "_OFFSET",
    "_EVENT_TIME",
    "_BATCH_ID",
    "_FILE_NAME",
    "_FILE_ROW_NUMBER",
    "_LOADED_AT"
)
FROM (
    SELECT
        $1:"stage"::VARCHAR,
        $1:"reason"::VARCHAR,
        $1:"reasons"::VARCHAR,
        $1:"value"::BINARY,
        $1:"_source_file"::VARCHAR,
        $1:"_source_line"::NUMBER(19,0),
        $1:"_topic"::VARCHAR,
        $1:"_topic_id"::VARCHAR,
        $1:"_partition"::NUMBER(10,0),
        $1:"_offset"::NUMBER(19,0),
        $1:"_event_time"::TIMESTAMP_NTZ(6),
        $1:"_batch_id"::VARCHAR,
        METADATA$FILENAME,
        METADATA$FILE_ROW_NUMBER,
        CONVERT_TIMEZONE('UTC', METADATA$START_SCAN_TIME)::TIMESTAMP_NTZ(6)
    FROM @"MILLRACE"."READINGS"."READINGS_LAKE"/rejected/
)
FILE_FORMAT = (FORMAT_NAME = "MILLRACE"."READINGS"."READINGS_PARQUET")
FILES = ('<file>')
ON_ERROR = ABORT_STATEMENT
FORCE = TRUE;
COMMIT;

-- A range of event time that was judged again: `python -m snowflake_integration apply-backfill readings` waits for
-- the pipes, and carries out for each backfill of the ledger what follows here; --dry-run prints it with its names and
-- numbers. The new files lie where no pipe looks, so that none loads them too. Rows from the snapshot on stay.
BEGIN;
DELETE FROM "MILLRACE"."READINGS"."MY_TABLE"
WHERE "_EVENT_TIME" >= '<2013-01-01>'::TIMESTAMP_NTZ(6) AND "_EVENT_TIME" < '<2013-02-01>'::TIMESTAMP_NTZ(6)
    AND (("_TOPIC_ID" = '<topic id>' AND "_PARTITION" = -1 AND "_OFFSET" < -1));
COPY INTO "MILLRACE"."READINGS"."MY_TABLE" (
    "ID",
    "NAME",
    "VALUE",
    "_SOURCE_FILE",
    "_SOURCE_LINE",
    "_TOPIC",
    "_TOPIC_ID",
    "_PARTITION",
    "_OFFSET",
    "_EVENT_TIME",
    "_BATCH_ID",
    "_FILE_NAME",
    "_FILE_ROW_NUMBER",
    "_LOADED_AT"
)
FROM (
    SELECT
        $1::NUMBER(19,0),
        $2::VARCHAR,
        $3::FLOAT,
        $4::VARCHAR,
        $5::NUMBER(19,0),
        $6::VARCHAR,
        $7::VARCHAR,
        $8::NUMBER(10,0),
        $9::NUMBER(19,0),
        $10::TIMESTAMP_NTZ(6),
        $11::VARCHAR,
        METADATA$FILENAME,
        METADATA$FILE_ROW_NUMBER,
        CONVERT_TIMEZONE('UTC', METADATA$START_SCAN_TIME)::TIMESTAMP_NTZ(6)
    FROM @"MILLRACE"."READINGS"."READINGS_OPERATIONS"/
)
FILE_FORMAT = (FORMAT_NAME = "MILLRACE"."READINGS"."READINGS_CSV")
FILES = ('<attempt>/<file>')
ON_ERROR = ABORT_STATEMENT
FORCE = TRUE;
COPY INTO "MILLRACE"."READINGS"."MY_TABLE_REJECTED" (
    "STAGE",
    "REASON",
    "REASONS",
    "VALUE",
    "_SOURCE_FILE",
    "_SOURCE_LINE",
    "_TOPIC",
    "_TOPIC_ID",
    "_PARTITION",
    "_OFFSET",
    "_EVENT_TIME",
    "_BATCH_ID",
    "_FILE_NAME",
    "_FILE_ROW_NUMBER",
    "_LOADED_AT"
)
FROM (
    SELECT
        $1:"stage"::VARCHAR,
        $1:"reason"::VARCHAR,
        $1:"reasons"::VARCHAR,
        $1:"value"::BINARY,
        $1:"_source_file"::VARCHAR,
        $1:"_source_line"::NUMBER(19,0),
        $1:"_topic"::VARCHAR,
        $1:"_topic_id"::VARCHAR,
        $1:"_partition"::NUMBER(10,0),
        $1:"_offset"::NUMBER(19,0),
        $1:"_event_time"::TIMESTAMP_NTZ(6),
        $1:"_batch_id"::VARCHAR,
        METADATA$FILENAME,
        METADATA$FILE_ROW_NUMBER,
        CONVERT_TIMEZONE('UTC', METADATA$START_SCAN_TIME)::TIMESTAMP_NTZ(6)
    FROM @"MILLRACE"."READINGS"."READINGS_OPERATIONS"/
)
FILE_FORMAT = (FORMAT_NAME = "MILLRACE"."READINGS"."READINGS_PARQUET")
FILES = ('<attempt>/<file>')
ON_ERROR = ABORT_STATEMENT
FORCE = TRUE;
COMMIT;

-- Files of which no notification came, up to seven days old. REFRESH leaves out what the pipe has in its history, and
-- what failed (SP10). After a pipe was replaced its history is empty: always say MODIFIED_AFTER then.
-- ALTER PIPE "MILLRACE"."READINGS"."MY_TABLE_RAW_PIPE" REFRESH MODIFIED_AFTER = '<2026-01-31T00:00:00Z>';
-- ALTER PIPE "MILLRACE"."READINGS"."MY_TABLE_PIPE" REFRESH MODIFIED_AFTER = '<2026-01-31T00:00:00Z>';
-- ALTER PIPE "MILLRACE"."READINGS"."MY_TABLE_REJECTED_PIPE" REFRESH MODIFIED_AFTER = '<2026-01-31T00:00:00Z>';

-- A pipe that was paused for more than 14 days is stale and must be told to go on (SP11).
-- SELECT SYSTEM$PIPE_FORCE_RESUME('"MILLRACE"."READINGS"."MY_TABLE_RAW_PIPE"', 'staleness_check_override');
-- SELECT SYSTEM$PIPE_FORCE_RESUME('"MILLRACE"."READINGS"."MY_TABLE_PIPE"', 'staleness_check_override');
-- SELECT SYSTEM$PIPE_FORCE_RESUME('"MILLRACE"."READINGS"."MY_TABLE_REJECTED_PIPE"', 'staleness_check_override');
