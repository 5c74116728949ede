-- Millrace, pipeline flights: 07 of 11, views
--
-- What people query beside the tables: the newest version of each window of an aggregate, and the rejected rows
-- counted by reason.
--
-- Role: MILLRACE_ROLE
-- Order: after 06. Running it again changes nothing that is there.
-- Rendered from conf/pipelines/flights.toml and templates/07_views.sql by
-- `python -m snowflake_integration render flights --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";

-- A window is published again when more of it has been read; "_AS_OF" counts what had been read by then. Of versions of
-- one moment that of a backfill is the newer one: it counts late rows too, and what was judged again.
CREATE OR REPLACE VIEW "MILLRACE"."FLIGHTS"."FLIGHTS_HOURLY_DEPARTURES"
    COMMENT = 'The newest version of each window of FLIGHTS_HOURLY_DEPARTURES_VERSIONS'
AS
SELECT
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
    "_BATCH_ID"
FROM "MILLRACE"."FLIGHTS"."FLIGHTS_HOURLY_DEPARTURES_VERSIONS"
QUALIFY ROW_NUMBER() OVER (
    PARTITION BY "WINDOW_START", "WINDOW_END", "ORIGIN", "CARRIER"
    ORDER BY
        "_LINEAGE" DESC,
        "_AS_OF" DESC,
        CASE WHEN "_BATCH_ID" LIKE 'backfill-%' THEN 1 ELSE 0 END DESC,
        "_BATCH_ID" DESC,
        "_FILE_NAME" DESC,
        "_FILE_ROW_NUMBER" DESC
) = 1 AND NOT "_WITHDRAWN";

CREATE OR REPLACE VIEW "MILLRACE"."FLIGHTS"."FLIGHTS_REJECTED_BY_REASON"
    COMMENT = 'Rejected rows by the stage that rejected them and the first reason'
AS
SELECT
    "STAGE",
    "REASON",
    COUNT(*) AS "REJECTED_ROWS",
    MIN("_SOURCE_LINE") AS "FIRST_SOURCE_LINE",
    MAX("_SOURCE_LINE") AS "LAST_SOURCE_LINE",
    MAX("_LOADED_AT") AS "LAST_LOADED_AT"
FROM "MILLRACE"."FLIGHTS"."FLIGHTS_REJECTED"
GROUP BY "STAGE", "REASON";
