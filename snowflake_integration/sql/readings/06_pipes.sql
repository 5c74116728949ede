-- Millrace, pipeline readings: 06 of 11, pipes
--
-- One pipe for each table; S3 tells them of every new file. ON_ERROR = SKIP_FILE is Snowpipe's default, written out:
-- a file with an error is left out whole and recorded, see 09.
--
-- All pipes share one queue: `notification_channel` of SHOW PIPES below. Tell S3 to send every s3:ObjectCreated:* of
-- lake/readings/ to it, not only Put: copies and large files create by other calls (SP13).
-- `python -m snowflake_integration deploy readings` does that, and keeps the bucket's other notifications.
--
-- A pipe is never replaced here: a new pipe has forgotten which files the old one loaded (SP03). `deploy` replaces a
-- pipe only when its COPY has changed, after the old one has loaded all that it knew of.
--
-- Role: MILLRACE_ROLE
-- Order: after 05. Running it again changes nothing that is there.
-- Rendered from conf/pipelines/readings.toml and templates/06_pipes.sql by
-- `python -m snowflake_integration render readings --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";

CREATE PIPE IF NOT EXISTS "MILLRACE"."READINGS"."MY_TABLE_RAW_PIPE"
    AUTO_INGEST = TRUE
    COMMENT = 'Loads lake/readings/raw/'
AS
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
ON_ERROR = SKIP_FILE;

CREATE PIPE IF NOT EXISTS "MILLRACE"."READINGS"."MY_TABLE_PIPE"
    AUTO_INGEST = TRUE
    COMMENT = 'Loads lake/readings/curated/'
AS
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
ON_ERROR = SKIP_FILE;

CREATE PIPE IF NOT EXISTS "MILLRACE"."READINGS"."MY_TABLE_REJECTED_PIPE"
    AUTO_INGEST = TRUE
    COMMENT = 'Loads lake/readings/rejected/'
AS
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
ON_ERROR = SKIP_FILE;

SHOW PIPES IN SCHEMA "MILLRACE"."READINGS";

-- Files that lay there before the pipes were made, up to seven days old; only while the tables are empty:
-- ALTER PIPE "MILLRACE"."READINGS"."MY_TABLE_RAW_PIPE" REFRESH;
-- ALTER PIPE "MILLRACE"."READINGS"."MY_TABLE_PIPE" REFRESH;
-- ALTER PIPE "MILLRACE"."READINGS"."MY_TABLE_REJECTED_PIPE" REFRESH;
