-- Millrace, pipeline flights: 10 of 11, backfill
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
-- Rendered from conf/pipelines/flights.toml and templates/10_backfill.sql by
-- `python -m snowflake_integration render flights --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";
USE WAREHOUSE "MILLRACE_WH";

-- FLIGHTS_RAW, one file again. FILES is the name below lake/flights/raw/; "_FILE_NAME" is the whole key.
BEGIN;
DELETE FROM "MILLRACE"."FLIGHTS"."FLIGHTS_RAW" WHERE "_FILE_NAME" = 'lake/flights/raw/<file>';
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
FILES = ('<file>')
ON_ERROR = ABORT_STATEMENT
FORCE = TRUE;
COMMIT;

-- FLIGHTS, one file again. FILES is the name below lake/flights/curated/; "_FILE_NAME" is the whole key.
BEGIN;
DELETE FROM "MILLRACE"."FLIGHTS"."FLIGHTS" WHERE "_FILE_NAME" = 'lake/flights/curated/<file>';
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
FILES = ('<file>')
ON_ERROR = ABORT_STATEMENT
FORCE = TRUE;
COMMIT;

-- FLIGHTS_REJECTED, one file again. FILES is the name below lake/flights/rejected/; "_FILE_NAME" is the whole key.
BEGIN;
DELETE FROM "MILLRACE"."FLIGHTS"."FLIGHTS_REJECTED" WHERE "_FILE_NAME" = 'lake/flights/rejected/<file>';
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
FILES = ('<file>')
ON_ERROR = ABORT_STATEMENT
FORCE = TRUE;
COMMIT;

-- FLIGHTS_HOURLY_DEPARTURES_VERSIONS, one file again. FILES is the name below lake/flights/aggregates/hourly_departures/; "_FILE_NAME" is the whole key.
BEGIN;
DELETE FROM "MILLRACE"."FLIGHTS"."FLIGHTS_HOURLY_DEPARTURES_VERSIONS" WHERE "_FILE_NAME" = 'lake/flights/aggregates/hourly_departures/<file>';
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
FILES = ('<file>')
ON_ERROR = ABORT_STATEMENT
FORCE = TRUE;
COMMIT;

-- A range of event time that was judged again: `python -m snowflake_integration apply-backfill flights` waits for
-- the pipes, and carries out for each backfill of the ledger what follows here; --dry-run prints it with its names and
-- numbers. The new files lie where no pipe looks, so that none loads them too. Rows from the snapshot on stay.
BEGIN;
DELETE FROM "MILLRACE"."FLIGHTS"."FLIGHTS"
WHERE "_EVENT_TIME" >= '<2013-01-01>'::TIMESTAMP_NTZ(6) AND "_EVENT_TIME" < '<2013-02-01>'::TIMESTAMP_NTZ(6)
    AND (("_TOPIC_ID" = '<topic id>' AND "_PARTITION" = -1 AND "_OFFSET" < -1));
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
    FROM @"MILLRACE"."FLIGHTS"."FLIGHTS_OPERATIONS"/
)
FILE_FORMAT = (FORMAT_NAME = "MILLRACE"."FLIGHTS"."FLIGHTS_PARQUET")
FILES = ('<attempt>/<file>')
ON_ERROR = ABORT_STATEMENT
FORCE = TRUE;
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
    FROM @"MILLRACE"."FLIGHTS"."FLIGHTS_OPERATIONS"/
)
FILE_FORMAT = (FORMAT_NAME = "MILLRACE"."FLIGHTS"."FLIGHTS_PARQUET")
FILES = ('<attempt>/<file>')
ON_ERROR = ABORT_STATEMENT
FORCE = TRUE;
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
    FROM @"MILLRACE"."FLIGHTS"."FLIGHTS_OPERATIONS"/
)
FILE_FORMAT = (FORMAT_NAME = "MILLRACE"."FLIGHTS"."FLIGHTS_PARQUET")
FILES = ('<attempt>/<file>')
ON_ERROR = ABORT_STATEMENT
FORCE = TRUE;
COMMIT;

-- Files of which no notification came, up to seven days old. REFRESH leaves out what the pipe has in its history, and
-- what failed (SP10). After a pipe was replaced its history is empty: always say MODIFIED_AFTER then.
-- ALTER PIPE "MILLRACE"."FLIGHTS"."FLIGHTS_RAW_PIPE" REFRESH MODIFIED_AFTER = '<2026-01-31T00:00:00Z>';
-- ALTER PIPE "MILLRACE"."FLIGHTS"."FLIGHTS_PIPE" REFRESH MODIFIED_AFTER = '<2026-01-31T00:00:00Z>';
-- ALTER PIPE "MILLRACE"."FLIGHTS"."FLIGHTS_REJECTED_PIPE" REFRESH MODIFIED_AFTER = '<2026-01-31T00:00:00Z>';
-- ALTER PIPE "MILLRACE"."FLIGHTS"."FLIGHTS_HOURLY_DEPARTURES_VERSIONS_PIPE" REFRESH MODIFIED_AFTER = '<2026-01-31T00:00:00Z>';

-- A pipe that was paused for more than 14 days is stale and must be told to go on (SP11).
-- SELECT SYSTEM$PIPE_FORCE_RESUME('"MILLRACE"."FLIGHTS"."FLIGHTS_RAW_PIPE"', 'staleness_check_override');
-- SELECT SYSTEM$PIPE_FORCE_RESUME('"MILLRACE"."FLIGHTS"."FLIGHTS_PIPE"', 'staleness_check_override');
-- SELECT SYSTEM$PIPE_FORCE_RESUME('"MILLRACE"."FLIGHTS"."FLIGHTS_REJECTED_PIPE"', 'staleness_check_override');
-- SELECT SYSTEM$PIPE_FORCE_RESUME('"MILLRACE"."FLIGHTS"."FLIGHTS_HOURLY_DEPARTURES_VERSIONS_PIPE"', 'staleness_check_override');
