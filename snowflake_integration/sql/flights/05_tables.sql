-- Millrace, pipeline flights: 05 of 11, tables
--
-- One table for each output of the stream. Every row says where it came from (source file and line, topic, partition,
-- offset, batch) and which file loaded it. Times are UTC, in microseconds.
--
-- No column is NOT NULL: the stream has checked the rows, and one refused row would keep its whole file out.
--
-- Role: MILLRACE_ROLE
-- Order: after 04. Running it again changes nothing that is there.
-- Rendered from conf/pipelines/flights.toml and templates/05_tables.sql by
-- `python -m snowflake_integration render flights --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";

-- raw
CREATE TABLE IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_RAW" (
    "KEY"              BINARY,
    "VALUE"            BINARY,
    "_KAFKA_TIMESTAMP" TIMESTAMP_NTZ(6),
    "_SOURCE_FILE"     VARCHAR,
    "_SOURCE_LINE"     NUMBER(19,0),
    "_TOPIC"           VARCHAR,
    "_TOPIC_ID"        VARCHAR,
    "_PARTITION"       NUMBER(10,0),
    "_OFFSET"          NUMBER(19,0),
    "_EVENT_TIME"      TIMESTAMP_NTZ(6),
    "_BATCH_ID"        VARCHAR,
    "_FILE_NAME"       VARCHAR,
    "_FILE_ROW_NUMBER" NUMBER(19,0),
    "_LOADED_AT"       TIMESTAMP_NTZ(6)
);

COMMENT ON TABLE "MILLRACE"."FLIGHTS"."FLIGHTS_RAW" IS 'every message as Kafka held it';

-- curated
CREATE TABLE IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS" (
    "YEAR"             NUMBER(10,0),
    "MONTH_OF_YEAR"    NUMBER(10,0),
    "DAY"              NUMBER(10,0),
    "DEP_TIME"         NUMBER(10,0),
    "SCHED_DEP_TIME"   NUMBER(10,0),
    "DEP_DELAY"        NUMBER(10,0),
    "ARR_TIME"         NUMBER(10,0),
    "SCHED_ARR_TIME"   NUMBER(10,0),
    "ARR_DELAY"        NUMBER(10,0),
    "CARRIER"          VARCHAR,
    "FLIGHT"           NUMBER(10,0),
    "TAILNUM"          VARCHAR,
    "ORIGIN"           VARCHAR,
    "DEST"             VARCHAR,
    "AIR_TIME"         NUMBER(10,0),
    "DISTANCE"         NUMBER(10,0),
    "HOUR"             NUMBER(10,0),
    "MINUTE"           NUMBER(10,0),
    "TIME_HOUR"        TIMESTAMP_NTZ(6),
    "AIRLINE"          VARCHAR,
    "DEST_NAME"        VARCHAR,
    "DEST_LAT"         FLOAT,
    "DEST_LON"         FLOAT,
    "CANCELLED"        BOOLEAN,
    "GAINED_MINUTES"   NUMBER(10,0),
    "_SOURCE_FILE"     VARCHAR,
    "_SOURCE_LINE"     NUMBER(19,0),
    "_TOPIC"           VARCHAR,
    "_TOPIC_ID"        VARCHAR,
    "_PARTITION"       NUMBER(10,0),
    "_OFFSET"          NUMBER(19,0),
    "_EVENT_TIME"      TIMESTAMP_NTZ(6),
    "_BATCH_ID"        VARCHAR,
    "_FILE_NAME"       VARCHAR,
    "_FILE_ROW_NUMBER" NUMBER(19,0),
    "_LOADED_AT"       TIMESTAMP_NTZ(6)
);

COMMENT ON TABLE "MILLRACE"."FLIGHTS"."FLIGHTS" IS 'valid rows, typed, cleaned and enriched';

-- rejected
CREATE TABLE IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_REJECTED" (
    "STAGE"            VARCHAR,
    "REASON"           VARCHAR,
    "REASONS"          VARCHAR,
    "VALUE"            BINARY,
    "_SOURCE_FILE"     VARCHAR,
    "_SOURCE_LINE"     NUMBER(19,0),
    "_TOPIC"           VARCHAR,
    "_TOPIC_ID"        VARCHAR,
    "_PARTITION"       NUMBER(10,0),
    "_OFFSET"          NUMBER(19,0),
    "_EVENT_TIME"      TIMESTAMP_NTZ(6),
    "_BATCH_ID"        VARCHAR,
    "_FILE_NAME"       VARCHAR,
    "_FILE_ROW_NUMBER" NUMBER(19,0),
    "_LOADED_AT"       TIMESTAMP_NTZ(6)
);

COMMENT ON TABLE "MILLRACE"."FLIGHTS"."FLIGHTS_REJECTED" IS 'rows that were refused, with every reason';

-- aggregates/hourly_departures
CREATE TABLE IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_HOURLY_DEPARTURES_VERSIONS" (
    "WINDOW_START"     TIMESTAMP_NTZ(6),
    "WINDOW_END"       TIMESTAMP_NTZ(6),
    "ORIGIN"           VARCHAR,
    "CARRIER"          VARCHAR,
    "DEPARTURES"       NUMBER(19,0),
    "CANCELLED"        NUMBER(19,0),
    "MEAN_DEP_DELAY"   FLOAT,
    "_TOPIC"           VARCHAR,
    "_LINEAGE"         VARCHAR,
    "_AS_OF"           NUMBER(19,0),
    "_WITHDRAWN"       BOOLEAN,
    "_BATCH_ID"        VARCHAR,
    "_FILE_NAME"       VARCHAR,
    "_FILE_ROW_NUMBER" NUMBER(19,0),
    "_LOADED_AT"       TIMESTAMP_NTZ(6)
);

COMMENT ON TABLE "MILLRACE"."FLIGHTS"."FLIGHTS_HOURLY_DEPARTURES_VERSIONS" IS 'every version of each window; query the view of the same name without _VERSIONS';

-- The way direct: rows that come without files, and which offsets they came from. Both are written in one transaction.
CREATE TABLE IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_DIRECT" (
    "YEAR"           NUMBER(10,0),
    "MONTH_OF_YEAR"  NUMBER(10,0),
    "DAY"            NUMBER(10,0),
    "DEP_TIME"       NUMBER(10,0),
    "SCHED_DEP_TIME" NUMBER(10,0),
    "DEP_DELAY"      NUMBER(10,0),
    "ARR_TIME"       NUMBER(10,0),
    "SCHED_ARR_TIME" NUMBER(10,0),
    "ARR_DELAY"      NUMBER(10,0),
    "CARRIER"        VARCHAR,
    "FLIGHT"         NUMBER(10,0),
    "TAILNUM"        VARCHAR,
    "ORIGIN"         VARCHAR,
    "DEST"           VARCHAR,
    "AIR_TIME"       NUMBER(10,0),
    "DISTANCE"       NUMBER(10,0),
    "HOUR"           NUMBER(10,0),
    "MINUTE"         NUMBER(10,0),
    "TIME_HOUR"      TIMESTAMP_NTZ(6),
    "AIRLINE"        VARCHAR,
    "DEST_NAME"      VARCHAR,
    "DEST_LAT"       FLOAT,
    "DEST_LON"       FLOAT,
    "CANCELLED"      BOOLEAN,
    "GAINED_MINUTES" NUMBER(10,0),
    "_SOURCE_FILE"   VARCHAR,
    "_SOURCE_LINE"   NUMBER(19,0),
    "_TOPIC"         VARCHAR,
    "_TOPIC_ID"      VARCHAR,
    "_PARTITION"     NUMBER(10,0),
    "_OFFSET"        NUMBER(19,0),
    "_EVENT_TIME"    TIMESTAMP_NTZ(6),
    "_BATCH_ID"      VARCHAR,
    "_LOADED_AT"     TIMESTAMP_NTZ(6)
);

COMMENT ON TABLE "MILLRACE"."FLIGHTS"."FLIGHTS_DIRECT" IS 'valid rows, typed, cleaned and enriched; the way direct';

GRANT SELECT, INSERT ON TABLE "MILLRACE"."FLIGHTS"."FLIGHTS_DIRECT" TO ROLE "MILLRACE_ROLE_LOADER";

CREATE TABLE IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_DIRECT_REJECTED" (
    "STAGE"        VARCHAR,
    "REASON"       VARCHAR,
    "REASONS"      VARCHAR,
    "VALUE"        BINARY,
    "_SOURCE_FILE" VARCHAR,
    "_SOURCE_LINE" NUMBER(19,0),
    "_TOPIC"       VARCHAR,
    "_TOPIC_ID"    VARCHAR,
    "_PARTITION"   NUMBER(10,0),
    "_OFFSET"      NUMBER(19,0),
    "_EVENT_TIME"  TIMESTAMP_NTZ(6),
    "_BATCH_ID"    VARCHAR,
    "_LOADED_AT"   TIMESTAMP_NTZ(6)
);

COMMENT ON TABLE "MILLRACE"."FLIGHTS"."FLIGHTS_DIRECT_REJECTED" IS 'rows that were refused, with every reason; the way direct';

GRANT SELECT, INSERT ON TABLE "MILLRACE"."FLIGHTS"."FLIGHTS_DIRECT_REJECTED" TO ROLE "MILLRACE_ROLE_LOADER";

CREATE TABLE IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_DIRECT_OFFSETS" (
    "_TOPIC"       VARCHAR,
    "_TOPIC_ID"    VARCHAR,
    "_PARTITION"   NUMBER(10,0),
    "FIRST_OFFSET" NUMBER(19,0),
    "NEXT_OFFSET"  NUMBER(19,0),
    "_BATCH_ID"    VARCHAR,
    "_LOADED_AT"   TIMESTAMP_NTZ(6)
);

COMMENT ON TABLE "MILLRACE"."FLIGHTS"."FLIGHTS_DIRECT_OFFSETS" IS 'which offsets of each partition are in the tables beside it; the way direct';

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "MILLRACE"."FLIGHTS"."FLIGHTS_DIRECT_OFFSETS" TO ROLE "MILLRACE_ROLE_LOADER";

-- One row for each partition, so that two that begin at once meet in it.
INSERT INTO "MILLRACE"."FLIGHTS"."FLIGHTS_DIRECT_OFFSETS" ("_TOPIC", "_PARTITION")
SELECT
    "W"."T",
    "W"."P"
FROM (
    SELECT 'flights' AS "T", 0 AS "P" UNION ALL
    SELECT 'flights' AS "T", 1 AS "P" UNION ALL
    SELECT 'flights' AS "T", 2 AS "P" UNION ALL
    SELECT 'flights' AS "T", 3 AS "P" UNION ALL
    SELECT 'flights.rejected' AS "T", 0 AS "P"
) AS "W"
WHERE NOT EXISTS (
    SELECT 1
    FROM "MILLRACE"."FLIGHTS"."FLIGHTS_DIRECT_OFFSETS" AS "O"
    WHERE "O"."_TOPIC" = "W"."T" AND "O"."_PARTITION" = "W"."P"
);

-- The way lambda: rows that come without files, and which offsets they came from. Both are written in one transaction.
CREATE TABLE IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_LAMBDA" (
    "YEAR"           NUMBER(10,0),
    "MONTH_OF_YEAR"  NUMBER(10,0),
    "DAY"            NUMBER(10,0),
    "DEP_TIME"       NUMBER(10,0),
    "SCHED_DEP_TIME" NUMBER(10,0),
    "DEP_DELAY"      NUMBER(10,0),
    "ARR_TIME"       NUMBER(10,0),
    "SCHED_ARR_TIME" NUMBER(10,0),
    "ARR_DELAY"      NUMBER(10,0),
    "CARRIER"        VARCHAR,
    "FLIGHT"         NUMBER(10,0),
    "TAILNUM"        VARCHAR,
    "ORIGIN"         VARCHAR,
    "DEST"           VARCHAR,
    "AIR_TIME"       NUMBER(10,0),
    "DISTANCE"       NUMBER(10,0),
    "HOUR"           NUMBER(10,0),
    "MINUTE"         NUMBER(10,0),
    "TIME_HOUR"      TIMESTAMP_NTZ(6),
    "AIRLINE"        VARCHAR,
    "DEST_NAME"      VARCHAR,
    "DEST_LAT"       FLOAT,
    "DEST_LON"       FLOAT,
    "CANCELLED"      BOOLEAN,
    "GAINED_MINUTES" NUMBER(10,0),
    "_SOURCE_FILE"   VARCHAR,
    "_SOURCE_LINE"   NUMBER(19,0),
    "_TOPIC"         VARCHAR,
    "_TOPIC_ID"      VARCHAR,
    "_PARTITION"     NUMBER(10,0),
    "_OFFSET"        NUMBER(19,0),
    "_EVENT_TIME"    TIMESTAMP_NTZ(6),
    "_BATCH_ID"      VARCHAR,
    "_LOADED_AT"     TIMESTAMP_NTZ(6)
);

COMMENT ON TABLE "MILLRACE"."FLIGHTS"."FLIGHTS_LAMBDA" IS 'valid rows, typed, cleaned and enriched; the way lambda';

GRANT SELECT, INSERT ON TABLE "MILLRACE"."FLIGHTS"."FLIGHTS_LAMBDA" TO ROLE "MILLRACE_ROLE_LOADER";

CREATE TABLE IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_LAMBDA_REJECTED" (
    "STAGE"        VARCHAR,
    "REASON"       VARCHAR,
    "REASONS"      VARCHAR,
    "VALUE"        BINARY,
    "_SOURCE_FILE" VARCHAR,
    "_SOURCE_LINE" NUMBER(19,0),
    "_TOPIC"       VARCHAR,
    "_TOPIC_ID"    VARCHAR,
    "_PARTITION"   NUMBER(10,0),
    "_OFFSET"      NUMBER(19,0),
    "_EVENT_TIME"  TIMESTAMP_NTZ(6),
    "_BATCH_ID"    VARCHAR,
    "_LOADED_AT"   TIMESTAMP_NTZ(6)
);

COMMENT ON TABLE "MILLRACE"."FLIGHTS"."FLIGHTS_LAMBDA_REJECTED" IS 'rows that were refused, with every reason; the way lambda';

GRANT SELECT, INSERT ON TABLE "MILLRACE"."FLIGHTS"."FLIGHTS_LAMBDA_REJECTED" TO ROLE "MILLRACE_ROLE_LOADER";

CREATE TABLE IF NOT EXISTS "MILLRACE"."FLIGHTS"."FLIGHTS_LAMBDA_OFFSETS" (
    "_TOPIC"       VARCHAR,
    "_TOPIC_ID"    VARCHAR,
    "_PARTITION"   NUMBER(10,0),
    "FIRST_OFFSET" NUMBER(19,0),
    "NEXT_OFFSET"  NUMBER(19,0),
    "_BATCH_ID"    VARCHAR,
    "_LOADED_AT"   TIMESTAMP_NTZ(6)
);

COMMENT ON TABLE "MILLRACE"."FLIGHTS"."FLIGHTS_LAMBDA_OFFSETS" IS 'which offsets of each partition are in the tables beside it; the way lambda';

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "MILLRACE"."FLIGHTS"."FLIGHTS_LAMBDA_OFFSETS" TO ROLE "MILLRACE_ROLE_LOADER";

-- One row for each partition, so that two that begin at once meet in it.
INSERT INTO "MILLRACE"."FLIGHTS"."FLIGHTS_LAMBDA_OFFSETS" ("_TOPIC", "_PARTITION")
SELECT
    "W"."T",
    "W"."P"
FROM (
    SELECT 'flights' AS "T", 0 AS "P" UNION ALL
    SELECT 'flights' AS "T", 1 AS "P" UNION ALL
    SELECT 'flights' AS "T", 2 AS "P" UNION ALL
    SELECT 'flights' AS "T", 3 AS "P" UNION ALL
    SELECT 'flights.rejected' AS "T", 0 AS "P"
) AS "W"
WHERE NOT EXISTS (
    SELECT 1
    FROM "MILLRACE"."FLIGHTS"."FLIGHTS_LAMBDA_OFFSETS" AS "O"
    WHERE "O"."_TOPIC" = "W"."T" AND "O"."_PARTITION" = "W"."P"
);
