-- Millrace, events events: 09 of 11, monitoring
--
-- Questions to ask while data flows. Each stands alone: mark one and run it.
--
-- Role: MILLRACE_ROLE
-- Order: any time after 07; this script is no part of a deployment.
-- Rendered from conf/events/events.toml and templates/09_monitoring.sql by
-- `python -m snowflake_integration render events --env aws`: change those, not this file.

USE ROLE "MILLRACE_ROLE";
USE WAREHOUSE "MILLRACE_WH";
USE SCHEMA "MILLRACE"."EVENTS";

-- Are the pipes running, and how many files wait? (pendingFileCount; the oldest is named when there is one, SP25)
SELECT 'EVENTS_STAGING_PIPE' AS "PIPE", SYSTEM$PIPE_STATUS('"MILLRACE"."EVENTS"."EVENTS_STAGING_PIPE"') AS "STATUS";

-- How fresh is each table, and how many rows from how many files does it hold?
SELECT
    'EVENTS_STAGING' AS "TABLE_NAME",
    COUNT(*) AS "ROWS_LOADED",
    COUNT(DISTINCT "_FILE_NAME") AS "FILES_LOADED",
    MAX("_LOADED_AT") AS "LAST_LOADED_AT"
FROM "MILLRACE"."EVENTS"."EVENTS_STAGING"
ORDER BY "TABLE_NAME";

-- What did the pipes do with the files of the last day? (the function reaches back 14 days, SP23)
SELECT
    'EVENTS_STAGING' AS "TABLE_NAME",
    STATUS,
    COUNT(*) AS "FILES",
    SUM(ROW_COUNT) AS "ROWS_LOADED",
    MAX(LAST_LOAD_TIME) AS "LAST_LOAD_TIME"
FROM TABLE(INFORMATION_SCHEMA.COPY_HISTORY(
    TABLE_NAME => '"MILLRACE"."EVENTS"."EVENTS_STAGING"',
    START_TIME => DATEADD(DAY, -1, CURRENT_TIMESTAMP())
))
GROUP BY STATUS
ORDER BY "TABLE_NAME", STATUS;

-- Which files were left out, and why?
SELECT
    'EVENTS_STAGING' AS "TABLE_NAME",
    FILE_NAME,
    STATUS,
    ERROR_COUNT,
    FIRST_ERROR_MESSAGE,
    FIRST_ERROR_LINE_NUMBER,
    FIRST_ERROR_COLUMN_NAME
FROM TABLE(INFORMATION_SCHEMA.COPY_HISTORY(
    TABLE_NAME => '"MILLRACE"."EVENTS"."EVENTS_STAGING"',
    START_TIME => DATEADD(DAY, -13, CURRENT_TIMESTAMP())
))
WHERE STATUS NOT IN ('Loaded', 'Load in progress')
ORDER BY "TABLE_NAME", FILE_NAME;

-- How often was an event delivered more than once? Firehose delivers at least once, and "MILLRACE"."EVENTS"."EVENTS" shows each once.
SELECT "COPIES", COUNT(*) AS "EVENTS"
FROM (SELECT "EVENT_ID", COUNT(*) AS "COPIES" FROM "MILLRACE"."EVENTS"."EVENTS_STAGING" GROUP BY "EVENT_ID") AS "DELIVERED"
GROUP BY "COPIES"
ORDER BY "COPIES";

-- What do the pipes cost? Up to two hours late, and for ACCOUNTADMIN unless granted otherwise.
SELECT
    PIPE_NAME,
    DATE_TRUNC('DAY', START_TIME) AS "DAY",
    SUM(CREDITS_USED) AS "CREDITS",
    SUM(FILES_INSERTED) AS "FILES",
    SUM(BYTES_INSERTED) AS "BYTES"
FROM SNOWFLAKE.ACCOUNT_USAGE.PIPE_USAGE_HISTORY
WHERE START_TIME > DATEADD(DAY, -7, CURRENT_TIMESTAMP())
GROUP BY PIPE_NAME, DATE_TRUNC('DAY', START_TIME)
ORDER BY "DAY", PIPE_NAME;
