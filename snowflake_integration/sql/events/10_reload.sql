-- Millrace, events events: 10 of 11, reload
--
-- Loads a file again, or for the first time when no notification came. Replace what stands in angle brackets first; as
-- it is, nothing matches and the COPY stops with an error that rolls its transaction back.
--
-- A COPY by hand does not know what a pipe has loaded (SP04): so it first deletes what came from that file, in the same
-- transaction, and a reader sees the old rows or the new ones, never both and never none.
--
-- Role: MILLRACE_ROLE
-- Order: any time after 07; this script is no part of a deployment.
-- Rendered from conf/events/events.toml and templates/events/10_reload.sql by
-- `python -m snowflake_integration render events --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";
USE WAREHOUSE "MILLRACE_WH";

-- FILES is the name below lake/events/delivered/; "_FILE_NAME" is the whole key.
BEGIN;
DELETE FROM "MILLRACE"."EVENTS"."EVENTS_STAGING" WHERE "_FILE_NAME" = 'lake/events/delivered/<file>';
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
FILES = ('<file>')
ON_ERROR = ABORT_STATEMENT
FORCE = TRUE;
COMMIT;

-- Files of which no notification came, up to seven days old (SP10). After a pipe was replaced its history is empty:
-- always say MODIFIED_AFTER then.
-- ALTER PIPE "MILLRACE"."EVENTS"."EVENTS_STAGING_PIPE" REFRESH MODIFIED_AFTER = '<2026-01-31T00:00:00Z>';

-- A pipe that was paused for more than 14 days is stale and must be told to go on (SP11).
-- SELECT SYSTEM$PIPE_FORCE_RESUME('"MILLRACE"."EVENTS"."EVENTS_STAGING_PIPE"', 'staleness_check_override');
