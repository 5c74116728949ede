-- Millrace, events events: 05 of 11, staging table
--
-- One table for every record that Firehose has delivered: what each event says of itself, its payload as it came, the
-- request that brought it, and the file that loaded it. Times are UTC, in microseconds.
--
-- Firehose delivers at least once, and a sender may post again: the table keeps what came, the view shows each event once.
--
-- Role: MILLRACE_ROLE
-- Order: after 04. Running it again changes nothing that is there.
-- Rendered from conf/events/events.toml and templates/events/05_staging_table.sql by
-- `python -m snowflake_integration render events --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";

CREATE TABLE IF NOT EXISTS "MILLRACE"."EVENTS"."EVENTS_STAGING" (
    "EVENT_ID"         VARCHAR,
    "TYPE"             VARCHAR,
    "OCCURRED_AT"      TIMESTAMP_NTZ(6),
    "SOURCE"           VARCHAR,
    "PAYLOAD"          VARIANT,
    "_REQUEST_ID"      VARCHAR,
    "_EVENT_INDEX"     NUMBER(10,0),
    "_RECEIVED_AT"     TIMESTAMP_NTZ(6),
    "_SOURCE_IP_HASH"  VARCHAR,
    "_SCHEMA_VERSION"  NUMBER(10,0),
    "_FILE_NAME"       VARCHAR,
    "_FILE_ROW_NUMBER" NUMBER(19,0),
    "_LOADED_AT"       TIMESTAMP_NTZ(6)
);

COMMENT ON TABLE "MILLRACE"."EVENTS"."EVENTS_STAGING" IS 'every record as often as Firehose has delivered it; query the view of the same name without _STAGING';
