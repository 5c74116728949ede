-- Millrace, pipeline flights: 06 of 11, pipes
--
-- One pipe for each table; S3 tells them of every new file. ON_ERROR = SKIP_FILE is Snowpipe's default, written out:
-- a file with an error is left out whole and recorded, see 09.
--
-- All pipes share one queue: `notification_channel` of SHOW PIPES below. Tell S3 to send every s3:ObjectCreated:* of
-- lake/flights/ to it, not only Put: copies and large files create by other calls (SP13).
-- `python -m snowflake_integration deploy flights` does that, and keeps the bucket's other notifications.
--
-- A pipe is never replaced here: a new pipe has forgotten which files the old one loaded (SP03). `deploy` replaces a
-- pipe only when its COPY has changed, after the old one has loaded all that it knew of.
--
-- Role: MILLRACE_ROLE
-- Order: after 05. Running it again changes nothing that is there.
-- Rendered from conf/pipelines/flights.toml and templates/06_pipes.sql by
-- `python -m snowflake_integration render flights --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";

CREATE PIPE IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_RAW_PIPE"
    AUTO_INGEST = TRUE
    COMMENT = 'Loads lake/flights/raw/'
AS
COPY INTO "MILLRACE"."FLIGHTS"."FLIGHTS_RAW" (
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
    FROM @"MILLRACE"."FLIGHTS"."FLIGHTS_LAKE"/raw/
)
FILE_FORMAT = (FORMAT_NAME = "MILLRACE"."FLIGHTS"."FLIGHTS_PARQUET")
ON_ERROR = SKIP_FILE;

CREATE PIPE IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_PIPE"
    AUTO_INGEST = TRUE
    COMMENT = 'Loads lake/flights/curated/'
AS
COPY INTO "MILLRACE"."FLIGHTS"."FLIGHTS" (
    "YEAR",
    "MONTH_OF_YEAR",
    "DAY",
    "DEP_TIME",
    "SCHED_DEP_TIME",
    "DEP_DELAY",
    "ARR_TIME",
    "SCHED_ARR_TIME",
    "ARR_DELAY",
    "CARRIER",
    "FLIGHT",
    "TAILNUM",
    "ORIGIN",
    "DEST",
    "AIR_TIME",
    "DISTANCE",
    "HOUR",
    "MINUTE",
    "TIME_HOUR",
    "AIRLINE",
    "DEST_NAME",
    "DEST_LAT",
    "DEST_LON",
    "CANCELLED",
    "GAINED_MINUTES",
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
        $1:"year"::NUMBER(10,0),
        $1:"month_of_year"::NUMBER(10,0),
        $1:"day"::NUMBER(10,0),
        $1:"dep_time"::NUMBER(10,0),
        $1:"sched_dep_time"::NUMBER(10,0),
        $1:"dep_delay"::NUMBER(10,0),
        $1:"arr_time"::NUMBER(10,0),
        $1:"sched_arr_time"::NUMBER(10,0),
        $1:"arr_delay"::NUMBER(10,0),
        $1:"carrier"::VARCHAR,
        $1:"flight"::NUMBER(10,0),
        $1:"tailnum"::VARCHAR,
        $1:"origin"::VARCHAR,
        $1:"dest"::VARCHAR,
        $1:"air_time"::NUMBER(10,0),
        $1:"distance"::NUMBER(10,0),
        $1:"hour"::NUMBER(10,0),
        $1:"minute"::NUMBER(10,0),
        $1:"time_hour"::TIMESTAMP_NTZ(6),
        $1:"airline"::VARCHAR,
        $1:"dest_name"::VARCHAR,
        $1:"dest_lat"::FLOAT,
        $1:"dest_lon"::FLOAT,
        $1:"cancelled"::BOOLEAN,
        $1:"gained_minutes"::NUMBER(10,0),
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
    FROM @"MILLRACE"."FLIGHTS"."FLIGHTS_LAKE"/curated/
)
FILE_FORMAT = (FORMAT_NAME = "MILLRACE"."FLIGHTS"."FLIGHTS_PARQUET")
ON_ERROR = SKIP_FILE;

CREATE PIPE IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_REJECTED_PIPE"
    AUTO_INGEST = TRUE
    COMMENT = 'Loads lake/flights/rejected/'
AS
COPY INTO "MILLRACE"."FLIGHTS"."FLIGHTS_REJECTED" (
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
    FROM @"MILLRACE"."FLIGHTS"."FLIGHTS_LAKE"/rejected/
)
FILE_FORMAT = (FORMAT_NAME = "MILLRACE"."FLIGHTS"."FLIGHTS_PARQUET")
ON_ERROR = SKIP_FILE;

CREATE PIPE IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_HOURLY_DEPARTURES_VERSIONS_PIPE"
    AUTO_INGEST = TRUE
    COMMENT = 'Loads lake/flights/aggregates/hourly_departures/'
AS
COPY INTO "MILLRACE"."FLIGHTS"."FLIGHTS_HOURLY_DEPARTURES_VERSIONS" (
    "WINDOW_START",
    "WINDOW_END",
    "ORIGIN",
    "CARRIER",
    "DEPARTURES",
    "CANCELLED",
    "MEAN_DEP_DELAY",
    "_TOPIC",
    "_LINEAGE",
    "_AS_OF",
    "_WITHDRAWN",
    "_BATCH_ID",
    "_FILE_NAME",
    "_FILE_ROW_NUMBER",
    "_LOADED_AT"
)
FROM (
    SELECT
        $1:"window_start"::TIMESTAMP_NTZ(6),
        $1:"window_end"::TIMESTAMP_NTZ(6),
        $1:"origin"::VARCHAR,
        $1:"carrier"::VARCHAR,
        $1:"departures"::NUMBER(19,0),
        $1:"cancelled"::NUMBER(19,0),
        $1:"mean_dep_delay"::FLOAT,
        $1:"_topic"::VARCHAR,
        $1:"_lineage"::VARCHAR,
        $1:"_as_of"::NUMBER(19,0),
        $1:"_withdrawn"::BOOLEAN,
        $1:"_batch_id"::VARCHAR,
        METADATA$FILENAME,
        METADATA$FILE_ROW_NUMBER,
        CONVERT_TIMEZONE('UTC', METADATA$START_SCAN_TIME)::TIMESTAMP_NTZ(6)
    FROM @"MILLRACE"."FLIGHTS"."FLIGHTS_LAKE"/aggregates/hourly_departures/
)
FILE_FORMAT = (FORMAT_NAME = "MILLRACE"."FLIGHTS"."FLIGHTS_PARQUET")
ON_ERROR = SKIP_FILE;

SHOW PIPES IN SCHEMA "MILLRACE"."FLIGHTS";

-- Files that lay there before the pipes were made, up to seven days old; only while the tables are empty:
-- ALTER PIPE "MILLRACE"."FLIGHTS"."FLIGHTS_RAW_PIPE" REFRESH;
-- ALTER PIPE "MILLRACE"."FLIGHTS"."FLIGHTS_PIPE" REFRESH;
-- ALTER PIPE "MILLRACE"."FLIGHTS"."FLIGHTS_REJECTED_PIPE" REFRESH;
-- ALTER PIPE "MILLRACE"."FLIGHTS"."FLIGHTS_HOURLY_DEPARTURES_VERSIONS_PIPE" REFRESH;
