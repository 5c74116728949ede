-- Millrace, events events: 06 of 11, snowpipe trigger
--
-- The pipe that loads each delivered file as soon as S3 tells of it. ON_ERROR = SKIP_FILE is Snowpipe's default, written
-- out: a file with an error is left out whole and recorded, see 09.
--
-- Its queue is `notification_channel` of SHOW PIPES below. Tell S3 to send every s3:ObjectCreated:* of
-- lake/events/ to it (SP13): `python -m snowflake_integration deploy events` does that, and keeps
-- the bucket's other notifications.
--
-- The pipe is never replaced here: a new pipe has forgotten which files the old one loaded (SP03).
--
-- Role: MILLRACE_ROLE
-- Order: after 05. Running it again changes nothing that is there.
-- Rendered from conf/events/events.toml and templates/events/06_snowpipe_trigger.sql by
-- `python -m snowflake_integration render events --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";

CREATE PIPE IF NOT EXISTS "MILLRACE"."EVENTS"."EVENTS_STAGING_PIPE"
    AUTO_INGEST = TRUE
    COMMENT = 'Loads lake/events/delivered/'
AS
COPY INTO "MILLRACE"."EVENTS"."EVENTS_STAGING" (
    "EVENT_ID",
    "TYPE",
    "OCCURRED_AT",
    "SOURCE",
    "PAYLOAD",
    "_REQUEST_ID",
    "_EVENT_INDEX",
    "_RECEIVED_AT",
    "_SOURCE_IP_HASH",
    "_SCHEMA_VERSION",
    "_FILE_NAME",
    "_FILE_ROW_NUMBER",
    "_LOADED_AT"
)
FROM (
    SELECT
        $1:"event_id"::VARCHAR,
        $1:"type"::VARCHAR,
        $1:"occurred_at"::TIMESTAMP_NTZ(6),
        $1:"source"::VARCHAR,
        $1:"payload"::VARIANT,
        $1:"_request_id"::VARCHAR,
        $1:"_event_index"::NUMBER(10,0),
        $1:"_received_at"::TIMESTAMP_NTZ(6),
        $1:"_source_ip_hash"::VARCHAR,
        $1:"_schema_version"::NUMBER(10,0),
        METADATA$FILENAME,
        METADATA$FILE_ROW_NUMBER,
        CONVERT_TIMEZONE('UTC', METADATA$START_SCAN_TIME)::TIMESTAMP_NTZ(6)
    FROM @"MILLRACE"."EVENTS"."EVENTS_LAKE"/delivered/
)
FILE_FORMAT = (FORMAT_NAME = "MILLRACE"."EVENTS"."EVENTS_JSON")
ON_ERROR = SKIP_FILE;

SHOW PIPES IN SCHEMA "MILLRACE"."EVENTS";
