-- Millrace, pipeline readings: 05 of 11, tables
--
-- One table for each output of the stream. Every row says where it came from (source file and line, topic, partition,
-- offset, batch) and which file loaded it. Times are UTC, in microseconds.
--
-- No column is NOT NULL: the stream has checked the rows, and one refused row would keep its whole file out.
--
-- Role: MILLRACE_ROLE
-- Order: after 04. Running it again changes nothing that is there.
-- Rendered from conf/pipelines/readings.toml and templates/05_tables.sql by
-- `python -m snowflake_integration render readings --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";

-- raw
CREATE TABLE IF NOT EXISTS "MILLRACE"."READINGS"."MY_TABLE_RAW" (
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

COMMENT ON TABLE "MILLRACE"."READINGS"."MY_TABLE_RAW" IS 'every message as Kafka held it';

-- curated
CREATE TABLE IF NOT EXISTS "MILLRACE"."READINGS"."MY_TABLE" (
    "ID"               NUMBER(19,0),
    "NAME"             VARCHAR,
    "VALUE"            FLOAT,
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

COMMENT ON TABLE "MILLRACE"."READINGS"."MY_TABLE" IS 'valid rows, typed, cleaned and enriched';

-- rejected
CREATE TABLE IF NOT EXISTS "MILLRACE"."READINGS"."MY_TABLE_REJECTED" (
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

COMMENT ON TABLE "MILLRACE"."READINGS"."MY_TABLE_REJECTED" IS 'rows that were refused, with every reason';

-- The way direct: rows that come without files, and which offsets they came from. Both are written in one transaction.
CREATE TABLE IF NOT EXISTS "MILLRACE"."READINGS"."MY_TABLE_DIRECT" (
    "ID"           NUMBER(19,0),
    "NAME"         VARCHAR,
    "VALUE"        FLOAT,
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

COMMENT ON TABLE "MILLRACE"."READINGS"."MY_TABLE_DIRECT" IS 'valid rows, typed, cleaned and enriched; the way direct';

GRANT SELECT, INSERT ON TABLE "MILLRACE"."READINGS"."MY_TABLE_DIRECT" TO ROLE "MILLRACE_ROLE_LOADER";

CREATE TABLE IF NOT EXISTS "MILLRACE"."READINGS"."MY_TABLE_DIRECT_REJECTED" (
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

COMMENT ON TABLE "MILLRACE"."READINGS"."MY_TABLE_DIRECT_REJECTED" IS 'rows that were refused, with every reason; the way direct';

GRANT SELECT, INSERT ON TABLE "MILLRACE"."READINGS"."MY_TABLE_DIRECT_REJECTED" TO ROLE "MILLRACE_ROLE_LOADER";

CREATE TABLE IF NOT EXISTS "MILLRACE"."READINGS"."MY_TABLE_DIRECT_OFFSETS" (
    "_TOPIC"       VARCHAR,
    "_TOPIC_ID"    VARCHAR,
    "_PARTITION"   NUMBER(10,0),
    "FIRST_OFFSET" NUMBER(19,0),
    "NEXT_OFFSET"  NUMBER(19,0),
    "_BATCH_ID"    VARCHAR,
    "_LOADED_AT"   TIMESTAMP_NTZ(6)
);

COMMENT ON TABLE "MILLRACE"."READINGS"."MY_TABLE_DIRECT_OFFSETS" IS 'which offsets of each partition are in the tables beside it; the way direct';

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "MILLRACE"."READINGS"."MY_TABLE_DIRECT_OFFSETS" TO ROLE "MILLRACE_ROLE_LOADER";

-- One row for each partition, so that two that begin at once meet in it.
INSERT INTO "MILLRACE"."READINGS"."MY_TABLE_DIRECT_OFFSETS" ("_TOPIC", "_PARTITION")
SELECT
    "W"."T",
    "W"."P"
FROM (
    SELECT 'my_topic' AS "T", 0 AS "P" UNION ALL
    SELECT 'my_topic.rejected' AS "T", 0 AS "P"
) AS "W"
WHERE NOT EXISTS (
    SELECT 1
    FROM "MILLRACE"."READINGS"."MY_TABLE_DIRECT_OFFSETS" AS "O"
    WHERE "O"."_TOPIC" = "W"."T" AND "O"."_PARTITION" = "W"."P"
);

-- The way lambda: rows that come without files, and which offsets they came from. Both are written in one transaction.
CREATE TABLE IF NOT EXISTS "MILLRACE"."READINGS"."MY_TABLE_LAMBDA" (
    "ID"           NUMBER(19,0),
    "NAME"         VARCHAR,
    "VALUE"        FLOAT,
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

COMMENT ON TABLE "MILLRACE"."READINGS"."MY_TABLE_LAMBDA" IS 'valid rows, typed, cleaned and enriched; the way lambda';

GRANT SELECT, INSERT ON TABLE "MILLRACE"."READINGS"."MY_TABLE_LAMBDA" TO ROLE "MILLRACE_ROLE_LOADER";

CREATE TABLE IF NOT EXISTS "MILLRACE"."READINGS"."MY_TABLE_LAMBDA_REJECTED" (
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

COMMENT ON TABLE "MILLRACE"."READINGS"."MY_TABLE_LAMBDA_REJECTED" IS 'rows that were refused, with every reason; the way lambda';

GRANT SELECT, INSERT ON TABLE "MILLRACE"."READINGS"."MY_TABLE_LAMBDA_REJECTED" TO ROLE "MILLRACE_ROLE_LOADER";

CREATE TABLE IF NOT EXISTS "MILLRACE"."READINGS"."MY_TABLE_LAMBDA_OFFSETS" (
    "_TOPIC"       VARCHAR,
    "_TOPIC_ID"    VARCHAR,
    "_PARTITION"   NUMBER(10,0),
    "FIRST_OFFSET" NUMBER(19,0),
    "NEXT_OFFSET"  NUMBER(19,0),
    "_BATCH_ID"    VARCHAR,
    "_LOADED_AT"   TIMESTAMP_NTZ(6)
);

COMMENT ON TABLE "MILLRACE"."READINGS"."MY_TABLE_LAMBDA_OFFSETS" IS 'which offsets of each partition are in the tables beside it; the way lambda';

GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "MILLRACE"."READINGS"."MY_TABLE_LAMBDA_OFFSETS" TO ROLE "MILLRACE_ROLE_LOADER";

-- One row for each partition, so that two that begin at once meet in it.
INSERT INTO "MILLRACE"."READINGS"."MY_TABLE_LAMBDA_OFFSETS" ("_TOPIC", "_PARTITION")
SELECT
    "W"."T",
    "W"."P"
FROM (
    SELECT 'my_topic' AS "T", 0 AS "P" UNION ALL
    SELECT 'my_topic.rejected' AS "T", 0 AS "P"
) AS "W"
WHERE NOT EXISTS (
    SELECT 1
    FROM "MILLRACE"."READINGS"."MY_TABLE_LAMBDA_OFFSETS" AS "O"
    WHERE "O"."_TOPIC" = "W"."T" AND "O"."_PARTITION" = "W"."P"
);
